"""Deposited documents, and the signed copies that a signature or an avenant holds."""

from pathlib import PurePosixPath

import pghistory
from django import forms
from django.db import transaction

from conventions.forms.base import PlacedForm, RowChoiceField, date_input
from conventions.models import Document
from ctg_portal.depots import DepotField

METADONNEES = ["nature", "titre", "date", "visibilite"]
RANGEES = ((("titre", 12),), (("nature", 8), ("date", 4)), (("visibilite", 12),))


class DocumentMeta:
    model = Document
    fields = METADONNEES
    widgets = {"date": date_input(), "visibilite": forms.RadioSelect}
    help_texts = {
        "visibilite": "Un document public se télécharge sans compte, sur la page publique de la convention, "
        "dès qu’elle est signée.",
    }


class DocumentForm(PlacedForm):
    rangees = ((("depot", 12),), *RANGEES)
    depot = DepotField(label="Fichier")

    class Meta(DocumentMeta):
        pass

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["titre"].required = False
        self.fields["titre"].help_text = "Vide\u00a0: le nom du fichier."

    def clean(self):
        cleaned = super().clean()
        if not cleaned.get("titre") and cleaned.get("depot"):
            cleaned["titre"] = PurePosixPath(cleaned["depot"].nom).stem
        return cleaned

    def save(self, *, by):
        fields = {name: self.cleaned_data[name] for name in METADONNEES}
        return Document.objects.deposit(
            self.cleaned_data["depot"], by=by, convention=self.instance.convention, **fields
        )


class DocumentEditForm(PlacedForm):
    rangees = RANGEES

    class Meta(DocumentMeta):
        pass

    @transaction.atomic
    def save(self, *, by):
        # On another object: reading the row again would forget what was typed.
        Document.objects.get(pk=self.instance.pk).require_courant()
        with pghistory.context(par=by.pk):
            self.instance.save(update_fields=[*METADONNEES, "updated_at"])
        return self.instance


class ReplaceForm(PlacedForm):
    rangees = ((("depot", 12),), (("date", 4),))
    depot = DepotField(label="Fichier de la nouvelle version")
    date = forms.DateField(label="Date du document", required=False, widget=date_input())

    class Meta:
        model = Document
        fields = []

    def save(self, *, by):
        return self.instance.replace(self.cleaned_data["depot"], by=by, date=self.cleaned_data["date"])


class WithdrawForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Document
        fields = []

    def save(self, *, by):
        self.instance.withdraw(by=by)
        return self.instance


class CopieForm(PlacedForm):
    """A signed copy: sent now, or chosen among what was already deposited on ``self.instance.convention``."""

    natures = ()
    depot = DepotField(label="Exemplaire signé", required=False)
    document = RowChoiceField(
        label="Ou un document déjà déposé",
        required=False,
        help_text="Par exemple un seul exemplaire signé par tous.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        deposited = Document.objects.courants().filter(
            convention=self.instance.convention_id, nature__in=self.natures
        )
        if rows := {row.pk: row for row in deposited}:
            self.fields["document"].share(rows)
        else:
            del self.fields["document"]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("depot") and cleaned.get("document"):
            self.add_error("document", "Envoyez un fichier ou choisissez un document, pas les deux.")
        return cleaned

    def copie(self, *, by, **fields):
        """The document chosen, or the file sent deposited with ``fields``; ``None`` for neither."""
        if self.cleaned_data.get("document"):
            return self.cleaned_data["document"]
        if depot := self.cleaned_data["depot"]:
            return Document.objects.deposit(depot, by=by, convention=self.instance.convention, **fields)
        return None
