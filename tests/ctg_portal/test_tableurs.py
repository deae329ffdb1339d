"""What the portal writes, a spreadsheet reads back: texts, numbers and dates as themselves, never a formula."""

import csv
import datetime
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from ctg_portal.tableurs import (
    Colonne,
    Feuille,
    csv_response,
    neutralise,
    restore,
    write_csv,
    write_xlsx,
    xlsx_response,
)

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", '=HYPERLINK("http://x")']
COLONNES = [
    Colonne("Nom", largeur=30, choix=("Crèche", "Relais")),
    Colonne("Places", "entier"),
    Colonne("Versé", "montant"),
    Colonne("Depuis", "date"),
]
LIGNE = ("Crèche", 20, Decimal("248220.56"), datetime.date(2022, 1, 31))


def sheet(*lignes, **options):
    return Feuille("Équipements / 2022", COLONNES, lignes, **options)


def reopen(content):
    return load_workbook(io.BytesIO(content))


def test_xlsx_is_a_table_to_work_in():
    book = reopen(
        write_xlsx([sheet(LIGNE, total=("Total", None, Decimal("1.00"), None))], titre="Équipements")
    )

    page, listes = book.worksheets
    assert [cell.value for cell in page[1]] == ["Nom", "Places", "Versé", "Depuis"]
    assert [str(cell.value) for cell in page[2]] == ["Crèche", "20", "248220.56", "2022-01-31 00:00:00"]
    assert [cell.number_format for cell in page[2]] == ["@", "0", '#,##0.00\\ "€"', "DD/MM/YYYY"]
    assert (page.title, page.freeze_panes, page.auto_filter.ref) == ("Équipements   2022", "B2", "A1:D2")
    assert (page["A1"].font.b, page["A3"].font.b, page.column_dimensions["A"].width) == (True, True, 30)
    assert [cell.value for cell in listes["A"]] == ["Crèche", "Relais"]
    (rule,) = page.data_validations.dataValidation
    assert (rule.formula1, rule.type) == ("Listes!$A$1:$A$2", "list")
    assert (book.properties.title, book.properties.creator) == ("Équipements", "Portail CTG")


def test_xlsx_same_content_same_bytes():
    assert write_xlsx([sheet(LIGNE)], titre="T") == write_xlsx([sheet(LIGNE)], titre="T")


@pytest.mark.parametrize("text", HOSTILE)
def test_xlsx_text_is_never_a_formula(text):
    cell = reopen(write_xlsx([sheet((text, None, None, None))], titre=text)).active["A2"]

    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert cell.value.replace("_x000D_", "\r") == text


def test_xlsx_leaves_out_what_the_format_forbids():
    assert (
        reopen(write_xlsx([sheet(("a\x00b\x0bc", 1, None, None))], titre="\x01")).active["A2"].value == "abc"
    )


def test_csv_opens_in_a_french_spreadsheet():
    content = write_csv(sheet(LIGNE, ("=1+1", 5, Decimal("-3.50"), None)))

    assert content.startswith(b"\xef\xbb\xbfNom;Places;Vers\xc3\xa9;Depuis\r\n")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert rows[1:] == [["Crèche", "20", "248220,56", "2022-01-31"], ["'=1+1", "5", "-3,50", ""]]


@given(st.text())
def test_neutralised_text_is_restored(text):
    assert restore(neutralise(text)) == text
    assert neutralise(text)[:1] not in tuple("=+-@\t\r")


def test_responses_are_attachments():
    for response, kind in (
        (xlsx_response(b"x", "équipements.xlsx"), "spreadsheetml"),
        (csv_response(b"x", "équipements.csv"), "text/csv"),
    ):
        assert kind in response.headers["Content-Type"]
        assert response.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
