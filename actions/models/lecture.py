"""One fiche read whole, in few queries: names and labels of related rows come as arrays of the same row."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Prefetch
from django.db.models.functions import Coalesce, JSONObject

from actions.models.complements import with_sections
from actions.models.fiche import Etape, FicheAction, FicheActionQuerySet, Pilote, Public, Transition
from actions.models.liens import with_links_within
from actions.models.parts import (
    Bilan,
    Imputation,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.pieces import PieceJointe
from conventions.models import Commune, Convention, Domaine
from diagnostics.models import Constat, Enjeu


def _labels(model: type[models.Model], field: str) -> ArraySubquery:
    """The names of a fiche's related rows, in their own order."""
    rows = model._default_manager.filter(fiches=OuterRef("pk"))
    return ArraySubquery(rows.order_by(*(model._meta.ordering or ()), "pk").values(field))


def _effets() -> Prefetch[Any]:
    effets: Any = FicheAction._meta.get_field("effets").related_model
    return Prefetch("effets", effets._default_manager.select_related("decision"))


def with_effets(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """With the decisions of the instances that touch each fiche, through the reverse relation of governance; one query."""
    return fiches.prefetch_related(_effets())


def for_document(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """What a document says of a fiche, the same whoever asks for it, in nine queries: links to fiches of its plan that
    are neither confidential nor archived, money of its own convention."""
    return rows_of_document(fiches).prefetch_related(*parts_of_document())


def rows_of_document(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """The first of these queries: one row a fiche. The others are ``parts_of_document``; nothing else is read."""
    autres = FicheAction.objects.filter(confidentielle=False, plan=OuterRef("plan")).actives()
    return with_links_within(_rows(fiches), autres).annotate(
        rows_financements=Imputation.objects.rows_of_own_convention()
    )


def parts_of_document() -> list[Prefetch[Any]]:
    """The rows of a fiche that come in their own queries, each with what it says of others in the same row."""
    return [*_parts(), _effets()]


def effets_of(fiche: FicheAction) -> list[Any]:
    """What the decisions of the instances did to a fiche loaded here, the latest decision first; no query."""
    return sorted(
        fiche.effets.all(),
        key=lambda effet: (effet.decision.annee, effet.decision.rang, effet.pk),
        reverse=True,
    )


def for_screen(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """What the page of a fiche shows, in nine queries."""
    return _whole(fiches).prefetch_related(
        Prefetch("journal", with_sections(Transition.objects.select_related("by")))
    )


def _whole(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """Its content, without the journal of its states."""
    return _rows(fiches).prefetch_related(*_parts())


def _rows(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    cadres = Convention.objects.filter(fiches_partagees=OuterRef("pk")).order_by("debut", "pk")
    partenaires = PartenaireFiche.objects.filter(fiche=OuterRef("pk")).order_by("ordre", "pk")
    return (
        fiches.select_related(
            "plan__convention__territoire__departement", "axe", "objectif", "structure_pilote"
        )
        .annotate(
            rows_pieces=PieceJointe.objects.rows_for_fiche(),
            noms_domaines=_labels(Domaine, "intitule"),
            noms_publics=_labels(Public, "intitule"),
            noms_communes=_labels(Commune, "nom"),
            noms_enjeux=_labels(Enjeu, "intitule"),
            noms_constats=_labels(Constat, "intitule"),
            rows_cadres=ArraySubquery(
                cadres.values(row=JSONObject(nature="nature", debut="debut", fin="fin"))
            ),
            rows_partenaires=ArraySubquery(
                partenaires.values(row=JSONObject(nom=Coalesce("organisation__nom", "nom"), role="role"))
            ),
        )
        .with_late()
    )


def _parts() -> list[Prefetch[Any]]:
    mesures = (
        Mesure.objects.filter(indicateur=OuterRef("pk"))
        .order_by("annee")
        .values(row=JSONObject(annee="annee", valeur="valeur", commentaire="commentaire", source="source"))
    )
    return [
        Prefetch("pilotes", Pilote.objects.select_related("user")),
        Prefetch("etapes", Etape.objects.all()),
        Prefetch("lignes_budget", LigneBudget.objects.all()),
        Prefetch("lignes_financement", LigneFinancement.objects.select_related("dispositif", "financeur")),
        Prefetch(
            "indicateurs",
            IndicateurSuivi.objects.annotate(rows_mesures=ArraySubquery(mesures)),
            to_attr="indicateurs_avec_mesures",
        ),
        Prefetch("notes", Note.objects.select_related("auteur")),
        Prefetch("bilans", Bilan.objects.all()),
    ]
