"""The one description of a fiche: complete, ordered, read without a query."""

import pytest

from actions.description import (
    CHAMPS,
    DESCRIPTION,
    HORS_DESCRIPTION,
    TABLES,
    Choix,
    read_fiche,
    read_for_paper,
)
from actions.models import SECTIONS, FicheAction
from actions.models.differences import label_of
from actions.models.fiche import Etape, Pilote
from actions.models.lecture import for_document
from actions.models.parts import (
    Bilan,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from tests.world import build_world

LIGNES = (Etape, Pilote, PartenaireFiche, LigneBudget, LigneFinancement, IndicateurSuivi, Mesure, Note, Bilan)
"""What a fiche is made of besides its columns; attachments are files, told by what their table shows."""
COMMUNES = {
    "id": "la clé",
    "fiche": "la fiche elle-même",
    "indicateur": "l’indicateur dont la mesure est une cellule",
    "ordre": "la place : c’est l’ordre des lignes",
    "created_at": "dit par l’historique",
    "updated_at": "dit par l’historique",
}
"""Columns of rows that the description leaves out, and why."""


def told():
    """« Model.column » that some field or table says."""
    found = {f"FicheAction.{cle}" for cle in CHAMPS}
    for champ in CHAMPS.values():
        found.update(champ.couvre)
    for table in TABLES.values():
        found.update(table.couvre)
        if table.modele:
            found.update(f"{table.modele.__name__}.{colonne.cle}" for colonne in table.colonnes)
    return found


def columns(model):
    return {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}


def test_every_column_of_a_fiche_is_described():
    """A field added to the model and not to the description: no document would say it."""
    missing = {f"FicheAction.{name}" for name in columns(FicheAction) - HORS_DESCRIPTION.keys()}
    for model in LIGNES:
        missing |= {f"{model.__name__}.{name}" for name in columns(model) - COMMUNES.keys()}

    assert missing - told() == set()


def test_exceptions_name_columns_that_exist():
    assert HORS_DESCRIPTION.keys() <= columns(FicheAction)
    assert COMMUNES.keys() <= {name for model in LIGNES for name in columns(model)}
    assert not HORS_DESCRIPTION.keys() & CHAMPS.keys()


def test_rubriques_are_those_of_the_page_in_its_order():
    assert [(r.slug, r.titre) for r in DESCRIPTION] == [
        *((section.slug, section.titre) for section in SECTIONS),
        ("pieces", "Pièces jointes"),
        ("liens", "Fiches liées"),
    ]
    for section in SECTIONS:
        rubrique = next(r for r in DESCRIPTION if r.slug == section.slug)
        keys = {part.cle for part in rubrique.contenu}
        assert set(section.champs) <= keys, section.slug


def test_keys_are_unique_and_tables_fill_the_sheet():
    parts = [part for rubrique in DESCRIPTION for part in rubrique.contenu]
    keys = [part.cle for part in parts]
    assert len(keys) == len(set(keys))
    for table in TABLES.values():
        heads = {colonne.cle for colonne in table.colonnes if not colonne.sous}
        assert {colonne.sous for colonne in table.colonnes if colonne.sous} <= heads
        if not table.en_blocs:
            widths = [colonne.largeur for colonne in table.colonnes if not colonne.sous]
            assert sum(widths) == 100, table.cle
            assert all(width % 5 == 0 and width for width in widths), table.cle


def test_labels_are_those_of_the_history():
    own_words = {"cadres"}
    for cle, champ in CHAMPS.items():
        if cle in columns(FicheAction) - own_words:
            assert champ.libelle == label_of(FicheAction._meta.get_field(cle))


@pytest.fixture
def world():
    return build_world()


def test_everything_is_read_from_the_loaded_row(world, django_assert_num_queries):
    (fiche,) = for_document(FicheAction.objects.filter(pk=world.fiche.pk))

    with django_assert_num_queries(0):
        lues = read_for_paper(fiche)
        words = [
            lu.texte if hasattr(lu, "texte") else [[c.textes for c in row] for row in lu.rangees]
            for lue in lues
            for lu in lue.contenu
        ]

    assert words
    assert [lue.rubrique.slug for lue in lues] == [
        "identite", "contexte", "objectifs", "modalites", "public", "equipe", "moyens", "calendrier",
        "evaluation", "suivi", "pieces", "liens",
    ]  # fmt: skip


def test_queries_do_not_grow_with_the_fiches(world, django_assert_num_queries):
    for pks in ([world.fiche.pk], list(FicheAction.objects.values_list("pk", flat=True)[:3])):
        with django_assert_num_queries(10):
            assert [read_fiche(f) for f in for_document(FicheAction.objects.filter(pk__in=pks))]


def test_choices_leave_out_rubriques_years_and_notes(world):
    (fiche,) = for_document(FicheAction.objects.filter(pk=world.fiche.pk))
    year = fiche.bilans.get().annee

    def tables(choix):
        return {
            lu.table.cle: len(lu.lignes)
            for r in read_fiche(fiche, choix)
            for lu in r.contenu
            if hasattr(lu, "table")
        }

    assert tables(Choix())["notes"] == 1
    assert tables(Choix(notes=False))["notes"] == 0
    assert tables(Choix(annees=frozenset({year})))["bilans"] == 1
    assert tables(Choix(annees=frozenset({year + 1})))["bilans"] == 0
    assert tables(Choix(rubriques=frozenset({"calendrier"}))) == {}


def test_links_of_a_document_hold_neither_confidential_nor_archived_fiches(world):
    def linked():
        (fiche,) = for_document(FicheAction.objects.filter(pk=world.fiche.pk))
        return [row["autre"] for row in TABLES["liens"].lire(fiche)]

    assert linked() == ["1.1.2 Créer une ludothèque"]
    FicheAction.objects.filter(pk=world.objects["en_relecture"].pk).update(confidentielle=True)
    assert linked() == []
