"""A meeting from its convocation to the minutes that its members hold, in the browser.

An answer from a phone, a dossier read by a link, two screens, one network that fails, a decision on two fiches, two
approvals.
"""

import datetime
import re

from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from governance.departs import send_due
from governance.emissions import draw_document
from governance.models import Decision, Envoi, Reunion
from tests.factories import (
    FicheActionFactory,
    InstanceFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
)


def leave(reunion):
    """The window is past: the worker draws the files and sends; the messages that left."""
    for document in reunion.documents.filter(contenu=None):
        draw_document.func(str(document.pk))
    mail.outbox.clear()
    Envoi.objects.filter(reunion=reunion).update(part_le=timezone.now())
    send_due.func()
    return list(mail.outbox)


def nothing_waits(page):
    """No word is on the device alone any more."""
    for _ in range(100):
        if not page.evaluate("Object.keys(localStorage).some((key) => key.startsWith('ctg-notes'))"):
            return
        page.wait_for_timeout(100)
    raise AssertionError("words still wait on the device")


def test_from_the_convocation_to_the_minutes_of_a_decision_on_two_fiches(
    open_as, world, settings, live_server
):
    settings.PORTAIL_URL = live_server.url
    axe = world.objects["axe"]
    navette, relais = (
        FicheActionFactory(axe=axe, intitule=name, avancement="en_cours") for name in ("Navette", "Relais")
    )
    instance = InstanceFactory(convention=world.convention, intitule="Comité technique", quorum=1)
    MembreInstanceFactory(
        instance=instance,
        nom="Ana Vidal",
        email="ana@example.org",
        organisation=OrganisationFactory(nom="MSA du Lot"),
    )
    reunion = ReunionFactory(instance=instance, debut=timezone.now() + datetime.timedelta(days=20))
    point = PointOrdreDuJourFactory(reunion=reunion, intitule="Mobilité", duree=20, ordre=1)
    point.fiches.set([navette, relais])
    PointOrdreDuJourFactory(reunion=reunion, intitule="Divers", ordre=2)

    page = open_as(world.people["coordination"], expected_error="Failed to load resource")
    page.goto(reunion.get_absolute_url())
    page.get_by_role("button", name="Préparer la convocation").click()
    page.get_by_role("link", name="Modifier").click()
    page.get_by_label("Message").fill("Un café vous attend dès 9 h.")
    page.get_by_role("button", name="Enregistrer et relire").click()
    expect(page.get_by_text("Un café vous attend dès 9 h.")).to_be_visible()
    page.get_by_role("button", name="Envoyer à 1 personne").click()
    expect(page.locator("main p[role=status]")).to_contain_text("Rien n’est encore parti.")
    assert mail.outbox == []

    (message,) = leave(reunion)
    assert message.attachments[0].content.startswith(b"%PDF")
    (address,) = set(re.findall(r"http\S+/reponse/\S+", message.body))

    phone = open_as(width=360, height=740)
    phone.goto(address)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Comité technique")
    phone.get_by_role("button", name="Je serai présent·e").click()
    expect(phone.get_by_role("status")).to_contain_text("Votre réponse est enregistrée : Présent·e")
    assert phone.context.cookies() == []

    page.goto(reunion.get_absolute_url())
    page.get_by_role("link", name="Personnes attendues").click()
    expect(page.get_by_text("Le quorum (1 voix) serait atteint.")).to_be_visible()
    expect(page.get_by_role("row", name="Ana Vidal")).to_contain_text("Présent·e")

    # The dossier, read by a link on the same phone.
    page.goto(reunion.get_absolute_url())
    page.get_by_role("link", name="Dossier de séance").click()
    page.get_by_role("button", name="Émettre le dossier").click()
    page.wait_for_url("**/documents/*/")
    draw_document.func(str(reunion.documents.get(nature="dossier_seance").pk))
    page.get_by_role("link", name="Nouveau lien").click()
    page.get_by_label("Pour qui").fill("Ana Vidal")
    page.get_by_role("button", name="Créer").click()
    phone.goto(page.get_by_label("Adresse du lien pour Ana Vidal").input_value())
    expect(phone.get_by_text("Navette").first).to_be_visible()

    # The day comes.
    Reunion.objects.filter(pk=reunion.pk).update(debut=timezone.now() - datetime.timedelta(minutes=5))
    seance = f"{reunion.get_absolute_url()}seance/"
    page.goto(reunion.get_absolute_url())
    page.get_by_role("link", name="Ouvrir la séance").click()
    page.locator("main button[type=submit]").click()
    page.get_by_role("link", name="Écran de séance").click()
    page.get_by_role("link", name="Présences").click()
    page.get_by_label("Ana Vidal").select_option("present")
    page.get_by_role("button", name="Enregistrer les présences").click()
    expect(page.get_by_text("1 voix sur 1")).to_be_visible()
    page.get_by_role("button", name="Aborder ce point").click()
    expect(page.locator("[data-chrono]")).to_contain_text("0 min")

    # Two secretaries on one point: the second is told, and keeps both texts.
    other = open_as(world.people["coordination"], expected_error="Failed to load resource")
    other.goto(seance)
    page.get_by_role("textbox", name="Notes").fill("Tour de table.")
    expect(page.locator("[data-notes-etat]")).to_contain_text("Enregistré à")
    other.get_by_role("textbox", name="Notes").fill("Deux circuits proposés.")
    other.get_by_role("button", name="Garder les deux").click()
    expect(other.locator("[data-notes-etat]")).to_contain_text("Enregistré à")
    # The network goes, the tab is closed: what was typed comes back from the device and is sent.
    other.context.set_offline(True)
    other.get_by_role("textbox", name="Notes").fill("Tour de table. Deux circuits retenus.")
    expect(other.locator("[data-notes-etat]")).to_contain_text("Hors connexion")
    other.get_by_role("button", name="Enregistrer les notes").click()
    other.get_by_role("button", name="Enregistrer la décision").click()
    expect(other.locator(".seance-decision [data-hors-connexion]")).to_be_visible()
    context = other.context
    other.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(seance)
    # Sent by the page that went, or from this one: either way nothing waits on the device any more.
    nothing_waits(again)
    point.refresh_from_db()
    assert point.notes == "Tour de table. Deux circuits retenus."

    # A reply is lost on the way: what the portal took from this screen is nobody else's.
    notes = again.get_by_role("textbox", name="Notes")
    again.route("**/notes/", lambda route: (route.fetch(), route.abort()), times=1)
    notes.fill("Tour de table. Deux circuits retenus. Coût")
    expect(again.locator("[data-notes-etat]")).to_contain_text("Hors connexion")
    notes.press_sequentially(" partagé.")
    expect(again.locator("[data-notes-etat]")).to_contain_text("Enregistré à")
    expect(again.locator("[data-notes-autre]")).to_be_hidden()
    # The last words leave with the page, or from the next one.
    notes.press_sequentially(" Fin à 19 h.")
    again.get_by_role("link", name="2. Divers").click()
    expect(again.get_by_role("heading", name="Divers")).to_be_visible()
    nothing_waits(again)
    point.refresh_from_db()
    assert point.notes == "Tour de table. Deux circuits retenus. Coût partagé. Fin à 19 h."

    # A decision that changes two fiches, seen before it is kept.
    page.goto(seance)
    page.get_by_role("combobox", name="Nature").select_option("report")
    page.get_by_role("textbox", name="Décision").fill("La navette est reportée, le relais suspendu.")
    page.locator("[name=effets-0-effet]").select_option("report")
    day = timezone.localdate() + datetime.timedelta(days=200)
    page.locator("[name=effets-0-nouvelle_echeance]").fill(day.isoformat())
    page.locator("[name=effets-1-effet]").select_option("pause")
    page.get_by_role("button", name="Enregistrer la décision").click()
    expect(page.locator(".seance-decision .alert-info")).to_contain_text("passe en pause")
    page.get_by_role("button", name="Confirmer et enregistrer").click()
    expect(page.locator("#prises")).to_be_visible()
    navette.refresh_from_db()
    relais.refresh_from_db()
    assert {navette.echeance, relais.avancement} == {day, "en_pause"}
    decision = Decision.objects.get(reunion=reunion)
    page.goto(relais.get_absolute_url())
    expect(page.get_by_text(str(decision)).first).to_be_visible()

    # Minutes from the notes, approved by both sides, sent to the members.
    page.goto(seance)
    page.get_by_role("link", name="Clore la séance").click()
    page.locator("main button[type=submit]").click()
    page.get_by_role("link", name="Compte rendu", exact=True).click()
    page.get_by_role("button", name="Commencer le compte rendu").click()
    expect(page.get_by_text("Deux circuits retenus.")).to_be_visible()
    page.get_by_role("button", name="Soumettre à l’approbation").click()
    for role in ("pilotage", "relecture"):
        reader = open_as(world.people[role])
        reader.goto(f"{reunion.get_absolute_url()}compte-rendu/")
        reader.get_by_role("link", name="Donner un avis").click()
        reader.get_by_role("combobox", name="Avis").select_option("approuve")
        reader.get_by_label("Prénom et nom").fill("Présidence")
        reader.get_by_role("button", name="Enregistrer l’avis").click()
        expect(reader.get_by_text("Votre avis est enregistré.")).to_be_visible()
    for document in reunion.documents.filter(contenu=None):
        draw_document.func(str(document.pk))
    settings.ENVOI_DELAI = 0
    page.reload()
    page.get_by_role("button", name="Diffuser aux membres").click()
    expect(page.get_by_text("Le compte rendu a été approuvé par l’intercommunalité")).to_be_visible()
    page.get_by_role("button", name="Envoyer à 1 personne").click()
    expect(page.locator("main p[role=status]")).to_be_visible()
    (message,) = leave(reunion)
    assert len([piece for piece in message.attachments if piece.filename.endswith(".pdf")]) == 2
    reunion.refresh_from_db()
    assert reunion.statut == Reunion.Statut.DIFFUSEE
    page.goto(reunion.get_absolute_url())
    expect(page.get_by_role("link", name="Écran de séance")).to_have_count(0)
