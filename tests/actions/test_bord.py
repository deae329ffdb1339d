"""The dashboard of a plan: the filtered set in numbers, each chart with its table."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from actions.documents import plan_html
from actions.elus import elus_context
from actions.models import LigneBudget, LigneFinancement
from actions.models.bord import Cap, heading
from actions.models.trajectoire import Trajectoire
from tests.factories import (
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    OrganisationFactory,
    complete_fiche,
)


@pytest.fixture
def fiche():
    return complete_fiche(code="1", intitule="Première", avancement="en_cours")


@pytest.fixture
def page(client, fiche):
    client.force_login(HabilitationFactory(convention=fiche.convention, role="lecture").user)
    return reverse("actions:bord", args=[fiche.convention.code])


def test_money_is_summed_by_year_and_financeur_without_what_was_refused(client, page, fiche):
    annee = fiche.convention.debut.year
    caf, region = (OrganisationFactory(nom=nom) for nom in ("CAF du Val", "Région"))
    other = FicheActionFactory(plan=fiche.plan, axe=fiche.axe, objectif=None, priorite="haute")
    for row in (fiche, other):
        LigneBudget.objects.create(fiche=row, annee=annee, prevu=1000, realise=400)
    LigneBudget.objects.create(fiche=fiche, annee=annee + 1, prevu=500)
    LigneFinancement.objects.create(fiche=fiche, annee=annee, financeur=caf, demande=700, obtenu=600)
    LigneFinancement.objects.create(fiche=fiche, annee=annee, financeur=region, demande=9000, etat="refuse")

    context = client.get(page).context
    first, second, *rest = context["exercices"]
    assert (first.prevu, first.realise, first.demande, first.obtenu) == (2000, 800, 700, 600)
    assert (second.prevu, second.realise) == (500, None)
    assert len(rest) == 3
    assert context["budget"] == {"prevu": 2500, "realise": 800, "demande": 700, "obtenu": 600}
    assert [(part.nom, part.demande, part.obtenu) for part in context["financeurs"]] == [
        ("CAF du Val", 700, 600)
    ]
    assert "prévu 2\u202f000,00" in context["graphique_budget"].texte.replace("coût ", "")

    # The same, for the filtered set alone.
    context = client.get(page, {"priorite": "haute"}).context
    assert context["total"].total == 1
    assert context["budget"]["prevu"] == 1000


def test_abandoned_actions_plan_nothing_any_more_and_have_spent_what_they_spent(client, page, fiche):
    annee = fiche.convention.debut.year
    caf = OrganisationFactory(nom="CAF du Val")
    gone = FicheActionFactory(axe=fiche.axe, avancement="abandonnee", motif_abandon="Sans porteur.")
    for row in (fiche, gone):
        LigneBudget.objects.create(fiche=row, annee=annee, prevu=1000, realise=400)
        LigneFinancement.objects.create(fiche=row, annee=annee, financeur=caf, demande=700, obtenu=300)

    answer = client.get(page)

    said = (
        "Dont actions abandonnées\u00a0: 400,00\u00a0€ de coût réalisé et 300,00\u00a0€ de financement obtenu. "
        "Non comptés, pour des actions abandonnées\u00a0: 1\u202f000,00\u00a0€ de coût prévu et 700,00\u00a0€ de financement demandé."
    )
    assert answer.context["budget"] == {"prevu": 1000, "realise": 800, "demande": 700, "obtenu": 600}
    assert [(part.demande, part.obtenu) for part in answer.context["financeurs"]] == [(700, 600)]
    assert said in answer.text
    assert said in plan_html(fiche.plan)
    montants = elus_context(fiche.plan)["axes"][0].montants
    assert (montants.prevu, montants.realise, montants.demande, montants.obtenu) == (1000, 800, 700, 600)
    assert (montants.a_trouver, montants.abandons) == (400, said)


def test_late_fiches_are_named_the_latest_first(client, page, fiche):
    for number in range(11):
        FicheActionFactory(
            plan=fiche.plan,
            axe=fiche.axe,
            objectif=None,
            intitule=f"Retard {number}",
            avancement="en_cours",
            echeance=datetime.date(2024, 1, 1 + number),
        )
    answer = client.get(page)
    assert [row.intitule for row in answer.context["retards"]][:2] == ["Retard 0", "Retard 1"]
    assert answer.context["autres_retards"] == 1
    assert "Retard 10" not in answer.text
    assert "en_retard=on" in answer.text


@pytest.mark.parametrize(
    ("depart", "cible", "valeur", "cap"),
    [
        (0, 100, None, Cap.SANS_MESURE),
        (0, 100, 100, Cap.ATTEINTE),
        (0, 100, 60, Cap.EN_BONNE_VOIE),
        (0, 100, 20, Cap.EN_DESSOUS),
        (100, 0, 40, Cap.EN_BONNE_VOIE),
        (100, 0, 120, Cap.EN_DESSOUS),
        (None, 100, 20, Cap.SANS_CIBLE),
        (10, 10, 10, Cap.ATTEINTE),
        (10, 10, 9, Cap.SANS_CIBLE),
    ],
)
def test_heading_compares_the_way_with_the_time(fiche, depart, cible, valeur, cap):
    indicateur = IndicateurSuiviFactory(
        fiche=fiche,
        valeur_initiale=depart,
        cible=cible,
        date_initiale=datetime.date(2022, 12, 31),
        echeance_cible=datetime.date(2026, 12, 31),
    )
    if valeur is not None:
        indicateur.mesures.create(annee=2024, valeur=Decimal(valeur))
    assert heading(Trajectoire.of(indicateur), datetime.date(2027, 12, 31)) is cap


def test_empty_plan_says_what_is_missing(client, page, fiche):
    fiche.indicateurs.all().delete()
    said = client.get(page).text
    for sentence in ("Aucun coût ni financement", "pas encore d’indicateur", "Aucune fiche ne dépasse"):
        assert sentence in said
    assert "Aucune fiche ne répond à ces filtres" in client.get(page, {"priorite": "haute"}).text


@pytest.mark.parametrize("nombre", [1, 3])
def test_queries_do_not_grow(client, page, fiche, nombre):
    for number in range(nombre):
        other = complete_fiche(
            plan=fiche.plan, axe=fiche.axe, objectif=None, echeance=datetime.date(2024, 1, 1)
        )
        LigneBudget.objects.create(fiche=other, annee=2024 + number, prevu=10)
        IndicateurSuiviFactory(fiche=other).mesures.create(annee=2024, valeur=3)
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        client.get(page)
    counted = [query for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(counted) <= 15
