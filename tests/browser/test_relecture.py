"""The adviser's journey, from a quoted remark to a signed avis, by clicking what people click."""

from playwright.sync_api import expect

from actions.models import Avis, FicheAction
from governance.emissions import draw_document
from governance.models import DocumentEmis

SELECT = """(words) => {
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const at = walker.currentNode.data.indexOf(words);
        if (at < 0) continue;
        getSelection().setBaseAndExtent(walker.currentNode, at, walker.currentNode, at + words.length);
        return;
    }
}"""


def test_adviser_comments_asks_validates_and_signs_an_avis(open_as, world):
    fiche = world.objects["en_relecture"]
    adviser, coordination = (open_as(world.people[role]) for role in ("relecture", "coordination"))

    # She quotes a passage, and asks for two sections.
    adviser.goto("/a-relire/")
    adviser.get_by_role("link", name="1.1.2 Créer une ludothèque").click()
    expect(adviser.get_by_text("À relire", exact=True).first).to_be_visible()
    adviser.evaluate(SELECT, "Vingt familles")
    adviser.get_by_role("link", name="Commenter « Contexte »").click()
    expect(adviser.get_by_label("Passage cité")).to_have_value("Vingt familles")
    adviser.get_by_label("Commentaire").fill("D’où vient ce chiffre ?")
    adviser.get_by_label("Personne coordination").check()
    adviser.get_by_role("button", name="Enregistrer").click()
    expect(adviser.locator("blockquote", has_text="Vingt familles")).to_be_visible()
    adviser.get_by_role("link", name="Demander des compléments").click()
    adviser.get_by_label("Contexte").check()
    adviser.get_by_label("Moyens").check()
    adviser.get_by_label("Ce qu’il faut compléter").fill("La source et le budget.")
    adviser.get_by_role("button", name="Renvoyer à compléter").click()
    expect(adviser.get_by_text("Complément demandé", exact=True).first).to_be_visible()

    # The coordination answers and completes what is open; the rest is locked, and says so.
    coordination.goto(f"{fiche.get_absolute_url()}modifier/public/")
    expect(coordination.get_by_role("alert").filter(has_text="« Public » est verrouillée")).to_be_visible()
    expect(coordination.get_by_role("link", name="Modifier « Public »")).to_have_count(0)
    coordination.get_by_role("link", name="Répondre").click()
    coordination.get_by_label("Réponse").fill("De l’enquête de mai.")
    coordination.get_by_role("button", name="Envoyer la réponse").click()
    expect(coordination.get_by_text("De l’enquête de mai.")).to_be_visible()
    coordination.get_by_role("link", name="Modifier « Contexte »").click()
    coordination.get_by_label("Besoins constatés").fill("Trente familles, selon l’enquête de mai.")
    coordination.get_by_role("button", name="Enregistrer").click()
    expect(coordination.get_by_text("Complétée par Personne coordination")).to_be_visible()
    coordination.get_by_role("link", name="Envoyer à la CAF").click()
    coordination.get_by_label("Demander aussi un avis formel").check()
    coordination.get_by_role("button", name="Envoyer à la relecture").click()
    expect(coordination.get_by_text("Envoyée à la CAF", exact=True).first).to_be_visible()

    # She closes the thread, validates, writes the avis and signs it.
    adviser.goto(fiche.get_absolute_url())
    adviser.get_by_role("link", name="Marquer comme résolu").click()
    adviser.get_by_role("button", name="Marquer comme résolu").click()
    adviser.get_by_role("link", name="Valider", exact=True).click()
    adviser.get_by_role("button", name="Valider la fiche").click()
    expect(adviser.get_by_text("La fiche est validée.")).to_be_visible()
    adviser.goto("/a-relire/")
    adviser.get_by_role("link", name="Avis sur la fiche 1.1.2 Créer une ludothèque").click()
    adviser.get_by_role("link", name="Rédiger l’avis").click()
    adviser.get_by_label("Favorable avec réserves").check()
    adviser.get_by_label("Texte de l’avis").fill("Une action utile aux familles.")
    adviser.get_by_role("textbox", name="Réserve").first.fill("Le budget de la deuxième année manque.")
    adviser.get_by_role("button", name="Enregistrer le projet d’avis").click()
    adviser.get_by_role("link", name="Relire et signer").click()
    adviser.get_by_label("Votre fonction").fill("Conseillère technique")
    adviser.get_by_role("button", name="Signer l’avis").click()
    expect(adviser.get_by_text("L’avis est signé")).to_be_visible()

    avis = Avis.objects.get(fiche=fiche)
    draw_document.func(str(DocumentEmis.objects.get(avis=avis).pk))
    coordination.goto(avis.get_absolute_url())
    expect(coordination.get_by_text("Le budget de la deuxième année manque.")).to_be_visible()
    with coordination.expect_download() as waiting:
        coordination.get_by_role("link", name="PDF signé").click()
    with open(waiting.value.path(), "rb") as saved:
        assert saved.read() == bytes(DocumentEmis.objects.get(avis=avis).contenu)
    coordination.get_by_role("link", name="Répondre à la réserve 1").click()
    coordination.get_by_label("Réponse à la réserve").fill("La communauté de communes la porte.")
    coordination.get_by_role("button", name="Envoyer la réponse").click()
    expect(coordination.get_by_text("Répondue", exact=True)).to_be_visible()
    assert FicheAction.objects.get(pk=fiche.pk).redaction == "validee"
