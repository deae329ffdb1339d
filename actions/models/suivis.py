"""What has a history besides the columns of a fiche: its rows and its ties, where they are shown and how they are named.

Tracking is set here, in one place: a table added to the fiche gets its history by a line of ``LIGNES`` or of ``LIENS``,
and a migration.
"""

from dataclasses import dataclass
from typing import Any

import pghistory
from django.db import models

from actions.models.fiche import Etape, FicheAction, Pilote, Transition
from actions.models.parts import (
    Bilan,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.plan import Objectif
from actions.models.sections import SECTIONS
from diagnostics.models import Enjeu

DEPART = "depart"
"""The label of a row copied when its history began: known as it was then, by nobody."""
SUPPRIME = "delete"


def _track_row(model: type[models.Model]) -> None:
    pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())(model)


def _track_tie(owner: type[models.Model], name: str) -> type[models.Model]:
    """A proxy of the table of a many-to-many field: the table itself belongs to no migration."""
    through: Any = owner._meta.get_field(name).remote_field.through  # type: ignore[union-attr]  # a many-to-many field
    meta = type("Meta", (), {"proxy": True, "app_label": "actions"})
    title = name.title().replace("_", "")
    proxy = type(f"{owner.__name__}{title}", (through,), {"__module__": __name__, "Meta": meta})
    pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None)(proxy)
    return proxy


@dataclass(frozen=True)
class Lignes:
    """Rows of a fiche. ``nom`` says which columns name a row, ``|`` between those of which the first filled is taken."""

    cle: str
    model: type[models.Model]
    section: str
    titre: str
    champs: tuple[str, ...]
    nom: tuple[str, ...]
    fiche: str = "fiche"
    """The column that leads to the fiche; ``indicateur`` goes through the indicator."""
    avant: str = ""
    """Said before the name: « Bilan »."""
    retirables: bool = True
    """Restoring takes away the rows added since; not what was noted or measured meanwhile."""
    retablies: bool = True
    suivies: bool = False
    """They go on changing after the text of the fiche is validated."""

    @property
    def events(self) -> Any:
        return self.model.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it


@dataclass(frozen=True)
class Liens:
    """A many-to-many field of a fiche."""

    cle: str
    model: type[models.Model]
    section: str
    titre: str
    colonne: str
    cible: type[models.Model]

    @property
    def events(self) -> Any:
        return self.model.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it


LIGNES = (
    Lignes(
        "etapes",
        Etape,
        "modalites",
        "Étapes",
        ("intitule", "responsable", "echeance", "faite_le"),
        ("intitule",),
        suivies=True,
    ),
    Lignes("pilotes", Pilote, "equipe", "Pilotes", ("user", "nom", "fonction"), ("user|nom",)),
    Lignes(
        "partenaires",
        PartenaireFiche,
        "equipe",
        "Partenaires",
        ("organisation", "nom", "role"),
        ("organisation|nom",),
    ),
    Lignes(
        "budget",
        LigneBudget,
        "moyens",
        "Budget",
        ("annee", "nature", "intitule", "prevu", "realise"),
        ("annee", "intitule|nature"),
    ),
    Lignes(
        "financement",
        LigneFinancement,
        "moyens",
        "Plan de financement",
        ("annee", "financeur", "dispositif", "demande", "obtenu", "etat"),
        ("annee", "financeur", "dispositif"),
    ),
    Lignes(
        "indicateurs",
        IndicateurSuivi,
        "evaluation",
        "Indicateurs de suivi",
        ("intitule", "nature", "unite", "valeur_initiale", "date_initiale", "cible", "echeance_cible"),
        ("intitule",),
    ),
    Lignes(
        "mesures",
        Mesure,
        "evaluation",
        "Mesures",
        ("annee", "valeur", "commentaire", "source"),
        ("indicateur", "annee"),
        fiche="indicateur",
        retirables=False,
        suivies=True,
    ),
    Lignes(
        "notes",
        Note,
        "suivi",
        "Notes",
        ("date", "texte"),
        ("date",),
        avant="Note du ",
        retirables=False,
        retablies=False,
        suivies=True,
    ),
    Lignes(
        "bilans",
        Bilan,
        "suivi",
        "Bilans",
        ("annee", "realise", "ecarts", "faits_marquants", "perspectives", "atteinte", "suite"),
        ("annee",),
        avant="Bilan ",
        retirables=False,
        suivies=True,
    ),
)
for _lignes in LIGNES:
    _track_row(_lignes.model)
pghistory.track(pghistory.InsertEvent())(Transition)


def _liens() -> tuple[Liens, ...]:
    found = []
    for section in SECTIONS:
        for name in section.champs:
            field: Any = FicheAction._meta.get_field(name)
            if field.many_to_many:
                titre = str(field.verbose_name)
                proxy = _track_tie(FicheAction, name)
                colonne = f"{field.m2m_reverse_field_name()}_id"
                found.append(
                    Liens(
                        name,
                        proxy,
                        section.slug,
                        titre[:1].upper() + titre[1:],
                        colonne,
                        field.remote_field.model,
                    )
                )
    return tuple(found)


LIENS = _liens()
ENJEUX_OBJECTIF = Liens(
    "enjeux",
    _track_tie(Objectif, "enjeux"),
    "objectif",
    "Enjeux",
    "enjeu_id",
    Enjeu,
)
TOUTES: tuple[Lignes | Liens, ...] = (*LIGNES, *LIENS)
PARTIES = {part.cle: part for part in TOUTES}

HORS_HISTOIRE = frozenset(
    {
        "id",
        "plan",
        "ordre",
        "created_at",
        "updated_at",
        "soumise_le",
        "motif_abandon",
        "redaction",
        "avancement",
    }
)
"""Columns that say nothing to a reader, or that the journal of states says better."""


def _colonnes() -> dict[str, str]:
    """Columns of a fiche that the history shows → their section; a column no section owns is shown with the first one."""
    owners = {name: section.slug for section in SECTIONS for name in section.champs}
    return {
        field.name: owners.get(field.name, SECTIONS[0].slug)
        for field in FicheAction._meta.concrete_fields
        if field.name not in HORS_HISTOIRE
    }


COLONNES = _colonnes()
TITRES = {section.slug: section.titre for section in SECTIONS}
