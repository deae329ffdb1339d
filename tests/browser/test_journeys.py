"""The four journeys the portal is for, in a real browser, by clicking what people click."""

import pytest
from playwright.sync_api import expect

from actions.models import FicheAction
from governance.emissions import draw_document
from governance.models import Decision, DocumentEmis


@pytest.fixture
def home(world):
    return f"/conventions/{world.convention.code}/"


def test_coordination_edits_and_submits_a_fiche(open_as, world, home):
    page = open_as(world.people["coordination"])
    page.goto(home)
    page.get_by_role("link", name="Plan d’actions", exact=True).click()
    page.get_by_role("link", name="Ouvrir un relais itinérant").click()
    page.get_by_role("link", name="Modifier « Contexte »").click()
    page.get_by_label("Besoins constatés").fill("Trente familles sans mode de garde.")
    page.get_by_role("button", name="Enregistrer").click()

    expect(page.get_by_role("status").filter(has_text="« Contexte » est enregistrée.")).to_be_visible()
    expect(page.get_by_text("Trente familles sans mode de garde.")).to_be_visible()

    page.get_by_role("link", name="Étapes", exact=True).click()
    page.get_by_role("button", name="Ajouter une étape").click()
    page.locator("[name='etapes-4-intitule']").fill("Louer le local de Salviac")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("rowheader", name="Louer le local de Salviac")).to_be_visible()

    page.get_by_role("link", name="Envoyer à la CAF").click()
    page.get_by_role("button", name="Envoyer à la relecture").click()

    expect(page.get_by_text("La fiche est envoyée à la CAF.")).to_be_visible()
    fiche = FicheAction.objects.get(pk=world.fiche.pk)
    assert (fiche.redaction, fiche.besoins) == ("en_relecture", "Trente familles sans mode de garde.")


def test_words_survive_a_closed_tab(open_as, world, home):
    page = open_as(world.people["coordination"])
    section = f"{home}plan/fiches/{world.fiche.pk}/modifier/contexte/"
    page.goto(section)
    page.get_by_label("Besoins constatés").fill("Trente familles sans mode de garde.")
    expect(page.get_by_text("Brouillon gardé à")).to_be_visible()
    page.close()

    back = open_as(world.people["coordination"], width=360)
    back.goto(section)
    expect(back.get_by_text("Vous aviez commencé à modifier cette rubrique")).to_be_visible()
    back.get_by_role("link", name="Reprendre mon brouillon").click()
    expect(back.get_by_label("Besoins constatés")).to_have_value("Trente familles sans mode de garde.")
    back.get_by_role("button", name="Enregistrer").click()

    expect(back.get_by_text("« Contexte » est enregistrée.")).to_be_visible()
    assert FicheAction.objects.get(pk=world.fiche.pk).besoins == "Trente familles sans mode de garde."
    back.goto(section)
    expect(back.get_by_text("Vous aviez commencé")).to_have_count(0)


def test_words_survive_a_dead_network_and_a_lost_session(open_as, world, home):
    page = open_as(world.people["coordination"], expected_error="Failed to load resource")
    page.goto(f"{home}plan/fiches/{world.fiche.pk}/modifier/contexte/")
    besoins = page.get_by_label("Besoins constatés")
    page.route("**/brouillon/", lambda route: route.abort())
    besoins.fill("Trente familles.")
    expect(page.get_by_text("le réseau ne répond pas")).to_be_visible()
    page.unroute("**/brouillon/")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    besoins.press_sequentially(" Et une autre.")
    expect(page.get_by_text("Votre session a pris fin")).to_be_visible()

    page.context.add_cookies(cookies)
    besoins.press_sequentially(" Puis deux.")

    expect(page.get_by_text("Brouillon gardé à")).to_be_visible()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("« Contexte » est enregistrée.")).to_be_visible()
    assert FicheAction.objects.get(pk=world.fiche.pk).besoins == "Trente familles. Et une autre. Puis deux."


def test_adviser_comments_and_validates(open_as, world):
    page = open_as(world.people["relecture"])
    page.goto("/")
    page.get_by_role("navigation", name="Navigation principale").get_by_role("link", name="À relire").click()
    page.get_by_role("link", name="1.1.2 Créer une ludothèque").click()
    page.get_by_role("link", name="Commenter « Moyens »").click()
    page.get_by_label("Commentaire").fill("Qui paie la deuxième année ?")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Qui paie la deuxième année")).to_be_visible()

    page.get_by_role("link", name="Valider", exact=True).click()
    expect(page.get_by_text("1 commentaire reste ouvert.")).to_be_visible()
    page.get_by_role("button", name="Valider la fiche").click()

    expect(page.get_by_text("La fiche est validée.")).to_be_visible()
    assert FicheAction.objects.get(pk=world.objects["en_relecture"].pk).redaction == "validee"


def test_elu_downloads_the_dossier_on_a_phone(open_as, world, home):
    office = open_as(world.people["coordination"])
    office.goto(f"{home}gouvernance/reunions/{world.reunion.pk}/dossier/")
    office.get_by_role("button", name="Émettre le dossier").click()
    expect(office.get_by_text("Le dossier de séance est émis")).to_be_visible()
    expect(office.get_by_text("Le fichier se prépare")).to_be_visible()
    issued = DocumentEmis.objects.get(reunion=world.reunion, version=2)
    draw_document.func(str(issued.pk))
    expect(office.get_by_role("link", name="Télécharger (PDF")).to_be_visible()
    issued.refresh_from_db()

    phone = open_as(world.people["pilotage"], width=360, height=740, has_touch=True, is_mobile=True)
    phone.goto("/")
    link = phone.locator(f"a[href$='{issued.pk}/fichier/']").first
    with phone.expect_download() as waiting:
        link.click()

    file = waiting.value
    assert file.suggested_filename == issued.nom_fichier
    with open(file.path(), "rb") as saved:
        assert saved.read() == bytes(issued.contenu)
    assert bytes(issued.contenu).startswith(b"%PDF-")


def test_decision_abandons_a_fiche(open_as, world, home):
    page = open_as(world.people["coordination"])
    page.goto(f"{home}gouvernance/reunions/{world.objects['tenue'].pk}/decisions/nouvelle/")
    page.get_by_label("Nature").select_option("abandon")
    page.get_by_label("Décision", exact=False).last.fill("Le COPIL renonce au relais itinérant.")
    page.locator("[name='effets-0-fiche']").select_option(str(world.fiche.pk))
    page.locator("[name='effets-0-effet']").select_option("abandon")
    page.get_by_role("button", name="Prévisualiser les effets").click()
    expect(page.get_by_text("1.1.1 passe à abandonnée (avant : à venir)")).to_be_visible()
    assert FicheAction.objects.get(pk=world.fiche.pk).avancement == "a_venir"

    page.get_by_role("button", name="Confirmer et enregistrer").click()
    expect(page.get_by_text("est enregistrée.")).to_be_visible()

    decision = Decision.objects.get(texte="Le COPIL renonce au relais itinérant.")
    page.goto(f"{home}plan/fiches/{world.fiche.pk}/")
    expect(page.get_by_text("Abandonnée", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name=decision.numero)).to_be_visible()
    assert FicheAction.objects.get(pk=world.fiche.pk).avancement == "abandonnee"


def test_a_second_press_of_a_form_on_its_way_is_left_aside(open_as, world, home):
    page = open_as(world.people["coordination"])
    page.goto(f"{home}plan/fiches/{world.fiche.pk}/notes/nouvelle/")

    sent = page.locator("main form").evaluate(
        "form => [1, 2].map(() => form.dispatchEvent(new SubmitEvent('submit', {bubbles: true, cancelable: true})))"
    )

    assert sent == [True, False]
