"""The workbook that comes back: its rows by key, and what it remembers of what was written in it."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.crypto import constant_time_compare

from actions.tableur.colonnes import CLE, COLONNES, FEUILLE_FICHES, FEUILLES, FICHE, Colonne, Feuille
from actions.tableur.export import MEMOIRE, MODE_EMPLOI, VERSION, sign
from ctg_portal.grilles import Case, Grille, adresse, read_grilles
from ctg_portal.imports import ImportRefuse, normalise
from ctg_portal.tableurs import LISTES

VIDE = Case("")
TETE = 20
"""Rows in which the head of a sheet is looked for: people add titles above."""


@dataclass(frozen=True)
class LigneLue:
    """A row of a sheet. ``cases`` holds one cell a column that the sheet has, empty ones too."""

    feuille: str
    numero: int
    cle: str
    parent: str
    cases: dict[str, Case]
    positions: dict[str, int]

    def adresse(self, nom: str) -> str:
        return adresse(self.feuille, self.numero, self.positions.get(nom, 1))

    @property
    def debut(self) -> str:
        """The address of its first cell."""
        return adresse(self.feuille, self.numero, 1)

    @property
    def is_vide(self) -> bool:
        return not any(case.texte or case.formule for case in self.cases.values())


@dataclass
class Memoire:
    """What the workbook was when it was downloaded. ``lignes``: by key, its parent's key and the digest of each cell."""

    convention: str
    moment: datetime.datetime
    lignes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    feuilles: dict[str, list[str]] = field(default_factory=dict)
    """Keys by sheet, in their order."""

    def digests(self, cle: str) -> dict[str, str]:
        return self.lignes[cle][1] if cle in self.lignes else {}


@dataclass
class ClasseurLu:
    """``feuilles`` holds the rows of each sheet found; ``remarques`` what is said of the rest, in French sentences."""

    memoire: Memoire
    feuilles: dict[str, list[LigneLue]]
    remarques: list[str]


def read_classeur(content: bytes, name: str) -> ClasseurLu:
    """Read a workbook that the portal wrote. Raises ``ImportRefuse`` if it is not one, or if its memory was touched."""
    grilles = {grille.titre: grille for grille in read_grilles(content, name)}
    memoire = _read_memoire(grilles.get(MEMOIRE), name)
    lu = ClasseurLu(memoire, {}, [])
    sheets: list[tuple[str, Sequence[Colonne], Feuille | None]] = [(FEUILLE_FICHES, COLONNES, None)]
    sheets += [(feuille.titre, feuille.colonnes, feuille) for feuille in FEUILLES]
    for titre, colonnes, feuille in sheets:
        grille = grilles.pop(titre, None)
        if grille is None:
            lu.remarques.append(
                f"La feuille « {titre} » manque, ou elle a changé de nom : rien de ce qu’elle contenait ne change."
            )
        else:
            lu.feuilles[titre] = _read_rows(grille, colonnes, feuille, lu.remarques)
    others = [titre for titre in grilles if titre not in (MEMOIRE, MODE_EMPLOI, LISTES)]
    lu.remarques += [f"La feuille « {titre} » n’est pas du portail : elle n’est pas lue." for titre in others]
    return lu


def _read_memoire(grille: Grille | None, name: str) -> Memoire:
    if grille is None:
        raise ImportRefuse(
            f"« {name} » n’est pas un classeur téléchargé du portail, ou sa feuille cachée a été supprimée : téléchargez "
            "un nouveau classeur et reportez-y vos changements. Pour un plan fait ailleurs, choisissez « Importer un plan »."
        )
    rows = [
        [grille.lignes[numero].get(column, VIDE).texte for column in range(1, 5)]
        for numero in sorted(grille.lignes)
    ]
    lines = [row[:2] for row in rows[1:5]] + rows[5:]
    head = {row[0]: row[1] for row in rows[:5]}
    try:
        signature = head["signature"]
        is_ours = constant_time_compare(signature, sign(lines))
        moment = datetime.datetime.fromisoformat(head["exporté le"])
        memoire = Memoire(head["convention"], moment)
    except (KeyError, ValueError):
        is_ours = False
    if not is_ours:
        raise ImportRefuse(
            f"« {name} » : la feuille cachée qui sert à reconnaître les changements a été modifiée. Téléchargez un "
            "nouveau classeur, et reportez-y vos changements."
        )
    if head["format"] != VERSION:
        raise ImportRefuse(
            f"« {name} » a été téléchargé d’une autre version du portail : téléchargez-le de nouveau."
        )
    for titre, cle, parent, digests in lines[4:]:
        memoire.lignes[cle] = (parent, dict(part.split(":", 1) for part in digests.split()))
        memoire.feuilles.setdefault(titre, []).append(cle)
    return memoire


def _read_rows(
    grille: Grille, colonnes: Sequence[Colonne], feuille: Feuille | None, remarques: list[str]
) -> list[LigneLue]:
    titre = grille.titre
    head = next(
        (
            numero
            for numero in sorted(grille.lignes)[:TETE]
            if any(normalise(case.texte) == normalise(CLE) for case in grille.lignes[numero].values())
        ),
        None,
    )
    if head is None:
        raise ImportRefuse(
            f"Feuille « {titre} » : la colonne « {CLE} » manque. C’est elle qui relie chaque ligne au portail : remettez-la, "
            "ou supprimez toute la feuille si rien n’y change."
        )
    wanted = {normalise(colonne.titre): colonne.nom for colonne in colonnes} | {normalise(CLE): CLE}
    if feuille is not None:
        wanted[normalise(feuille.parent)] = FICHE
    positions: dict[str, int] = {}
    unknown: list[int] = []
    for column, case in sorted(grille.lignes[head].items()):
        nom = wanted.get(normalise(case.texte))
        if nom is None:
            unknown.append(column)
        elif nom in positions:
            remarques.append(
                f"{grille.adresse(head, column)} : deux colonnes s’appellent « {case.texte} » ; la première est lue."
            )
        else:
            positions[nom] = column
    _say_columns(grille, head, colonnes, positions, unknown, remarques)
    rows = []
    for numero in sorted(grille.lignes):
        if numero > head:
            row = grille.lignes[numero]
            read = LigneLue(
                titre,
                numero,
                row.get(positions[CLE], VIDE).texte,
                row.get(positions.get(FICHE, 0), VIDE).texte,
                {c.nom: row.get(positions[c.nom], VIDE) for c in colonnes if c.nom in positions},
                positions,
            )
            if read.cle or not read.is_vide:
                rows.append(read)
    return rows


def _say_columns(
    grille: Grille,
    head: int,
    colonnes: Sequence[Colonne],
    positions: dict[str, int],
    unknown: list[int],
    remarques: list[str],
) -> None:
    titre = grille.titre
    missing = [colonne.titre for colonne in colonnes if colonne.nom not in positions]
    if missing:
        said = ", ".join(f"« {title} »" for title in missing)
        what = "la colonne" if len(missing) == 1 else "les colonnes"
        remarques.append(
            f"Feuille « {titre} » : {what} {said} manque{'nt' if len(missing) > 1 else ''}, rien n’y change."
        )
    for column in unknown:
        remarques.append(
            f"{grille.adresse(head, column)} : la colonne « {grille.lignes[head][column].texte[:80]} » n’est pas du portail, "
            "elle n’est pas lue. Si vous l’avez renommée, rendez-lui son titre."
        )
    found = [positions[colonne.nom] for colonne in colonnes if colonne.nom in positions]
    if found != sorted(found):
        remarques.append(
            f"Feuille « {titre} » : les colonnes ont changé de place ; elles sont reconnues à leur titre."
        )
    # Cells below no title would be lost without a word.
    titled = set(grille.lignes[head])
    stray = sorted(
        {column for numero, row in grille.lignes.items() if numero > head for column in row} - titled
    )
    if stray:
        said = ", ".join(grille.adresse(head, column) for column in stray[:5])
        remarques.append(f"{said} : sous ces colonnes sans titre, rien n’est lu.")
