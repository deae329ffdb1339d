"""Every sentence, and the day before it is said."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.alertes import alertes_de, with_alertes
from conventions.models import Convention, Phase
from conventions.models.convention import add_months
from ctg_portal.templatetags.portal import date_fr
from governance.models import Instance, Reunion
from tests.factories import (
    AvenantFactory,
    ConventionFactory,
    EquipementFactory,
    HabilitationFactory,
    InstanceFactory,
    ReunionFactory,
    SignataireFactory,
)

DAY = datetime.timedelta(days=1)


def of(convention, nature=None):
    loaded = with_alertes(Convention.objects.all()).get(pk=convention.pk)
    return [alerte for alerte in alertes_de(loaded) if nature in (None, alerte.nature)]


def texts(convention, nature=None):
    return [alerte.texte for alerte in of(convention, nature)]


def ending(fin, **fields):
    debut = fin - datetime.timedelta(days=4 * 365)
    return ConventionFactory(debut=debut, fin=fin, **fields)


def in_months(months):
    return add_months(timezone.localdate(), months)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-11-25", 3, "2027-02-25"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-01-31", -1, "2025-12-31"),
    ],
)
def test_add_months_keeps_to_the_calendar(day, months, expected):
    assert add_months(datetime.date.fromisoformat(day), months).isoformat() == expected


@pytest.mark.parametrize(
    ("months", "after", "mots", "suite"),
    [
        (12, 0, "douze", "le renouvellement est à lancer."),
        (6, 1, "douze", "le renouvellement est à lancer."),
        (6, 0, "six", "le renouvellement n’a pas commencé, il devrait être en préparation."),
        (3, 1, "six", "le renouvellement n’a pas commencé, il devrait être en préparation."),
    ],
)
def test_end_without_renewal(months, after, mots, suite):
    fin = in_months(months) + after * DAY

    assert texts(ending(fin)) == [f"Fin le {date_fr(fin)}, dans {mots} mois au plus\u00a0: {suite}"]


def test_end_is_not_said_one_day_before_twelve_months():
    assert texts(ending(in_months(12) + DAY)) == []


def test_end_within_three_months_counts_the_days():
    fin = in_months(3)
    days = (fin - timezone.localdate()).days

    (alerte,) = of(ending(fin))

    assert alerte.is_pressing
    assert alerte.texte == (
        f"Fin le {date_fr(fin)}, dans trois mois au plus\u00a0: plus que {days}\u00a0jours, "
        "et aucune convention ne prend la suite."
    )


@pytest.mark.parametrize(
    ("months", "suite"),
    [
        (12, "le renouvellement est en préparation (CTG {})."),
        (6, "la CTG {} est en préparation, il reste à la faire signer."),
        (3, "la CTG {} n’est pas encore signée."),
    ],
)
def test_end_with_a_renewal_being_prepared(months, suite):
    convention = ending(in_months(months))
    after = convention.fin + DAY
    suivante = ConventionFactory(
        territoire=convention.territoire,
        precedente=convention,
        statut="preparation",
        debut=after,
        fin=add_months(after, 60) - DAY,
    )

    (texte,) = texts(convention)

    assert texte.endswith(f"\u00a0: {suite.format(suivante.periode)}")


def test_end_calls_for_nothing_once_the_next_one_is_signed():
    convention = ending(in_months(2))
    after = convention.fin + DAY
    ConventionFactory(
        territoire=convention.territoire,
        precedente=convention,
        statut="signee",
        debut=after,
        fin=add_months(after, 60) - DAY,
    )

    assert texts(convention) == []


def test_last_day_then_the_day_after():
    today = timezone.localdate()

    assert "plus que 0\u00a0jour," in texts(ending(today))[0]
    assert texts(ending(today - DAY)) == [
        f"La convention est finie depuis le {date_fr(today - DAY)}\u00a0: elle reste à clore."
    ]


@pytest.mark.parametrize("statut", ["close", "resiliee"])
def test_nothing_on_a_convention_that_is_over(statut):
    convention = ending(in_months(1), statut=statut)
    SignataireFactory(convention=convention)
    InstanceFactory(convention=convention)

    assert texts(convention) == []


def test_signatures_missing_are_named_after_the_start():
    convention = ConventionFactory()
    SignataireFactory(convention=convention, signe_le=convention.debut, organisation__nom="EPCI")
    for nom in ("CAF", "MSA", "État", "Département", "Commune"):
        SignataireFactory(convention=convention, organisation__nom=nom)
    SignataireFactory(
        convention=convention, organisation__nom="Partie", retire_par=AvenantFactory(convention=convention)
    )

    assert texts(convention, "signatures") == [
        f"5 signatures manquent sur 6 depuis le début, le {date_fr(convention.debut)}\u00a0: CAF, MSA, État et 2 autres."
    ]


def test_one_signature_missing_and_none_before_the_start():
    today = timezone.localdate()
    begun = ConventionFactory(debut=today, fin=add_months(today, 60) - DAY)
    to_come = ConventionFactory(debut=today + DAY, fin=add_months(today, 60))
    for convention in (begun, to_come):
        SignataireFactory(convention=convention, organisation__nom="CAF")

    assert texts(begun) == [f"1 signature manque sur 1 depuis le début, le {date_fr(today)}\u00a0: CAF."]
    assert texts(to_come) == []


def test_copil_of_the_year():
    convention = ConventionFactory()
    instance = InstanceFactory(convention=convention)
    year = timezone.localdate().year

    assert texts(convention) == [
        f"COPIL {year}\u00a0: à tenir avant le 31\u00a0décembre {year}, aucune date n’est prévue."
    ]

    reunion = ReunionFactory(instance=instance)
    jour = date_fr(timezone.localtime(reunion.debut))
    assert texts(convention) == [f"COPIL {year}\u00a0: prévu le {jour}."]

    ReunionFactory(instance=instance, statut=Reunion.Statut.TENUE, debut=timezone.now())
    assert texts(convention) == []


def test_a_meeting_of_another_year_does_not_count():
    instance = InstanceFactory()
    ReunionFactory(
        instance=instance, statut=Reunion.Statut.TENUE, debut=timezone.now() - datetime.timedelta(days=366)
    )

    assert len(texts(instance.convention, "instance")) == 1


@pytest.mark.parametrize(
    ("held", "minimum", "statut", "ended"),
    [
        (0, 1, "en_cours", False),
        (1, 1, "en_cours", False),
        (1, 2, "en_cours", False),
        (0, 0, "en_cours", False),
        (0, 1, "close", False),
        (0, 1, "en_cours", True),
    ],
)
def test_instances_to_meet_are_the_same_in_sql(held, minimum, statut, ended):
    """``Instance.objects.a_reunir()`` and ``Instance.veille`` are one rule."""
    fin = timezone.localdate() - DAY if ended else in_months(20)
    instance = InstanceFactory(minimum_annuel=minimum, convention=ending(fin, statut=statut))
    for n in range(held):
        ReunionFactory(
            instance=instance,
            statut=Reunion.Statut.TENUE,
            debut=timezone.now() - n * datetime.timedelta(minutes=1),
        )

    said = bool(texts(instance.convention, "instance"))

    assert Instance.objects.a_reunir().filter(pk=instance.pk).exists() is said


def phase(convention, debut, fin, **reel):
    today = timezone.localdate()
    return Phase.objects.create(
        convention=convention,
        nature="diagnostic",
        debut_prevu=today + debut * DAY,
        fin_prevue=today + fin * DAY,
        **{name: today + days * DAY for name, days in reel.items()},
    )


@pytest.mark.parametrize(
    ("dates", "reel", "etat", "said"),
    [
        ((0, 10), {}, "en cours", ""),
        ((-1, 10), {}, "en retard", "elle devait commencer le "),
        ((-1, 10), {"debut_reel": 0}, "en cours", ""),
        ((-10, 0), {"debut_reel": -10}, "en cours", ""),
        ((-10, -1), {"debut_reel": -10}, "en retard", "elle devait finir le "),
        ((-10, -1), {}, "en retard", "prévue du "),
        ((-10, -5), {"debut_reel": -10, "fin_reelle": -1}, "terminée", ""),
        ((1, 10), {}, "à venir", ""),
    ],
)
def test_phase_late_to_start_or_to_end(dates, reel, etat, said):
    convention = ConventionFactory()
    late = phase(convention, *dates, **reel)

    found = texts(convention)

    assert late.etat == etat
    assert [texte.startswith(f"Phase «\u00a0Diagnostic\u00a0»\u00a0: {said}") for texte in found] == (
        [True] if said else []
    )


@pytest.mark.parametrize(("days", "said"), [(0, "finit le"), (-1, "a expiré le"), (None, "finit le")])
def test_cof_expired_or_about_to(days, said):
    convention = ConventionFactory()
    cof_fin = in_months(6) if days is None else timezone.localdate() + days * DAY
    EquipementFactory(territoire=convention.territoire, nom="Les Lutins", cof_fin=cof_fin)

    (texte,) = texts(convention)

    assert texte.startswith(f"La COF de «\u00a0Les Lutins\u00a0» {said} {date_fr(cof_fin)}")


def test_cof_calls_for_nothing_when_far_or_closed_or_elsewhere():
    convention = ConventionFactory()
    today = timezone.localdate()
    EquipementFactory(territoire=convention.territoire, cof_fin=in_months(6) + DAY)
    EquipementFactory(territoire=convention.territoire, cof_fin=today, ferme_le=today)
    EquipementFactory(territoire=convention.territoire)
    EquipementFactory(cof_fin=today)

    assert texts(convention) == []


@pytest.mark.parametrize(("months", "after", "number"), [(6, 0, 1), (6, 1, 0), (0, 0, 1), (0, -1, 0)])
def test_linked_contract_about_to_end(months, after, number):
    convention = ConventionFactory()
    fin = in_months(months) + after * DAY
    ending(fin, nature="gmr", principale=convention, territoire=convention.territoire)

    found = texts(convention, "contrat")

    assert len(found) == number
    assert all(f"ce contrat lié finit le {date_fr(fin)}" in texte for texte in found)


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(django_assert_num_queries, count):
    for _ in range(count):
        convention = ConventionFactory()
        SignataireFactory(convention=convention)
        EquipementFactory(territoire=convention.territoire, cof_fin=timezone.localdate())
        ConventionFactory(nature="gmr", principale=convention, territoire=convention.territoire)
        phase(convention, -10, -1)
        for n in range(count):
            ReunionFactory(instance=InstanceFactory(convention=convention), duree=60 + n)

    with django_assert_num_queries(5):  # conventions, phases, contracts, instances, meetings
        found = [alertes_de(row) for row in with_alertes(Convention.objects.filter(nature="ctg"))]

    assert [len(alertes) for alertes in found] == [3 + count] * count


def test_home_says_them_to_the_coordination_alone(client):
    convention = ConventionFactory()
    SignataireFactory(convention=convention, organisation__nom="CAF du Lot")
    home = reverse("convention_home", args=[convention.code])

    shown = {}
    for role in ("coordination", "relecture", "redaction", "lecture", "pilotage"):
        client.force_login(HabilitationFactory(convention=convention, role=role).user)
        shown[role] = "1 signature manque sur 1" in client.get(home).text

    assert shown == {
        "coordination": True,
        "relecture": True,
        "redaction": False,
        "lecture": False,
        "pilotage": False,
    }
