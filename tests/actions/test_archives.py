"""Archived fiches: who, when, why; where each comes back; and that nothing of the plan is deleted with them."""

import pytest
from django.urls import reverse

from actions.models import Axe, FicheAction, Objectif
from tests.factories import AxeFactory, FicheActionFactory, HabilitationFactory, ObjectifFactory, UserFactory


def log_in(client, convention, role="coordination"):
    user = HabilitationFactory(
        convention=convention, role=role, user=UserFactory(nom="Chargée de coopération")
    ).user
    client.force_login(user)
    return user


def page_of(client, plan):
    return client.get(reverse("actions:archives", args=[plan.convention.code]))


def plan_with(codes):
    objectif = ObjectifFactory(code="1.1")
    return [
        FicheActionFactory(
            axe=objectif.axe, objectif=objectif, code=code, intitule=f"Fiche {code}", ordre=rank
        )
        for rank, code in enumerate(codes)
    ]


def test_the_page_says_who_when_why_and_where(client):
    a, b, c = plan_with("ABC")
    user = log_in(client, a.convention)
    b.archive(by=user, motif="Remplacée par la maison des familles.")
    c.archive(by=user)

    page = page_of(client, a.plan)

    assert [(str(fiche), ligne.by, place) for fiche, ligne, place in page.context["lignes"]] == [
        ("B Fiche B", user, "sous l’objectif 1.1, après «\u00a0A Fiche A\u00a0»"),
        ("C Fiche C", user, "sous l’objectif 1.1, après «\u00a0A Fiche A\u00a0»"),
    ]
    for words in (
        "Archivée par Chargée de coopération",
        "Remplacée par la maison",
        "Aucun motif n’a été écrit",
    ):
        assert words in page.text


def test_restored_it_is_back_between_its_neighbours(client):
    a, b, c = plan_with("ABC")
    user = log_in(client, a.convention)
    b.archive(by=user)
    # Its neighbours move while it is away.
    c.place(c.axe, c.objectif, after=None, by=user)
    url = reverse("actions:fiche_restore", args=[a.convention.code, b.pk])
    assert "sous l’objectif 1.1, après «\u00a0A Fiche A\u00a0»" in client.get(url).text

    client.post(url)

    shown = FicheAction.objects.filter(plan=a.plan).actives().in_plan_order()
    assert [fiche.code for fiche in shown] == ["C", "A", "B"]
    assert page_of(client, a.plan).context["lignes"] == []


def test_restored_with_a_number_given_meanwhile_it_is_said(client):
    a, b = plan_with("AB")
    user = log_in(client, a.convention)
    b.archive(by=user)
    FicheAction.objects.filter(pk=a.pk).update(code="B")

    page = client.post(reverse("actions:fiche_restore", args=[a.convention.code, b.pk]), follow=True)

    assert "Le n° B est aussi celui de « Fiche A »." in page.text


@pytest.mark.parametrize(("kind", "model"), [("objectif", Objectif), ("axe", Axe)])
def test_what_holds_an_archived_fiche_is_not_deleted(client, kind, model):
    (fiche,) = plan_with("A")
    fiche.archive(by=log_in(client, fiche.convention))
    row = getattr(fiche, kind)
    if kind == "axe":
        FicheAction.objects.filter(pk=fiche.pk).update(objectif=None)
        fiche.objectif.delete()
    url = reverse(f"actions:{kind}_delete", args=[fiche.convention.code, row.pk])

    page = client.post(url)

    assert "Il porte encore 1 fiche, archivées comprises" in page.text
    assert model.objects.filter(pk=row.pk).exists()


def test_an_axe_with_objectifs_stays_and_an_empty_one_goes(client):
    axe, empty = (AxeFactory(plan=plan) for plan in [AxeFactory().plan] * 2)
    ObjectifFactory(axe=axe)
    log_in(client, axe.plan.convention)

    for row in (axe, empty):
        client.post(reverse("actions:axe_delete", args=[axe.plan.convention.code, row.pk]))

    assert Axe.objects.filter(pk=axe.pk).exists()
    assert not Axe.objects.filter(pk=empty.pk).exists()


def test_a_confidential_one_is_hidden_from_readers(client):
    a, b = plan_with("AB")
    FicheAction.objects.filter(pk=a.pk).update(confidentielle=True)
    b.archive(by=log_in(client, a.convention))
    coordination = page_of(client, a.plan)
    log_in(client, a.convention, role="lecture")

    lecture = page_of(client, a.plan)

    # Neither listed, nor named as the neighbour of another.
    assert "Fiche A" in coordination.text
    assert "Fiche A" not in lecture.text
    assert "Reprendre" not in lecture.text


def test_no_route_deletes_a_fiche(client):
    (fiche,) = plan_with("A")
    log_in(client, fiche.convention)

    assert client.delete(fiche.get_absolute_url()).status_code == 405
    assert FicheAction.objects.filter(pk=fiche.pk).exists()


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, django_assert_num_queries, count):
    fiches = plan_with("ABC"[:count])
    user = log_in(client, fiches[0].convention)
    for fiche in fiches:
        fiche.archive(by=user)

    with django_assert_num_queries(11):
        page = page_of(client, fiches[0].plan)

    assert len(page.context["lignes"]) == count
