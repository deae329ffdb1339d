"""The workbook that comes back, against the plan as it is now: what changed, where, and what is refused and why."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from actions.models import EnvoiPlan, FicheAction
from actions.tableur.apercu import LEUR, MIEN, Apercu, Cellule, Genre, Objet, Retrait, Sorte
from actions.tableur.colonnes import (
    COLONNES,
    FEUILLE_FICHES,
    FEUILLES,
    FICHE,
    MESURES,
    PLACE,
    Colonne,
    Feuille,
    cle_of,
    dire,
    rows_of,
    texte_de,
)
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.dossiers import Dossier, NouvelleLigne, Saisie, Verification
from actions.tableur.ecriture import write_dossiers
from actions.tableur.export import digest
from actions.tableur.lecture import VIDE, ClasseurLu, LigneLue, read_classeur
from ctg_portal.avance import report
from ctg_portal.imports import ImportRefuse, normalise
from ctg_portal.models import User

LONG = "long"
LECTURE_SEULE = "cette colonne se lit seulement : l’état de la rédaction se change sur la page de la fiche."
COLONNES_PAR_NOM = {colonne.nom: colonne for colonne in COLONNES}


class Retour:
    """Compares ``lu`` with ``contenu``. ``apercu`` is what is shown, ``dossiers`` what would be written."""

    def __init__(self, contenu: Contenu, lu: ClasseurLu, decisions: Mapping[str, str] | None = None) -> None:
        self.contenu, self.lu, self.decisions = contenu, lu, decisions or {}
        self.memoire = lu.memoire
        self.apercu = Apercu(remarques=list(lu.remarques))
        self.dossiers: dict[str, Dossier] = {}
        """By key of the fiche, or by the address of the row of a new one."""
        self.verification = Verification(contenu)
        self._objets: dict[str, Objet] = {}
        self._vues: dict[str, LigneLue] = {}
        self._fiches = {cle_of(fiche): fiche for fiche in contenu.fiches.values()}
        self._indicateurs = {
            cle_of(row): (row, fiche) for fiche in contenu.fiches.values() for row in fiche.indicateurs.all()
        }
        self._read_fiches()
        for feuille in FEUILLES:
            self._read_feuille(feuille)
        self._read_retraits()
        self.apercu.objets = self._in_order()
        # Before the decisions, and before the forms: what these say depends on what is decided.
        self.apercu.seal()
        self._decide()
        for rank, dossier in enumerate(self.dossiers.values(), start=1):
            self.verification.check(dossier)
            report(rank)

    # Rows of fiches

    def _read_fiches(self) -> None:
        for ligne in self.lu.feuilles.get(FEUILLE_FICHES, []):
            if not ligne.cle:
                self._read_new_fiche(ligne)
            elif (motif := self._stranger(ligne, self._fiches, "fiche")) is None:
                self._read_fiche(ligne, self._fiches[ligne.cle])
            elif motif:
                self._refuse_row(ligne, motif, COLONNES)

    def _stranger(self, ligne: LigneLue, known: Mapping[str, Any], nom: str) -> str | None:
        """Why the key of a row ties it to nothing; « » when it is better not said at all; ``None`` when it does."""
        if ligne.cle in self._vues:
            return f"la clé {ligne.cle} est déjà celle de la ligne {self._vues[ligne.cle].numero} : gardez-en une."
        self._vues[ligne.cle] = ligne
        if ligne.cle not in self.memoire.lignes:
            return (
                f"la clé « {ligne.cle[:20]} » n’est pas de ce classeur : elle vient d’ailleurs, ou elle a été tapée. "
                "Pour une ligne nouvelle, laissez la clé vide."
            )
        if ligne.cle not in known:
            if self._is_untouched(ligne):
                return ""
            return f"{nom} archivée ou retirée du plan depuis le téléchargement : ses cases ne sont pas reprises."
        return None

    def _is_untouched(self, ligne: LigneLue) -> bool:
        digests = self.memoire.digests(ligne.cle)
        colonnes = COLONNES if ligne.feuille == FEUILLE_FICHES else _feuille(ligne.feuille).colonnes
        return all(
            digests.get(c.nom) in (LONG, digest(c, ligne.cases[c.nom].texte, ligne.cle))
            for c in colonnes
            if c.nom in ligne.cases
        )

    def _read_fiche(self, ligne: LigneLue, fiche: FicheAction) -> None:
        for colonne in COLONNES:
            saisie = self._compare(ligne, colonne, fiche)
            if saisie is None:
                continue
            self._objet(ligne.cle, fiche, str(fiche), Genre.MODIFIE, ligne).cellules.append(saisie.cellule)
            section = colonne.section
            if not section:
                saisie.cellule.refuse(LECTURE_SEULE)
            elif refus := self.contenu.refus(fiche, section):
                saisie.cellule.refuse(refus)
            if saisie.cellule.sorte is not Sorte.REFUS:
                self._dossier(ligne.cle, fiche).champs[section][colonne.nom] = saisie

    def _compare(self, ligne: LigneLue, colonne: Colonne, objet: Any) -> Saisie | None:
        """The cell as something to write, or ``None`` when the person changed nothing."""
        case = ligne.cases.get(colonne.nom)
        if case is None:
            return None
        base = self.memoire.digests(ligne.cle).get(colonne.nom, "")
        if base == LONG and not case.texte:
            return None
        if case.nature != "erreur" and digest(colonne, case.texte, ligne.cle) == base:
            return None
        now = texte_de(colonne.valeur(objet, self.contenu.listes))
        if case.nature != "erreur" and colonne.normal(case.texte) == colonne.normal(now):
            return None
        cellule = self._cellule(ligne, colonne, now)
        if base == LONG:
            cellule.refuse("ce texte est trop long pour une case : modifiez-le sur la page de la fiche.")
        elif base and digest(colonne, now, ligne.cle) != base:
            cellule.sorte = Sorte.CONFLIT
        return self._saisie(cellule, ligne, colonne)

    def _cellule(self, ligne: LigneLue, colonne: Colonne, now: str) -> Cellule:
        case = ligne.cases[colonne.nom]
        # A row without a key is known by its place.
        cle = f"{ligne.cle or ligne.debut}.{colonne.nom}"
        return Cellule(
            cle, ligne.adresse(colonne.nom), colonne.titre, dire(colonne, now), dire(colonne, case.texte)
        )

    def _saisie(self, cellule: Cellule, ligne: LigneLue, colonne: Colonne) -> Saisie:
        valeurs: list[str] = []
        try:
            valeurs = colonne.lire(ligne.cases[colonne.nom], self.contenu.listes)
        except ValidationError as error:
            cellule.refuse(" ".join(error.messages))
        return Saisie(cellule, valeurs)

    def _read_new_fiche(self, ligne: LigneLue) -> None:
        titre = ligne.cases.get("intitule", VIDE).texte
        objet = self._objet(ligne.debut, None, titre or f"ligne {ligne.numero}", Genre.NOUVEAU, ligne)
        dossier = Dossier(FicheAction(plan=self.contenu.plan))
        for colonne in COLONNES:
            case = ligne.cases.get(colonne.nom)
            if case is None or not (case.texte or case.formule) or not colonne.section:
                continue
            cellule = self._cellule(ligne, colonne, "")
            objet.cellules.append(cellule)
            saisie = self._saisie(cellule, ligne, colonne)
            if cellule.sorte is not Sorte.REFUS:
                dossier.champs[colonne.section][colonne.nom] = saisie
        if motif := self._new_fiche_refusal(dossier, titre):
            _refuse_objet(objet, ligne, motif)
            return
        self.dossiers[ligne.debut] = dossier

    def _new_fiche_refusal(self, dossier: Dossier, titre: str) -> str:
        if not self.contenu.coordonne:
            return "seule la coordination ajoute une fiche au plan."
        if not titre:
            return "une fiche nouvelle a un intitulé."
        if any(normalise(fiche.intitule) == normalise(titre) for fiche in self.contenu.fiches.values()):
            return "cette ligne n’a pas de clé, et une fiche du plan porte déjà ce titre : rendez-lui sa clé, ou changez le titre."
        place = dossier.saisies(PLACE)
        listes = self.contenu.listes
        if "objectif" in place and place["objectif"].valeurs[0]:
            dossier.objectif = listes["objectifs"].rows[int(place["objectif"].valeurs[0])]
            dossier.axe = dossier.objectif.axe
        if "axe" in place and place["axe"].valeurs[0]:
            axe = listes["axes"].rows[int(place["axe"].valeurs[0])]
            if dossier.objectif is not None and dossier.objectif.axe_id != axe.pk:
                return f"l’objectif « {dossier.objectif} » n’est pas de cet axe."
            dossier.axe = axe
        if dossier.axe is None:
            return "dites dans quel axe, ou sous quel objectif, va cette fiche nouvelle."
        return ""

    # Rows of the other sheets

    def _read_feuille(self, feuille: Feuille) -> None:
        known = {
            cle_of(row): (row, fiche)
            for fiche in self.contenu.fiches.values()
            for row in rows_of(feuille, fiche)
        }
        for ligne in self.lu.feuilles.get(feuille.titre, []):
            if not ligne.cle:
                self._read_new_row(feuille, ligne)
            elif (motif := self._stranger(ligne, known, f"{feuille.nom} :")) is None:
                self._read_row(feuille, ligne, *known[ligne.cle])
            elif motif:
                self._refuse_row(ligne, motif, feuille.colonnes)

    def _read_row(self, feuille: Feuille, ligne: LigneLue, row: Any, fiche: FicheAction) -> None:
        parent = self.memoire.lignes[ligne.cle][0]
        said = _cle_in(ligne.parent)
        if FICHE in ligne.positions and said != parent:
            cellule = Cellule(
                f"{ligne.cle}.{FICHE}", ligne.adresse(FICHE), feuille.parent, parent, ligne.parent
            )
            cellule.refuse(
                f"{feuille.nom} ne change pas de {feuille.parent.lower()} : supprimez la ligne et écrivez-en une nouvelle."
            )
            self._objet(ligne.cle, fiche, _nom(feuille, row), Genre.MODIFIE, ligne).cellules.append(cellule)
        for colonne in feuille.colonnes:
            saisie = self._compare(ligne, colonne, row)
            if saisie is None:
                continue
            objet = self._objet(ligne.cle, fiche, _nom(feuille, row), Genre.MODIFIE, ligne)
            objet.cellules.append(saisie.cellule)
            if refus := self.contenu.refus(fiche, feuille.section):
                saisie.cellule.refuse(refus)
            if saisie.cellule.sorte is not Sorte.REFUS:
                rows = self._dossier(cle_of(fiche), fiche).lignes[feuille.cle]
                rows.changees.setdefault(row.pk, {})[colonne.nom] = saisie

    def _read_new_row(self, feuille: Feuille, ligne: LigneLue) -> None:
        titre = next((case.texte for case in ligne.cases.values() if case.texte), "")
        cellules: list[Cellule] = []
        saisies: dict[str, Saisie] = {}
        for colonne in feuille.colonnes:
            case = ligne.cases.get(colonne.nom)
            if case is None or not (case.texte or case.formule):
                continue
            cellule = self._cellule(ligne, colonne, "")
            cellules.append(cellule)
            saisies[colonne.nom] = self._saisie(cellule, ligne, colonne)
        cle, indicateur, motif = self._parent(feuille, ligne)
        dossier = self.dossiers.get(cle)
        fiche = dossier.fiche if dossier is not None else self._fiches.get(cle)
        objet = self._objet(ligne.debut, fiche, f"{feuille.titre} : {titre}"[:150], Genre.NOUVEAU, ligne)
        objet.cellules = cellules
        if dossier is not None and dossier.is_nouveau:
            objet.fiche = _intitule(dossier)
        if not motif and fiche is not None and fiche.pk is not None:
            motif = self.contenu.refus(fiche, feuille.section)
        bad = [cellule.motif for cellule in cellules if cellule.sorte is Sorte.REFUS]
        if motif or bad:
            # Half a row is not written: a budget line without its amount would be another line.
            for cellule in cellules:
                if cellule.sorte is not Sorte.REFUS:
                    cellule.refuse(motif or "une autre case de cette ligne nouvelle est refusée.")
            if not cellules:
                _refuse_objet(objet, ligne, motif)
            return
        if fiche is not None:
            target = dossier or self._dossier(cle, fiche)
            target.lignes[feuille.cle].nouvelles.append(NouvelleLigne(saisies, indicateur))

    def _parent(self, feuille: Feuille, ligne: LigneLue) -> tuple[str, int | None, str]:
        """(key of the dossier, key of the indicator, why it is refused) of a row without a key."""
        said = ligne.parent
        if not said:
            return "", None, f"dites de quelle {feuille.parent.lower()} est cette ligne nouvelle."
        cle = _cle_in(said)
        if feuille.section == MESURES:
            found = self._indicateurs.get(cle) or self._sole(
                [
                    pair
                    for pair in self._indicateurs.values()
                    if normalise(pair[0].intitule) == normalise(said)
                ]
            )
            if found is None:
                return (
                    "",
                    None,
                    (
                        f"l’indicateur « {said[:80]} » n’est pas du plan : s’il est nouveau, ses mesures se renvoient une fois "
                        "qu’il est créé."
                    ),
                )
            return cle_of(found[1]), found[0].pk, ""
        if cle in self._fiches:
            return cle, None, ""
        word = normalise(said)
        named = [
            cle
            for cle, fiche in self._fiches.items()
            if word in map(normalise, (fiche.code, fiche.intitule, str(fiche)))
        ]
        named += [
            cle
            for cle, dossier in self.dossiers.items()
            if dossier.is_nouveau and word == normalise(_intitule(dossier))
        ]
        if len(named) == 1:
            return named[0], None, ""
        why = "n’est pas du plan" if not named else "peut être plusieurs fiches"
        return "", None, f"« {said[:80]} » {why} : choisissez la fiche dans la liste."

    def _sole(self, found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else None

    # What is no longer in the file

    def _read_retraits(self) -> None:
        gone: set[str] = set()
        for titre, cles in self.memoire.feuilles.items():
            if titre not in self.lu.feuilles:
                continue
            missing = [cle for cle in cles if cle not in self._vues]
            if titre == FEUILLE_FICHES:
                for cle in missing:
                    if fiche := self._fiches.get(cle):
                        gone.add(cle)
                        refus = self.contenu.refus_archive(fiche)
                        self._retrait(cle, str(fiche), "Fiche", "archiver la fiche", refus)
                continue
            feuille = _feuille(titre)
            rows = {
                cle_of(row): (row, fiche)
                for fiche in self.contenu.fiches.values()
                for row in rows_of(feuille, fiche)
            }
            for cle in missing:
                if (
                    cle in rows
                    and cle_of(rows[cle][1]) not in gone
                    and not self._follows(feuille, rows[cle][0])
                ):
                    row, fiche = rows[cle]
                    refus = self.contenu.refus(fiche, feuille.section)
                    self._retrait(cle, str(fiche), _nom(feuille, row), f"retirer {feuille.nom}", refus)
                    if self._is_coche(cle) and not refus:
                        self._dossier(cle_of(fiche), fiche).lignes[feuille.cle].retirees.add(row.pk)

    def _follows(self, feuille: Feuille, row: Any) -> bool:
        """A measure whose indicator is gone from the file too: it goes or stays with it."""
        return feuille.section == MESURES and cle_of(row.indicateur) not in self._vues

    def _retrait(self, cle: str, fiche: str, nom: str, effet: str, refus: str) -> None:
        coche = self._is_coche(cle) and not refus
        self.apercu.retraits.append(Retrait(cle, fiche, nom, effet, refus, coche))

    def _is_coche(self, cle: str) -> bool:
        return bool(self.decisions.get(f"retrait-{cle}"))

    # What is shown

    def _dossier(self, cle: str, fiche: FicheAction) -> Dossier:
        if cle not in self.dossiers:
            self.dossiers[cle] = Dossier(fiche)
        return self.dossiers[cle]

    def _objet(self, cle: str, fiche: FicheAction | None, nom: str, genre: Genre, ligne: LigneLue) -> Objet:
        if cle not in self._objets:
            said = str(fiche) if fiche is not None and fiche.pk is not None else ""
            self._objets[cle] = Objet(cle, said or nom, nom, genre, adresse=ligne.debut)
        return self._objets[cle]

    def _refuse_row(self, ligne: LigneLue, motif: str, colonnes: Any) -> None:
        """A row that is tied to nothing: one refusal, at its first cell, for whatever it says."""
        titre = ligne.cases.get("intitule", VIDE).texte or f"ligne {ligne.numero}"
        objet = self._objet(f"{ligne.cle}@{ligne.numero}", None, titre, Genre.MODIFIE, ligne)
        _refuse_objet(objet, ligne, motif)

    def _in_order(self) -> list[Objet]:
        """By fiche as the plan shows them, the fiche before its rows; what is new at the end."""
        rank = {str(fiche): number for number, fiche in enumerate(self.contenu.fiches.values())}
        found = [objet for objet in self._objets.values() if objet.cellules]
        return sorted(found, key=lambda objet: rank.get(objet.fiche, len(rank)))

    def _decide(self) -> None:
        for cellule in self.apercu.conflits:
            chosen = self.decisions.get(f"conflit-{cellule.cle}", "")
            cellule.choix = chosen if chosen in (MIEN, LEUR) else ""

    # Writing

    def write(self, *, by: User) -> None:
        write_dossiers(self.verification, self.dossiers.values(), plan=self.contenu.plan, by=by)
        for retrait in self.apercu.retraits:
            if retrait.coche and retrait.cle in self._fiches:
                fiche = self._fiches[retrait.cle]
                fiche.archive(by=by, motif="Retirée du classeur renvoyé.")


def _intitule(dossier: Dossier) -> str:
    saisie = dossier.champs.get("identite", {}).get("intitule")
    return saisie.valeurs[0] if saisie is not None else ""


def _feuille(titre: str) -> Feuille:
    return next(feuille for feuille in FEUILLES if feuille.titre == titre)


def _nom(feuille: Feuille, row: Any) -> str:
    return f"{feuille.titre} : {row}"[:150]


def _cle_in(text: str) -> str:
    found = re.match(r"\s*([A-Z][0-9]+)\b", text)
    return found[1] if found else ""


def _refuse_objet(objet: Objet, ligne: LigneLue, motif: str) -> None:
    for cellule in objet.cellules:
        cellule.refuse(motif)
    if not objet.cellules:
        objet.cellules.append(
            Cellule(f"{objet.cle}.ligne", ligne.debut, "Ligne", "", objet.nom, Sorte.REFUS, motif)
        )


# From a file to the plan


def read_file(convention: Any, nom: str, contenu: bytes) -> ClasseurLu:
    """The rows of a workbook of this convention. Raises ``ImportRefuse`` when it is none."""
    lu = read_classeur(contenu, nom)
    if lu.memoire.convention != convention.code:
        raise ImportRefuse(
            f"« {nom} » est le classeur d’une autre convention : renvoyez-le depuis la sienne."
        )
    if plan_of(convention) is None:
        raise ImportRefuse("Cette convention n’a pas de plan à elle : rien ne peut y être renvoyé.")
    return lu


def read(envoi: EnvoiPlan, user: User, decisions: Mapping[str, str] | None = None) -> Retour:
    """What confirming would do now. Raises ``ImportRefuse`` when the workbook or its plan are no longer there."""
    lu = read_file(envoi.convention, envoi.nom_fichier, bytes(envoi.contenu))
    plan: Any = plan_of(envoi.convention)
    return Retour(Contenu(plan, user), lu, decisions)


@transaction.atomic
def send(*, convention: Any, nom: str, contenu: bytes, by: User) -> tuple[EnvoiPlan, int]:
    """Keep a workbook to show, and say how many rows it has. Raises ``ImportRefuse`` if it cannot be read."""
    lu = read_file(convention, nom[-200:], contenu)
    envoi = EnvoiPlan.keep(
        convention=convention, nature=EnvoiPlan.Nature.RETOUR, nom=nom, contenu=contenu, by=by
    )
    return envoi, sum(map(len, lu.feuilles.values()))
