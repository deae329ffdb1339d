"""What a dossier de séance says, told once: the page and the paper draw the same parts (ADR 0012).

It is the same for all members: confidential fiches are left out everywhere, archived ones too but where their archiving
is what changed. Everything a chosen part needs is read once, in a constant number of queries; nothing else is read.
"""

from collections.abc import Callable
from textwrap import shorten
from typing import Any

from actions.documents import printable_fiches
from actions.graphiques import (
    graphique_axes,
    graphique_budget,
    graphique_financeurs,
    graphique_indicateurs,
)
from actions.models import FicheAction
from actions.models.bord import indicators_on_track, money_of, said_of_abandoned, total_budget
from actions.models.progression import Progression
from conventions.graphiques import graphique_annees
from conventions.models import Montants, montants_total
from ctg_portal.contenu import Bloc, Colonne, Tableau, Texte
from ctg_portal.templatetags.portal import VIDE, date_fr, duree, euros, jours, nombre
from governance.contenus import Barre, Champ, Contenu, Dessin, FicheEntiere, Liste, Mots, PartieDossier, Titre
from governance.matiere import Matiere
from governance.models import Decision, PointOrdreDuJour, SommaireDossier
from governance.models.dossier import Partie

INDICATEURS_MAX = 12
"""Lines of the table of indicators: those that need a look first; the others are counted."""
RESUME = 500
"""Letters of each text of a fiche told in a few lines."""
Visee = PointOrdreDuJour.Visee


def parties_of(matiere: Matiere, sommaire: SommaireDossier) -> list[PartieDossier]:
    """The chosen parts that have something to say, in their order."""
    found = []
    for code in sommaire.ordonnees:
        titre, contenus = TROUVER[code](matiere, sommaire)
        if contenus:
            found.append(PartieDossier(code.value, titre, contenus))
    return found


def _mots(*blocs: Bloc) -> Mots:
    return Mots(list(blocs))


def _point_ligne(point: Any) -> str:
    said = (point.get_visee_display(), point.rapporteur, duree(point.duree) if point.duree else "")
    return ", ".join(filter(None, said))


def _demandes(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    contenus: list[Contenu] = []
    for rang, point in matiere.a_decider:
        contenus.append(Titre(f"{rang}. {point.intitule}", _point_ligne(point)))
        if point.texte:
            contenus.append(_mots(Texte(point.texte)))
        if fiches := matiere.fiches_of(point):
            contenus.append(Liste("Fiches concernées :", [_fiche_ligne(fiche) for fiche in fiches]))
    return Partie.DEMANDES.label, contenus


def _fiche_ligne(fiche: FicheAction) -> str:
    """« 1.1.1 Ouvrir un relais : en cours, en retard de 12 jours »."""
    return f"{fiche} : {_etat(fiche)}"


def _etat(fiche: FicheAction) -> str:
    said = fiche.get_avancement_display().lower()
    if fiche.is_late:
        part = "une étape " if fiche.is_late_by_etape else ""
        said += f", {part}en retard de {jours(fiche.jours_de_retard)}"
    return said


def _ordre_du_jour(matiere: Matiere, sommaire: SommaireDossier) -> tuple[str, list[Contenu]]:
    if not matiere.points:
        return Partie.ORDRE_DU_JOUR.label, [_mots(Texte("L’ordre du jour n’est pas encore écrit."))]
    said_elsewhere = Partie.DEMANDES in sommaire.ordonnees
    contenus: list[Contenu] = []
    for rang, point in enumerate(matiere.points, 1):
        contenus.append(Titre(f"{rang}. {point.intitule}", _point_ligne(point)))
        if said_elsewhere and point.visee == Visee.DECISION:
            continue
        if point.texte:
            contenus.append(_mots(Texte(point.texte)))
        if fiches := matiere.fiches_of(point):
            contenus.append(Liste("Fiches concernées :", [str(fiche) for fiche in fiches]))
    return Partie.ORDRE_DU_JOUR.label, contenus


FAITS = (Colonne("Rubrique", 30), Colonne("Valeur", 70))


def _fiches(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    titre = Partie.FICHES.label
    if matiere.entieres:
        if not matiere.concernees:
            return titre, []
        noms = [str(fiche) for fiche in matiere.concernees]
        annonce = "Chacune sur ses propres pages, telle que dans le plan d’actions :"
        return titre, [Liste(annonce, noms), *map(FicheEntiere, matiere.concernees_entieres)]
    contenus: list[Contenu] = []
    for fiche in matiere.concernees:
        facts = (
            ("Axe", str(fiche.axe)),
            ("Avancement", _etat(fiche)),
            ("Échéance", date_fr(fiche.echeance) if fiche.echeance else "sans échéance"),
            ("Structure pilote", str(fiche.structure_pilote or "")),
            ("Élu·e référent·e", fiche.elu_referent),
        )
        lignes = [[name, said[:1].upper() + said[1:]] for name, said in facts if said]
        contenus += [
            Titre(str(fiche)),
            _mots(Tableau(f"Fiche {fiche}", FAITS, lignes, faits=True)),
        ]
        texts = (
            ("Objectif général", fiche.objectif_general),
            ("Difficultés rencontrées", fiche.difficultes),
            ("Prochaines étapes", fiche.prochaines_etapes),
        )
        contenus += [Champ(name, _resume(texte)) for name, texte in texts if texte]
    return titre, contenus


def _court(fiche: FicheAction) -> str:
    """Its code, or its title when it has none."""
    return fiche.code or f"«\u00a0{shorten(fiche.intitule, 60, placeholder=' …')}\u00a0»"


def _resume(texte: str) -> str:
    """A text of a fiche as it is, or on one line and cut between two words when it is long."""
    return texte if len(texte) <= RESUME else shorten(texte, RESUME, placeholder=" …")


COMPTES = (
    Colonne("Axe", 30),
    Colonne("Réalisées", 15, nombre=True),
    Colonne("En cours", 10, nombre=True),
    Colonne("En pause", 10, nombre=True),
    Colonne("À venir", 10, nombre=True),
    Colonne("Abandons", 15, nombre=True),
    Colonne("En retard", 10, nombre=True),
)


def _comptes(found: Progression) -> list[str]:
    codes = ("realisee", "en_cours", "en_pause", "a_venir", "abandonnee")
    return [nombre(found.counts.get(code, 0)) for code in codes] + [nombre(found.late)]


def _avancement(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    total = matiere.total
    if not total.total:
        return Partie.AVANCEMENT.label, []
    lignes = [[str(axe), *_comptes(found)] for axe, found in matiere.axes]
    lignes.append(["Ensemble du plan", *_comptes(total)])
    return Partie.AVANCEMENT.label, [
        _mots(Texte(plan_en_bref(total))),
        Barre(total, "Fiches du plan"),
        Dessin(graphique_axes(matiere.axes)),
        _mots(Tableau("Fiches par axe et par avancement", COMPTES, lignes, total=True)),
    ]


def plan_en_bref(total: Progression) -> str:
    """« 28 fiches : 12 réalisées, 9 en cours, 7 à venir ; 3 en retard. »"""
    shares = ", ".join(f"{nombre(part['count'])} {str(part['label']).lower()}" for part in total.segments)
    late = f" ; {nombre(total.late)} en retard" if total.late else ""
    return f"{nombre(total.total)} fiche{'s' if total.total > 1 else ''} : {shares}{late}."


def _changements(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    if not matiere.copil_le:
        return Partie.CHANGEMENTS.label, []
    titre = f"Ce qui a changé depuis le {date_fr(matiere.copil_le)}"
    if not matiere.changements:
        return titre, [_mots(Texte("Aucune fiche n’a changé depuis le dernier comité de pilotage."))]
    colonnes = (Colonne("Fiche", 35), Colonne("Ce qui a changé", 65))
    lignes = [[str(change.fiche), change.resume] for change in matiere.changements]
    legende = "Fiches nouvelles, modifiées ou archivées depuis le dernier comité de pilotage"
    return titre, [_mots(Tableau(legende, colonnes, lignes))]


def _indicateurs(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    suivis = indicators_on_track(printable_fiches(matiere.convention), matiere.convention.fin)
    if not suivis:
        return Partie.INDICATEURS.label, []
    colonnes = (Colonne("Indicateur", 35), Colonne("Où il en est", 45), Colonne("Cap", 20))
    lignes = []
    for suivi in suivis[:INDICATEURS_MAX]:
        indicateur = suivi.trajectoire.indicateur
        unite = f" ({indicateur.unite})" if indicateur.unite else ""
        lignes.append(
            [
                f"{indicateur.intitule}{unite}\nFiche {_court(indicateur.fiche)}",
                suivi.trajectoire.phrase,
                suivi.cap.value,
            ]
        )
    blocs: list[Bloc] = [Tableau("Indicateurs des fiches, ceux à regarder d’abord", colonnes, lignes)]
    if others := len(suivis) - len(lignes):
        plural = "s" if others > 1 else ""
        blocs.append(
            Texte(f"Et {nombre(others)} autre{plural} indicateur{plural}, à lire dans le plan d’actions.")
        )
    return Partie.INDICATEURS.label, [Dessin(graphique_indicateurs(suivis)), Mots(blocs)]


def _argent(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    exercices, financeurs = money_of(printable_fiches(matiere.convention))
    if not exercices:
        return Partie.ARGENT.label, []
    names = ("prevu", "realise", "demande", "obtenu")
    lignes = [[str(row.annee), *(euros(getattr(row, name), 0) for name in names)] for row in exercices]
    total = total_budget(exercices)
    lignes.append(["Ensemble", *(euros(total[name], 0) for name in names)])
    colonnes = (
        Colonne("Année", 20),
        Colonne("Coût prévu", 20, nombre=True),
        Colonne("Coût réalisé", 20, nombre=True),
        Colonne("Financements demandés", 20, nombre=True),
        Colonne("Financements obtenus", 20, nombre=True),
    )
    contenus: list[Contenu] = [
        Dessin(graphique_budget(exercices)),
        _mots(
            Tableau("Coûts et financements des fiches par année, à l’euro près", colonnes, lignes, total=True)
        ),
    ]
    if abandons := said_of_abandoned(exercices):
        contenus.append(_mots(Texte(abandons)))
    if financeurs:
        tete = (
            Colonne("Financeur", 50),
            Colonne("Demandé", 25, nombre=True),
            Colonne("Obtenu", 25, nombre=True),
        )
        parts = [[part.nom, euros(part.demande, 0), euros(part.obtenu, 0)] for part in financeurs]
        contenus += [
            Dessin(graphique_financeurs(financeurs)),
            _mots(Tableau("Financements des fiches par financeur, à l’euro près", tete, parts)),
        ]
    return Partie.ARGENT.label, contenus


def _financements(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    rows = matiere.financements
    if not rows:
        return Partie.FINANCEMENTS.label, []
    years = sorted({row.exercice for row in rows})
    lignes = [
        _montants(str(year), montants_total(row for row in rows if row.exercice == year)) for year in years
    ]
    lignes.append(_montants("Ensemble", montants_total(rows)))
    colonnes = (
        Colonne("Exercice", 25),
        *(Colonne(name, 25, nombre=True) for name in ("Prévu", "Notifié", "Versé")),
    )
    legende = "Financements de la convention par exercice, à l’euro près"
    # A single bar says nothing that its figure does not.
    dessins: list[Contenu] = [Dessin(graphique_annees(rows))] if len(years) > 1 else []
    return Partie.FINANCEMENTS.label, [*dessins, _mots(Tableau(legende, colonnes, lignes, total=True))]


def _montants(name: str, total: Montants) -> list[str]:
    return [name, *(euros(amount, 0) for amount in (total.prevu, total.notifie, total.verse))]


DECISIONS = (
    Colonne("Numéro", 20),
    Colonne("Décision", 40),
    Colonne("Qui", 20),
    Colonne("Échéance", 20),
)


def _a_suivre(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    lignes = [
        [
            decision.numero,
            decision.texte,
            decision.responsable or VIDE,
            date_fr(decision.echeance) + ("\nen retard" if decision.is_late else ""),
        ]
        for decision in matiere.decisions
        if decision.is_ouverte
    ]
    legende = "Décisions des réunions précédentes qui attendent d’être réalisées"
    contenus: list[Contenu] = [_mots(Tableau(legende, DECISIONS, lignes))] if lignes else []
    return Partie.A_SUIVRE.label, contenus


def _dernieres(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    """Those of the last meeting of the same instance that took any."""
    mine = [
        decision
        for decision in matiere.decisions
        if decision.reunion.instance_id == matiere.reunion.instance_id
    ]
    if not mine:
        return Partie.DERNIERES.label, []
    derniere = max((decision.reunion for decision in mine), key=lambda reunion: reunion.debut)
    taken = sorted(
        (decision for decision in mine if decision.reunion_id == derniere.pk), key=lambda row: row.rang
    )
    colonnes = (Colonne("Numéro", 20), Colonne("Décision", 50), Colonne("Suite", 30))
    lignes = [[decision.numero, decision.texte, suite(decision)] for decision in taken]
    titre = f"Décisions du {date_fr(derniere.debut)}"
    return titre, [
        _mots(Tableau(f"Ce que l’instance a décidé le {date_fr(derniere.debut)}", colonnes, lignes))
    ]


def suite(decision: Decision) -> str:
    """What became of it: « réalisée le 3 mars 2026 », « à réaliser pour le 1er juin 2026, en retard »."""
    if decision.realisee_le:
        return f"réalisée le {date_fr(decision.realisee_le)}"
    if not decision.is_ouverte:
        return "pour acte"
    due = f" pour le {date_fr(decision.echeance)}" if decision.echeance else ""
    return f"à réaliser{due}{', en retard' if decision.is_late else ''}"


def _membres(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    colonnes = (
        Colonne("Organisation", 30),
        Colonne("Fonction", 30),
        Colonne("Nom", 20),
        Colonne("Voix", 20),
    )
    lignes = [
        [
            personne.structure or VIDE,
            f"{personne.fonction}, {personne.get_qualite_display().lower()}",
            personne.nom or VIDE,
            personne.get_voix_display(),
        ]
        for personne in matiere.attendus
    ]
    contenus: list[Contenu] = [_mots(Tableau("Personnes attendues", colonnes, lignes))] if lignes else []
    return Partie.MEMBRES.label, contenus


def _annexes(matiere: Matiere, _: SommaireDossier) -> tuple[str, list[Contenu]]:
    colonnes = (
        Colonne("Annexe", 10),
        Colonne("Titre", 40),
        Colonne("Fichier", 15),
        Colonne("Où la lire", 35),
    )
    lignes = [
        [
            str(row.rang),
            f"{row.titre}\nPoint {row.point} de l’ordre du jour" if row.point else row.titre,
            row.sorte,
            row.suite,
        ]
        for row in matiere.annexes
    ]
    contenus: list[Contenu] = [_mots(Tableau("Annexes de la séance", colonnes, lignes))] if lignes else []
    return Partie.ANNEXES.label, contenus


TROUVER: dict[Partie, Callable[[Matiere, SommaireDossier], tuple[str, list[Contenu]]]] = {
    Partie.DEMANDES: _demandes,
    Partie.ORDRE_DU_JOUR: _ordre_du_jour,
    Partie.FICHES: _fiches,
    Partie.AVANCEMENT: _avancement,
    Partie.CHANGEMENTS: _changements,
    Partie.INDICATEURS: _indicateurs,
    Partie.ARGENT: _argent,
    Partie.FINANCEMENTS: _financements,
    Partie.A_SUIVRE: _a_suivre,
    Partie.DERNIERES: _dernieres,
    Partie.MEMBRES: _membres,
    Partie.ANNEXES: _annexes,
}
