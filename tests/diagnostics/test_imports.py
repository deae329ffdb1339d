"""From the files people download to the figures of their territoire: read as a stream, shown, then written."""

import io
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from conventions.models import Importation
from conventions.operations import importations
from ctg_portal.imports import ImportRefuse
from ctg_portal.workflow import TransitionError
from diagnostics.imports import envoi, fichiers
from diagnostics.imports.cellules import parse_annee, parse_valeur
from diagnostics.imports.lieux import Lieux
from diagnostics.models import Correspondance, Valeur
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    DepartementFactory,
    TerritoireFactory,
    UserFactory,
)
from tests.test_pages import MOST_QUERIES

FICHIERS = Path(__file__).parent / "fichiers"
LIEUX = Lieux(
    {
        "commune": {"46066": "Cazals", "46297": "Salviac", "01004": "Ambérieu", "2A004": "Ajaccio"},
        "epci": {"200035327": "CC Cazals-Salviac"},
        "departement": {"46": "Lot"},
        "region": {"76": "Occitanie"},
        "france": {"FR": "France"},
    }
)


@pytest.fixture
def convention(client):
    departement = DepartementFactory(code="46", nom="Lot", code_region="76", region="Occitanie")
    territoire = TerritoireFactory(siren="200035327", nom="CC Cazals-Salviac", departement=departement)
    territoire.communes.add(
        CommuneFactory(nom="Cazals", code="46066", departement=departement),
        CommuneFactory(nom="Salviac", code="46297", departement=departement),
    )
    convention = ConventionFactory(territoire=territoire)
    log_in(client, convention)
    return convention


@pytest.fixture
def by(convention):
    return UserFactory()


def content(name):
    return (FICHIERS / name).read_bytes()


def read(name, contenu=None):
    return envoi.read_upload(io.BytesIO(content(name) if contenu is None else contenu), name, LIEUX)


def said(lu):
    """Each figure as (indicateur, place, year) → value, or why there is none."""
    return {
        (one.indicateur, one.code, one.annee): one.brut or one.absence or one.valeur for one in lu.chiffres
    }


def send(convention, by, name, contenu=None):
    file = io.BytesIO(content(name) if contenu is None else contenu)
    lu = envoi.read_upload(file, name, Lieux.of(convention.territoire))
    return envoi.send(convention=convention, nom=name, file=file, lu=lu, by=by)


def confirm(importation, by, **options):
    empreinte = importations.preview(importation).empreinte
    return importations.confirm(importation, empreinte=empreinte, by=by, **{"sans_refusees": False} | options)


def zipped(**members):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return written.getvalue()


# Each format


def test_caf_beneficiaries():
    lu = read("s_ben_com_f.csv")

    assert lu.source == "CAF, data.caf.fr, s_ben_com_f"
    assert said(lu) == {
        ("foyers-allocataires", "46066", 2023): 145,
        ("personnes-couvertes", "46066", 2023): 320,
        ("foyers-rsa", "46066", 2023): 10,
        ("foyers-ppa", "46066", 2023): 45,
        ("foyers-aah", "46066", 2023): "absente",
        ("foyers-allocataires", "46297", 2023): 265,
        ("personnes-couvertes", "46297", 2023): 560,
        ("foyers-rsa", "46297", 2023): 20,
        ("foyers-ppa", "46297", 2023): 80,
        ("foyers-aah", "46297", 2023): 15,
        ("foyers-allocataires", "46066", 2022): 150,
        ("personnes-couvertes", "46066", 2022): 330,
        ("foyers-rsa", "46066", 2022): "secret",
        ("foyers-ppa", "46066", 2022): 45,
        ("foyers-aah", "46066", 2022): 5,
    }
    assert lu.remarques[1:] == [
        "1 ligne hors du mois de décembre, laissée de côté.",
        "1 ligne où le lieu est masqué (XX), laissée de côté.",
    ]


def test_caf_beneficiaries_with_french_labels():
    assert said(read("s_ben_com_f_libelles.csv")) == {
        ("foyers-allocataires", "46066", 2023): 145,
        ("personnes-couvertes", "46066", 2023): 320,
        ("foyers-rsa", "46066", 2023): 10,
        ("foyers-ppa", "46066", 2023): 45,
    }


def test_caf_coverage_and_places():
    coverage = read("txcouv_pe_epci.csv")

    assert coverage.source == "CAF, data.caf.fr, txcouv_pe_epci"
    assert said(coverage) == {
        ("taux-couverture-0-3", "200035327", 2023): Decimal("61.7"),
        ("taux-couverture-0-3", "200035327", 2022): Decimal("63.25"),
    }
    assert said(read("nbpla_pe_epci.csv")) == {
        ("places-eaje", "200035327", 2023): 12,
        ("places-prescolarisation", "200035327", 2023): 0,
        ("places-assistantes-maternelles", "200035327", 2023): 48,
        ("places-garde-domicile", "200035327", 2023): 1,
    }


def test_caf_coverage_and_places_with_french_labels():
    taux = "Date référence;Numéro EPCI;Nom EPCI;Numéro Département;Taux de couv EAJE - ensemble;Taux de couv global\n2023;200035327;x;46;12.1;61.7\n"
    places = (
        "Date référence;Numéro EPCI;Nom EPCI;Places EAJE PSU;Places EAJE - ensemble;Places préscolarisation;"
        "Places assistante maternelle;Places salariée domicile;Places offertes - Ensemble\n2023;200035327;x;10;12;0;48;1;61\n"
    )

    assert said(read("taux.csv", taux.encode())) == {
        ("taux-couverture-0-3", "200035327", 2023): Decimal("61.7")
    }
    assert said(read("places.csv", places.encode())) == {
        ("places-eaje", "200035327", 2023): 12,
        ("places-prescolarisation", "200035327", 2023): 0,
        ("places-assistantes-maternelles", "200035327", 2023): 48,
        ("places-garde-domicile", "200035327", 2023): 1,
    }


def test_dossier_complet_reads_the_latest_vintage_of_each_variable():
    lu = read("dossier_complet.csv")

    assert {key: value for key, value in said(lu).items() if key[1] == "46066"} == {
        ("population", "46066", 2021): Decimal("586.4"),
        ("densite", "46066", 2021): Decimal("49.9915"),
        ("age-11-17", "46066", 2021): Decimal("31.5"),
        ("age-75-plus", "46066", 2021): 90,
        ("naissances", "46066", 2023): 5,
        ("familles", "46066", 2021): 160,
        ("monoparentales", "46066", 2021): 20,
        ("niveau-vie-median", "46066", 2021): 20510,
        ("taux-pauvrete", "46066", 2021): "absente",
        ("taux-chomage", "46066", 2021): Decimal("12.5"),
        ("logements-vacants", "46066", 2021): 40,
        ("part-logements-vacants", "46066", 2021): 10,
    }
    assert said(lu)["taux-pauvrete", "46297", 2021] == "secret"
    assert said(lu)["taux-chomage", "46297", 2021] == "absente"


def test_dossier_complet_in_its_archive_beside_its_metadata():
    archive = zipped(
        meta_dossier_complet__csv="COD_VAR;LIB_VAR\nP21_POP;Population en 2021\n" * 200,
        dossier_complet__csv=content("dossier_complet.csv"),
    )

    assert said(read("dossier_complet.zip", archive)) == said(read("dossier_complet.csv"))


def test_melodi_keeps_each_level():
    lu = read("DS_POPULATIONS_REFERENCE_data.csv")

    assert lu.source == "INSEE, Melodi, DS_POPULATIONS_REFERENCE"
    assert [(one.niveau, one.code, one.absence or one.valeur) for one in lu.chiffres] == [
        ("commune", "46066", 586),
        ("departement", "46", 174754),
        ("region", "76", 6022176),
        ("france", "FR", 67407241),
        ("commune", "46297", "secret"),
        ("epci", "200035327", 5372),
    ]
    assert lu.remarques == ["1 ligne sur un sujet que le portail ne suit pas, laissée de côté."]


def test_movements_are_read_for_information():
    [mouvement] = read("mvtcommune.csv").mouvements

    assert (mouvement.date, mouvement.avant, mouvement.apres, mouvement.quoi) == (
        "2019-01-01",
        "Vieille (46999)",
        "Cazals (46066)",
        "devient partie d’une commune nouvelle",
    )


def test_lost_zeros_and_corsica():
    text = "dtreffre;numcomdo;nomcom;indfoy_ndur\n2023-12;1004;A;5\n2023-12;2a004;B;10\n"

    assert said(read("f.csv", text.encode())) == {
        ("foyers-allocataires", "01004", 2023): 5,
        ("foyers-allocataires", "2A004", 2023): 10,
    }


# Cells


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1\u202f234,5", (Decimal("1234.5"), "")),
        ("12.0", (Decimal(12), "")),
        ("-0,3", (Decimal("-0.3"), "")),
        ("1e3", (Decimal(1000), "")),
        ("s", (None, "secret")),
        ("c", (None, "secret")),
        ("N/A - secret statistique", (None, "secret")),
        ("nd", (None, "absente")),
        ("N/A", (None, "absente")),
        ("", (None, "absente")),
    ],
)
def test_value(text, value):
    assert parse_valeur(text) == value


@pytest.mark.parametrize("text", ["=1+1", "douze", "1.2.3", "9" * 20, "1e99", "٣"])
def test_value_refused(text):
    with pytest.raises(Exception, match="formule|nombre|grand"):
        parse_valeur(text)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2023", (2023, None)),
        ("2023.0", (2023, None)),
        ("2023-12", (2023, 12)),
        ("202312", (2023, 12)),
        ("2022-01-01", (2022, 1)),
        ("31/12/2023", (2023, 12)),
    ],
)
def test_year(text, year):
    assert parse_annee(text) == year


# What is refused, with a sentence


def test_archives_that_are_refused(monkeypatch):
    for archive, sentence in (
        (zipped(a__zip=zipped(b__csv="x")), "archive dans l’archive"),
        (zipped(a__csv="0" * 5_000_000), "trop lourd une fois décompressé"),
        (zipped(a__pdf="x"), "ne contient aucun fichier .csv"),
        (zipped(a__csv="CODGEO;x\n" * 900)[:-60], "abîmé"),
        (b"\xd0\xcf\x11\xe0abc", "ancien fichier Excel"),
    ):
        with pytest.raises(ImportRefuse, match=sentence):
            read("f.zip", archive)


def test_files_that_are_refused(monkeypatch):
    monkeypatch.setattr(fichiers, "MAX_LIGNES", 3)
    with pytest.raises(ImportRefuse, match="est trop long"):
        read("s_ben_com_f.csv")
    for contenu, sentence in (
        (b"", "est vide"),
        (b"a\x00b", "ni un classeur"),
        (b"un seul mot", "pas un tableau"),
        (b"COD_VAR;LIB_VAR\nP21_POP;Population", "sans chiffre"),
        (b"dtreffre;numcomdo;indfoy_ndur\n2023-12;75056;5\n", "aucune de ses lignes ne concerne"),
        (b"code;x\n75056;5\n", "aucune de ses lignes ne porte le code"),
    ):
        with pytest.raises(ImportRefuse, match=sentence):
            read("f.csv", contenu)


HEADS = st.sampled_from([path.read_bytes() for path in sorted(FICHIERS.iterdir())])


def attempt(name, contenu):
    """What is read, or nothing when a sentence refuses it; any other exception fails the test."""
    try:
        return read(name, contenu)
    except ImportRefuse:
        return None


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.tuples(HEADS, st.binary(max_size=200)).map(b"".join)))
def test_any_bytes_give_figures_or_a_sentence(contenu):
    lu = attempt("f.csv", contenu)

    assert lu is None or lu.chiffres or lu.brutes or lu.mouvements is not None


@settings(max_examples=100, deadline=None)
@given(HEADS, st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_any_damage_gives_figures_or_a_sentence(contenu, place, damage):
    archive = zipped(f__csv=contenu)
    for made in (contenu, archive):
        at = place % len(made)
        attempt("f", made[:at] + damage + made[at + len(damage) :])


# Preview, confirmation


def test_figures_are_written_once_confirmed(convention, by):
    importation = send(convention, by, "s_ben_com_f.csv")
    assert not Valeur.objects.exists()

    confirm(importation, by)

    assert Valeur.objects.count() == 15
    valeur = Valeur.objects.get(code="46066", annee=2022, indicateur__code="foyers-rsa")
    assert (valeur.valeur, valeur.absence, valeur.source, valeur.importation) == (
        None,
        "secret",
        "CAF, data.caf.fr, s_ben_com_f",
        importation,
    )


def test_same_file_twice_has_nothing_to_write(convention, by):
    confirm(send(convention, by, "dossier_complet.csv"), by)

    again = importations.preview(send(convention, by, "dossier_complet.csv"))

    assert again.comptes == {"nouvelle": 0, "modifiee": 0, "inchangee": 24, "refusee": 0}


def test_changed_figure_is_shown_then_written(convention, by):
    confirm(send(convention, by, "txcouv_pe_epci.csv"), by)
    changed = content("txcouv_pe_epci.csv").replace(b"61.7", b"62.5")
    importation = send(convention, by, "txcouv_pe_epci.csv", changed)

    [ligne] = [row for row in importations.preview(importation).lignes if row.genre == "modifiee"]
    confirm(importation, by)

    assert ligne.numero == 2
    assert [(c.titre, c.avant, c.apres) for c in ligne.changements] == [("Valeur", "61,7", "62,5")]
    valeur = Valeur.objects.get(annee=2023)
    assert (valeur.valeur, valeur.importation) == (Decimal("62.5"), importation)


def test_unreadable_figure_is_refused_with_its_line(convention, by):
    text = "annee;numepci;txcouv_epci\n2023;200035327;=1+1\n2022;200035327;60\n2022;200035327;61\n"

    lignes = importations.preview(send(convention, by, "f.csv", text.encode())).lignes

    assert [(row.numero, row.genre, row.motifs) for row in lignes] == [
        (2, "refusee", ["Valeur : Cette cellule est une formule : elle n’est pas lue."]),
        (3, "nouvelle", []),
        (4, "refusee", ["Une autre ligne du fichier donne déjà ce chiffre."]),
    ]


def test_two_territoires_keep_their_own_figures(convention, by):
    confirm(send(convention, by, "DS_POPULATIONS_REFERENCE_data.csv"), by)
    other = ConventionFactory(territoire__departement=convention.territoire.departement)

    confirm(send(other, by, "DS_POPULATIONS_REFERENCE_data.csv"), by)

    assert Valeur.objects.filter(territoire=convention.territoire).count() == 6
    assert Valeur.objects.filter(territoire=other.territoire, niveau="commune").count() == 0


def test_export_comes_back_unchanged(client, convention, by):
    confirm(send(convention, by, "s_ben_com_f.csv"), by)
    export = client.get(reverse("conventions:importation_export", args=[convention.code, "chiffres"])).content

    assert importations.preview(send(convention, by, "chiffres.xlsx", export)).comptes == {
        "nouvelle": 0,
        "modifiee": 0,
        "inchangee": 15,
        "refusee": 0,
    }


def test_row_of_another_territoire_is_refused(convention, by):
    text = "Indicateur;Niveau;Code du lieu;Année;Valeur;Source\npopulation;commune;75056;2021;5;INSEE\n"

    [ligne] = importations.preview(send(convention, by, "f.csv", text.encode())).lignes

    assert ligne.motifs == ["Le lieu « 75056 » n’est pas de ce territoire."]


# A table that nobody knows


def observatoire():
    book = Workbook()
    page = book.active
    for row in (
        ["Part des logements vacants"],
        ["Source : INSEE"],
        ["Territoires : communes"],
        [],
        ["codgeo", "libgeo", "an", "part_logt_vacants"],
        ["46066", "Cazals", 2021, 10.5],
        [1001, "Abergement", 2021, 3],
    ):
        page.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def describe(importation, by, colonnes, annee=None, niveau="", source="Observatoire des territoires"):
    return envoi.describe(importation, envoi.Description(colonnes, annee, niveau, source), by=by)


def test_unknown_table_is_described_then_remembered(convention, by):
    importation = send(convention, by, "obs.xlsx", observatoire())
    brut = envoi.raw_table(importation)
    assert (brut.entete, brut.lignes) == (
        ["codgeo", "libgeo", "an", "part_logt_vacants"],
        [(6, ["46066", "Cazals", "2021", "10.5"])],
    )
    colonnes = ["lieu", "", "annee", "part-logements-vacants"]

    describe(importation, by, colonnes)
    confirm(importation, by)

    valeur = Valeur.objects.get()
    assert (valeur.code, valeur.annee, valeur.valeur) == ("46066", 2021, Decimal("10.5"))
    again = send(convention, by, "obs-2.xlsx", observatoire())
    known = envoi.remembered(again, envoi.raw_table(again))
    assert list(envoi.suggest(brut, known, []).colonnes) == colonnes
    with pytest.raises(TransitionError, match="déjà"):
        describe(importation, by, colonnes)


def test_local_statistics_are_guessed_and_secret_is_kept(convention, by):
    importation = send(convention, by, "statistiques_locales.csv")
    brut = envoi.raw_table(importation)
    indicateurs = list(envoi.Indicateur.objects.all())

    said = envoi.suggest(brut, None, indicateurs)
    describe(importation, by, said.colonnes, said.annee, source=importation.reponses["source"])

    assert (said.colonnes, said.annee) == (["lieu", "", "population"], 2021)
    confirm(importation, by)
    assert list(Valeur.objects.order_by("code").values_list("code", "valeur", "absence", "source")) == [
        ("46066", Decimal(586), "", "INSEE, statistiques locales"),
        ("46297", None, "secret", "INSEE, statistiques locales"),
    ]


# Pages


def upload(client, convention, name, contenu=None):
    file = SimpleUploadedFile(name, content(name) if contenu is None else contenu)
    return client.post(reverse("diagnostics:chiffres_import", args=[convention.code]), {"fichier": file})


def test_upload_leads_to_the_preview(client, convention):
    response = upload(client, convention, "s_ben_com_f.csv")

    importation = Importation.objects.get()
    assert response.headers["Location"] == importation.get_absolute_url()
    page = client.get(importation.get_absolute_url()).content.decode()
    assert "Format reconnu" in page
    assert "Foyers allocataires, 2023" in page


def test_shared_address_leads_to_the_page_of_figures(client, convention):
    response = client.get(reverse("conventions:importation_add", args=[convention.code, "chiffres"]))

    assert response.headers["Location"] == reverse("diagnostics:chiffres_import", args=[convention.code])


def test_upload_refused_keeps_nothing(client, convention):
    response = upload(client, convention, "f.csv", b"un seul mot")

    assert response.status_code == 200
    assert "n’est pas un tableau" in response.content.decode()
    assert not Importation.objects.exists()


def test_upload_too_heavy_is_refused(client, convention, monkeypatch):
    monkeypatch.setattr("diagnostics.imports.views.GrandFichierUploadHandler.limite", 10)
    monkeypatch.setattr("diagnostics.imports.forms.MAX_OCTETS", 10)

    response = upload(client, convention, "s_ben_com_f.csv")

    assert response.status_code == 200
    assert "Ce fichier est trop lourd" in response.content.decode()


def test_upload_needs_the_token(convention, by, client):
    client.handler.enforce_csrf_checks = True

    assert upload(client, convention, "s_ben_com_f.csv").status_code == 403
    assert not Importation.objects.exists()


def test_movements_are_shown_and_keep_nothing(client, convention):
    page = upload(client, convention, "mvtcommune.csv").content.decode()

    assert "Vieille (46999)" in page
    assert not Importation.objects.exists()


def test_columns_are_described_on_the_page(client, convention):
    response = upload(client, convention, "obs.xlsx", observatoire())
    address = response.headers["Location"]
    importation = Importation.objects.get()
    assert "n’est pas encore décrit" in client.get(importation.get_absolute_url()).content.decode()

    without = {"c0": "lieu", "c1": "", "c2": "", "c3": "part-logements-vacants", "source": "Observatoire"}
    assert "Donnez l’année" in client.post(address, without).content.decode()
    twice = without | {"c1": "lieu", "annee": "2021"}
    assert "Deux colonnes disent" in client.post(address, twice).content.decode()
    response = client.post(address, without | {"c2": "annee"})

    assert response.headers["Location"] == importation.get_absolute_url()
    assert Correspondance.objects.get().territoire == convention.territoire
    assert client.get(address).headers["Location"] == importation.get_absolute_url()


@pytest.mark.parametrize("name", ["s_ben_com_f.csv", "obs.xlsx"])
def test_pages_ask_few_queries(client, convention, django_assert_max_num_queries, name):
    response = upload(client, convention, name, observatoire() if name == "obs.xlsx" else None)

    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(response.headers["Location"])


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contenu=st.one_of(st.binary(max_size=200), st.tuples(HEADS, st.binary(max_size=60)).map(b"".join)))
def test_any_upload_gives_a_page_and_writes_no_figure(client, convention, contenu):
    response = upload(client, convention, "f.csv", contenu or b" ")

    assert response.status_code in (200, 302)
    assert not Valeur.objects.exists()
    if response.status_code == 302:
        assert client.get(response.headers["Location"]).status_code == 200
