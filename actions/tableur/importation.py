"""From the rows of a table made elsewhere to fiches.

Nothing is lost without a word: what has no field, or does not fit it, is kept in a note of the fiche; a row that is no
fiche is said to be set aside, with its address.
"""

from collections.abc import Mapping, Sequence

from actions.models import Axe, EnvoiPlan, FicheAction, Objectif
from actions.tableur.apercu import Apercu, Cellule, Ecartee, Genre, Objet, Sorte, compte
from actions.tableur.branches import NOUVEL_AXE, TITRE_MAX, Branches, TroisiemeNiveau
from actions.tableur.cases import Cases, Ligne
from actions.tableur.cibles import (
    AXE,
    CODE,
    IGNORER,
    NOTE,
    OBJECTIF,
    TITRE,
    is_troisieme,
)
from actions.tableur.contenu import Contenu
from actions.tableur.dossiers import Dossier, Verification
from actions.tableur.ecriture import write_dossiers
from actions.tableur.mots import (
    BANDEAU,
    SOUS_BANDEAU,
    TOTAUX,
    is_help,
)
from actions.tableur.tableau import JOUR_MOIS, VIDE, Tableau
from ctg_portal.avance import report
from ctg_portal.grilles import Case
from ctg_portal.imports import ImportRefuse, normalise
from ctg_portal.models import User

FICHES_MAX = 2_000
"""Beyond, it is no plan: a file sent by mistake."""


class Importation:
    """Reads the rows of a table as fiches of ``contenu``'s plan. Made to be shown, then written."""

    def __init__(self, contenu: Contenu, envoi: EnvoiPlan, tableau: Tableau) -> None:
        self.contenu, self.envoi, self.tableau = contenu, envoi, tableau
        answers = envoi.reponses
        self.colonnes: list[str] = answers["colonnes"]
        self.branches = Branches(contenu.plan, contenu.axes, answers.get("axe", NOUVEL_AXE))
        self.apercu = Apercu()
        self.verification = Verification(contenu)
        self.lignes: list[Ligne] = []
        self.axe: Axe | None = None
        self.objectif: Objectif | None = None
        """Where the row that is read goes, until another is named."""
        self._vues: dict[str, int] = {}
        self._reprises: dict[str, str] = answers.get("lignes", {})
        """By row, the title that somebody gave it in the preview; it is then an action."""
        self.cases = Cases(contenu, tableau, self.colonnes, answers.get("dates", JOUR_MOIS))
        self._titre = tableau.colonnes[self.colonnes.index(TITRE)]
        self._suites = tableau.continued(self._titre)
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
        made: dict[int | None, Ligne] = {}
        for numero in sorted(self.tableau.lignes):
            row = self.tableau.lignes[numero]
            if str(numero) in self._reprises:
                row = row | {self._titre: Case(self._reprises[str(numero)])}
            elif (first := self._suites.get(numero)) in made:
                # One action over several rows, its title merged: what the next ones say joins the first.
                cells = self._by_target(self.tableau.grille.lignes[numero])
                self.cases.fill(made[first], numero, cells)
                continue
            if any(case.texte or case.formule for case in row.values()) and (ligne := self._row(numero, row)):
                made[numero] = ligne
            if len(self.lignes) > FICHES_MAX:
                raise ImportRefuse(
                    f"Plus de {FICHES_MAX} fiches en un fichier : envoyez-le en plusieurs fois."
                )

    def _row(self, numero: int, row: Mapping[int, Case]) -> Ligne | None:
        """The fiche that a row makes, if any; what it says of an axe or of an objectif holds for the rows below."""
        cells = self._by_target(row)
        named = self._text(cells, AXE), self._text(cells, OBJECTIF)
        titre = self._text(cells, TITRE)
        troisieme = self._third(row)
        if not titre and (banner := self._banner(row)):
            named, troisieme = banner[:2], banner[2]
        helps = str(numero) not in self._reprises and self._is_help(cells, row, titre)
        if helps:
            named = "" if is_help(named[0]) else named[0], "" if is_help(named[1]) else named[1]
            troisieme = ""
        self._follow(named, troisieme)
        if helps:
            self._set_aside(numero, row, "une ligne d’aide ou de total", titre)
            return None
        if not titre:
            self._no_title(numero, row, (*named, troisieme))
            return None
        self.axe = self.axe or self.branches.par_defaut()
        ligne = self._fiche(numero, cells, titre, self.axe, self.objectif)
        if ligne.dossier.champs:
            ligne.notes += self.troisieme.note(is_dit=bool(troisieme))
        return ligne

    def _follow(self, named: tuple[str, str], troisieme: str) -> None:
        before = self.axe, self.objectif
        if named[0]:
            self.axe, self.objectif = self.branches.axe(named[0]), None
        if named[1]:
            self.axe = self.axe or self.branches.par_defaut()
            self.objectif = self.branches.objectif(self.axe, named[1])
        self.troisieme.follow(troisieme, autre=any(named) and (self.axe, self.objectif) != before)

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

    def _is_help(self, cells: Sequence[tuple[int, str, Case]], row: Mapping[int, Case], titre: str) -> bool:
        texts = [case.texte for case in row.values() if case.texte]
        if any(normalise(text) in TOTAUX for text in (titre, *texts[:1])):
            return True
        if any(nom in (AXE, CODE) and case.texte and not is_help(case.texte) for _, nom, case in cells):
            return False
        helping = sum(map(is_help, texts))
        return helping * 2 >= len(texts) and helping >= 2

    def _set_aside(self, numero: int, row: Mapping[int, Case], motif: str, titre: str = "") -> None:
        said = " · ".join(" ".join(case.texte.split()) for case in row.values() if case.texte)
        self.apercu.ecartees.append(Ecartee(numero, said[:500], motif, titre[:TITRE_MAX]))

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
        self._set_aside(numero, row, "aucun titre d’action")
        cellule = Cellule(
            f"ligne-{numero}",
            self.tableau.grille.adresse(numero, self.tableau.colonnes[0]),
            "Ligne",
            "",
            said[:500],
        )
        cellule.refuse("cette ligne n’a pas de titre d’action : elle n’est pas reprise.")
        objet = Objet(f"ligne-{numero}", f"ligne {numero}", f"ligne {numero}", Genre.NOUVEAU, [cellule])
        self.lignes.append(Ligne(Dossier(FicheAction(plan=self.contenu.plan)), objet))

    # Fiches

    def _fiche(
        self,
        numero: int,
        cells: Sequence[tuple[int, str, Case]],
        titre: str,
        axe: Axe,
        objectif: Objectif | None,
    ) -> Ligne:
        fiche = FicheAction(plan=self.contenu.plan)
        objet = Objet(f"ligne-{numero}", titre[:150], titre[:150], Genre.NOUVEAU)
        ligne = Ligne(Dossier(fiche, axe=axe, objectif=objectif), objet)
        self.lignes.append(ligne)
        key = normalise(titre)
        if key in self._titres:
            ligne.refus = "une fiche du plan porte déjà ce titre"
        elif key in self._vues:
            ligne.refus = f"ce titre est déjà celui de la ligne {self._vues[key]}"
        if ligne.refus:
            self._set_aside(numero, self.tableau.lignes[numero], ligne.refus, titre)
        self.cases.fill(ligne, numero, cells)
        self._vues.setdefault(key, numero)
        return ligne

    def _check(self, ligne: Ligne) -> None:
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
                self.cases.note(ligne, cellule, cellule.apres, cellule.motif)
        for cells, leader in ligne.groupes:
            for cellule in cells:
                if leader.sorte is Sorte.NOTE and cellule.sorte is Sorte.CHANGE:
                    self.cases.note(ligne, cellule, cellule.apres, leader.motif.partition(" : ")[2])

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
        self.apercu.remarques += self.troisieme.remarques

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

    def _notes(self, ligne: Ligne) -> list[str]:
        if not ligne.notes:
            return []
        numero = ligne.objet.cle.removeprefix("ligne-")
        head = f"Repris de « {self.envoi.nom_fichier} », feuille « {self.tableau.grille.titre} », ligne {numero}."
        said = "\n\n".join(f"**{titre}** : {text}" for titre, text in ligne.notes)
        return [f"{head}\n\n{said}"]
