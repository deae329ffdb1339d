import datetime
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.frise import frise, situation
from conventions.models import Convention, Phase
from tests.conventions.test_tableau import cazals_2022
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    FinancementFactory,
    HabilitationFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
)

D = datetime.date


def log_in(client, convention, role="coordination"):
    user = HabilitationFactory(convention=convention, role=role).user
    client.force_login(user)
    return user


def fill(convention, count):
    for index in range(count):
        commune = CommuneFactory()
        convention.territoire.communes.add(commune)
        SignataireFactory(
            convention=convention,
            organisation=OrganisationFactory(commune=commune),
            signe_le=convention.debut,
        )
        convention.partenaires.create(organisation=OrganisationFactory())
        FinancementFactory(convention=convention, exercice=2020 + index)
        Phase.objects.create(
            convention=convention, nature="plan", debut_prevu=convention.debut, fin_prevue=convention.fin
        )
        gmr = ConventionFactory(nature="gmr", territoire=convention.territoire, principale=convention)
        SignataireFactory(convention=gmr)


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, count, django_assert_num_queries):
    convention = ConventionFactory()
    fill(convention, count)
    log_in(client, convention)

    with django_assert_num_queries(15):
        response = client.get(convention.get_absolute_url())

    assert response.status_code == 200
    assert len(re.findall(r"</svg>\s*signataire<", response.text)) == count


def test_page_sums_up_the_money_by_exercice(client):
    convention = cazals_2022()
    FinancementFactory(convention=convention, exercice=2023, verse="0.44")
    log_in(client, convention, "lecture")

    text = client.get(convention.get_absolute_url()).text

    assert 'id="financements"' in text
    for amount in ("325\u202f867,56", "0,44", "325\u202f868,00"):
        assert f"{amount}\u00a0€" in text
    for year in (2022, 2023):
        assert f"{reverse('actions:financements', args=[convention.code])}?exercice={year}" in text
    assert ">Prévu<" not in text


def test_page_shows_what_is_linked_without_opening_it(client):
    convention = ConventionFactory()
    gmr = ConventionFactory(
        nature="gmr",
        territoire=convention.territoire,
        principale=convention,
        intitule="Grandir en milieu rural",
    )
    SignataireFactory(convention=gmr, organisation__nom="MSA Auvergne")
    log_in(client, convention, "lecture")

    text = client.get(convention.get_absolute_url()).text

    assert "Grandir en milieu rural" in text
    assert "MSA Auvergne" in text
    assert gmr.get_absolute_url() not in text


def test_page_progress_and_warning(client):
    convention = ConventionFactory(avertissement="Données d’illustration")
    for signed in (convention.debut, None):
        SignataireFactory(convention=convention, signe_le=signed)
    log_in(client, convention, "lecture")

    text = client.get(convention.get_absolute_url()).text

    assert "1 sur 2 signataires" in text
    assert "Données d’illustration" in text


@pytest.mark.parametrize(
    ("role", "statut", "edits", "moves"),
    [
        ("coordination", "en_cours", 5, 2),
        ("coordination", "close", 0, 0),
        ("relecture", "en_cours", 0, 0),
        ("lecture", "en_cours", 0, 0),
    ],
)
def test_buttons_follow_the_rights(client, role, statut, edits, moves):
    convention = ConventionFactory(statut=statut)
    fill(convention, 1)
    log_in(client, convention, role)

    text = client.get(convention.get_absolute_url()).text

    assert text.count("/convention/modifier/") == edits
    assert text.count("/convention/statut/") == moves


def test_page_says_once_what_another_tab_says_in_full(client):
    convention = ConventionFactory()
    fill(convention, 1)
    log_in(client, convention)

    text = client.get(convention.get_absolute_url()).text
    contrats = reverse("actions:contrats", args=[convention.code])
    add = reverse("conventions:contrat_add", args=[convention.code])

    # Phases: drawn, with their dates in words; their table is in the calendar.
    assert "Tableau des phases" not in text
    assert 'id="phases"' in text
    assert f'href="{reverse("conventions:edit", args=[convention.code, "phases"])}"' in text
    assert text.count(f'href="{reverse("conventions:calendrier", args=[convention.code])}"') == 2
    # A linked contract is added where linked contracts are.
    assert (add in text, add in client.get(contrats).text) == (False, True)


def test_words_of_people_are_harmless(client):
    convention = ConventionFactory(
        intitule="<script>alert(1)</script>", presentation="<img src=x onerror=alert(1)>\n" + "é" * 10_000
    )
    log_in(client, convention, "lecture")

    text = client.get(convention.get_absolute_url()).text

    assert "<script>alert" not in text
    assert "<img src=x" not in text


def move_url(convention, statut):
    return reverse("conventions:move", args=[convention.code, statut])


def test_move_says_what_is_missing_then_moves(client):
    convention = ConventionFactory(statut="preparation")
    signataire = SignataireFactory(convention=convention, organisation__nom="CAF du Lot")
    log_in(client, convention)

    assert "La signature de CAF du Lot manque." in client.get(move_url(convention, "signee")).text
    refused = client.post(move_url(convention, "signee"))
    assert refused.status_code == 200
    assert refused.context["form"].non_field_errors() == ["La signature de CAF du Lot manque."]
    convention.refresh_from_db()
    assert convention.statut == "preparation"

    signataire.signe_le = convention.debut
    signataire.save()
    response = client.post(move_url(convention, "signee"), follow=True)
    assert "La convention est maintenant «\u00a0signée\u00a0»." in response.text
    convention.refresh_from_db()
    assert convention.statut == "signee"


def test_move_out_of_the_table_is_refused(client):
    convention = ConventionFactory(statut="close")
    log_in(client, convention)

    assert "ne peut pas devenir" in client.get(move_url(convention, "en_cours")).text
    response = client.post(move_url(convention, "en_cours"))

    assert "ne peut pas devenir « en cours »" in str(response.context["form"].non_field_errors())
    assert Convention.objects.get().statut == "close"


@pytest.mark.parametrize(("role", "status"), [("relecture", 403), ("redaction", 403), (None, 404)])
def test_move_is_for_the_coordination(client, role, status):
    convention = ConventionFactory()
    if role:
        log_in(client, convention, role)
    else:
        client.force_login(UserFactory())

    assert client.post(move_url(convention, "resiliee")).status_code == status
    assert Convention.objects.get().statut == "en_cours"


def test_move_to_an_unknown_statut_is_not_found(client):
    convention = ConventionFactory()
    log_in(client, convention)

    assert client.get(move_url(convention, "signe")).status_code == 404


def test_situation():
    today = timezone.localdate()

    def ctg(debut, days):
        return Convention(debut=debut, fin=today + datetime.timedelta(days=days))

    start = D(today.year - 3, 1, 1)
    assert situation(ctg(start, 1)).startswith("Année 4 sur 4\u00a0: reste 1\u00a0jour, jusqu’au ")
    assert situation(ctg(start, 2)).startswith("Année 4 sur 4\u00a0: restent 2\u00a0jours, jusqu’au ")
    assert situation(ctg(start, 0)) == "Année 4 sur 4, dernier jour."
    assert situation(ctg(start, -1)).startswith("Terminée hier, le ")
    assert situation(ctg(today + datetime.timedelta(days=1), 500)).startswith("Commence demain, le ")


def test_frise_places_phases_in_the_period():
    today = timezone.localdate()
    convention = Convention(debut=D(today.year - 1, 1, 1), fin=D(today.year + 2, 12, 31))
    early = Phase(
        nature="diagnostic",
        debut_prevu=D(today.year - 2, 6, 1),
        fin_prevue=D(today.year - 1, 6, 30),
        debut_reel=D(today.year - 2, 6, 1),
        fin_reelle=D(today.year - 1, 6, 30),
    )
    late = Phase(nature="plan", debut_prevu=D(today.year - 1, 1, 1), fin_prevue=D(today.year - 1, 6, 30))

    drawn = frise(convention, [early, late], [])

    assert [(bar["x"], bar["state"]) for bar in drawn["phases"]] == [(0, "fait"), (0, "retard")]
    assert drawn["phases"][1]["w"] == pytest.approx(drawn["today_x"], abs=1)
    assert [year["label"] for year in drawn["years"]] == [str(today.year + n) for n in (-1, 0, 1, 2)]
    assert all(0 <= bar["x"] <= 1000 and bar["x"] + bar["w"] <= 1000 for bar in drawn["phases"])
