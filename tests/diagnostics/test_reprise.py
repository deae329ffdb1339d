"""A diagnostic that starts from the one before, and what moved since."""

import pytest
from django.urls import reverse

from ctg_portal.workflow import TransitionError
from diagnostics.models import Diagnostic
from diagnostics.reprise import compare, evolutions, start_from
from tests.factories import (
    AtelierFactory,
    ConstatFactory,
    ConventionFactory,
    DiagnosticFactory,
    EnjeuFactory,
    EquipementFactory,
    HabilitationFactory,
    ParoleFactory,
    ValeurFactory,
)


@pytest.fixture
def previous():
    previous = DiagnosticFactory(synthese="Un territoire rural.", annee=2022)
    constat = ConstatFactory(diagnostic=previous, elements="Deux accueils.")
    constat.equipements.add(EquipementFactory(territoire=previous.convention.territoire))
    constat.paroles.add(ParoleFactory(diagnostic=previous))
    EnjeuFactory(diagnostic=previous).constats.add(constat)
    AtelierFactory(diagnostic=previous)
    return previous


@pytest.fixture
def convention(previous):
    before = previous.convention
    return ConventionFactory(
        territoire=before.territoire,
        precedente=before,
        debut=before.debut.replace(year=before.fin.year + 1),
        fin=before.fin.replace(year=before.fin.year + 5),
    )


def test_texts_constats_and_enjeux_follow_but_not_ateliers(previous, convention):
    made = start_from(previous, convention=convention)

    constat, enjeu = made.constats.get(), made.enjeux.get()
    assert (made.precedent, made.synthese, made.annee) == (previous, "Un territoire rural.", None)
    assert (constat.elements, constat.equipements.count(), constat.paroles.count()) == (
        "Deux accueils.",
        1,
        0,
    )
    assert list(enjeu.constats.all()) == [constat]
    assert made.ateliers.count() == 0
    assert previous.constats.get() != constat


def test_it_starts_once(previous, convention):
    start_from(previous, convention=convention)

    with pytest.raises(TransitionError, match="déjà ouvert"):
        start_from(previous, convention=convention)


def test_page_offers_it_and_says_twice_without_harm(client, previous, convention):
    user = HabilitationFactory(convention=convention).user
    HabilitationFactory(user=user, convention=previous.convention, role="lecture")
    client.force_login(user)
    assert (
        "Partir du diagnostic précédent"
        in client.get(reverse("diagnostics:detail", args=[convention.code])).text
    )
    path = reverse("diagnostics:start_from_previous", args=[convention.code])

    client.post(path)
    again = client.post(path, follow=True)

    assert "déjà ouvert" in again.text
    assert Diagnostic.objects.filter(convention=convention).count() == 1


def test_previous_that_is_not_open_to_the_person_is_not_copied(client, previous, convention):
    client.force_login(HabilitationFactory(convention=convention).user)

    client.post(reverse("diagnostics:start_from_previous", args=[convention.code]))

    assert not Diagnostic.objects.filter(convention=convention).exists()


def test_rows_are_kept_changed_dropped_and_new(previous, convention):
    ConstatFactory(diagnostic=previous, intitule="Une offre peu lisible du tout")
    ConstatFactory(diagnostic=previous, intitule="Vieillissement")
    made = start_from(previous, convention=convention)
    made.constats.filter(intitule="Vieillissement").delete()
    made.constats.filter(intitule="Une offre peu lisible du tout").update(intitule="Une offre plus lisible")
    new = ConstatFactory(diagnostic=made, intitule="Logement rare")

    found = compare(previous.constats.all(), made.constats.all(), ["intitule", "elements"])

    assert [row.elements for row in found.gardes] == ["Deux accueils."]
    assert [change.row.intitule for change in found.changes] == ["Une offre plus lisible"]
    assert [row.intitule for row in found.retires] == ["Vieillissement"]
    assert found.nouveaux == [new]


def test_figures_that_moved_start_from_the_year_of_the_previous(previous, convention):
    territoire = convention.territoire
    for annee, valeur in ((2018, "5300"), (2022, "5372"), (2023, "5432")):
        ValeurFactory(territoire=territoire, annee=annee, valeur=valeur)
    made = start_from(previous, convention=convention)

    [evolution] = evolutions(made)

    assert (evolution.avant.annee, evolution.apres.annee, evolution.ecart) == (2022, 2023, 60)


def test_page_of_what_moved(client, previous, convention):
    start_from(previous, convention=convention)
    user = HabilitationFactory(convention=convention, role="lecture").user
    path = reverse("diagnostics:mouvements", args=[convention.code])
    client.force_login(user)
    assert "ne vous est pas ouvert" in client.get(path).text

    HabilitationFactory(user=user, convention=previous.convention, role="lecture")

    assert "Gardés tels quels" in client.get(path).text
