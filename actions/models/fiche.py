import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Self

import pghistory
import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Prefetch, Q, Value, When
from django.urls import reverse
from django.utils import timezone

from actions.models.etats import (
    AVANCEMENT_TRANSITIONS,
    AVANCEMENTS_FINIS,
    REDACTION_TRANSITIONS,
    Avancement,
    Redaction,
)
from actions.models.noms import key_of_name
from actions.models.plan import Axe, Objectif, PlanActions
from actions.models.suivi import Suivi
from conventions.models import Commune, Convention, Domaine, Habilitation, Organisation, Signataire
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError, require_transition
from diagnostics.models import Constat, Enjeu


class Public(Ordered):
    """A « public cible » of the list that fiches choose from."""

    code = models.SlugField("code", max_length=50, unique=True)
    intitule = models.CharField("intitulé", max_length=100, unique=True)

    class Meta:
        verbose_name = "public"
        ordering = ["ordre", "intitule"]

    def __str__(self) -> str:
        return self.intitule


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


PLACE = ("plan", "axe__ordre", "axe", F("objectif__ordre").asc(nulls_first=True), "objectif", "ordre", "pk")
"""The order of a plan."""


class FicheActionQuerySet(models.QuerySet["FicheAction"]):
    def visible_to(self, user: User) -> Self:
        """Fiches of the conventions open to ``user``; a confidential one only to those who answer for it.

        These are its coordination, the CAF, the élus and its own pilotes.
        """
        if not user.is_authenticated:
            return self.none()
        habilitations = Habilitation.objects.filter(user=user, role__in=Habilitation.LECTEURS_CONFIDENTIELS)
        open_to_reader = (
            Q(plan__convention__in=habilitations.filter(convention__isnull=False).values("convention"))
            | Q(
                plan__convention__in=Signataire.objects.actuels()
                .filter(
                    organisation__in=habilitations.filter(organisation__isnull=False).values("organisation")
                )
                .values("convention")
            )
            | Q(
                plan__convention__territoire__organisation__in=habilitations.filter(
                    organisation__isnull=False
                ).values("organisation")
            )
        )
        piloted = Exists(Pilote.objects.filter(fiche=OuterRef("pk"), user=user))
        return self.filter(plan__convention__in=Convention.objects.visible_to(user)).filter(
            Q(confidentielle=False) | open_to_reader | piloted
        )

    def of_convention(self, convention: Convention) -> Self:
        """The plan of a CTG; for a linked contract, the fiches of other plans that it carries too."""
        return self.filter(
            Q(plan__convention=convention) | Q(pk__in=convention.fiches_partagees.values("pk"))
        )

    def actives(self) -> Self:
        """Without those that are archived."""
        return self.exclude(redaction=Redaction.ARCHIVEE)

    def in_plan_order(self) -> Self:
        """As the plan shows them: axe, fiches directly under the axe first, then each objectif's."""
        return self.order_by(*PLACE)

    def late(self, today: datetime.date | None = None) -> Self:
        """Not finished, and past the planned end or with a step overdue."""
        return self.with_late(today).filter(is_late_db=True)

    def with_late(self, today: datetime.date | None = None) -> Self:
        """Annotate ``is_late_db`` and ``etape_en_retard_le`` (the oldest overdue step), so that lists compute it in SQL."""
        today = today or timezone.localdate()
        overdue = Etape.objects.filter(fiche=OuterRef("pk"), faite_le=None, echeance__lt=today)
        unfinished = ~Q(avancement__in=AVANCEMENTS_FINIS) & ~Q(redaction=Redaction.ARCHIVEE)
        return self.annotate(
            etape_en_retard_le=models.Subquery(overdue.order_by("echeance").values("echeance")[:1]),
            is_late_db=Case(
                When(unfinished & (Q(echeance__lt=today) | Exists(overdue)), then=Value(True)),
                default=Value(False),
                output_field=models.BooleanField(),
            ),
        )

    def with_counts(self) -> Self:
        """Annotate ``nb_pilotes``, ``nb_indicateurs``, and the threads of the whole team: ``nb_ouverts`` (without an
        answer), ``nb_repondus``. The CAF's own notes are counted for nobody: a number would tell that they exist.
        """
        equipe = Q(commentaires__portee="equipe")
        return self.annotate(
            nb_pilotes=Count("pilotes", distinct=True),
            nb_indicateurs=Count("indicateurs", distinct=True),
            nb_ouverts=Count("commentaires", filter=equipe & Q(commentaires__etat="ouvert"), distinct=True),
            nb_repondus=Count("commentaires", filter=equipe & Q(commentaires__etat="repondu"), distinct=True),
        )

    def for_list(self) -> Self:
        """What a row of the plan or of the table shows, in a constant number of queries."""
        return (
            self.select_related("plan__convention__territoire", "axe", "objectif", "structure_pilote")
            .prefetch_related(Prefetch("pilotes", Pilote.objects.select_related("user")))
            .with_late()
            .with_counts()
        )

    def for_page(self) -> Self:
        """Everything the page and the PDF of a fiche show, in a constant number of queries."""
        return (
            self.select_related(
                "plan__convention__territoire__organisation", "axe", "objectif", "structure_pilote"
            )
            .prefetch_related(
                "domaines",
                "cadres__territoire",
                "communes",
                "constats",
                "enjeux",
                "publics",
                "pilotes__user",
                "partenaires__organisation",
                "etapes",
                "lignes_budget",
                "lignes_financement__dispositif",
                "lignes_financement__financeur",
                Prefetch("indicateurs", to_attr="indicateurs_avec_mesures"),
                "indicateurs_avec_mesures__mesures",
                "notes__auteur",
                "bilans",
                "journal__by",
                "commentaires__auteur",
                "commentaires__resolu_par",
                "commentaires__suites__auteur",
            )
            .with_late()
            .with_counts()
        )

    def next_ordre(self, objectif: Objectif | None, axe: Axe) -> int:
        """The place after the last sibling."""
        last = self.filter(axe=axe, objectif=objectif).aggregate(last=Max("ordre"))["last"]
        return 0 if last is None else last + 1


@pghistory.track()
class FicheAction(TimestampedModel, Ordered):
    """An action of the plan, under an objectif or directly under an axe.

    Two lives, two fields: ``redaction`` (how far the text is) and ``avancement`` (how far the action
    is). Being late is computed, never chosen.
    """

    Redaction = Redaction
    Avancement = Avancement

    class Nature(models.TextChoices):
        EXISTANTE = "existante", "Existante, à maintenir"
        A_DEVELOPPER = "a_developper", "À développer"
        NOUVELLE = "nouvelle", "Nouvelle"
        ETUDE = "etude", "Étude ou expérimentation"

    class Priorite(models.TextChoices):
        HAUTE = "haute", "Haute"
        MOYENNE = "moyenne", "Moyenne"
        BASSE = "basse", "Basse"

    class Rythme(models.TextChoices):
        PONCTUELLE = "ponctuelle", "Ponctuelle"
        RECURRENTE = "recurrente", "Récurrente"

    plan = models.ForeignKey(PlanActions, models.CASCADE, related_name="fiches")
    axe = models.ForeignKey(Axe, models.PROTECT, related_name="fiches")
    objectif = models.ForeignKey(Objectif, models.PROTECT, null=True, blank=True, related_name="fiches")
    redaction = models.CharField("rédaction", max_length=15, choices=Redaction, default=Redaction.BROUILLON)
    avancement = models.CharField("avancement", max_length=15, choices=Avancement, default=Avancement.A_VENIR)
    motif_abandon = models.TextField("motif de l’abandon", blank=True)
    soumise_le = models.DateTimeField("soumise le", null=True, blank=True, editable=False)

    # 1. Identité
    code = models.CharField(
        "numéro",
        max_length=20,
        blank=True,
        help_text="Affiché, comme 2.1.3 ; il peut changer, la fiche reste.",
    )
    intitule = models.CharField("intitulé", max_length=300)
    domaines = models.ManyToManyField(Domaine, blank=True, related_name="fiches")
    nature = models.CharField("nature", max_length=15, choices=Nature, blank=True)
    priorite = models.CharField(
        "priorité", max_length=10, choices=Priorite, blank=True, help_text="Fixée par les élus."
    )
    cadres = models.ManyToManyField(
        Convention,
        blank=True,
        related_name="fiches_partagees",
        verbose_name="autres contrats",
        help_text="Les contrats liés qui portent aussi cette fiche ; la CTG la porte toujours.",
    )
    communes = models.ManyToManyField(
        Commune,
        blank=True,
        related_name="fiches",
        verbose_name="communes concernées",
        help_text="Aucune choisie : toutes les communes du territoire.",
    )
    confidentielle = models.BooleanField(
        "fiche confidentielle",
        default=False,
        help_text="Réservée à la coordination, à la CAF, aux élus et à ses pilotes.",
    )
    # 2. Contexte
    constats = models.ManyToManyField(Constat, blank=True, related_name="fiches")
    enjeux = models.ManyToManyField(Enjeu, blank=True, related_name="fiches")
    besoins = models.TextField("besoins constatés", blank=True)
    dispositifs_existants = models.TextField("dispositifs existants", blank=True)
    # 3. Objectifs et finalités
    objectif_general = models.TextField("objectif général", blank=True)
    objectifs_specifiques = models.TextField("objectifs spécifiques", blank=True)
    changements_attendus = models.TextField("changements et résultats attendus", blank=True)
    # 4. Modalités
    modalites = models.TextField("description", blank=True)
    # 5. Public
    publics = models.ManyToManyField(Public, blank=True, related_name="fiches", verbose_name="publics cibles")
    public_precisions = models.TextField("précisions sur le public", blank=True)
    effectif_attendu = models.PositiveIntegerField("nombre de personnes attendues", null=True, blank=True)
    # 6. Équipe projet et partenaires
    structure_pilote = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="fiches_pilotees",
        verbose_name="structure pilote",
    )
    elu_referent = models.CharField("élu·e référent·e", max_length=150, blank=True)
    referent_caf = models.CharField("référent·e CAF", max_length=150, blank=True)
    referent_msa = models.CharField("référent·e MSA", max_length=150, blank=True)
    equipe_projet = models.TextField("équipe projet", blank=True)
    # 7. Moyens
    moyens_humains = models.TextField("moyens humains", blank=True)
    etp = models.DecimalField(
        "équivalents temps plein",
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    moyens_materiels = models.TextField("moyens matériels", blank=True)
    moyens_techniques = models.TextField("moyens techniques", blank=True)
    # 8. Calendrier
    debut = models.DateField("début", null=True, blank=True)
    echeance = models.DateField("échéance", null=True, blank=True, help_text="Fin prévue de l’action.")
    fin_reelle = models.DateField("fin réelle", null=True, blank=True)
    rythme = models.CharField("rythme", max_length=12, choices=Rythme, default=Rythme.PONCTUELLE)
    # 9. Évaluation
    methode_evaluation = models.TextField("méthode d’évaluation", blank=True)
    # 10. Suivi
    difficultes = models.TextField("difficultés rencontrées", blank=True)
    prochaines_etapes = models.TextField("prochaines étapes", blank=True)

    objects = FicheActionQuerySet.as_manager()

    class Meta:
        verbose_name = "fiche action"
        verbose_name_plural = "fiches action"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="ficheaction_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Une fiche a un intitulé.",
            ),
            models.CheckConstraint(
                name="ficheaction_echeance_apres_debut",
                condition=Q(debut=None) | Q(echeance=None) | Q(echeance__gte=F("debut")),
                violation_error_message="L’échéance ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                name="ficheaction_fin_reelle_apres_debut",
                condition=Q(debut=None) | Q(fin_reelle=None) | Q(fin_reelle__gte=F("debut")),
                violation_error_message="La fin réelle ne peut pas précéder le début.",
            ),
            models.CheckConstraint(
                name="ficheaction_abandon_motive",
                condition=~Q(avancement="abandonnee") | ~Q(motif_abandon=""),
                violation_error_message="Dites pourquoi la fiche est abandonnée.",
            ),
            models.CheckConstraint(
                name="ficheaction_soumise_datee",
                condition=~Q(redaction__in=("en_relecture", "validee")) | Q(soumise_le__isnull=False),
                violation_error_message="Une fiche envoyée à la relecture porte la date de l’envoi.",
            ),
            models.CheckConstraint(
                name="ficheaction_etp_positif",
                condition=Q(etp=None) | Q(etp__gte=0),
                violation_error_message="Les équivalents temps plein ne peuvent pas être négatifs.",
            ),
        ]
        indexes = [
            models.Index(fields=["plan", "axe", "objectif", "ordre"], name="ficheaction_place"),
            models.Index(fields=["redaction"], name="ficheaction_redaction"),
            index_texte(
                "ficheaction_texte",
                "intitule",
                "code",
                "besoins",
                "dispositifs_existants",
                "objectif_general",
                "objectifs_specifiques",
                "changements_attendus",
                "modalites",
                "public_precisions",
                "elu_referent",
                "referent_caf",
                "referent_msa",
                "equipe_projet",
                "moyens_humains",
                "moyens_materiels",
                "moyens_techniques",
                "methode_evaluation",
                "difficultes",
                "prochaines_etapes",
                "motif_abandon",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="ficheaction_dans_son_plan",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("plan_id", "axe_id", "objectif_id"),
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM actions_axe a WHERE a.id = NEW.axe_id AND a.plan_id = NEW.plan_id) THEN
                        RAISE EXCEPTION 'ficheaction_dans_son_plan: axe of another plan' USING ERRCODE = '23514';
                    END IF;
                    IF NEW.objectif_id IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM actions_objectif o WHERE o.id = NEW.objectif_id AND o.axe_id = NEW.axe_id
                    ) THEN
                        RAISE EXCEPTION 'ficheaction_dans_son_plan: objectif of another axe' USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.intitule}".strip()

    def get_absolute_url(self) -> str:
        return reverse("actions:fiche", args=[self.plan.convention.code, self.pk])

    @property
    def convention(self) -> Convention:
        return self.plan.convention

    @property
    def is_finie(self) -> bool:
        return self.avancement in AVANCEMENTS_FINIS

    @property
    def is_late(self) -> bool:
        """Not finished, and past its planned end or with a step overdue."""
        return self.retard_depuis is not None

    @property
    def retard_depuis(self) -> datetime.date | None:
        """The oldest date missed: the échéance, or that of a step not done. ``None`` when not late.

        Rows loaded by ``with_late()`` carry what is needed; others read their steps.
        """
        if self.is_finie or self.redaction == Redaction.ARCHIVEE:
            return None
        today = timezone.localdate()
        if hasattr(self, "etape_en_retard_le"):
            etape: datetime.date | None = self.etape_en_retard_le
        else:
            etape = min(
                (
                    e.echeance
                    for e in self.etapes.all()
                    if e.faite_le is None and e.echeance and e.echeance < today
                ),
                default=None,
            )
        missed = [day for day in (etape, self.echeance) if day and day < today]
        return min(missed, default=None)

    @property
    def is_late_by_etape(self) -> bool:
        """Late because of a step: its own échéance is still to come, or was never given."""
        return self.is_late and (self.echeance is None or self.echeance >= timezone.localdate())

    @property
    def jours_de_retard(self) -> int:
        """Days past the échéance; past the oldest step due when only steps are late (``is_late_by_etape``)."""
        depuis = self.retard_depuis if self.is_late_by_etape else self.is_late and self.echeance
        return (timezone.localdate() - depuis).days if depuis else 0

    @property
    def labels(self) -> dict[str, list[str]]:
        """Names of what the fiche is tied to: domaines, publics, communes, enjeux, constats.

        Rows loaded by ``lecture.for_screen()`` carry them; others read them through ``all()``.
        """
        names = ("domaines", "publics", "communes", "enjeux", "constats")
        if hasattr(self, "noms_domaines"):
            return {name: getattr(self, f"noms_{name}") for name in names}
        return {name: [str(row) for row in getattr(self, name).all()] for name in names}

    @property
    def cadres_labels(self) -> list[str]:
        """The contracts that carry the fiche: its CTG first, then the linked ones, as « GMR 2022–2025 »."""
        convention = self.plan.convention
        own = f"{convention.sigle} {convention.periode}"
        if hasattr(self, "rows_cadres"):
            return [
                own,
                *(
                    f"{Convention.SIGLES[r['nature']]} {r['debut'][:4]}–{r['fin'][:4]}"
                    for r in self.rows_cadres
                ),
            ]
        return [own, *(f"{cadre.sigle} {cadre.periode}" for cadre in self.cadres.all())]

    @property
    def dernier_renvoi(self) -> "Transition | None":
        """The last time the CAF, or the coordination, asked for more."""
        return next((line for line in self.journal.all() if line.vers == Redaction.A_COMPLETER), None)

    @property
    def budget(self) -> dict[str, Decimal | None]:
        """Totals in euros of the loaded lines: prevu, realise, demande, obtenu, and ``ecart`` (prevu less demande).

        ``None`` where nothing was entered; refused fundings are left out; no ``ecart`` without both sides.
        """
        lignes = self.lignes_budget.all()
        financements = [ligne for ligne in self.lignes_financement.all() if ligne.etat != "refuse"]
        totaux = {name: _total(getattr(ligne, name) for ligne in lignes) for name in ("prevu", "realise")}
        totaux |= {
            name: _total(getattr(ligne, name) for ligne in financements) for name in ("demande", "obtenu")
        }
        prevu, demande = totaux["prevu"], totaux["demande"]
        return totaux | {"ecart": None if prevu is None or demande is None else prevu - demande}

    @property
    def suivi(self) -> Suivi:
        """Its steps, its money and its indicators as they are shown."""
        return Suivi(self)

    def same_code(self, user: User) -> list["FicheAction"]:
        """Other fiches of the plan, open to ``user``, that show the same number; one query.

        A number is what is displayed, not a key: two may share it, and whoever writes is told.
        """
        others = FicheAction.objects.visible_to(user).actives().filter(plan=self.plan_id, code=self.code)
        return list(others.exclude(pk=self.pk).order_by("pk")) if self.code else []

    def manques(self) -> list[tuple[str, str]]:
        """What is missing before the fiche can be sent to the CAF: (slug of the section, French sentence)."""
        labels = self.labels
        checks: Sequence[tuple[bool, str, str]] = (
            (bool(self.code), "identite", "Le numéro de la fiche."),
            (bool(labels["domaines"]), "identite", "Au moins un domaine."),
            (bool(self.besoins), "contexte", "Le contexte : les besoins constatés."),
            (bool(self.objectif_general), "objectifs", "L’objectif général."),
            (bool(self.modalites), "modalites", "La description de la mise en œuvre."),
            (bool(labels["publics"]), "public", "Au moins un public cible."),
            (self.structure_pilote_id is not None, "equipe", "La structure pilote."),
            (bool(self.pilotes.all()), "equipe", "Un·e pilote."),
            (self.echeance is not None, "calendrier", "L’échéance."),
            (bool(self._loaded_indicateurs()), "evaluation", "Au moins un indicateur de suivi."),
        )
        return [(section, sentence) for present, section, sentence in checks if not present]

    def missing(self) -> list[str]:
        """The sentences of ``manques()``, in the order of the sections."""
        return [sentence for _, sentence in self.manques()]

    def _loaded_indicateurs(self) -> Iterable[object]:
        if hasattr(self, "indicateurs_avec_mesures"):
            return self.indicateurs_avec_mesures
        return self.indicateurs.all()

    @transaction.atomic
    def submit(self, *, by: User) -> None:
        """Send to the CAF: brouillon or à compléter → en relecture."""
        self._lock()
        require_transition(
            REDACTION_TRANSITIONS,
            self.redaction,
            Redaction.EN_RELECTURE,
            refus=self._refus_redaction("être envoyée à la relecture"),
        )
        if manque := self.missing():
            raise TransitionError("Avant l’envoi à la CAF, il manque : " + " ".join(manque))
        self.soumise_le = timezone.now()
        self._move_redaction(Redaction.EN_RELECTURE, by=by)

    @transaction.atomic
    def ask_completion(self, *, by: User, motif: str, sections: Iterable[str] = ()) -> None:
        """En relecture or validée → à compléter; ``motif`` says what is expected.

        ``sections`` (slugs) opens those alone, and locks the others; without any, the whole fiche is open.
        """
        self._lock()
        require_transition(
            REDACTION_TRANSITIONS,
            self.redaction,
            Redaction.A_COMPLETER,
            refus=self._refus_redaction("être renvoyée « à compléter »"),
        )
        if not motif.strip():
            raise TransitionError("Dites ce qu’il faut compléter.")
        demande = self._move_redaction(Redaction.A_COMPLETER, by=by, motif=motif.strip())
        for section in dict.fromkeys(sections):
            demande.sections_demandees.create(section=section, par=by)

    @transaction.atomic
    def validate(self, *, by: User) -> None:
        """En relecture → validée."""
        self._lock()
        require_transition(
            REDACTION_TRANSITIONS,
            self.redaction,
            Redaction.VALIDEE,
            refus=self._refus_redaction("être validée"),
        )
        self._move_redaction(Redaction.VALIDEE, by=by)

    @transaction.atomic
    def archive(self, *, by: User, motif: str = "") -> None:
        """Put aside: out of lists and totals, never deleted."""
        self._lock()
        require_transition(
            REDACTION_TRANSITIONS,
            self.redaction,
            Redaction.ARCHIVEE,
            refus=self._refus_redaction("être archivée"),
        )
        self._move_redaction(Redaction.ARCHIVEE, by=by, motif=motif.strip())

    @transaction.atomic
    def restore(self, *, by: User) -> None:
        """Archivée → brouillon."""
        self._lock()
        if self.redaction != Redaction.ARCHIVEE:
            raise TransitionError(self._refus_redaction("être reprise des archives"))
        self._move_redaction(Redaction.BROUILLON, by=by)

    @transaction.atomic
    def move_avancement(
        self, avancement: str, *, by: User, motif: str = "", fin_reelle: datetime.date | None = None
    ) -> None:
        """Change how far the action is. An abandon needs its reason; an end takes its date (today by default)."""
        self._lock()
        motif = motif.strip()
        self.fin_reelle = self.check_avancement(avancement, motif=motif, fin_reelle=fin_reelle)
        self.motif_abandon = motif if avancement == Avancement.ABANDONNEE else ""
        self._journal(Transition.Champ.AVANCEMENT, self.avancement, avancement, by=by, motif=motif)
        self.avancement = avancement
        self.save(update_fields=["avancement", "motif_abandon", "fin_reelle", "updated_at"])

    def check_avancement(
        self, avancement: str, *, motif: str, fin_reelle: datetime.date | None = None
    ) -> datetime.date | None:
        """The real end that ``avancement`` would give; ``TransitionError`` says what stands in the way. Nothing is written."""
        if self.redaction == Redaction.ARCHIVEE:
            raise TransitionError("Cette fiche est archivée : son avancement ne change plus.")
        require_transition(
            AVANCEMENT_TRANSITIONS,
            self.avancement,
            avancement,
            refus=f"Une action « {self.get_avancement_display().lower()} » ne peut pas passer à « {Avancement(avancement).label.lower()} ».",
        )
        if avancement == Avancement.ABANDONNEE and not motif:
            raise TransitionError("Dites pourquoi la fiche est abandonnée.")
        if avancement != Avancement.REALISEE:
            return None
        fin = fin_reelle or timezone.localdate()
        if self.debut and fin < self.debut:
            raise TransitionError("La fin réelle ne peut pas précéder le début de l’action.")
        return fin

    def abandon(self, *, by: User, motif: str) -> None:
        """Any unfinished avancement → abandonnée, with its reason."""
        self.move_avancement(Avancement.ABANDONNEE, by=by, motif=motif)

    @transaction.atomic
    def postpone(self, echeance: datetime.date, *, by: User) -> None:
        """Move the planned end to a later day; the history keeps the former one and who moved it."""
        self._lock()
        if self.redaction == Redaction.ARCHIVEE or self.is_finie:
            raise TransitionError("Cette action est finie ou archivée\u00a0: son échéance ne change plus.")
        if self.echeance and echeance <= self.echeance:
            raise TransitionError("La nouvelle échéance doit suivre celle qui est prévue.")
        if self.debut and echeance < self.debut:
            raise TransitionError("La nouvelle échéance ne peut pas précéder le début de l’action.")
        self.echeance = echeance
        with pghistory.context(par=by.pk):
            self.save(update_fields=["echeance", "updated_at"])

    @transaction.atomic
    def place(self, axe: Axe, objectif: Objectif | None, *, after: "FicheAction | None", by: User) -> None:
        """Move under ``objectif`` (or directly under ``axe``), right after a sibling or first; the number shown stays."""
        PlanActions.objects.select_for_update(of=("self",)).get(pk=self.plan_id)
        self._lock()
        if objectif is not None and not Objectif.objects.filter(pk=objectif.pk, axe=axe).exists():
            raise TransitionError("L’objectif choisi a changé de place entre-temps\u00a0: recommencez.")
        siblings = list(
            FicheAction.objects.filter(axe=axe, objectif=objectif).exclude(pk=self.pk).order_by("ordre", "pk")
        )
        rank = 0
        if after is not None:
            found = [fiche.pk for fiche in siblings]
            if after.pk not in found:
                raise TransitionError("La fiche choisie a changé de place entre-temps\u00a0: recommencez.")
            rank = found.index(after.pk) + 1
        self.axe, self.objectif = axe, objectif
        siblings.insert(rank, self)
        for ordre, fiche in enumerate(siblings):
            fiche.ordre = ordre
        with pghistory.context(par=by.pk):
            self.save(update_fields=["axe", "objectif", "updated_at"])
            FicheAction.objects.bulk_update(siblings, ["ordre"])

    @transaction.atomic
    def prioritise(self, priorite: str, *, by: User) -> None:
        """Set the priority, as the élus do; the history keeps the former one and who set it."""
        self._lock()
        if self.redaction == Redaction.ARCHIVEE:
            raise TransitionError("Cette fiche est archivée\u00a0: sa priorité ne change plus.")
        self.priorite = self.Priorite(priorite)
        with pghistory.context(par=by.pk):
            self.save(update_fields=["priorite", "updated_at"])

    def _lock(self) -> None:
        """Lock the row and read it again: whoever comes second sees what the first did."""
        locked = FicheAction.objects.select_for_update(of=("self",)).select_related(
            "plan__convention__territoire"
        )
        self.refresh_from_db(from_queryset=locked)

    def _refus_redaction(self, action: str) -> str:
        return f"Une fiche « {self.get_redaction_display().lower()} » ne peut pas {action}."

    def _move_redaction(self, redaction: str, *, by: User, motif: str = "") -> "Transition":
        line = self._journal(Transition.Champ.REDACTION, self.redaction, redaction, by=by, motif=motif)
        self.redaction = redaction
        self.save(update_fields=["redaction", "soumise_le", "updated_at"])
        self.notifications.tell_redaction(line, by=by)
        return line

    def _journal(self, champ: str, depuis: str, vers: str, *, by: User, motif: str) -> "Transition":
        return Transition.objects.create(
            fiche=self, champ=champ, depuis=depuis, vers=vers, by=by, motif=motif
        )


class Transition(models.Model):
    """A line of the journal: who moved a fiche from one state to another, when and why."""

    class Champ(models.TextChoices):
        REDACTION = "redaction", "Rédaction"
        AVANCEMENT = "avancement", "Avancement"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="journal")
    champ = models.CharField("champ", max_length=10, choices=Champ)
    depuis = models.CharField("depuis", max_length=15)
    vers = models.CharField("vers", max_length=15)
    motif = models.TextField("motif", blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="par")
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "transition"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.depuis_label} → {self.vers_label}"

    @property
    def depuis_label(self) -> str:
        return self._label(self.depuis)

    @property
    def vers_label(self) -> str:
        return self._label(self.vers)

    def _label(self, code: str) -> str:
        choices: type[models.TextChoices] = Redaction if self.champ == self.Champ.REDACTION else Avancement
        return str(choices(code).label)


class Etape(Ordered):
    """A step of an action, with who does it and when it is due."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="etapes")
    intitule = models.CharField("étape", max_length=300)
    echeance = models.DateField("échéance", null=True, blank=True)
    responsable = models.CharField("qui", max_length=150, blank=True)
    faite_le = models.DateField("faite le", null=True, blank=True)

    class Meta:
        verbose_name = "étape"
        ordering = ["ordre", "pk"]
        indexes = [index_texte("etape_texte", "intitule", "responsable")]

    def __str__(self) -> str:
        return self.intitule

    @property
    def is_late(self) -> bool:
        return self.faite_le is None and self.echeance is not None and self.echeance < timezone.localdate()

    def complete(self) -> None:
        """Done today; the first to say so is kept."""
        Etape.objects.filter(pk=self.pk, faite_le=None).update(faite_le=timezone.localdate())


class Pilote(Ordered):
    """Who pilots the action: an account, or a plain name that can be linked to an account later."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="pilotes")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="pilotages",
        verbose_name="compte",
    )
    nom = models.CharField("nom", max_length=150, blank=True, help_text="Si la personne n’a pas de compte.")
    fonction = models.CharField("fonction", max_length=150, blank=True)

    class Meta:
        verbose_name = "pilote"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["fiche", "user"],
                condition=Q(user__isnull=False),
                name="pilote_unique",
                violation_error_message="Cette personne pilote déjà la fiche.",
            ),
            models.CheckConstraint(
                name="pilote_nomme",
                condition=Q(user__isnull=False) | ~Q(nom=""),
                violation_error_message="Choisissez un compte ou écrivez un nom.",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user) if self.user else self.nom

    @property
    def cle_du_nom(self) -> str:
        """The same for every way of writing the name; see ``actions/models/noms.py``."""
        return key_of_name(self.nom)
