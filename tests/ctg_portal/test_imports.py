"""Files as people send them: what is understood, and the sentence for everything else."""

import contextlib
import datetime
import io
import re
import zipfile
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from ctg_portal.imports import (
    Champ,
    ImportRefuse,
    Table,
    match_columns,
    parse_date,
    parse_entier,
    parse_euros,
    parse_insee,
    read_table,
)
from ctg_portal.tableurs import Colonne, Feuille, write_csv, write_xlsx

D = datetime.date


def xlsx(*rows, **sheets):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for title, others in sheets.items():
        page = book.create_sheet(title)
        for row in others:
            page.append(row)
    return saved(book)


def saved(book):
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def replaced(content, part, change):
    """The same archive with one part changed, or added."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        names = source.namelist()
        for name in names:
            data = source.read(name)
            target.writestr(name, change(data) if name == part else data)
        if part not in names:
            target.writestr(part, change(b""))
    return written.getvalue()


def rows(table):
    return [table.entete, *(ligne.cellules for ligne in table.lignes)]


def refusal(content, **options):
    with pytest.raises(ImportRefuse) as refused:
        read_table(content, "f.xlsx", **options)
    return str(refused.value).replace("\xa0", " ").replace("\u202f", " ")


# Text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_text_encoding_and_delimiter_are_found(encoding, delimiter):
    text = 'Nom|Lieu|Observations\r\n"Crèche « Œuf »"|Salviac|"deux\r\nlignes ""ici"""\r\n'.replace(
        "|", delimiter
    )

    table = read_table(text.encode(encoding), "équipements.csv")

    assert rows(table) == [
        ("Nom", "Lieu", "Observations"),
        ("Crèche « Œuf »", "Salviac", 'deux\nlignes "ici"'),
    ]


def test_text_decimal_comma_is_no_delimiter():
    assert rows(read_table(b"Nom;Vers\xe9\n A ;157 191,67\nB;1,5\n", "f.csv"))[1:] == [
        ("A", "157 191,67"),
        ("B", "1,5"),
    ]


def test_text_blank_rows_and_columns_are_dropped_and_numbers_stay():
    table = read_table(b"\n;;\nNom;;Lieu;\n\nA;;B;\n;;;\nC;;;D\n", "f.csv")

    assert table.entete == ("Nom", "Lieu", "")
    assert [(ligne.numero, ligne.cellules) for ligne in table.lignes] == [
        (5, ("A", "B", "")),
        (7, ("C", "", "D")),
    ]
    assert [table.adresse(table.lignes[1], index) for index in range(3)] == ["A7", "C7", "D7"]


def test_text_separator_line_of_excel_is_read():
    assert rows(read_table(b"sep=|\r\nNom|Lieu\r\nA|B;C\r\n", "f.csv")) == [("Nom", "Lieu"), ("A", "B;C")]


def test_text_head_may_come_lower():
    assert rows(read_table(b"Titre\nSource;INSEE\nCode;Nom\n1;A\n", "f.csv", ligne_entete=3)) == [
        ("Code", "Nom"),
        ("1", "A"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "« f.xlsx » est vide."),
        (b" \n;;\n", "« f.xlsx » est vide."),
        (b"x" * 5_000_001, "« f.xlsx » est trop lourd : 5 Mo au plus."),
        (
            b"Nom\x00;",
            "« f.xlsx » n’est ni un classeur .xlsx ni un fichier texte : envoyez un fichier .xlsx ou .csv.",
        ),
        (
            b"\xff\xfea",
            "« f.xlsx » n’est ni un classeur .xlsx ni un fichier texte : envoyez un fichier .xlsx ou .csv.",
        ),
        (b'Nom;Lieu\nA;"B\n', "« f.xlsx » : un guillemet ouvert n’est pas refermé, après la ligne 1."),
        (b"n\n" + b"1\n" * 20_001, "« f.xlsx » est trop long : 20 000 lignes au plus."),
        (b"a;" * 201 + b"b", "« f.xlsx » est trop large : 200 colonnes au plus."),
    ],
)
def test_text_refusals(content, sentence):
    assert refusal(content) == sentence


# Workbooks


def test_xlsx_numbers_and_dates_become_exact_text():
    book = Workbook()
    page = book.active
    page.append([" Nom ", None, "Versé", "Depuis", "Places", "Code", "Ouvert", "Somme"])
    page.append([" A\xa0", None, 248220.56, D(2022, 1, 31), 20.0, 1001, True, 0.1 + 0.2])
    page.append([])
    page.append(["B\r\nC", None, 1e-7, datetime.datetime(2022, 1, 31, 14, 30), 12345678, "'=1", None, None])  # noqa: DTZ001

    table = read_table(saved(book), "f.xlsx")

    assert table.entete == ("Nom", "Versé", "Depuis", "Places", "Code", "Ouvert", "Somme")
    assert table.lignes[0].cellules == ("A", "248220.56", "2022-01-31", "20", "1001", "vrai", "0.3")
    assert table.lignes[1].cellules == ("B\nC", "0.0000001", "2022-01-31T14:30", "12345678", "=1", "", "")
    assert (table.lignes[1].numero, table.adresse(table.lignes[1], 1)) == (4, "C4")


def test_xlsx_first_sheet_that_holds_something_or_the_chosen_one():
    content = xlsx(Notes=[], Données=[["Nom"], ["A"]], Autre=[["Nom"], ["B"]])

    table = read_table(content, "f.xlsx")
    assert (table.feuille, table.feuilles, rows(table)) == (
        "Données",
        ("Données", "Autre"),
        [("Nom",), ("A",)],
    )
    assert rows(read_table(content, "f.xlsx", feuille="Autre"))[1:] == [("B",)]
    assert refusal(content, feuille="Tarif") == "« f.xlsx » n’a pas de feuille « Tarif », ou elle est vide."


def test_xlsx_formula_needs_its_result():
    content = xlsx(["Nom", "Total"], ["A", "=1+1"])
    computed = replaced(
        content,
        "xl/worksheets/sheet1.xml",
        lambda data: (
            data.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>").replace(b"<v/>", b"<v>2</v>")
        ),
    )

    assert refusal(content) == (
        "« f.xlsx » : la formule de la cellule B2 n’a pas de résultat. Ouvrez le fichier dans un tableur, "
        "enregistrez-le, et recommencez."
    )
    assert rows(read_table(computed, "f.xlsx"))[1:] == [("A", "2")]


def test_xlsx_far_away_cells_cost_nothing():
    book = Workbook()
    book.active["A1"] = "Nom"
    book.active["A1048576"] = "dernière"

    assert [ligne.numero for ligne in read_table(saved(book), "f.xlsx").lignes] == [1_048_576]
    book.active["XFD2"] = "loin"
    assert refusal(saved(book)) == "« f.xlsx » est trop large : 200 colonnes au plus."


def bomb():
    return replaced(xlsx(["Nom"]), "xl/media/image1.png", lambda _: b"\0" * 81_000_000)


def long_part():
    return replaced(xlsx(["Nom"]), "xl/worksheets/sheet1.xml", lambda data: data + b" " * 5_000_000)


ENTITIES = b'<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>'


def entities(part, reference):
    def change(data):
        head, rest = re.match(rb"(<\?xml[^>]*\?>)?(.*)", data, re.DOTALL).groups()
        return (head or b"") + ENTITIES + rest.replace(b"Nom", reference)

    return replaced(xlsx(["Nom"]), part, change)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (bomb, "« f.xlsx » est trop lourd une fois décompressé."),
        (long_part, "« f.xlsx » est trop lourd une fois décompressé."),
        (lambda: xlsx(), "« f.xlsx » est vide."),
        (
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
            "« f.xlsx » est un ancien fichier Excel (.xls) : enregistrez-le au format .xlsx, et recommencez.",
        ),
        (
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "« f.xlsx » est protégé par un mot de passe : enregistrez-le sans, et recommencez.",
        ),
        (
            lambda: replaced(xlsx(["Nom"]), "xl/vbaProject.bin", lambda _: b"macro"),
            "« f.xlsx » contient des macros : enregistrez-le au format .xlsx, sans macro, et recommencez.",
        ),
        (
            lambda: replaced(
                xlsx(["Nom"]), "mimetype", lambda _: b"application/vnd.oasis.opendocument.spreadsheet"
            ),
            "« f.xlsx » est un fichier OpenDocument : enregistrez-le au format .xlsx, et recommencez.",
        ),
        (lambda: xlsx(["Nom"])[:-200], "« f.xlsx » est abîmé : il ne s’ouvre pas."),
        (lambda: b"PK\x03\x04" + b"\0" * 50, "« f.xlsx » est abîmé : il ne s’ouvre pas."),
    ],
)
def test_xlsx_refusals(make, sentence):
    assert refusal(make()) == sentence


def test_xlsx_of_another_kind_is_refused():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("word/document.xml", "<w/>")

    assert (
        refusal(archive.getvalue()) == "« f.xlsx » n’est pas un classeur : envoyez un fichier .xlsx ou .csv."
    )


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
@pytest.mark.parametrize("reference", [b"&x;", b"&b;"])
def test_xlsx_entities_are_never_read(part, reference):
    with pytest.raises(ImportRefuse):
        read_table(entities(part, reference), "f.xlsx")


def test_what_is_written_is_read_back():
    sheet = Feuille(
        "T",
        [Colonne("Nom"), Colonne("Places", "entier"), Colonne("Versé", "montant"), Colonne("Depuis", "date")],
        [("=A\ndeux", 20, Decimal("157191.67"), D(2022, 1, 31)), ("'=B", None, Decimal("0.10"), None)],
    )

    book = read_table(write_xlsx([sheet], titre="T"), "f.xlsx")
    text = read_table(write_csv(sheet), "f.csv")

    assert rows(book)[1:] == [("=A\ndeux", "20", "157191.67", "2022-01-31"), ("=B", "", "0.1", "")]
    assert rows(text)[1:] == [("=A\ndeux", "20", "157191,67", "2022-01-31"), ("'=B", "", "0,10", "")]


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode()))
def test_any_bytes_give_a_table_or_a_sentence(content):
    check(content)


SAMPLE = xlsx(["Nom", "Versé", "Depuis"], ["A", 1.5, D(2022, 1, 31)], ["B", "=1+1", True])
PARTS = zipfile.ZipFile(io.BytesIO(SAMPLE)).namelist()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PARTS), st.integers(0, 4000), st.binary(min_size=1, max_size=12))
def test_any_damage_to_a_workbook_gives_a_table_or_a_sentence(part, at, junk):
    check(
        replaced(
            SAMPLE, part, lambda data: data[: at % len(data)] + junk + data[at % len(data) + len(junk) :]
        )
    )
    check(SAMPLE[:at] + junk + SAMPLE[at + len(junk) :])


def check(content):
    """Any other exception fails the test."""
    with contextlib.suppress(ImportRefuse):
        table = read_table(content, "f")
        assert isinstance(table, Table)
        assert all(len(ligne.cellules) == len(table.entete) for ligne in table.lignes)


# Columns

CHAMPS = (
    Champ("nom", "Nom", ("intitulé de l’équipement",), obligatoire=True),
    Champ("cof_numero", "N° de la COF", ("COF",)),
    Champ("etat", "État", derive=True),
)


def columns(*heads):
    return match_columns(Table(heads, (), tuple(range(1, len(heads) + 1))), CHAMPS)


def test_columns_are_known_by_their_titles_and_synonyms():
    found = columns("INTITULE de l'equipement", "n° de la  C.O.F", "Couleur", "")

    assert found.inconnues == ("n° de la  C.O.F", "Couleur", "colonne D, sans titre")
    assert columns("cof", "nom", "etat").colonnes == {"cof_numero": 0, "nom": 1, "etat": 2}


@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        (
            ("COF",),
            "Il manque la colonne « Nom » : la première ligne du tableau porte les titres des colonnes.",
        ),
        (("Nom", "nom"), "Deux colonnes disent « Nom » : « Nom » et « nom ». Gardez-en une."),
    ],
)
def test_columns_missing_or_twice(heads, sentence):
    with pytest.raises(ImportRefuse) as refused:
        columns(*heads)
    assert str(refused.value).replace("\xa0", " ") == sentence


# Cells


@pytest.mark.parametrize(
    "text",
    [
        "31/01/2022",
        "31-01-2022",
        "31.1.22",
        "2022-01-31",
        "2022-01-31T00:00",
        "31 janvier 2022",
        "31 JANV. 2022",
        "44592",
    ],
)
def test_date_as_people_write_it(text):
    assert parse_date(text) == D(2022, 1, 31)


def test_date_first_of_the_month():
    assert parse_date("1er février 2022") == D(2022, 2, 1)


@pytest.mark.parametrize(
    "text",
    ["", "2022", "31/02/2022", "13/13/2022", "demain", "1 ju 2022", "01/01/1800", "99999", "٣١/٠١/٢٠٢٢"],
)
def test_date_refused(text):
    with pytest.raises(ValidationError):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "value"), [("20", 20), ("1 250", 1250), ("1\u202f250", 1250), ("20,0", 20), ("0", 0)]
)
def test_entier(text, value):
    assert parse_entier(text) == value


@pytest.mark.parametrize("text", ["-4", "- 4", "−4"])
def test_entier_negative_is_called_so(text):
    with pytest.raises(ValidationError, match="est négatif"):
        parse_entier(text)


@pytest.mark.parametrize("text", ["", "-1", "20 places", "1,5", "9999999999", "9" * 5000, "1 2"])
def test_entier_refused(text):
    with pytest.raises(ValidationError):
        parse_entier(text)


@pytest.mark.parametrize(
    ("text", "code"), [("1001", "01001"), ("46066", "46066"), ("2a004", "2A004"), ("2B 033", "2B033")]
)
def test_insee(text, code):
    assert parse_insee(text) == code


@pytest.mark.parametrize("text", ["", "460", "2C001", "460660", "Cazals", "４６０６６"])
def test_insee_refused(text):
    with pytest.raises(ValidationError):
        parse_insee(text)


def test_euros():
    assert [str(parse_euros(text)) for text in ("248 220.56", "157\u202f191,67")] == [
        "248220.56",
        "157191.67",
    ]
    for text in ("-5", "1,234", "99999999999", "beaucoup"):
        with pytest.raises(ValidationError):
            parse_euros(text)


@given(st.text(max_size=40))
def test_cells_give_a_value_or_a_sentence(text):
    for parse in (parse_date, parse_entier, parse_insee, parse_euros):
        with contextlib.suppress(ValidationError):
            parse(text)
