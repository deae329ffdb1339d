"""What changed since the last COPIL: on a page for the plan, an axe or a fiche, and in the dossier de séance."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import LigneBudget
from governance.matiere import Matiere
from tests.actions.histoire import il_y_a, save_as
from tests.factories import (
    AxeFactory,
    DomaineFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    InstanceFactory,
    PlanActionsFactory,
    ReunionFactory,
    UserFactory,
)


class Scene:
    """A plan of one fiche written 100 days ago, and a COPIL held 30 days ago."""

    def __init__(self):
        self.author = UserFactory()
        self.plan = PlanActionsFactory()
        self.convention = self.plan.convention
        self.axe = AxeFactory(plan=self.plan, code="1")
        self.copil = InstanceFactory(
            convention=self.convention, nature="copil", intitule="Comité de pilotage"
        )
        self.tenue = ReunionFactory(instance=self.copil, statut="tenue", debut=il_y_a(30))
        self.fiche = self.written(100, intitule="Ouvrir un relais", besoins="Vingt familles.")

    def written(self, days, **fields):
        made = []
        save_as(self.author, il_y_a(days), lambda: made.append(FicheActionFactory(axe=self.axe, **fields)))
        return made[0]

    def save(self, days, write):
        save_as(self.author, il_y_a(days), write)

    def url(self, **query):
        return reverse("governance:changements", args=[self.convention.code], query=query)


@pytest.fixture
def scene():
    return Scene()


def log_in(client, scene, role="coordination"):
    user = HabilitationFactory(convention=scene.convention, role=role).user
    client.force_login(user)
    return user


def found(response):
    return [
        (change.fiche, change.mot, change.resume)
        for groupe in response.context["axes"]
        for change in groupe.fiches
    ]


def test_the_two_ends_are_compared_whatever_was_saved_in_between(client, scene):
    log_in(client, scene)
    fiche = scene.fiche
    etape = EtapeFactory(fiche=fiche, intitule="Réunir les communes")
    ligne = LigneBudget(fiche=fiche, annee=2026, prevu="1000.00")
    scene.save(60, ligne.save)
    for day, besoins in ((20, "Trente familles."), (10, "Quarante familles.")):
        fiche.besoins = besoins
        scene.save(day, fiche.save)

    def write():
        etape.faite_le = timezone.localdate()
        etape.save()
        ligne.prevu = "1000.01"
        ligne.save()
        fiche.domaines.add(DomaineFactory())
        fiche.move_avancement("en_cours", by=scene.author)

    scene.save(5, write)

    response = client.get(scene.url())

    assert found(response) == [
        (
            fiche,
            "modifiée",
            "Avancement\xa0: à venir → en cours. Étapes faites\xa0: Réunir les communes. "
            "Modifié\xa0: Identité (domaines) ; Contexte (besoins constatés) ; "
            "Modalités de mise en œuvre (étapes\xa0: 1 modification) ; Moyens (budget\xa0: 1 modification).",
        )
    ]
    (change,) = response.context["axes"][0].fiches
    besoins = change.rubriques[1].changements[0]
    assert (besoins.avant, besoins.apres) == ("Vingt familles.", "Quarante familles.")


def test_new_archived_and_abandoned_fiches_are_said(client, scene):
    log_in(client, scene)
    new = scene.written(5, intitule="Nouvelle")
    archived = scene.written(90, intitule="Archivée")
    abandoned = scene.written(90, intitule="Abandonnée")
    scene.save(4, lambda: archived.archive(by=scene.author))
    scene.save(3, lambda: abandoned.abandon(by=scene.author, motif="Plus de porteur."))

    assert found(client.get(scene.url())) == [
        (new, "nouvelle fiche", "Nouvelle fiche, à venir."),
        (archived, "archivée", "Fiche archivée."),
        (abandoned, "modifiée", "Avancement\xa0: à venir → abandonnée. Motif\xa0: Plus de porteur."),
    ]


def test_what_was_changed_and_put_back_is_no_change(client, scene):
    log_in(client, scene)
    etape = EtapeFactory(fiche=scene.fiche)
    scene.save(60, lambda: None)
    for day, besoins in ((20, "Autre."), (10, "Vingt familles.")):
        scene.fiche.besoins = besoins
        scene.save(day, scene.fiche.save)
    domaine = DomaineFactory()
    scene.save(9, lambda: scene.fiche.domaines.add(domaine))
    scene.save(8, lambda: scene.fiche.domaines.remove(domaine))
    added = EtapeFactory(fiche=scene.fiche)
    scene.save(7, lambda: None)
    scene.save(6, added.delete)

    response = client.get(scene.url())

    assert (etape.pk is not None, found(response)) == (True, [])
    assert "Rien n’a changé" in response.content.decode()


def test_another_meeting_a_day_an_axe_or_a_fiche_may_be_chosen(client, scene):
    log_in(client, scene)
    cotech = InstanceFactory(convention=scene.convention, nature="cotech", intitule="Comité technique")
    recent = ReunionFactory(instance=cotech, statut="tenue", debut=il_y_a(4))
    other = AxeFactory(plan=scene.plan, code="2")
    elsewhere = []
    save_as(scene.author, il_y_a(90), lambda: elsewhere.append(FicheActionFactory(axe=other)))
    for fiche, day in ((scene.fiche, 10), (elsewhere[0], 3)):
        fiche.besoins = "Changé."
        scene.save(day, fiche.save)

    def fiches(**query):
        return [fiche for fiche, _, _ in found(client.get(scene.url(**query)))]

    day = (timezone.localdate() - datetime.timedelta(days=5)).isoformat()
    assert fiches() == [scene.fiche, elsewhere[0]]
    assert fiches(reunion=recent.pk) == [elsewhere[0]]
    assert fiches(depuis=day) == [elsewhere[0]]
    assert fiches(axe=scene.axe.pk) == [scene.fiche]
    assert fiches(fiche=elsewhere[0].pk) == [elsewhere[0]]


@pytest.mark.parametrize(
    "query",
    [
        {"depuis": "hier"},
        {"depuis": "2999-01-01"},
        {"depuis": "0026-01-01"},
        {"reunion": "999999"},
        {"axe": "'; DROP TABLE"},
        {"fiche": "²"},
        {"fiche": "99999999999999999999"},
    ],
)
def test_a_wrong_filter_is_said_and_the_last_copil_stands(client, scene, query):
    log_in(client, scene)

    response = client.get(scene.url(**query))

    assert response.status_code == 200
    assert [*response.context["filters"].errors] == [*query]
    assert response.context["reunion"] == scene.tenue


def test_without_a_copil_it_starts_with_the_convention(client, scene):
    log_in(client, scene)
    scene.tenue.delete()

    response = client.get(scene.url())

    assert response.context["reunion"] is None
    assert timezone.localtime(response.context["since"]).date() == scene.convention.debut
    assert [mot for _, mot, _ in found(response)] == ["nouvelle fiche"]


def test_a_confidential_fiche_stays_hidden(client, scene):
    secret = scene.written(90, intitule="Secret", confidentielle=True)
    secret.besoins = "Mot secret."
    scene.save(5, secret.save)
    seen = {}
    for role in ("lecture", "coordination"):
        log_in(client, scene, role)
        content = client.get(scene.url()).content.decode()
        address = reverse("actions:fiche_historique", args=[scene.convention.code, secret.pk])
        seen[role] = ("Secret" in content, "secret." in content, client.get(address).status_code)

    assert seen == {"lecture": (False, False, 404), "coordination": (True, True, 200)}


def test_the_dossier_says_it_shortly_and_leaves_confidential_fiches_out(scene):
    secret = scene.written(90, intitule="Secret", confidentielle=True)
    for fiche in (scene.fiche, secret):
        fiche.besoins = "Changé."
        scene.save(5, fiche.save)
    archived = scene.written(90, intitule="Archivée")
    scene.save(4, lambda: archived.archive(by=scene.author))
    coming = ReunionFactory(instance=scene.copil)

    matiere = Matiere(coming)

    assert matiere.copil_le == scene.tenue.debut
    assert [(change.fiche, change.resume) for change in matiere.changements] == [
        (scene.fiche, "Modifié\xa0: Contexte (besoins constatés)."),
        (archived, "Fiche archivée."),
    ]
    assert Matiere(scene.tenue).copil_le is None


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, scene, count, django_assert_num_queries):
    log_in(client, scene)
    for n in range(count):
        fiche = scene.written(90)
        EtapeFactory(fiche=fiche, faite_le=timezone.localdate())
        fiche.besoins = f"Changé {n}."
        scene.save(5, fiche.save)

    with django_assert_num_queries(11):
        client.get(scene.url())


@pytest.mark.parametrize("count", [1, 3])
def test_the_dossier_does_not_grow(scene, count, django_assert_num_queries):
    for _ in range(count):
        fiche = scene.written(90)
        etape = EtapeFactory(fiche=fiche)
        scene.save(60, lambda: None)
        etape.faite_le = timezone.localdate()
        scene.save(5, etape.save)
    coming = ReunionFactory(instance=scene.copil)

    with django_assert_num_queries(3):
        changes = Matiere(coming).changements

    assert [change.resume for change in changes] == [
        f"Étapes faites\xa0: {change.etapes_faites[0]}. "
        "Modifié\xa0: Modalités de mise en œuvre (étapes\xa0: 1 modification)."
        for change in changes
    ]
    assert len(changes) == count
