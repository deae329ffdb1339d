import datetime
import re
import secrets
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError
from governance.models.document import DocumentEmis

CLE = re.compile("[A-Za-z0-9_-]{43,64}")
"""What a key looks like; the database refuses a shorter one."""
DUREE = datetime.timedelta(days=60)
"""How long a link opens its document when nobody says."""
DUREE_MAX = datetime.timedelta(days=366)
"""How long at most: a year, whichever it is."""


def default_expiry() -> datetime.date:
    return timezone.localdate() + DUREE


class LienPublicQuerySet(models.QuerySet["LienPublic"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(document__in=DocumentEmis.objects.visible_to(user))

    def valables(self) -> Self:
        """Those that open their document today."""
        return self.filter(
            revoque_le=None,
            expire_le__gte=timezone.localdate(),
            document__statut=DocumentEmis.Statut.PRET,
        )

    def opening(self, cle: str) -> "LienPublic | None":
        """The link at this key, with its document but not its bytes; ``None`` for any key that opens nothing.

        The index finds it: how long that takes tells nothing of 256 random bits.
        """
        if not CLE.fullmatch(cle):
            return None
        return (
            self.valables()
            .filter(cle=cle)
            .select_related("document__convention__territoire")
            .defer("document__contenu", "document__source")
            .first()
        )


class LienPublic(TimestampedModel):
    """The secret address of one frozen document, for somebody without an account (ADR 0028).

    ``cle`` holds 256 random bits. The last day is the one it is good for; revoking is at once and for ever.
    """

    document = models.ForeignKey(DocumentEmis, models.CASCADE, related_name="liens")
    cle = models.CharField("clé", max_length=64, unique=True, editable=False)
    destinataire = models.CharField("pour qui", max_length=150)
    expire_le = models.DateField("valable jusqu’au")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="liens_publics", verbose_name="créé par"
    )
    revoque_le = models.DateTimeField("révoqué le", null=True, blank=True, editable=False)
    revoque_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    telechargements = models.PositiveIntegerField("téléchargements", default=0, editable=False)
    dernier_le = models.DateTimeField("dernier téléchargement", null=True, blank=True, editable=False)

    objects = LienPublicQuerySet.as_manager()

    class Meta:
        verbose_name = "lien public"
        verbose_name_plural = "liens publics"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="lienpublic_destinataire_non_vide",
                condition=~Q(destinataire=""),
                violation_error_message="Dites pour qui est ce lien.",
            ),
            models.CheckConstraint(
                name="lienpublic_cle_longue",
                condition=Q(cle__regex="^[A-Za-z0-9_-]{43,}$"),
                violation_error_message="La clé d’un lien a 256 bits tirés au hasard.",
            ),
            models.CheckConstraint(
                name="lienpublic_revoque_par_quelqu_un",
                condition=Q(revoque_le=None, revoque_par=None)
                | Q(revoque_le__isnull=False, revoque_par__isnull=False),
                violation_error_message="Un lien révoqué dit quand et par qui.",
            ),
            models.CheckConstraint(
                name="lienpublic_telechargements_dates",
                condition=Q(telechargements=0, dernier_le=None)
                | Q(telechargements__gt=0, dernier_le__isnull=False),
                violation_error_message="Un lien téléchargé dit quand il l’a été.",
            ),
        ]

    def __str__(self) -> str:
        return f"Lien pour {self.destinataire}"

    def get_absolute_url(self) -> str:
        return reverse("governance:lien", args=[self.cle])

    @property
    def convention(self) -> Convention:
        return self.document.convention

    @property
    def is_revoque(self) -> bool:
        return self.revoque_le is not None

    @property
    def is_expire(self) -> bool:
        return self.expire_le < timezone.localdate()

    @property
    def is_valable(self) -> bool:
        return not self.is_revoque and not self.is_expire

    def clean(self) -> None:
        super().clean()
        today = timezone.localdate()
        if self.expire_le is not None and self.expire_le < today:
            raise ValidationError({"expire_le": "Choisissez un jour à venir, ou aujourd’hui."})
        if self.expire_le is not None and self.expire_le > today + DUREE_MAX:
            raise ValidationError({"expire_le": "Un lien vaut un an au plus."})

    @transaction.atomic
    def open(self, *, by: User) -> None:
        """Save the new link with a key of its own. Raise ``TransitionError`` while the document has no file."""
        document = DocumentEmis.objects.without_content().get(pk=self.document_id)
        if document.statut != DocumentEmis.Statut.PRET:
            raise TransitionError("Le fichier de ce document n’est pas prêt\u00a0: créez le lien ensuite.")
        self.auteur = by
        self.cle = secrets.token_urlsafe(32)
        self.save(force_insert=True)

    @transaction.atomic
    def revoke(self, *, by: User) -> None:
        """Close it for ever; nothing when it is already."""
        open_still = LienPublic.objects.select_for_update(of=("self",)).filter(pk=self.pk, revoque_le=None)
        open_still.update(revoque_le=timezone.now(), revoque_par=by, updated_at=timezone.now())
        self.refresh_from_db()

    def count_download(self) -> bool:
        """One more; false, and nothing counted, when it was revoked or expired since it was read."""
        now = timezone.now()
        counted = (
            LienPublic.objects.valables()
            .filter(pk=self.pk)
            .update(telechargements=F("telechargements") + 1, dernier_le=now)
        )
        return bool(counted)
