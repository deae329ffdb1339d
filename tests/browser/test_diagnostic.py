"""From what was said to a frozen document: evidence, enjeux ranked together, the golden thread, the COPIL that validates."""

import hashlib

from playwright.sync_api import expect

from diagnostics.models import Diagnostic
from governance.emissions import draw_document
from governance.models import DocumentEmis
from tests.factories import ConstatFactory, EnjeuFactory


def test_coordination_shows_ranks_follows_and_freezes(open_as, world):
    code = world.convention.code
    Diagnostic.objects.filter(pk=world.diagnostic.pk).update(statut="en_cours")
    ConstatFactory(diagnostic=world.diagnostic, intitule="Peu de bus", nature="point_vigilance")
    EnjeuFactory(diagnostic=world.diagnostic, intitule="Se déplacer", ordre=9)
    page = open_as(world.people["coordination"])

    # A hole of the thread leads to the page that mends it.
    page.goto(f"/conventions/{code}/diagnostic/fil-d-or/")
    hole = page.get_by_role("listitem").filter(has_text="Peu de bus").filter(has=page.get_by_role("link"))
    hole.get_by_role("link", name="Choisir ce qui le montre").first.click()
    page.get_by_label("Quand on arrive ici").check()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Les preuves du constat sont enregistrées.")).to_be_visible()
    row = page.locator("li").filter(has_text="Peu de bus").first
    expect(row).to_contain_text("Quand on arrive ici")

    # And back, from the parole to what it leads to.
    row.get_by_role("link", name="Quand on arrive ici").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Ce qui part de la parole")).to_be_visible()

    page.goto(f"/conventions/{code}/diagnostic/enjeux/priorisation/")
    page.get_by_role("button", name="Monter « Se déplacer »").click()
    page.get_by_role("button", name="Enregistrer l’ordre").click()
    expect(page.get_by_text("L’ordre des enjeux est enregistré.")).to_be_visible()
    assert world.diagnostic.enjeux.first().intitule == "Se déplacer"

    page.goto(f"/conventions/{code}/diagnostic/")
    page.get_by_role("link", name="Passer à « partagé »").click()
    page.locator("main").get_by_role("button").first.click()
    expect(page.get_by_text("Le diagnostic est maintenant « partagé ».")).to_be_visible()
    page.goto(f"/conventions/{code}/diagnostic/valider/")
    page.locator("main").get_by_role("button").first.click()
    expect(page.get_by_text("Ce qu’il dit ne changera plus.")).to_be_visible()
    document = DocumentEmis.objects.get(nature="diagnostic")
    draw_document.func(str(document.pk))
    document.refresh_from_db()
    expect(page.get_by_text("Peu de bus").first).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Télécharger").first.click()
    with open(waiting.value.path(), "rb") as given:
        assert hashlib.sha256(given.read()).hexdigest() == document.sha256
