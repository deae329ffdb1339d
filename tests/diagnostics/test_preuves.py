"""What shows a constat: chosen on a page of its own, among what belongs to the territoire and to the diagnostic."""

import pytest
from django.urls import reverse

from diagnostics.models import Constat
from tests.factories import (
    ConstatFactory,
    DiagnosticFactory,
    EnjeuFactory,
    EquipementFactory,
    HabilitationFactory,
    ParoleFactory,
    ValeurFactory,
)


@pytest.fixture
def constat():
    return ConstatFactory(diagnostic=DiagnosticFactory(), elements="Dit en atelier.")


@pytest.fixture
def coordination(client, constat):
    user = HabilitationFactory(convention=constat.diagnostic.convention).user
    client.force_login(user)
    return user


def address(name, constat):
    return reverse(f"diagnostics:{name}", args=[constat.diagnostic.convention.code, constat.pk])


def preuves(constat):
    territoire = constat.diagnostic.convention.territoire
    return (
        ValeurFactory(territoire=territoire),
        ParoleFactory(diagnostic=constat.diagnostic),
        EquipementFactory(territoire=territoire),
    )


def test_preuves_are_chosen_and_nothing_else_changes(client, coordination, constat):
    valeur, parole, equipement = preuves(constat)

    client.post(
        address("constat_preuves", constat),
        {"valeurs": [valeur.pk], "paroles": [parole.pk], "equipements": [equipement.pk], "elements": ""},
    )

    constat = Constat.objects.with_preuves().get(pk=constat.pk)
    assert [list(rows.all()) for rows in (constat.valeurs, constat.paroles, constat.equipements)] == [
        [valeur],
        [parole],
        [equipement],
    ]
    assert (constat.has_preuve, constat.elements) == (True, "Dit en atelier.")


@pytest.mark.parametrize("name", ["valeurs", "paroles", "equipements"])
def test_preuves_of_elsewhere_are_refused(client, coordination, constat, name):
    foreign = dict(zip(("valeurs", "paroles", "equipements"), preuves(ConstatFactory()), strict=True))

    page = client.post(address("constat_preuves", constat), {name: [foreign[name].pk]})

    assert name in page.context["form"].errors
    assert getattr(constat, name).count() == 0


def test_figures_of_communes_are_offered_where_there_is_none_wider(constat):
    territoire = constat.diagnostic.convention.territoire
    possible = type(ValeurFactory(territoire=territoire, niveau="commune", code="46064")).objects
    assert [row.niveau for row in possible.preuves_possibles(territoire, constat)] == ["commune"]

    wide = ValeurFactory(territoire=territoire)

    assert list(possible.preuves_possibles(territoire, constat)) == [wide]


def test_second_person_overwrites_nothing(client, coordination, constat):
    _, parole, equipement = preuves(constat)
    path = address("constat_preuves", constat)
    empreinte = client.get(path).context["form"].current_empreinte
    constat.paroles.add(parole)

    page = client.post(path, {"equipements": [equipement.pk], "empreinte": empreinte})

    assert "Quelqu’un d’autre a enregistré" in page.text
    assert (list(constat.paroles.all()), constat.equipements.count()) == ([parole], 0)


def test_enjeux_of_a_constat_keep_their_other_constats(client, coordination, constat):
    enjeu = EnjeuFactory(diagnostic=constat.diagnostic)
    other = ConstatFactory(diagnostic=constat.diagnostic)
    enjeu.constats.add(other)

    client.post(address("constat_enjeux", constat), {"enjeux": [enjeu.pk]})

    assert set(enjeu.constats.all()) == {constat, other}


@pytest.mark.parametrize("size", [1, 3])
def test_constats_and_their_preuves_in_four_queries(django_assert_num_queries, size):
    diagnostic = DiagnosticFactory()
    for _ in range(size):
        made = ConstatFactory(diagnostic=diagnostic)
        made.paroles.add(ParoleFactory(diagnostic=diagnostic))
        made.equipements.add(EquipementFactory(territoire=diagnostic.convention.territoire))

    with django_assert_num_queries(4):
        found = [row.has_preuve for row in Constat.objects.filter(diagnostic=diagnostic).with_preuves()]

    assert found == [True] * size


def test_page_says_without_proof(client, coordination, constat):
    page = client.get(reverse("diagnostics:detail", args=[constat.diagnostic.convention.code]))

    assert "sans preuve" in page.text
