"""What the sheets of the workbook say of a fiche is read back, and is what its one description says: same order, same words."""

import io
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from actions.description import CHAMPS, TABLES, Genre, read_fiche, words_of
from actions.tableur.colonnes import (
    COLONNES,
    FEUILLE_FICHES,
    FEUILLES,
    HORS_CLASSEUR,
    SEPARATEUR,
    cle_of,
)
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.export import write_classeur
from tests.actions.test_parite import empty_fiche, filled, full_fiche, plain
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


def sheets(world):
    """By title: the head, then the rows with something, as the cells of the workbook say them."""
    content = write_classeur(Contenu(plan_of(world.convention), world.people["coordination"]))
    return {
        sheet.title: [list(row) for row in sheet.iter_rows(values_only=True) if any(row)]
        for sheet in load_workbook(io.BytesIO(content)).worksheets
        if sheet.title in {FEUILLE_FICHES, *(feuille.titre for feuille in FEUILLES)}
    }


def of_fiche(rows, fiche):
    """[(title, cell)] of the row of a fiche, in the order of the sheet."""
    head, *rows = rows
    row = next(row for row in rows if row[0] == cle_of(fiche))
    return list(zip(head, row, strict=True))[1:]


def rows_of_fiche(rows, fiche):
    """The same for each row of another sheet that names the fiche."""
    head, *rows = rows
    return [list(zip(head, row, strict=True))[2:] for row in rows if row[1].split(" ")[0] == cle_of(fiche)]


def said(genre, cell):
    """A cell in the words of the description, which knows a number from a date."""
    if cell is None or cell == "":
        return ""
    if genre is Genre.DATE:
        cell = cell.date()
    elif genre in (Genre.MONTANT, Genre.NOMBRE):
        cell = Decimal(str(cell))
    elif genre is Genre.OUI:
        cell = cell == "Oui"
    elif genre in (Genre.NOMS, Genre.LISTE):
        # Several names have no order in a cell: they are sorted, so that the same set is the same text.
        return sorted(cell.split(SEPARATEUR))
    return plain(words_of(genre, cell, {}))


def described(lu, fiche):
    if lu.champ.cle == "cadres":
        # The contract of the plan is no choice of the cell, and the others are told by their whole name: two of the same
        # years would otherwise be one.
        cadres = fiche.cadres.select_related("territoire")
        assert lu.valeur[1:] == [f"{cadre.sigle} {cadre.periode}" for cadre in cadres]
        return sorted(plain(str(cadre)) for cadre in cadres) or ""
    if lu.champ.genre in (Genre.NOMS, Genre.LISTE):
        return sorted(map(plain, lu.valeur)) or ""
    return plain(words_of(lu.champ.genre, lu.valeur, lu.champ.choix))


def titles_of_fiche(fiche):
    """What the description tells in the title of a fiche."""
    return {cle: CHAMPS[cle].lire(fiche) for cle in CHAMPS if CHAMPS[cle].en_titre}


def expected(fiche):
    """[(label, words)] of every field that the workbook carries, in the order of the description."""
    found = [(CHAMPS[cle].libelle, plain(text)) for cle, text in titles_of_fiche(fiche).items()]
    for lue in read_fiche(fiche):
        found += [
            (lu.champ.libelle, described(lu, fiche))
            for lu in lue.contenu
            if hasattr(lu, "champ") and lu.champ.cle not in HORS_CLASSEUR
        ]
    return found


def expected_rows(fiche, cle):
    """Each row of a table as [(label, words)], the columns that the description computes left out."""
    lu = next(
        lu
        for lue in read_fiche(fiche)
        for lu in lue.contenu
        if getattr(lu, "table", None) is TABLES["indicateurs" if cle == "mesures" else cle]
    )
    feuille = next(feuille for feuille in FEUILLES if feuille.cle == cle)
    kept = {colonne.nom for colonne in feuille.colonnes}
    columns, rows = lu.table.colonnes, lu.lignes
    if cle == "mesures":
        columns = next(colonne for colonne in columns if colonne.cle == "mesures").colonnes
        rows = [mesure for ligne in rows for mesure in ligne["mesures"]]
    return [
        [
            (colonne.libelle, plain(words_of(colonne.genre, row[colonne.cle], colonne.choix)))
            for colonne in columns
            if colonne.cle in kept
        ]
        for row in rows
    ]


def read_back(pairs, colonnes):
    genres = {colonne.titre: colonne.genre for colonne in colonnes}
    return [(title, said(genres[title], cell)) for title, cell in pairs]


def test_the_workbook_of_a_full_fiche_says_what_its_description_says(world):
    fiche = full_fiche(world)
    found = sheets(world)

    assert read_back(of_fiche(found[FEUILLE_FICHES], fiche), COLONNES) == expected(fiche)
    assert not [title for title, words in expected(fiche) if not words]
    for feuille in FEUILLES:
        rows = rows_of_fiche(found[feuille.titre], fiche)
        if feuille.cle == "mesures":
            indicateur = fiche.indicateurs.get()
            rows = rows_of_fiche(found[feuille.titre], indicateur)
        read = [read_back(row, feuille.colonnes) for row in rows]
        assert len(read) == 1, feuille.titre
        if feuille.cle in TABLES or feuille.cle == "mesures":
            assert read == expected_rows(fiche, feuille.cle), feuille.titre
        else:
            # The description says a pilote or a partenaire in one sentence: each cell is a part of it.
            (sentence,) = CHAMPS[feuille.cle].lire(fiche)
            assert [words for _, words in read[0] if words], feuille.titre
            assert [words for _, words in read[0] if words not in plain(sentence)] == [], feuille.titre
        # What was put in the columns of the model, whatever the description says of them.
        put = {
            value
            for name, value in filled(feuille.modele).items()
            if isinstance(value, str) and value.startswith(("Texte ", "Mot "))
        }
        assert put - {words for _, words in read[0]} == set(), feuille.titre


def test_the_workbook_of_an_empty_fiche_says_its_title_its_place_and_its_state(world):
    fiche = empty_fiche(world)
    found = sheets(world)
    pairs = read_back(of_fiche(found[FEUILLE_FICHES], fiche), COLONNES)

    assert pairs == expected(fiche)
    assert [title for title, words in pairs if words] == [
        *("Intitulé", "Axe", "Avancement", "Rédaction", "Rythme"),
    ]
    for feuille in FEUILLES:
        assert rows_of_fiche(found[feuille.titre], fiche) == [], feuille.titre


def test_what_the_workbook_leaves_out_is_named_with_a_reason():
    carried = {colonne.nom for colonne in COLONNES} | {feuille.cle for feuille in FEUILLES}

    assert (CHAMPS.keys() | TABLES.keys()) - carried == HORS_CLASSEUR.keys() - carried
    assert HORS_CLASSEUR.keys() <= CHAMPS.keys() | TABLES.keys()
    assert not carried & HORS_CLASSEUR.keys() - {"pilotes", "partenaires"}
