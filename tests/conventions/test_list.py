import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Organisation
from tests.factories import (
    ConventionFactory,
    DepartementFactory,
    HabilitationFactory,
    OrganisationFactory,
    SignataireFactory,
    TerritoireFactory,
    UserFactory,
)

URL = reverse("conventions:list")


@pytest.fixture
def user(client):
    user = UserFactory()
    client.force_login(user)
    return user


def open_to(user, **fields):
    convention = ConventionFactory(**fields)
    HabilitationFactory(user=user, role="lecture", convention=convention)
    return convention


def shown(client, query=""):
    return [convention.code for convention in client.get(f"{URL}{query}").context["conventions"]]


@pytest.mark.parametrize("count", [1, 3])
def test_list_query_count_does_not_grow(client, user, count, django_assert_num_queries):
    for _ in range(count):
        convention = open_to(user)
        SignataireFactory(convention=convention, signe_le=convention.debut)
        SignataireFactory(convention=convention)
        gmr = ConventionFactory(territoire=convention.territoire, nature="gmr", principale=convention)
        HabilitationFactory(user=user, role="lecture", convention=gmr)

    with django_assert_num_queries(10):
        response = client.get(URL)

    assert response.text.count("1 sur 2 signataires") == count


def test_list_shows_only_what_is_visible(client, user):
    mine = open_to(user)
    ConventionFactory()

    assert shown(client) == [mine.code]


def test_list_says_who_has_no_role(client, user):
    assert "Votre compte n’a encore de rôle sur aucune convention." in client.get(URL).text


def test_list_is_sorted_by_the_name_without_its_legal_form(client, user):
    names = ["CC du Beausset", "CA Azur", "Causse"]
    codes = {name: open_to(user, territoire__nom=name).code for name in names}

    assert shown(client) == [codes["CA Azur"], codes["CC du Beausset"], codes["Causse"]]
    assert shown(client, "?tri=-territoire")[0] == codes["Causse"]


def test_sort_unknown_is_ignored(client, user):
    convention = open_to(user)

    assert shown(client, "?tri=mot-de-passe") == [convention.code]


def test_filters(client, user):
    today = timezone.localdate()
    cantal = DepartementFactory(code="15", nom="Cantal", code_region="84", region="Auvergne-Rhône-Alpes")
    carlades = open_to(
        user,
        territoire=TerritoireFactory(nom="CC de Cère et Goul en Carladès", departement=cantal),
        debut=datetime.date(2010, 1, 1),
        fin=datetime.date(2014, 12, 31),
        statut="close",
        numero="CTG-15-01",
    )
    ending = open_to(
        user, debut=datetime.date(today.year - 3, 1, 1), fin=today + datetime.timedelta(days=200)
    )
    gmr = open_to(user, nature="gmr", fin=today + datetime.timedelta(days=900))

    assert shown(client, "?departement=15") == [carlades.code]
    assert shown(client, "?nature=gmr") == [gmr.code]
    assert shown(client, "?statut=close") == [carlades.code]
    assert shown(client, "?annee=2012") == [carlades.code]
    assert shown(client, "?expire=on") == [ending.code]
    assert shown(client, "?q=goul+carladès") == [carlades.code]
    assert shown(client, "?q=ctg-15") == [carlades.code]
    assert shown(client, "?nature=gmr&statut=close") == []


def test_filters_in_force_are_said_with_their_way_out(client, user):
    open_to(user)

    badges = client.get(f"{URL}?departement=46&annee={timezone.localdate().year}").context["filter"].badges

    assert [badge["label"] for badge in badges] == [
        "Département\u00a0: Lot (46)",
        f"En cours en\u00a0: {timezone.localdate().year}",
    ]
    assert badges[0]["url_remove"] == f"?annee={timezone.localdate().year}"


def test_filter_choices_come_from_what_is_visible(client, user):
    open_to(user)
    ConventionFactory(nature="gmr", territoire__departement=DepartementFactory(code="15", nom="Cantal"))

    form = client.get(URL).context["filter"].form

    assert [str(d) for d in form.fields["departement"].queryset] == ["Lot (46)"]
    assert [code for code, _ in form.fields["nature"].choices if code] == ["ctg"]


@pytest.mark.parametrize("query", ["?departement=zz", "?annee=x", "?nature=%00", "?q=%00", "?page=zz"])
def test_bad_filters_are_refused_without_an_error_page(client, user, query):
    open_to(user)

    response = client.get(f"{URL}{query}")

    assert response.status_code == 200


def test_no_result_offers_to_remove_the_filters(client, user):
    open_to(user)

    assert "Aucune convention ne répond à ces filtres" in client.get(f"{URL}?q=introuvable").text


def test_pages_do_not_overlap(client, user):
    territoire = TerritoireFactory()
    codes = {open_to(user, territoire=territoire, nature="pedt").code for _ in range(30)}

    assert {*shown(client), *shown(client, "?page=2")} == codes


def test_an_organisation_opens_what_it_signs(client, user):
    caf = OrganisationFactory(nature=Organisation.Nature.CAF)
    signed = ConventionFactory()
    SignataireFactory(convention=signed, organisation=caf)
    HabilitationFactory(user=user, role="relecture", convention=None, organisation=caf)

    assert shown(client) == [signed.code]
    assert Convention.objects.visible_to(UserFactory()).count() == 0
