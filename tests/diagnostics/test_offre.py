"""The offer against the public concerned: what is counted, what is unknown, where nothing is."""

from decimal import Decimal

import pytest
from django.urls import reverse

from conventions.models import TypeEquipement
from diagnostics.models import Valeur
from diagnostics.models.besoins import offre_et_besoins
from tests.conventions.test_detail import log_in
from tests.diagnostics.test_portrait import gather
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    EquipementFactory,
    TerritoireFactory,
    TypeEquipementFactory,
)

D = Decimal


@pytest.fixture
def territoire():
    territoire = TerritoireFactory()
    communes = [CommuneFactory(code=f"4600{n}", nom=f"Commune {n}") for n in (1, 2, 3)]
    territoire.communes.add(*communes)
    for commune, enfants in zip(communes, (40, 8, None), strict=True):
        absence = {} if enfants else {"absence": Valeur.Absence.SECRET}
        gather(territoire, "age-0-2", "commune", commune.code, enfants, **absence)
    return territoire


def place(territoire, code, capacite, **fields):
    commune = territoire.communes.get(code=code) if code else None
    kind = (
        fields.pop("type", None)
        or TypeEquipement.objects.get_or_create(
            code="multi", intitule="Multi", famille="petite_enfance", unite_capacite="places"
        )[0]
    )
    return EquipementFactory(territoire=territoire, commune=commune, capacite=capacite, type=kind, **fields)


def besoins(territoire):
    return {commune.code: besoin for commune, besoin in offre_et_besoins(territoire).communes}


def test_places_for_100_children_by_commune(territoire):
    place(territoire, "46001", 10)
    place(territoire, "46001", 8)

    found = offre_et_besoins(territoire)

    first, second, third = (besoin for _, besoin in found.communes)
    assert (first.places, first.pour_cent_enfants, first.is_trou) == (18, D(45), False)
    assert (second.pour_cent_enfants, second.is_trou) == (D(0), True)
    assert (third.pour_cent_enfants, third.is_trou) == (None, False)
    assert [commune.code for commune in found.trous] == ["46002"]


def test_nothing_is_computed_from_what_is_not_known(territoire):
    place(territoire, "46001", 10)
    place(territoire, "46002", None)

    found = offre_et_besoins(territoire)

    assert besoins(territoire)["46002"].pour_cent_enfants is None
    assert not besoins(territoire)["46002"].is_trou
    # One commune is secret: the sum of the children is not the whole.
    assert (found.total.places, found.total.inconnues, found.total.pour_cent_enfants) == (10, 1, None)


def test_what_is_closed_or_has_other_units_does_not_count(territoire):
    relais = TypeEquipementFactory(famille="petite_enfance", unite_capacite="")
    place(territoire, "46001", 30, type=relais)
    place(territoire, "46001", 12, ouvert_le="2010-01-01", ferme_le="2020-01-01")

    assert besoins(territoire)["46001"].places == 0


def test_equipement_without_commune_counts_for_the_whole(territoire):
    place(territoire, None, 12)

    found = offre_et_besoins(territoire)

    assert (found.total.places, found.hors_commune) == (12, 1)
    assert all(besoin.places == 0 for _, besoin in found.communes)


def test_communes_without_any_of_a_family(territoire):
    place(territoire, "46001", 10)

    sans = dict(offre_et_besoins(territoire).sans)

    assert [commune.code for commune in sans["petite_enfance"]] == ["46002", "46003"]
    assert len(sans["parentalite"]) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, territoire, django_assert_num_queries, count):
    convention = ConventionFactory(territoire=territoire)
    log_in(client, convention)
    for _ in range(count):
        place(territoire, "46001", 10)

    with django_assert_num_queries(10):
        page = client.get(reverse("diagnostics:offre", args=[convention.code]))

    assert page.text.count("<strong>aucune place</strong>") == 1


def test_page_of_a_territoire_without_anything(client):
    convention = ConventionFactory()
    log_in(client, convention)

    page = client.get(reverse("diagnostics:offre", args=[convention.code]))

    assert "connu pour aucune commune" in page.text
