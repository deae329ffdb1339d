"""What the files that people send have in common, from the day they are sent to what becomes of them."""

import uuid
from typing import Any

from django.db import models, transaction

from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import require_transition

A_CONFIRMER = "a_confirmer"


class FichierAConfirmer(TimestampedModel):
    """A file that somebody sends: read, shown, then confirmed or dropped. Nothing is written before.

    ``contenu`` is the file as it came, ``reponses`` (JSON) what the person answered on the way. Each kind has its
    ``statut``, whose first value is ``A_CONFIRMER`` and whose two ends are ``CONFIRME`` and ``ABANDONNE``.
    """

    CONFIRME = ""
    ABANDONNE = ""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    contenu = models.BinaryField("fichier")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)
    reponses = models.JSONField("réponses", default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def deja(self) -> str:
        """What it already is, in French, for somebody who comes too late."""
        raise NotImplementedError

    def lock(self) -> None:
        """Read the row again, and hold it: what is no longer to confirm is said to be so."""
        rows = type(self)._default_manager.select_for_update(of=("self",))
        self.refresh_from_db(from_queryset=rows)
        require_transition(
            {A_CONFIRMER: frozenset({self.CONFIRME, self.ABANDONNE})},
            getattr(self, "statut"),  # noqa: B009 - each kind has its own field
            self.CONFIRME,
            refus=f"{self.deja} : rien n’est écrit une seconde fois.",
        )

    def hold(self) -> None:
        """``lock``, for whoever changes what was answered or drops it."""
        self.lock()

    @transaction.atomic
    def answer(self, reponses: dict[str, Any], *, by: User) -> None:
        """Keep what ``by`` chose; what was chosen before and is not asked now stays."""
        self.hold()
        self.reponses = self.reponses | reponses
        self.save(update_fields=["reponses", "updated_at"])

    @transaction.atomic
    def drop(self, *, by: User) -> None:
        """Nothing will be written."""
        self.hold()
        self.close(self.ABANDONNE)

    def close(self, statut: str, **values: Any) -> None:
        """The end of it, with what is kept. Called under ``lock``."""
        written = values | {"statut": statut}
        for name, value in written.items():
            setattr(self, name, value)
        self.save(update_fields=[*written, "updated_at"])
