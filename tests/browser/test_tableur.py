"""A plan goes out to a spreadsheet and comes back; a plan made elsewhere comes in: both as a person does it."""

import io

from openpyxl import Workbook, load_workbook
from playwright.sync_api import expect

from actions.models import FicheAction

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def saved(book):
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_plan_goes_out_and_comes_back(open_as, world):
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/plan/")
    page.get_by_role("link", name="Tableur", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Télécharger le classeur").click()
    book = load_workbook(io.BytesIO(waiting.value.path().read_bytes()))
    cells = book["Fiches"]
    columns = {cell.value: cell.column for cell in cells[1]}
    row = next(cell.row for cell in cells["A"] if cell.value == f"F{world.fiche.pk}")
    cells.cell(row, columns["Besoins constatés"], "Trente familles.")
    cells.cell(row, columns["Échéance"], "bientôt")
    # Meanwhile, on the portal.
    FicheAction.objects.filter(pk=world.fiche.pk).update(besoins="Vingt-cinq familles.")

    page.get_by_label("Classeur à renvoyer").set_input_files(
        {"name": "plan.xlsx", "mimeType": XLSX, "buffer": saved(book)}
    )
    page.get_by_role("button", name="Voir ce qui change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ce que change")
    expect(page.get_by_role("row", name="Échéance")).to_contain_text("« bientôt » n’est pas une date")
    conflict = page.get_by_role("group", name="Besoins constatés")
    expect(conflict).to_contain_text("Vingt-cinq")
    expect(conflict).to_contain_text("Trente")

    page.get_by_role("button", name="Écrire dans le plan").click()
    expect(page.get_by_role("alert")).to_contain_text("1 case attend votre choix")
    conflict.get_by_label("Prendre celui du classeur").check()
    page.get_by_label("Laisser de côté la case refusée").check()
    page.get_by_role("button", name="Écrire dans le plan").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Compte rendu")
    world.fiche.refresh_from_db()
    assert world.fiche.besoins == "Trente familles."


def test_a_plan_made_elsewhere_comes_in_step_by_step(open_as, world):
    book = Workbook()
    for row in (
        ["Plan de la communauté de communes"],
        ["Orientation", "Nom de l’action", "Coût", "Météo"],
        ["Vivre ensemble", "Ouvrir un tiers-lieu", "Entre 200 et 500", "beau"],
    ):
        book.active.append(row)
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/plan/tableur/")
    page.get_by_role("link", name="Importer un plan").click()
    page.get_by_label("Fichier du plan").set_input_files(
        {"name": "notre plan.xlsx", "mimeType": XLSX, "buffer": saved(book)}
    )
    page.get_by_role("button", name="Lire le fichier").click()
    expect(page.get_by_label("Ligne des titres")).to_have_value("2")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_label("Nom de l’action")).to_have_value("intitule")
    expect(page.get_by_label("Coût")).to_have_value("budget")
    page.get_by_label("Météo").select_option("Laisser de côté")
    page.get_by_role("button", name="Voir ce qui sera créé").click()

    expect(page.get_by_role("heading", name="Ouvrir un tiers-lieu")).to_be_visible()
    expect(page.get_by_text("gardé en note de la fiche : ce n’est pas un montant")).to_be_visible()
    page.get_by_role("button", name="Écrire dans le plan").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Compte rendu")
    fiche = FicheAction.objects.get(intitule="Ouvrir un tiers-lieu")
    assert fiche.axe.intitule == "Vivre ensemble"
    assert "**Coût** : Entre 200 et 500" in fiche.notes.get().texte
