"""A plan made elsewhere: where its table is, what its columns mean, and the fiches that come out of it.

Nothing is lost without a word: what has no field, or does not fit it, is kept in a note of the fiche; a row that is no
fiche is said to be set aside, with its address.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from openpyxl.utils import get_column_letter

from actions.models import Axe, CorrespondancePlan, EnvoiPlan, FicheAction, Objectif
from actions.tableur.apercu import Apercu, Cellule, Genre, Objet, Sorte, compte
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
    guess,
    is_tet,
    known,
)
from actions.tableur.colonnes import COLONNES, Colonne
from actions.tableur.confirmation import confirm_envoi
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.dossiers import Dossier, NouvelleLigne, Saisie, Verification
from actions.tableur.ecriture import write_dossiers
from ctg_portal.fields import parse_montant
from ctg_portal.grilles import Case, Grille, read_grilles
from ctg_portal.imports import ImportRefuse, normalise
from ctg_portal.models import User

FICHES_MAX = 200
TETE = 15
"""Rows with something in which the head of the table is looked for."""
EXEMPLES = 3
TITRE_MAX = 300
NOUVEL_AXE = "nouveau"
JOUR_MOIS, MOIS_JOUR = "jm", "mj"
VIDE = Case("")
COLONNES_PAR_NOM = {colonne.nom: colonne for colonne in COLONNES}
_AIDE = re.compile(
    r"(ex |exemple|obligatoire|facultatif|texte libre|saisir|indiquer|renseigner|liste deroulante|format|a remplir|"
    r"choisir|cf )"
)
_BANDEAU = re.compile(r"\s*(axe|orientation|volet|th[eè]me|ambition)\b", re.I)
_SOUS_BANDEAU = re.compile(r"\s*(objectif|sous[- ]axe)\b", re.I)
_NUMERO = re.compile(
    # « Axe 2 : », « Fiche n° 12 », « 1.1.2 Ouvrir », « 3 - Ouvrir », « IV. Ouvrir »; not « 3 relais à ouvrir ».
    r"^\s*(?:(?:axe|objectif|sous[- ]axe|action|fiche(?: action)?|orientation|volet)\s+(?:n\s?°\s*)?"
    r"(?P<nomme>[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?![0-9])|[IVX]{1,4}\b)\s*[.:)–—-]*"
    r"|(?:n\s?°\s*)?(?P<points>[0-9]{1,3}(?:\.[0-9]{1,3}){1,3})(?=[\s.:)–—-])\s*[.:)–—-]*"
    r"|(?P<seul>[0-9]{1,3}|[IVX]{1,4})\s*[.:)–—-](?![0-9]))\s*(?=\S)",
    re.I,
)
_AVANCEMENTS = {
    "a_venir": (
        "a venir",
        "non demarre",
        "pas commence",
        "prevu",
        "prevue",
        "a lancer",
        "non engage",
        "projet",
    ),
    "en_cours": ("en cours", "demarre", "engage", "engagee", "lance", "lancee", "en retard"),
    "realisee": ("realise", "realisee", "termine", "terminee", "fait", "faite", "acheve", "achevee"),
    "en_pause": ("en pause", "suspendu", "suspendue", "bloque", "bloquee", "reporte", "reportee"),
    "abandonnee": ("abandonne", "abandonnee", "annule", "annulee"),
}
_PRIORITES = {
    "haute": ("haute", "elevee", "eleve", "forte", "1", "p1", "prioritaire", "haut"),
    "moyenne": ("moyenne", "moyen", "2", "p2", "normale"),
    "basse": ("basse", "bas", "faible", "3", "p3"),
}


# Where the table is


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
        for numero in range(top + 1, min(bottom, top + 1000) + 1):
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


# What is kept on the way


@transaction.atomic
def send(*, convention: Any, nom: str, contenu: bytes, by: User) -> EnvoiPlan:
    """Keep a file to describe. Raises ``ImportRefuse`` if it cannot be read."""
    grille = best_sheet(read_grilles(contenu, nom))
    envoi = EnvoiPlan.keep(
        convention=convention, nature=EnvoiPlan.Nature.PLAN, nom=nom, contenu=contenu, by=by
    )
    envoi.reponses = {"feuille": grille.titre, "entete": find_head(grille)[0]}
    envoi.save(update_fields=["reponses"])
    return envoi


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


@transaction.atomic
def describe(envoi: EnvoiPlan, *, colonnes: list[str], dates: str, axe: str, by: User) -> EnvoiPlan:
    """Keep what the columns mean, here and for the next file with the same head, and draw the preview."""
    tableau = tableau_of(envoi)
    envoi.answer({"colonnes": colonnes, "dates": dates, "axe": axe}, by=by)
    envoi.rapport = _read(envoi, by).apercu.as_json()
    envoi.save(update_fields=["rapport", "updated_at"])
    CorrespondancePlan.objects.update_or_create(
        territoire=envoi.convention.territoire,
        entete=tableau.empreinte,
        defaults={"intitule": envoi.nom_fichier[-150:], "colonnes": colonnes},
    )
    return envoi


# From rows to fiches


@dataclass
class _Branche:
    """An axe or an objectif that the file names: the row of the plan, or one to create."""

    objet: Any
    nouveau: bool = False


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
        self.axe_choisi = answers.get("axe", NOUVEL_AXE)
        self.apercu = Apercu()
        self.verification = Verification(contenu)
        self.lignes: list[_Ligne] = []
        self.axes: dict[str, _Branche] = {}
        self.objectifs: dict[tuple[int, str], _Branche] = {}
        self._ecartees: list[str] = []
        self._vues: dict[str, int] = {}
        self._titres = {normalise(fiche.intitule) for fiche in contenu.fiches.values()}
        self._known_branches()
        self._read()
        self._say()
        self.apercu.objets = [ligne.objet for ligne in self.lignes]
        self.apercu.seal()
        for ligne in self.lignes:
            if ligne.dossier.saisies("identite"):
                self._check(ligne)

    def _known_branches(self) -> None:
        for axe in self.contenu.axes:
            branch = _Branche(axe)
            for word in (axe.intitule, f"{axe.code} {axe.intitule}", f"axe {axe.code} {axe.intitule}"):
                self.axes.setdefault(normalise(word), branch)
            for objectif in axe.objectifs.all():
                under = _Branche(objectif)
                for word in (objectif.intitule, str(objectif)):
                    self.objectifs.setdefault((id(axe), normalise(word)), under)

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
            if not titre and (banner := self._banner(row)):
                named = banner
            if self._is_help(row, titre):
                self._ecartees.append(f"ligne {numero} : une ligne d’aide ou de total, laissée de côté.")
                continue
            if named[0]:
                axe, objectif = self._axe(named[0]), None
            if named[1]:
                axe = axe or self._axe_par_defaut()
                objectif = self._objectif(axe, named[1])
            if not titre:
                self._no_title(numero, row, named)
                continue
            axe = axe or self._axe_par_defaut()
            self._fiche(numero, cells, titre, axe, objectif)
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

    def _banner(self, row: Mapping[int, Case]) -> tuple[str, str] | None:
        """« AXE 1 : … » alone on its row, in whatever column."""
        texts = list(dict.fromkeys(case.texte for case in row.values() if case.texte))
        if len(texts) != 1:
            return None
        text = " ".join(texts[0].split())
        if _BANDEAU.match(text):
            return text, ""
        return ("", text) if _SOUS_BANDEAU.match(text) else None

    def _is_help(self, row: Mapping[int, Case], titre: str) -> bool:
        texts = [normalise(case.texte) for case in row.values() if case.texte]
        helping = sum(bool(_AIDE.match(text)) for text in texts)
        if normalise(titre) in ("total", "totaux") or any(
            text in ("total", "total general") for text in texts[:1]
        ):
            return True
        return bool(texts) and helping * 2 >= len(texts) and helping >= 2

    def _no_title(self, numero: int, row: Mapping[int, Case], named: tuple[str, str]) -> None:
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

    # Branches

    def _axe(self, text: str) -> Axe:
        code, titre = split_code(text)
        for word in (text, titre):
            if found := self.axes.get(normalise(word)):
                return found.objet
        count = len({id(branch.objet) for branch in self.axes.values()})
        taken = {branch.objet.code for branch in self.axes.values()}
        axe = Axe(
            plan=self.contenu.plan,
            code=_free(code or str(count + 1), taken),
            intitule=(titre or text)[:TITRE_MAX],
            couleur=count % 8 + 1,
            ordre=count,
        )
        branch = _Branche(axe, nouveau=True)
        self.axes[normalise(text)] = self.axes[normalise(titre or text)] = branch
        return axe

    def _axe_par_defaut(self) -> Axe:
        chosen = next((axe for axe in self.contenu.axes if str(axe.pk) == self.axe_choisi), None)
        return chosen or self._axe("Actions")

    def _objectif(self, axe: Axe, text: str) -> Objectif:
        code, titre = split_code(text)
        for word in (text, titre):
            if found := self.objectifs.get((id(axe), normalise(word))):
                return found.objet
        siblings = {id(b.objet): b.objet for key, b in self.objectifs.items() if key[0] == id(axe)}
        taken = {objectif.code for objectif in siblings.values()}
        objectif = Objectif(
            axe=axe,
            code=_free(code or f"{axe.code}.{len(siblings) + 1}", taken),
            intitule=(titre or text)[:TITRE_MAX],
            ordre=len(siblings),
        )
        branch = _Branche(objectif, nouveau=True)
        for word in (text, titre or text):
            self.objectifs[id(axe), normalise(word)] = branch
        return objectif

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
        return Cellule(
            f"ligne-{numero}.{column}", self.tableau.grille.adresse(numero, column), said, "", case.texte
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
            found = _by_words(text, _AVANCEMENTS)
            if found in ("", "abandonnee"):
                raise ValidationError("cet avancement ne se pose pas à l’import.")
            return [found]
        if colonne.nom == "priorite" and (found := _by_words(text, _PRIORITES)):
            return [found]
        if colonne.nom == "rythme" and normalise(text) in ("oui", "x", "vrai", "annuelle", "annuel"):
            return ["recurrente"]
        if colonne.genre.value == "date" and self.dates == MOIS_JOUR:
            text = re.sub(r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{2,4})$", r"\2/\1/\3", text)
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
            amount = _montant(case)
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
            amount = _montant(case)
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
        axes = {id(b.objet): b.objet for b in self.axes.values() if b.nouveau}
        objectifs = {id(b.objet): b.objet for b in self.objectifs.values() if b.nouveau}
        self._created = list(axes.values()), list(objectifs.values())
        if axes:
            names = ", ".join(f"« {axe.code} {axe.intitule[:60]} »" for axe in axes.values())
            self.apercu.remarques.append(
                f"{compte(len(axes), 'axe sera créé', 'axes seront créés')} : {names}."
            )
        if objectifs:
            names = ", ".join(f"« {row.code} {row.intitule[:60]} »" for row in objectifs.values())
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
        self.apercu.remarques += self._ecartees

    # Writing

    def write(self, *, by: User) -> None:
        """Axes and objectifs first, in their order, those alone that a fiche needs."""
        kept = [ligne for ligne in self.lignes if ligne.dossier.saisies("identite")]
        used = {id(ligne.dossier.axe) for ligne in kept} | {id(ligne.dossier.objectif) for ligne in kept}
        axes, objectifs = self._created
        for branch in (*axes, *objectifs):
            if id(branch) in used:
                if isinstance(branch, Objectif):
                    branch.axe_id = branch.axe.pk
                branch.full_clean(exclude=["enjeux"])
                branch.save()
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


def split_numero(text: str) -> tuple[str, str]:
    """« Axe 2 : Donner leur place » → (« 2 », « Donner leur place »); no number: (« », the text).

    >>> split_numero("1.1.2 – Ouvrir un relais"), split_numero("Ouvrir 3 relais"), split_numero("2025 en fête")
    (('1.1.2', 'Ouvrir un relais'), ('', 'Ouvrir 3 relais'), ('', '2025 en fête'))
    """
    found = _NUMERO.match(text)
    if found is None or found.end() >= len(text):
        return "", text.strip()
    code = found["nomme"] or found["points"] or found["seul"]
    return code.upper(), text[found.end() :].strip()


def split_code(text: str) -> tuple[str, str]:
    """The same for an axe or an objectif, whose number is often alone before the words: « 3 Parentalité ».

    >>> split_code("3 Parentalité"), split_code("Santé")
    (('3', 'Parentalité'), ('', 'Santé'))
    """
    code, titre = split_numero(text)
    if not code and (found := re.match(r"\s*([0-9]{1,2})\s+(?=\D)", text)):
        return found[1], text[found.end() :].strip()
    return code, titre


def split_lines(text: str, *, commas: bool) -> list[str]:
    """The parts of a cell that lists: one a line, or separated by semicolons, or by commas for names."""
    pattern = r"[\n;,]" if commas else r"[\n;]"
    parts = (re.sub(r"^[\s\-•–*·▪]+", "", part).strip() for part in re.split(pattern, text))
    return list(dict.fromkeys(part for part in parts if part))


def _montant(case: Case) -> str:
    """A euro amount as the forms read it: « 12 000 € HT » is 12 000."""
    text = re.sub(r"(?i)\s*(€|euros?)?\s*(ht|ttc)?\.?\s*$", "", case.texte)
    amount = parse_montant(f"{text}0" if re.fullmatch(r"[0-9]+[.][0-9]{3}", text) else text)
    if amount < 0 or amount >= 10**10:
        raise ValidationError("Ce montant n’est pas possible.")
    return f"{amount:f}"


def _by_words(text: str, words: Mapping[str, Sequence[str]]) -> str:
    said = normalise(text)
    return next((code for code, known_ in words.items() if said in known_), "")


def _free(code: str, taken: set[str]) -> str:
    found, rank = code[:20], 2
    while found in taken:
        found, rank = f"{code[:15]}-{rank}", rank + 1
    return found


def _read(envoi: EnvoiPlan, user: User, decisions: Mapping[str, str] | None = None) -> Importation:
    plan = plan_of(envoi.convention)
    if plan is None:
        raise ImportRefuse("Cette convention n’a pas de plan à elle : ouvrez-le d’abord.")
    if not envoi.reponses.get("colonnes"):
        raise ImportRefuse("Dites d’abord ce que contient chaque colonne.")
    return Importation(Contenu(plan, user), envoi, tableau_of(envoi))


def confirm(
    envoi: EnvoiPlan, *, empreinte: str, decisions: Mapping[str, str], sans_refusees: bool, by: User
) -> EnvoiPlan:
    """Write a plan made elsewhere; see ``confirmation.confirm_envoi``."""
    return confirm_envoi(
        envoi, _read, empreinte=empreinte, decisions=decisions, sans_refusees=sans_refusees, by=by
    )
