"""The directory: found by any spelling, shared by all, and silent about conventions that are not open to the visitor."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.models import Habilitation, Mandat, Organisation
from tests.conventions.test_detail import log_in
from tests.conventions.test_sections import image, rows_of
from tests.factories import (
    ConventionFactory,
    DepartementFactory,
    EquipementFactory,
    FicheActionFactory,
    FinancementFactory,
    HabilitationFactory,
    MandatFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
)

URL = reverse("conventions:organisations")
D = datetime.date


@pytest.fixture
def convention(client):
    convention = ConventionFactory()
    log_in(client, convention)
    return convention


def shown(client, query):
    return [row.nom for row in client.get(URL, query).context["organisations"]]


@pytest.mark.parametrize("count", [1, 3])
def test_list_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    for _ in range(count):
        SignataireFactory(convention=convention, organisation__departement=convention.territoire.departement)

    with django_assert_num_queries(9):
        response = client.get(URL)

    assert [row.nb_conventions for row in response.context["organisations"]] == [1] * count


def test_list_is_found_filtered_and_sorted(client, convention):
    lot = convention.territoire.departement
    OrganisationFactory(nom="État – Préfecture du Lot", nature="etat", departement=lot)
    OrganisationFactory(nom="Les Jardiniers Bourians", nature="evs", siren="732829320")
    OrganisationFactory(nom="Absorbée", fusionnee_dans=OrganisationFactory(nom="Zut"))

    assert shown(client, {}) == ["État – Préfecture du Lot", "Les Jardiniers Bourians", "Zut"]
    assert shown(client, {"tri": "-nom"}) == ["Zut", "Les Jardiniers Bourians", "État – Préfecture du Lot"]
    assert shown(client, {"q": "etat prefecture"}) == ["État – Préfecture du Lot"]
    assert shown(client, {"q": "732 829 320"}) == ["Les Jardiniers Bourians"]
    assert shown(client, {"nature": "evs"}) == ["Les Jardiniers Bourians"]
    assert shown(client, {"departement": "46"}) == ["État – Préfecture du Lot"]
    assert "Aucune organisation ne répond" in client.get(URL, {"q": "%zzz"}).text


def test_directory_is_for_those_who_have_a_role(client):
    organisation = OrganisationFactory()
    client.force_login(UserFactory())
    assert client.get(URL).status_code == 403
    assert client.get(organisation.get_absolute_url()).status_code == 403
    assert URL not in client.get(reverse("actions:mes_fiches")).text

    log_in(client, ConventionFactory(), role="lecture")
    assert URL in client.get(URL).text


def fill(organisation, convention, count):
    for _ in range(count):
        FinancementFactory(convention=convention, financeur=organisation)
        MandatFactory(organisation=organisation)
        EquipementFactory(territoire=convention.territoire, gestionnaire=organisation)
    MembreInstanceFactory(instance__convention=convention, organisation=organisation, nom="Jeanne Martin")
    FicheActionFactory(axe__plan__convention=convention, structure_pilote=organisation)
    SignataireFactory(convention=convention, organisation=organisation)
    convention.partenaires.create(organisation=organisation, role="Anime")


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    organisation = OrganisationFactory(departement=convention.territoire.departement)
    fill(organisation, convention, count)

    with django_assert_num_queries(17):
        response = client.get(organisation.get_absolute_url())

    (presence,) = response.context["presences"]
    lines = "1 ligne de financement" if count == 1 else "3 lignes de financement"
    assert [role.libelle.split(" : Comité")[0] for role in presence.roles] == [
        "signataire, à signer",
        "partenaire (Anime)",
        f"finance : {lines}",
        "siège",
        "1 fiche action pilotée",
    ]
    assert "Jeanne Martin" not in response.text
    assert f"{reverse('actions:fiches', args=[convention.code])}?structure={organisation.pk}" in response.text


def test_page_says_nothing_of_a_convention_out_of_scope(client, convention):
    organisation = OrganisationFactory()
    secret = ConventionFactory(territoire__nom="CC du Secret")
    fill(organisation, secret, 3)

    response = client.get(organisation.get_absolute_url())

    assert (response.context["presences"], list(response.context["equipements"])) == ([], [])
    assert "Secret" not in response.text
    assert [
        row.nb_conventions for row in client.get(URL).context["organisations"] if row == organisation
    ] == [0]


def test_page_leads_to_what_it_names(client, convention):
    organisation = OrganisationFactory(departement=convention.territoire.departement)
    FinancementFactory(convention=convention, financeur=organisation)
    FinancementFactory(convention=convention, beneficiaire=organisation)
    EquipementFactory(territoire=convention.territoire, gestionnaire=organisation, nom="Relais du Causse")
    SignataireFactory(convention=convention, organisation=organisation)
    convention.partenaires.create(organisation=OrganisationFactory(nom="Collège"))

    page = client.get(organisation.get_absolute_url()).text

    for route, args, query in (
        ("actions:financements", [], f"?financeur={organisation.pk}"),
        ("conventions:etat", [organisation.pk], ""),
        ("conventions:equipements", [], "?q=Relais%20du%20Causse"),
    ):
        assert f'href="{reverse(route, args=[convention.code, *args])}{query}"' in page
    # And back: the pages of the convention lead to the directory.
    detail = client.get(convention.get_absolute_url()).text
    etat = client.get(reverse("conventions:etat", args=[convention.code, organisation.pk])).text
    money = client.get(reverse("actions:financements", args=[convention.code])).text
    for text in (detail, etat, money):
        assert f'href="{organisation.get_absolute_url()}"' in text
    assert f'href="{Organisation.objects.get(nom="Collège").get_absolute_url()}"' in detail


def test_confidential_fiche_is_not_counted_for_a_reader(client):
    convention, organisation = ConventionFactory(), OrganisationFactory()
    FicheActionFactory(axe__plan__convention=convention, structure_pilote=organisation, confidentielle=True)
    log_in(client, convention, role="lecture")

    assert client.get(organisation.get_absolute_url()).context["presences"] == []


# Editing.


def edit_url(organisation):
    return reverse("conventions:organisation_edit", args=[organisation.pk])


DATA = {
    "nature": "evs",
    "nom": "  Les Jardiniers   Bourians ",
    "siren": "732 829 320",
    "siret": "73282932000074",
    "fonction_contact": "Direction",
    "courriel": "direction@example.org",
    "telephone": "",
}


def test_coordination_edits_an_organisation_its_convention_names(client, convention):
    organisation = SignataireFactory(convention=convention).organisation

    page = client.get(edit_url(organisation))
    assert "communes à toutes les conventions" in page.text
    response = client.post(edit_url(organisation), DATA)

    assert response.headers["Location"] == organisation.get_absolute_url()
    organisation.refresh_from_db()
    assert (organisation.nom, organisation.siren, organisation.nature) == (
        "Les Jardiniers Bourians",
        "732829320",
        "evs",
    )


@pytest.mark.parametrize(
    ("fields", "where", "message"),
    [
        ({"siren": "732829321"}, "siren", None),
        ({"siret": "73282932000075"}, "siret", None),
        (
            {"siret": "20003532700016"},
            "siret",
            "Les neuf premiers chiffres d’un SIRET sont ceux du SIREN.",
        ),
        ({"courriel": "pas une adresse"}, "courriel", None),
        ({"nom": ""}, "nom", None),
        ({"nom": "x" * 201}, "nom", None),
        ({"nature": "caf"}, "nature", None),
        ({"nature": "epci"}, "nature", None),
    ],
)
def test_bad_input_is_said_and_nothing_changes(client, convention, fields, where, message):
    organisation = SignataireFactory(convention=convention).organisation
    before = Organisation.objects.filter(pk=organisation.pk).values().get()

    response = client.post(edit_url(organisation), DATA | fields)

    assert where in response.context["form"].errors
    if message:
        assert response.context["form"].errors[where] == [message]
    assert Organisation.objects.filter(pk=organisation.pk).values().get() == before


def test_nature_that_gives_rights_does_not_move(client, convention):
    caf = SignataireFactory(convention=convention, organisation__nature="caf").organisation

    client.post(edit_url(caf), DATA | {"nature": "association"})

    caf.refresh_from_db()
    assert (caf.nature, caf.nom) == ("caf", "Les Jardiniers Bourians")


def test_who_may_edit(client):
    convention = ConventionFactory()
    lot = convention.territoire.departement
    organisation = SignataireFactory(convention=convention, organisation__departement=lot).organisation
    elsewhere = OrganisationFactory(
        departement=DepartementFactory(code="15", nom="Cantal", code_region="84", region="ARA")
    )
    caf = OrganisationFactory(nature="caf", departement=lot)

    def statuses(user):
        client.force_login(user)
        return [client.get(edit_url(row)).status_code for row in (organisation, elsewhere)]

    reader = HabilitationFactory(convention=convention, role="lecture").user
    reviewer, own = UserFactory(), UserFactory()
    Habilitation.objects.create(user=reviewer, role="relecture", organisation=caf)
    Organisation.objects.filter(pk=elsewhere.pk).update(nature="epci")
    Habilitation.objects.create(user=own, role="administration", organisation=elsewhere)
    assert statuses(reader) == [403, 403]
    assert statuses(HabilitationFactory(convention=convention).user) == [200, 403]
    assert statuses(reviewer) == [200, 403]
    assert statuses(own) == [403, 200]

    convention.statut = "close"
    convention.save()
    assert statuses(HabilitationFactory(convention=convention).user) == [403, 403]


def test_logo_is_kept_served_and_taken_away(client, convention, media, django_capture_on_commit_callbacks):
    organisation = SignataireFactory(convention=convention).organisation
    logo = reverse("conventions:organisation_logo", args=[organisation.pk])
    assert client.get(logo).status_code == 404

    client.post(edit_url(organisation), DATA | {"logo": image()})
    assert client.get(logo).headers["Content-Type"] == "image/png"
    assert logo in client.get(organisation.get_absolute_url()).text

    with django_capture_on_commit_callbacks(execute=True):
        client.post(edit_url(organisation), DATA | {"retirer_logo": "on"})
    assert list((media / "logos").iterdir()) == []


# Mandates.


def test_mandats_are_written_and_kept_once_past(client, convention):
    organisation = SignataireFactory(convention=convention).organisation
    past = MandatFactory(organisation=organisation, nom="Ancien maire", fin=D(2020, 5, 1))

    client.post(
        reverse("conventions:mandats", args=[organisation.pk]),
        rows_of(
            "mandats",
            1,
            {"id": past.pk, "fonction": "Maire", "nom": "Ancien maire", "fin": "2020-05-01", "ORDER": 2},
            {"fonction": "Maire", "nom": "Jeanne Martin", "debut": "2020-05-01", "ORDER": 1},
        ),
    )

    page = client.get(organisation.get_absolute_url())
    assert [str(row) for row in page.context["mandats"]] == ["Jeanne Martin, Maire"]
    assert [str(row) for row in page.context["anciens"]] == ["Ancien maire, Maire"]


@pytest.mark.parametrize(
    "row",
    [
        {"fonction": "Maire", "nom": ""},
        {"fonction": "Maire", "nom": "A", "debut": "2022-01-01", "fin": "2021-01-01"},
        {"fonction": "x" * 151, "nom": "A"},
    ],
)
def test_bad_mandat_is_said(client, convention, row):
    organisation = SignataireFactory(convention=convention).organisation

    response = client.post(reverse("conventions:mandats", args=[organisation.pk]), rows_of("mandats", 0, row))

    assert response.context["form"].forms[0].errors
    assert not Mandat.objects.exists()


def test_signataire_form_suggests_who_holds_a_function_today(client, convention):
    organisation = SignataireFactory(convention=convention).organisation
    MandatFactory(organisation=organisation, nom="Jeanne Martin", fonction="Présidence")
    MandatFactory(organisation=organisation, nom="Ancienne", fin=timezone.localdate())
    MandatFactory(nom="Une autre")

    page = client.get(reverse("conventions:edit", args=[convention.code, "signataires"]))

    assert 'list="liste-id_signataires-0-representant"' in page.text
    assert 'value="Jeanne Martin" label="Présidence, ' in page.text
    assert "Ancienne" not in page.text
    assert "Une autre" not in page.text
