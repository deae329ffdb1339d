"""Numbering the plan again: what is seen is what is written, in one go, and the history brings it back."""

import pghistory
import pytest
from django.urls import reverse

from actions.models import FicheAction, Objectif
from actions.models.numerotation import Choix, Schema, propose, renumber
from ctg_portal.workflow import TransitionError
from governance.models import DocumentEmis
from tests.factories import (
    AxeFactory,
    DecisionFactory,
    FicheActionFactory,
    HabilitationFactory,
    InstanceFactory,
    ObjectifFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
    UserFactory,
)


def build_plan():
    """Axe 2 then axe 1: 2.1 (b, a), 2.2 (d); axe 1: f directly under it, objectif 1.1 (e)."""
    plan = PlanActionsFactory()
    deux, un = (AxeFactory(plan=plan, code=code, ordre=rank) for rank, code in enumerate("21"))
    o21 = ObjectifFactory(axe=deux, code="2.1", ordre=0)
    o22 = ObjectifFactory(axe=deux, code="2.2", ordre=1)
    o11 = ObjectifFactory(axe=un, code="1.1", ordre=0)
    for rank, (intitule, code, axe, objectif) in enumerate(
        (
            ("b", "2.1.2", deux, o21),
            ("a", "2.1.1", deux, o21),
            ("d", "2.2.7", deux, o22),
            ("f", "", un, None),
            ("e", "1.1.1", un, o11),
        )
    ):
        FicheActionFactory(axe=axe, objectif=objectif, code=code, intitule=intitule, ordre=rank)
    return plan


def codes(plan):
    return {fiche.intitule: fiche.code for fiche in FicheAction.objects.filter(plan=plan)}


def fiche(intitule):
    return FicheAction.objects.get(intitule=intitule)


def url_of(plan):
    return reverse("actions:renumeroter", args=[plan.convention.code])


def log_in(client, plan):
    user = HabilitationFactory(convention=plan.convention, role="coordination").user
    client.force_login(user)
    return user


def send(client, plan, **fields):
    """The preview of these choices, then what its button sends."""
    shown = client.get(url_of(plan), fields)
    return client.post(
        url_of(plan), fields | {"empreinte": shown.context["proposition"].empreinte}, follow=True
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schema": "hierarchie"}, {"b": "2.1.1", "a": "2.1.2", "d": "2.2.1", "f": "1.2", "e": "1.1.1"}),
        ({"schema": "axe"}, {"b": "2.1", "a": "2.2", "d": "2.3", "f": "1.1", "e": "1.2"}),
        ({"schema": "suite"}, {"b": "1", "a": "2", "d": "3", "f": "4", "e": "5"}),
        (
            {"schema": "hierarchie", "structure": "on"},
            {"b": "1.1.1", "a": "1.1.2", "d": "1.2.1", "f": "2.2", "e": "2.1.1"},
        ),
    ],
)
def test_numbers_follow_the_order_and_come_back(client, fields, expected):
    plan = build_plan()
    user = log_in(client, plan)
    before = codes(plan)
    structure = [axe.code for axe in plan.axes.all()]

    send(client, plan, **fields)

    assert codes(plan) == expected
    renamed = "structure" in fields
    assert [axe.code for axe in plan.axes.all()] == (["1", "2"] if renamed else structure)
    assert set(Objectif.objects.values_list("code", flat=True)) == (
        {"1.1", "1.2", "2.1"} if renamed else {"2.1", "2.2", "1.1"}
    )
    event = fiche("b").events.order_by("-pgh_id").first()
    assert event.pgh_context.metadata["par"] == user.pk
    # The numbers that stand aside for a moment leave no line.
    assert not plan.axes.first().events.filter(code__startswith="~").exists()

    send(client, plan, schema="avant")

    assert codes(plan) == before
    assert [axe.code for axe in plan.axes.all()] == structure


def test_kept_numbers_are_not_given_again(client):
    plan = build_plan()
    user = log_in(client, plan)
    fiche("b").abandon(by=user, motif="Sans porteur.")
    FicheAction.objects.filter(intitule="b").update(code="2.1.1")
    FicheAction.objects.filter(intitule="d").update(code="2.1.2")
    fiche("d").archive(by=user)

    send(client, plan, schema="hierarchie")

    assert codes(plan) == {"b": "2.1.1", "a": "2.1.3", "d": "2.1.2", "f": "1.2", "e": "1.1.1"}


def test_wished_otherwise_they_are_and_it_is_said(client):
    plan = build_plan()
    user = log_in(client, plan)
    fiche("d").archive(by=user)
    FicheAction.objects.filter(intitule="d").update(code="2.1.1")
    fields = {"schema": "hierarchie", "reutiliser": "on", "abandonnees": "on"}

    shown = client.get(url_of(plan), fields)

    assert "Même numéro que « 2.1.1 d »" in shown.text.replace("\u00a0", " ")
    send(client, plan, **fields)
    assert codes(plan) == {"b": "2.1.1", "a": "2.1.2", "d": "2.1.1", "f": "1.2", "e": "1.1.1"}


def test_numbers_cited_elsewhere_are_said(client):
    plan = build_plan()
    log_in(client, plan)
    reunion = ReunionFactory(instance=InstanceFactory(convention=plan.convention))
    decision = DecisionFactory(reunion=reunion)
    decision.effets.create(fiche=fiche("b"), effet="aucun")
    PointOrdreDuJourFactory(reunion=reunion).fiches.add(fiche("a"))
    DocumentEmis.objects.create(
        convention=plan.convention,
        reunion=reunion,
        nature="dossier_seance",
        titre="Dossier du COPIL",
        nom_fichier="dossier.pdf",
        statut="pret",
        contenu=b"%PDF",
        html="<p>2.1.1</p>",
        sha256="0" * 64,
        taille=4,
        pages=1,
        auteur=UserFactory(),
    )

    shown = client.get(url_of(plan)).text.replace("\u00a0", " ")

    assert f"Le numéro 2.1.2 est cité dans la décision {decision.numero}." in shown
    assert "Le numéro 2.1.1 est cité dans « Dossier du COPIL » (version 1)." in shown
    assert f"Le numéro 2.1.2 y désigne « 2.1.2 b » : la décision {decision.numero}." in shown


@pytest.mark.parametrize(
    "change",
    [
        lambda plan, by: FicheAction.objects.filter(intitule="e").update(code="9"),
        lambda plan, by: fiche("a").place(fiche("a").axe, fiche("a").objectif, after=None, by=by),
        lambda plan, by: fiche("a").archive(by=by),
        lambda plan, by: FicheActionFactory(axe=plan.axes.first(), code="7", intitule="neuve"),
    ],
)
def test_a_plan_that_changed_since_the_preview_keeps_its_numbers(client, change):
    plan = build_plan()
    user = log_in(client, plan)
    seen = client.get(url_of(plan)).context["proposition"].empreinte
    change(plan, user)
    before = codes(plan)

    page = client.post(url_of(plan), {"schema": "hierarchie", "empreinte": seen})

    assert "a changé depuis cet aperçu" in page.context["refus"]
    assert codes(plan) == before
    fresh = {"schema": "hierarchie", "empreinte": page.context["proposition"].empreinte}
    assert client.post(url_of(plan), fresh).status_code == 302


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": "romain", "empreinte": "x"},
        {"schema": "hierarchie"},
        {"schema": "hierarchie", "empreinte": "x" * 65},
        {"schema": "hierarchie", "empreinte": "a\x00"},
        {"schema": "avant", "empreinte": "x"},
    ],
)
def test_hostile_sendings_write_nothing(client, data):
    plan = build_plan()
    log_in(client, plan)
    before = codes(plan)

    page = client.post(url_of(plan), data)

    assert page.status_code == 200
    assert "aucun numéro n’a été écrit" in page.text
    assert codes(plan) == before


def test_a_number_changed_by_hand_since_stays_when_the_others_come_back(client):
    plan = build_plan()
    log_in(client, plan)
    send(client, plan, schema="suite")
    with pghistory.context(par=0):
        FicheAction.objects.filter(intitule="a").update(code="À part")

    send(client, plan, schema="avant")

    assert codes(plan) == {"b": "2.1.2", "a": "À part", "d": "2.2.7", "f": "", "e": "1.1.1"}


def test_a_number_too_long_is_said(client):
    plan = build_plan()
    Objectif.objects.filter(code="1.1").update(code="x" * 19)
    log_in(client, plan)

    page = client.get(url_of(plan))

    assert "serait trop long" in page.text
    assert "Écrire ces numéros" not in page.text


def test_nothing_to_change_is_said():
    plan = build_plan()
    choix = Choix()
    renumber(plan, choix, empreinte=propose(plan, choix).empreinte, by=UserFactory())

    with pytest.raises(TransitionError, match="Aucun numéro ne changerait"):
        renumber(plan, choix, empreinte=propose(plan, choix).empreinte, by=UserFactory())


@pytest.mark.parametrize("schema", Schema.values)
@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, django_assert_max_num_queries, count, schema):
    axe = AxeFactory()
    for _ in range(count):
        FicheActionFactory(axe=axe, objectif=ObjectifFactory(axe=axe))
    log_in(client, axe.plan)
    send(client, axe.plan, schema="suite")

    with django_assert_max_num_queries(15):
        page = client.get(url_of(axe.plan), {"schema": schema})

    assert len(page.context["proposition"].lignes) == 1 + 2 * count
