"""The history of a fiche: every table tracked, saves grouped and said in words."""

import datetime
from importlib import import_module
from types import SimpleNamespace

import pgtrigger
import pytest
from django.apps import apps
from django.db import InternalError, connection
from django.db.models import QuerySet

from actions.models import Bilan, Etape, LigneBudget, LigneFinancement, Mesure, Note, PartenaireFiche
from actions.models.historique import ETATS, Historique
from tests.actions.histoire import il_y_a, save_as
from tests.factories import (
    CommuneFactory,
    ConstatFactory,
    ConventionFactory,
    DomaineFactory,
    EnjeuFactory,
    EtapeFactory,
    FicheActionFactory,
    IndicateurSuiviFactory,
    ObjectifFactory,
    OrganisationFactory,
    PiloteFactory,
    PublicFactory,
    UserFactory,
    complete_fiche,
)

copy_rows = import_module("actions.migrations.0009_historique_depart").copy_rows


@pytest.fixture
def fiche():
    made = []
    author = UserFactory(nom="Chargée de coopération")
    save_as(author, il_y_a(100), lambda: made.append(FicheActionFactory(intitule="Ouvrir un relais")))
    return made[0]


def last_save(fiche):
    history = Historique(fiche)
    history.load(history.derniers[:1])
    return history.derniers[0]


def said(save):
    """(section, label, what is said of it) of each change."""
    return [
        (rub.slug, change.libelle, change.avant, change.apres)
        for rub in save.rubriques
        for change in rub.changements
    ]


def test_a_save_tells_who_when_and_what_before_and_after(fiche):
    author, day = UserFactory(nom="Pilote du relais"), il_y_a(3)

    def write():
        fiche.besoins = "Vingt familles sans mode de garde."
        fiche.etp = "1.50"
        fiche.echeance = datetime.date(2027, 3, 1)
        fiche.nature = "nouvelle"
        fiche.save()

    save_as(author, day, write)

    save = last_save(fiche)
    assert (save.nom, save.moment) == ("Pilote du relais", day)
    assert said(save) == [
        ("identite", "Nature", "", "Nouvelle"),
        ("contexte", "Besoins constatés", "", "Vingt familles sans mode de garde."),
        ("moyens", "Équivalents temps plein", "", "1,5"),
        ("calendrier", "Échéance", "", "1er\xa0mars 2027"),
    ]


def test_words_of_a_text_are_compared_and_the_rest_of_a_long_text_is_cut(fiche):
    author = UserFactory()
    long = " ".join(f"mot{n}" for n in range(100))
    fiche.modalites = f"{long} avant {long}"
    save_as(author, il_y_a(9), fiche.save)
    fiche.modalites = f"{long} après {long}"
    save_as(author, il_y_a(8), fiche.save)

    (change,) = last_save(fiche).rubriques[0].changements

    assert [mot.genre for mot in change.mots] == ["garde", "retire", "ajoute", "garde"]
    assert change.mots[0].texte.startswith("[…] mot88")
    assert change.mots[-1].texte.endswith("mot11 […]")


ROWS = {
    "etapes": ("modalites", "Étapes", "Réunir les communes"),
    "pilotes": ("equipe", "Pilotes", "Chargé·e de mission enfance"),
    "partenaires": ("equipe", "Partenaires", "Les Jardiniers"),
    "budget": ("moyens", "Budget", "2026, Minibus"),
    "financement": ("moyens", "Plan de financement", "2026, CAF du Lot"),
    "indicateurs": ("evaluation", "Indicateurs de suivi", "Enfants accueillis"),
    "notes": ("suivi", "Notes", "Note du 2\xa0avril 2026"),
    "bilans": ("suivi", "Bilans", "Bilan 2025"),
}


def make_row(part, fiche):
    organisation = OrganisationFactory(nom="CAF du Lot")
    return {
        "etapes": lambda: EtapeFactory(fiche=fiche, intitule="Réunir les communes"),
        "pilotes": lambda: PiloteFactory(fiche=fiche),
        "partenaires": lambda: PartenaireFiche.objects.create(fiche=fiche, nom="Les Jardiniers"),
        "budget": lambda: LigneBudget.objects.create(
            fiche=fiche, annee=2026, intitule="Minibus", prevu="13000.50"
        ),
        "financement": lambda: LigneFinancement.objects.create(
            fiche=fiche, annee=2026, financeur=organisation, demande="5000.05"
        ),
        "indicateurs": lambda: IndicateurSuiviFactory(fiche=fiche, intitule="Enfants accueillis"),
        "notes": lambda: Note.objects.create(
            fiche=fiche, date=datetime.date(2026, 4, 2), texte="Réunion.", auteur=UserFactory()
        ),
        "bilans": lambda: Bilan.objects.create(fiche=fiche, annee=2025, realise="Étude."),
    }[part]()


@pytest.mark.parametrize("part", ROWS)
def test_rows_are_said_when_added_and_removed(fiche, part):
    author, made = UserFactory(), []
    save_as(author, il_y_a(9), lambda: made.append(make_row(part, fiche)))
    added = last_save(fiche)
    save_as(author, il_y_a(8), lambda: made[0].delete())
    removed = last_save(fiche)

    section, titre, nom = ROWS[part]
    for save, genre in ((added, "ajoutee"), (removed, "retiree")):
        (rubrique,) = save.rubriques
        (change,) = rubrique.changements
        assert (rubrique.slug, change.libelle) == (section, titre)
        assert [(row.genre, row.nom) for row in change.lignes] == [(genre, nom)]


def test_a_row_that_changed_says_its_fields_to_the_cent(fiche):
    author = UserFactory()
    row = LigneBudget(fiche=fiche, annee=2026, intitule="Minibus", prevu="248220.56")
    save_as(author, il_y_a(9), row.save)
    row.prevu = "248220.57"
    save_as(author, il_y_a(8), row.save)

    (line,) = last_save(fiche).rubriques[0].changements[0].lignes

    assert line.genre == "modifiee"
    assert [(change.libelle, change.avant, change.apres) for change in line.champs] == [
        ("Prévu", "248\u202f220,56\xa0€", "248\u202f220,57\xa0€")
    ]


def test_the_measures_of_an_indicator_are_part_of_the_fiche_even_when_both_are_gone(fiche):
    author = UserFactory()
    indicateur = IndicateurSuiviFactory(fiche=fiche, intitule="Enfants accueillis")
    save_as(
        author, il_y_a(9), lambda: Mesure.objects.create(indicateur=indicateur, annee=2025, valeur="12.50")
    )
    save_as(author, il_y_a(8), indicateur.delete)

    lines = [
        (row.genre, row.nom)
        for rub in last_save(fiche).rubriques
        for c in rub.changements
        for row in c.lignes
    ]

    assert lines == [("retiree", "Enfants accueillis"), ("retiree", "Enfants accueillis, 2025")]


TIES = {
    "domaines": (
        lambda fiche: DomaineFactory(intitule="Parentalité ici"),
        "identite",
        "Domaines",
        "Parentalité ici",
    ),
    "publics": (
        lambda fiche: PublicFactory(intitule="Familles des vallées"),
        "public",
        "Publics cibles",
        "Familles des vallées",
    ),
    "communes": (lambda fiche: CommuneFactory(nom="Salviac"), "identite", "Communes concernées", "Salviac"),
    "enjeux": (lambda fiche: EnjeuFactory(intitule="Mobilité"), "contexte", "Enjeux", "Mobilité"),
    "constats": (lambda fiche: ConstatFactory(intitule="Peu de bus"), "contexte", "Constats", "Peu de bus"),
    "cadres": (
        lambda fiche: ConventionFactory(
            nature="gmr", debut=datetime.date(2023, 1, 1), fin=datetime.date(2026, 12, 31)
        ),
        "identite",
        "Autres contrats",
        "GMR 2023–2026",
    ),
}


@pytest.mark.parametrize("name", TIES)
def test_ties_are_said_by_name_when_made_and_cut(fiche, name):
    make, section, titre, nom = TIES[name]
    author, other, field = UserFactory(), make(fiche), getattr(fiche, name)
    save_as(author, il_y_a(9), lambda: field.add(other))
    made = last_save(fiche)
    save_as(author, il_y_a(8), lambda: field.remove(other))
    cut = last_save(fiche)

    found = [
        [(rub.slug, c.libelle, c.ajoutes, c.retires) for rub in save.rubriques for c in rub.changements]
        for save in (made, cut)
    ]
    assert found == [[(section, titre, [nom], [])], [(section, titre, [], [nom])]]


def test_states_come_from_the_journal_with_their_reason(fiche):
    author, day = UserFactory(nom="CAF"), il_y_a(2)
    save_as(author, day, lambda: fiche.abandon(by=author, motif="Plus de porteur."))

    save = last_save(fiche)

    assert save.sections == {ETATS}
    assert save.etats == [
        {"champ": "Avancement", "depuis": "À venir", "vers": "Abandonnée", "motif": "Plus de porteur."}
    ]
    assert save.rubriques == []


def test_order_and_stamps_alone_are_no_news(fiche):
    author = UserFactory()
    etape = EtapeFactory(fiche=fiche)
    save_as(author, il_y_a(9), lambda: None)
    before = len(Historique(fiche).tous)

    def reorder():
        fiche.ordre = 7
        fiche.save()
        Etape.objects.filter(pk=etape.pk).update(ordre=5)

    save_as(author, il_y_a(8), reorder)

    assert len(Historique(fiche).tous) == before


def test_the_past_keeps_the_name_of_a_person_renamed_or_gone(fiche):
    author = UserFactory(nom="Ancienne coordination")
    fiche.besoins = "Un besoin."
    save_as(author, il_y_a(9), fiche.save)
    author.nom = "Autre nom"
    author.save()
    renamed = last_save(fiche).nom
    author.delete()

    assert (renamed, last_save(fiche).nom) == ("Ancienne coordination", "Ancienne coordination")


def test_an_objectif_deleted_since_keeps_its_name(fiche):
    author = UserFactory()
    objectif = ObjectifFactory(axe=fiche.axe, code="1.9", intitule="Objectif éphémère")
    save_as(author, il_y_a(9), lambda: fiche.place(fiche.axe, objectif, after=None, by=author))
    save_as(author, il_y_a(8), lambda: fiche.place(fiche.axe, None, after=None, by=author))
    objectif.delete()

    assert said(last_save(fiche)) == [("identite", "Objectif", "1.9 Objectif éphémère", "")]


def test_history_does_not_read_more_with_more_saves(django_assert_num_queries):
    author, fiche = UserFactory(), complete_fiche()
    for n in range(3):
        EtapeFactory(fiche=fiche)
        fiche.besoins = f"Besoin {n}"
        save_as(author, il_y_a(9 - n), fiche.save)

    with django_assert_num_queries(5):
        history = Historique(fiche)
        history.load(history.derniers)

    assert len(history.tous) >= 3


def test_rows_older_than_their_history_have_a_before(fiche):
    """The data migration copied them once: no save shows it, and the first change says what was there."""
    row = EtapeFactory(fiche=fiche, intitule="Écrite avant l’historique")
    events = QuerySet(Etape.pgh_event_model)
    with pgtrigger.ignore("actions.EtapeEvent:append_only"):
        events.filter(pgh_obj=row.pk).delete()
        copy_rows(apps, SimpleNamespace(connection=connection))
    assert [event.pgh_label for event in events.filter(pgh_obj=row.pk)] == ["depart"]
    before = len(Historique(fiche).tous)
    row.intitule = "Changée"
    save_as(UserFactory(), None, row.save)

    history = Historique(fiche)
    history.load(history.derniers[:1])

    assert len(history.tous) == before + 1
    (line,) = history.derniers[0].rubriques[0].changements[0].lignes
    assert (line.genre, line.champs[0].avant, line.champs[0].apres) == (
        "modifiee",
        "Écrite avant l’historique",
        "Changée",
    )


def test_what_was_copied_is_never_rewritten(fiche):
    with pytest.raises(InternalError, match="Cannot update or delete rows"):
        QuerySet(Etape.pgh_event_model).create(
            pgh_obj_id=EtapeFactory(fiche=fiche).pk, pgh_label="x", id=1, fiche=fiche, intitule="x", ordre=0
        ).delete()
