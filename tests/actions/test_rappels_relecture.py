"""What the review tells people: an avis that is due, an answer in a thread, and a note of the CAF to the CAF alone."""

import datetime

import pytest
from django.utils import timezone

from actions.models import Commentaire, Genre, Notification
from actions.rappels import remind
from tests.factories import HabilitationFactory, complete_fiche

TODAY = datetime.date(2026, 6, 1)


@pytest.fixture
def fiche():
    return complete_fiche()


def person(fiche, role):
    return HabilitationFactory(convention=fiche.convention, role=role).user


def told(user):
    return list(Notification.objects.filter(destinataire=user).order_by("pk").values_list("genre", flat=True))


def ask(fiche, by, days):
    return fiche.plan.avis.ask(
        fiche.plan, by=by, echeance=timezone.localdate() + datetime.timedelta(days=days)
    )


def test_avis_is_recalled_to_the_caf_when_near_and_once_more_when_past(fiche):
    adviser, coordination = person(fiche, "relecture"), person(fiche, "coordination")
    avis = ask(fiche, coordination, 20)
    fiche.plan.avis.filter(pk=avis.pk).update(echeance=TODAY + datetime.timedelta(days=5))

    remind(TODAY)
    remind(TODAY)
    remind(TODAY + datetime.timedelta(days=6))

    assert told(adviser) == [Genre.AVIS_DU, Genre.AVIS_DU]
    near, past = Notification.objects.filter(destinataire=adviser).order_by("pk")
    assert "avant le 6 juin 2026" in near.phrase.replace("\u00a0", " ")
    assert near.lue_le is not None, "the first is settled by the second"
    assert "attendu depuis le 6 juin 2026" in past.phrase.replace("\u00a0", " ")
    assert Genre.AVIS_DU not in told(coordination)


def test_avis_far_away_is_not_spoken_of(fiche):
    adviser = person(fiche, "relecture")
    ask(fiche, adviser, 20)

    remind(timezone.localdate())

    assert told(adviser) == []


def test_answer_in_a_thread_is_told_to_who_opened_it(fiche):
    adviser, coordination = person(fiche, "relecture"), person(fiche, "coordination")
    fiche.submit(by=coordination)
    Notification.objects.all().delete()
    remark = Commentaire(fiche=fiche, section="moyens", texte="Qui paie ?", auteur=adviser)

    remark.post()
    remark.reply(by=coordination, texte="La communauté de communes.", mentions=[adviser])

    assert told(coordination) == [Genre.COMMENTAIRE]
    assert told(adviser) == [Genre.MENTION]


def test_note_of_the_caf_is_told_to_the_caf_alone(fiche):
    adviser, colleague, coordination = (
        person(fiche, "relecture"),
        person(fiche, "relecture"),
        person(fiche, "coordination"),
    )
    fiche.submit(by=coordination)
    Notification.objects.all().delete()

    note = Commentaire(
        fiche=fiche, section="moyens", texte="Entre nous.", portee=Commentaire.Portee.CAF, auteur=adviser
    )
    note.post(mentions=[colleague, coordination])

    assert told(colleague) == [Genre.MENTION]
    assert told(coordination) == []


def test_remark_withdrawn_is_no_longer_told(fiche):
    adviser, coordination = person(fiche, "relecture"), person(fiche, "coordination")
    fiche.submit(by=coordination)
    Notification.objects.all().delete()
    remark = Commentaire(fiche=fiche, section="moyens", texte="Qui paie ?", auteur=adviser)
    remark.post()

    remark.withdraw(by=adviser)

    assert told(coordination) == []
