from decimal import Decimal

from conventions.models import Dispositif, Financement, Montants, tableaux_financements
from tests.factories import ConventionFactory, DispositifFactory, FinancementFactory, OrganisationFactory

CAZALS_2022 = ("157191.67", "2585.73", "88443.16")


def cazals_2022():
    """The money of Cazals-Salviac in 2022, as the territory published it."""
    convention, caf = ConventionFactory(), OrganisationFactory(nom="CAF du Lot", nature="caf")
    cc, commune = OrganisationFactory(nom="CC Cazals-Salviac"), OrganisationFactory(nom="Commune de Cazals")
    ps, fpt, bonus = (
        DispositifFactory(intitule=intitule, groupe=groupe)
        for intitule, groupe in (
            ("Prestations de service", Dispositif.Groupe.PRESTATION_SERVICE),
            ("Fonds publics et territoires", Dispositif.Groupe.FPT),
            ("Bonus territoire", Dispositif.Groupe.BONUS_TERRITOIRE),
        )
    )
    for dispositif, amount in zip((ps, fpt, bonus), CAZALS_2022, strict=True):
        FinancementFactory(
            convention=convention,
            financeur=caf,
            dispositif=dispositif,
            beneficiaire=cc,
            verse=amount,
            source="Territoire",
        )
    FinancementFactory(
        convention=convention, financeur=caf, dispositif=ps, beneficiaire=commune, verse="77647"
    )
    return convention


def test_totals_are_to_the_cent():
    (tableau,) = tableaux_financements(cazals_2022().financements.for_table())

    assert tableau.exercice == 2022
    assert [(g.groupe.label, g.total.verse) for g in tableau.groupes] == [
        ("Prestations de service", Decimal("234838.67")),
        ("Bonus territoire CTG", Decimal("88443.16")),
        ("Fonds publics et territoires", Decimal("2585.73")),
    ]
    assert [(b.organisation.nom, b.total.verse) for b in tableau.beneficiaires] == [
        ("CC Cazals-Salviac", Decimal("248220.56")),
        ("Commune de Cazals", Decimal("77647.00")),
    ]
    assert tableau.total == Montants(None, None, Decimal("325867.56"))
    assert tableau.sources == ["Territoire"]


def test_absent_is_not_zero():
    convention = ConventionFactory()
    FinancementFactory(convention=convention, prevu=None, verse="0")
    FinancementFactory(convention=convention, prevu="10.10", verse=None)

    (tableau,) = tableaux_financements(convention.financements.for_table())

    assert tableau.total == Montants(Decimal("10.10"), None, Decimal("0.00"))


def test_exercices_come_latest_first():
    convention = ConventionFactory()
    for exercice in (2021, 2023, 2022):
        FinancementFactory(convention=convention, exercice=exercice)

    tableaux = tableaux_financements(convention.financements.for_table())

    assert [tableau.exercice for tableau in tableaux] == [2023, 2022, 2021]


def test_totaux_of_the_database_agree():
    convention = cazals_2022()

    assert convention.financements.totaux() == {
        "prevu": None,
        "notifie": None,
        "verse": Decimal("325867.56"),
    }
    assert Financement.objects.none().totaux()["verse"] is None
