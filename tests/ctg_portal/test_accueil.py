from django.urls import reverse

from ctg_portal.accueil import a_faire
from tests.factories import FicheActionFactory, HabilitationFactory, UserFactory
from tests.world import build_world


def test_a_faire_of_the_adviser_is_what_is_to_be_read():
    world = build_world()

    lines = a_faire(world.people["relecture"], world.convention, frozenset({"relecture"}))

    assert [(line["count"], line["text"]) for line in lines] == [
        (1, "avis à donner"),
        (1, "fiche à relire"),
    ]


def test_a_faire_of_a_pilote_counts_only_what_they_pilot_and_opens_it(client):
    world = build_world()
    FicheActionFactory(axe=world.objects["axe"], redaction="a_completer")

    lines = a_faire(world.people["redaction"], world.convention, frozenset({"redaction"}))

    assert [(line["count"], line["text"]) for line in lines] == [
        (1, "fiche à compléter pour la CAF"),
        (1, "fiche en retard"),
        (1, "fiche en brouillon"),
    ]
    client.force_login(world.people["redaction"])
    for line in lines:
        assert len(client.get(line["url"]).context["fiches"]) == line["count"], line


def test_home_leads_straight_to_a_single_convention(client):
    habilitation = HabilitationFactory()
    client.force_login(habilitation.user)

    response = client.get(reverse("home"))

    assert response.headers["Location"] == reverse("convention_home", args=[habilitation.convention.code])


def test_home_of_somebody_without_territory_says_what_to_do(client):
    client.force_login(UserFactory())

    assert "Aucun territoire pour l’instant" in client.get(reverse("home")).text
