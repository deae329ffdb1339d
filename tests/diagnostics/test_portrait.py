"""Figures: what is summed and what never is, what is absent, what stands beside what."""

import io
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from diagnostics.graphiques import graphiques_theme
from diagnostics.models import Indicateur, NonSommableError, Valeur, portrait, somme, tableau_communes
from diagnostics.models.portrait import Chiffre, Couverture, LignePortrait
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    DiagnosticFactory,
    TerritoireFactory,
    ValeurFactory,
)

D = Decimal
COUNT = Indicateur(code="population", agregation=Indicateur.Agregation.SOMME)
RATE = Indicateur(code="densite", agregation=Indicateur.Agregation.AUCUNE)


def figure(valeur, absence=""):
    return Chiffre(2022, "INSEE", None if valeur is None else D(valeur), absence)


@pytest.fixture
def territoire():
    territoire = TerritoireFactory()
    territoire.communes.add(*(CommuneFactory(code=f"4600{n}", nom=f"Commune {n}") for n in (1, 2, 3)))
    return territoire


@pytest.fixture
def convention(client, territoire):
    convention = ConventionFactory(territoire=territoire)
    DiagnosticFactory(convention=convention)
    log_in(client, convention)
    return convention


def gather(territoire, code, niveau, lieu, valeur, **fields):
    return ValeurFactory(
        territoire=territoire,
        indicateur=Indicateur.objects.get(code=code),
        niveau=niveau,
        code=lieu or territoire.siren,
        valeur=valeur,
        **fields,
    )


def line(territoire, code="population"):
    return next(ligne for ligne in portrait(territoire).lignes if ligne.indicateur.code == code)


def url(name, convention, *args):
    return reverse(f"diagnostics:{name}", args=[convention.code, *args])


# The sum


# A loaded machine draws slowly; nothing here is large.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([f"460{n:02}" for n in range(20)]),
        st.one_of(st.integers(0, 10**9), st.sampled_from(["secret", "absente"])),
    )
)
def test_somme_adds_what_is_known_and_counts_what_is_not(given_values):
    communes = [f"460{n:02}" for n in range(15)]
    chiffres = {
        code: figure(None, value) if isinstance(value, str) else figure(value)
        for code, value in given_values.items()
    }

    found = somme(COUNT, chiffres, communes)

    members = {code: chiffre for code, chiffre in chiffres.items() if code in communes}
    known = [chiffre.valeur for chiffre in members.values() if chiffre.valeur is not None]
    if not members:
        assert found is None
        return
    assert found.valeur == (sum(known) if known else None)
    assert bool(found.absence) == (not known)
    assert (found.couverture.communes, found.couverture.connues) == (15, len(known))
    assert found.couverture.is_complete == (len(known) == 15)


# A loaded machine draws slowly; nothing here is large.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["46001", "46002"]), st.decimals(allow_nan=False, allow_infinity=False).map(figure)
    )
)
def test_somme_refuses_a_rate_whatever_it_is_given(chiffres):
    with pytest.raises(NonSommableError):
        somme(RATE, chiffres, ["46001", "46002"])


def test_incomplete_sum_says_what_is_missing():
    chiffres = {"1": figure(10), "2": figure(None, "secret"), "3": figure(None, "absente")}

    found = somme(COUNT, chiffres, ["1", "2", "3", "4"])

    assert found.valeur == 10
    assert found.couverture.texte == (
        "somme incomplète\u00a0: 1\u00a0commune sur 4, 1\u00a0secrète, 2\u00a0non disponibles"
    )


def test_zero_is_known_and_absent_is_not_zero():
    assert somme(COUNT, {"1": figure(0)}, ["1"]).valeur == 0
    assert somme(COUNT, {"1": figure(None, "secret")}, ["1"]).valeur is None
    assert somme(COUNT, {"1": figure(None, "secret")}, ["1"]).absence == "secret"


# The portrait


def test_count_is_summed_over_the_communes_of_today_and_says_so(territoire):
    for n in (1, 2, 3):
        gather(territoire, "population", "commune", f"4600{n}", 100 * n)
    gather(territoire, "population", "commune", "46999", 5000)

    chiffre = line(territoire).chiffre

    assert chiffre.valeur == 600
    assert chiffre.couverture.texte == "somme des 3\u00a0communes"


def test_published_figure_wins_over_the_sum(territoire):
    for n in (1, 2, 3):
        gather(territoire, "population", "commune", f"4600{n}", 100)
    gather(territoire, "population", "epci", "", 301)

    chiffre = line(territoire).chiffre

    assert (chiffre.valeur, chiffre.couverture) == (301, None)


def test_incomplete_sum_takes_the_place_of_nothing(territoire):
    gather(territoire, "population", "epci", "", 301, annee=2020)
    gather(territoire, "population", "commune", "46001", 100, annee=2024, source="Mairie")

    ligne = line(territoire)

    assert (ligne.chiffre.valeur, ligne.chiffre.annee) == (301, 2020)
    assert [autre.valeur for autre in ligne.autres] == [100]


def test_rate_is_not_made_from_communes(territoire):
    for n in (1, 2, 3):
        gather(territoire, "densite", "commune", f"4600{n}", "20.5")

    found = portrait(territoire)

    assert found.lignes == []
    assert "densite" in [row.code for row in found.sans_chiffre]


def test_two_sources_stand_side_by_side(territoire):
    gather(territoire, "population", "epci", "", 5372, annee=2022, source="Diagnostic")
    gather(territoire, "population", "epci", "", 5432, annee=2026, source="INSEE")

    ligne = line(territoire)

    assert (ligne.chiffre.valeur, ligne.chiffre.source) == (5432, "INSEE")
    assert [(c.valeur, c.annee, c.source) for c in ligne.autres] == [(5372, 2022, "Diagnostic")]


def test_comparison_is_of_the_same_year_and_of_the_territoire_s_own_departement(territoire):
    departement = territoire.departement
    gather(territoire, "taux-pauvrete", "epci", "", "17.4")
    gather(territoire, "taux-pauvrete", "departement", departement.code, "14.6")
    gather(territoire, "taux-pauvrete", "departement", "99", "50")
    gather(territoire, "taux-pauvrete", "region", departement.code_region, "12", annee=2010)
    gather(territoire, "taux-pauvrete", "france", "FR", None, absence="absente")

    ligne = line(territoire, "taux-pauvrete")

    assert ligne.departement.valeur == D("14.6")
    assert ligne.region is None
    assert ligne.france.raison == "non disponible"


def test_evolution_keeps_to_one_source(territoire):
    for annee, valeur in ((2020, 10), (2021, 12), (2022, 15)):
        gather(territoire, "naissances", "epci", "", valeur, annee=annee)
    gather(territoire, "naissances", "epci", "", 99, annee=2019, source="Autre")

    ligne = line(territoire, "naissances")

    assert [(c.annee, c.valeur) for c in ligne.evolution] == [(2020, 10), (2021, 12), (2022, 15)]
    assert ligne.variation == 5


def test_charts_say_unit_and_source_and_skip_what_bars_cannot_show(territoire):
    for code, here, there in (("densite", "21.5", "33.6"), ("evolution-population", "-0.3", "0.2")):
        gather(territoire, code, "epci", "", here, source="Diagnostic")
        gather(territoire, code, "france", "FR", there)
    theme = portrait(territoire).themes[0]

    (chart,) = graphiques_theme(theme, "Ici")

    assert chart.graphique.texte == (
        "Densité (habitants au km²), 2022, barres horizontales. Ici\u00a0: 21,5\u00a0habitants au km²\u202f; "
        "France\u00a0: 33,6\u00a0habitants au km²."
    )
    assert chart.source == "Diagnostic, 2022\u202f; INSEE, recensement de la population, 2022"


@pytest.mark.parametrize("count", [1, 3])
def test_portrait_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    territoire = convention.territoire
    for n, code in enumerate(["population", "naissances", "familles"][:count]):
        gather(territoire, code, "epci", "", 10 + n)
        for rank in range(count):
            gather(territoire, code, "commune", f"4600{rank + 1}", 5)

    client.get(url("portrait", convention))
    with django_assert_num_queries(13):
        page = client.get(url("portrait", convention))
    assert page.text.count('<th scope="row">') == count


def test_portrait_without_figures_invites(client, convention):
    page = client.get(url("portrait", convention)).text

    assert "Aucun chiffre encore" in page
    assert "31 indicateurs sans chiffre" in page


# By commune


def test_communes_sorted_with_what_is_absent_last(client, convention):
    gather(convention.territoire, "population", "commune", "46001", 10)
    gather(convention.territoire, "population", "commune", "46002", None, absence="secret")
    gather(convention.territoire, "population", "commune", "46003", 30)

    def shown(tri):
        tableau = client.get(url("communes", convention), {"tri": tri}).context["tableau"]
        return [ligne.commune.code for ligne in tableau.lignes]

    assert shown("population") == ["46001", "46003", "46002"]
    assert shown("-population") == ["46003", "46001", "46002"]
    assert shown("-nom") == ["46003", "46002", "46001"]
    assert shown("n'importe quoi") == ["46001", "46002", "46003"]
    assert "secret statistique" in client.get(url("communes", convention)).text


def test_communes_take_the_latest_year_of_the_fullest_source(territoire):
    gather(territoire, "population", "commune", "46001", 1, annee=2020)
    gather(territoire, "population", "commune", "46001", 2, annee=2023, source="A")
    for n in (1, 2):
        gather(territoire, "population", "commune", f"4600{n}", 3, annee=2023, source="B")

    (colonne,) = tableau_communes(territoire, Indicateur.Theme.POPULATION).colonnes

    assert (colonne.annee, colonne.source, colonne.total.valeur) == (2023, "B", 6)


@pytest.mark.parametrize("count", [1, 3])
def test_communes_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    for n in range(count):
        gather(convention.territoire, "population", "commune", f"4600{n + 1}", 5)

    client.get(url("communes", convention))
    with django_assert_num_queries(10):
        page = client.get(url("communes", convention))
    assert page.context["tableau"].colonnes[0].total.valeur == 5 * count


@pytest.mark.parametrize("query", ["?theme=inconnu", "?theme=%00", "?theme=population%27--"])
def test_unknown_theme_is_not_found(client, convention, query):
    assert client.get(url("communes", convention) + query).status_code == 404


def test_export_says_what_is_absent_and_sums_counts_only(client, convention):
    gather(convention.territoire, "population", "commune", "46001", 1234)
    gather(convention.territoire, "population", "commune", "46002", None, absence="secret")
    gather(convention.territoire, "densite", "commune", "46001", "21.5")

    content = client.get(url("communes_export", convention, "xlsx")).content

    rows = list(load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True))
    assert rows[1] == ("46001", "Commune 1", 1234, 21.5)
    assert rows[2] == ("46002", "Commune 2", "secret statistique", "non disponible")
    assert rows[-1] == (None, "Territoire (sommes)", 1234, "ne se somme pas")
    assert rows[-2][2].startswith("somme incomplète")
    assert client.get(url("communes_export", convention, "csv")).content.startswith(b"\xef\xbb\xbf")
    assert client.get(url("communes_export", convention, "ods")).status_code == 404


# The database


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"valeur": None}, "valeur_ou_raison"),
        ({"absence": "secret"}, "valeur_ou_raison"),
        ({"annee": 1800}, "valeur_annee_plausible"),
        ({"source": ""}, "valeur_sourcee"),
    ],
)
def test_row_that_must_not_exist(fields, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        ValeurFactory(**fields)


def test_figure_of_one_source_is_written_once(territoire):
    ValeurFactory(territoire=territoire)

    with pytest.raises(IntegrityError, match="valeur_unique"), transaction.atomic():
        ValeurFactory(territoire=territoire)
    ValeurFactory(territoire=territoire, source="Une autre")
    assert Valeur.objects.count() == 2


def test_card_says_that_the_sum_of_another_source_is_incomplete():
    partial = Chiffre(2021, "INSEE, dossier complet", D(1776), couverture=Couverture(15, 2))
    ligne = LignePortrait(COUNT, figure(5372), autres=(partial,))

    card = render_to_string("diagnostics/partials/carte_chiffre.html", {"ligne": ligne})

    assert "somme incomplète\u00a0: 2\u00a0communes sur 15" in card
