"""Digests: one a person, handed once at most to the mail server, whatever breaks. A real SMTP server answers."""

import datetime
import email
import email.policy
import socket
import threading
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from actions import lettres
from actions.courriel import plain, unsubscribe_token
from actions.lettres import compose, deliver, make_rounds, plan_rounds, remind_once_a_day
from actions.models import (
    AbonnementCourriel,
    FicheAction,
    Genre,
    Lettre,
    Notification,
    ReglageNotification,
    Routine,
)
from actions.models.lettre import ESSAIS
from conventions.models import Habilitation
from ctg_portal.management.commands.worker import Clock
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from tests.factories import HabilitationFactory, UserFactory, complete_fiche

PARIS = ZoneInfo("Europe/Paris")
AUJOURDHUI = datetime.datetime.now(PARIS)
MERCREDI = AUJOURDHUI.replace(hour=9, minute=30) + datetime.timedelta(days=(2 - AUJOURDHUI.weekday()) % 7)
"""A working day, today or soon: what happens during a test is recent enough to be written."""
Statut = Lettre.Statut


class Boite:
    """What a mail server keeps; ``answers`` are given in turn before it accepts."""

    def __init__(self):
        self.received = []
        self.answers = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name that aiosmtpd calls
        if self.answers:
            answer = self.answers.pop(0)
            if answer == "silence":
                server.transport.abort()
                return "451 too late"
            return answer
        self.received.append(envelope)
        return "250 OK"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(settings, boite):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    controller = Controller(boite, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    controller.start()
    try:
        yield boite
    finally:
        controller.stop()


@pytest.fixture
def smtp(settings):
    with server(settings, Boite()) as boite:
        yield boite


def reader_of(fiche, **fields):
    user = UserFactory(**fields)
    HabilitationFactory(user=user, role="relecture", convention=fiche.convention)
    return user


@pytest.fixture
def fiche():
    fiche = complete_fiche(code="1.1.1", intitule="Ouvrir un relais itinérant")
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="en_relecture", soumise_le=timezone.now())
    fiche.refresh_from_db()
    return fiche


@pytest.fixture
def reader(fiche):
    return reader_of(fiche, email="lectrice@example.org")


def tell(fiche, user, rank=0, **fields):
    Notification.objects.tell(Genre.COMMENTAIRE, fiche, [user], cle=f"commentaire:{rank}", **fields)


def letter(envelope):
    return email.message_from_bytes(envelope.content, policy=email.policy.default)


def parts_of(message):
    text = message.get_body(("plain",)).get_content()
    return text, message.get_body(("html",)).get_content()


def test_a_digest_is_received(smtp, fiche, reader, settings):
    settings.PORTAIL_URL = "https://portail.example.org"
    author = UserFactory(nom="Camille Bourian")
    for rank in range(3):
        tell(fiche, reader, rank, by=author, detail="Contexte", ancre="contexte")

    assert (compose(MERCREDI), deliver()) == (1, 1)

    (envelope,) = smtp.received
    assert envelope.rcpt_tos == ["lectrice@example.org"]
    message = letter(envelope)
    text, html = parts_of(message)
    assert message["Subject"] == "[Portail CTG] 3 nouvelles sur vos fiches"
    assert message["To"] == "lectrice@example.org"
    assert message["From"] == settings.DEFAULT_FROM_EMAIL
    assert message["Auto-Submitted"] == "auto-generated"
    written = Lettre.objects.get().created_at
    assert message["Message-ID"] == (
        f"<recapitulatif.{Lettre.objects.get().pk}.{written:%Y%m%d%H%M%S}@portail.example.org>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = f"https://portail.example.org{reverse('actions:notifications_unsubscribe', args=[unsubscribe_token(reader)])}"
    assert message["List-Unsubscribe"].strip() == f"<{stop}>"
    target = f"https://portail.example.org{fiche.get_absolute_url()}#contexte"
    for part in (text, html):
        assert "1.1.1 Ouvrir un relais itinérant" in part
        assert "Nouveau commentaire par Camille Bourian sur « Contexte ». (3 fois)" in part
        assert part.count(target) == 1
        assert "/notifications/preferences/" in part
        assert stop in part
    lettre = Lettre.objects.get()
    assert (lettre.statut, lettre.jour, lettre.essais) == (Statut.ENVOYEE, MERCREDI.date(), 1)


def test_never_twice(smtp, fiche, reader):
    tell(fiche, reader)
    for _ in range(3):
        compose(MERCREDI)
        deliver()

    tell(fiche, reader, 1)
    compose(MERCREDI)
    deliver()
    assert len(smtp.received) == 1
    compose(MERCREDI + datetime.timedelta(days=1))
    deliver()

    assert [letter(envelope)["Subject"] for envelope in smtp.received] == [
        "[Portail CTG] 1 nouvelle sur vos fiches"
    ] * 2


def test_a_title_forges_nothing(smtp, fiche, reader, settings):
    settings.PORTAIL_URL = "https://portail.example.org"
    title = "Urgent\r\nBcc: tous@example.net\r\n\u202eevil\u2028https://portail.example.org.pirate.example/x www.pirate.example <b>x</b> "
    FicheAction.objects.filter(pk=fiche.pk).update(intitule=(title + "long " * 60)[:300])
    author = UserFactory(nom="Pirate\nSubject: faux http://pirate.example")
    tell(fiche, reader, by=author, detail="<img src=x> pirate.example")

    compose(MERCREDI)
    deliver()

    message = letter(smtp.received[0])
    text, html = parts_of(message)
    assert smtp.received[0].rcpt_tos == ["lectrice@example.org"]
    assert message["Bcc"] is None
    assert message["Subject"] == "[Portail CTG] 1 nouvelle sur vos fiches"
    for part in (text, html):
        assert "\u202e" not in part
        assert "\u2028" not in part
        assert "pirate.example" not in part
        assert "\nBcc" not in part
        assert "://" not in part.replace("https://portail.example.org/", "")
    assert "<b>x</b>" not in html
    assert "<img" not in html
    assert max(len(line) for line in text.splitlines()) < 300


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Chargé.e de mission 1.1.2", "Chargé.e de mission 1.1.2"),
        ("voir exemple.fr", "voir exemple·fr"),
        ("HTTPS://a.example/b", "HTTPS a·example/b"),
        ("a@b.example", "a@b·example"),
        ("zero\u200bwidth\u0007", "zero width"),
        ("", ""),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_plain(typed, said):
    assert plain(typed) == said


def test_what_was_read_or_closed_meanwhile_is_not_sent(fiche, reader):
    others = [reader_of(fiche) for _ in range(4)]
    closed, gone, muted, confidential = others
    for rank, user in enumerate([reader, *others]):
        tell(fiche, user, rank)
    compose(MERCREDI)
    Notification.objects.filter(destinataire=reader).read()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    Habilitation.objects.filter(user=gone).delete()
    ReglageNotification.objects.create(user=muted, genre=Genre.COMMENTAIRE, courriel=False)
    Habilitation.objects.filter(user=confidential).update(role="lecture")
    FicheAction.objects.filter(pk=fiche.pk).update(confidentielle=True)

    assert deliver() == 0

    assert mail.outbox == []
    assert {lettre.statut for lettre in Lettre.objects.all()} == {Statut.SANS_OBJET}


def test_nobody_is_written_to_early_at_the_weekend_or_for_nothing(fiche, reader):
    tell(fiche, reader)

    assert compose(MERCREDI.replace(hour=6)) == 0
    assert compose(MERCREDI + datetime.timedelta(days=3)) == 0
    ReglageNotification.objects.create(user=reader, genre=Genre.COMMENTAIRE, courriel=False)
    assert compose(MERCREDI) == 0
    assert Lettre.objects.count() == 0


def test_weekly_and_never(fiche, reader):
    never = reader_of(fiche)
    AbonnementCourriel.choose("hebdomadaire", by=reader)
    AbonnementCourriel.choose("jamais", by=never)
    lundi = MERCREDI - datetime.timedelta(days=2)
    tell(fiche, reader, 0)
    tell(fiche, never, 0)

    assert compose(lundi) == 1
    deliver()
    tell(fiche, reader, 1)
    assert [compose(lundi + datetime.timedelta(days=day)) for day in range(1, 7)] == [0] * 6
    assert compose(lundi + datetime.timedelta(days=7)) == 1
    assert Lettre.objects.filter(destinataire=never).count() == 0


def test_what_happened_while_nothing_was_wanted_is_not_sent_afterwards(fiche, reader):
    AbonnementCourriel.choose("jamais", by=reader)
    tell(fiche, reader)
    AbonnementCourriel.choose("quotidienne", by=reader)

    assert compose(MERCREDI) == 0
    tell(fiche, reader, 1)
    assert compose(MERCREDI) == 1
    deliver()
    assert mail.outbox[0].subject == "[Portail CTG] 1 nouvelle sur vos fiches"


def test_a_refusal_is_tried_again_later(smtp, fiche, reader, caplog):
    smtp.answers = ["451 4.3.0 later", "550 5.7.1 no"]
    tell(fiche, reader)
    compose(MERCREDI)

    for _ in range(2):
        assert deliver() == 0
        lettre = Lettre.objects.get()
        assert lettre.statut == Statut.A_ENVOYER
        assert lettre.prochain_essai > timezone.now()
        assert deliver() == 0
        Lettre.objects.update(prochain_essai=timezone.now())
    assert deliver() == 1

    assert len(smtp.received) == 1
    assert Lettre.objects.get().essais == 3
    assert [record.levelname for record in caplog.records if "refusé" in record.message] == ["WARNING"] * 2
    assert "lectrice@" not in caplog.text


def test_a_server_that_is_down_loses_nothing(settings, fiche, reader):
    other = reader_of(fiche)
    tell(fiche, reader)
    tell(fiche, other)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    compose(MERCREDI)

    assert deliver() == 0
    # It is asked once a round, not once a letter.
    assert sorted(Lettre.objects.values_list("essais", flat=True)) == [0, 1]

    Lettre.objects.update(prochain_essai=timezone.now())
    with server(settings, Boite()) as boite:
        assert deliver() == 2
    assert len(boite.received) == 2


def test_given_up_it_frees_what_it_told(smtp, fiche, reader):
    tell(fiche, reader)
    compose(MERCREDI)
    smtp.answers = ["550 no"] * (len(ESSAIS) + 1)
    for _ in range(len(ESSAIS) + 1):
        Lettre.objects.update(prochain_essai=timezone.now())
        deliver()
    assert Lettre.objects.get().statut == Statut.ABANDONNEE

    assert compose(MERCREDI + datetime.timedelta(days=1)) == 1
    assert deliver() == 1
    assert "Ouvrir un relais" in parts_of(letter(smtp.received[0]))[0]


@pytest.mark.parametrize("how", ["silence", "crash"])
def test_an_answer_that_is_lost_is_not_sent_twice(smtp, fiche, reader, how):
    tell(fiche, reader)
    compose(MERCREDI)
    if how == "silence":
        smtp.answers = ["silence"]
        deliver()
    else:
        # The worker dies between handing the letter over and saying so.
        Lettre.objects.claim()
        assert deliver() == 0
        Lettre.objects.update(pris_le=timezone.now() - datetime.timedelta(hours=2))
        deliver()

    assert Lettre.objects.get().statut == Statut.INCERTAINE
    Lettre.objects.update(prochain_essai=timezone.now())
    assert deliver() == 0
    assert smtp.received == []
    assert Notification.objects.non_lues().count() == 1

    tell(fiche, reader, 1)
    compose(MERCREDI + datetime.timedelta(days=1))
    deliver()
    text, _ = parts_of(letter(smtp.received[0]))
    assert f"Notre courriel du {date_fr(MERCREDI)} ne vous est peut-être pas parvenu" in text
    assert text.count("Nouveau commentaire") == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_letter_once(settings):
    fiche = complete_fiche()
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="en_relecture", soumise_le=timezone.now())
    fiche.refresh_from_db()
    people = [reader_of(fiche) for _ in range(6)]
    for user in people:
        tell(fiche, user)
    failures = []

    def work(gate):
        try:
            gate.wait(10)
            plan_rounds()
            remind_once_a_day(MERCREDI)
            compose(MERCREDI)
            deliver()
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)
        finally:
            connection.close()

    with server(settings, Boite()) as boite:
        gate = threading.Barrier(3)
        workers = [threading.Thread(target=work, args=(gate,)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)

    assert failures == []
    assert sorted(envelope.rcpt_tos[0] for envelope in boite.received) == sorted(
        user.email for user in people
    )


def test_a_letter_that_cannot_be_written_keeps_no_other_waiting(fiche, reader, monkeypatch):
    other = reader_of(fiche)
    tell(fiche, reader)
    tell(fiche, other)
    compose(MERCREDI)
    write = lettres.letter_of

    def broken_for_reader(lettre):
        if lettre.destinataire == reader:
            raise ValueError("cannot be written")
        return write(lettre)

    with monkeypatch.context() as patch:
        patch.setattr(lettres, "letter_of", broken_for_reader)
        assert deliver() == 1
    Lettre.objects.update(prochain_essai=timezone.now())
    assert deliver() == 1
    assert sorted(message.to[0] for message in mail.outbox) == sorted([reader.email, other.email])


def test_a_long_digest_is_cut_and_counted(fiche, reader):
    for rank in range(40):
        tell(fiche, reader, rank, detail=f"Rubrique {rank}")
    compose(MERCREDI)
    deliver()

    message = mail.outbox[0]
    assert message.subject == "[Portail CTG] 40 nouvelles sur vos fiches"
    assert message.body.count("Nouveau commentaire") == 30
    assert "Et 10 autres, sur le portail" in message.body


def test_rounds_are_asked_every_ten_minutes_by_one_of_the_workers():
    assert [plan_rounds() for _ in range(3)] == [True, False, False]
    Routine.objects.update(faite_le=timezone.now() - datetime.timedelta(minutes=11))
    assert [plan_rounds() for _ in range(2)] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_the_clock_of_a_worker_asks_for_a_round_and_stops_when_told():
    clock = Clock()
    clock.start()
    clock.stopped.set()
    clock.join(30)

    assert not clock.is_alive()
    assert Routine.objects.filter(nom="tour").count() == 1


def test_reminders_are_computed_once_a_day_and_a_crash_undoes_the_taking(monkeypatch, settings):
    def crash(today):
        raise RuntimeError("worker killed")

    with monkeypatch.context() as patch:
        patch.setattr(lettres, "remind", crash)
        with pytest.raises(RuntimeError):
            remind_once_a_day(MERCREDI)

    assert remind_once_a_day(MERCREDI.replace(hour=5)) is False
    settings.NOTIFICATIONS_HEURE = 0
    assert [remind_once_a_day() for _ in range(2)] == [True, False]


def test_a_round_does_all_three(fiche, reader, settings):
    settings.NOTIFICATIONS_HEURE = 0
    tell(fiche, reader)

    make_rounds.func()

    weekend = timezone.localdate().weekday() >= 5
    assert len(mail.outbox) == (0 if weekend else 1)
    assert Routine.objects.filter(nom="rappels").exists()


def test_the_link_of_the_letter_stops_the_letters(client, fiche, reader):
    url = reverse("actions:notifications_unsubscribe", args=[unsubscribe_token(reader)])

    page = client.get(url)
    assert "Ne plus recevoir de courriels" in page.text
    assert AbonnementCourriel.objects.count() == 0
    # As a mail program does (RFC 8058): no session, no token of a form.
    done = client.post(url, {"List-Unsubscribe": "One-Click"})
    assert "vous ne recevrez plus de courriel" in done.text
    assert client.post(url).status_code == 200

    tell(fiche, reader)
    assert compose(MERCREDI) == 0


@pytest.mark.parametrize("cle", ["x", "1:faux", "999999:faux"])
def test_a_forged_link_stops_nothing(client, cle):
    url = reverse("actions:notifications_unsubscribe", args=[cle])

    assert (client.get(url).status_code, client.post(url).status_code) == (404, 404)
    assert AbonnementCourriel.objects.count() == 0


def test_the_link_of_a_reminder_arrives_after_logging_in(client, fiche):
    page = reverse("actions:fiche_nouvelles", args=[fiche.convention.code, fiche.pk])

    response = client.get(page)

    assert response.headers["Location"] == f"{reverse('account_login')}?next={page}"


def test_times_are_those_of_paris(fiche, reader):
    tell(fiche, reader)
    # 23:30 UTC on a Monday is already Tuesday in Paris.
    lundi = MERCREDI.date() - datetime.timedelta(days=2)
    Notification.objects.update(
        created_at=datetime.datetime.combine(lundi, datetime.time(23, 30), tzinfo=datetime.UTC)
    )
    compose(MERCREDI)
    deliver()

    assert f"({date_fr(lundi + datetime.timedelta(days=1))})" in mail.outbox[0].body
