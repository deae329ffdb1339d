import secrets
from typing import Self

from django.conf import settings
from django.db import models

from ctg_portal.models import TimestampedModel, User


class FluxAgendaQuerySet(models.QuerySet["FluxAgenda"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user=user) if user.is_authenticated else self.none()

    def answering(self, cle: str) -> "FluxAgenda | None":
        """The feed at this key, with its owner, unless their account is closed."""
        return self.filter(cle=cle, user__is_active=True).select_related("user").first()


class FluxAgenda(TimestampedModel):
    """A person's calendar feed: a secret address that calendar programs read without a password.

    Whoever holds the address reads the meetings and dates its owner may see; the owner revokes it
    (the row goes) or changes it (another key).
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="flux_agenda")
    cle = models.CharField("clé", max_length=64, unique=True, editable=False)

    objects = FluxAgendaQuerySet.as_manager()

    class Meta:
        verbose_name = "flux d’agenda"
        verbose_name_plural = "flux d’agenda"

    def __str__(self) -> str:
        return f"Agenda de {self.user}"

    @classmethod
    def open(cls, *, by: User) -> "FluxAgenda":
        """The feed of ``by``, made if there was none: asking twice changes no address."""
        flux, _ = cls.objects.get_or_create(user=by, defaults={"cle": secrets.token_urlsafe(32)})
        return flux

    @classmethod
    def renew(cls, *, by: User) -> "FluxAgenda":
        """The feed of ``by``, at a new address of 256 random bits: the one it had answers no more."""
        flux, _ = cls.objects.update_or_create(user=by, defaults={"cle": secrets.token_urlsafe(32)})
        return flux
