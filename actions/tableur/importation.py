"""From the rows of a table made elsewhere to fiches.

Nothing is lost without a word: what has no field, or does not fit it, is kept in a note of the fiche; a row that is no
fiche is said to be set aside, with its address.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from actions.models import Axe, EnvoiPlan, FicheAction, Objectif
from actions.tableur.apercu import Apercu, Cellule, Genre, Objet, Sorte, compte
from actions.tableur.branches import NOUVEL_AXE, TITRE_MAX, Branches, TroisiemeNiveau
from actions.tableur.cibles import (
    AXE,
    BUDGET,
    CODE,
    ETAPES,
    FINANCEUR,
    IGNORER,
    INDICATEURS,
    LIGNES,
    MONTANT,
    NOTE,
    OBJECTIF,
    PAR_NOM,
    PARTENAIRES,
    PILOTES,
    TITRE,
    is_troisieme,
)
from actions.tableur.colonnes import COLONNES, Colonne, dire
from actions.tableur.contenu import Contenu
from actions.tableur.dossiers import Dossier, NouvelleLigne, Saisie, Verification
from actions.tableur.ecriture import write_dossiers
from actions.tableur.mots import (
    AIDE,
    AVANCEMENTS,
    BANDEAU,
    PRIORITES,
    SOUS_BANDEAU,
    by_words,
    read_montant,
    split_lines,
    split_numero,
)
from actions.tableur.tableau import JOUR_MOIS, MOIS_JOUR, VIDE, Tableau
from ctg_portal.avance import report
from ctg_portal.grilles import Case
from ctg_portal.imports import ImportRefuse, normalise
from ctg_portal.models import User

FICHES_MAX = 2_000
"""Beyond, it is no plan: a file sent by mistake."""
TOUTES = (
    "toutes",
    "tous",
    "toutes les communes",
    "tout le territoire",
    "ensemble du territoire",
    "territoire",
)
"""Ways to say that a fiche concerns the whole territoire, which is what no commune means."""
COLONNES_PAR_NOM = {colonne.nom: colonne for colonne in COLONNES}


@dataclass
class _Ligne:
    """What one row of the file becomes."""

    dossier: Dossier
    objet: Objet
    notes: list[tuple[str, str]] = field(default_factory=list)
    groupes: list[tuple[list[Cellule], Cellule]] = field(default_factory=list)
    """Cells that stand or fall with another."""
    financeur: tuple[Cellule, str] | None = None
    """Who pays, until the amount that follows says how much."""


class Importation:
    """Reads the rows of a table as fiches of ``contenu``'s plan. Made to be shown, then written."""

    def __init__(self, contenu: Contenu, envoi: EnvoiPlan, tableau: Tableau) -> None:
        self.contenu, self.envoi, self.tableau = contenu, envoi, tableau
        answers = envoi.reponses
        self.colonnes: list[str] = answers["colonnes"]
        self.dates = answers.get("dates", JOUR_MOIS)
        self.branches = Branches(contenu.plan, contenu.axes, answers.get("axe", NOUVEL_AXE))
        self.apercu = Apercu()
        self.verification = Verification(contenu)
        self.lignes: list[_Ligne] = []
        self._ecartees: list[str] = []
        self._vues: dict[str, int] = {}
        self._rang_troisieme = next(
            (
                rank
                for rank, titre in enumerate(tableau.titres)
                if self.colonnes[rank] == NOTE and is_troisieme(titre)
            ),
            None,
        )
        rank = self._rang_troisieme
        self.troisieme = TroisiemeNiveau("" if rank is None else tableau.titres[rank])
        self._titres = {normalise(fiche.intitule) for fiche in contenu.fiches.values()}
        self._read()
        self._say()
        self.apercu.objets = [ligne.objet for ligne in self.lignes]
        self.apercu.seal()
        for rank, ligne in enumerate(self.lignes, start=1):
            if ligne.dossier.saisies("identite"):
                self._check(ligne)
            report(rank)

    # Rows

    def _read(self) -> None:
        axe: Axe | None = None
        objectif: Objectif | None = None
        for numero in sorted(self.tableau.lignes):
            row = self.tableau.lignes[numero]
            cells = self._by_target(row)
            if not any(case.texte or case.formule for case in row.values()):
                continue
            named = self._text(cells, AXE), self._text(cells, OBJECTIF)
            titre = self._text(cells, TITRE)
            troisieme = self._third(row)
            if not titre and (banner := self._banner(row)):
                named, troisieme = banner[:2], banner[2]
            if self._is_help(row, titre):
                self._ecartees.append(f"ligne {numero} : une ligne d’aide ou de total, laissée de côté.")
                continue
            before = axe, objectif
            if named[0]:
                axe, objectif = self.branches.axe(named[0]), None
            if named[1]:
                axe = axe or self.branches.par_defaut()
                objectif = self.branches.objectif(axe, named[1])
            self.troisieme.follow(troisieme, autre=any(named) and (axe, objectif) != before)
            if not titre:
                self._no_title(numero, row, (*named, troisieme))
                continue
            axe = axe or self.branches.par_defaut()
            self._fiche(numero, cells, titre, axe, objectif)
            if self.lignes[-1].dossier.champs:
                self.lignes[-1].notes += self.troisieme.note(is_dit=bool(troisieme))
            if len(self.lignes) > FICHES_MAX:
                raise ImportRefuse(
                    f"Plus de {FICHES_MAX} fiches en un fichier : envoyez-le en plusieurs fois."
                )

    def _by_target(self, row: Mapping[int, Case]) -> list[tuple[int, str, Case]]:
        """(column, field, cell) of the cells of a row that hold something, in their order."""
        return [
            (column, nom, row[column])
            for column, nom in zip(self.tableau.colonnes, self.colonnes, strict=True)
            if column in row and nom != IGNORER
        ]

    def _text(self, cells: Sequence[tuple[int, str, Case]], nom: str) -> str:
        return next((" ".join(case.texte.split()) for _, target, case in cells if target == nom), "")

    def _third(self, row: Mapping[int, Case]) -> str:
        """What the row says of a level that the plan does not have."""
        if self._rang_troisieme is None:
            return ""
        return " ".join(row.get(self.tableau.colonnes[self._rang_troisieme], VIDE).texte.split())

    def _banner(self, row: Mapping[int, Case]) -> tuple[str, str, str] | None:
        """« AXE 1 : … » alone on its row, in whatever column."""
        texts = list(dict.fromkeys(case.texte for case in row.values() if case.texte))
        if len(texts) != 1:
            return None
        text = " ".join(texts[0].split())
        if BANDEAU.match(text):
            return text, "", ""
        if is_troisieme(text):
            return "", "", text
        return ("", text, "") if SOUS_BANDEAU.match(text) else None

    def _is_help(self, row: Mapping[int, Case], titre: str) -> bool:
        texts = [normalise(case.texte) for case in row.values() if case.texte]
        helping = sum(bool(AIDE.match(text)) for text in texts)
        if normalise(titre) in ("total", "totaux") or any(
            text in ("total", "total general") for text in texts[:1]
        ):
            return True
        return bool(texts) and helping * 2 >= len(texts) and helping >= 2

    def _no_title(self, numero: int, row: Mapping[int, Case], named: tuple[str, ...]) -> None:
        """A row of an axe says where the next fiches go; any other without a title is refused, not dropped."""
        others = [
            case.texte
            for column, nom in zip(self.tableau.colonnes, self.colonnes, strict=True)
            if nom not in (AXE, OBJECTIF, CODE) and (case := row.get(column, VIDE)).texte
        ]
        if any(named) and all(text in named or self._banner(row) for text in others):
            return
        said = " · ".join(case.texte for case in row.values() if case.texte)
        cellule = Cellule(
            f"ligne-{numero}",
            self.tableau.grille.adresse(numero, self.tableau.colonnes[0]),
            "Ligne",
            "",
            said[:500],
        )
        cellule.refuse("cette ligne n’a pas de titre d’action : elle n’est pas reprise.")
        objet = Objet(f"ligne-{numero}", f"ligne {numero}", f"ligne {numero}", Genre.NOUVEAU, [cellule])
        self.lignes.append(_Ligne(Dossier(FicheAction(plan=self.contenu.plan)), objet))

    # Fiches

    def _fiche(
        self,
        numero: int,
        cells: Sequence[tuple[int, str, Case]],
        titre: str,
        axe: Axe,
        objectif: Objectif | None,
    ) -> None:
        fiche = FicheAction(plan=self.contenu.plan)
        objet = Objet(f"ligne-{numero}", titre[:150], titre[:150], Genre.NOUVEAU)
        ligne = _Ligne(Dossier(fiche, axe=axe, objectif=objectif), objet)
        self.lignes.append(ligne)
        placed = [(nom, self._cellule(numero, column, nom, case), case) for column, nom, case in cells]
        objet.cellules = [cellule for _, cellule, _ in placed]
        # Money takes its year from the beginning of the action, wherever its column is.
        for nom, cellule, case in sorted(placed, key=lambda one: one[0] != "debut"):
            self._place(ligne, nom, cellule, case)
        self._unpaid(ligne)
        key = normalise(titre)
        motif = ""
        if key in self._titres:
            motif = "une fiche du plan porte déjà ce titre : la ligne n’est pas reprise."
        elif key in self._vues:
            motif = f"ce titre est déjà celui de la ligne {self._vues[key]} : la ligne n’est pas reprise."
        if motif:
            for cellule in objet.cellules:
                cellule.refuse(motif)
            ligne.dossier.champs.clear()
            ligne.dossier.lignes.clear()
            ligne.notes.clear()
        self._vues.setdefault(key, numero)

    def _place(self, ligne: _Ligne, nom: str, cellule: Cellule, case: Case) -> None:
        """Put one cell where it goes."""
        text = case.texte
        if case.nature == "erreur" or (case.formule and not text):
            cellule.refuse("la formule de cette case n’a pas de résultat.")
        elif nom == NOTE:
            self._note(ligne, cellule, text, "")
        elif nom == FINANCEUR:
            self._unpaid(ligne)
            ligne.financeur = (cellule, text)
        elif nom == MONTANT:
            self._financement(ligne, cellule, case)
        elif nom in LIGNES:
            self._rows(ligne, nom, cellule, case)
        elif nom not in (AXE, OBJECTIF):
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

    def _note(self, ligne: _Ligne, cellule: Cellule, text: str, motif: str) -> None:
        cellule.sorte = Sorte.NOTE
        cellule.motif = f"gardé en note de la fiche : {motif}" if motif else "gardé en note de la fiche"
        ligne.notes.append((cellule.titre.split(" → ")[0], text))

    def _champ(self, ligne: _Ligne, colonne: Colonne, cellule: Cellule, case: Case) -> None:
        champs = ligne.dossier.champs[colonne.section]
        try:
            values = self._lire(colonne, case)
        except ValidationError as error:
            self._note(ligne, cellule, case.texte, " ".join(error.messages))
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
        elif colonne.section not in ("identite", "calendrier") and colonne.genre.value == "texte":
            already.valeurs = [f"{already.valeurs[0]}\n\n{values[0]}"]
            ligne.groupes.append(([cellule], already.cellule))
        else:
            self._note(ligne, cellule, case.texte, "une autre colonne remplit déjà ce champ")

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

    def _rows(self, ligne: _Ligne, nom: str, cellule: Cellule, case: Case) -> None:
        rows = ligne.dossier.lignes
        if nom == BUDGET:
            self._budget(ligne, cellule, case)
            return
        parts = split_lines(case.texte, commas=nom in (PILOTES, PARTENAIRES))
        limit = {PILOTES: 150, PARTENAIRES: 200, ETAPES: 300, INDICATEURS: 300}[nom]
        if any(len(part) > limit for part in parts) or len(parts) > 40:
            self._note(ligne, cellule, case.texte, "c’est trop long pour une ligne du portail")
            return
        organisations = self.contenu.listes["organisations"]
        for part in parts:
            saisies = {"nom" if nom in (PILOTES, PARTENAIRES) else "intitule": Saisie(cellule, [part])}
            if nom == PARTENAIRES and (found := organisations.named(part)) is not None:
                saisies = {"organisation": Saisie(cellule, [str(found.pk)])}
            rows[nom].nouvelles.append(NouvelleLigne(saisies))

    def _year(self, ligne: _Ligne, cellule: Cellule) -> str:
        """The year that the title of the column says, else that of the beginning of the action, or of the convention."""
        if found := re.search(r"\b(20[0-9]{2})\b", cellule.titre):
            return found[1]
        debut = ligne.dossier.champs["calendrier"].get("debut")
        return debut.valeurs[0][:4] if debut else str(self.contenu.convention.debut.year)

    def _budget(self, ligne: _Ligne, cellule: Cellule, case: Case) -> None:
        try:
            amount = read_montant(case)
        except ValidationError:
            self._note(ligne, cellule, case.texte, "ce n’est pas un montant")
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

    def _financement(self, ligne: _Ligne, cellule: Cellule, case: Case) -> None:
        text, financeur, ligne.financeur = case.texte, ligne.financeur, None
        if financeur is None:
            self._note(ligne, cellule, text, "aucun financeur ne le précède")
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
            self._note(ligne, first, f"{name} : {text}", why)
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

    def _unpaid(self, ligne: _Ligne) -> None:
        """A financeur without an amount is somebody to remember, not a line of the plan de financement."""
        if ligne.financeur is not None:
            self._note(ligne, *ligne.financeur, "aucun montant ne le suit")
            ligne.financeur = None

    def _check(self, ligne: _Ligne) -> None:
        """What the pages refuse in a fiche that is otherwise good goes to its notes."""
        before = {cellule.cle for cellule in ligne.objet.cellules if cellule.sorte is Sorte.REFUS}
        self.verification.check(ligne.dossier)
        if not ligne.dossier.saisies("identite"):
            ligne.notes.clear()
            for cellule in ligne.objet.cellules:
                if cellule.sorte is not Sorte.REFUS:
                    cellule.refuse("la fiche de cette ligne ne peut pas être créée.")
            return
        for cellule in ligne.objet.cellules:
            if cellule.sorte is Sorte.REFUS and cellule.cle not in before:
                self._note(ligne, cellule, cellule.apres, cellule.motif)
        for cells, leader in ligne.groupes:
            for cellule in cells:
                if leader.sorte is Sorte.NOTE and cellule.sorte is Sorte.CHANGE:
                    self._note(ligne, cellule, cellule.apres, leader.motif.partition(" : ")[2])

    # What is said of the whole

    def _say(self) -> None:
        axes, objectifs = self.branches.nouvelles
        if axes:
            names = ", ".join(f"« {axe.code} {axe.intitule[:60]} »" for axe in axes)
            self.apercu.remarques.append(
                f"{compte(len(axes), 'axe sera créé', 'axes seront créés')} : {names}."
            )
        if objectifs:
            names = ", ".join(f"« {row.code} {row.intitule[:60]} »" for row in objectifs)
            self.apercu.remarques.append(
                f"{compte(len(objectifs), 'objectif sera créé', 'objectifs seront créés')} : {names}."
            )
        set_aside = [
            titre or "sans titre"
            for titre, nom in zip(self.tableau.titres, self.colonnes, strict=True)
            if nom == IGNORER
        ]
        if set_aside:
            names = ", ".join(f"« {titre} »" for titre in set_aside)
            self.apercu.remarques.append(f"Colonnes que vous laissez de côté : {names}.")
        formulas = sum(case.formule for row in self.tableau.lignes.values() for case in row.values())
        if formulas:
            self.apercu.remarques.append(
                f"{compte(formulas, 'case est une formule', 'cases sont des formules')} : leur dernier résultat est lu."
            )
        self.apercu.remarques += self.troisieme.remarques + self._ecartees

    # Writing

    def write(self, *, by: User) -> None:
        """Axes and objectifs first, in their order, those alone that a fiche needs."""
        kept = [ligne for ligne in self.lignes if ligne.dossier.saisies("identite")]
        used = {id(ligne.dossier.axe) for ligne in kept} | {id(ligne.dossier.objectif) for ligne in kept}
        axes, objectifs = self.branches.nouvelles
        for branche in (*axes, *objectifs):
            # The database tells whether their codes are free.
            branche.clean_fields(exclude={"plan", "axe"})
        Axe.objects.bulk_create(axe for axe in axes if id(axe) in used)
        for objectif in objectifs:
            objectif.axe_id = objectif.axe.pk
        Objectif.objects.bulk_create(objectif for objectif in objectifs if id(objectif) in used)
        for ligne in kept:
            ligne.dossier.notes = self._notes(ligne)
        dossiers = [ligne.dossier for ligne in kept]
        write_dossiers(self.verification, dossiers, plan=self.contenu.plan, by=by)

    def _notes(self, ligne: _Ligne) -> list[str]:
        if not ligne.notes:
            return []
        numero = ligne.objet.cle.removeprefix("ligne-")
        head = f"Repris de « {self.envoi.nom_fichier} », feuille « {self.tableau.grille.titre} », ligne {numero}."
        said = "\n\n".join(f"**{titre}** : {text}" for titre, text in ligne.notes)
        return [f"{head}\n\n{said}"]
