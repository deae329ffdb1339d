"""E-mails about a meeting: seen before, stopped if need be, handed once. A real SMTP server answers; vobject, which
wrote none of it, reads the calendar entries."""

import datetime
import io

import pytest
import vobject
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from ctg_portal.models import Battement
from ctg_portal.workflow import TransitionError
from governance.apercus import preview_of
from governance.brouillons import draft_of
from governance.convocations import prepare_presences
from governance.departs import begin, plan_envois, send_due
from governance.envois import launch
from governance.forms.reunions import ReunionForm
from governance.models import Destinataire, DocumentEmis, Envoi, Reunion
from governance.models.envoi import PRISE_MAX
from governance.suivi import expected_at, follow_up
from tests.actions.test_lettres import Boite, letter, parts_of, server
from tests.actions.test_pages import log_in
from tests.factories import (
    InstanceFactory,
    MembreInstanceFactory,
    PointOrdreDuJourFactory,
    PresenceFactory,
    ReunionFactory,
    UserFactory,
)

MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)
HOSTILE = 'Ana ; , \\ « é »\r\nEND:VEVENT\r\nBcc: x@example.org\u2028"<b>' + "x" * 60
Suite = Destinataire.Statut


@pytest.fixture
def smtp(settings):
    with server(settings, Boite()) as boite:
        yield boite


def draw():
    """The file of a convocation is there, without the seconds of drawing it: that is tested with the others."""
    contenu = b"%PDF-1.7 convocation"
    DocumentEmis.objects.filter(nature="convocation", statut="en_preparation").update(
        statut="pret", source="", contenu=contenu, sha256="0" * 64, taille=len(contenu), pages=1
    )


@pytest.fixture
def by():
    return UserFactory(nom="Camille Bourian", email="camille@example.org", fonction="Chargée de coopération")


def meeting(nombre=2, **fields):
    """A COPIL in two weeks, with that many members, each with an address."""
    instance = InstanceFactory(intitule="Comité de pilotage")
    reunion = ReunionFactory(instance=instance, **fields)
    PointOrdreDuJourFactory(reunion=reunion, intitule="Bilan de l’année")
    for rang in range(nombre):
        MembreInstanceFactory(
            instance=instance, ordre=rang, nom=f"Personne {rang}", email=f"personne{rang}@example.org"
        )
    return reunion


def launched(reunion, nature, by, **fields):
    """Written, looked at and launched."""
    envoi = draft_of(reunion, nature, by=by)
    for name, value in fields.items():
        setattr(envoi, name, value)
    envoi.save()
    envoi = Envoi.objects.get(pk=envoi.pk)
    envoi = launch(envoi, by=by, seen=preview_of(envoi, by=by).marque)
    draw()
    return envoi


def when_due(envoi):
    """The window is past: the worker comes."""
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE, prochain_essai=None)
    send_due.func()
    envoi.refresh_from_db()
    return envoi


def outcomes(envoi):
    return list(envoi.destinataires.values_list("statut", flat=True))


def calendar_of(message):
    (part,) = (part for part in message.walk() if part.get_content_type() == "text/calendar")
    (calendar,) = vobject.readComponents(part.get_content())
    return part, calendar


def test_a_convocation_is_received(smtp, by, settings):
    settings.PORTAIL_URL = "https://portail.example.org"
    reunion = meeting(1, debut=datetime.datetime(timezone.now().year + 1, 7, 8, 16, 0, tzinfo=datetime.UTC))
    envoi = launched(reunion, "convocation", by, message="Merci de votre présence.")
    presence = reunion.presences.get()
    reunion.refresh_from_db()
    assert reunion.statut == Reunion.Statut.PREPARATION

    when_due(envoi)

    (envelope,) = smtp.received
    message = letter(envelope)
    assert envelope.rcpt_tos == ["personne0@example.org"]
    assert message["From"] == f"CTG {reunion.convention.territoire.nom_court} <portail@example.org>"
    assert message["Reply-To"] == "camille@example.org"
    text, html = parts_of(message)
    for words in (text, html):
        assert f"https://portail.example.org/reponse/{presence.cle}/" in words
        assert "Merci de votre présence." in words
        assert "Bilan de l’année" in words
        assert "de 18 h à 20 h" in words
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == [f"convocation-{names[0].split('convocation-')[1]}", "invitation.ics"]
    part, calendar = calendar_of(message)
    assert part["Content-Type"].params["method"] == calendar.method.value == "REQUEST"
    event = calendar.vevent
    assert event.uid.value == f"{reunion.uid}@portail-ctg"
    assert (event.sequence.value, event.status.value) == ("0", "CONFIRMED")
    assert event.dtstart.value == reunion.debut
    assert event.dtstart.value.utcoffset() == datetime.timedelta(hours=2)
    assert event.organizer.value == "mailto:camille@example.org"
    (attendee,) = event.attendee_list
    assert attendee.value == "mailto:personne0@example.org"
    assert attendee.params["RSVP"] == ["FALSE"]
    assert presence.cle not in part.get_content()
    assert all(len(line) <= 75 for line in part.get_payload(decode=True).splitlines())
    reunion.refresh_from_db()
    assert reunion.statut == Reunion.Statut.CONVOQUEE
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["envoye"])


def test_moved_then_cancelled_keeps_the_uid_and_raises_the_sequence(smtp, by, client):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion.presences.get().respond("present")
    log_in(client, reunion.convention)
    url = reverse("governance:reunion_edit", args=[reunion.convention.code, reunion.pk])
    form = client.get(url).context["form"]
    data = {bound.html_name: bound.value() or "" for bound in form}
    client.post(
        url, data | {"lieu": "Mairie", "debut": f"{timezone.localtime(reunion.debut + DAY):%Y-%m-%dT%H:%M}"}
    )
    reunion.refresh_from_db()
    suivi = follow_up(reunion, expected_at(reunion))
    # Nobody was written to by the change itself.
    assert (len(smtp.received), suivi.change, reunion.sequence) == (1, True, 1)

    when_due(launched(reunion, "modification", by))

    text, _ = parts_of(letter(smtp.received[1]))
    assert "Lieu\u00a0: Mairie (auparavant\u00a0: Salle des fêtes)" in text
    # The answers were for the other day.
    assert reunion.presences.get().reponse == "attente"
    reunion.move_to("annulee", by=by)
    assert follow_up(reunion, expected_at(reunion)).annulation_a_dire
    when_due(launched(reunion, "annulation", by))
    entries = [calendar_of(letter(envelope))[1] for envelope in smtp.received]
    assert [entry.method.value for entry in entries] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {entry.vevent.uid.value for entry in entries} == {f"{reunion.uid}@portail-ctg"}
    assert [entry.vevent.sequence.value for entry in entries] == ["0", "1", "2"]
    assert entries[2].vevent.status.value == "CANCELLED"
    said, _ = parts_of(letter(smtp.received[2]))
    assert "La réunion suivante est annulée" in said
    assert "Vous êtes attendu" not in said
    assert not follow_up(reunion, expected_at(reunion)).annulation_a_dire


def test_one_message_for_two_seats_and_none_without_an_address(smtp, by):
    reunion = meeting(1)
    instance = reunion.instance
    MembreInstanceFactory(instance=instance, ordre=5, nom="Personne 0", email="Personne0@example.org")
    MembreInstanceFactory(instance=instance, ordre=6, nom="Sans Adresse")

    envoi = when_due(launched(reunion, "convocation", by))

    assert len(smtp.received) == 1
    assert outcomes(envoi) == ["envoye", "sans_adresse"]
    text, _ = parts_of(letter(smtp.received[0]))
    assert text.count("Président·e") == 2


def test_nothing_leaves_before_the_window_nor_after_a_stop(smtp, by):
    reunion = meeting()
    envoi = launched(reunion, "convocation", by)
    assert MINUTE * 4 < envoi.part_le - timezone.now() <= MINUTE * 5
    assert not plan_envois()
    send_due.func()

    assert envoi.stop(by=by) == 0

    when_due(envoi)
    assert smtp.received == []
    assert (envoi.statut, outcomes(envoi)) == ("arrete", ["arrete", "arrete"])
    reunion.refresh_from_db()
    assert reunion.statut == Reunion.Statut.PREPARATION
    with pytest.raises(TransitionError, match="déjà arrêté"):
        envoi.stop(by=by)
    # Taken up where it was left, with the same document.
    again = launched(reunion, "convocation", by)
    assert again.documents.get() == envoi.documents.get()


def test_a_stop_while_sending_says_what_left(smtp, by):
    envoi = launched(meeting(3), "convocation", by)
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE)
    envoi = begin(envoi.pk)
    Destinataire.objects.claim(envoi).mark(Suite.ENVOYE)

    assert envoi.stop(by=by) == 1

    assert Destinataire.objects.claim(envoi) is None
    when_due(envoi)
    assert (envoi.statut, outcomes(envoi)) == ("arrete", ["envoye", "arrete", "arrete"])
    assert smtp.received == []


def test_a_crash_between_two_messages_sends_the_rest_once(smtp, by):
    envoi = launched(meeting(3), "convocation", by)
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE)
    # A worker sent the first, and died with the second in hand.
    envoi = begin(envoi.pk)
    Destinataire.objects.claim(envoi).mark(Suite.ENVOYE)
    Destinataire.objects.claim(envoi)

    when_due(envoi)
    assert (envoi.statut, outcomes(envoi)) == ("en_cours", ["envoye", "en_cours", "envoye"])

    # Nobody knows of the one that was in hand: it never leaves again by itself.
    Destinataire.objects.filter(statut="en_cours").update(pris_le=timezone.now() - PRISE_MAX - MINUTE)
    when_due(envoi)
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["envoye", "incertain", "envoye"])
    assert [envelope.rcpt_tos for envelope in smtp.received] == [["personne2@example.org"]]


def test_a_refused_address_is_written_and_sent_again_alone(smtp, by, client):
    reunion = meeting(2)
    smtp.answers = ["550 5.1.1 Boîte inconnue"]
    envoi = when_due(launched(reunion, "convocation", by))
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["echec", "envoye"])
    assert "550" in envoi.destinataires.first().erreur

    reunion.presences.filter(ordre=1).update(email="bonne@example.org")
    log_in(client, reunion.convention)
    client.post(reverse("governance:envoi_retry", args=[reunion.convention.code, envoi.pk]))
    when_due(envoi)

    assert [envelope.rcpt_tos for envelope in smtp.received] == [
        ["personne1@example.org"],
        ["bonne@example.org"],
    ]
    assert outcomes(envoi) == ["envoye", "envoye"]


def test_an_answer_that_gets_lost_is_uncertain_and_keeps_the_others(smtp, by):
    smtp.answers = ["silence"]
    envoi = when_due(launched(meeting(2), "convocation", by))
    assert outcomes(envoi) == ["incertain", "attente"]

    when_due(envoi)

    assert (envoi.statut, outcomes(envoi)) == ("parti", ["incertain", "envoye"])


def test_a_server_that_does_not_answer_is_asked_again(by, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    envoi = when_due(launched(meeting(1), "convocation", by))

    assert (envoi.statut, outcomes(envoi)) == ("en_cours", ["attente"])
    assert "ne répond pas" in envoi.motif
    assert envoi.prochain_essai > timezone.now()

    Envoi.objects.filter(pk=envoi.pk).update(updated_at=timezone.now() - 2 * DAY, prochain_essai=None)
    send_due.func()
    envoi.refresh_from_db()
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["echec"])


def test_words_that_people_typed_forge_nothing(smtp, by):
    reunion = meeting(1, lieu=HOSTILE, president=HOSTILE)
    by.nom = HOSTILE
    by.save()
    prepare_presences(reunion)
    reunion.presences.update(nom=HOSTILE, fonction=HOSTILE[:150])
    PointOrdreDuJourFactory(reunion=reunion, intitule=HOSTILE)

    when_due(launched(reunion, "convocation", by, objet=f"Objet\r\nBcc: x@example.org {HOSTILE}"[:150]))

    (envelope,) = smtp.received
    assert envelope.rcpt_tos == ["personne0@example.org"]
    message = letter(envelope)
    assert message["Bcc"] is None
    _, html = parts_of(message)
    assert "<b>" not in html
    _, calendar = calendar_of(message)
    assert len(calendar.vevent_list) == 1
    assert [attendee.value for attendee in calendar.vevent.attendee_list] == ["mailto:personne0@example.org"]


@pytest.mark.parametrize("address", ["a@b.fr\nBcc: x@example.org", "pas une adresse", "<a@b.fr>"])
def test_an_address_that_is_none_keeps_no_other_waiting(smtp, by, address):
    reunion = meeting(2)
    prepare_presences(reunion)
    reunion.presences.filter(ordre=1).update(email=address)

    envoi = when_due(launched(reunion, "convocation", by))

    assert outcomes(envoi) == ["echec", "envoye"]
    assert [envelope.rcpt_tos for envelope in smtp.received] == [["personne1@example.org"]]


def test_two_people_launch_the_same_draft_and_one_leaves(by):
    reunion = meeting()
    draft = draft_of(reunion, "convocation", by=by)
    assert draft_of(reunion, "convocation", by=UserFactory()) == draft
    seen = preview_of(draft, by=by).marque
    launch(draft, by=by, seen=seen)

    with pytest.raises(TransitionError, match="Camille Bourian l’a déjà lancé"):
        launch(draft, by=UserFactory(), seen=seen)
    second = draft_of(reunion, "convocation", by=by)
    with pytest.raises(TransitionError, match="déjà en partance"):
        launch(second, by=by, seen=preview_of(second, by=by).marque)


def test_what_is_launched_is_what_was_seen(by):
    reunion = meeting()
    draft = draft_of(reunion, "convocation", by=by)
    seen = preview_of(draft, by=by).marque
    PresenceFactory(reunion=reunion)

    with pytest.raises(TransitionError, match="a changé depuis que vous l’avez relu"):
        launch(draft, by=by, seen=seen)


@pytest.mark.parametrize("statut", ["moved", "cancelled"])
def test_a_meeting_that_changes_in_the_window_stops_what_was_leaving(smtp, by, statut):
    reunion = meeting()
    envoi = launched(reunion, "convocation", by)
    if statut == "moved":
        Reunion.objects.filter(pk=reunion.pk).update(sequence=1)
    else:
        reunion.move_to("annulee", by=by)

    when_due(envoi)

    assert smtp.received == []
    assert (envoi.statut, outcomes(envoi)) == ("arrete", ["arrete", "arrete"])
    assert "Rien n’est parti." in envoi.motif


def test_a_meeting_that_moves_between_two_messages_stops_the_rest(smtp, by):
    reunion = meeting(2)
    envoi = launched(reunion, "convocation", by)
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE)
    envoi = begin(envoi.pk)
    Destinataire.objects.claim(envoi).mark(Suite.ENVOYE)
    Reunion.objects.filter(pk=reunion.pk).update(sequence=1)

    assert Destinataire.objects.claim(envoi) is None

    when_due(envoi)
    assert (envoi.statut, outcomes(envoi)) == ("arrete", ["envoye", "arrete"])
    assert "Un courriel était déjà parti." in envoi.motif
    assert smtp.received == []


def test_a_reminder_goes_to_those_who_have_not_answered_when_it_leaves(smtp, by):
    reunion = meeting(3)
    when_due(launched(reunion, "convocation", by))
    un, deux, _ = reunion.presences.all()
    un.respond("present")
    reunion.refresh_from_db()
    envoi = launched(reunion, "rappel", by, jours_avant=5)
    assert timezone.localtime(envoi.part_le).hour == 9
    assert timezone.localtime(envoi.part_le).date() == reunion.jour - 5 * DAY
    assert not envoi.destinataires.exists()
    deux.respond("excuse")
    del smtp.received[:]

    when_due(envoi)

    assert [envelope.rcpt_tos for envelope in smtp.received] == [["personne2@example.org"]]
    text, _ = parts_of(letter(smtp.received[0]))
    assert "Vous n’avez pas encore répondu" in text


def test_a_reminder_with_nobody_left_to_remind(smtp, by):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion.refresh_from_db()
    envoi = launched(reunion, "rappel", by, jours_avant=5)
    reunion.presences.get().respond("present")

    when_due(envoi)

    assert (envoi.statut, len(smtp.received)) == ("parti", 1)


@pytest.mark.parametrize(("days", "statut"), [(10, "programme"), (3, "arrete")])
def test_a_reminder_follows_its_meeting_and_never_leaves_unseen(by, days, statut):
    reunion = meeting(1, statut="convoquee")
    envoi = launched(reunion, "rappel", by, jours_avant=5)
    form = ReunionForm(instance=reunion)
    data = {bound.html_name: bound.value() or "" for bound in form}
    debut = timezone.localtime(timezone.now() + days * DAY)

    ReunionForm(data | {"debut": f"{debut:%Y-%m-%dT%H:%M}"}, instance=reunion).save()

    envoi.refresh_from_db()
    assert envoi.statut == statut
    if statut == "programme":
        assert timezone.localtime(envoi.part_le).date() == debut.date() - 5 * DAY


def test_a_reminder_that_would_be_past_is_refused(by):
    reunion = meeting(1, statut="convoquee", debut=timezone.now() + 2 * DAY)

    with pytest.raises(TransitionError, match="Ce jour est déjà passé"):
        launched(reunion, "rappel", by, jours_avant=5)


def test_whoever_sits_since_is_convened_alone(smtp, by):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    MembreInstanceFactory(instance=reunion.instance, ordre=9, email="nouvelle@example.org")
    prepare_presences(reunion)
    reunion.refresh_from_db()

    when_due(launched(reunion, "convocation", by))

    assert [envelope.rcpt_tos[0] for envelope in smtp.received] == [
        "personne0@example.org",
        "nouvelle@example.org",
    ]


def test_whoever_replaces_a_member_between_two_messages_is_convened(smtp, by):
    reunion = meeting(2)
    when_due(launched(reunion, "convocation", by))
    membre = reunion.instance.membres.first()
    membre.nom, membre.email = "Nouvelle Maire", "nouvelle@example.org"
    membre.save()
    prepare_presences(reunion)
    reunion.refresh_from_db()
    del smtp.received[:]

    when_due(launched(reunion, "convocation", by))

    assert [envelope.rcpt_tos for envelope in smtp.received] == [["nouvelle@example.org"]]
    # What the former was sent stays written.
    assert Destinataire.objects.get(email="personne0@example.org").presence is None


def test_a_document_that_cannot_be_drawn_stops_the_sending(smtp, by):
    reunion = meeting()
    document = DocumentEmis.objects.create(
        convention=reunion.convention,
        reunion=reunion,
        nature="dossier_seance",
        titre="Dossier",
        nom_fichier="dossier.pdf",
        html="<p>-</p>",
        auteur=by,
    )
    envoi = draft_of(reunion, "convocation", by=by)
    envoi.documents.add(document)
    launch(envoi, by=by, seen=preview_of(envoi, by=by).marque)
    draw()
    when_due(envoi)
    assert (envoi.statut, envoi.motif) == ("programme", "Un document joint se prépare encore.")

    DocumentEmis.objects.filter(pk=document.pk).update(statut="echec")
    when_due(envoi)
    assert (envoi.statut, smtp.received) == ("arrete", [])


def test_eighty_members_in_a_constant_number_of_queries(by, client):
    reunion = meeting(80)
    envoi = launched(reunion, "convocation", by)
    log_in(client, reunion.convention)
    url = envoi.get_absolute_url()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).text.count("@example.org") >= 80
    assert len(queries) <= 15

    when_due(envoi)

    assert len(mail.outbox) == len({message.to[0] for message in mail.outbox}) == 80
    export = client.get(reverse("governance:envois_export", args=[reunion.convention.code, reunion.pk]))
    sheet = load_workbook(io.BytesIO(export.content)).active
    assert (sheet.max_row, sheet["F2"].value) == (81, "Envoyé")


def test_page_says_that_nothing_left_when_the_worker_is_down(by, client):
    reunion = meeting(1)
    envoi = launched(reunion, "convocation", by)
    log_in(client, reunion.convention)
    said = "Le service d’envoi ne répond pas : rien n’est encore parti"

    assert said in client.get(envoi.get_absolute_url()).text
    Battement.beat("ouvrier")
    assert said not in client.get(envoi.get_absolute_url()).text


def test_preview_shows_the_message_and_hides_the_keys(by, client):
    reunion = meeting(1)
    MembreInstanceFactory(instance=reunion.instance, ordre=7, nom="Sans Adresse")
    draft = draft_of(reunion, "convocation", by=by)
    log_in(client, reunion.convention)

    page = client.get(draft.get_absolute_url()).text

    assert "1 sans adresse" in page
    assert "personne0@example.org" in page
    assert "Bilan de l’année" in page
    assert not any(cle in page for cle in reunion.presences.values_list("cle", flat=True))


def test_worker_is_asked_once(by):
    envoi = launched(meeting(1), "convocation", by)
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE)

    assert plan_envois()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"statut": "programme"}, "envoi_lance_date"),
        ({"jours_avant": 3}, "envoi_jours_avant_rappel"),
    ],
)
def test_database_refuses_a_sending_that_cannot_be(by, fields, constraint):
    reunion = meeting(1)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Envoi.objects.create(reunion=reunion, nature="convocation", objet="-", auteur=by, **fields)


def test_database_keeps_one_draft_and_one_departure(by):
    reunion = meeting(1)
    fields = {"reunion": reunion, "nature": "convocation", "objet": "-", "auteur": by}
    Envoi.objects.create(**fields)
    Envoi.objects.create(**fields, statut="programme", part_le=timezone.now())

    for more, constraint in (
        ({}, "envoi_un_brouillon"),
        ({"statut": "en_cours", "part_le": timezone.now()}, "envoi_un_a_la_fois"),
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Envoi.objects.create(**fields, **more)
