"""From the proposed text to the document: an article is adapted, the Word file downloaded, the PDF asked."""

import docx
from playwright.sync_api import expect

from conventions.models import ArticleConvention, Impression


def test_coordination_adapts_an_article_and_takes_the_files(open_as, world, tmp_path):
    ArticleConvention.objects.all().delete()
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/convention/")
    page.get_by_role("link", name="Texte de la convention").click()
    expect(page.get_by_text("Articles proposés par le portail.")).to_be_visible()

    page.get_by_role("link", name="Modifier : Article 1 – Objet de la convention").click()
    page.get_by_label("Texte").fill("Un projet pour [territoire].")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("status").filter(has_text="L’article est enregistré.")).to_be_visible()
    expect(page.get_by_text(f"Un projet pour {world.convention.territoire.nom}.")).to_be_visible()
    expect(page.get_by_text("Articles proposés par le portail.")).to_be_hidden()

    with page.expect_download() as waiting:
        page.get_by_role("link", name="Word (.docx)").click()
    waiting.value.save_as(tmp_path / "convention.docx")
    assert waiting.value.suggested_filename.startswith("convention-ctg-val-")
    words = [paragraph.text for paragraph in docx.Document(tmp_path / "convention.docx").paragraphs]
    assert f"Un projet pour {world.convention.territoire.nom}." in words

    page.get_by_role("button", name="Préparer le PDF").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"Convention territoriale globale – {world.convention.territoire.nom} – {world.convention.periode}"
    )
    assert Impression.objects.filter(nom_fichier__startswith="convention-ctg-val-").count() == 1
    page.get_by_role("link", name="Revenir à la page du document").click()
    expect(page.get_by_role("heading", name="Texte de la convention")).to_be_visible()
