"""Where the table of a plan made elsewhere is, and what its columns mean."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl.utils import get_column_letter

from actions.models import CorrespondancePlan, EnvoiPlan
from actions.tableur.cibles import IGNORER, NOTE, PAR_NOM, guess, is_tet, known
from ctg_portal.grilles import Case, Grille, read_grilles
from ctg_portal.imports import ImportRefuse, normalise

TETE = 15
"""Rows with something in which the head of the table is looked for."""
EXEMPLES = 3
FUSION_MAX = 1000
"""Rows of a merged block that are looked at."""
JOUR_MOIS, MOIS_JOUR = "jm", "mj"
VIDE = Case("")


@dataclass(frozen=True)
class Tableau:
    """A table in a sheet: its head, the columns that hold something, its rows with their cells, merged blocks filled."""

    grille: Grille
    entete: int
    colonnes: tuple[int, ...]
    titres: tuple[str, ...]
    lignes: dict[int, dict[int, Case]]

    @property
    def empreinte(self) -> str:
        """SHA-256 of the head; years count for nothing, so that the file of the next year is known."""
        titles = (re.sub("[0-9]{4}", "#", normalise(titre)) for titre in self.titres)
        return hashlib.sha256("\n".join(titles).encode()).hexdigest()

    def exemples(self, rang: int) -> list[str]:
        """The first different texts of a column."""
        texts = (row.get(self.colonnes[rang], VIDE).texte for row in self.lignes.values())
        return list(dict.fromkeys(" ".join(text.split())[:60] for text in texts if text))[:EXEMPLES]

    def continued(self, colonne: int) -> dict[int, int]:
        """The rows that a vertical merge of ``colonne`` makes one with the first of it: row → first row."""
        return {
            numero: top
            for top, left, bottom, _ in self.grille.fusions
            if left == colonne and top > self.entete and left in self.grille.lignes.get(top, {})
            for numero in range(top + 1, min(bottom, top + FUSION_MAX) + 1)
            if numero in self.grille.lignes and left not in self.grille.lignes[numero]
        }


def find_head(grille: Grille) -> tuple[int, int]:
    """(row of the head, how sure it is): the row with most titles that are known, else the first of the widest."""
    best, score = min(grille.lignes), 0
    for numero in sorted(grille.lignes)[:TETE]:
        cells = grille.lignes[numero]
        texts = {case.texte for case in cells.values() if case.nature == "texte" and len(case.texte) < 120}
        found = 100 * sum(map(known, texts)) + len(texts)
        if len(texts) >= 2 and found > score:
            best, score = numero, found
    return best, score


def best_sheet(grilles: Sequence[Grille]) -> Grille:
    """The sheet that looks most like a plan; a visible one, unless there is none."""
    visible = [grille for grille in grilles if not grille.cachee] or list(grilles)
    return max(visible, key=lambda grille: (find_head(grille)[1] // 100, len(grille.lignes)))


def read_tableau(grille: Grille, entete: int) -> Tableau:
    """The table below row ``entete``. Raises ``ImportRefuse`` when there is none."""
    head = grille.lignes.get(entete, {})
    rows = {numero: dict(row) for numero, row in grille.lignes.items() if numero > entete}
    for top, left, bottom, _ in grille.fusions:
        block = grille.lignes.get(top, {}).get(left)
        if block is None or top <= entete:
            continue
        # Downwards only: a banner across the sheet is one text, not twenty.
        for numero in range(top + 1, min(bottom, top + FUSION_MAX) + 1):
            if numero in rows:
                rows[numero].setdefault(left, block)
    columns = tuple(sorted({*head, *(column for row in rows.values() for column in row)}))
    if not columns or not rows:
        raise ImportRefuse(
            f"Feuille « {grille.titre} » : il n’y a rien sous la ligne {entete}. Choisissez la ligne des titres, ou une "
            "autre feuille."
        )
    titles = tuple(" ".join(head.get(column, VIDE).texte.split())[:150] for column in columns)
    return Tableau(grille, entete, columns, titles, rows)


def sheets_of(envoi: EnvoiPlan) -> list[Grille]:
    return read_grilles(bytes(envoi.contenu), envoi.nom_fichier)


def first_rows(grille: Grille) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The letters of the first columns of a sheet, and its first rows with something: (number, texts)."""
    numbers = sorted(grille.lignes)[:8]
    columns = sorted({column for numero in numbers for column in grille.lignes[numero]})[:8]
    rows = [
        (
            numero,
            [" ".join(grille.lignes[numero].get(column, VIDE).texte.split())[:60] for column in columns],
        )
        for numero in numbers
    ]
    return [get_column_letter(column) for column in columns], rows


def tableau_of(envoi: EnvoiPlan) -> Tableau:
    """The table that was chosen. Raises ``ImportRefuse`` when it is no longer there."""
    for grille in sheets_of(envoi):
        if grille.titre == envoi.reponses.get("feuille"):
            return read_tableau(grille, int(envoi.reponses.get("entete") or 1))
    raise ImportRefuse("La feuille choisie n’est plus dans le fichier : choisissez-en une.")


def suggest(envoi: EnvoiPlan, tableau: Tableau) -> tuple[list[str], str]:
    """The field of each column, and where it comes from: what was said of the same head before, or what the titles say."""
    said = envoi.reponses.get("colonnes")
    if said and len(said) == len(tableau.colonnes):
        return list(said), ""
    remembered = CorrespondancePlan.objects.filter(
        territoire=envoi.convention.territoire_id, entete=tableau.empreinte
    ).first()
    if remembered is not None and len(remembered.colonnes) == len(tableau.colonnes):
        kept = [nom if nom in PAR_NOM or nom == IGNORER else NOTE for nom in remembered.colonnes]
        return (
            kept,
            f"Ces colonnes sont déjà connues : ce que vous en aviez dit le {remembered.updated_at:%d/%m/%Y} est repris.",
        )
    if is_tet(tableau.titres):
        return guess(
            tableau.titres
        ), "C’est le modèle de plan de Territoires en Transitions : ses colonnes sont reconnues."
    return guess(tableau.titres), ""


def order_of_dates(tableau: Tableau, colonnes: Sequence[str]) -> str:
    """Whether dates written as text put the month first: only when a number above 12 says so."""
    for rang, nom in enumerate(colonnes):
        if nom in ("debut", "echeance"):
            for row in tableau.lignes.values():
                text = row.get(tableau.colonnes[rang], VIDE).texte
                found = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/[0-9]{2,4}", text)
                if found and int(found[2]) > 12 >= int(found[1]):
                    return MOIS_JOUR
    return JOUR_MOIS
