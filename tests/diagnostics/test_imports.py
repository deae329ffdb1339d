"""From the files people download to the figures of their territoire: read as a stream, shown, then written."""

import io
import threading
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import IntegrityError, connection
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
    DiagnosticFactory,
    TerritoireFactory,
    UserFactory,
    load_indicateurs,
)
from tests.test_pages import MOST_QUERIES

QUERIES_OF_A_PREVIEW = 12
QUERIES_OF_THE_COLUMNS = 10
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
    load_indicateurs()
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


@pytest.mark.parametrize(
    ("name", "place", "niveau", "code"),
    [
        ("dep", "numdep;nomdep", "departement", "46"),
        ("reg", "numregi;nomregi", "region", "76"),
        ("nat", "national;nom geo", "france", "FR"),
    ],
)
def test_caf_comparisons(name, place, niveau, code):
    head = f"annee;{place};txcouv_eaje_{name};txcouv_{name}\n"
    written = "France entière" if name == "nat" else code

    lu = read(f"txcouv_pe_{name}.csv", f"{head}2023-01-01;{written};x;30.1;60.9\n".encode())

    [one] = lu.chiffres
    assert (one.niveau, one.code, one.annee, one.valeur, lu.source) == (
        niveau,
        code,
        2023,
        Decimal("60.9"),
        f"CAF, data.caf.fr, txcouv_pe_{name}",
    )


def test_dossier_complet_reads_the_latest_vintage_and_every_population():
    lu = read("dossier_complet.csv")

    assert {key: value for key, value in said(lu).items() if key[1] == "46066"} == {
        ("population", "46066", 2021): Decimal("586.4"),
        ("population", "46066", 2015): 600,
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


def test_melodi_places_may_bear_a_vintage():
    head = "GEO;GEO_OBJECT;FREQ;POPREF_MEASURE;TIME_PERIOD;OBS_VALUE\n"
    rows = "2025-COM-46066;COM;A;PMUN;2023;586\n2025-DEP-46;DEP;A;PMUN;2023;174754\n2025-COM-01001;COM;A;PMUN;2023;9\n"
    france = "2025-FRANCE-F;FRANCE;A;PMUN;2023;66451000\n2025-FRANCE-FM;FRANCE;A;PMUN;2023;64000000\n"

    assert [
        (one.niveau, one.code, one.valeur) for one in read("f.csv", (head + rows + france).encode()).chiffres
    ] == [
        ("commune", "46066", 586),
        ("departement", "46", 174754),
        ("france", "FR", 66451000),
    ]


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

ENTETE = b"dtreffre;numcomdo;nomcom;indfoy_ndur\n"
LIGNE = b"2023-12;46066;CAZALS;145\n"


def workbook(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def locked():
    """A zip whose only member says that it is encrypted."""
    archive = bytearray(zipped(a__csv=ENTETE + LIGNE))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(mark) + offset] |= 1
    return bytes(archive)


def lzma_zip():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", ENTETE + LIGNE)
    return written.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
REFUSED = {
    "empty": (b"", "est vide"),
    "spaces": (b"\xef\xbb\xbf \r\n\r\n", "est vide"),
    "empty zip": (zipped(), "est une archive vide"),
    "zip of an empty file": (zipped(a__csv=""), "est une archive vide"),
    "nested zip": (zipped(a__zip=zipped(b__csv="x")), "archive dans l’archive"),
    "bomb": (zipped(a__csv="0" * 5_000_000), "trop lourd une fois décompressé"),
    "zip of something else": (zipped(a__pdf="x"), "ne contient aucun fichier .csv ni .xlsx"),
    "too many members": (zipped(**{f"a{rank}__csv": "x" for rank in range(60)}), "contient trop de fichiers"),
    "broken zip": (zipped(a__csv="CODGEO;x\n" * 900)[:-60], "est abîmé"),
    "encrypted zip": (locked(), "demande un mot de passe"),
    "zip in another manner": (lzma_zip(), "compressé d’une façon"),
    "opendocument": (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "OpenDocument"),
    "xls": (OLE, "ancien fichier Excel"),
    "encrypted xlsx": (OLE + "EncryptedPackage".encode("utf-16-le"), "protégé par un mot de passe"),
    "empty xlsx": (workbook(), "est vide"),
    "xlsx with a formula": (
        workbook(["codgeo", "valeur"], ["46066", "=1+1"]),
        "la formule de la cellule B2 n’a pas de résultat",
    ),
    "web page": (b"\r\n<!DOCTYPE html><html><body>Erreur</body></html>", "est une page web"),
    "xml": (b"<?xml version='1.0'?><a/>", "fichier XML"),
    "json": (b'[{"annee": 2023}]', "fichier JSON"),
    "pdf": (b"%PDF-1.7 abc", "un PDF"),
    "parquet": (b"PAR1\x00\x00", "Parquet"),
    "utf-16": ("code;x\n46066;5\n".encode("utf-16"), "UTF-16"),
    "binary": (b"a\x00b", "ni un classeur"),
    "one word": (b"un seul mot", "pas un tableau"),
    "metadata": (b"COD_VAR;LIB_VAR\nP21_POP;Population", "dictionnaire des variables"),
    "head of a known file": (ENTETE, "n’a aucune ligne"),
    "head of another file": (b"code;x\n", "n’a aucune ligne"),
    "other territoires": (ENTETE + b"2023-12;75056;PARIS;5\n", "aucune de ses lignes ne concerne"),
    "other territoires, unknown": (b"code;x\n75056;5\n", "aucune de ses lignes ne porte le code"),
    "open quotation mark": (
        ENTETE + b'2023-12;46066;"CAZALS;145\n' + LIGNE,
        "un guillemet ouvert à la ligne 2",
    ),
    "old line ends": ((ENTETE + LIGNE).replace(b"\n", b"\r"), "ligne 1 ne se lit pas"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_file_is_refused_with_a_sentence(case):
    contenu, sentence = REFUSED[case]

    with pytest.raises(ImportRefuse, match=sentence):
        read("fichier.csv", contenu)


def test_a_file_of_too_many_lines_is_refused(monkeypatch):
    monkeypatch.setattr(fichiers, "MAX_LIGNES", 3)
    with pytest.raises(ImportRefuse, match="est trop long"):
        read("s_ben_com_f.csv")


def test_a_file_heavier_once_open_than_it_says_is_refused(monkeypatch):
    monkeypatch.setattr(fichiers, "MAX_OCTETS_DEPLIES", 200)
    with pytest.raises(ImportRefuse, match="trop lourd une fois décompressé"):
        read("s_ben_com_f.csv")


def test_unknown_table_with_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(envoi, "MAX_BRUTES", 1)
    with pytest.raises(ImportRefuse, match="trop de ses lignes"):
        read("f.csv", b"code;x\n46066;5\n46297;5\n")


# How text is written


@pytest.mark.parametrize(
    "contenu",
    [
        ENTETE + LIGNE,
        b"\xef\xbb\xbf" + ENTETE + LIGNE,
        b"\xef\xbb\xbf" + ENTETE.replace(b"dtreffre", b'"dtreffre"') + LIGNE,
        (ENTETE + LIGNE).replace(b"\n", b"\r\n"),
        (ENTETE + LIGNE).replace(b";", b","),
        (ENTETE + LIGNE).replace(b";", b"\t"),
        ENTETE + LIGNE.replace(b"CAZALS", b'"CAZALS\n(Lot)"'),
        ENTETE.replace(b"nomcom", b'"nom de\nla commune"') + LIGNE,
        ENTETE + LIGNE.replace(b"CAZALS", b'CA"ZALS'),
        ENTETE + LIGNE.rstrip(),
        zipped(dossier__s_ben_com_f__csv=ENTETE + LIGNE),
    ],
)
def test_same_figures_however_the_text_is_written(contenu):
    assert said(read("f.csv", contenu)) == {("foyers-allocataires", "46066", 2023): 145}


def test_a_mark_inside_a_bare_cell_swallows_no_row():
    text = ENTETE + LIGNE.replace(b"CAZALS", b'CA"ZALS') + LIGNE.replace(b"46066", b"46297")

    assert [one.ligne for one in read("f.csv", text).chiffres] == [2, 3]


def test_windows_encoding_keeps_its_accents():
    lu = read("f.csv", "Code;Libellé;Évolution\n46066;Cazals;5\n".encode("cp1252"))

    assert lu.brutes[0][1] == ["Code", "Libellé", "Évolution"]


def test_workbook_inside_an_archive_is_read():
    lu = read("f.zip", zipped(obs__xlsx=workbook(["codgeo", "an", "x"], ["46066", 2021, 5])))

    assert lu.brutes == [(1, ["codgeo", "an", "x"]), (2, ["46066", "2021", "5"])]


def test_files_that_split_their_counts_are_not_taken_for_totals():
    for head in (
        "dtreffre;numcomdo;nomcom;rsa_type;indfoy_rsa;indnbp_rsa",
        "Date référence;Numéro commune;Nom commune;Quotient familial;Nombre foyers NDUR",
        "dtreffre;numcomdo;nomcom;Nombre d’enfants;indfoy_ndur",
    ):
        assert read("f.csv", f"{head}\n2023-12;46066;Cazals;a;5;6\n".encode()).a_decrire


def test_metadata_of_the_archive_say_what_was_read():
    archive = zipped(
        dossier_complet__csv=content("dossier_complet.csv"),
        meta_dossier_complet__csv="COD_VAR;LIB_VAR;LIB_VAR_LONG\nP21_LOG;Logements en 2021 (princ);x\n"
        "P21_LOGVAC;Logements vacants en 2021 (princ);x\n",
    )

    lectures = read("dossier_complet.zip", archive).lectures

    assert [
        "part-logements-vacants",
        "P21_LOGVAC ÷ P21_LOG",
        "Logements vacants en 2021 (princ)\u202f; Logements en 2021 (princ)",
    ] in lectures
    assert ["age-11-17", "P21_POP1114 + P21_POP1517", ""] in lectures


def test_a_communal_base_is_not_called_the_dossier_complet():
    text = "CODGEO;P21_POP;P21_POP0002;P21_POP0305\n46066;586;12;14\n"

    assert read("base-cc-evol-struct-pop-2021.csv", text.encode()).source == "INSEE, bases communales"


OBSERVATOIRE = workbook(["Titre"], [], ["codgeo", "libgeo", "an", "x"], ["46066", "Cazals", 2021, 10.5])
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
@given(HEADS, st.integers(0, 8000), st.binary(min_size=1, max_size=8))
def test_any_damage_gives_figures_or_a_sentence(contenu, place, damage):
    for made in (contenu, zipped(f__csv=contenu), OBSERVATOIRE):
        at = place % len(made)
        attempt("f", made[:at] + damage + made[at + len(damage) :])


@given(
    st.one_of(
        st.text(max_size=40), st.from_regex(r"[-+]?[0-9 .,]{1,30}([eE]-?[0-9]{1,2})?%?", fullmatch=True)
    )
)
def test_any_cell_is_a_figure_that_fits_or_is_refused(text):
    try:
        valeur, absence = parse_valeur(text)
    except ValidationError:
        return

    assert (valeur is None) == bool(absence)
    assert valeur is None or (abs(valeur) < 10**14 and valeur == round(valeur, 4))


@given(st.one_of(st.text(max_size=20), st.from_regex(r"[0-9/T:. -]{1,12}", fullmatch=True)))
def test_any_text_is_a_plausible_year_or_is_refused(text):
    try:
        annee, mois = parse_annee(text)
    except ValidationError:
        return

    assert 1900 <= annee <= 2100
    assert mois is None or 1 <= mois <= 12


def test_a_null_character_far_in_the_file_is_left_out(convention, by):
    filler = b"2023-12;99999;AILLEURS;5\n" * 12_000
    importation = send(convention, by, "f.csv", ENTETE + filler + LIGNE.replace(b"145", b"14\x005"))

    confirm(importation, by)

    assert Valeur.objects.get().valeur == 145


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

    assert again.comptes == {"nouvelle": 0, "modifiee": 0, "inchangee": 26, "refusee": 0}


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
        (3, "refusee", ["Les lignes 3 et 4 donnent deux valeurs à ce chiffre : gardez-en une."]),
        (4, "refusee", ["Les lignes 3 et 4 donnent deux valeurs à ce chiffre : gardez-en une."]),
    ]


def test_a_count_is_never_negative(convention, by):
    [ligne] = importations.preview(
        send(convention, by, "f.csv", ENTETE + LIGNE.replace(b"145", b"-5"))
    ).lignes

    assert ligne.motifs == ["Un effectif n’est jamais négatif."]


def test_same_row_twice_is_written_once(convention, by):
    importation = send(convention, by, "f.csv", ENTETE + LIGNE + LIGNE)

    confirm(importation, by, sans_refusees=True)

    assert Valeur.objects.get().valeur == 145
    assert [(row["genre"], row["motifs"]) for row in importation.rapport] == [
        ("nouvelle", []),
        ("refusee", ["Une autre ligne du fichier donne déjà ce chiffre."]),
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
    return workbook(
        ["Part des logements vacants"],
        ["Source : INSEE"],
        ["Territoires : communes"],
        [],
        ["codgeo", "libgeo", "an", "part_logt_vacants"],
        ["46066", "Cazals", 2021, 10.5],
        [1001, "Abergement", 2021, 3],
    )


def describe(
    importation, by, colonnes, annee=None, niveau="", source="Observatoire des territoires", garde=""
):
    return envoi.describe(importation, envoi.Description(colonnes, annee, niveau, source, garde), by=by)


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
    indicateurs = list(envoi.Indicateur.objects.all())
    assert list(envoi.suggest(brut, known, indicateurs).colonnes) == colonnes
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


SPLIT = (
    "dtreffre;numcomdo;nomcom;quotient_familial;indfoy_ndur\n"
    "2023-12;46066;Cazals;QF inférieur à 400 €;20\n2023-12;46066;Cazals;de 400 à 799 €;45\n"
    "2023-12;46297;Salviac;QF inférieur à 400 €;s\n"
).encode()


def test_rows_that_a_column_splits_are_kept_by_what_it_says(convention, by):
    importation = send(convention, by, "ndur_s_qf_400_com_f.csv", SPLIT)
    said = envoi.suggest(envoi.raw_table(importation), None, list(envoi.Indicateur.objects.all()))
    assert said.colonnes == ["annee", "lieu", "", "", ""]

    with pytest.raises(TransitionError, match="Les lignes 2 et 3 donnent deux valeurs"):
        describe(importation, by, ["annee", "lieu", "", "", "foyers-bas-qf"])
    describe(
        importation,
        by,
        ["annee", "lieu", "", "tri", "foyers-bas-qf"],
        garde="qf inferieur a 400 €",
        source="CAF",
    )
    confirm(importation, by)

    assert list(Valeur.objects.order_by("code").values_list("code", "valeur", "absence")) == [
        ("46066", Decimal(20), ""),
        ("46297", None, "secret"),
    ]


def test_each_title_may_bear_its_year(convention, by):
    def table(first, last):
        return f"Code;Population municipale {first};Population municipale {last}\n46066;586;600\n".encode()

    importation = send(convention, by, "statistiques_locales.csv", table(2021, 2015))
    said = envoi.suggest(envoi.raw_table(importation), None, list(envoi.Indicateur.objects.all()))
    describe(importation, by, said.colonnes, said.annee, source="INSEE, statistiques locales")
    confirm(importation, by)

    assert dict(Valeur.objects.values_list("annee", "valeur")) == {2021: 586, 2015: 600}
    later = send(convention, by, "statistiques_locales.csv", table(2022, 2016))
    assert envoi.remembered(later, envoi.raw_table(later)).colonnes["colonnes"] == [
        "lieu",
        "population",
        "population",
    ]


def test_year_is_asked_again_for_a_remembered_table(convention, by):
    table = b"code;vacants\n46066;5\n"
    describe(send(convention, by, "f.csv", table), by, ["lieu", "logements-vacants"], 2021, source="INSEE")
    again = send(convention, by, "f.csv", table)
    brut = envoi.raw_table(again)

    said = envoi.suggest(brut, envoi.remembered(again, brut), list(envoi.Indicateur.objects.all()))

    assert (said.colonnes, said.annee, said.source) == (["lieu", "logements-vacants"], None, "INSEE")


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
    monkeypatch.setattr("diagnostics.imports.views.ChiffresImportView.depot_octets", 10)
    monkeypatch.setattr("diagnostics.imports.forms.MAX_OCTETS", 10)

    response = upload(client, convention, "s_ben_com_f.csv")

    assert response.status_code == 200
    assert "est trop lourd" in response.content.decode()


@pytest.mark.parametrize(("logged_in", "kept"), [(True, 100), (False, 10)])
def test_only_whoever_is_logged_in_sends_more_than_a_document(client, convention, settings, logged_in, kept):
    settings.DEPOT_OCTETS = 10
    if not logged_in:
        client.logout()
    sizes = []

    class Spy(TemporaryFileUploadHandler):
        def receive_data_chunk(self, raw_data, start):
            sizes.append(len(raw_data))

    settings.FILE_UPLOAD_HANDLERS = ["ctg_portal.depots.BoundedUploadHandler", f"{__name__}.{Spy.__name__}"]
    globals()[Spy.__name__] = Spy
    upload(client, convention, "f.csv", b"x" * 100)

    assert sum(sizes) == (kept if logged_in else 0)


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
    split = without | {"c1": "tri", "c2": "annee"}
    assert "Dites quelles lignes garder" in client.post(address, split).content.decode()
    assert "Dites quelle colonne porte" in client.post(address, without | {"c0": ""}).content.decode()
    assert "Dites quel indicateur" in client.post(address, without | {"c3": ""}).content.decode()
    response = client.post(address, without | {"c2": "annee"})

    assert response.headers["Location"] == importation.get_absolute_url()
    assert Correspondance.objects.get().territoire == convention.territoire
    assert client.get(address).headers["Location"] == importation.get_absolute_url()


@pytest.fixture
def valide(convention):
    """The diagnostic is validated: its figures no longer change."""
    return DiagnosticFactory(convention=convention, statut="valide")


def test_a_validated_diagnostic_takes_no_more_figures(client, convention, by, request):
    importation = send(convention, by, "s_ben_com_f.csv")
    raw = send(convention, by, "obs.xlsx", observatoire())
    request.getfixturevalue("valide")
    addresses = [
        reverse("diagnostics:chiffres_import", args=[convention.code]),
        reverse("diagnostics:chiffres_colonnes", args=[convention.code, raw.pk]),
        reverse("conventions:importation_confirm", args=[convention.code, importation.pk]),
    ]

    assert [client.post(address).status_code for address in addresses] == [403, 403, 403]
    assert "Écrire 15 lignes" not in client.get(importation.get_absolute_url()).content.decode()
    listed = client.get(reverse("conventions:importations", args=[convention.code])).content.decode()
    assert "Importer des chiffres" not in listed
    assert "Importer des équipements" in listed


def rows(count):
    return ENTETE + b"".join(LIGNE.replace(b"2023", str(2000 + rank).encode()) for rank in range(count))


@pytest.mark.parametrize("count", [1, 3])
def test_previews_ask_the_same_queries_whatever_they_hold(
    client, convention, django_assert_num_queries, count
):
    response = upload(client, convention, "f.csv", rows(count))

    with django_assert_num_queries(QUERIES_OF_A_PREVIEW):
        client.get(response.headers["Location"])


@pytest.mark.parametrize("count", [1, 3])
def test_columns_ask_the_same_queries_whatever_they_hold(
    client, convention, django_assert_num_queries, count
):
    table = "code;" + ";".join(f"x{rank}" for rank in range(count)) + "\n46066;" + ";".join("5" * count)
    response = upload(client, convention, "f.csv", table.encode())

    with django_assert_num_queries(QUERIES_OF_THE_COLUMNS):
        client.get(response.headers["Location"])


@pytest.mark.django_db(transaction=True)
def test_two_confirmations_at_once_write_once(convention, by):
    importation = send(convention, by, "s_ben_com_f.csv")
    empreinte = importations.preview(importation).empreinte
    start = threading.Barrier(2)
    answers = []

    def attempt():
        start.wait()
        try:
            importations.confirm(
                Importation.objects.get(pk=importation.pk), empreinte=empreinte, sans_refusees=False, by=by
            )
            answers.append("écrite")
        except TransitionError as refus:
            answers.append(str(refus))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [
        "Cette importation est déjà confirmée : rien n’est écrit une seconde fois.",
        "écrite",
    ]
    assert Valeur.objects.count() == 15


def test_a_failure_in_the_middle_writes_nothing(convention, by, monkeypatch):
    confirm(send(convention, by, "txcouv_pe_epci.csv"), by)
    changed = content("txcouv_pe_epci.csv").replace(b"61.7", b"62.5").replace(b"2022", b"2021")
    importation = send(convention, by, "txcouv_pe_epci.csv", changed)

    def fail(*args, **kwargs):
        raise IntegrityError

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", fail)
    with pytest.raises(TransitionError, match="rien n’est écrit"):
        confirm(importation, by)

    assert list(Valeur.objects.order_by("annee").values_list("annee", "valeur")) == [
        (2022, Decimal("63.25")),
        (2023, Decimal("61.7")),
    ]
    importation.refresh_from_db()
    assert importation.statut == "a_confirmer"


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
