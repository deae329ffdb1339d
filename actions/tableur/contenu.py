"""A plan read whole for the workbook: its fiches with all their rows, and the lists that their cells choose from.

A constant number of queries, whatever the number of fiches.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.db.models import Model, Prefetch, QuerySet

from actions.forms.tout import PARTIES
from actions.models import (
    Axe,
    Complements,
    FicheAction,
    IndicateurSuivi,
    LigneFinancement,
    Objectif,
    PartenaireFiche,
    Pilote,
    PlanActions,
    Public,
    Transition,
    complements_of,
)
from actions.models.complements import with_sections
from actions.models.fiche import Redaction
from actions.tableur.colonnes import AVANCEMENT, MESURES, PLACE, Liste
from conventions.models import Dispositif, Domaine, Organisation, people_of
from ctg_portal.models import User
from diagnostics.models import Constat, Enjeu

SUIVIES = frozenset({"suivi", "etapes", AVANCEMENT, MESURES})
"""What goes on changing after the text is validated."""
FORMULAIRES = {slug: form for slug, _, form in PARTIES}
TITRES = {slug: titre for slug, titre, _ in PARTIES}


class Contenu:
    """The plan of a convention as ``user`` may read it, archived fiches left out."""

    def __init__(self, plan: PlanActions, user: User) -> None:
        self.plan, self.user = plan, user
        self.convention = plan.convention
        self.axes: list[Axe] = list(plan.axes.prefetch_related("objectifs"))
        self.fiches: dict[int, FicheAction] = {fiche.pk: fiche for fiche in self._fiches()}
        for fiche in self.fiches.values():
            fiche.plan = plan
        self._verrous: dict[tuple[int, str], str] = {}

    def _fiches(self) -> QuerySet[FicheAction]:
        journal = with_sections(Transition.objects.filter(vers=Redaction.A_COMPLETER).select_related("by"))
        indicateurs = IndicateurSuivi.objects.prefetch_related("mesures")
        return (
            FicheAction.objects.visible_to(self.user)
            .filter(plan=self.plan)
            .actives()
            .in_plan_order()
            .select_related("axe", "objectif", "structure_pilote")
            .prefetch_related(
                *("domaines", "publics", "communes", "enjeux", "constats", "cadres__territoire", "etapes"),
                Prefetch("pilotes", Pilote.objects.select_related("user")),
                Prefetch("partenaires", PartenaireFiche.objects.select_related("organisation")),
                "lignes_budget",
                Prefetch(
                    "lignes_financement", LigneFinancement.objects.select_related("financeur", "dispositif")
                ),
                Prefetch("indicateurs", indicateurs),
                Prefetch("journal", journal),
            )
        )

    @property
    def objectifs(self) -> list[Objectif]:
        return [objectif for axe in self.axes for objectif in axe.objectifs.all()]

    @cached_property
    def listes(self) -> dict[str, Liste]:
        """What each list offers, and whatever the fiches already name."""
        convention = self.convention
        named = self._named
        return {
            "axes": Liste(self.axes, aussi=lambda axe: f"{axe.code} {axe.intitule}"),
            "objectifs": Liste(self.objectifs),
            "domaines": Liste([*Domaine.objects.all(), *named("domaines")], _intitule),
            "publics": Liste([*Public.objects.all(), *named("publics")], _intitule),
            "communes": Liste(
                [*convention.territoire.communes.order_by("nom"), *named("communes")], lambda row: row.nom
            ),
            "enjeux": Liste(
                [*Enjeu.objects.filter(diagnostic__convention=convention), *named("enjeux")], _intitule
            ),
            "constats": Liste(
                [*Constat.objects.filter(diagnostic__convention=convention), *named("constats")], _intitule
            ),
            "cadres": Liste([*convention.contrats_lies.select_related("territoire"), *named("cadres")]),
            "organisations": Liste([*self._organisations(), *self._organisations_named()]),
            "dispositifs": Liste(
                [
                    *Dispositif.objects.all(),
                    *(row.dispositif for row in self._financements() if row.dispositif),
                ]
            ),
            "people": Liste([*people_of(convention).order_by("nom", "pk"), *self._pilotes()]),
        }

    @cached_property
    def codes(self) -> set[str]:
        """Those of every fiche of the plan, also of the archived and of those that ``user`` does not read."""
        return set(FicheAction.objects.filter(plan=self.plan).values_list("code", flat=True))

    def _named(self, name: str) -> Iterable[Model]:
        return (row for fiche in self.fiches.values() for row in getattr(fiche, name).all())

    def _organisations(self) -> QuerySet[Organisation]:
        return Organisation.objects.for_convention(self.convention).distinct().order_by("nom", "pk")

    def _organisations_named(self) -> Iterable[Organisation]:
        for fiche in self.fiches.values():
            if fiche.structure_pilote:
                yield fiche.structure_pilote
            yield from (row.organisation for row in fiche.partenaires.all() if row.organisation)
        yield from (row.financeur for row in self._financements())

    def _financements(self) -> Iterable[LigneFinancement]:
        return (row for fiche in self.fiches.values() for row in fiche.lignes_financement.all())

    def _pilotes(self) -> Iterable[User]:
        return (row.user for fiche in self.fiches.values() for row in fiche.pilotes.all() if row.user)

    def complements(self, fiche: FicheAction) -> Complements:
        return complements_of(fiche)

    def refus(self, fiche: FicheAction, section: str) -> str:
        """Why ``user`` may not change that section of ``fiche`` now, in French; « » when they may."""
        key = (fiche.pk, section)
        if key not in self._verrous:
            self._verrous[key] = self._refus(fiche, section)
        return self._verrous[key]

    def _refus(self, fiche: FicheAction, section: str) -> str:
        user = self.user
        if not user.has_perm("actions.write_ficheaction", fiche):
            return "vous n’écrivez pas cette fiche : elle est à la coordination et à ses pilotes."
        if section == PLACE:
            allowed = user.has_perm("actions.place_ficheaction", fiche)
            return "" if allowed else "seule la coordination déplace une fiche dans le plan."
        if section in SUIVIES:
            allowed = user.has_perm("actions.follow_ficheaction", fiche)
        else:
            allowed = user.has_perm("actions.change_ficheaction", fiche)
            complements = self.complements(fiche)
            if allowed and complements.is_locked(section):
                sentence = complements.refus(section)
                return sentence[:1].lower() + sentence[1:]
        label = fiche.get_redaction_display().lower()
        return "" if allowed else f"la fiche est « {label} » : son texte ne change plus pour l’instant."

    def refus_archive(self, fiche: FicheAction) -> str:
        if self.user.has_perm("actions.archive_ficheaction", fiche):
            return ""
        if not self.user.has_perm("actions.coordinate_ficheaction", fiche):
            return "seule la coordination archive une fiche."
        label = fiche.get_redaction_display().lower()
        return f"une fiche « {label} » ne s’archive pas."

    @property
    def coordonne(self) -> bool:
        return bool(self.user.has_perm("actions.change_planactions", self.plan))


def _intitule(row: Any) -> str:
    return str(row.intitule)


def plan_of(convention: Any) -> PlanActions | None:
    """The plan that the convention carries itself, with what the rules read."""
    found = PlanActions.objects.filter(convention=convention)
    return found.select_related("convention__territoire__departement").first()
