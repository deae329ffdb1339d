import dataclasses
import json
import lzma
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from conventions.models import Commune, Departement, Dispositif, Domaine, Territoire
from conventions.operations.reference import (
    REFERENCE_FILE,
    Reference,
    ReferenceFileError,
    load_listes,
    load_reference,
    read_package,
    read_reference,
    write_reference,
)
from tests.factories import ConventionFactory, siren

A, B = siren(20_000_001), siren(20_000_002)
REFERENCE = Reference(
    source="essai 1.0",
    millesime=2025,
    departements=[("15", "Cantal", "84", "Auvergne-Rhône-Alpes"), ("46", "Lot", "76", "Occitanie")],
    communes=[
        ("15001", "Ally", "", "15", 600, B),
        ("46064", "Cazals", "", "46", 520, A),
        ("46297", "Salviac", "", "46", 1100, A),
    ],
    epci=[(A, "CC Cazals-Salviac", "cc", "46", 1620), (B, "CC du Pays de Salers", "cc", "15", None)],
)
NEWER = dataclasses.replace(
    REFERENCE,
    millesime=2026,
    # Salviac merges into Cazals; Ally changes its EPCI; the second EPCI is gone.
    communes=[("15001", "Ally", "", "15", 590, A), ("46064", "Cazals en Bouriane", "", "46", 1620, A)],
    epci=[(A, "CC Cazals-Salviac", "cc", "46", 2210)],
)


def everything():
    return [
        list(model.objects.order_by("pk").values()) for model in (Departement, Commune, Territoire, Domaine)
    ]


def members(number):
    return sorted(Territoire.objects.get(siren=number).communes.values_list("nom", flat=True))


def test_load_then_load_again_changes_nothing():
    bilan = load_reference(REFERENCE)
    before = everything()

    assert (bilan.departements, bilan.communes, bilan.territoires, bilan.rattachements) == (2, 3, 2, 3)
    assert load_reference(REFERENCE).is_empty
    assert everything() == before
    assert members(A) == ["Cazals", "Salviac"]


def test_newer_file_updates_and_never_deletes():
    load_reference(REFERENCE)
    territoire = Territoire.objects.get(siren=A)
    territoire.couleur = "#123456"
    territoire.save()
    convention = ConventionFactory(territoire=Territoire.objects.get(siren=B))

    bilan = load_reference(NEWER)

    assert (bilan.rattachements, bilan.detachements) == (1, 1)
    assert list(Commune.objects.order_by("code").values_list("nom", "millesime")) == [
        ("Ally", 2026),
        ("Cazals en Bouriane", 2026),
        ("Salviac", 2025),
    ]
    territoire.refresh_from_db()
    assert (territoire.population, territoire.couleur, territoire.millesime) == (2210, "#123456", 2026)
    assert members(A) == ["Ally", "Cazals en Bouriane"]
    # The EPCI that is gone keeps its row, its communes and its convention.
    assert members(B) == ["Ally"]
    convention.refresh_from_db()
    assert convention.territoire.millesime == 2025


def test_older_file_is_refused():
    load_reference(NEWER)

    with pytest.raises(ReferenceFileError, match="La base tient déjà le millésime 2026"):
        load_reference(REFERENCE)
    assert Departement.objects.filter(millesime=2025).count() == 0


def test_labels_given_by_people_stay():
    load_listes()
    Domaine.objects.filter(code="enfance").update(intitule="Enfance (3–11 ans)")
    Dispositif.objects.filter(code="psu").delete()

    assert load_listes() == 1
    assert Domaine.objects.get(code="enfance").intitule == "Enfance (3–11 ans)"


def test_file_is_written_and_read_the_same(tmp_path):
    write_reference(REFERENCE, tmp_path / "a")
    write_reference(REFERENCE, tmp_path / "b")

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_reference(tmp_path / "a") == REFERENCE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epci": []}, "une des trois listes est vide"),
        ({"millesime": 1789}, "le millésime 1789"),
        ({"communes": [REFERENCE.communes[0]] * 2}, "un code de commune y est deux fois"),
        ({"communes": [("4606", "Cazals", "", "46", 520, A)]}, "la commune '4606'"),
        ({"communes": [("46064", "Cazals", "123456789", "46", 520, A)]}, "la commune '46064'"),
        ({"communes": [("46064", "Cazals", "", "99", 520, A)]}, "la commune '46064'"),
        ({"communes": [("46064", "Cazals", "", "46", -1, A)]}, "la commune '46064'"),
        ({"epci": [REFERENCE.epci[1], (A, "CC", "cc", "99", 1)]}, f"l’EPCI '{A}'"),
        ({"departements": [("46", "", "76", "Occitanie")]}, "le département '46'"),
    ],
)
def test_impossible_rows_are_refused(tmp_path, changes, message):
    path = tmp_path / "reference.xz"
    write_reference(dataclasses.replace(REFERENCE, **changes), path)

    with pytest.raises(ReferenceFileError, match=message):
        read_reference(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xz",
        lzma.compress(b"not json"),
        lzma.compress(b"[]"),
        lzma.compress(json.dumps({"format": 1}).encode()),
    ],
)
def test_damaged_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "reference.xz"
    path.write_bytes(content)

    with pytest.raises(CommandError, match="^Le fichier "):
        call_command("load_reference", file=path)
    assert not Departement.objects.exists()


def test_package_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "package.json").write_text(json.dumps({"name": "paquet", "version": "7.0.0"}))
    members = [
        {"code": "46064", "populationMunicipale": 520},
        {"code": "15001", "populationMunicipale": 600},
        {"code": "46297", "populationMunicipale": 1100},
    ]
    files = {
        "communes": [
            {"code": m["code"], "nom": "N", "type": "commune-actuelle", "departement": m["code"][:2]}
            for m in members
        ]
        + [{"code": "46001", "nom": "Déléguée", "type": "commune-deleguee", "departement": "46"}],
        "epci": [{"code": A, "nom": "CC", "type": "CC", "membres": members, "populationMunicipale": 2220}],
        "departements": [
            {"code": "15", "nom": "Cantal", "region": "84"},
            {"code": "46", "nom": "Lot", "region": "76"},
        ],
        "regions": [
            {"code": "76", "nom": "Occitanie", "zone": "metro"},
            {"code": "84", "nom": "Auvergne-Rhône-Alpes", "zone": "metro"},
        ],
    }
    for name, rows in files.items():
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(rows))

    call_command("build_reference", tmp_path, millesime=2027, out=tmp_path / "out.xz", stdout=StringIO())
    reference = read_reference(tmp_path / "out.xz")

    assert reference == read_package(tmp_path, millesime=2027)
    assert (reference.source, reference.millesime) == ("paquet 7.0.0", 2027)
    assert reference.epci == [(A, "CC", "cc", "46", 2220)]
    assert [row[0] for row in reference.communes] == ["15001", "46064", "46297"]


def test_the_file_of_the_project_is_france():
    reference = read_reference(REFERENCE_FILE)

    assert (len(reference.epci), reference.millesime) == (1255, 2026)
    assert len(reference.communes) > 34_900
    sizes = {
        number: sum(row[5] == number for row in reference.communes) for number in ("200066371", "200035327")
    }
    assert sizes == {"200066371": 77, "200035327": 15}
