from typing import ClassVar, Self

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q

from conventions.models.convention import Convention, Signataire
from conventions.models.organisation import Organisation
from ctg_portal.models import TimestampedModel, User


class HabilitationQuerySet(models.QuerySet["Habilitation"]):
    def on_convention(self, convention: Convention) -> Self:
        """Roles that hold on ``convention``: given on it, or on an organisation that signs it or administers its territoire."""
        return self.filter(
            Q(convention=convention)
            | Q(organisation__in=convention.signataires.actuels().values("organisation"))
            | Q(organisation__territoire=convention.territoire_id)
        )

    def visible_to(self, user: User) -> Self:
        """Whoever works on a convention sees its team, whose roles come from it or from its organisations."""
        conventions = Convention.objects.visible_to(user)
        signataires = Signataire.objects.actuels().filter(convention__in=conventions)
        return self.filter(
            Q(convention__in=conventions)
            | Q(organisation__in=signataires.values("organisation"))
            | Q(organisation__territoire__conventions__in=conventions)
        ).distinct()


@pghistory.track()
class Habilitation(TimestampedModel):
    """A person's role, on one convention or on one organisation: the source of every right.

    On an organisation, the role holds for each convention it signs and for those of its territoire.
    """

    class Role(models.TextChoices):
        ADMINISTRATION = "administration", "Administration"
        COORDINATION = "coordination", "Coordination"
        REDACTION = "redaction", "Rédaction"
        RELECTURE = "relecture", "Relecture (CAF)"
        PILOTAGE = "pilotage", "Pilotage (élu·e)"
        LECTURE = "lecture", "Lecture"

    ROLES_ORGANISATION: ClassVar[tuple[str, ...]] = ("administration", "relecture", "pilotage", "lecture")
    ROLES_CONVENTION: ClassVar[tuple[str, ...]] = (
        "coordination",
        "redaction",
        "relecture",
        "pilotage",
        "lecture",
    )
    LECTEURS_CONFIDENTIELS: ClassVar[tuple[str, ...]] = ("coordination", "relecture", "pilotage")
    """Roles that read every confidential fiche of a convention; its pilotes read theirs."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="habilitations", verbose_name="personne"
    )
    role = models.CharField("rôle", max_length=15, choices=Role)
    convention = models.ForeignKey(
        Convention, models.CASCADE, null=True, blank=True, related_name="habilitations"
    )
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, null=True, blank=True, related_name="habilitations"
    )

    objects = HabilitationQuerySet.as_manager()

    class Meta:
        verbose_name = "habilitation"
        ordering = ["user__nom", "user__email", "role", "pk"]
        constraints = [
            models.CheckConstraint(
                name="habilitation_un_seul_objet",
                condition=Q(convention=None, organisation__isnull=False)
                | Q(convention__isnull=False, organisation=None),
                violation_error_message="Une habilitation porte sur une convention ou sur une organisation.",
            ),
            models.CheckConstraint(
                name="habilitation_role_selon_objet",
                condition=Q(
                    organisation=None,
                    role__in=("coordination", "redaction", "relecture", "pilotage", "lecture"),
                )
                | Q(convention=None, role__in=("administration", "relecture", "pilotage", "lecture")),
                violation_error_message="Ce rôle ne se donne pas sur cet objet.",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "convention"],
                condition=Q(organisation=None),
                name="habilitation_unique_sur_convention",
                violation_error_message="Cette personne a déjà ce rôle sur cette convention.",
            ),
            models.UniqueConstraint(
                fields=["user", "role", "organisation"],
                condition=Q(convention=None),
                name="habilitation_unique_sur_organisation",
                violation_error_message="Cette personne a déjà ce rôle dans cette organisation.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} : {self.get_role_display()}, {self.convention or self.organisation}"

    def is_last_coordination(self) -> bool:
        """Nobody else with an open account coordinates the convention."""
        others = Habilitation.objects.filter(
            role=self.Role.COORDINATION, convention=self.convention_id, user__is_active=True
        ).exclude(pk=self.pk)
        return self.role == self.Role.COORDINATION and not others.exists()


def people_of(convention: Convention) -> models.QuerySet[User]:
    """Accounts to which a role opens ``convention``."""
    return User.objects.filter(habilitations__in=Habilitation.objects.on_convention(convention)).distinct()
