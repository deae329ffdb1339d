"""Where the cells of a row of a table made elsewhere go: a field of the fiche, its rows, or its notes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from actions.tableur.apercu import Cellule, Objet, Sorte, compte
from actions.tableur.branches import TITRE_MAX
from actions.tableur.cibles import (
    AXE,
    BUDGET,
    CODE,
    ETAPES,
    FINANCEUR,
    INDICATEURS,
    LIGNES,
    MONTANT,
    NOTE,
    OBJECTIF,
    PAR_NOM,
    PARTENAIRES,
    PILOTES,
    TITRE,
)
from actions.tableur.colonnes import COLONNES, Colonne, dire
from actions.tableur.contenu import Contenu
from actions.tableur.dossiers import Dossier, NouvelleLigne, Saisie
from actions.tableur.mots import (
    AVANCEMENTS,
    PRIORITES,
    by_words,
    read_montant,
    split_lines,
    split_numero,
    split_people,
)
from actions.tableur.tableau import MOIS_JOUR, Tableau
from ctg_portal.grilles import Case
from ctg_portal.imports import normalise

TOUTES = (
    "toutes",
    "tous",
    "toutes les communes",
    "tout le territoire",
    "ensemble du territoire",
    "territoire",
)
"""Ways to say that a fiche concerns the whole territoire, which is what no commune means."""
MOTS = {PILOTES: "pilote", PARTENAIRES: "partenaire", ETAPES: "étape", INDICATEURS: "indicateur"}
"""What the parts of a cell are."""
COLONNES_PAR_NOM = {colonne.nom: colonne for colonne in COLONNES}


@dataclass
class Ligne:
    """What one row of the file becomes."""

    dossier: Dossier
    objet: Objet
    notes: list[tuple[str, str]] = field(default_factory=list)
    groupes: list[tuple[list[Cellule], Cellule]] = field(default_factory=list)
    """Cells that stand or fall with another."""
    financeur: tuple[Cellule, str] | None = None
    """Who pays, until the amount that follows says how much."""
    refus: str = ""
    """Why no fiche is made of it."""


class Cases:
    """Reads the cells of ``tableau``. ``colonnes``: the field of each of its columns; ``dates``: which of day and month is first."""

    def __init__(self, contenu: Contenu, tableau: Tableau, colonnes: list[str], dates: str) -> None:
        self.contenu, self.tableau, self.colonnes, self.dates = contenu, tableau, colonnes, dates

    def fill(self, ligne: Ligne, numero: int, cells: Sequence[tuple[int, str, Case]]) -> None:
        placed = [(nom, self._cellule(numero, column, nom, case), case) for column, nom, case in cells]
        ligne.objet.cellules += [cellule for _, cellule, _ in placed]
        # Money takes its year from the beginning of the action, wherever its column is.
        for nom, cellule, case in sorted(placed, key=lambda one: one[0] != "debut"):
            self._place(ligne, nom, cellule, case)
        self._unpaid(ligne)
        if ligne.refus:
            for cellule in ligne.objet.cellules:
                cellule.refuse(f"{ligne.refus} : la ligne n’est pas reprise.")
            ligne.dossier.champs.clear()
            ligne.dossier.lignes.clear()
            ligne.notes.clear()

    def _place(self, ligne: Ligne, nom: str, cellule: Cellule, case: Case) -> None:
        """Put one cell where it goes."""
        text = case.texte
        if case.nature == "erreur" or (case.formule and not text):
            cellule.refuse("la formule de cette case n’a pas de résultat.")
        elif nom == NOTE:
            self.note(ligne, cellule, text, "")
        elif nom == FINANCEUR:
            self._unpaid(ligne)
            ligne.financeur = (cellule, text)
        elif nom == MONTANT:
            self._financement(ligne, cellule, case)
        elif nom in LIGNES:
            self._rows(ligne, nom, cellule, case)
        elif nom in (AXE, OBJECTIF):
            if cellule.cle.partition(".")[0] != ligne.objet.cle:
                self.note(ligne, cellule, text, "la fiche est déjà placée par sa première ligne")
        else:
            self._champ(ligne, COLONNES_PAR_NOM[nom], cellule, case)

    def _cellule(self, numero: int, column: int, nom: str, case: Case) -> Cellule:
        rang = self.tableau.colonnes.index(column)
        titre = self.tableau.titres[rang] or "sans titre"
        label = PAR_NOM[nom].label if nom in PAR_NOM else ""
        said = f"{titre} → {label}" if label and normalise(label) != normalise(titre) else titre
        colonne = COLONNES_PAR_NOM.get(nom)
        texte = dire(colonne, case.texte) if colonne else case.texte
        return Cellule(
            f"ligne-{numero}.{column}", self.tableau.grille.adresse(numero, column), said, "", texte
        )

    def note(self, ligne: Ligne, cellule: Cellule, text: str, motif: str) -> None:
        cellule.sorte = Sorte.NOTE
        cellule.motif = f"gardé en note de la fiche : {motif}" if motif else "gardé en note de la fiche"
        ligne.notes.append((cellule.titre.split(" → ")[0], text))

    def _champ(self, ligne: Ligne, colonne: Colonne, cellule: Cellule, case: Case) -> None:
        champs = ligne.dossier.champs[colonne.section]
        try:
            values = self._lire(colonne, case)
        except ValidationError as error:
            self.note(ligne, cellule, case.texte, " ".join(error.messages))
            return
        if colonne.nom == TITRE:
            code, titre = split_numero(values[0])
            if code and "code" not in ligne.dossier.champs["identite"] and self.colonnes.count(CODE) == 0:
                values = [titre]
                ligne.dossier.champs["identite"]["code"] = Saisie(cellule, [code])
            if len(values[0]) > TITRE_MAX:
                ligne.notes.append((cellule.titre, values[0]))
                values = [f"{values[0][: TITRE_MAX - 1]}…"]
        already = champs.get(colonne.nom)
        if already is None:
            champs[colonne.nom] = Saisie(cellule, values)
        elif colonne.plusieurs or already.valeurs == values:
            already.valeurs = list(dict.fromkeys([*already.valeurs, *values]))
            ligne.groupes.append(([cellule], already.cellule))
        elif colonne.section not in ("identite", "calendrier") and colonne.genre.value == "texte":
            already.valeurs = [f"{already.valeurs[0]}\n\n{values[0]}"]
            ligne.groupes.append(([cellule], already.cellule))
        else:
            self.note(ligne, cellule, cellule.apres, "une autre case remplit déjà ce champ")

    def _lire(self, colonne: Colonne, case: Case) -> list[str]:
        text = case.texte
        if colonne.nom == "avancement":
            found = by_words(text, AVANCEMENTS)
            if found in ("", "abandonnee"):
                raise ValidationError("cet avancement ne se pose pas à l’import.")
            return [found]
        if colonne.nom == "priorite" and (found := by_words(text, PRIORITES)):
            return [found]
        if colonne.nom == "rythme" and normalise(text) in ("oui", "x", "vrai", "annuelle", "annuel"):
            return ["recurrente"]
        if colonne.genre.value == "date" and self.dates == MOIS_JOUR:
            text = re.sub(r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{2,4})$", r"\2/\1/\3", text)
        if colonne.nom == "communes" and normalise(text) in TOUTES:
            return []
        if colonne.plusieurs:
            text = re.sub(r"\s*[,\n/•]\s*", ";", text) if ";" not in text else text
        return colonne.lire(Case(text, case.nature, case.formule), self.contenu.listes)

    def _rows(self, ligne: Ligne, nom: str, cellule: Cellule, case: Case) -> None:
        rows = ligne.dossier.lignes
        if nom == BUDGET:
            self._budget(ligne, cellule, case)
            return
        parts = (
            split_people(case.texte) if nom == PILOTES else split_lines(case.texte, commas=nom == PARTENAIRES)
        )
        limit = {PILOTES: 150, PARTENAIRES: 200, ETAPES: 300, INDICATEURS: 300}[nom]
        if any(len(part) > limit for part in parts) or len(parts) > 40:
            self.note(ligne, cellule, case.texte, "c’est trop long pour une ligne du portail")
            return
        organisations = self.contenu.listes["organisations"]
        for part in parts:
            saisies = {"nom" if nom in (PILOTES, PARTENAIRES) else "intitule": Saisie(cellule, [part])}
            if nom == PARTENAIRES and (found := organisations.named(part)) is not None:
                saisies = {"organisation": Saisie(cellule, [str(found.pk)])}
            (champ, saisie), *_ = saisies.items()
            if all(
                champ not in row.saisies or row.saisies[champ].valeurs != saisie.valeurs
                for row in rows[nom].nouvelles
            ):
                rows[nom].nouvelles.append(NouvelleLigne(saisies))
        if len(parts) > 1 or parts != [case.texte.strip()]:
            cellule.motif = f"{compte(len(parts), MOTS[nom])} : {', '.join(f'« {part} »' for part in parts)}"

    def _year(self, ligne: Ligne, cellule: Cellule) -> str:
        """The year that the title of the column says, else that of the beginning of the action, or of the convention."""
        if found := re.search(r"\b(20[0-9]{2})\b", cellule.titre):
            return found[1]
        debut = ligne.dossier.champs["calendrier"].get("debut")
        return debut.valeurs[0][:4] if debut else str(self.contenu.convention.debut.year)

    def _budget(self, ligne: Ligne, cellule: Cellule, case: Case) -> None:
        try:
            amount = read_montant(case)
        except ValidationError:
            self.note(ligne, cellule, case.texte, "ce n’est pas un montant")
            return
        year = self._year(ligne, cellule)
        cellule.motif = f"budget prévu en {year}"
        ligne.dossier.lignes["lignes_budget"].nouvelles.append(
            NouvelleLigne(
                {
                    "annee": Saisie(cellule, [year]),
                    "intitule": Saisie(cellule, [cellule.titre.split(" → ")[0][:200]]),
                    "prevu": Saisie(cellule, [amount]),
                }
            )
        )

    def _financement(self, ligne: Ligne, cellule: Cellule, case: Case) -> None:
        text, financeur, ligne.financeur = case.texte, ligne.financeur, None
        if financeur is None:
            self.note(ligne, cellule, text, "aucun financeur ne le précède")
            return
        first, name = financeur
        organisation = self.contenu.listes["organisations"].named(name)
        try:
            amount = read_montant(case)
        except ValidationError:
            amount = ""
        if organisation is None or not amount:
            why = (
                "ce n’est pas un montant"
                if organisation
                else f"« {name[:80]} » n’est pas une organisation du portail"
            )
            self.note(ligne, first, f"{name} : {text}", why)
            cellule.sorte, cellule.motif = Sorte.NOTE, first.motif
            return
        year = self._year(ligne, cellule)
        cellule.motif = f"demandé en {year}"
        ligne.groupes.append(([cellule], first))
        ligne.dossier.lignes["lignes_financement"].nouvelles.append(
            NouvelleLigne(
                {
                    "annee": Saisie(first, [year]),
                    "financeur": Saisie(first, [str(organisation.pk)]),
                    "demande": Saisie(first, [amount]),
                }
            )
        )

    def _unpaid(self, ligne: Ligne) -> None:
        """A financeur without an amount is somebody to remember, not a line of the plan de financement."""
        if ligne.financeur is not None:
            self.note(ligne, *ligne.financeur, "aucun montant ne le suit")
            ligne.financeur = None
