"""The views of the plan in a browser: cards moved by the mouse and the keys, a cell that two people change."""

from django.urls import reverse
from playwright.sync_api import expect

from actions.models import FicheAction


def test_board_by_the_mouse_and_the_keyboard(open_as, world):
    page = open_as(world.people["coordination"])
    fiche = world.fiche
    page.goto(reverse("actions:kanban", args=[world.convention.code]))
    said = page.locator("#kanban-dit")
    card = page.locator(f"#carte-{fiche.pk}")

    def dragged_to(code):
        start = card.locator("[data-poignee]").bounding_box()
        end = page.locator(f"[data-colonne={code}]").bounding_box()
        page.mouse.move(start["x"] + 5, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(end["x"] + 40, end["y"] + 10, steps=6)
        page.mouse.move(end["x"] + 50, end["y"] + 14, steps=4)
        page.mouse.up()

    expect(card.locator("[data-poignee]")).to_be_visible()
    dragged_to("realisee")
    expect(said).to_contain_text("est maintenant « réalisée »")
    assert FicheAction.objects.get(pk=fiche.pk).avancement == "realisee"

    # Refused by the table of transitions: it says why, and the card is back.
    dragged_to("en_pause")
    expect(said).to_contain_text("ne peut pas passer à")
    expect(page.locator(f"[data-colonne=realisee] #carte-{fiche.pk}")).to_be_visible()

    # By the keyboard, and back.
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("est maintenant « en cours »")
    expect(card.locator("summary")).to_be_focused()
    page.get_by_role("button", name="Annuler ce déplacement").click()
    expect(said).to_contain_text("est de nouveau « réalisée »")

    # An abandon asks why on its page, and comes back to the board.
    FicheAction.objects.filter(pk=fiche.pk).update(avancement="a_venir")
    page.reload()
    dragged_to("abandonnee")
    expect(page.get_by_role("heading", name="Avancement")).to_be_visible()
    page.locator("[name=motif]").fill("Sans porteur.")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator(f"[data-colonne=abandonnee] #carte-{fiche.pk}")).to_be_visible()


def test_cell_that_two_people_change(open_as, world):
    page = open_as(world.people["coordination"])
    fiche = world.fiche
    page.goto(reverse("actions:fiches", args=[world.convention.code]))
    cell = page.locator(f"#cellule-avancement-{fiche.pk}")
    cell.get_by_role("link").click()
    cell.get_by_label("En cours").check()

    FicheAction.objects.get(pk=fiche.pk).move_avancement("en_pause", by=world.people["redaction"])
    cell.get_by_role("button", name="Enregistrer").click()

    expect(cell).to_contain_text("Rien n’a été remplacé")
    expect(cell).to_contain_text("elle dit maintenant « En pause »")
    cell.get_by_label("En cours").check()
    cell.get_by_role("button", name="Remplacer par mon choix").click()
    expect(cell).to_contain_text("Enregistré")
    expect(cell.locator(".etat")).to_have_text("En cours")
    assert FicheAction.objects.get(pk=fiche.pk).avancement == "en_cours"

    # « Annuler » gives the cell back as it is, and the focus with it.
    cell.get_by_role("link").click()
    cell.get_by_role("link", name="Annuler").click()
    expect(cell.locator(".etat")).to_have_text("En cours")
    expect(cell.get_by_role("link")).to_be_focused()
