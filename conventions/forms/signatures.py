from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from conventions.forms.base import date_input
from conventions.forms.documents import CopieForm
from conventions.models import Document, Signataire

Nature = Document.Nature


class SignatureForm(CopieForm):
    """One signatory's signature: who, when, on which délibération, and its signed copy."""

    natures = (Nature.SIGNATURE, Nature.CONVENTION)
    rangees = (
        (("signe_le", 4),),
        (("representant", 6), ("fonction", 6)),
        (("deliberation_numero", 6), ("deliberation_date", 6)),
        (("depot", 12),),
        (("document", 12),),
    )

    class Meta:
        model = Signataire
        fields = list(Signataire.SIGNATURE)
        widgets = {"signe_le": date_input(), "deliberation_date": date_input()}
        help_texts = {"representant": "Le nom écrit ici reste celui de la personne qui a signé."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["signe_le"].required = True
        if self.instance.copie_id:
            self.fields["depot"].label = "Nouvel exemplaire signé"

    def clean_signe_le(self):
        day = self.cleaned_data["signe_le"]
        if day > timezone.localdate():
            raise ValidationError("La date de signature est à venir.")
        return day

    def clean(self):
        cleaned = super().clean()
        voted, signed = cleaned.get("deliberation_date"), cleaned.get("signe_le")
        if voted and signed and voted > signed:
            self.add_error(
                "deliberation_date", "La délibération autorise à signer\u00a0: elle ne suit pas la signature."
            )
        return cleaned

    @transaction.atomic
    def save(self, *, by):
        self.instance.record_signature(copie=self._copie(by), by=by)
        return self.instance

    def _copie(self, by):
        """A new file follows the copy that this signatory alone holds; else it is a document of its own."""
        signataire, depot = self.instance, self.cleaned_data["depot"]
        before = signataire.copie
        alone = before and before.nature == Nature.SIGNATURE and before.signatures.count() == 1
        if depot and alone:
            return before.replace(depot, by=by, date=signataire.signe_le)
        return self.copie(
            by=by,
            nature=Nature.SIGNATURE,
            titre=f"Exemplaire signé, {signataire.organisation}"[:200],
            date=signataire.signe_le,
        )
