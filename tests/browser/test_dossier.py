"""An élu without an account reads on a telephone what the coordination chose, and nothing else."""

from playwright.sync_api import expect

from governance.emissions import draw_document
from governance.models import DocumentEmis, LienPublic


def test_elu_without_account_reads_the_parts_that_were_chosen(open_as, world):
    office = open_as(world.people["coordination"])
    office.goto(f"/conventions/{world.convention.code}/gouvernance/reunions/{world.reunion.pk}/dossier/")
    office.get_by_role("link", name="Choisir les parties").click()
    office.get_by_label("Membres", exact=True).uncheck()
    office.get_by_label("Place de « Budget du plan »").fill("1")
    office.get_by_role("button", name="Enregistrer les parties").click()
    expect(office.get_by_text("Les parties du dossier sont enregistrées.")).to_be_visible()
    office.get_by_role("button", name="Émettre le dossier").click()
    document = DocumentEmis.objects.get(reunion=world.reunion, version=2)
    draw_document.func(str(document.pk))
    office.get_by_role("link", name="Nouveau lien").click()
    office.get_by_label("Pour qui").fill("Maire de Salviac")
    office.get_by_role("button", name="Créer").click()
    address = office.get_by_label("Adresse du lien pour Maire de Salviac").input_value()

    phone = open_as(width=360, height=740, has_touch=True, is_mobile=True)
    phone.goto(address)
    titles = phone.get_by_role("heading", level=2).all_inner_texts()
    assert titles[:5] == ["Ce lien", "La séance", "À décider", "Décisions demandées", "Budget du plan"]
    assert "Membres" not in titles
    with phone.expect_download() as waiting:
        phone.get_by_role("button", name="Télécharger le fichier").click()
    document.refresh_from_db()
    with open(waiting.value.path(), "rb") as saved:
        assert saved.read() == bytes(document.contenu)
    assert LienPublic.objects.get(document=document).telechargements == 1
    assert not phone.context.cookies()

    office.get_by_role("link", name="Révoquer").click()
    office.get_by_role("button", name="Révoquer le lien").click()
    closed = open_as(width=360, height=740, expected_error="404")
    closed.goto(address)
    expect(closed.get_by_role("heading", name="Ce lien n’ouvre aucun document")).to_be_visible()
