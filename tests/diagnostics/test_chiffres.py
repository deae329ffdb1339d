"""Figures entered by hand: read as typed in French, refused in French, kept to the territoire."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from conventions.models import Convention
from ctg_portal.fields import NombreField, parse_nombre
from diagnostics.models import Diagnostic, Indicateur, Valeur
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConstatFactory,
    ConventionFactory,
    DiagnosticFactory,
    ValeurFactory,
)


@pytest.fixture
def convention(client):
    convention = ConventionFactory()
    convention.territoire.communes.add(CommuneFactory(nom="Cazals", code="46066"))
    DiagnosticFactory(convention=convention)
    log_in(client, convention)
    return convention


def url(name, convention, *args):
    return reverse(f"diagnostics:{name}", args=[convention.code, *args])


def typed(**fields):
    return {
        "indicateur": Indicateur.objects.get(code="densite").pk,
        "lieu": "commune:46066",
        "annee": "2022",
        "valeur": "21,5",
        "absence": "",
        "source": "Diagnostic partagé 2022",
        "version": "",
    } | fields


def send(client, convention, **fields):
    return client.post(url("valeur_add", convention), typed(**fields))


def said(response):
    return [message for messages in response.context["form"].errors.values() for message in messages]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5 372", "5372"),
        ("5\u202f372", "5372"),
        ("21,5", "21.5"),
        ("21.5", "21.5"),
        ("−0,3", "-0.3"),
        ("12,3 %", "12.3"),
    ],
)
def test_number_as_typed_in_french(text, value):
    assert parse_nombre(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "abc", "1e5", "NaN", "Infinity", "--3", "1,23456", "=1+1", "٣"])
def test_number_is_never_guessed(text):
    with pytest.raises(ValidationError):
        parse_nombre(text)


def test_number_is_shown_as_it_is_typed():
    shown = NombreField().prepare_value

    assert shown(Decimal("5372.0000")) == "5\u202f372"
    assert shown(Decimal("21.5000")) == "21,5"
    assert shown("pas un nombre") == "pas un nombre"


def test_figure_is_added(client, convention):
    response = send(client, convention)

    assert response.url == url("valeurs", convention)
    row = Valeur.objects.get()
    assert (row.territoire, row.niveau, row.code, row.valeur) == (
        convention.territoire,
        "commune",
        "46066",
        Decimal("21.5"),
    )


def test_absent_figure_says_why(client, convention):
    send(client, convention, valeur="", absence="secret")

    row = Valeur.objects.get()
    assert (row.valeur, row.absence) == (None, "secret")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"valeur": ""}, "Écrivez la valeur, ou dites pourquoi elle manque."),
        ({"absence": "secret"}, "La valeur est écrite : elle ne manque pas. Gardez l’une ou l’autre."),
        ({"valeur": "vingt"}, "Écrivez un nombre, comme 5 372 ou 21,5."),
        ({"source": "  "}, "Ce champ est obligatoire."),
    ],
)
def test_refused_in_french(client, convention, fields, message):
    response = send(client, convention, **fields)

    assert (response.status_code, said(response)) == (200, [message])
    assert not Valeur.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"lieu": "commune:75056"},
        {"lieu": "epci:200035327"},
        {"lieu": "commune"},
        {"annee": "1500"},
        {"annee": "99999999999999999999"},
        {"annee": "deux mille"},
        {"valeur": "9" * 30},
        {"source": "x" * 201},
        {"source": "\x00"},
        {"indicateur": "0"},
        {"indicateur": "' OR 1=1"},
        {"absence": "oubliée"},
    ],
)
def test_hostile_input_is_answered(client, convention, fields):
    response = send(client, convention, **fields)

    assert response.status_code == 200
    assert said(response)
    assert not Valeur.objects.exists()


def test_count_is_never_negative_but_a_rate_of_change_may_be(client, convention):
    population, evolution = (
        Indicateur.objects.get(code=code).pk for code in ("population", "evolution-population")
    )

    assert said(send(client, convention, indicateur=population, valeur="-3")) == [
        "Un effectif n’est jamais négatif."
    ]
    assert send(client, convention, indicateur=evolution, valeur="-0,3").status_code == 302


def test_same_figure_sent_twice_is_said(client, convention):
    send(client, convention)

    assert said(send(client, convention)) == [
        "Ce chiffre est déjà inscrit : même lieu, même année, même source."
    ]
    assert Valeur.objects.count() == 1


def test_stale_page_overwrites_nothing_the_first_time(client, convention):
    row = ValeurFactory(territoire=convention.territoire)
    fields = typed(lieu=f"epci:{row.code}", indicateur=row.indicateur_id, valeur="5 432", source=row.source)

    stale = client.post(url("valeur_edit", convention, row.pk), fields | {"version": "autrefois"})

    row.refresh_from_db()
    assert row.valeur == 5372
    version = stale.context["form"]["version"].value()
    client.post(url("valeur_edit", convention, row.pk), fields | {"version": version})
    row.refresh_from_db()
    assert row.valeur == 5432


def test_place_that_left_the_territoire_stays_a_choice(client, convention):
    row = ValeurFactory(territoire=convention.territoire, niveau="commune", code="46999")

    page = client.get(url("valeur_edit", convention, row.pk)).text

    assert '<option value="commune:46999" selected>46999</option>' in page


def test_figure_of_another_territoire_is_not_found(client, convention):
    other = ValeurFactory()

    for name in ("valeur_edit", "valeur_delete"):
        assert client.get(url(name, convention, other.pk)).status_code == 404
        assert client.post(url(name, convention, other.pk), typed()).status_code == 404
    assert Valeur.objects.get().valeur == 5372


@pytest.mark.parametrize("state", ["valide", "close"])
def test_figures_no_longer_change(client, convention, state):
    row = ValeurFactory(territoire=convention.territoire)
    if state == "valide":
        Diagnostic.objects.update(statut="valide")
    else:
        Convention.objects.update(statut="close")

    assert send(client, convention).status_code == 403
    assert client.post(url("valeur_delete", convention, row.pk)).status_code == 403
    page = client.get(url("valeurs", convention)).text
    assert "Ajouter un chiffre" not in page


def test_delete_asks_and_says_what_rests_on_it(client, convention):
    row = ValeurFactory(territoire=convention.territoire)
    ConstatFactory(diagnostic=convention.diagnostic).valeurs.add(row)

    page = client.get(url("valeur_delete", convention, row.pk)).text
    assert "1 constat s’appuie sur lui" in page
    assert Valeur.objects.exists()
    assert client.post(url("valeur_delete", convention, row.pk)).status_code == 302
    assert not Valeur.objects.exists()
    assert client.post(url("valeur_delete", convention, row.pk)).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_list_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    for n in range(count):
        ValeurFactory(territoire=convention.territoire, annee=2020 + n)

    with django_assert_num_queries(12):
        page = client.get(url("valeurs", convention))
    assert len(page.context["valeurs"]) == count


@pytest.mark.parametrize(
    ("query", "years"),
    [
        ("?annee=2021", [2021]),
        ("?source=Mairie", [2020]),
        ("?niveau=epci&tri=annee", [2020, 2021]),
        ("?indicateur=population&tri=-annee", [2021, 2020]),
        ("?absence=secret", []),
    ],
)
def test_list_is_filtered_by_its_address(client, convention, query, years):
    ValeurFactory(territoire=convention.territoire, annee=2020, source="Mairie")
    ValeurFactory(territoire=convention.territoire, annee=2021)
    ValeurFactory()

    page = client.get(url("valeurs", convention) + query)

    assert [row.annee for row in page.context["valeurs"]] == years


def test_list_names_places(client, convention):
    departement = convention.territoire.departement
    for niveau, code in (
        ("commune", "46066"),
        ("departement", departement.code),
        ("france", "FR"),
        ("region", departement.code_region),
    ):
        ValeurFactory(territoire=convention.territoire, niveau=niveau, code=code)

    page = client.get(url("valeurs", convention) + "?tri=lieu")

    assert {row.lieu for row in page.context["valeurs"]} == {
        "Cazals",
        departement.nom,
        "France",
        departement.region,
    }
