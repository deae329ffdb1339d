"""A decision and its effects: numbered, all or nothing, and only when the meeting may decide."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, Transition
from ctg_portal.workflow import TransitionError
from governance.comptes_rendus import draft_compte_rendu, submit
from governance.decisions import preview_decision
from governance.models import TRANSITIONS_REUNION, Decision, EffetDecision, Reunion
from governance.operations import EffetDemande, EffetsRefusesError, record_decision
from tests.actions.test_pages import log_in
from tests.factories import (
    AxeFactory,
    FicheActionFactory,
    HabilitationFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
)

Effet = EffetDecision.Effet


@pytest.fixture
def reunion():
    return ReunionFactory(statut="ouverte")


@pytest.fixture
def by(reunion):
    return HabilitationFactory(convention=reunion.convention).user


@pytest.fixture
def axe(reunion):
    return AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))


def decide(reunion, by, *effets, **fields):
    words = {"nature": Decision.Nature.ABANDON, "texte": "Faute de candidats."} | fields
    return record_decision(reunion=reunion, by=by, effets=effets, **words)


def test_decisions_are_numbered_in_their_year_and_series(reunion, by):
    cotech = ReunionFactory(
        statut="tenue",
        instance__nature="cotech",
        instance__convention=reunion.convention,
        debut=reunion.debut,
    )
    annee = reunion.jour.year

    assert [decide(one, by).numero for one in (reunion, reunion, cotech)] == [
        f"{annee}-COPIL-01",
        f"{annee}-COPIL-02",
        f"{annee}-COTECH-01",
    ]


def test_each_effect_changes_its_fiche_and_says_it(reunion, by, axe):
    start = datetime.date(2030, 1, 1)
    rows = {
        Effet.ABANDON: FicheActionFactory(axe=axe, code="1", avancement="en_cours"),
        Effet.PAUSE: FicheActionFactory(axe=axe, code="2", avancement="en_cours"),
        Effet.PRIORITE_HAUTE: FicheActionFactory(axe=axe, code="3"),
        Effet.REPORT: FicheActionFactory(axe=axe, code="4", echeance=start),
        Effet.AUCUN: FicheActionFactory(axe=axe, code="5"),
    }
    later = datetime.date(2030, 6, 30)

    decision = decide(
        reunion,
        by,
        *(EffetDemande(row, effet, later if effet == Effet.REPORT else None) for effet, row in rows.items()),
    )

    for row in rows.values():
        row.refresh_from_db()
    assert [row.avancement for row in rows.values()] == ["abandonnee", "en_pause", *["a_venir"] * 3]
    assert rows[Effet.ABANDON].motif_abandon == f"Décision {decision.numero} : Faute de candidats."
    assert (rows[Effet.PRIORITE_HAUTE].priorite, rows[Effet.REPORT].echeance) == ("haute", later)
    assert [effet.phrase for effet in decision.effets.all()] == [
        "1 passe à abandonnée (avant\u00a0: en cours)",
        "2 passe en pause (avant\u00a0: en cours)",
        "3 passe en priorité haute (avant\u00a0: sans priorité)",
        "4 est reportée au 30\u00a0juin 2030 (avant\u00a0: 1er\u00a0janvier 2030)",
        "5 est concernée, sans changement",
    ]


def test_one_refusal_keeps_everything_as_it_was(reunion, by, axe):
    going, done = (FicheActionFactory(axe=axe, avancement=state) for state in ("en_cours", "realisee"))

    with pytest.raises(EffetsRefusesError) as refusal:
        decide(reunion, by, EffetDemande(going, Effet.ABANDON), EffetDemande(done, Effet.ABANDON))

    assert list(refusal.value.refus) == [done.pk]
    assert set(FicheAction.objects.values_list("avancement", flat=True)) == {"en_cours", "realisee"}
    assert not Decision.objects.exists()
    assert not Transition.objects.exists()


def test_fiche_of_another_convention_is_refused(reunion, by):
    stranger = FicheActionFactory(avancement="en_cours")

    with pytest.raises(EffetsRefusesError, match="d’une autre convention"):
        decide(reunion, by, EffetDemande(stranger, Effet.ABANDON))


def test_point_of_another_meeting_is_refused(reunion, by):
    with pytest.raises(TransitionError, match="pas à l’ordre du jour de cette réunion"):
        decide(reunion, by, point=PointOrdreDuJourFactory())


def test_preview_says_the_same_and_writes_nothing(reunion, by, axe):
    fiche = FicheActionFactory(axe=axe, code="2.1.3", avancement="en_cours")

    numero, phrases, _ = preview_decision(
        reunion=reunion, by=by, nature="abandon", texte="Non.", effets=[EffetDemande(fiche, Effet.ABANDON)]
    )

    assert (numero, phrases) == (
        f"{reunion.jour.year}-COPIL-01",
        ["2.1.3 passe à abandonnée (avant\u00a0: en cours)"],
    )
    assert not Decision.objects.exists()
    fiche.refresh_from_db()
    assert fiche.avancement == "en_cours"


@pytest.mark.parametrize("statut", Reunion.Statut.values)
def test_only_an_open_or_held_meeting_decides(reunion, by, statut):
    Reunion.objects.filter(pk=reunion.pk).update(statut=statut)

    if statut in ("ouverte", "tenue"):
        assert decide(reunion, by).rang == 1
    else:
        with pytest.raises(TransitionError, match="ne prend pas de décision"):
            decide(reunion, by)


@pytest.mark.parametrize("vers", Reunion.Statut.values)
@pytest.mark.parametrize("depuis", Reunion.Statut.values)
def test_meeting_follows_its_table(depuis, vers):
    reunion = ReunionFactory(statut=depuis, debut=timezone.now())
    by = HabilitationFactory(convention=reunion.convention).user

    if vers in TRANSITIONS_REUNION.get(depuis, ()):
        reunion.move_to(vers, by=by)
    else:
        with pytest.raises(TransitionError):
            reunion.move_to(vers, by=by)

    reunion.refresh_from_db()
    assert reunion.statut == (vers if vers in TRANSITIONS_REUNION.get(depuis, ()) else depuis)


def test_decision_is_done_once(reunion, by):
    decision = decide(reunion, by)
    decision.complete(by=by)

    with pytest.raises(TransitionError):
        decision.complete(by=by)


def correction(client, decision):
    """The address of the page, and what a browser would send back untouched."""
    url = reverse("governance:decision_edit", args=[decision.convention.code, decision.pk])
    form = client.get(url).context["form"]
    return url, {bound.html_name: bound.value() for bound in form if bound.value() is not None}


def test_decision_is_corrected_and_keeps_its_effects_and_history(client, reunion, axe):
    by = log_in(client, reunion.convention)
    fiche = FicheActionFactory(axe=axe, code="2.1.3", avancement="en_cours")
    decision = decide(reunion, by, EffetDemande(fiche, Effet.ABANDON), texte="Faute de candidat.")
    assert "Corriger la décision" in client.get(decision.get_absolute_url()).text
    url, data = correction(client, decision)
    assert "2.1.3 passe à abandonnée" in client.get(url).text

    assert "Comptez les voix" in client.post(url, data | {"mode": "vote"}).text
    lost = {"mode": "vote", "pour": "1", "contre": "2", "abstentions": "0"}
    assert "Cette décision a changé des fiches" in client.post(url, data | lost).text
    past = f"{reunion.jour - datetime.timedelta(days=1):%Y-%m-%d}"
    assert "ne peut pas précéder" in client.post(url, data | {"echeance": past}).text
    carried = lost | {"pour": "5", "texte": "Faute de candidats.", "responsable": "La CAF"}
    kept = client.post(url, data | carried, follow=True)

    assert f"La décision {decision} est corrigée." in kept.text
    for said in (
        "Texte, avant : Faute de candidat.",
        "Qui s’en charge, avant : rien",
        "avant : Par consensus",
    ):
        assert said in " ".join(kept.text.split())
    client.force_login(HabilitationFactory(convention=reunion.convention, role="lecture").user)
    assert "Corrections" not in client.get(decision.get_absolute_url()).text
    decision.refresh_from_db()
    fiche.refresh_from_db()
    assert (decision.texte, decision.responsable, decision.pour) == ("Faute de candidats.", "La CAF", 5)
    assert fiche.avancement == "abandonnee"
    assert list(decision.events.order_by("pgh_id").values_list("texte", flat=True)) == [
        "Faute de candidat.",
        "Faute de candidats.",
    ]


def test_correction_of_two_people_is_not_overwritten_unseen(client, reunion, by):
    decision = decide(reunion, by)
    log_in(client, reunion.convention)
    url, data = correction(client, decision)
    Decision.objects.filter(pk=decision.pk).update(responsable="La MSA")

    refused = client.post(url, data | {"responsable": "La CAF"})

    assert "Enregistré entre-temps : « La MSA »." in refused.text
    decision.refresh_from_db()
    assert decision.responsable == "La MSA"


def test_decision_in_submitted_minutes_changes_no_more(client, reunion, by):
    decision = decide(reunion, by)
    log_in(client, reunion.convention)
    url, data = correction(client, decision)
    Reunion.objects.filter(pk=reunion.pk).update(statut="tenue")
    minutes = draft_compte_rendu(Reunion.objects.get(pk=reunion.pk), by=by)
    assert client.get(url).status_code == 200
    submit(minutes, by=by)

    assert "reprenez-le d’abord" in client.post(url, data | {"texte": "Autre chose."}).text
    told = client.get(url, follow=True)
    assert "reprenez-le, ou rouvrez la réunion, pour la corriger" in told.text
    assert "Corriger la décision" not in told.text
    decision.refresh_from_db()
    assert decision.texte == "Faute de candidats."
