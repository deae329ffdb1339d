"""The two lives of a fiche: what is allowed, what is refused, who comes second."""

import datetime
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from actions.models import AVANCEMENT_TRANSITIONS, REDACTION_TRANSITIONS, FicheAction, Transition
from actions.models.fiche import Avancement, Redaction
from ctg_portal.workflow import TransitionError
from tests.factories import (
    AxeFactory,
    EtapeFactory,
    FicheActionFactory,
    ObjectifFactory,
    UserFactory,
    complete_fiche,
)

VERBS = {
    "submit": (lambda fiche, by: fiche.submit(by=by), Redaction.EN_RELECTURE),
    "ask_completion": (
        lambda fiche, by: fiche.ask_completion(by=by, motif="Le budget."),
        Redaction.A_COMPLETER,
    ),
    "validate": (lambda fiche, by: fiche.validate(by=by), Redaction.VALIDEE),
    "archive": (lambda fiche, by: fiche.archive(by=by), Redaction.ARCHIVEE),
    "restore": (lambda fiche, by: fiche.restore(by=by), Redaction.BROUILLON),
}


def in_state(redaction):
    fiche = complete_fiche()
    FicheAction.objects.filter(pk=fiche.pk).update(redaction=redaction, soumise_le=timezone.now())
    fiche.refresh_from_db()
    return fiche


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("redaction", Redaction.values)
def test_redaction_follows_its_table(redaction, verb):
    act, target = VERBS[verb]
    fiche, by = in_state(redaction), UserFactory()

    if target in REDACTION_TRANSITIONS[redaction]:
        act(fiche, by)
        assert FicheAction.objects.get(pk=fiche.pk).redaction == target
        assert list(fiche.journal.values_list("depuis", "vers", "by")) == [(redaction, target, by.pk)]
    else:
        with pytest.raises(TransitionError, match="ne peut pas"):
            act(fiche, by)
        assert FicheAction.objects.get(pk=fiche.pk).redaction == redaction
        assert not fiche.journal.exists()


@pytest.mark.parametrize("vers", Avancement.values)
@pytest.mark.parametrize("depuis", Avancement.values)
def test_avancement_follows_its_table(depuis, vers):
    fiche, by = FicheActionFactory(avancement=depuis, motif_abandon="Avant."), UserFactory()

    if vers in AVANCEMENT_TRANSITIONS[depuis]:
        fiche.move_avancement(vers, by=by, motif="Le COPIL l’a voulu.")
        assert FicheAction.objects.get(pk=fiche.pk).avancement == vers
    else:
        with pytest.raises(TransitionError, match="ne peut pas passer"):
            fiche.move_avancement(vers, by=by, motif="Non.")
        assert FicheAction.objects.get(pk=fiche.pk).avancement == depuis


def test_submit_says_all_that_is_missing():
    fiche = FicheActionFactory(code="")

    with pytest.raises(TransitionError) as refusal:
        fiche.submit(by=UserFactory())

    assert len(fiche.missing()) == 10
    assert all(sentence in str(refusal.value) for sentence in fiche.missing())


def test_abandon_needs_a_reason():
    with pytest.raises(TransitionError, match="Dites pourquoi"):
        FicheActionFactory().abandon(by=UserFactory(), motif="  ")


def test_late_is_computed_from_the_echeance_and_the_steps():
    today = timezone.localdate()
    yesterday, tomorrow = today - datetime.timedelta(days=1), today + datetime.timedelta(days=1)
    late = FicheActionFactory(echeance=yesterday)
    by_step = FicheActionFactory(echeance=tomorrow)
    EtapeFactory(fiche=by_step, echeance=yesterday)
    done_step = FicheActionFactory(echeance=tomorrow)
    EtapeFactory(fiche=done_step, echeance=yesterday, faite_le=yesterday)
    FicheActionFactory(echeance=yesterday, avancement="realisee")
    FicheActionFactory()

    assert set(FicheAction.objects.late()) == {late, by_step}
    assert [fiche.is_late for fiche in (late, by_step, done_step)] == [True, True, False]
    assert (late.is_late_by_etape, by_step.is_late_by_etape) == (False, True)


def test_delay_is_counted_from_the_date_shown_beside_it():
    today = timezone.localdate()
    fiche = FicheActionFactory(echeance=today - datetime.timedelta(days=40))
    EtapeFactory(fiche=fiche, echeance=today - datetime.timedelta(days=95))
    by_step = FicheActionFactory(echeance=today)
    EtapeFactory(fiche=by_step, echeance=today - datetime.timedelta(days=95))

    assert [fiche.jours_de_retard, by_step.jours_de_retard] == [40, 95]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"intitule": ""}, "ficheaction_intitule_non_vide"),
        (
            {"debut": datetime.date(2026, 2, 1), "echeance": datetime.date(2026, 1, 1)},
            "ficheaction_echeance_apres_debut",
        ),
        ({"avancement": "abandonnee"}, "ficheaction_abandon_motive"),
        ({"redaction": "validee"}, "ficheaction_soumise_datee"),
        ({"etp": "-0.5"}, "ficheaction_etp_positif"),
    ],
)
def test_database_refuses(fields, name):
    fiche = FicheActionFactory()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        FicheAction.objects.filter(pk=fiche.pk).update(**fields)


def test_database_refuses_an_axe_of_another_plan():
    fiche, other = FicheActionFactory(), AxeFactory()

    with pytest.raises(IntegrityError, match="ficheaction_dans_son_plan"), transaction.atomic():
        FicheAction.objects.filter(pk=fiche.pk).update(axe=other)


def test_place_moves_among_siblings_and_keeps_the_number():
    axe = AxeFactory()
    objectif = ObjectifFactory(axe=axe)
    first, second, third = (
        FicheActionFactory(axe=axe, objectif=objectif, ordre=n, code=f"1.1.{n}") for n in range(3)
    )

    third.place(axe, objectif, after=first, by=UserFactory())
    assert list(objectif.fiches.in_plan_order()) == [first, third, second]
    first.place(axe, None, after=None, by=UserFactory())
    assert list(FicheAction.objects.in_plan_order()) == [first, third, second]
    assert FicheAction.objects.get(pk=first.pk).code == "1.1.0"


@pytest.mark.django_db(transaction=True)
def test_two_validations_at_once_leave_one_line():
    fiche = in_state(Redaction.EN_RELECTURE)
    people = [UserFactory(), UserFactory()]
    ready = threading.Barrier(2)
    outcomes = []

    def validate(by):
        try:
            ready.wait(timeout=10)
            FicheAction.objects.get(pk=fiche.pk).validate(by=by)
            outcomes.append("validée")
        except TransitionError as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=validate, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(outcomes) == sorted(["validée", "Une fiche « validée » ne peut pas être validée."])
    assert Transition.objects.filter(fiche=fiche).count() == 1
