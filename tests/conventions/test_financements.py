"""The statement of a beneficiary, the totals of linked contracts, and the sums of the tables."""

import datetime
import io
from decimal import Decimal

import openpyxl
import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conventions.documents import etat_context, etat_filename, etat_xlsx
from conventions.models import (
    Dispositif,
    Financement,
    Montants,
    Organisation,
    montants_total,
    par_beneficiaire,
    par_groupe,
    tableaux_financements,
)
from conventions.operations.montants import montants_par_contrat
from conventions.permissions import all_roles
from tests.conventions.test_detail import log_in
from tests.conventions.test_tableau import cazals_2022
from tests.factories import (
    ConventionFactory,
    EquipementFactory,
    FinancementFactory,
    HabilitationFactory,
)

# On a loaded machine the first draws are slow: that says nothing of the sums.
calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
montants = st.none() | st.decimals(min_value=0, max_value=10**9, places=2)


@st.composite
def lignes(draw):
    """Lines in memory: three beneficiaries, a dispositif a group, four years."""
    dispositifs = [
        Dispositif(pk=rank, intitule=f"Dispositif {rank}", groupe=groupe, ordre=rank)
        for rank, groupe in enumerate([*Dispositif.Groupe, Dispositif.Groupe.FPT], start=1)
    ]
    organisations = [Organisation(pk=rank, nom=f"Organisation {rank % 2}") for rank in (1, 2, 3)]
    return [
        Financement(
            pk=pk,
            exercice=draw(st.integers(2020, 2023)),
            dispositif=draw(st.sampled_from(dispositifs)),
            beneficiaire=draw(st.sampled_from(organisations)),
            prevu=draw(montants),
            notifie=draw(montants),
            verse=draw(montants),
        )
        for pk in range(1, draw(st.integers(0, 12)) + 1)
    ]


def add(parts):
    return sum((part.total for part in parts), Montants())


@calmly
@given(lignes())
def test_every_way_of_adding_gives_the_same_total(rows):
    total = montants_total(rows)
    groupes, tableaux = par_groupe(rows), tableaux_financements(rows)

    assert add(groupes) == add(par_beneficiaire(rows)) == add(tableaux) == total
    assert add([part for groupe in groupes for part in groupe.dispositifs]) == total
    for tableau in tableaux:
        assert add(tableau.groupes) == add(tableau.beneficiaires) == tableau.total
    assert sorted(ligne.pk for groupe in groupes for ligne in groupe.lignes) == [row.pk for row in rows]


@calmly
@given(lignes())
def test_absent_stays_absent(rows):
    total = montants_total(rows)

    for name in Financement.MONTANTS:
        known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        assert getattr(total, name) == (sum(known) if known else None)


def test_par_exercice_is_one_query(django_assert_num_queries):
    convention = cazals_2022()
    FinancementFactory(convention=convention, exercice=2023, prevu="10", verse=None)

    with django_assert_num_queries(1):
        found = convention.financements.par_exercice()

    assert [(row.exercice, row.nb, row.total) for row in found] == [
        (2023, 1, Montants(Decimal("10"), None, None)),
        (2022, 4, Montants(None, None, Decimal("325867.56"))),
    ]


# The statement.


def etat_url(convention, nom="CC Cazals-Salviac", route="etat", query=""):
    pk = Organisation.objects.get(nom=nom).pk
    return reverse(f"conventions:{route}", args=[convention.code, pk]) + query


def test_etat_is_of_one_beneficiary(client):
    convention = cazals_2022()
    log_in(client, convention, "lecture")

    text = client.get(etat_url(convention)).text

    assert "248\u202f220,56\u00a0€" in text
    assert "77\u202f647,00" not in text
    assert "325\u202f867,56" not in text


def test_etat_of_one_exercice(client):
    convention = cazals_2022()
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")
    FinancementFactory(convention=convention, beneficiaire=cc, exercice=2023, verse="5")
    log_in(client, convention, "lecture")

    whole = client.get(etat_url(convention)).text
    year = client.get(etat_url(convention, query="?exercice=2022")).text

    assert "248\u202f225,56" in whole
    assert "248\u202f225,56" not in year
    assert "248\u202f220,56" in year


@pytest.mark.parametrize(
    "query", ["?exercice=2019", "?exercice=hier", "?exercice=-1", "?exercice=99999999999"]
)
def test_etat_of_a_year_without_money_is_not_found(client, query):
    convention = cazals_2022()
    log_in(client, convention)

    for route in ("etat", "etat_pdf", "etat_xlsx"):
        assert client.get(etat_url(convention, route=route, query=query)).status_code == 404


def test_etat_of_who_receives_nothing_is_not_found(client):
    convention = cazals_2022()
    log_in(client, convention)

    assert client.get(etat_url(convention, nom="CAF du Lot")).status_code == 404


def test_etat_files_have_their_names(client):
    convention = cazals_2022()
    convention.territoire.nom = "CC Cazals-Salviac"
    convention.territoire.save()
    log_in(client, convention)

    pdf = client.get(etat_url(convention, route="etat_pdf", query="?exercice=2022"))
    xlsx = client.get(etat_url(convention, route="etat_xlsx", query="?exercice=2022"))

    name = "financements-cazals-salviac-cc-cazals-salviac-2022"
    assert pdf.headers["Content-Disposition"] == f'attachment; filename="{name}.pdf"'
    assert xlsx.headers["Content-Disposition"] == f'attachment; filename="{name}.xlsx"'
    assert pdf.content.startswith(b"%PDF-")
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")
    assert etat_filename(convention, cc, None).endswith("-cc-cazals-salviac-tous-exercices")


def test_etat_workbook_adds_up_to_the_cent():
    convention = cazals_2022()
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")
    Financement.objects.filter(beneficiaire=cc).update(objet="=1+1")

    book = openpyxl.load_workbook(io.BytesIO(etat_xlsx(convention, cc, 2022)))

    lines, totals = book.worksheets
    assert [cell.value for cell in lines[1]][:3] == ["Exercice", "Groupe", "Dispositif"]
    assert [row[8].value for row in lines.iter_rows(min_row=2)] == [157191.67, 88443.16, 2585.73, 248220.56]
    assert {row[3].data_type for row in lines.iter_rows(min_row=2, max_row=4)} == {"s"}
    assert [row[0].value for row in totals.iter_rows(min_row=2)] == [2022, "Total"]


@pytest.mark.parametrize("count", [1, 3])
def test_etat_costs_the_same_queries_with_more_lines(client, count, django_assert_num_queries):
    first = FinancementFactory(equipement=EquipementFactory())
    for rank in range(1, count):
        FinancementFactory(convention=first.convention, beneficiaire=first.beneficiaire, exercice=2022 + rank)
    log_in(client, first.convention, "lecture")
    path = reverse("conventions:etat", args=[first.convention.code, first.beneficiaire_id])

    with django_assert_num_queries(9):
        text = client.get(path).text

    assert text.count('id="exercice-') == count


def test_etat_draws_a_year_or_several():
    convention = cazals_2022()
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")

    one = etat_context(convention, cc, 2022)["graphiques"]
    FinancementFactory(convention=convention, beneficiaire=cc, exercice=2024, verse="5")
    several = etat_context(convention, cc, today=datetime.date(2026, 1, 1))["graphiques"]

    assert [chart.titre for chart in one] == ["Financements par groupe de dispositifs"]
    assert several[0].titre == "Versé par exercice et par groupe"
    # The year without money is on the axis.
    assert several[0].etiquettes == ("2022", "2023", "2024")


# Linked contracts.


def test_contracts_are_added_line_by_line(django_assert_num_queries):
    ctg = ConventionFactory()
    FinancementFactory(convention=ctg, verse="100.10")
    com = ConventionFactory(nature="com", territoire=ctg.territoire, principale=ctg)
    FinancementFactory(convention=com, verse="107900")
    closed = ConventionFactory(nature="gmr", territoire=ctg.territoire, principale=ctg)
    FinancementFactory(convention=closed, verse="999")
    user = HabilitationFactory(convention=ctg).user
    HabilitationFactory(convention=com, user=user)

    all_roles(user)
    with django_assert_num_queries(2):
        found = montants_par_contrat(convention=ctg, user=user)

    assert {ligne.contrat.code: ligne.total and ligne.total.verse for ligne in found.lignes} == {
        ctg.code: Decimal("100.10"),
        com.code: Decimal("107900.00"),
        closed.code: None,
    }
    assert (found.total.verse, found.caches) == (Decimal("108000.10"), 1)


def test_ctg_alone_has_no_table_of_contracts():
    ctg = ConventionFactory()

    assert montants_par_contrat(convention=ctg, user=HabilitationFactory(convention=ctg).user) is None


def test_last_hand_is_unknown_when_nobody_asked():
    assert FinancementFactory().derniere_main() == ""
