"""A convocation from end to end: looked at, launched, received, answered on a phone without an account."""

import datetime
import re

from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from governance.departs import send_due
from governance.emissions import draw_document
from governance.models import Envoi
from tests.factories import InstanceFactory, MembreInstanceFactory, PointOrdreDuJourFactory, ReunionFactory


def test_coordination_convenes_and_a_phone_answers(open_as, world, settings, live_server):
    settings.PORTAIL_URL = live_server.url
    instance = InstanceFactory(convention=world.convention, intitule="Comité technique", quorum=1)
    MembreInstanceFactory(instance=instance, nom="Ana Vidal", email="ana@example.org")
    reunion = ReunionFactory(instance=instance, debut=timezone.now() + datetime.timedelta(days=20))
    PointOrdreDuJourFactory(reunion=reunion, intitule="Où en sont les fiches")
    page = open_as(world.people["coordination"])
    page.goto(reunion.get_absolute_url())
    page.get_by_role("button", name="Préparer la convocation").click()
    page.get_by_role("link", name="Modifier").click()
    page.get_by_label("Message").fill("Un café vous attend dès 9 h.")
    page.get_by_role("button", name="Enregistrer et relire").click()
    expect(page.get_by_text("Un café vous attend dès 9 h.")).to_be_visible()
    page.get_by_role("button", name="Envoyer à 1 personne").click()
    expect(page.locator("main p[role=status]")).to_contain_text("Rien n’est encore parti.")
    assert mail.outbox == []

    # The window is past: the worker draws the file and sends.
    envoi = Envoi.objects.get(reunion=reunion)
    draw_document.func(str(envoi.documents.get().pk))
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now())
    send_due.func()
    (message,) = mail.outbox
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
