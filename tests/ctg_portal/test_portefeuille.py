import datetime
import io

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from actions.models import FicheAction, Note
from conventions.models.convention import add_months
from ctg_portal.portefeuille import Portefeuille, PortefeuilleFilter, ctg_of
from tests.factories import (
    ConventionFactory,
    DepartementFactory,
    EtapeFactory,
    FicheActionFactory,
    FinancementFactory,
    HabilitationFactory,
    InstanceFactory,
    PlanActionsFactory,
    ReunionFactory,
    SignataireFactory,
    UserFactory,
)

HOME = reverse("home")
TODAY = timezone.localdate()
DAY = datetime.timedelta(days=1)
SORTS = [*PortefeuilleFilter.TRIS]


def territory(user, nom, role="relecture", **fields):
    """A CTG of ``nom`` that ``user`` reviews, with a plan."""
    convention = ConventionFactory(territoire__nom=f"CC de {nom}", **fields)
    HabilitationFactory(user=user, convention=convention, role=role)
    PlanActionsFactory(convention=convention)
    return convention


def fiche(convention, **fields):
    if fields.get("redaction") in ("en_relecture", "validee"):
        fields["soumise_le"] = timezone.now()
    return FicheActionFactory(axe__plan=convention.plan, **fields)


def names(user, **data):
    """Territoires of the portfolio, filtered and sorted by the address ``data``."""
    found = PortefeuilleFilter(data, ctg_of(user), user=user)
    assert found.form.is_valid(), found.form.errors
    return [
        ligne.convention.territoire.nom_court.removeprefix("de ")
        for ligne in Portefeuille(user, found.qs, found.ordre)[:]
    ]


@pytest.fixture
def adviser():
    return UserFactory()


def fill(user, number):
    for n in range(number):
        convention = territory(user, f"T{n}")
        SignataireFactory(convention=convention)
        EtapeFactory(fiche=fiche(convention, redaction="en_relecture"), echeance=TODAY - DAY)
        ReunionFactory(instance=InstanceFactory(convention=convention))
        FinancementFactory(convention=convention)


# Two of them open and close the transaction of the request.
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    ("address", "queries"),
    [
        ("", 14),
        ("?a_relire=on&en_retard=on&copil=on&q=T", 14),
        ("?tri=-avis", 14),
        ("?tri=-verse", 16),
        ("?tri=progression", 16),
        ("?tri=-copil", 14),
        ("?tri=-alertes", 14),
    ],
)
def test_page_query_count_does_not_grow(client, adviser, number, address, queries, django_assert_num_queries):
    fill(adviser, number)
    client.force_login(adviser)

    with django_assert_num_queries(queries):
        response = client.get(HOME + address)

    assert response.text.count('data-label="Alertes"') == number


@pytest.mark.parametrize("number", [1, 3])
def test_workbook_query_count_does_not_grow(client, adviser, number, django_assert_num_queries):
    fill(adviser, number)
    client.force_login(adviser)

    with django_assert_num_queries(12):
        client.get(reverse("portefeuille_xlsx"))


@pytest.mark.parametrize("tri", SORTS)
def test_every_sort_gives_every_line_once(adviser, tri):
    fill(adviser, 3)

    assert sorted(names(adviser, tri=tri)) == ["T0", "T1", "T2"]


def test_lines_through_an_organisation_cover_what_it_signs():
    caf = SignataireFactory().organisation
    SignataireFactory(organisation=caf)
    user = HabilitationFactory(convention=None, organisation=caf, role="relecture").user

    assert len(Portefeuille(user, ctg_of(user))[:]) == 2


def test_several_ways_to_one_convention_make_one_line(adviser):
    convention = territory(adviser, "Un")
    HabilitationFactory(user=adviser, convention=convention, role="lecture")
    caf = SignataireFactory(convention=convention).organisation
    HabilitationFactory(user=adviser, convention=None, organisation=caf, role="relecture")

    assert names(adviser) == ["Un"]


def test_money_is_that_of_the_last_exercice(adviser):
    convention = territory(adviser, "Un")
    FinancementFactory(convention=convention, exercice=2023, verse="10.25")
    FinancementFactory(convention=convention, exercice=2024, verse="20.10", prevu="30.00")
    FinancementFactory(convention=convention, exercice=2024, verse="0.05")
    FinancementFactory(convention=convention, exercice=2025, verse=None, notifie="5.00")

    (line,) = Portefeuille(adviser, ctg_of(adviser))[:]

    assert (line.exercice, str(line.prevu), str(line.verse)) == (2024, "30.00", "20.15")


def test_fiches_are_counted_once_and_without_the_archived(adviser):
    convention = territory(adviser, "Un")
    fiche(convention, avancement="realisee")
    read = fiche(convention, redaction="en_relecture", echeance=TODAY - DAY)
    fiche(convention, redaction="archivee")
    for _ in range(3):
        Note.objects.create(fiche=read, texte="Des nouvelles.", auteur=adviser)
        EtapeFactory(fiche=read, echeance=TODAY - DAY)

    (line,) = Portefeuille(adviser, ctg_of(adviser))[:]

    assert (line.fiches, line.realisees, line.a_relire, line.en_retard) == (2, 1, 1, 1)


def test_a_confidential_fiche_does_not_count_for_who_may_not_read_it(adviser):
    convention = territory(adviser, "Un", role="lecture")
    fiche(convention, confidentielle=True, echeance=TODAY - DAY)

    (line,) = Portefeuille(adviser, ctg_of(adviser))[:]

    assert (line.fiches, line.en_retard, line.nouvelle) == (0, 0, None)
    assert names(adviser, en_retard="on") == []


def test_last_news_is_the_latest_of_an_edit_a_note_and_a_change_of_state(adviser):
    convention = territory(adviser, "Un")
    made = fiche(convention)
    old = timezone.now() - datetime.timedelta(days=9)
    FicheAction.objects.filter(pk=made.pk).update(updated_at=old)

    def nouvelle():
        return Portefeuille(adviser, ctg_of(adviser))[:][0].nouvelle

    assert nouvelle() == old
    note = Note.objects.create(fiche=made, texte="Des nouvelles.", auteur=adviser)
    assert nouvelle() == note.created_at
    made.move_avancement("en_cours", by=adviser)
    assert nouvelle() > note.created_at


def test_copil_of_the_year(adviser):
    held, planned, missing, none = (territory(adviser, nom) for nom in ("A", "B", "C", "D"))
    ReunionFactory(instance=InstanceFactory(convention=held), statut="tenue", debut=timezone.now())
    ReunionFactory(instance=InstanceFactory(convention=planned))
    InstanceFactory(convention=missing)
    InstanceFactory(convention=none, nature="cotech")

    lines = Portefeuille(adviser, ctg_of(adviser))[:]

    assert [(bool(line.copil.tenus), bool(line.copil.prochain), line.copil.is_a_tenir) for line in lines] == [
        (True, False, False),
        (False, True, True),
        (False, False, True),
        (False, False, False),
    ]
    assert names(adviser, copil="on") == ["B", "C"]
    assert names(adviser, tri="copil") == ["C", "B", "A", "D"]


def test_filters(adviser):
    read = territory(adviser, "Alpha")
    fiche(read, redaction="en_relecture")
    late = territory(adviser, "Bravo")
    fiche(late, echeance=TODAY - DAY)
    avis = territory(adviser, "Charlie", statut="signee")
    avis.plan.statut = "soumis"
    avis.plan.save()
    ends = territory(adviser, "Delta", debut=add_months(TODAY, -48), fin=add_months(TODAY, 12))
    ends.territoire.departement = DepartementFactory(code="15", nom="Cantal")
    ends.territoire.save()
    territory(adviser, "Echo", debut=add_months(TODAY, -48), fin=add_months(TODAY, 12) + DAY)

    assert names(adviser, a_relire="on") == ["Alpha"]
    assert names(adviser, en_retard="on") == ["Bravo"]
    assert names(adviser, avis="on") == ["Charlie"]
    assert names(adviser, statut="signee") == ["Charlie"]
    assert names(adviser, fin="on") == ["Delta"]
    assert names(adviser, departement="15") == ["Delta"]
    assert names(adviser, q="bra") == ["Bravo"]
    assert names(adviser, q="%") == []


def test_sorts(adviser):
    for n, nom in enumerate(("Alpha", "Bravo", "Charlie")):
        convention = territory(adviser, nom, debut=add_months(TODAY, -n - 1), fin=add_months(TODAY, 59 - n))
        for rank in range(3):
            fiche(
                convention,
                avancement="realisee" if rank < n else "a_venir",
                redaction="en_relecture" if rank < n else "brouillon",
                echeance=TODAY - DAY if rank >= n else None,
            )
        FinancementFactory(convention=convention, verse=100 - n, prevu=n)
        for _ in range(n):
            convention.phases.create(nature="plan", debut_prevu=TODAY - 9 * DAY, fin_prevue=TODAY - DAY)

    up, down = ["Alpha", "Bravo", "Charlie"], ["Charlie", "Bravo", "Alpha"]
    for name in ("territoire", "progression", "a_relire", "prevu", "alertes", "nouvelle"):
        assert (name, names(adviser, tri=name), names(adviser, tri=f"-{name}")) == (name, up, down)
    for name in ("fin", "verse", "en_retard"):
        assert (name, names(adviser, tri=name), names(adviser, tri=f"-{name}")) == (name, down, up)


def test_conventions_that_are_over_come_last(adviser):
    territory(adviser, "Alpha", statut="close")
    territory(adviser, "Bravo")

    assert names(adviser) == ["Bravo", "Alpha"]


@pytest.mark.parametrize(
    "address", ["?tri=nimporte", "?statut=x", "?departement=99", "?page=1&q=" + "x" * 101]
)
def test_bad_addresses_are_answered(client, adviser, address):
    territory(adviser, "Un")
    client.force_login(adviser)

    assert client.get(HOME + address).status_code == 200
    assert client.get(reverse("portefeuille_xlsx") + address).status_code == 200


def test_pages_hold_25_lines_in_the_order_asked(client, adviser):
    for n in range(27):
        convention = territory(adviser, f"T{n:02}")
        FinancementFactory(convention=convention, verse=n)
    client.force_login(adviser)

    first = client.get(f"{HOME}?tri=-verse")
    second = client.get(f"{HOME}?tri=-verse&page=2")

    assert [len(page.context["lignes"]) for page in (first, second)] == [25, 2]
    assert [int(line.verse) for line in second.context["lignes"]] == [1, 0]
    assert "1–25 sur 27 conventions" in first.text


def test_a_cell_opens_the_thing(client, adviser):
    convention = territory(adviser, "Un")
    fiche(convention, redaction="en_relecture", echeance=TODAY - DAY)
    InstanceFactory(convention=convention)
    client.force_login(adviser)

    text = client.get(HOME).text

    for address in (
        reverse("convention_home", args=[convention.code]),
        f"{reverse('actions:fiches', args=[convention.code])}?redaction=en_relecture",
        f"{reverse('actions:fiches', args=[convention.code])}?en_retard=on",
        reverse("governance:detail", args=[convention.code]),
        f"{reverse('conventions:calendrier', args=[convention.code])}#alertes",
    ):
        assert f'href="{address}"' in text


def test_workbook_holds_the_filtered_lines(client, adviser):
    read = territory(adviser, "=Alpha")
    fiche(read, redaction="en_relecture")
    FinancementFactory(convention=read, exercice=2024, verse="1234.56")
    territory(adviser, "Bravo")
    client.force_login(adviser)

    response = client.get(f"{reverse('portefeuille_xlsx')}?a_relire=on")
    sheet = load_workbook(io.BytesIO(response.content)).worksheets[0]
    heads, *rows = sheet.iter_rows(values_only=True)
    (row,) = (dict(zip(heads, row, strict=True)) for row in rows)

    assert "attachment" in response.headers["Content-Disposition"]
    assert (row["Territoire"], row["Fiches à relire"], row["Exercice"], row["Versé"]) == (
        "CC de =Alpha",
        1,
        2024,
        1234.56,
    )
    assert row["Fin"].date() == read.fin


def test_somebody_who_coordinates_two_territories_has_the_portfolio_too(client):
    user = UserFactory()
    for nom in ("Alpha", "Bravo"):
        territory(user, nom, role="coordination")
    client.force_login(user)

    assert client.get(HOME).text.count('data-label="Période"') == 2
