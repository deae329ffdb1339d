"""One form or formset a section of the convention: what it edits, it alone saves."""

import hashlib
import io
from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.functional import cached_property
from PIL import Image, ImageOps

from conventions.forms.base import (
    DatalistInput,
    OrderedFormSet,
    RowChoiceField,
    RowForm,
    RowFormSet,
    SectionForm,
    date_input,
)
from conventions.models import (
    Convention,
    Domaine,
    Mandat,
    Organisation,
    Partenaire,
    Phase,
    Signataire,
    Territoire,
)
from ctg_portal.fields import TexteLong

LOGO_OCTETS = 1_000_000
LOGO_COTE = 1200
"""Side, in pixels, a logo is brought down to: enough for the cover of a printed plan."""
LOGO_PIXELS = 25_000_000
LOGO_FORMATS = {"PNG": "png", "JPEG": "jpg"}


class IdentiteForm(SectionForm):
    rangees = (
        (("intitule", 9), ("numero", 3)),
        (("debut", 3), ("fin", 3), ("signee_le", 3), ("horizon_projet", 3)),
        (("duree_motif", 12),),
        (("domaines", 12),),
        (("presentation", 12),),
        (("avertissement", 12),),
    )
    domaines = forms.ModelMultipleChoiceField(
        Domaine.objects.all(), required=False, label="Domaines", widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Convention
        fields = [
            "intitule",
            "numero",
            "debut",
            "fin",
            "duree_motif",
            "signee_le",
            "horizon_projet",
            "domaines",
            "presentation",
            "avertissement",
        ]
        widgets = {
            "debut": date_input(),
            "fin": date_input(),
            "signee_le": date_input(),
            "horizon_projet": date_input(),
            "presentation": TexteLong(8),
            "avertissement": TexteLong(2),
        }


class OrganisationRowFormSet:
    """Offers the organisations that the convention may name."""

    organisation_fields = ("organisation",)

    def shared_rows(self):
        organisations = {row.pk: row for row in Organisation.objects.for_convention(self.instance)}
        return dict.fromkeys(self.organisation_fields, organisations)


def _said(mandat):
    return f"{mandat.fonction}, {mandat.organisation}"


class SignataireForm(RowForm):
    rangees = (
        (("organisation", 5), ("representant", 4), ("fonction", 3)),
        (("deliberation_numero", 3), ("deliberation_date", 3), ("signe_le", 3), ("ORDER", 1), ("DELETE", 2)),
    )
    organisation = RowChoiceField(label="Organisation")

    def suggest(self, mandats):
        """Offer the current mandates of the row's organisation; of all of them while none is chosen."""
        chosen = [row for row in mandats if row.organisation_id == self.instance.organisation_id]
        rows = chosen if self.instance.pk else mandats
        self.fields["representant"].widget = DatalistInput([(row.nom, _said(row)) for row in rows])
        self.fields["fonction"].widget = DatalistInput(
            [(fonction, "") for fonction in dict.fromkeys(row.fonction for row in rows)]
        )

    class Meta:
        model = Signataire
        fields = [
            "organisation",
            "representant",
            "fonction",
            "deliberation_numero",
            "deliberation_date",
            "signe_le",
        ]
        widgets = {"deliberation_date": date_input(), "signe_le": date_input()}
        help_texts = {"representant": ""}


class SignataireFormSet(OrganisationRowFormSet, OrderedFormSet):
    """Those who sign today: a signatory that an avenant took out is no longer changed here."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.queryset = self.queryset.filter(retire_par=None)

    @cached_property
    def mandats(self):
        """Who holds a function today in the organisations that may sign: read once for all the rows."""
        offered = Organisation.objects.for_convention(self.instance)
        return list(Mandat.objects.courants().filter(organisation__in=offered).select_related("organisation"))

    def add_fields(self, form, index):
        super().add_fields(form, index)
        form.suggest(self.mandats)

    def clean(self):
        super().clean()
        chosen = [
            form.cleaned_data["organisation"]
            for form in self.forms
            if form.cleaned_data.get("organisation") and not form.cleaned_data.get("DELETE")
        ]
        # Django's formset does not look at a unique constraint that has a condition.
        if twice := next((row for row in chosen if chosen.count(row) > 1), None):
            raise ValidationError(f"«\u00a0{twice}\u00a0» est inscrite deux fois parmi les signataires.")


class PartenaireForm(RowForm):
    rangees = ((("organisation", 5), ("role", 4), ("ORDER", 1), ("DELETE", 2)),)
    organisation = RowChoiceField(label="Organisation")

    class Meta:
        model = Partenaire
        fields = ["organisation", "role"]


class PartenaireFormSet(OrganisationRowFormSet, OrderedFormSet):
    pass


class PhaseForm(RowForm):
    rangees = (
        (("nature", 5), ("precision", 5), ("DELETE", 2)),
        (("debut_prevu", 3), ("fin_prevue", 3), ("debut_reel", 3), ("fin_reelle", 3)),
    )

    class Meta:
        model = Phase
        fields = ["nature", "precision", "debut_prevu", "fin_prevue", "debut_reel", "fin_reelle"]
        widgets = dict.fromkeys(("debut_prevu", "fin_prevue", "debut_reel", "fin_reelle"), date_input())


class LogoField(forms.ImageField):
    """A PNG or a JPEG by its content, whatever its name; drawn anew, so that nothing else it carried is kept."""

    widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg"})

    def to_python(self, data):
        if data and data.size > LOGO_OCTETS:
            raise ValidationError("Ce fichier est trop lourd : 1 Mo au plus.", code="too_large")
        file = super().to_python(data)
        if file is None:
            return None
        if file.image.format not in LOGO_FORMATS:
            raise ValidationError("Le logo doit être une image PNG ou JPEG.", code="invalid_format")
        if file.image.width * file.image.height > LOGO_PIXELS:
            raise ValidationError(
                "Cette image a trop de points : 5 000 × 5 000 au plus.", code="too_many_pixels"
            )
        return redraw_logo(file)


def redraw_logo(file):
    file.seek(0)
    with Image.open(file) as source:
        form = source.format
        try:
            image = ImageOps.exif_transpose(source)
        except OSError as error:
            raise ValidationError("Cette image est abîmée.", code="invalid_image") from error
    image.thumbnail((LOGO_COTE, LOGO_COTE))
    drawn = io.BytesIO()
    if form == "JPEG":
        image.convert("RGB").save(drawn, "JPEG", quality=90)
    else:
        image.convert("RGBA").save(drawn, "PNG", optimize=True)
    content = drawn.getvalue()
    return ContentFile(content, f"{hashlib.sha256(content).hexdigest()[:16]}.{LOGO_FORMATS[form]}")


class LogoFormMixin(forms.Form):
    """A logo that is replaced or taken away: call ``init_logo`` once the fields are there, ``forget_old_logo`` once saved."""

    logo = LogoField(
        label="Nouveau logo",
        required=False,
        help_text="PNG ou JPEG, 1 Mo au plus ; sur fond clair ou transparent.",
    )
    retirer_logo = forms.BooleanField(label="Retirer le logo actuel", required=False)

    def init_logo(self):
        self.old_logo = self.instance.logo.name
        if not self.old_logo:
            del self.fields["retirer_logo"]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("retirer_logo") and "logo" not in self.changed_data:
            cleaned["logo"] = False
        return cleaned

    def forget_old_logo(self, saved):
        """Delete the former file, unless another row still shows it (two organisations that were merged)."""
        storage, old = saved.logo.storage, self.old_logo
        if old and old != saved.logo.name and not type(saved).objects.filter(logo=old).exists():
            transaction.on_commit(lambda: storage.delete(old))


class TerritoireForm(LogoFormMixin, SectionForm):
    rangees = ((("couleur", 4),), (("logo", 12),), (("retirer_logo", 12),))

    class Meta:
        model = Territoire
        fields = ["couleur", "logo"]
        widgets = {"couleur": forms.TextInput(attrs={"type": "color"})}
        help_texts = {
            "couleur": "Celle du territoire. Le portail la fonce ou l’éclaircit là où le texte serait illisible."
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.init_logo()

    def clean_couleur(self):
        return self.cleaned_data["couleur"].lower()

    def save(self, commit=True):
        territoire = super().save(commit)
        self.forget_old_logo(territoire)
        return territoire


def _rows(model, form, formset, **options):
    return forms.inlineformset_factory(
        Convention,
        model,
        form=form,
        formset=formset,
        **{"extra": 2, "max_num": 300, "can_delete_extra": False} | options,
    )


@dataclass(frozen=True)
class Section:
    """``titre`` names the page, ``enregistre`` says it is saved; ``ligne`` each row of a formset, and what its button adds."""

    titre: str
    form_class: type
    enregistre: str
    aide: str = ""
    ligne: str = ""
    ajouter: str = ""
    of_territoire: bool = False
    names_organisations: bool = False

    def object_of(self, convention):
        """What the section edits, read from the database."""
        if self.of_territoire:
            return Territoire.objects.get(pk=convention.territoire_id)
        return Convention.objects.with_territoire().get(pk=convention.pk)


SECTIONS = {
    "identite": Section(
        "Présentation et dates", IdentiteForm, "La présentation et les dates sont enregistrées."
    ),
    "signataires": Section(
        "Signataires",
        _rows(Signataire, SignataireForm, SignataireFormSet, can_order=True),
        "Les signataires sont enregistrés.",
        aide="La convention est signée quand chaque signataire a une date de signature. Les élus changent : "
        "le nom écrit ici reste celui de la personne qui a signé.",
        ligne="Signataire",
        ajouter="Ajouter un signataire",
        names_organisations=True,
    ),
    "partenaires": Section(
        "Partenaires",
        _rows(Partenaire, PartenaireForm, PartenaireFormSet, can_order=True),
        "Les partenaires sont enregistrés.",
        aide="Les organisations associées sans signer.",
        ligne="Partenaire",
        ajouter="Ajouter un partenaire",
        names_organisations=True,
    ),
    "phases": Section(
        "Phases",
        _rows(Phase, PhaseForm, RowFormSet),
        "Les phases sont enregistrées.",
        aide="Une phase peut commencer avant la convention, ou finir après elle.",
        ligne="Phase",
        ajouter="Ajouter une phase",
    ),
    "territoire": Section(
        "Couleur et logo",
        TerritoireForm,
        "La couleur et le logo sont enregistrés.",
        aide="Ils sont communs à toutes les conventions du territoire, et repris dans les documents.",
        of_territoire=True,
    ),
}
