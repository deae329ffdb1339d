"""What a fiche holds, told once and in order. A field is added to a fiche here, in one place."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.db import models

from actions.description import lignes
from actions.description.forme import Champ, Colonne, Genre, Rubrique, Table, Valeur
from actions.models.differences import label_of
from actions.models.fiche import Etape, FicheAction
from actions.models.parts import Bilan, IndicateurSuivi, LigneBudget, LigneFinancement, Mesure, Note
from actions.models.pieces import PieceJointe
from actions.models.sections import SECTIONS
from ctg_portal.templatetags.portal import date_fr

_GENRES: tuple[tuple[type[models.Field[Any, Any]], Genre], ...] = (
    (models.ManyToManyField, Genre.NOMS),
    (models.TextField, Genre.TEXTE),
    (models.DateField, Genre.DATE),
    (models.BooleanField, Genre.OUI),
    (models.DecimalField, Genre.NOMBRE),
    (models.IntegerField, Genre.NOMBRE),
)


def _genre_of(column: Any) -> Genre:
    if column.choices:
        return Genre.CHOIX
    if str(column.verbose_name).endswith("(€)"):
        return Genre.MONTANT
    if column.name == "annee":
        return Genre.ANNEE
    return next((genre for kind, genre in _GENRES if isinstance(column, kind)), Genre.LIGNE)


def _choix(column: Any) -> dict[str, str]:
    return {str(code): str(label) for code, label in column.flatchoices}


def _champ(name: str, lire: Callable[[FicheAction], Valeur] | None = None, **more: Any) -> Champ:
    """The field that a column of the fiche is, in the model's words."""
    column = FicheAction._meta.get_field(name)
    said = {"libelle": label_of(column), "genre": _genre_of(column), "choix": _choix(column)} | more
    return Champ(name, lire=lire or attrgetter(name), **said)


def _noms(name: str, **more: Any) -> Champ:
    """The names of what a fiche is tied to."""
    return _champ(name, lambda fiche: list(fiche.labels[name]), **more)


def _colonne(model: type[models.Model], name: str, largeur: int = 0, **more: Any) -> Colonne:
    """The column that a column of ``model`` is, in its words."""
    column = model._meta.get_field(name)
    said = {"libelle": label_of(column), "genre": _genre_of(column), "choix": _choix(column)} | more
    return Colonne(name, largeur=largeur, **said)


_CONTENU: dict[str, tuple[Champ | Table, ...]] = {
    "identite": (
        _champ("code", en_titre=True),
        _champ("intitule", en_titre=True),
        _champ("axe", lambda fiche: str(fiche.axe)),
        _champ(
            "objectif",
            lambda fiche: str(fiche.objectif) if fiche.objectif else "",
            vide="Directement sous l’axe",
        ),
        _champ("avancement"),
        _champ("redaction"),
        _noms("domaines"),
        _champ("nature", vide="Non renseignée"),
        _champ("priorite", vide="Non fixée par les élus"),
        _champ("cadres", attrgetter("cadres_labels"), libelle="Contrats"),
        _noms("communes", sinon="Toutes les communes du territoire"),
        _champ("confidentielle", discret=True),
    ),
    "contexte": (
        _noms("enjeux", genre=Genre.LISTE, vide="Aucun enjeu choisi"),
        _noms("constats", genre=Genre.LISTE, vide="Aucun constat choisi", discret=True),
        _champ("besoins"),
        _champ("dispositifs_existants"),
    ),
    "objectifs": (
        _champ("objectif_general"),
        _champ("objectifs_specifiques"),
        _champ("changements_attendus"),
    ),
    "modalites": (
        _champ("modalites"),
        Table(
            "etapes",
            "Étapes",
            (
                _colonne(Etape, "intitule", 40),
                _colonne(Etape, "responsable", 20),
                _colonne(Etape, "echeance", 20),
                Colonne("remarques", "Remarques", Genre.LISTE, sous="echeance", muette=True),
                _colonne(Etape, "faite_le", 20),
            ),
            lignes.rows_etapes,
            vide="Aucune étape",
            modele=Etape,
        ),
    ),
    "public": (
        _noms("publics"),
        _champ("effectif_attendu"),
        _champ("public_precisions", discret=True),
    ),
    "equipe": (
        _champ(
            "structure_pilote",
            lambda fiche: str(fiche.structure_pilote) if fiche.structure_pilote else "",
            vide="Non renseignée",
        ),
        Champ(
            "pilotes",
            "Pilotes",
            Genre.NOMS,
            lignes.say_pilotes,
            vide="Aucun pilote",
            couvre=("Pilote.user", "Pilote.nom", "Pilote.fonction"),
        ),
        _champ("elu_referent"),
        _champ("referent_caf"),
        _champ("referent_msa"),
        _champ("equipe_projet", discret=True),
        Champ(
            "partenaires",
            "Partenaires",
            Genre.LISTE,
            lignes.say_partenaires,
            vide="Aucun partenaire",
            couvre=("PartenaireFiche.organisation", "PartenaireFiche.nom", "PartenaireFiche.role"),
        ),
    ),
    "moyens": (
        _champ("etp"),
        _champ("moyens_humains"),
        _champ("moyens_materiels"),
        _champ("moyens_techniques"),
        Champ("equilibre", "Équilibre du budget", Genre.LISTE, lignes.say_equilibre, discret=True),
        Table(
            "exercices",
            "Budget par année",
            (
                Colonne("annee", "Année", Genre.ANNEE, 15),
                Colonne("hors_periode", "Hors convention", Genre.LIGNE, sous="annee", muette=True),
                Colonne("fonctionnement_prevu", "Fonctionnement", Genre.MONTANT, 20),
                Colonne("fonctionnement_realise", "réalisé", Genre.MONTANT, sous="fonctionnement_prevu"),
                Colonne("investissement_prevu", "Investissement", Genre.MONTANT, 20),
                Colonne("investissement_realise", "réalisé", Genre.MONTANT, sous="investissement_prevu"),
                Colonne("total_prevu", "Coût total", Genre.MONTANT, 15),
                Colonne("total_realise", "réalisé", Genre.MONTANT, sous="total_prevu"),
                Colonne("demande", "Financements", Genre.MONTANT, 15),
                Colonne("obtenu", "obtenu", Genre.MONTANT, sous="demande"),
                Colonne("equilibre", "Équilibre", Genre.LIGNE, 15),
            ),
            lignes.rows_exercices,
            vide="Aucun montant",
            precision="en euros\u202f: coûts prévus, financements demandés",
            total=True,
            discret=True,
        ),
        Table(
            "lignes_budget",
            "Lignes de budget",
            (
                _colonne(LigneBudget, "annee", 10),
                _colonne(LigneBudget, "intitule", 35),
                _colonne(LigneBudget, "nature", 20),
                _colonne(LigneBudget, "prevu", 20),
                _colonne(LigneBudget, "realise", 15),
            ),
            lambda fiche: lignes.rows_with(
                ("annee", "intitule", "nature", "prevu", "realise"), fiche.lignes_budget.all()
            ),
            vide="Aucune ligne de budget",
            precision="en euros",
            modele=LigneBudget,
        ),
        Table(
            "lignes_financement",
            "Plan de financement",
            (
                _colonne(LigneFinancement, "annee", 10),
                _colonne(LigneFinancement, "financeur", 25),
                _colonne(LigneFinancement, "dispositif", 20),
                _colonne(LigneFinancement, "etat", 15),
                _colonne(LigneFinancement, "demande", 15),
                _colonne(LigneFinancement, "obtenu", 15),
            ),
            lambda fiche: [
                row
                | {
                    "financeur": str(row["financeur"]),
                    "dispositif": str(row["dispositif"]) if row["dispositif"] else "",
                }
                for row in lignes.rows_with(
                    ("annee", "financeur", "dispositif", "etat", "demande", "obtenu"),
                    fiche.lignes_financement.all(),
                )
            ],
            vide="Aucun financement",
            precision="en euros",
            modele=LigneFinancement,
        ),
        Table(
            "financements_imputes",
            "Financements des contrats imputés à la fiche",
            (
                Colonne("exercice", "Exercice", Genre.ANNEE, 15),
                Colonne("dispositif", "Dispositif", Genre.LIGNE, 20),
                Colonne("contrat", "Contrat", Genre.LIGNE, sous="dispositif"),
                Colonne("financeur", "Financeur", Genre.LIGNE, 20),
                Colonne("beneficiaire", "Bénéficiaire", Genre.LIGNE, sous="financeur"),
                Colonne("prevu", "Prévu", Genre.MONTANT, 15),
                Colonne("notifie", "Notifié", Genre.MONTANT, 15),
                Colonne("verse", "Versé", Genre.MONTANT, 15),
            ),
            lignes.rows_imputes,
            vide="Aucun financement imputé",
            precision="en euros",
            discret=True,
        ),
    ),
    "calendrier": (
        _champ("debut"),
        _champ("echeance", vide="sans échéance"),
        Champ("retard", "Retard", Genre.LIGNE, lignes.say_retard, discret=True),
        _champ("fin_reelle"),
        _champ("rythme"),
        Champ("prochaine_etape", "Prochaine étape", Genre.LIGNE, lignes.say_prochaine_etape, vide="–"),
    ),
    "evaluation": (
        _champ("methode_evaluation"),
        Table(
            "indicateurs",
            "Indicateurs de suivi",
            (
                _colonne(IndicateurSuivi, "intitule", 30),
                _colonne(IndicateurSuivi, "nature", sous="intitule", muette=True),
                _colonne(IndicateurSuivi, "unite", sous="intitule"),
                Colonne("situation", "Où il en est", Genre.LIGNE, sous="intitule", muette=True),
                _colonne(IndicateurSuivi, "valeur_initiale", 20),
                _colonne(IndicateurSuivi, "date_initiale", sous="valeur_initiale"),
                _colonne(IndicateurSuivi, "cible", 20),
                _colonne(IndicateurSuivi, "echeance_cible", sous="cible"),
                Colonne(
                    "mesures",
                    "Mesures",
                    Genre.TABLE,
                    30,
                    colonnes=tuple(
                        _colonne(Mesure, name) for name in ("annee", "valeur", "commentaire", "source")
                    ),
                    dire=lignes.dire_mesure,
                    courbe="courbe",
                ),
            ),
            lignes.rows_indicateurs,
            vide="Aucun indicateur",
            modele=IndicateurSuivi,
            couvre=("Mesure.annee", "Mesure.valeur", "Mesure.commentaire", "Mesure.source"),
        ),
    ),
    "suivi": (
        _champ("motif_abandon", discret=True),
        _champ("difficultes"),
        _champ("prochaines_etapes"),
        Table(
            "notes",
            "Notes",
            (
                _colonne(Note, "date"),
                Colonne("auteur", "Auteur", Genre.LIGNE),
                _colonne(Note, "texte"),
            ),
            lignes.rows_notes,
            vide="Aucune note",
            en_blocs=True,
            en_tete=lambda note: f"{date_fr(note['date'])}, {note['auteur']}",
            titres=("date", "auteur"),
            annuelle=lambda note: note["date"].year,
            modele=Note,
        ),
        Table(
            "decisions",
            "Décisions des instances",
            (
                Colonne("numero", "Numéro", Genre.LIGNE, 20),
                Colonne("texte", "Décision", Genre.LIGNE, 55),
                Colonne("effet", "Effet", Genre.LIGNE, 25),
            ),
            lignes.rows_decisions,
            vide="Aucune décision ne porte sur cette fiche",
        ),
        Table(
            "bilans",
            "Bilans",
            tuple(_colonne(Bilan, name) for name in lignes.BILAN),
            lambda fiche: lignes.rows_with(lignes.BILAN, fiche.bilans.all()),
            vide="Aucun bilan",
            en_blocs=True,
            en_tete=lignes.head_of_bilan,
            titres=("annee", "atteinte", "suite"),
            annuelle=lambda bilan: bilan["annee"],
            modele=Bilan,
        ),
    ),
    "pieces": (
        Table(
            "pieces",
            "Pièces jointes",
            (
                _colonne(PieceJointe, "titre", 45),
                _colonne(PieceJointe, "nom_fichier", sous="titre"),
                _colonne(PieceJointe, "date", 20, libelle="Date"),
                Colonne("deposee_le", "Jointe le", Genre.DATE, 20),
                Colonne("auteur", "Jointe par", Genre.LIGNE, 15),
            ),
            lignes.rows_pieces,
            vide="Aucune pièce jointe.",
            modele=PieceJointe,
        ),
    ),
    "liens": (
        Table(
            "liens",
            "Fiches liées",
            (
                Colonne("lien", "Lien", Genre.LIGNE, 25),
                Colonne("autre", "Fiche", Genre.LIGNE, 75),
                Colonne("contrat", "Contrat", Genre.LIGNE, sous="autre"),
                Colonne("alerte", "À savoir", Genre.LIGNE, sous="autre", muette=True),
            ),
            lignes.rows_liens,
            vide="Aucune fiche liée. Dites de quelles fiches celle-ci dépend, ou laquelle elle remplace.",
        ),
    ),
}

TITRES_ANNEXES = {"pieces": "Pièces jointes", "liens": "Fiches liées"}
"""Rubriques that no column of the fiche fills: ``SECTIONS`` does not have them."""

DESCRIPTION: tuple[Rubrique, ...] = tuple(
    Rubrique(slug, titre, _CONTENU[slug])
    for slug, titre in [*((s.slug, s.titre) for s in SECTIONS), *TITRES_ANNEXES.items()]
)
"""The content of a fiche, in the order of its page."""

HORS_DESCRIPTION = {
    "id": "la clé, que personne ne lit",
    "plan": "dit par le document et par l’adresse",
    "ordre": "la place : c’est l’ordre des fiches",
    "created_at": "dit par l’historique",
    "updated_at": "dit par l’historique",
    "soumise_le": "dit par le journal de la fiche",
}
"""Columns of a fiche that its content leaves out, and why."""

CHAMPS: dict[str, Champ] = {
    part.cle: part for rubrique in DESCRIPTION for part in rubrique.contenu if isinstance(part, Champ)
}
TABLES: dict[str, Table] = {
    part.cle: part for rubrique in DESCRIPTION for part in rubrique.contenu if isinstance(part, Table)
}
