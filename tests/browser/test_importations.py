"""A table of équipements comes back from a spreadsheet: seen, questioned, confirmed, then read in the register."""

import io

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from conventions.models import Equipement, Importation


@pytest.fixture
def home(world):
    return f"/conventions/{world.convention.code}"


def edited(path):
    """The downloaded workbook, as somebody completes it: one row changed, one new, one that cannot be."""
    book = load_workbook(io.BytesIO(path.read_bytes()))
    page = book.active
    columns = {cell.value: cell.column for cell in page[1]}
    page.cell(2, columns["Capacité"], 25)
    kind = page.cell(2, columns["Type"]).value
    for row, cells in (
        (3, {"Type": kind, "Nom": "Ludothèque itinérante", "Capacité": 8}),
        (4, {"Type": kind, "Nom": "Sans dates", "Fin de la COF": "bientôt"}),
    ):
        for title, value in cells.items():
            page.cell(row, columns[title], value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_register_goes_out_and_comes_back(open_as, world, home):
    page = open_as(world.people["coordination"])
    page.goto(f"{home}/convention/")
    page.get_by_role("link", name="Équipements", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="tableur (.xlsx)").click()
    sent = {
        "name": "équipements.xlsx",
        "mimeType": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "buffer": edited(waiting.value.path()),
    }

    page.get_by_role("link", name="Importer", exact=True).click()
    page.get_by_label("Fichier").set_input_files(sent)
    page.get_by_role("button", name="Voir l’aperçu").click()

    expect(page.get_by_role("row", name="ligne 2")).to_contain_text("modifiée")
    expect(page.get_by_role("row", name="ligne 2").locator("del")).to_have_text("20")
    expect(page.get_by_role("row", name="ligne 2").locator("ins")).to_have_text("25")
    expect(page.get_by_role("row", name="ligne 3")).to_contain_text("nouvelle")
    expect(page.get_by_role("row", name="ligne 4")).to_contain_text("« bientôt » n’est pas une date")
    assert list(Equipement.objects.values_list("capacite", flat=True)) == [20]

    page.get_by_role("button", name="Écrire 2 lignes").click()
    expect(page.get_by_role("alert")).to_contain_text("Des lignes sont refusées")
    page.get_by_label("Laisser de côté la ligne refusée, et écrire les autres").check()
    page.get_by_role("button", name="Écrire 2 lignes").click()

    expect(page.get_by_text("L’importation est faite")).to_be_visible()
    expect(page.get_by_role("heading", name="Compte rendu, ligne par ligne")).to_be_visible()
    page.get_by_role("link", name="Voir le registre").click()
    expect(page.get_by_role("row", name="Ludothèque itinérante")).to_contain_text("8")
    expect(page.get_by_role("row", name="Ludothèque du Val")).to_contain_text("25")
    assert Importation.objects.filter(statut="confirmee").count() == 1
