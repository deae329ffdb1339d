"""Models of fiches: texts to start from, held by a convention, by an organisation for all it signs, or by all."""

from collections.abc import Iterable
from typing import Self

import pghistory
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from actions.models.copie import next_code
from actions.models.fiche import Etape, FicheAction, Public
from actions.models.parts import IndicateurSuivi, LigneBudget
from actions.models.plan import Axe, Objectif, PlanActions
from conventions.models import Convention, Domaine, Organisation, Signataire
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError

TEXTES = (
    "besoins",
    "dispositifs_existants",
    "objectif_general",
    "objectifs_specifiques",
    "changements_attendus",
    "modalites",
    "public_precisions",
    "moyens_humains",
    "moyens_materiels",
    "moyens_techniques",
    "methode_evaluation",
)
"""Columns that a model and a fiche both have, under one name."""
REPRIS = ("nature", "rythme", *TEXTES)


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def indicateurs_of(text: str) -> list[tuple[str, str]]:
    """Pairs of (title, unit or nothing). A line that starts with « ; » has no title: what follows is one."""
    pairs = []
    for line in lines_of(text):
        titre, _, unite = (part.strip() for part in line.partition(";"))
        if titre or unite:
            pairs.append((titre, unite) if titre else (unite, ""))
    return pairs


class ModeleFicheQuerySet(models.QuerySet["ModeleFiche"]):
    def offered_to(self, convention: Convention) -> Self:
        """Those of the convention, of whoever signs it or administers its territoire, and those of all."""
        signing = convention.signataires.actuels().values("organisation")
        return self.filter(
            Q(convention=None, organisation=None)
            | Q(convention=convention)
            | Q(organisation__in=signing)
            | Q(organisation__territoire=convention.territoire_id)
        )

    def visible_to(self, user: User) -> Self:
        """Those offered to one of the conventions open to ``user``, and those of all."""
        if not user.is_authenticated:
            return self.none()
        mine = Convention.objects.visible_to(user)
        signing = Signataire.objects.actuels().filter(convention__in=mine).values("organisation")
        return self.filter(
            Q(convention=None, organisation=None)
            | Q(convention__in=mine)
            | Q(organisation__in=signing)
            | Q(organisation__territoire__in=mine.values("territoire"))
        )

    def actifs(self) -> Self:
        return self.filter(archive_le=None)

    def for_page(self) -> Self:
        return self.select_related("convention__territoire", "organisation", "auteur", "archive_par")


@pghistory.track()
class ModeleFiche(TimestampedModel):
    """What a fiche may start from: no date, no amount, no value, nobody's name.

    ``etapes``, ``indicateurs`` and ``postes`` hold one a line; an indicator may be followed by « ; » and its unit.
    """

    convention = models.ForeignKey(
        Convention, models.CASCADE, null=True, blank=True, related_name="modeles_fiches"
    )
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="modeles_fiches"
    )
    intitule = models.CharField("intitulé", max_length=300)
    usage = models.TextField("à quoi il sert", blank=True)
    nature = models.CharField("nature", max_length=15, choices=FicheAction.Nature, blank=True)
    rythme = models.CharField(
        "rythme", max_length=12, choices=FicheAction.Rythme, default=FicheAction.Rythme.PONCTUELLE
    )
    domaines = models.ManyToManyField(Domaine, blank=True, related_name="modeles_fiches")
    publics = models.ManyToManyField(
        Public, blank=True, related_name="modeles_fiches", verbose_name="publics cibles"
    )
    besoins = models.TextField("besoins constatés", blank=True)
    dispositifs_existants = models.TextField("dispositifs existants", blank=True)
    objectif_general = models.TextField("objectif général", blank=True)
    objectifs_specifiques = models.TextField("objectifs spécifiques", blank=True)
    changements_attendus = models.TextField("changements et résultats attendus", blank=True)
    modalites = models.TextField("description", blank=True)
    public_precisions = models.TextField("précisions sur le public", blank=True)
    moyens_humains = models.TextField("moyens humains", blank=True)
    moyens_materiels = models.TextField("moyens matériels", blank=True)
    moyens_techniques = models.TextField("moyens techniques", blank=True)
    methode_evaluation = models.TextField("méthode d’évaluation", blank=True)
    etapes = models.TextField("étapes", blank=True, help_text="Une par ligne, sans date.")
    indicateurs = models.TextField(
        "indicateurs", blank=True, help_text="Un par ligne ; l’unité après un point-virgule."
    )
    postes = models.TextField("postes de budget", blank=True, help_text="Un par ligne, sans montant.")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    archive_le = models.DateTimeField("archivé le", null=True, blank=True, editable=False)
    archive_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    objects = ModeleFicheQuerySet.as_manager()

    class Meta:
        verbose_name = "modèle de fiche"
        verbose_name_plural = "modèles de fiches"
        ordering = ["intitule", "pk"]
        constraints = [
            models.CheckConstraint(
                name="modelefiche_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Un modèle a un intitulé.",
            ),
            models.CheckConstraint(
                name="modelefiche_un_seul_detenteur",
                condition=Q(convention=None) | Q(organisation=None),
                violation_error_message="Un modèle est tenu par une convention ou par une organisation, pas les deux.",
            ),
            models.CheckConstraint(
                name="modelefiche_archive_par_quelqu_un",
                condition=Q(archive_le=None, archive_par=None)
                | Q(archive_le__isnull=False, archive_par__isnull=False),
                violation_error_message="Un modèle archivé dit quand et par qui.",
            ),
        ]

    def __str__(self) -> str:
        return self.intitule

    @property
    def is_archive(self) -> bool:
        return self.archive_le is not None

    @property
    def detenteur(self) -> str:
        """Who holds it, in words."""
        if self.convention:
            return f"Convention {self.convention}"
        return str(self.organisation) if self.organisation else "Modèle national"

    @property
    def listes(self) -> list[tuple[str, list[str]]]:
        """What is written one a line, with its title; the unit of an indicator is in brackets."""
        indicateurs = [
            f"{titre} ({unite})" if unite else titre for titre, unite in indicateurs_of(self.indicateurs)
        ]
        return [
            ("Étapes", lines_of(self.etapes)),
            ("Indicateurs", indicateurs),
            ("Postes de budget", lines_of(self.postes)),
        ]

    @property
    def champs(self) -> list[tuple[str, str]]:
        """The texts that are written, with their titles."""
        found = [(self._meta.get_field(name), getattr(self, name)) for name in TEXTES]
        return [(str(field.verbose_name).capitalize(), text) for field, text in found if text]  # type: ignore[union-attr]  # columns of its own

    def _lock(self) -> None:
        self.refresh_from_db(from_queryset=ModeleFiche.objects.select_for_update(of=("self",)))

    @transaction.atomic
    def archive(self, *, by: User) -> None:
        """No longer offered; the fiches that started from it do not change."""
        self._lock()
        if self.is_archive:
            raise TransitionError("Ce modèle est déjà archivé.")
        self.archive_le, self.archive_par = timezone.now(), by
        self._keep(by)

    @transaction.atomic
    def restore(self, *, by: User) -> None:
        """Offered again."""
        self._lock()
        if not self.is_archive:
            raise TransitionError("Ce modèle n’est pas archivé.")
        self.archive_le, self.archive_par = None, None
        self._keep(by)

    def _keep(self, by: User) -> None:
        with pghistory.context(par=by.pk):
            self.save(update_fields=["archive_le", "archive_par", "updated_at"])

    @transaction.atomic
    def start(
        self,
        plan: PlanActions,
        *,
        axe: Axe,
        objectif: Objectif | None,
        after: FicheAction | None,
        intitule: str,
        code: str,
        by: User,
    ) -> FicheAction:
        """A new draft of ``plan`` with what the model says; ``TransitionError`` when the model or the place is gone."""
        PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
        self._lock()
        if self.is_archive:
            raise TransitionError("Ce modèle vient d’être archivé\u00a0: choisissez-en un autre.")
        debut, fin = plan.convention.debut.year, plan.convention.fin.year
        annee = min(max(timezone.localdate().year, debut), fin)
        with pghistory.context(par=by.pk):
            fiche = FicheAction.objects.create(
                plan=plan,
                axe=axe,
                objectif=objectif,
                ordre=FicheAction.objects.next_ordre(objectif, axe),
                intitule=intitule,
                code=code or next_code(plan, objectif or axe),
                **{name: getattr(self, name) for name in REPRIS},
            )
            fiche.domaines.set(self.domaines.all())
            fiche.publics.set(self.publics.all())
            for ordre, line in enumerate(lines_of(self.etapes)):
                Etape.objects.create(fiche=fiche, ordre=ordre, intitule=line[:300])
            for ordre, (titre, unite) in enumerate(indicateurs_of(self.indicateurs)):
                IndicateurSuivi.objects.create(
                    fiche=fiche, ordre=ordre, intitule=titre[:300], unite=unite[:50]
                )
            for ordre, line in enumerate(lines_of(self.postes)):
                LigneBudget.objects.create(fiche=fiche, ordre=ordre, annee=annee, intitule=line[:200])
            fiche.place(axe, objectif, after=after, by=by)
        return fiche


@transaction.atomic
def make_model(
    fiche: FicheAction,
    *,
    intitule: str,
    usage: str,
    convention: Convention | None,
    organisation: Organisation | None,
    by: User,
) -> ModeleFiche:
    """A model from the texts of ``fiche``; a confidential one is refused, its words would be read by others."""
    if fiche.confidentielle:
        raise TransitionError(
            "Une fiche confidentielle ne devient pas un modèle\u00a0: d’autres liraient ses textes."
        )

    def joined(lines: Iterable[str]) -> str:
        return "\n".join(dict.fromkeys(line for line in lines if line))

    with pghistory.context(par=by.pk):
        modele = ModeleFiche.objects.create(
            intitule=intitule,
            usage=usage,
            convention=convention,
            organisation=organisation,
            auteur=by,
            etapes=joined(etape.intitule for etape in fiche.etapes.all()),
            indicateurs=joined(
                f"{row.intitule.replace(';', ',')} ; {row.unite}"
                if row.unite
                else row.intitule.replace(";", ",")
                for row in fiche.indicateurs.all()
            ),
            postes=joined(row.intitule for row in fiche.lignes_budget.all()),
            **{name: getattr(fiche, name) for name in REPRIS},
        )
        modele.domaines.set(fiche.domaines.all())
        modele.publics.set(fiche.publics.all())
    return modele
