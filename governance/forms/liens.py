import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from conventions.forms.base import date_input
from ctg_portal.contenu import une_ligne
from governance.models import LienPublic
from governance.models.lien import default_expiry

LIENS_MAX = 60


class LiensForm(forms.Form):
    """Links to one document, each with its own address: one a line."""

    destinataires = forms.CharField(
        label="Pour qui",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Une fonction ou un nom par ligne : chaque ligne a son propre lien, qui se révoque seul. Une seule ligne, "
        "« Tous les membres », donne le même lien à tous.",
    )
    expire_le = forms.DateField(
        label="Valable jusqu’au",
        initial=default_expiry,
        widget=date_input(),
        help_text="Ce jour compris ; un an au plus.",
    )

    def clean_destinataires(self):
        lines = [une_ligne(line) for line in self.cleaned_data["destinataires"].splitlines()]
        found = list(dict.fromkeys(filter(None, lines)))
        if not found:
            raise ValidationError("Dites pour qui est ce lien.", code="required")
        if len(found) > LIENS_MAX:
            raise ValidationError(f"{LIENS_MAX} liens à la fois au plus.", code="trop")
        if any(len(line) > 150 for line in found):
            raise ValidationError("Chaque ligne compte 150 caractères au plus.", code="long")
        return found

    def clean_expire_le(self):
        day: datetime.date = self.cleaned_data["expire_le"]
        try:
            LienPublic(expire_le=day).clean()
        except ValidationError as error:
            raise ValidationError(error.message_dict["expire_le"]) from error
        return day

    @transaction.atomic
    def save(self, *, document, by):
        """Raises ``TransitionError`` when the document has no file to open."""
        liens = [
            LienPublic(document=document, destinataire=line, expire_le=self.cleaned_data["expire_le"])
            for line in self.cleaned_data["destinataires"]
        ]
        for lien in liens:
            lien.open(by=by)
        return liens
