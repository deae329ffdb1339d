import datetime
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import pghistory
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Max, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention, Domaine, Signataire
from conventions.models.document import Document
from conventions.models.organisation import Organisation
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import require_transition

CONTRAINTES_DE_PERIODE = (
    "convention_debut_avant_fin",
    "convention_horizon_apres_debut",
    "convention_ctg_sans_chevauchement",
)
"""What the database asks of the columns that a change of period writes."""

Periode = tuple[datetime.date, datetime.date]
Errors = dict[str, list[str]]


@dataclass(frozen=True)
class Effets:
    """What an avenant changes, each as (before, after); ``None`` or empty for what it leaves alone."""

    periode: tuple[Periode, Periode] | None
    duree_motif: str
    domaines: tuple[list[str], list[str]] | None
    signataires: tuple[list[str], list[str]] | None
    plan: str


def _next(before: list[str], added: list[str], removed: list[str]) -> list[str]:
    kept = [name for name in before if name not in removed]
    return [*kept, *(name for name in added if name not in kept)]


class AvenantQuerySet(models.QuerySet["Avenant"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_page(self) -> Self:
        """With what it changes, and what the convention has: the page compares them."""
        return self.for_list().prefetch_related(
            "convention__domaines",
            models.Prefetch("convention__signataires", Signataire.objects.select_related("organisation")),
        )

    def for_list(self) -> Self:
        return self.select_related("convention__territoire", "copie").prefetch_related(
            "domaines_ajoutes", "domaines_retires", "organisations_ajoutees", "signataires_retires"
        )


class Statut(models.TextChoices):
    PROJET = "projet", "En projet"
    SIGNE = "signe", "Signé"
    ABANDONNE = "abandonne", "Abandonné"


TRANSITIONS_AVENANT = {Statut.PROJET.value: frozenset({Statut.SIGNE.value, Statut.ABANDONNE.value})}


@pghistory.track()
class Avenant(TimestampedModel):
    """A change of a convention that its signatories agree on: its period, who signs, its domaines, its plan.

    While in project it only says what will change. Once signed, the convention's current values follow
    and ``avant`` keeps what they were (JSON, ISO dates, names), so that the history shows both.
    """

    Statut = Statut

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="avenants")
    numero = models.PositiveSmallIntegerField("numéro", validators=[MinValueValidator(1)])
    objet = models.CharField("objet", max_length=300)
    texte = models.TextField("exposé des motifs", blank=True)
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.PROJET)
    signe_le = models.DateField("signé le", null=True, blank=True)
    nouveau_debut = models.DateField("nouveau début", null=True, blank=True)
    nouvelle_fin = models.DateField("nouvelle fin", null=True, blank=True)
    duree_motif = models.CharField(
        "motif d’une autre durée",
        max_length=300,
        blank=True,
        help_text="Une CTG dure quatre ou cinq ans ; sinon, dites pourquoi.",
    )
    domaines_ajoutes = models.ManyToManyField(Domaine, blank=True, related_name="+")
    domaines_retires = models.ManyToManyField(Domaine, blank=True, related_name="+")
    organisations_ajoutees = models.ManyToManyField(
        Organisation, blank=True, related_name="avenants_rejoints", verbose_name="nouveaux signataires"
    )
    signataires_retires = models.ManyToManyField(
        Signataire, blank=True, related_name="avenants_de_retrait", verbose_name="signataires qui se retirent"
    )
    modification_plan = models.TextField(
        "ce qui change dans le plan", blank=True, help_text="En mots : fiches ajoutées, modifiées, retirées."
    )
    avant = models.JSONField("valeurs d’avant", default=dict, blank=True, editable=False)
    copie = models.ForeignKey(
        Document,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="avenants",
        verbose_name="exemplaire signé",
    )

    objects = AvenantQuerySet.as_manager()

    class Meta:
        verbose_name = "avenant"
        ordering = ["numero", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "numero"],
                name="avenant_numero_unique",
                violation_error_message="Un avenant porte déjà ce numéro.",
            ),
            models.CheckConstraint(
                name="avenant_objet_non_vide",
                condition=~Q(objet=""),
                violation_error_message="Un avenant a un objet.",
            ),
            models.CheckConstraint(
                name="avenant_dates_dans_l_ordre",
                condition=Q(nouveau_debut=None)
                | Q(nouvelle_fin=None)
                | Q(nouveau_debut__lt=F("nouvelle_fin")),
                violation_error_message="La nouvelle fin doit suivre le nouveau début.",
            ),
            models.CheckConstraint(
                name="avenant_signe_date",
                condition=Q(statut="signe", signe_le__isnull=False) | (~Q(statut="signe") & Q(signe_le=None)),
                violation_error_message="Un avenant signé porte la date de sa signature.",
            ),
        ]

    def __str__(self) -> str:
        return f"Avenant n°\u00a0{self.numero}"

    def get_absolute_url(self) -> str:
        return reverse("conventions:avenant", args=[self.convention.code, self.pk])

    @property
    def is_projet(self) -> bool:
        return self.statut == Statut.PROJET

    @property
    def changes_periode(self) -> bool:
        return self.nouveau_debut is not None or self.nouvelle_fin is not None

    @property
    def natures(self) -> list[str]:
        """« période », « signataires »…: what it changes; loaded by ``for_list()``, no query."""
        changed = {
            "période": self.changes_periode,
            "signataires": self.organisations_ajoutees.all() or self.signataires_retires.all(),
            "domaines": self.domaines_ajoutes.all() or self.domaines_retires.all(),
            "plan": self.modification_plan,
        }
        return [nature for nature, found in changed.items() if found]

    def effets(self) -> Effets:
        """Before and after: from ``avant`` once it is signed, from the convention of today before."""
        convention = self.convention
        avant = self.avant
        periode = None
        if self.changes_periode:
            debut, fin = (
                (datetime.date.fromisoformat(avant[name]) if name in avant else getattr(convention, name))
                for name in ("debut", "fin")
            )
            periode = (debut, fin), (self.nouveau_debut or debut, self.nouvelle_fin or fin)
        natures = self.natures
        return Effets(
            periode=periode,
            duree_motif=self.duree_motif if periode else "",
            domaines=self._domaines_change(avant.get("domaines")) if "domaines" in natures else None,
            signataires=self._signataires_change(avant.get("signataires"))
            if "signataires" in natures
            else None,
            plan=self.modification_plan,
        )

    def _domaines_change(self, before: list[str] | None) -> tuple[list[str], list[str]]:
        if before is None:
            before = [str(row) for row in self.convention.domaines.all()]
        added = [str(row) for row in self.domaines_ajoutes.all()]
        return before, _next(before, added, [str(row) for row in self.domaines_retires.all()])

    def _signataires_change(self, before: list[str] | None) -> tuple[list[str], list[str]]:
        rows = list(self.convention.signataires.all())
        if before is None:
            before = [str(row) for row in rows if row.is_actuel]
        added = [str(row) for row in self.organisations_ajoutees.all()]
        leaving = {row.pk for row in self.signataires_retires.all()}
        return before, _next(before, added, [str(row) for row in rows if row.pk in leaving])

    def _with_periode(self, convention: Convention) -> Convention:
        """The same convention with the period of this avenant; not saved."""
        convention.debut = self.nouveau_debut or convention.debut
        convention.fin = self.nouvelle_fin or convention.fin
        # The reason given for the old length says nothing of the new one.
        convention.duree_motif = self.duree_motif
        return convention

    def periode_errors(self) -> Errors:
        """What the convention would refuse of the new period: sentences by field of this avenant."""
        if not self.changes_periode:
            return {}
        convention = self._with_periode(copy(self.convention))
        errors: Errors = {}
        try:
            convention.clean()
        except ValidationError as error:
            errors |= error.message_dict
        for constraint in Convention._meta.constraints:
            if constraint.name in CONTRAINTES_DE_PERIODE:
                try:
                    constraint.validate(Convention, convention)
                except ValidationError as error:
                    errors.setdefault(NON_FIELD_ERRORS, []).extend(error.messages)
        return errors

    def missing_before_signature(self) -> list[str]:
        """What keeps this avenant from being signed, in sentences."""
        convention = self.convention
        if convention.statut == Convention.Statut.PREPARATION:
            return ["La convention n’est pas encore signée\u00a0: elle se modifie sans avenant."]
        if convention.statut in (Convention.Statut.CLOSE, Convention.Statut.RESILIEE):
            return [
                f"La convention est {convention.get_statut_display().lower()}\u00a0: plus rien n’y change."
            ]
        if not self.natures:
            return ["Cet avenant ne change rien encore."]
        return [
            *(sentence for sentences in self.periode_errors().values() for sentence in sentences),
            *self._missing_domaines(convention),
            *self._missing_signataires(convention),
        ]

    def _missing_domaines(self, convention: Convention) -> list[str]:
        held = set(convention.domaines.all())
        return [
            *(
                f"Le domaine «\u00a0{row}\u00a0» est déjà dans la convention."
                for row in self.domaines_ajoutes.all()
                if row in held
            ),
            *(
                f"Le domaine «\u00a0{row}\u00a0» n’est plus dans la convention."
                for row in self.domaines_retires.all()
                if row not in held
            ),
        ]

    def _missing_signataires(self, convention: Convention) -> list[str]:
        rows = list(convention.signataires.all())
        actuels = {row.organisation_id for row in rows if row.is_actuel}
        retires = {row.pk for row in self.signataires_retires.all()}
        leaving = [row for row in rows if row.pk in retires]
        joining = list(self.organisations_ajoutees.all())
        sentences = [
            *(f"{row} est déjà signataire." for row in joining if row.pk in actuels),
            *(f"{row} n’est plus signataire." for row in leaving if not row.is_actuel),
        ]
        if leaving and not joining and len(leaving) >= len(actuels):
            sentences.append("Il ne resterait aucun signataire.")
        return sentences

    def _lock(self) -> Convention:
        """Lock the convention, then this row read again: one avenant of a convention at a time."""
        convention = Convention.objects.select_for_update(of=("self",)).get(pk=self.convention_id)
        self.refresh_from_db(from_queryset=Avenant.objects.select_for_update(of=("self",)))
        self.convention = convention
        return convention

    def _require(self, statut: str) -> None:
        require_transition(
            TRANSITIONS_AVENANT,
            self.statut,
            statut,
            refus=f"Cet avenant est déjà {self.get_statut_display().lower()}\u00a0: il ne change plus.",
        )

    def require_projet(self) -> None:
        """Lock the row; raise ``TransitionError`` when it was signed or abandoned meanwhile."""
        stored = Avenant.objects.select_for_update(of=("self",)).get(pk=self.pk)
        stored._require(Statut.ABANDONNE)

    @transaction.atomic
    def sign(self, *, by: User, signe_le: datetime.date, copie: Document | None = None) -> None:
        """Apply what it says to the convention, and keep in ``avant`` what each replaced value was.

        Raise ``TransitionError`` when it is no longer in project, ``ValidationError`` (French sentences)
        when the convention refuses the change.
        """
        convention = self._lock()
        self._require(Statut.SIGNE)
        if manque := self.missing_before_signature():
            raise ValidationError(manque)
        if signe_le > timezone.localdate():
            raise ValidationError("La date de signature est à venir.")
        if convention.signee_le and signe_le < convention.signee_le:
            raise ValidationError("Un avenant ne se signe pas avant la convention qu’il modifie.")
        with pghistory.context(par=by.pk):
            self.avant = self._apply(convention, signe_le)
            self.statut = Statut.SIGNE
            self.signe_le = signe_le
            self.copie = copie
            self.save(update_fields=["statut", "signe_le", "copie", "avant", "updated_at"])

    def _apply(self, convention: Convention, signe_le: datetime.date) -> dict[str, Any]:
        """Write the change on the convention; what it replaced, as JSON."""
        avant: dict[str, Any] = {}
        natures = self.natures
        if self.changes_periode:
            avant |= {
                "debut": convention.debut.isoformat(),
                "fin": convention.fin.isoformat(),
                "duree_motif": convention.duree_motif,
            }
            self._with_periode(convention).save(update_fields=["debut", "fin", "duree_motif", "updated_at"])
        if "domaines" in natures:
            avant["domaines"] = [str(row) for row in convention.domaines.all()]
            convention.domaines.remove(*self.domaines_retires.all())
            convention.domaines.add(*self.domaines_ajoutes.all())
        if "signataires" in natures:
            actuels = convention.signataires.actuels().select_related("organisation")
            avant["signataires"] = [str(row) for row in actuels]
            self._change_signataires(convention, signe_le)
        return avant

    def _change_signataires(self, convention: Convention, signe_le: datetime.date) -> None:
        """Those who join sign by signing the avenant."""
        leaving = self.signataires_retires.values("pk")
        convention.signataires.filter(pk__in=leaving).update(retire_par=self)
        last = convention.signataires.aggregate(Max("ordre"))["ordre__max"]
        rank = 0 if last is None else last + 1
        for place, organisation in enumerate(self.organisations_ajoutees.all(), start=rank):
            convention.signataires.create(
                organisation=organisation, ordre=place, ajoute_par=self, signe_le=signe_le
            )

    @transaction.atomic
    def abandon(self, *, by: User) -> None:
        """Give it up: it stays in the list and changes nothing."""
        self._lock()
        self._require(Statut.ABANDONNE)
        self.statut = Statut.ABANDONNE
        with pghistory.context(par=by.pk):
            self.save(update_fields=["statut", "updated_at"])
