"""Two rows of the directory become one, and come back exactly: nothing lost, no right given by the way."""

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import reverse
from pghistory.models import Event

from actions.models import ModeleFiche
from conventions.models import (
    Convention,
    FusionOrganisation,
    Habilitation,
    Mandat,
    Organisation,
    Signataire,
)
from conventions.operations.annuaire import doublons
from conventions.operations.fusions import INTACTES, count_references, merge, references, undo
from ctg_portal.workflow import TransitionError
from tests.factories import (
    AtelierFactory,
    AvenantFactory,
    CommuneFactory,
    ConventionFactory,
    EquipementFactory,
    FicheActionFactory,
    FinancementFactory,
    MandatFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    PresenceFactory,
    SignataireFactory,
    TerritoireFactory,
    UserFactory,
)


@pytest.fixture
def staff():
    return UserFactory(is_superuser=True)


def ours():
    return [
        model
        for app in ("ctg_portal", "conventions", "diagnostics", "actions", "governance")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if not issubclass(model, Event)
    ]


def snapshot():
    """Every row of every table of ours, but the record of the merges themselves."""
    found = {}
    with connection.cursor() as cursor:
        for model in ours():
            if model is not FusionOrganisation:
                cursor.execute(f'SELECT * FROM "{model._meta.db_table}" ORDER BY 1')
                found[model._meta.label] = cursor.fetchall()
    return found


def test_every_column_that_names_an_organisation_is_moved():
    """A model that comes later is found here by its own fields, and there through the relations."""
    naming = {
        (model, field.name)
        for model in ours()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is Organisation
    }

    assert {(row.model, row.champ) for row in references(Organisation)} == naming - INTACTES
    assert len(naming) >= 15


def fill(organisation, convention):
    """Something that names the organisation in every room."""
    SignataireFactory(convention=convention, organisation=organisation)
    convention.partenaires.create(organisation=organisation, role="Associée")
    FinancementFactory(convention=convention, financeur=organisation)
    FinancementFactory(convention=convention, beneficiaire=organisation)
    EquipementFactory(territoire=convention.territoire, gestionnaire=organisation)
    fiche = FicheActionFactory(axe__plan__convention=convention, structure_pilote=organisation)
    fiche.partenaires.create(organisation=organisation)
    fiche.lignes_financement.create(annee=2026, financeur=organisation)
    MembreInstanceFactory(instance__convention=convention, organisation=organisation)
    AtelierFactory(diagnostic__convention=convention).organisations.add(organisation)
    AvenantFactory(convention=convention).organisations_ajoutees.add(organisation)
    MandatFactory(organisation=organisation)
    PresenceFactory(reunion__instance__convention=convention, organisation=organisation)
    Habilitation.objects.create(user=UserFactory(), role="lecture", organisation=organisation)
    ModeleFiche.objects.create(organisation=organisation, intitule="Ouvrir un relais")


def test_merge_moves_everything_and_undo_puts_it_back_row_by_row(staff):
    gardee, absorbee = OrganisationFactory(nom="Les Jardiniers"), OrganisationFactory(nom="Jardiniers")
    fill(absorbee, ConventionFactory())
    before = snapshot()
    counted = sum(count for _, count in count_references([gardee, absorbee])[absorbee.pk])

    fusion = merge(gardee=gardee, absorbee=absorbee, by=staff)

    counts = count_references([gardee, absorbee])
    assert counts[absorbee.pk] == []
    assert sum(count for _, count in counts[gardee.pk]) == counted == 15
    assert {row.model for row in references(Organisation)} == {
        apps.get_model(operation["modele"])
        for operation in fusion.deplacements
        if operation["verbe"] == "deplacer"
    }

    undo(fusion, by=staff)

    assert snapshot() == before
    fusion.refresh_from_db()
    assert fusion.annulee_le is not None


def test_rows_that_would_be_double_become_one_and_come_back(staff):
    gardee, absorbee = OrganisationFactory(nom="CAF du Lot"), OrganisationFactory(nom="Caf Lot")
    convention, person = ConventionFactory(), UserFactory()
    kept = SignataireFactory(convention=convention, organisation=gardee, representant="Jeanne Martin")
    lost = SignataireFactory(
        convention=convention,
        organisation=absorbee,
        representant="J. Martin",
        deliberation_numero="2022-14",
        signe_le=convention.debut,
    )
    # What referred to the row that leaves follows the row that stays.
    AvenantFactory(convention=convention).signataires_retires.add(lost)
    atelier = AtelierFactory(diagnostic__convention=convention)
    atelier.organisations.add(gardee, absorbee)
    for organisation in (gardee, absorbee):
        Habilitation.objects.create(user=person, role="lecture", organisation=organisation)
        convention.partenaires.create(organisation=organisation)
    before = snapshot()

    fusion = merge(gardee=gardee, absorbee=absorbee, by=staff)

    kept.refresh_from_db()
    assert (kept.representant, kept.deliberation_numero, kept.signe_le) == (
        "Jeanne Martin",
        "2022-14",
        convention.debut,
    )
    assert list(convention.avenants.get().signataires_retires.all()) == [kept]
    assert (convention.signataires.count(), convention.partenaires.count()) == (1, 1)
    assert (person.habilitations.count(), list(atelier.organisations.all())) == (1, [gardee])
    (removed,) = (
        row["valeurs"]
        for row in fusion.deplacements
        if row["verbe"] == "retirer" and row["modele"] == "conventions.signataire"
    )
    assert removed["representant"] == "J. Martin"

    undo(fusion, by=staff)
    assert snapshot() == before


def test_merge_keeps_the_values_that_were_chosen(staff):
    commune = CommuneFactory()
    gardee = OrganisationFactory(nom="Cazals", siren="", courriel="mairie@example.org")
    absorbee = OrganisationFactory(
        nom="Commune de Cazals",
        siren="732829320",
        commune=commune,
        nature="commune",
        courriel="b@example.org",
    )
    before = snapshot()

    fusion = merge(
        gardee=gardee,
        absorbee=absorbee,
        valeurs={"nom": absorbee, "nature": absorbee, "courriel": gardee},
        by=staff,
    )

    gardee.refresh_from_db()
    absorbee.refresh_from_db()
    assert (gardee.nom, gardee.siren, gardee.commune, gardee.nature, gardee.courriel) == (
        "Commune de Cazals",
        "732829320",
        commune,
        "commune",
        "mairie@example.org",
    )
    assert (absorbee.fusionnee_dans, absorbee.commune) == (gardee, None)
    assert list(Organisation.objects.actives()) == [gardee]

    undo(fusion, by=staff)
    assert snapshot() == before


def test_two_places_are_never_one(staff):
    pair = [OrganisationFactory(territoire=TerritoireFactory()) for _ in range(2)]

    with pytest.raises(TransitionError, match="Ce sont deux intercommunalités différentes"):
        merge(gardee=pair[0], absorbee=pair[1], by=staff)


def test_merge_twice_or_with_itself_is_refused(staff):
    gardee, absorbee = OrganisationFactory(), OrganisationFactory()
    with pytest.raises(TransitionError, match="deux organisations différentes"):
        merge(gardee=gardee, absorbee=gardee, by=staff)

    merge(gardee=gardee, absorbee=absorbee, by=staff)

    for pair in ((gardee, absorbee), (absorbee, gardee)):
        with pytest.raises(TransitionError, match="a déjà été réunie"):
            merge(gardee=pair[0], absorbee=pair[1], by=staff)


def test_undo_is_refused_when_a_row_changed_meanwhile(staff):
    gardee, absorbee = OrganisationFactory(), OrganisationFactory()
    signataire = SignataireFactory(organisation=absorbee)
    fusion = merge(gardee=gardee, absorbee=absorbee, by=staff)
    signataire.delete()
    before = snapshot()

    with pytest.raises(TransitionError, match=r"ont changé depuis \(signataires\)"):
        undo(fusion, by=staff)

    assert snapshot() == before


def test_undo_is_refused_when_a_place_was_taken_meanwhile(staff):
    gardee, absorbee = OrganisationFactory(), OrganisationFactory(siren="732829320", nom="Les Jardiniers")
    fusion = merge(gardee=gardee, absorbee=absorbee, valeurs={"nom": absorbee}, by=staff)
    Organisation.objects.filter(pk=gardee.pk).update(courriel="autre@example.org")
    undo(fusion, by=staff)
    absorbee.refresh_from_db()
    assert absorbee.siren == "732829320"

    again = merge(gardee=gardee, absorbee=absorbee, valeurs={"nom": absorbee}, by=staff)
    Organisation.objects.filter(pk=gardee.pk).update(nom="Un nom écrit depuis")
    with pytest.raises(TransitionError, match="organisations"):
        undo(again, by=staff)


def test_undo_follows_the_order_of_merges(staff):
    first, second, third = (OrganisationFactory(nom=nom) for nom in "ABC")
    SignataireFactory(organisation=third)
    inner = merge(gardee=second, absorbee=third, by=staff)
    outer = merge(gardee=first, absorbee=second, by=staff)
    assert Organisation.objects.get(pk=third.pk).survivante == first

    with pytest.raises(TransitionError, match="a depuis été réunie à « A »"):
        undo(inner, by=staff)
    undo(outer, by=staff)
    undo(inner, by=staff)
    with pytest.raises(TransitionError, match="déjà défaite"):
        undo(inner, by=staff)

    assert Signataire.objects.get().organisation == third


# Look-alikes.


def test_doublons_share_a_siren_or_a_name_in_a_departement(django_assert_num_queries):
    convention = ConventionFactory()
    lot = convention.territoire.departement
    a, b = (OrganisationFactory(nom=nom, departement=lot) for nom in ("Les Jardiniers", "les jardiniers"))
    OrganisationFactory(nom="Les Jardiniers")
    c, d = (OrganisationFactory(nom=nom, siren="732829320") for nom in ("Crèche", "Multi-accueil"))
    OrganisationFactory(nom="Crèche", fusionnee_dans=c)

    with django_assert_num_queries(3):
        groups = doublons()

    assert [{row.pk for row in group} for group in groups] == [{c.pk, d.pk}, {a.pk, b.pk}]


def url(first, second):
    return reverse("conventions:fusion", args=[first.pk, second.pk])


def administrator(client, *organisations):
    user = UserFactory()
    for organisation in organisations:
        Habilitation.objects.create(user=user, role="administration", organisation=organisation)
    client.force_login(user)
    return user


@pytest.fixture
def caf():
    convention = ConventionFactory()
    return OrganisationFactory(nom="CAF du Lot", nature="caf", departement=convention.territoire.departement)


def test_administrator_of_the_caf_merges_then_undoes(client, caf):
    first, second = (OrganisationFactory(nom=nom, departement=caf.departement) for nom in "AB")
    MandatFactory(organisation=second)
    administrator(client, caf)
    page = client.get(url(first, second))
    assert "Mandats : 1" in page.text

    response = client.post(url(first, second), {"gardee": first.pk, "nom": second.pk}, follow=True)

    assert "« A » est réunie" not in response.text
    assert Mandat.objects.get().organisation == first
    first.refresh_from_db()
    assert first.nom == "B"
    moved = client.get(second.get_absolute_url())
    assert moved.headers["Location"] == first.get_absolute_url()

    fusion = FusionOrganisation.objects.get()
    assert client.get(reverse("conventions:fusion_undo", args=[fusion.pk])).status_code == 200
    client.post(reverse("conventions:fusion_undo", args=[fusion.pk]))
    assert Mandat.objects.get().organisation == second
    assert client.get(second.get_absolute_url()).status_code == 200
    assert client.get(reverse("conventions:fusion_undo", args=[fusion.pk])).status_code == 404


def test_rights_are_never_given_by_a_merge(client, caf):
    """B signs a convention, people hold a role in A: uniting them would open the convention to these people."""
    lot = caf.departement
    first, second = (OrganisationFactory(nom=nom, nature="epci", departement=lot) for nom in "AB")
    signed = SignataireFactory(organisation=second).convention
    reader = UserFactory()
    Habilitation.objects.create(user=reader, role="lecture", organisation=first)
    by = administrator(client, caf)

    for pair in ((first, second), (second, first)):
        assert client.get(url(*pair)).status_code == 403
        assert client.post(url(*pair), {"gardee": first.pk, "nom": first.pk}).status_code == 403
    assert not Convention.objects.visible_to(reader).exists()

    # Administrator of one of them only: still not.
    Habilitation.objects.create(user=by, role="administration", organisation=first)
    assert client.post(url(first, second), {"gardee": first.pk, "nom": first.pk}).status_code == 403
    # Of both: theirs to decide.
    Habilitation.objects.create(user=by, role="administration", organisation=second)
    client.post(url(first, second), {"gardee": first.pk, "nom": first.pk})
    assert Convention.objects.visible_to(reader).get() == signed


def test_staff_may_unite_rows_that_give_rights(client):
    first, second = OrganisationFactory(nom="A"), OrganisationFactory(nom="B")
    Habilitation.objects.create(user=UserFactory(), role="lecture", organisation=first)
    client.force_login(UserFactory(is_superuser=True))

    client.post(url(first, second), {"gardee": first.pk, "nom": first.pk})

    assert list(Organisation.objects.actives()) == [first]


def test_administrator_of_elsewhere_merges_nothing(client, caf):
    pair = [OrganisationFactory(nom=nom) for nom in "AB"]
    administrator(client, caf)

    assert client.get(url(*pair)).status_code == 403
    assert client.get(reverse("conventions:fusion_search", args=[pair[0].pk])).status_code == 403


@pytest.mark.parametrize("data", [{}, {"gardee": "999"}, {"gardee": "x", "nom": "y"}])
def test_bad_choice_is_said_and_nothing_moves(client, caf, data):
    first, second = (OrganisationFactory(nom=nom, departement=caf.departement) for nom in "AB")
    administrator(client, caf)

    response = client.post(url(first, second), data)

    assert response.context["form"].errors
    assert Organisation.objects.actives().count() == 3


@pytest.mark.parametrize("count", [1, 3])
def test_pages_query_count_does_not_grow(client, caf, count, django_assert_num_queries):
    first, second = (OrganisationFactory(nom="Même", departement=caf.departement) for _ in range(2))
    for _ in range(count):
        MandatFactory(organisation=first)
        SignataireFactory(organisation=second)
        OrganisationFactory(nom="Même", departement=caf.departement)
    administrator(client, caf)

    with django_assert_num_queries(12):
        client.get(url(first, second))
    with django_assert_num_queries(9):
        client.get(reverse("conventions:doublons"))
