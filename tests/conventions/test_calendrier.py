"""The drawing and the table say the same, whatever the dates."""

import datetime
import re

import pytest
from django.utils import timezone

from conventions.frise import Calendrier
from conventions.models import Phase
from ctg_portal.templatetags.portal import frise_rows
from governance.models import Reunion
from tests.factories import ConventionFactory, HabilitationFactory, InstanceFactory, ReunionFactory

D = datetime.date
YEAR = timezone.localdate().year


def url(convention):
    return f"/conventions/{convention.code}/calendrier/"


def show(client, convention, role="coordination"):
    user = HabilitationFactory(convention=convention, role=role).user
    client.force_login(user)
    return client.get(url(convention)).text


def calendrier(convention, user=None):
    user = user or HabilitationFactory(convention=convention).user
    return Calendrier(
        convention, list(convention.phases.all()), convention.liens(user), list(convention.instances.all())
    )


def full(count=1):
    """A CTG with what comes before and after, and ``count`` of each thing."""
    convention = ConventionFactory()
    ConventionFactory(
        territoire=convention.territoire,
        debut=D(convention.debut.year - 4, 1, 1),
        fin=D(convention.debut.year - 1, 12, 31),
        statut="close",
    )
    for n in range(count):
        Phase.objects.create(
            convention=convention, nature="plan", debut_prevu=convention.debut, fin_prevue=convention.fin
        )
        ConventionFactory(nature="gmr", principale=convention, territoire=convention.territoire)
        instance = InstanceFactory(convention=convention)
        ReunionFactory(instance=instance)
        ReunionFactory(
            instance=instance, debut=timezone.now() - datetime.timedelta(days=n + 1), statut="tenue"
        )
    return convention


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, count, django_assert_num_queries):
    convention = full(count)
    client.force_login(HabilitationFactory(convention=convention).user)

    with django_assert_num_queries(12):
        response = client.get(url(convention))

    assert len(re.findall(r'<path class="frise-tenue"', response.text)) == count
    assert len(re.findall(r'data-label="État"', response.text)) == 1 + 4 * count


def test_it_spans_from_the_one_before_to_the_one_after():
    convention = ConventionFactory()
    before = ConventionFactory(
        territoire=convention.territoire,
        debut=D(convention.debut.year - 4, 1, 1),
        fin=D(convention.debut.year - 1, 12, 31),
    )
    convention.precedente = before
    convention.save()
    after = ConventionFactory(
        territoire=convention.territoire,
        precedente=convention,
        debut=D(convention.fin.year + 1, 1, 1),
        fin=D(convention.fin.year + 5, 12, 31),
    )

    drawn = calendrier(convention)

    assert (drawn.echelle.debut, drawn.echelle.fin) == (before.debut, after.fin)
    assert [(ligne.libelle, ligne.etat) for ligne in drawn.groupes[1].lignes] == [
        (f"CTG {before.periode}", "convention précédente, en cours"),
        (f"CTG {after.periode}", "convention suivante, en cours"),
    ]
    first, last = drawn.frise["phases"]
    assert first["x"] == 0
    assert last["x"] + last["w"] == 1000
    assert drawn.frise["socle"]["x"] == pytest.approx(first["w"], abs=1)


def test_a_phase_before_the_start_and_one_after_the_end_stay_inside():
    convention = ConventionFactory()
    Phase.objects.create(
        convention=convention,
        nature="preparation",
        debut_prevu=D(convention.debut.year - 2, 6, 1),
        fin_prevue=D(convention.debut.year - 1, 6, 1),
    )
    Phase.objects.create(
        convention=convention,
        nature="evaluation",
        debut_prevu=convention.fin,
        fin_prevue=D(convention.fin.year + 1, 6, 30),
    )

    drawn = calendrier(convention)

    assert drawn.echelle.debut == D(convention.debut.year - 2, 6, 1)
    assert drawn.echelle.fin == D(convention.fin.year + 1, 6, 30)
    for barre in drawn.frise["phases"]:
        assert 0 <= barre["x"] <= barre["x"] + barre["w"] <= 1000


def test_planned_and_real_are_both_drawn_and_both_written(client):
    convention = ConventionFactory()
    debut = convention.debut
    Phase.objects.create(
        convention=convention,
        nature="diagnostic",
        debut_prevu=debut,
        fin_prevue=debut + datetime.timedelta(days=100),
        debut_reel=debut + datetime.timedelta(days=200),
        fin_reelle=debut + datetime.timedelta(days=300),
    )

    (barre,) = calendrier(convention).frise["phases"]
    text = show(client, convention, "lecture")

    assert barre["prevu"]["x"] == 0
    assert barre["x"] > barre["prevu"]["x"] + barre["prevu"]["w"]
    assert 'class="frise-plan"' in text
    assert f"du 1er\u00a0janvier {debut.year} au 11\u00a0avril {debut.year}" in text
    assert f"juillet {debut.year} au " in text


def test_every_line_of_the_table_is_in_the_drawing():
    convention = full(3)
    for n in range(40):
        ReunionFactory(
            instance=convention.instances.first(), debut=timezone.now() + datetime.timedelta(days=30 * n + 40)
        )

    drawn = calendrier(convention)
    bars, points = drawn.frise["phases"], drawn.frise["bars"]

    written = [ligne.libelle for groupe in drawn.groupes if not groupe.is_points for ligne in groupe.lignes]
    assert [barre["label"] for barre in bars] == written[1:]
    assert sum(len(lane["points"]) for lane in points) == 46
    assert sum(len(groupe.lignes) for groupe in drawn.groupes if groupe.is_points) == 46


def test_states_of_meetings():
    convention = ConventionFactory()
    instance = InstanceFactory(convention=convention)
    for days, statut in enumerate(("tenue", "diffusee", "annulee", "preparation", "convoquee")):
        ReunionFactory(
            instance=instance,
            debut=timezone.now() + datetime.timedelta(days=days),
            statut=Reunion.Statut(statut),
        )

    lignes = calendrier(convention).groupes[-1].lignes

    assert [(ligne.state, bool(ligne.prevu), bool(ligne.reel)) for ligne in lignes] == [
        ("tenue", False, True),
        ("tenue", False, True),
        ("annulee", True, False),
        ("a_tenir", True, False),
        ("a_tenir", True, False),
    ]


def test_long_names_are_cut_in_the_drawing_and_whole_in_the_table(client):
    convention = ConventionFactory()
    Phase.objects.create(
        convention=convention,
        nature="plan",
        precision="très " * 29 + "long",
        debut_prevu=convention.debut + datetime.timedelta(days=900),
        fin_prevue=convention.debut + datetime.timedelta(days=1000),
    )

    frise = calendrier(convention).frise
    (row,) = frise_rows(frise)

    assert [len(text["label"]) <= size for text, size in zip(row["labels"], (125, 44), strict=True)] == [
        True,
        True,
    ]
    assert [(text["x"], text["anchor"]) for text in row["labels"]] == [("0%", "start"), ("0%", "start")]
    assert ("très " * 29 + "long)") in show(client, convention)


def test_the_horizon_of_the_project_is_a_line_of_its_own():
    convention = ConventionFactory()
    convention.horizon_projet = convention.fin + datetime.timedelta(days=365)

    lignes = calendrier(convention).groupes[0].lignes

    assert [ligne.libelle for ligne in lignes] == [f"CTG {convention.periode}", "Projet social de territoire"]


def test_a_contract_that_its_reader_may_not_open_is_named_only(client):
    convention = ConventionFactory()
    gmr = ConventionFactory(nature="gmr", principale=convention, territoire=convention.territoire)

    text = show(client, convention, "lecture")

    assert f"GMR {gmr.periode}" in text
    assert gmr.get_absolute_url() not in text


@pytest.mark.parametrize(
    ("role", "statut", "edits"),
    [("coordination", "en_cours", True), ("coordination", "close", False), ("lecture", "en_cours", False)],
)
def test_phases_are_edited_by_the_coordination_while_it_runs(client, role, statut, edits):
    text = show(client, ConventionFactory(statut=statut), role)

    assert ("Modifier les phases" in text) is edits


def test_an_empty_convention_has_a_calendar(client):
    text = show(client, ConventionFactory())

    assert "Rien n’appelle l’attention" in text
    assert text.count('data-label="État"') == 1
