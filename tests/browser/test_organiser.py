"""The plan is put in order by dragging and by the keyboard; each move is saved, said and taken back."""

from playwright.sync_api import expect

from actions.models import FicheAction


def codes(world):
    fiches = FicheAction.objects.filter(plan=world.plan).actives().in_plan_order()
    return [fiche.code for fiche in fiches]


def test_drag_keyboard_and_undo(open_as, world):
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/plan/organiser/")
    said = page.locator("#ordre-dit")
    assert codes(world) == ["1.1.1", "1.1.2", "1.1.3", "1.1.5"]

    # By the mouse: the third fiche above the first.
    expect(page.get_by_role("heading", name="Organiser le plan")).to_be_visible()
    first, _, last, _ = (
        page.locator(f"#fiche-{pk}")
        for pk in FicheAction.objects.actives().order_by("code").values_list("pk", flat=True)
    )
    start, end = last.locator("[data-poignee]").bounding_box(), first.bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 30, steps=6)
    page.mouse.move(end["x"] + 20, end["y"] + 4, steps=6)
    page.mouse.up()
    expect(said).to_contain_text("Former les assistantes maternelles » est au rang 1 sur 4")
    assert codes(world) == ["1.1.3", "1.1.1", "1.1.2", "1.1.5"]

    # Taken back.
    page.get_by_role("button", name="Annuler ce déplacement").click()
    expect(said).to_contain_text("Former les assistantes maternelles » est au rang 3 sur 4")
    assert codes(world) == ["1.1.1", "1.1.2", "1.1.3", "1.1.5"]

    # By the keyboard: the focus stays on the button, so that a second press goes on.
    button = page.get_by_role("button", name="Monter la fiche « 1.1.3")
    button.focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("rang 2 sur 4")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("rang 1 sur 4")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("dans l’axe 1")
    assert FicheAction.objects.get(code="1.1.3").objectif is None

    # Somebody moves a fiche meanwhile: the page says so, and shows the order of now.
    moved = FicheAction.objects.get(code="1.1.2")
    moved.place(moved.axe, moved.objectif, after=None, by=world.people["coordination"])
    page.keyboard.press("Enter")
    expect(said).to_contain_text("a changé depuis l’ouverture de cette page")
    assert codes(world) == ["1.1.3", "1.1.2", "1.1.1", "1.1.5"]
