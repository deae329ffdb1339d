"""The formal avis of the CAF on a plan or on one fiche, its réserves, and what became of each."""

import datetime
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils import timezone

from actions.models.fiche import FicheAction
from actions.models.plan import PlanActions
from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import TransitionError, require_transition


class Etat(models.TextChoices):
    ATTENDU = "attendu", "Attendu"
    SIGNE = "signe", "Signé"
    RETIRE = "retire", "Plus attendu"


class Sens(models.TextChoices):
    FAVORABLE = "favorable", "Favorable"
    RESERVES = "reserves", "Favorable avec réserves"
    DEFAVORABLE = "defavorable", "Défavorable"


TRANSITIONS_AVIS = {
    Etat.ATTENDU.value: frozenset({Etat.SIGNE.value, Etat.RETIRE.value}),
    Etat.SIGNE.value: frozenset[str](),
    Etat.RETIRE.value: frozenset[str](),
}


ORDRE = (
    models.Case(models.When(etat=Etat.ATTENDU, then=0), default=1),
    models.Case(models.When(etat=Etat.ATTENDU, then="echeance")),
    "-signe_le",
    "-pk",
)
"""Those that are expected first, the most pressing first; then the latest signed."""


class AvisQuerySet(models.QuerySet["Avis"]):
    def visible_to(self, user: User) -> Self:
        """Those of the plans open to ``user``; on a fiche, to those who read the fiche."""
        return self.filter(plan__in=PlanActions.objects.visible_to(user)).filter(
            Q(fiche=None) | Q(fiche__in=FicheAction.objects.visible_to(user))
        )

    def attendus(self) -> Self:
        """Still to be given."""
        return self.filter(etat=Etat.ATTENDU)

    def signes(self) -> Self:
        return self.filter(etat=Etat.SIGNE)

    def overdue(self, today: datetime.date | None = None) -> Self:
        """Still to be given, and past their date."""
        return self.attendus().filter(echeance__lt=today or timezone.localdate())

    def due_within(self, days: int, today: datetime.date | None = None) -> Self:
        """Still to be given, and due today or in ``days`` days at most: what a reminder speaks of."""
        today = today or timezone.localdate()
        return self.attendus().filter(
            echeance__gte=today, echeance__lte=today + datetime.timedelta(days=days)
        )

    def for_list(self) -> Self:
        """The pending ones first, the most pressing first; then the latest signed."""
        return self.select_related("plan__convention__territoire", "fiche__axe").order_by(*ORDRE)

    def rows_for_fiche(self) -> ArraySubquery:
        """Those of the fiche of the outer query, in the order of ``for_list()``: see ``Avis.from_row``."""
        rows = self.filter(fiche=models.OuterRef("pk")).order_by(*ORDRE)
        names = ("pk", "version", "etat", "echeance", "sens", "signataire", "signe_le")
        return ArraySubquery(rows.values(row=JSONObject(**{name: name for name in names})))

    @transaction.atomic
    def ask(
        self,
        plan: PlanActions,
        *,
        by: User,
        echeance: datetime.date | None,
        fiche: FicheAction | None = None,
    ) -> "Avis":
        """Expect an avis on ``plan``, or on ``fiche``. One that is already expected takes the new date: its words stay."""
        # One avis is expected at a time.
        PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
        avis = Avis.objects.attendus().filter(plan=plan, fiche=fiche).first() or Avis(plan=plan, fiche=fiche)
        avis.version, avis.echeance = plan.version, echeance
        avis.demande_le, avis.demande_par = timezone.now(), by
        avis.save()
        return avis

    def withdraw(self) -> None:
        """Those that are expected no longer are."""
        self.attendus().update(etat=Etat.RETIRE, updated_at=timezone.now())


class Avis(TimestampedModel):
    """What the CAF says of a plan, or of one fiche (``fiche``). Signed, the database refuses any change of it.

    Until then its words are the CAF's own. The name and the function of who signs are kept as they were.
    """

    Etat = Etat
    Sens = Sens

    plan = models.ForeignKey(PlanActions, models.PROTECT, related_name="avis")
    fiche = models.ForeignKey(FicheAction, models.PROTECT, null=True, blank=True, related_name="avis")
    version = models.PositiveSmallIntegerField("version du plan", default=1)
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.ATTENDU, editable=False)
    demande_le = models.DateTimeField("demandé le", default=timezone.now, editable=False)
    demande_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="demandé par", editable=False
    )
    echeance = models.DateField("attendu avant le", null=True, blank=True)
    sens = models.CharField("sens de l’avis", max_length=12, choices=Sens, blank=True)
    texte = models.TextField("texte de l’avis", blank=True)
    signataire = models.CharField("signé par", max_length=150, blank=True, editable=False)
    fonction = models.CharField("fonction", max_length=150, blank=True)
    signe_le = models.DateTimeField("signé le", null=True, blank=True, editable=False)
    signe_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    objects = AvisQuerySet.as_manager()

    class Meta:
        verbose_name = "avis"
        verbose_name_plural = "avis"
        ordering = ["-demande_le", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="avis_signe_complet",
                condition=Q(etat="signe", signe_le__isnull=False, signe_par__isnull=False)
                & ~Q(sens="")
                & ~Q(texte="")
                & ~Q(signataire="")
                | ~Q(etat="signe") & Q(signe_le=None, signe_par=None),
                violation_error_message="Un avis signé a un sens, un texte, un signataire et une date.",
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(etat="attendu", fiche=None),
                name="avis_un_attendu_par_plan",
                violation_error_message="Un avis est déjà attendu sur ce plan.",
            ),
            models.UniqueConstraint(
                fields=["fiche"],
                condition=Q(etat="attendu"),
                name="avis_un_attendu_par_fiche",
                violation_error_message="Un avis est déjà attendu sur cette fiche.",
            ),
        ]
        indexes = [models.Index(fields=["etat", "echeance"], name="avis_attendus")]
        triggers = [
            pgtrigger.Protect(
                name="avis_fige",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__etat="signe"),
            ),
            pgtrigger.Trigger(
                name="avis_de_son_plan",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("plan_id", "fiche_id"),
                when=pgtrigger.Before,
                func="""
                    IF NEW.fiche_id IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM actions_ficheaction f WHERE f.id = NEW.fiche_id AND f.plan_id = NEW.plan_id
                    ) THEN
                        RAISE EXCEPTION 'avis_de_son_plan: fiche of another plan' USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"Avis sur {self.objet}"

    def get_absolute_url(self) -> str:
        return reverse("actions:avis", args=[self.plan.convention.code, self.pk])

    @classmethod
    def from_row(cls, row: dict[str, Any], fiche: FicheAction) -> "Avis":
        """One of ``rows_for_fiche``, to be shown and not saved."""
        days = {"echeance": datetime.date, "signe_le": datetime.datetime}
        read = {name: row[name] and kind.fromisoformat(row[name]) for name, kind in days.items()}
        return cls(**row | read, plan=fiche.plan, fiche=fiche)

    @property
    def convention(self) -> Convention:
        return self.plan.convention

    @property
    def objet(self) -> str:
        """« la fiche 1.1.2 Créer une ludothèque », or « le plan d’actions »."""
        return f"la fiche {self.fiche}" if self.fiche else "le plan d’actions"

    @property
    def is_signe(self) -> bool:
        return self.etat == Etat.SIGNE

    @property
    def is_late(self) -> bool:
        return self.jours_restants is not None and self.jours_restants < 0

    @property
    def jours_restants(self) -> int | None:
        """Days before its date, negative once past; ``None`` when it is not expected, or has no date."""
        if self.etat != Etat.ATTENDU or self.echeance is None:
            return None
        return (self.echeance - timezone.localdate()).days

    def missing(self) -> list[str]:
        """What must still be said before the avis is signed, in French sentences."""
        reserves = list(self.reserves.all())
        checks = (
            (bool(self.sens), "Le sens de l’avis."),
            (bool(self.texte.strip()), "Le texte de l’avis."),
            (self.sens != Sens.RESERVES or bool(reserves), "Au moins une réserve."),
            (
                self.sens != Sens.FAVORABLE or not reserves,
                "Un avis favorable n’a pas de réserve : retirez-les, ou choisissez « favorable avec réserves ».",
            ),
        )
        return [sentence for present, sentence in checks if not present]

    def lock(self) -> None:
        """Lock the row and read it again: whoever comes second sees what the first did."""
        self.refresh_from_db(from_queryset=Avis.objects.select_for_update(of=("self",)))

    @transaction.atomic
    def sign(self, *, by: User, fonction: str = "") -> None:
        """Attendu → signé: what it says no longer changes."""
        self.lock()
        require_transition(
            TRANSITIONS_AVIS,
            self.etat,
            Etat.SIGNE,
            refus="Cet avis est déjà signé : il ne change plus."
            if self.is_signe
            else "Cet avis n’est plus attendu : il ne se signe plus.",
        )
        if manque := self.missing():
            raise TransitionError("Avant la signature, il manque : " + " ".join(manque))
        self.signataire, self.fonction = str(by)[:150], fonction.strip()
        self.signe_le, self.signe_par, self.etat = timezone.now(), by, Etat.SIGNE
        self.save(update_fields=["signataire", "fonction", "signe_le", "signe_par", "etat", "updated_at"])


class EtatReserve(models.TextChoices):
    POSEE = "posee", "Sans réponse"
    REPONDUE = "repondue", "Répondue"
    LEVEE = "levee", "Levée"
    MAINTENUE = "maintenue", "Maintenue"


TRANSITIONS_RESERVE = {
    EtatReserve.POSEE.value: frozenset({EtatReserve.REPONDUE.value, EtatReserve.LEVEE.value}),
    EtatReserve.REPONDUE.value: frozenset({EtatReserve.LEVEE.value, EtatReserve.MAINTENUE.value}),
    EtatReserve.MAINTENUE.value: frozenset({EtatReserve.REPONDUE.value, EtatReserve.LEVEE.value}),
    EtatReserve.LEVEE.value: frozenset[str](),
}


class ReserveQuerySet(models.QuerySet["Reserve"]):
    def visible_to(self, user: User) -> Self:
        """Those of signed avis: until then they are the CAF's own words."""
        return self.filter(avis__in=Avis.objects.visible_to(user).signes())

    def a_repondre(self) -> Self:
        """Without an answer, or maintained after one."""
        return self.filter(etat__in=(EtatReserve.POSEE, EtatReserve.MAINTENUE))


class Reserve(Ordered):
    """What the CAF asks for in an avis. Its words are frozen with the avis; what became of it goes on."""

    Etat = EtatReserve

    avis = models.ForeignKey(Avis, models.CASCADE, related_name="reserves")
    texte = models.TextField("réserve")
    etat = models.CharField(
        "état", max_length=10, choices=EtatReserve, default=EtatReserve.POSEE, editable=False
    )

    objects = ReserveQuerySet.as_manager()

    class Meta:
        verbose_name = "réserve"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="reserve_ecrite",
                condition=~Q(texte=""),
                violation_error_message="Écrivez la réserve.",
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="reserve_figee",
                operation=pgtrigger.Insert
                | pgtrigger.UpdateOf("avis_id", "texte", "ordre")
                | pgtrigger.Delete,
                when=pgtrigger.Before,
                declare=[("etat_avis", "TEXT")],
                # The avis is locked before it is looked at: whoever signs at the same time is waited for.
                func="""
                    IF TG_OP <> 'INSERT' THEN
                        SELECT a.etat INTO etat_avis FROM actions_avis a WHERE a.id = OLD.avis_id FOR SHARE;
                        IF etat_avis = 'signe' THEN
                            RAISE EXCEPTION 'reserve_figee: the avis is signed' USING ERRCODE = '23514';
                        END IF;
                    END IF;
                    IF TG_OP = 'DELETE' THEN
                        RETURN OLD;
                    END IF;
                    SELECT a.etat INTO etat_avis FROM actions_avis a WHERE a.id = NEW.avis_id FOR SHARE;
                    IF etat_avis = 'signe' THEN
                        RAISE EXCEPTION 'reserve_figee: the avis is signed' USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"Réserve {self.ordre + 1}"

    def get_absolute_url(self) -> str:
        return f"{self.avis.get_absolute_url()}#reserve-{self.pk}"

    @transaction.atomic
    def answer(self, *, by: User, texte: str) -> None:
        """Sans réponse or maintenue → répondue."""
        if not texte.strip():
            raise TransitionError("Écrivez la réponse.")
        self._move(EtatReserve.REPONDUE, by=by, texte=texte)

    @transaction.atomic
    def lift(self, *, by: User, texte: str = "") -> None:
        """→ levée: the CAF is content."""
        self._move(EtatReserve.LEVEE, by=by, texte=texte)

    @transaction.atomic
    def uphold(self, *, by: User, texte: str) -> None:
        """Répondue → maintenue, with the reason: another answer is expected."""
        if not texte.strip():
            raise TransitionError("Dites pourquoi la réserve est maintenue.")
        self._move(EtatReserve.MAINTENUE, by=by, texte=texte)

    def _move(self, etat: EtatReserve, *, by: User, texte: str) -> None:
        self.refresh_from_db(from_queryset=Reserve.objects.select_for_update(of=("self",)))
        if not Avis.objects.signes().filter(pk=self.avis_id).exists():
            raise TransitionError("L’avis n’est pas signé : ses réserves attendent.")
        require_transition(
            TRANSITIONS_RESERVE,
            self.etat,
            etat,
            refus=f"Une réserve « {self.get_etat_display().lower()} » ne peut pas passer à « {etat.label.lower()} ».",
        )
        SuiteReserve.objects.create(reserve=self, geste=etat, texte=texte.strip(), auteur=by)
        self.etat = etat
        self.save(update_fields=["etat"])


class SuiteReserve(models.Model):
    """An answer to a réserve, or what the CAF concluded of it: written once."""

    reserve = models.ForeignKey(Reserve, models.CASCADE, related_name="suites")
    geste = models.CharField("geste", max_length=10, choices=EtatReserve)
    texte = models.TextField("texte", blank=True)
    auteur = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "suite d’une réserve"
        verbose_name_plural = "suites des réserves"
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="suitereserve_motivee",
                condition=Q(geste="levee") | ~Q(texte=""),
                violation_error_message="Une réponse et un maintien s’écrivent.",
            )
        ]
        triggers = [
            pgtrigger.Protect(name="suitereserve_figee", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.get_geste_display()}, {self.auteur}"
