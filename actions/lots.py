"""What an export holds: which fiches, what of them, and what is left out, said."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from actions.description import DESCRIPTION, Choix
from actions.models import Axe, FicheAction, PlanActions, plan_tree
from actions.models.arbre import BrancheAxe
from actions.models.fiche import FicheActionQuerySet
from actions.models.lecture import for_document
from conventions.models import Convention, Habilitation
from ctg_portal.templatetags.portal import nombre, pluralize

COMMENTAIRES = "Les commentaires de la relecture et les notes réservées à la CAF n’y sont pas."

CONFIDENTIELLES = "Les fiches confidentielles, s’il y en a, n’y sont pas."


def _left_out(confidentielles: int, roles: Collection[str]) -> list[str]:
    """A number would tell others that confidential fiches exist, and what they are about when the list is filtered."""
    if set(Habilitation.LECTEURS_CONFIDENTIELS).isdisjoint(roles):
        return [CONFIDENTIELLES]
    if not confidentielles:
        return []
    one = confidentielles == 1
    return [
        f"{nombre(confidentielles)} fiche{pluralize(confidentielles)} confidentielle{pluralize(confidentielles)} "
        f"n’y {'est' if one else 'sont'} pas."
    ]


def said_choices(choix: Choix) -> list[str]:
    """What was chosen to be left out, in sentences."""
    said = []
    left = [rubrique.titre for rubrique in DESCRIPTION if rubrique.slug not in choix.rubriques]
    if left:
        said.append(f"Rubriques laissées de côté\u00a0: {', '.join(left)}.")
    if not choix.notes:
        said.append("Sans les notes de suivi.")
    if choix.annees is not None:
        said.append(f"Notes et bilans de {', '.join(map(str, sorted(choix.annees)))} seulement.")
    return said


@dataclass(frozen=True)
class Lot:
    """Fiches to export, in the order of the list they come from; ``entier``: the whole plan."""

    convention: Convention
    pks: Sequence[int]
    choix: Choix
    absents: Sequence[str]
    entier: bool = False
    seule: bool = False

    @classmethod
    def of(
        cls,
        convention: Convention,
        fiches: FicheActionQuerySet,
        choix: Choix,
        roles: Collection[str],
        *,
        entier: bool = False,
    ) -> Self:
        """From what the reader may see: confidential fiches stay on the portal, and that is said."""
        rows = list(dict.fromkeys(fiches.values_list("pk", "confidentielle")))
        kept = [pk for pk, confidentielle in rows if not confidentielle]
        absents = [*_left_out(len(rows) - len(kept), roles), COMMENTAIRES]
        return cls(convention, kept, choix, absents, entier)

    @classmethod
    def alone(cls, fiche: FicheAction, choix: Choix) -> Self:
        """One fiche, confidential or not: whoever may read it may keep it."""
        return cls(fiche.plan.convention, [fiche.pk], choix, [COMMENTAIRES], seule=True)

    @property
    def nom(self) -> str:
        return (
            "Plan d’actions"
            if self.entier
            else "Fiche action"
            if self.seule
            else "Sélection de fiches action"
        )

    @property
    def mentions(self) -> list[str]:
        """What the file says of itself."""
        return [*said_choices(self.choix), *self.absents]

    def fiches(self) -> list[FicheAction]:
        """Whole, in nine queries, in the order of the list."""
        found = {fiche.pk: fiche for fiche in for_document(FicheAction.objects.filter(pk__in=self.pks))}
        return [found[pk] for pk in self.pks if pk in found]

    def branches(self) -> list[BrancheAxe]:
        """In the order of the plan, under their axes; axes without any are left out of a selection."""
        fiches = for_document(FicheAction.objects.filter(pk__in=self.pks).in_plan_order())
        plan = self.plan()
        axes: Iterable[Axe] = Axe.objects.filter(plan=plan).prefetch_related("objectifs") if plan else []
        tree = plan_tree(axes, fiches)
        return tree if self.entier else [branche for branche in tree if branche.toutes]

    def plan(self) -> PlanActions | None:
        """The plan that holds them: of the convention, or of the CTG that a linked contract shares."""
        owner = self.convention.principale_id or self.convention.pk
        return PlanActions.objects.filter(convention=owner).select_related("convention__territoire").first()
