"""The money of a fiche by year: to the cent, balanced or not, inside the convention or not."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, LigneBudget, LigneFinancement, for_screen
from tests.actions.test_pages import log_in
from tests.factories import FicheActionFactory, OrganisationFactory

ANNEE = timezone.localdate().year
NBSP = "\xa0"


def budget_of(fiche):
    return for_screen(FicheAction.objects.filter(pk=fiche.pk)).get().suivi.budget


def cost(fiche, annee, prevu=None, realise=None, nature="fonctionnement"):
    LigneBudget.objects.create(fiche=fiche, annee=annee, prevu=prevu, realise=realise, nature=nature)


def fund(fiche, annee, demande=None, obtenu=None, financeur=None, etat="demande"):
    LigneFinancement.objects.create(
        fiche=fiche,
        annee=annee,
        financeur=financeur or OrganisationFactory(),
        demande=demande,
        obtenu=obtenu,
        etat=etat,
    )


def test_totals_by_row_and_column_to_the_cent():
    fiche = FicheActionFactory()
    for _ in range(3):
        cost(fiche, ANNEE, "0.10")
    cost(fiche, ANNEE, "100.00", "90.01", "investissement")
    cost(fiche, ANNEE - 1, None, "5.55")

    budget = budget_of(fiche)

    by_year = {exercice.annee: exercice for exercice in budget.exercices}
    assert list(by_year) == fiche.convention.annees
    this, last = by_year[ANNEE], by_year[ANNEE - 1]
    assert (this.fonctionnement.prevu, this.fonctionnement.realise) == (Decimal("0.30"), None)
    assert (this.investissement.prevu, this.total.prevu) == (Decimal("100.00"), Decimal("100.30"))
    assert (last.total.prevu, last.total.realise) == (None, Decimal("5.55"))
    assert (budget.total.total.prevu, budget.total.total.realise) == (Decimal("100.30"), Decimal("95.56"))
    assert budget.total.fonctionnement.prevu == Decimal("0.30")
    assert by_year[ANNEE - 2].is_vide


def test_financeurs_by_year_without_the_refused():
    fiche, caf = FicheActionFactory(), OrganisationFactory(nom="CAF du Lot")
    fund(fiche, ANNEE, "10.10", None, caf)
    fund(fiche, ANNEE, "0.20", "5.00", caf)
    fund(fiche, ANNEE + 1, "1.00", None, caf)
    fund(fiche, ANNEE, "900.00", None, caf, etat="refuse")

    budget = budget_of(fiche)

    assert budget.annees_financees == [ANNEE, ANNEE + 1]
    ((nom, cells),) = [(row.nom, row.cellules) for row in budget.financeurs]
    assert (nom, [(cell.demande, cell.obtenu) for cell in cells]) == (
        "CAF du Lot",
        [
            (Decimal("10.30"), Decimal("5.00")),
            (Decimal("1.00"), None),
            (Decimal("11.30"), Decimal("5.00")),
        ],
    )
    assert (budget.total.demande, budget.refuses) == (Decimal("11.30"), Decimal("900.00"))


@pytest.mark.parametrize(
    ("lines", "phrases"),
    [
        ([], []),
        ([(0, "100.00", "100.00")], ["Le plan de financement est équilibré."]),
        (
            [(0, "1200.00", None)],
            [
                f"En {ANNEE}, il manque 1\u202f200,00 €.",
                "Sur toutes les années, il manque 1\u202f200,00 €.",
            ],
        ),
        (
            [(0, "100.00", "60.00"), (1, "60.00", "100.00")],
            [
                f"En {ANNEE}, il manque 40,00 €\u202f; en {ANNEE + 1}, 40,00 € de plus que le coût prévu.",
                "Sur toutes les années, le plan est équilibré.",
            ],
        ),
        (
            [(9, None, "0.01")],
            [
                f"En {ANNEE + 9}, 0,01 € demandés sans coût prévu.",
                "Sur toutes les années, 0,01 € demandés sans coût prévu.",
            ],
        ),
        ([(0, "0.00", None)], ["Le plan de financement est équilibré."]),
    ],
)
def test_balance_in_words(lines, phrases):
    fiche = FicheActionFactory()
    for offset, prevu, demande in lines:
        if prevu is not None:
            cost(fiche, ANNEE + offset, prevu)
        if demande is not None:
            fund(fiche, ANNEE + offset, demande)

    assert [phrase.replace(NBSP, " ") for phrase in budget_of(fiche).phrases] == phrases


def test_year_outside_the_convention_counts_and_is_told(client):
    fiche = FicheActionFactory()
    cost(fiche, 2001, "999999999.99")
    log_in(client, fiche.convention)

    budget = budget_of(fiche)
    assert budget.hors_periode == [2001]
    assert budget.total.total.prevu == Decimal("999999999.99")
    page = client.get(fiche.get_absolute_url()).text
    assert "hors convention" in page
    assert "compté dans les totaux" in page


@pytest.mark.parametrize("n", [1, 3])
def test_fiche_page_in_a_constant_number_of_queries(client, django_assert_num_queries, n):
    fiche = FicheActionFactory()
    for _ in range(n):
        cost(fiche, ANNEE, "1.00")
        fund(fiche, ANNEE, "1.00")
    log_in(client, fiche.convention)

    # The savepoint of the request and its release are two of them.
    with django_assert_num_queries(17):
        client.get(reverse("actions:fiche", args=[fiche.convention.code, fiche.pk]))
