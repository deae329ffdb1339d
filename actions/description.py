"""What a fiche holds, told once and in order: the screen, the PDF, the Word file, the tables and the data are drawn from it.

A field is added to a fiche here, in one place: a ``Champ`` or a ``Table`` of ``DESCRIPTION``. The words that name it are
those of the model (``label_of``), as the history says them, unless none of its columns says it. Everything is read from a
fiche loaded by ``lecture.for_document()`` or by what the page adds to ``lecture.for_screen()``: no query.

Nothing here depends on the day but whether a date is past: the same fiche is said with the same words tomorrow.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any

from django.db import models

from actions.models.differences import label_of
from actions.models.fiche import SECTIONS, Avancement, Etape, FicheAction
from actions.models.lecture import effets_of
from actions.models.liens import links_of
from actions.models.parts import Bilan, IndicateurSuivi, LigneBudget, LigneFinancement, Mesure, Note
from actions.models.pieces import PieceJointe, pieces_of
from ctg_portal.templatetags.portal import ESPACE_INSECABLE, date_fr, euros, nombre

Valeur = Any
"""What a field holds: ``str``, ``list[str]``, ``Decimal``, ``int``, ``date``, ``bool``, a code, or ``None``."""


class Genre(StrEnum):
    """What a value is, so that each drawing knows what to do with it."""

    LIGNE = "ligne"
    TEXTE = "texte"
    """A long text as ``ctg_portal.textes`` reads it."""
    NOMS = "noms"
    """A list of short names, said on one line."""
    LISTE = "liste"
    """A list of sentences, one below the other."""
    NOMBRE = "nombre"
    MONTANT = "montant"
    """Euros and cents."""
    ANNEE = "annee"
    DATE = "date"
    CHOIX = "choix"
    """A code, said by its label."""
    OUI = "oui"
    """True or false; only true is said."""
    TABLE = "table"
    """In a column: rows of another table, each said on one line."""


LISTES = frozenset({Genre.NOMS, Genre.LISTE})
COURTE = 5
"""Rows of a table that paper does not cut: with three on each side of a break, a shorter one is not cut anyway."""


def is_empty(valeur: Valeur) -> bool:
    """Nothing was given. Zero is something; false is not said."""
    return valeur is None or valeur is False or valeur == "" or valeur == []


def words_of(genre: Genre, valeur: Valeur, choix: Mapping[str, str]) -> str:
    """A value as people read it; « » when there is none."""
    if is_empty(valeur):
        return ""
    if genre in LISTES:
        return (", " if genre is Genre.NOMS else "\n").join(valeur)
    said: dict[Genre, Callable[[Valeur], str]] = {
        Genre.NOMBRE: nombre,
        Genre.MONTANT: euros,
        Genre.DATE: date_fr,
        Genre.CHOIX: lambda code: choix.get(code, str(code)),
        Genre.OUI: lambda _: "oui",
    }
    return said.get(genre, str)(valeur)


@dataclass(frozen=True)
class Champ:
    """A field of a fiche. ``lire`` takes a loaded fiche and gives its value."""

    cle: str
    libelle: str
    genre: Genre
    lire: Callable[[FicheAction], Valeur]
    choix: Mapping[str, str] = field(default_factory=dict)
    sinon: str = ""
    """What an empty value means, said everywhere: « Toutes les communes du territoire »."""
    vide: str = "Non renseigné"
    """What the page says of an empty value; paper leaves it out."""
    discret: bool = False
    """The page leaves it out too when it is empty."""
    en_titre: bool = False
    """Part of the title of the fiche: told there, not among the fields."""
    couvre: tuple[str, ...] = ()
    """Columns of the models that it says, as « Pilote.nom »; its own column is ``FicheAction.<cle>``."""


@dataclass(frozen=True)
class Colonne:
    """A column of a table. ``largeur`` in hundredths of the drawn table, by fives.

    ``sous`` names the column below which its value is drawn, with its label unless ``muette``: a sheet has room for a few.
    """

    cle: str
    libelle: str
    genre: Genre
    largeur: int = 0
    choix: Mapping[str, str] = field(default_factory=dict)
    sous: str = ""
    muette: bool = False
    colonnes: tuple["Colonne", ...] = ()
    """Of the rows that it holds, for ``Genre.TABLE``."""
    dire: Callable[[Any], str] = str
    """How such a row is said on one line."""
    courbe: str = ""
    """What the row carries to draw beside its words, on paper."""

    @property
    def is_nombre(self) -> bool:
        return self.genre in (Genre.NOMBRE, Genre.MONTANT)


@dataclass(frozen=True)
class Table:
    """Rows of a fiche. ``lire`` gives one mapping a row, by key of column; ``None`` where nothing was entered.

    A row may carry more than its columns, for one drawing: the key of a decision, the curve of an indicator.
    """

    cle: str
    libelle: str
    colonnes: tuple[Colonne, ...]
    lire: Callable[[FicheAction], list[dict[str, Valeur]]]
    vide: str
    precision: str = ""
    """What its caption adds: the unit."""
    en_blocs: bool = False
    """Its cells are long: each row is drawn as a title (its first columns, ``en_tete``) and its texts below."""
    en_tete: Callable[[dict[str, Valeur]], str] = str
    titres: tuple[str, ...] = ()
    """The columns that ``en_tete`` says."""
    total: bool = False
    """Its last row is one."""
    discret: bool = False
    annuelle: Callable[[dict[str, Valeur]], int | None] | None = None
    """The year of a row that one may choose to leave out of a document."""
    modele: type[models.Model] | None = None
    """Whose columns it says: those of the same key, and ``couvre``."""
    couvre: tuple[str, ...] = ()

    @property
    def legende(self) -> str:
        return f"{self.libelle}, {self.precision}" if self.precision else self.libelle


@dataclass(frozen=True)
class Rubrique:
    """A part of the fiche, with its fields and tables in reading order."""

    slug: str
    titre: str
    contenu: tuple[Champ | Table, ...]


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


def _rows(names: Sequence[str], rows: Iterable[Any]) -> list[dict[str, Valeur]]:
    return [{name: getattr(row, name) for name in names} for row in rows]


def _retard(fiche: FicheAction) -> str:
    """Since when it is late, never for how long: a printed sheet is still true tomorrow."""
    depuis = fiche.retard_depuis
    if depuis is None:
        return ""
    if fiche.is_late_by_etape:
        return f"une étape en retard depuis le {date_fr(depuis)}"
    return f"en retard depuis le {date_fr(fiche.echeance)}"


def _pilotes(fiche: FicheAction) -> list[str]:
    found = []
    for pilote in fiche.pilotes.all():
        ecrit = pilote.user is not None and pilote.nom and pilote.nom != pilote.user.nom
        found.append(
            f"{pilote}{f', {pilote.fonction}' if pilote.fonction else ''}"
            f"{f' (écrit « {pilote.nom} »)' if ecrit else ''}"
        )
    return found


def _partenaires(fiche: FicheAction) -> list[str]:
    rows: list[dict[str, str]] = fiche.rows_partenaires  # type: ignore[attr-defined]  # annotated
    return [row["nom"] + (f"{ESPACE_INSECABLE}: {row['role']}" if row["role"] else "") for row in rows]


def _prochaine_etape(fiche: FicheAction) -> str:
    etape = fiche.suivi.prochaine_etape
    if etape is None:
        return ""
    due = f", pour le {date_fr(etape.echeance)}" if etape.echeance else ""
    return f"{etape.intitule}{due}{f' ({etape.responsable})' if etape.responsable else ''}"


def _etapes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            **{
                name: getattr(ligne.etape, name)
                for name in ("intitule", "responsable", "echeance", "faite_le")
            },
            "remarques": [*(["en retard"] if ligne.jours_de_retard else []), *ligne.remarques],
        }
        for ligne in fiche.suivi.etapes
    ]


def _equilibre(fiche: FicheAction) -> list[str]:
    """The balance of the money in sentences, with what the totals leave out."""
    budget = fiche.suivi.budget
    said = list(budget.phrases)
    if budget.hors_periode:
        years = ", ".join(str(annee) for annee in budget.hors_periode)
        said.append(
            f"{years}{ESPACE_INSECABLE}: hors de la convention ({fiche.convention.periode}), compté dans les totaux."
        )
    if budget.refuses is not None:
        said.append(f"Les financements refusés ({euros(budget.refuses)}) ne comptent pas.")
    return said


def _exercices(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """The money by year, years without any left out, and the total in the last row."""
    budget = fiche.suivi.budget
    if budget.is_vide:
        return []
    kept = [exercice for exercice in budget.exercices if not exercice.is_vide]
    return [
        {
            "annee": exercice.annee,
            "hors_periode": "hors convention" if exercice.hors_periode else "",
            **{
                f"{nature}_{name}": getattr(getattr(exercice, nature), name)
                for nature in ("fonctionnement", "investissement", "total")
                for name in ("prevu", "realise")
            },
            "demande": exercice.demande,
            "obtenu": exercice.obtenu,
            "equilibre": exercice.equilibre,
        }
        for exercice in [*kept, budget.total]
    ]


def _imputes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """Money of the contracts that pays the action, as ``ImputationQuerySet.rows_for_page`` loads it."""
    rows: list[dict[str, Any]] = getattr(fiche, "rows_financements", [])
    names = ("exercice", "dispositif", "financeur", "beneficiaire", "prevu", "notifie", "verse")
    found = []
    for row in rows:
        said = {name: row[name] for name in names}
        for name in ("prevu", "notifie", "verse"):
            said[name] = None if row[name] is None else Decimal(row[name])
        said["contrat"] = "" if row["code"] == fiche.convention.code else row["convention"]
        found.append(said)
    return found


def dire_mesure(mesure: Mapping[str, Valeur]) -> str:
    """« 2024 : 12, malgré les travaux (source : CAF) »."""
    valeur = "non mesuré" if mesure["valeur"] is None else nombre(mesure["valeur"])
    comment = f", {mesure['commentaire']}" if mesure["commentaire"] else ""
    source = f" (source{ESPACE_INSECABLE}: {mesure['source']})" if mesure["source"] else ""
    return f"{mesure['annee']}{ESPACE_INSECABLE}: {valeur}{comment}{source}"


def _indicateurs(fiche: FicheAction) -> list[dict[str, Valeur]]:
    names = ("intitule", "nature", "unite", "valeur_initiale", "date_initiale", "cible", "echeance_cible")
    return [
        {
            **{name: getattr(trajectoire.indicateur, name) for name in names},
            "situation": trajectoire.phrase,
            "mesures": [
                {name: getattr(releve, name) for name in ("annee", "valeur", "commentaire", "source")}
                for releve in trajectoire.releves
            ],
            "courbe": trajectoire.courbe,
        }
        for trajectoire in fiche.suivi.trajectoires
    ]


def _notes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {"date": note.date, "auteur": str(note.auteur), "texte": note.texte} for note in fiche.notes.all()
    ]


def _decisions(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            "numero": effet.decision.numero,
            "texte": effet.decision.texte,
            "effet": effet.get_effet_display(),
            "decision": effet.decision_id,
        }
        for effet in effets_of(fiche)
    ]


_BILAN = ("annee", "atteinte", "suite", "realise", "ecarts", "faits_marquants", "perspectives")


def _tete_bilan(bilan: Mapping[str, Valeur]) -> str:
    """« Bilan 2024 : atteint en partie, poursuivre »."""
    said = [
        str(Bilan.Atteinte(bilan["atteinte"]).label).lower() if bilan["atteinte"] else "",
        str(Bilan.Suite(bilan["suite"]).label).lower() if bilan["suite"] else "",
    ]
    outcome = ", ".join(filter(None, said))
    return f"Bilan {bilan['annee']}{f'{ESPACE_INSECABLE}: {outcome}' if outcome else ''}"


def _pieces(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            "titre": piece.titre,
            "nom_fichier": piece.nom_fichier,
            "date": piece.date,
            "deposee_le": piece.deposee_le,
            "auteur": piece.auteur,
        }
        for piece in pieces_of(fiche)
    ]


def _liens(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """Those that the loaded row carries: what the reader may see, or what a document may hold."""
    if not hasattr(fiche, "rows_liens_vers"):
        return []
    return [
        {
            "lien": bout.titre,
            "autre": bout.autre,
            "contrat": bout.convention if bout.convention_code != fiche.convention.code else "",
            "alerte": bout.alerte,
        }
        for bout in links_of(fiche)
    ]


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
            _etapes,
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
            _pilotes,
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
            _partenaires,
            vide="Aucun partenaire",
            couvre=("PartenaireFiche.organisation", "PartenaireFiche.nom", "PartenaireFiche.role"),
        ),
    ),
    "moyens": (
        _champ("etp"),
        _champ("moyens_humains"),
        _champ("moyens_materiels"),
        _champ("moyens_techniques"),
        Champ("equilibre", "Équilibre du budget", Genre.LISTE, _equilibre, discret=True),
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
            _exercices,
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
            lambda fiche: _rows(
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
                for row in _rows(
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
            _imputes,
            vide="Aucun financement imputé",
            precision="en euros",
            discret=True,
        ),
    ),
    "calendrier": (
        _champ("debut"),
        _champ("echeance", vide="sans échéance"),
        Champ("retard", "Retard", Genre.LIGNE, _retard, discret=True),
        _champ("fin_reelle"),
        _champ("rythme"),
        Champ("prochaine_etape", "Prochaine étape", Genre.LIGNE, _prochaine_etape, vide="–"),
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
                    dire=dire_mesure,
                    courbe="courbe",
                ),
            ),
            _indicateurs,
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
            _notes,
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
            _decisions,
            vide="Aucune décision ne porte sur cette fiche",
        ),
        Table(
            "bilans",
            "Bilans",
            tuple(_colonne(Bilan, name) for name in _BILAN),
            lambda fiche: _rows(_BILAN, fiche.bilans.all()),
            vide="Aucun bilan",
            en_blocs=True,
            en_tete=_tete_bilan,
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
            _pieces,
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
            _liens,
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


@dataclass(frozen=True)
class ChampLu:
    """A field with what one fiche says of it."""

    champ: Champ
    valeur: Valeur

    @property
    def is_vide(self) -> bool:
        return is_empty(self.valeur) and not self.champ.sinon

    @property
    def is_sinon(self) -> bool:
        """Nothing was chosen, which means something."""
        return is_empty(self.valeur) and bool(self.champ.sinon)

    @property
    def texte(self) -> str:
        """In words; « » when there is nothing to say."""
        return words_of(self.champ.genre, self.valeur, self.champ.choix) or self.champ.sinon

    @property
    def textes(self) -> list[str]:
        """The items of a list."""
        return list(self.valeur) if self.champ.genre in LISTES else [self.texte]

    @property
    def forme(self) -> str:
        """How it is drawn: « fait » (a name and a few words), « texte » or « liste »."""
        return {Genre.TEXTE: "texte", Genre.LISTE: "liste"}.get(self.champ.genre, "fait")


@dataclass(frozen=True)
class CelluleLue:
    """A cell: its own words (one line each), then those of the columns drawn below it."""

    colonne: Colonne
    textes: list[str]
    dessous: list[str]
    courbe: Any = None

    @property
    def is_vide(self) -> bool:
        return not self.textes and not self.dessous


@dataclass(frozen=True)
class BlocLu:
    """A row drawn as a title and texts: (label or « », text)."""

    titre: str
    textes: list[tuple[str, str]]


@dataclass(frozen=True)
class TableLue:
    """A table with the rows of one fiche."""

    table: Table
    lignes: list[dict[str, Valeur]]

    @property
    def is_vide(self) -> bool:
        return not self.lignes

    @property
    def is_courte(self) -> bool:
        """Short enough to stay on one sheet of paper."""
        return len(self.lignes) <= COURTE

    @property
    def forme(self) -> str:
        """« table », or « blocs »."""
        return "blocs" if self.table.en_blocs else "table"

    @property
    def colonnes(self) -> list[Colonne]:
        """Those that are drawn: one where every row is silent is left out, unless it is the first."""
        heads = [colonne for colonne in self.table.colonnes if not colonne.sous]
        said = {
            colonne.sous or colonne.cle
            for colonne in self.table.colonnes
            for ligne in self.lignes
            if not is_empty(ligne[colonne.cle])
        }
        return [colonne for rank, colonne in enumerate(heads) if rank == 0 or colonne.cle in said]

    @property
    def tetes(self) -> list[Colonne]:
        """All those that have a head, said or not: the page keeps its columns."""
        return [colonne for colonne in self.table.colonnes if not colonne.sous]

    @property
    def libelles(self) -> dict[str, str]:
        """By key, those of the rows inside a cell too."""
        inside = [column for colonne in self.table.colonnes for column in colonne.colonnes]
        return {colonne.cle: colonne.libelle for colonne in [*inside, *self.table.colonnes]}

    @property
    def largeurs(self) -> list[int]:
        """Hundredths of the table for each drawn column, by fives: what is left out is shared in proportion."""
        given = [colonne.largeur for colonne in self.colonnes]
        widths = [width * 100 // sum(given) // 5 * 5 for width in given]
        wanting = sorted(range(len(given)), key=lambda rank: widths[rank] - given[rank] * 100 / sum(given))
        for rank in wanting[: (100 - sum(widths)) // 5]:
            widths[rank] += 5
        return widths

    @property
    def entetes(self) -> list[tuple[Colonne, int]]:
        """Drawn columns with their widths."""
        return list(zip(self.colonnes, self.largeurs, strict=True))

    @property
    def rangees(self) -> list[list[CelluleLue]]:
        """The cells of each row, drawn columns only."""
        columns = self.colonnes
        return [[self._cellule(colonne, ligne) for colonne in columns] for ligne in self.lignes]

    def _cellule(self, colonne: Colonne, ligne: Mapping[str, Valeur]) -> CelluleLue:
        textes = list(texts_of(colonne, ligne[colonne.cle]))
        if self.table.total and ligne is self.lignes[-1] and colonne is self.table.colonnes[0]:
            textes = ["Total"]
        below = []
        for other in self.table.colonnes:
            if other.sous == colonne.cle:
                for text in texts_of(other, ligne[other.cle]):
                    below.append(text if other.muette else f"{other.libelle}{ESPACE_INSECABLE}: {text}")
        return CelluleLue(colonne, textes, below, ligne.get(colonne.courbe))

    @property
    def blocs(self) -> list[BlocLu]:
        """Rows as titles and texts; a single text needs no label."""
        texts = [colonne for colonne in self.table.colonnes if colonne.cle not in self.table.titres]
        return [
            BlocLu(
                self.table.en_tete(ligne),
                [
                    (colonne.libelle if len(texts) > 1 else "", str(ligne[colonne.cle]))
                    for colonne in texts
                    if not is_empty(ligne[colonne.cle])
                ],
            )
            for ligne in self.lignes
        ]


def texts_of(colonne: Colonne, valeur: Valeur) -> Iterator[str]:
    """The lines of a cell; none when nothing was given."""
    if is_empty(valeur):
        return
    if colonne.genre is Genre.TABLE:
        yield from (colonne.dire(row) for row in valeur)
    elif colonne.genre in LISTES:
        yield from valeur
    else:
        yield words_of(colonne.genre, valeur, colonne.choix)


Lu = ChampLu | TableLue


@dataclass(frozen=True)
class RubriqueLue:
    """A part of one fiche."""

    rubrique: Rubrique
    contenu: list[Lu]

    @property
    def is_vide(self) -> bool:
        return all(lu.is_vide for lu in self.contenu)

    @property
    def groupes(self) -> list[tuple[str, list[Lu]]]:
        """What is drawn together, in order: facts that follow one another make one list, the rest stands alone."""
        found: list[tuple[str, list[Lu]]] = []
        for lu in self.contenu:
            if lu.forme == "fait" and found and found[-1][0] == "faits":
                found[-1][1].append(lu)
            else:
                found.append(("faits" if lu.forme == "fait" else lu.forme, [lu]))
        return found


@dataclass(frozen=True)
class Choix:
    """What a document takes of the fiches; everything by default."""

    rubriques: frozenset[str] = frozenset(rubrique.slug for rubrique in DESCRIPTION)
    annees: frozenset[int] | None = None
    """Years of the notes and bilans; ``None``: all."""
    notes: bool = True

    def keeps(self, table: Table, ligne: dict[str, Valeur]) -> bool:
        if table.cle == "notes" and not self.notes:
            return False
        return self.annees is None or table.annuelle is None or table.annuelle(ligne) in self.annees


TOUT = Choix()
SANS_NOTES = Choix(notes=False)
"""What a plan or a selection says unless more is asked: notes are written from day to day, for those who follow."""


def read_fiche(fiche: FicheAction, choix: Choix = TOUT) -> list[RubriqueLue]:
    """Every chosen rubrique of a loaded fiche with all its fields and tables, empty ones too; what its title says is
    left to it."""
    found = []
    for rubrique in DESCRIPTION:
        if rubrique.slug in choix.rubriques:
            contenu: list[Lu] = []
            for part in rubrique.contenu:
                if isinstance(part, Champ):
                    if not part.en_titre:
                        contenu.append(ChampLu(part, part.lire(fiche)))
                else:
                    rows = [ligne for ligne in part.lire(fiche) if choix.keeps(part, ligne)]
                    contenu.append(TableLue(part, rows))
            found.append(RubriqueLue(rubrique, contenu))
    return found


def read_for_paper(fiche: FicheAction, choix: Choix = TOUT) -> list[RubriqueLue]:
    """The same without what is empty: neither a dash nor a title stands for what nobody wrote."""
    return [
        RubriqueLue(lue.rubrique, [lu for lu in lue.contenu if not lu.is_vide])
        for lue in read_fiche(fiche, choix)
        if not lue.is_vide
    ]


def read_for_screen(fiche: FicheAction) -> dict[str, RubriqueLue]:
    """By slug, with what the page says of empty fields; the discreet ones left out when they are."""
    return {
        lue.rubrique.slug: RubriqueLue(
            lue.rubrique, [lu for lu in lue.contenu if not (lu.is_vide and _part(lu).discret)]
        )
        for lue in read_fiche(fiche)
    }


def _part(lu: Lu) -> Champ | Table:
    return lu.champ if isinstance(lu, ChampLu) else lu.table


def chapeau_of(fiche: FicheAction) -> str:
    """The line below the title on paper: where the action stands, who leads it, when."""
    days: list[datetime.date | None] = [fiche.debut, fiche.echeance]
    said = [
        str(Avancement(fiche.avancement).label) + (f", {late}" if (late := _retard(fiche)) else ""),
        str(fiche.structure_pilote or ""),
        f"{date_fr(days[0])} → {date_fr(days[1])}" if all(days) else "",
    ]
    return " · ".join(filter(None, said))
