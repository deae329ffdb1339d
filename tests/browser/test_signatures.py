"""A convention is signed by its last signature; an avenant then prolongs it. By clicking what people click."""

import datetime

import pytest
from playwright.sync_api import expect

from conventions.models import Avenant, Convention, Signataire
from tests.factories import PDF


@pytest.fixture
def convention(world):
    convention = world.convention
    convention.debut, convention.fin = datetime.date(2023, 1, 1), datetime.date(2026, 12, 31)
    convention.statut = Convention.Statut.PREPARATION
    convention.save()
    Avenant.objects.all().delete()
    return convention


def test_last_signature_then_an_avenant(open_as, world, convention):
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{convention.code}/convention/")
    page.get_by_role("link", name="Signatures et avenants").click()
    expect(page.get_by_text("1 sur 2 signé")).to_be_visible()
    expect(page.get_by_text("La signature de CAF du Lot manque.")).to_be_visible()

    page.get_by_role("link", name="Enregistrer la signature de CAF du Lot").click()
    page.get_by_label("Signé le").fill("2023-02-10")
    page.get_by_label("Représentée par").fill("Claude Ségala")
    page.get_by_label("Exemplaire signé").set_input_files(
        {"name": "exemplaire signé.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.get_by_role("button", name="Enregistrer la signature").click()
    expect(page.get_by_text("C’était la dernière")).to_be_visible()

    page.get_by_role("link", name="Déclarer la convention signée").click()
    page.locator("main button[type=submit]").click()
    expect(page.get_by_text("La convention est maintenant « signée ».")).to_be_visible()
    convention.refresh_from_db()
    assert (convention.statut, convention.signee_le) == ("signee", datetime.date(2023, 2, 10))
    signed = Signataire.objects.get(convention=convention, organisation__nom="CAF du Lot")
    assert signed.copie.nom_fichier == "exemplaire signé.pdf"

    page.get_by_role("link", name="Signatures et avenants").click()
    page.get_by_role("link", name="Nouvel avenant").click()
    page.get_by_label("Objet").fill("Prolongation d’un an")
    page.get_by_label("Nouvelle fin").fill("2027-12-31")
    page.get_by_role("button", name="Enregistrer l’avenant").click()
    expect(page.get_by_text("L’avenant est en projet")).to_be_visible()

    page.get_by_role("link", name="Enregistrer la signature").click()
    page.get_by_label("Signé le").fill("2025-03-14")
    page.get_by_role("button", name="Enregistrer la signature de l’avenant").click()
    expect(page.get_by_text("L’avenant est signé")).to_be_visible()
    expect(page.get_by_role("cell", name="du 1er janvier 2023 au 31 décembre 2026")).to_be_visible()
    convention.refresh_from_db()
    assert convention.fin == datetime.date(2027, 12, 31)


def test_anyone_downloads_a_public_document(open_as, world):
    page = open_as()
    page.goto(f"/publications/{world.convention.code}/")
    with page.expect_download() as waiting:
        page.get_by_role("link", name=world.objects["depose"].titre).click()

    assert waiting.value.suggested_filename == "deliberation.pdf"
    with open(waiting.value.path(), "rb") as saved:
        assert saved.read() == PDF
