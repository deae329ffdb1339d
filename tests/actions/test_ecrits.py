"""A fiche is written once for each state of its rows: whatever it says changes its text, and nothing else is written again."""

import datetime
import re

import pytest
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.template.loader import render_to_string
from django.test.signals import template_rendered
from django.utils import timezone

from actions import ecrits
from actions.description import SANS_NOTES, TOUT, Choix
from actions.documents import plan_html
from actions.ecrits import DOSSIERS, write_fiches, written_fiches
from actions.models import Axe, Bilan, FicheAction, IndicateurSuivi, LigneBudget, LigneFinancement, Mesure
from actions.models.empreintes import states_of
from actions.models.fiche import Etape, Pilote, Public
from actions.models.lecture import parts_of_document, rows_of_document
from actions.models.liens import LienFiche
from actions.models.parts import Imputation, Note, PartenaireFiche
from actions.models.pieces import PieceJointe
from actions.models.plan import Objectif, PlanActions
from conventions.models import (
    Commune,
    Convention,
    Departement,
    Dispositif,
    Domaine,
    Financement,
    Organisation,
    Territoire,
)
from ctg_portal import ecrits as garde
from ctg_portal.models import PartieEcrite, User
from diagnostics.models import Constat, Enjeu
from governance.models import Decision
from tests.actions.test_parite import full_fiche
from tests.factories import FinancementFactory, PieceJointeFactory
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


def more(model, column):
    """A word more in this column of every row."""
    return lambda _: model.objects.update(**{column: Concat(F(column), Value(" bis"))})


def another(model, column, value):
    return lambda _: model.objects.update(**{column: value})


def without(name):
    """The fiche is tied to none of these any more."""

    def change(fiche):
        count = getattr(fiche, name).count()
        getattr(fiche, name).clear()
        return count

    return change


DIT = {
    # First what is tied, as long as it is.
    "actions_axe": more(Axe, "intitule"),
    "actions_objectif": more(Objectif, "intitule"),
    "actions_public": more(Public, "intitule"),
    "conventions_commune": more(Commune, "nom"),
    "conventions_domaine": more(Domaine, "intitule"),
    "conventions_dispositif": more(Dispositif, "intitule"),
    "conventions_organisation": more(Organisation, "nom"),
    "conventions_convention": another(Convention, "fin", F("fin") + datetime.timedelta(days=366)),
    "conventions_financement": another(Financement, "verse", 12345),
    "ctg_portal_user": more(User, "nom"),
    "diagnostics_constat": more(Constat, "intitule"),
    "diagnostics_enjeu": more(Enjeu, "intitule"),
    "governance_decision": more(Decision, "texte"),
    "governance_effetdecision": lambda fiche: fiche.effets.all().delete()[0],
    "actions_ficheaction": more(FicheAction, "modalites"),
    "actions_bilan": more(Bilan, "realise"),
    "actions_etape": more(Etape, "intitule"),
    "actions_imputation": lambda _: Imputation.objects.all().delete()[0],
    "actions_indicateursuivi": more(IndicateurSuivi, "intitule"),
    "actions_lienfiche": another(LienFiche, "nature", "issue"),
    "actions_lignebudget": more(LigneBudget, "intitule"),
    "actions_lignefinancement": another(LigneFinancement, "demande", 4321),
    "actions_mesure": more(Mesure, "commentaire"),
    "actions_note": more(Note, "texte"),
    "actions_partenairefiche": more(PartenaireFiche, "role"),
    "actions_piecejointe": more(PieceJointe, "titre"),
    "actions_pilote": more(Pilote, "fonction"),
    **{
        f"actions_ficheaction_{name}": without(name)
        for name in ("cadres", "communes", "constats", "domaines", "enjeux", "publics")
    },
}
"""By table that a document reads, a change of it that the fiche says."""
MUET = {
    "actions_planactions": more(PlanActions, "introduction"),
    "conventions_territoire": more(Territoire, "nom"),
    "conventions_departement": more(Departement, "nom"),
}
"""Those that are read to know whose fiche it is: its own text says nothing of them."""


def tables():
    """All those that ``for_document`` reads."""
    queries = [rows_of_document(FicheAction.objects.all()), *(part.queryset for part in parts_of_document())]
    return {
        table
        for queryset in queries
        for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', queryset.query.sql_with_params()[0])
    }


def text_of(fiche, choix=TOUT):
    return written_fiches(FicheAction.objects.filter(pk=fiche.pk), choix).get(fiche.pk)


def now(fiche, choix=TOUT):
    """As it would be written if nothing was kept."""
    return dict(write_fiches([fiche.pk], choix)).get(fiche.pk)


def test_every_table_that_a_document_reads_is_tried_here():
    """A new part of a fiche is hashed by itself; say below how it changes what is said."""
    assert tables() == DIT.keys() | MUET.keys()


def test_whatever_a_fiche_says_writes_it_again(world):
    fiche = full_fiche(world)
    Imputation.objects.create(financement=FinancementFactory(convention=world.convention), fiche=fiche)
    PieceJointeFactory(fiche=fiche)
    fiche.cadres.add(world.convention)
    fiche.publics.add(Public.objects.first())
    fiche.domaines.add(Domaine.objects.first())
    if not LienFiche.objects.filter(depuis=fiche).exists():
        LienFiche.tie(fiche, "remplace", world.objects["validee"], by=world.people["coordination"])

    for table, change in [*MUET.items(), *DIT.items()]:
        before = text_of(fiche)
        assert change(fiche), table
        after = text_of(fiche)
        assert after == now(fiche), table
        assert (after != before) == (table in DIT), table


def test_what_is_not_touched_is_not_written_again(world, monkeypatch):
    others = FicheAction.objects.filter(plan=world.plan)
    written_fiches(others, SANS_NOTES)
    asked = []
    monkeypatch.setattr(
        ecrits, "write_fiches", lambda pks, choix: asked.append(pks) or write_fiches(pks, choix)
    )

    written_fiches(others, SANS_NOTES)
    FicheAction.objects.filter(pk=world.fiche.pk).update(modalites="Autre chose.")
    found = written_fiches(others, SANS_NOTES)

    assert asked == [[world.fiche.pk]]
    assert "Autre chose." in found[world.fiche.pk]


@pytest.mark.parametrize(
    "choix",
    [SANS_NOTES, Choix(rubriques=frozenset({"calendrier"})), Choix(annees=frozenset({1999}))],
)
def test_each_choice_has_its_own_text(world, choix):
    everything = text_of(world.fiche)

    assert text_of(world.fiche, choix) == now(world.fiche, choix) != everything
    assert text_of(world.fiche) == everything


def test_a_day_that_passes_writes_it_again(world, monkeypatch):
    today = timezone.localdate()
    FicheAction.objects.filter(pk=world.fiche.pk).update(echeance=today, avancement="en_cours")
    Etape.objects.all().delete()
    before = text_of(world.fiche)
    monkeypatch.setattr(timezone, "localdate", lambda *_: today + datetime.timedelta(days=1))

    assert ("en retard" in before, "en retard" in text_of(world.fiche)) == (False, True)


@pytest.mark.parametrize("changed", ["code", "template"])
def test_another_code_or_template_writes_it_again(world, monkeypatch, changed):
    text_of(world.fiche)
    kept = PartieEcrite.objects.count()
    if changed == "code":
        monkeypatch.setattr(garde, "CODE", "autre")
    else:
        real = garde.get_template

        def other(name):
            found = real(name)
            if name == "actions/pdf/table.html":
                monkeypatch.setattr(found.template, "source", found.template.source + " ")
            return found

        monkeypatch.setattr(garde, "get_template", other)
    text_of(world.fiche)

    assert (kept, PartieEcrite.objects.count()) == (1, 2)


def test_every_template_of_a_printed_fiche_is_in_its_key(world):
    fiche = full_fiche(world)
    used = set()

    def note(template, **_):
        used.add(template.name)

    template_rendered.connect(note)
    try:
        render_to_string("actions/pdf/corps.html", {"fiche": fiche, "choix": TOUT})
    finally:
        template_rendered.disconnect(note)

    assert {"actions/pdf/corps.html", "actions/pdf/table.html", "pdf/champ.html"} <= used
    assert used <= set(garde.templates_of(*DOSSIERS))


def test_what_changes_while_it_is_written_is_not_kept_as_it_was(world, monkeypatch):
    def slow(pks, choix):
        found = dict(write_fiches(pks, choix))
        FicheAction.objects.filter(pk=world.fiche.pk).update(modalites="Pendant ce temps.")
        return found.items()

    with monkeypatch.context() as slowly:
        slowly.setattr(ecrits, "write_fiches", slow)
        text_of(world.fiche)

    assert PartieEcrite.objects.count() == 0
    assert "Pendant ce temps." in text_of(world.fiche)


def test_states_cost_the_same_with_more_fiches(world, django_assert_num_queries):
    for fiches, expected in (
        (FicheAction.objects.filter(pk=world.fiche.pk), 1),
        (world.plan.fiches.all(), 5),
    ):
        with django_assert_num_queries(2):
            states = states_of(fiches)
        assert len(set(states.values())) == expected


def test_plan_says_the_fiche_as_it_is_now(world):
    before = plan_html(world.plan)
    Note.objects.filter(fiche=world.fiche).update(texte="Une note.")
    same = plan_html(world.plan)
    FicheAction.objects.filter(pk=world.fiche.pk).update(elu_referent="Un autre nom")

    # A plan says no notes.
    assert before == same
    assert "Un autre nom" in plan_html(world.plan)


def test_forgotten_texts_are_deleted(world):
    text_of(world.fiche)
    PartieEcrite.objects.update(utilise_le=timezone.now() - garde.USAGE * 2)
    text_of(world.fiche)
    used = PartieEcrite.objects.get().utilise_le
    kept = garde.purge()
    PartieEcrite.objects.update(utilise_le=timezone.now() - garde.GARDE - garde.USAGE)

    assert timezone.now() - used < garde.USAGE
    assert (kept, garde.purge(), PartieEcrite.objects.count()) == (0, 1, 0)
