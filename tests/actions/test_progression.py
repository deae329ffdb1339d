import datetime

from django.utils import timezone

from actions.models import FicheAction
from actions.models.facettes import count_expected, read_lignes
from actions.models.progression import (
    Progression,
    progress_by_axe,
    total_progress,
    with_progression,
)
from tests.factories import (
    AxeFactory,
    EtapeFactory,
    FicheActionFactory,
    IndicateurSuiviFactory,
    PiloteFactory,
)

YESTERDAY = timezone.localdate() - datetime.timedelta(days=1)
A = FicheAction.Avancement


def test_progress_counts_each_fiche_once():
    axe = AxeFactory()
    late = FicheActionFactory(axe=axe, avancement=A.EN_COURS, echeance=YESTERDAY)
    EtapeFactory(fiche=late, echeance=YESTERDAY)
    EtapeFactory(fiche=late, echeance=YESTERDAY)
    FicheActionFactory(axe=axe, avancement=A.REALISEE, echeance=YESTERDAY)

    assert progress_by_axe(FicheAction.objects.all()) == {
        axe.pk: Progression({"en_cours": 1, "realisee": 1}, late=1)
    }


def test_segments_follow_the_life_of_an_action():
    progression = Progression({"a_venir": 2, "realisee": 1, "abandonnee": 1})

    assert [(s["code"], s["count"]) for s in progression.segments] == [
        ("realisee", 1),
        ("a_venir", 2),
        ("abandonnee", 1),
    ]
    assert (progression.total, progression.realisees) == (4, 1)


def test_an_axe_without_fiche_has_an_empty_progression(django_assert_num_queries):
    axe = AxeFactory()

    with django_assert_num_queries(1):
        found = with_progression([axe], FicheAction.objects.all())

    assert found == [(axe, Progression())]


def test_total_adds_up():
    total = total_progress(
        [Progression({"en_cours": 2}, late=1), Progression({"en_cours": 1, "a_venir": 4}, late=2)]
    )

    assert total == Progression({"en_cours": 3, "a_venir": 4}, late=3)


def test_expected_counts_holes_on_unfinished_fiches_only():
    axe = AxeFactory()
    FicheActionFactory(axe=axe)
    FicheActionFactory(axe=axe, avancement=A.REALISEE)
    whole = FicheActionFactory(axe=axe, echeance=timezone.localdate(), redaction="a_completer")
    PiloteFactory(fiche=whole)
    PiloteFactory(fiche=whole, nom="Autre")
    IndicateurSuiviFactory(fiche=whole)

    FicheActionFactory(axe=axe, redaction="archivee", soumise_le=timezone.now())

    assert count_expected(read_lignes(FicheAction.objects.all(), axe.plan.convention)) == {
        "a_completer": 1,
        "brouillon": 2,
        "sans_pilote": 1,
        "sans_echeance": 1,
        "sans_indicateur": 1,
        "sans_budget": 2,
    }
