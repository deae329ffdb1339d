"""An indicator in a sentence and a small curve; the measures of a year typed at once, by two people."""

import datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from actions.models import Mesure
from actions.models.trajectoire import Trajectoire
from ctg_portal.courbes import Courbe
from tests.actions.test_pages import log_in
from tests.factories import FicheActionFactory, IndicateurSuiviFactory

ANNEE = timezone.localdate().year
NBSP = "\xa0"


def trajectoire(depart, cible, *mesures, unite="", echeance=None):
    """``mesures``: (year, value)."""
    return Trajectoire.of(
        SimpleNamespace(
            intitule="Familles",
            unite=unite,
            valeur_initiale=None if depart is None else Decimal(depart),
            cible=None if cible is None else Decimal(cible),
            echeance_cible=echeance,
            rows_mesures=[
                {"annee": annee, "valeur": valeur, "commentaire": "", "source": ""}
                for annee, valeur in mesures
            ],
        )
    )


@pytest.mark.parametrize(
    ("found", "phrase"),
    [
        (trajectoire(0, 50, (2025, 34.0)), "34 sur 50 attendus en 2025 : 68 % du chemin."),
        (
            trajectoire(10, 50, (2024, 20), (2025, 34)),
            "34 sur 50 attendus en 2025 : 60 % du chemin depuis 10.",
        ),
        (trajectoire(3, 0, (2025, 1)), "1 en 2025, pour descendre de 3 à 0 : 66 % du chemin."),
        (trajectoire(3, 0, (2025, 5)), "5 en 2025, pour descendre de 3 à 0 : en recul depuis le départ."),
        (trajectoire(3, 1, (2025, 0)), "0 en 2025, pour descendre de 3 à 1 : cible dépassée."),
        (trajectoire(10, 50, (2025, 8)), "8 sur 50 attendus en 2025 : en recul depuis le départ (10)."),
        (trajectoire(0, 50, (2025, 50)), "50 sur 50 attendus en 2025 : cible atteinte."),
        (trajectoire(0, 50, (2025, 61)), "61 sur 50 attendus en 2025 : cible dépassée."),
        (trajectoire(0, 1000, (2025, 999.9)), "999,9 sur 1\u202f000 attendus en 2025 : 99 % du chemin."),
        (trajectoire(0, 1000, (2025, 1)), "1 sur 1\u202f000 attendus en 2025 : moins de 1 % du chemin."),
        (trajectoire(0, 50, (2025, 0)), "0 sur 50 attendus en 2025 : 0 % du chemin."),
        (trajectoire(-10, -2, (2025, -6)), "−6 sur −2 attendus en 2025 : 50 % du chemin depuis −10."),
        (trajectoire(12, None, (2025, 34)), "34 en 2025, 12 au départ. Aucune cible n’est fixée."),
        (
            trajectoire(None, 50, (2025, 34)),
            "34 en 2025 pour une cible de 50. Sans valeur de départ, le chemin parcouru ne se calcule pas.",
        ),
        (trajectoire(80, 80, (2025, 80), unite="%"), "80 % en 2025, pour 80 % à maintenir."),
        (
            trajectoire(80, 80, (2025, 75), unite="%"),
            "75 % en 2025, pour 80 % à maintenir : l’écart est de 5 %.",
        ),
        (trajectoire(0, 50), "Aucune mesure encore\u202f; 50 attendus."),
        (trajectoire(None, None), "Aucune mesure encore."),
        (trajectoire(0, 50, (2024, 34), (2025, None)), "34 sur 50 attendus en 2024 : 68 % du chemin."),
        (
            trajectoire(0, 50, (2023, 34), echeance=datetime.date(2024, 12, 31)),
            "34 sur 50 attendus en 2023 : 68 % du chemin\u202f; la cible était pour le 31 décembre 2024.",
        ),
        (
            trajectoire(0, "999999999999.99", (2025, 499999999999.99)),
            "499\u202f999\u202f999\u202f999,99 sur 999\u202f999\u202f999\u202f999,99 attendus en 2025 : 49 % du chemin.",
        ),
    ],
)
def test_sentence(found, phrase):
    assert found.phrase.replace(NBSP, " ") == phrase


def test_missing_years_are_gaps_and_the_target_s_year_is_on_the_way():
    curve = trajectoire(
        0, 50, (2022, 10), (2024, 20), (2025, 30), echeance=datetime.date(2026, 12, 31)
    ).courbe

    assert curve.annees == (2022, 2023, 2024, 2025, 2026)
    assert curve.valeurs == (10, None, 20, 30, None)
    # départ–2022, then 2024–2025: nothing is drawn across 2023, nor after the last measure.
    assert [len(line.split()) for line in curve.traits] == [2, 2]
    assert [point.etiquette for point in curve.points] == ["départ", "2022", "2024", "2025"]
    assert [point.is_dernier for point in curve.points] == [False, False, False, True]
    assert curve.texte.replace(NBSP, " ") == "Familles : départ 0, 2022 10, 2024 20, 2025 30, cible 50."


@pytest.mark.parametrize(
    "valeurs",
    [[5], [0, 0], [-3, -1], [10**12, 1], [None, 2, None], [Decimal("-0.01")]],
)
def test_curve_stays_inside_its_frame(valeurs):
    curve = Courbe(
        "Essai",
        range(2020, 2020 + len(valeurs)),
        [None if v is None else Decimal(v) for v in valeurs],
        cible=Decimal(1),
    )

    assert all(0 <= p.x <= curve.largeur and 0 <= p.y <= curve.hauteur for p in curve.points)
    assert 0 <= curve.cible_y <= curve.hauteur
    assert len(curve.points) == len([v for v in valeurs if v is not None])


def test_drawing_has_its_words_escaped_and_decimal_points():
    curve = Courbe('<script>"', [2024, 2025, 2026], [Decimal("1.5"), None, Decimal(3)])

    drawn = render_to_string("components/courbe.html", {"courbe": curve})

    assert "<script>" not in drawn
    assert "style=" not in drawn
    assert f'cy="{curve.points[0].y}"' in drawn
    assert (
        render_to_string("components/courbe.html", {"courbe": Courbe("Vide", [2025], [None])}).strip() == ""
    )


def url_of(fiche, annee=ANNEE):
    return reverse("actions:mesures_annee", args=[fiche.convention.code, fiche.pk, annee])


def test_measures_of_a_year_for_all_the_indicators(client):
    fiche = FicheActionFactory()
    first, second, third = (IndicateurSuiviFactory(fiche=fiche, ordre=n) for n in range(3))
    Mesure.objects.create(indicateur=first, annee=ANNEE - 1, valeur="7")
    kept = Mesure.objects.create(indicateur=second, annee=ANNEE, valeur="12.50", source="CAF")
    gone = Mesure.objects.create(indicateur=third, annee=ANNEE, valeur="1")
    log_in(client, fiche.convention)
    page = client.get(url_of(fiche))
    assert f"{ANNEE - 1}\xa0: 7" in page.text or f"{ANNEE - 1}&nbsp;: 7" in page.text

    client.post(
        url_of(fiche),
        {
            "empreinte": page.context["form"]["empreinte"].value(),
            f"valeur_{first.pk}": "1 234,5",
            f"valeur_{second.pk}": "",
            f"commentaire_{second.pk}": "Enquête repoussée.",
            f"source_{second.pk}": "CAF",
            f"valeur_{third.pk}": "",
        },
    )

    assert first.mesures.get(annee=ANNEE).valeur == Decimal("1234.5")
    kept.refresh_from_db()
    assert (kept.valeur, kept.commentaire) == (None, "Enquête repoussée.")
    assert not Mesure.objects.filter(pk=gone.pk).exists()
    assert first.mesures.get(annee=ANNEE - 1).valeur == 7
    assert "non mesuré" in client.get(fiche.get_absolute_url()).text


def test_zero_is_a_measure(client):
    indicateur = IndicateurSuiviFactory()
    log_in(client, indicateur.fiche.convention)

    client.post(url_of(indicateur.fiche), {f"valeur_{indicateur.pk}": "0"})

    assert indicateur.mesures.get().valeur == 0


def test_second_save_of_measures_is_not_silent(client):
    indicateur = IndicateurSuiviFactory()
    fiche = indicateur.fiche
    log_in(client, fiche.convention)
    data = {
        "empreinte": client.get(url_of(fiche)).context["form"]["empreinte"].value(),
        f"valeur_{indicateur.pk}": "34",
    }
    Mesure.objects.create(indicateur=indicateur, annee=ANNEE, valeur="33")

    refused = client.post(url_of(fiche), data)

    assert "rien n’est écrasé" in refused.text
    assert "« 33 »" in refused.text
    assert 'value="34"' in refused.text
    assert indicateur.mesures.get().valeur == 33
    client.post(url_of(fiche), data | {"empreinte": refused.context["form"].data["empreinte"]})
    assert indicateur.mesures.get().valeur == 34


@pytest.mark.parametrize("value", ["abc", "1,234", "1e9", "12345678901234567", "1,999", "\x00", "NaN"])
def test_hostile_measure_is_refused_with_a_sentence(client, value):
    indicateur = IndicateurSuiviFactory()
    log_in(client, indicateur.fiche.convention)

    response = client.post(url_of(indicateur.fiche), {f"valeur_{indicateur.pk}": value})

    assert f"valeur_{indicateur.pk}" in response.context["form"].errors
    assert not indicateur.mesures.exists()


def test_indicator_of_another_fiche_is_ignored(client):
    indicateur, other = IndicateurSuiviFactory(), IndicateurSuiviFactory()
    log_in(client, indicateur.fiche.convention)

    client.post(url_of(indicateur.fiche), {f"valeur_{other.pk}": "5"})

    assert not other.mesures.exists()


def test_fiche_without_indicators_says_where_they_are_written(client):
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)

    assert "Aucun indicateur à mesurer" in client.get(url_of(fiche)).text
    assert client.get(url_of(fiche, 1999)).status_code == 404


@pytest.mark.parametrize("n", [1, 3])
def test_measures_in_a_constant_number_of_queries(client, django_assert_num_queries, n):
    fiche = FicheActionFactory()
    for _ in range(n):
        Mesure.objects.create(indicateur=IndicateurSuiviFactory(fiche=fiche), annee=ANNEE, valeur=1)
    log_in(client, fiche.convention)

    with django_assert_num_queries(10):
        client.get(url_of(fiche))
