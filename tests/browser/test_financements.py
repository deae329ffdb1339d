"""A year of money, from the blank grid to the statement in PDF, in a real browser."""

from decimal import Decimal

from playwright.sync_api import expect

from tests.factories import DispositifFactory


def test_coordination_types_a_year_and_downloads_the_statement(open_as, world):
    psu = DispositifFactory(intitule="Prestation de service unique (PSU)")
    epci, caf = world.objects["beneficiaire"], world.objects["signataire"].organisation
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/convention/")
    page.locator(".onglets").get_by_role("link", name="Financements").click()
    page.get_by_role("link", name="Saisir un exercice").click()
    page.get_by_label("Exercice").fill("2023")
    page.get_by_role("button", name="Ouvrir l’exercice").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Financements de l’exercice 2023")

    # From cell to cell with the keyboard, as in a spreadsheet.
    page.locator("#id_lignes-0-dispositif").select_option(str(psu.pk))
    page.locator("#id_lignes-0-beneficiaire").select_option(str(epci.pk))
    page.locator("#id_lignes-0-financeur").select_option(str(caf.pk))
    page.locator("#id_lignes-0-fiche").select_option(str(world.fiche.pk))
    page.locator("#id_lignes-0-prevu").fill("160 000")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("1,234")
    page.keyboard.press("Enter")
    expect(page.get_by_text("peut se lire de deux façons")).to_be_visible()
    page.locator("#id_lignes-0-verse").fill("157 191,67")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Exercice 2023")).to_contain_text("1 ligne ajoutée")
    expect(page.locator(".grille tfoot")).to_contain_text("157\u202f191,67\u00a0€")

    page.get_by_role("button", name="Ajouter une ligne").click()
    expect(page.locator("#id_lignes-4-dispositif")).to_be_focused()

    page.goto(f"/conventions/{world.convention.code}/financements/?exercice=2023")
    expect(page.get_by_text("2\u202f808,33\u00a0€ de moins que prévu").first).to_be_visible()
    expect(page.get_by_role("link", name=str(world.fiche))).to_be_visible()
    expect(page.get_by_role("img", name="Financements par bénéficiaire")).to_be_visible()

    page.get_by_role("link", name=f"Ouvrir l’état de {epci}").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Télécharger en PDF").click()
    file = waiting.value
    assert file.suggested_filename.startswith("financements-")
    assert file.suggested_filename.endswith("-2023.pdf")
    with open(file.path(), "rb") as saved:
        assert saved.read(5) == b"%PDF-"
    (line,) = world.convention.financements.filter(exercice=2023)
    assert (line.prevu, line.notifie, line.verse) == (Decimal(160000), None, Decimal("157191.67"))


def test_grid_works_without_javascript(open_as, world):
    page = open_as(world.people["coordination"], java_script_enabled=False)
    page.goto(f"/conventions/{world.convention.code}/financements/2022/")
    page.locator("#id_lignes-0-notifie").fill("2000")
    page.get_by_role("checkbox", name="Retirer cette ligne").first.check()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Retirer 1 ligne de l’exercice")).to_be_visible()
    page.get_by_role("checkbox", name="Retirer cette ligne").first.uncheck()
    page.get_by_role("button", name="Enregistrer et retirer ces lignes").click()
    expect(page.get_by_role("status").filter(has_text="Exercice 2022")).to_contain_text("1 ligne modifiée")

    (line,) = world.convention.financements.all()
    assert line.notifie == Decimal(2000)
