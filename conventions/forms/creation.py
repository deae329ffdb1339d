"""Creating a convention on a territoire, or a contract linked to a CTG: one page, one transaction."""

import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from conventions.forms.base import SectionForm, date_input
from conventions.models import Convention, Domaine, Organisation
from conventions.models.convention import add_years
from conventions.operations.creation import candidates, create_convention, same_convention

Nature = Organisation.Nature
DUREE = 5
"""Years a new CTG is proposed for."""


class CreationForm(SectionForm):
    """``instance`` has its territoire, and its ``principale`` when the address fixes it; ``user`` sees the choices."""

    rangees = (
        (("nature", 5), ("principale", 7)),
        (("debut", 3), ("fin", 3), ("numero", 3)),
        (("duree_motif", 12),),
        (("intitule", 12),),
        (("precedente", 12),),
        (("domaines", 12),),
    )
    intitule = forms.CharField(label="Intitulé", max_length=300, required=False)
    domaines = forms.ModelMultipleChoiceField(
        Domaine.objects.all(), required=False, label="Domaines", widget=forms.CheckboxSelectMultiple
    )
    institutions = forms.MultipleChoiceField(
        label="Institutions", required=False, widget=forms.CheckboxSelectMultiple
    )
    communes = forms.MultipleChoiceField(
        label="Communes membres", required=False, widget=forms.CheckboxSelectMultiple
    )
    partenaires = forms.ModelMultipleChoiceField(
        Organisation.objects.none(),
        required=False,
        label="Partenaires",
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Convention
        fields = [
            "nature",
            "principale",
            "debut",
            "fin",
            "numero",
            "duree_motif",
            "intitule",
            "precedente",
            "domaines",
        ]
        widgets = {"debut": date_input(), "fin": date_input()}
        help_texts = {"principale": "Pour un contrat lié : la CTG dont il partage les fiches."}

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.territoire = self.instance.territoire
        self.fixed = self.instance.principale
        self.candidats = candidates(self.territoire)
        visible = list(
            Convention.objects.visible_to(user).filter(territoire=self.territoire).order_by("-fin", "-pk")
        )
        for row in visible:
            row.territoire = self.territoire
        ctg = [row for row in visible if row.nature == Convention.Nature.CTG]
        last = None if self.fixed else next(iter(ctg), None)
        self._offer(visible, ctg)
        self._offer_organisations()
        self._propose(last)

    def _offer(self, visible, ctg):
        natures = Convention.Nature.choices
        if self.fixed:
            natures = [
                ("", "Choisir…"),
                *(choice for choice in natures if choice[0] != Convention.Nature.CTG),
            ]
            del self.fields["principale"]
        else:
            self._choose_among("principale", ctg)
        self.fields["nature"].choices = natures
        renewed = {row.precedente_id for row in visible}
        self._choose_among("precedente", [row for row in visible if row.pk not in renewed])
        self.fields["precedente"].help_text = "Celle que cette convention renouvelle."

    def _choose_among(self, name, rows):
        self.fields[name].queryset = Convention.objects.filter(pk__in=[row.pk for row in rows])
        self.fields[name].choices = [("", "Aucune"), *((row.pk, str(row)) for row in rows)]

    def _offer_organisations(self):
        self.fields["institutions"].choices = [(row.cle, row.libelle) for row in self.candidats.institutions]
        self.fields["communes"].choices = [(row.cle, row.libelle) for row in self.candidats.communes]
        listed = [row.organisation.pk for row in self.candidats.institutions if row.organisation.pk]
        self.fields["partenaires"].queryset = (
            Organisation.objects.for_list()
            .filter(departement=self.territoire.departement_id)
            .exclude(nature__in=(Nature.EPCI, Nature.COMMUNE))
            .exclude(pk__in=listed)
        )

    def _propose(self, last):
        """Five years from next 1 January, or from the day after the last CTG; a linked contract ends with its CTG."""
        debut = datetime.date(timezone.localdate().year + 1, 1, 1)
        if self.fixed:
            debut = debut if debut < self.fixed.fin else self.fixed.debut
            fin = self.fixed.fin
        else:
            if last and last.fin >= debut:
                debut = last.fin + datetime.timedelta(days=1)
            fin = add_years(debut, DUREE) - datetime.timedelta(days=1)
        model = self.fixed or last
        proposed = {
            "debut": debut,
            "fin": fin,
            "precedente": last.pk if last else None,
            "domaines": list(model.domaines.all()) if model else [],
            "institutions": self.candidats.proposes,
        }
        self.initial |= proposed
        nature = "" if self.fixed else Convention.Nature.CTG
        self.fields[
            "intitule"
        ].help_text = f"Laissez vide pour « {self._usual_title(nature or 'gmr', debut, fin)} »."

    def _usual_title(self, nature, debut, fin):
        label = Convention.Nature(nature).label
        return f"{label}, {self.territoire.nom_court} {debut.year}–{fin.year}"

    def clean(self):
        cleaned = super().clean()
        nature, debut, fin = (cleaned.get(name) for name in ("nature", "debut", "fin"))
        if nature and debut and fin and not cleaned.get("intitule"):
            cleaned["intitule"] = self._usual_title(nature, debut, fin)
        if nature == Convention.Nature.CTG and cleaned.get("principale"):
            self.add_error("principale", "Laissez vide : une CTG porte son propre plan d’actions.")
        precedente = cleaned.get("precedente")
        if precedente and debut and precedente.debut >= debut:
            self.add_error("precedente", "La convention précédente commence avant celle qui la suit.")
        self._clean_organisations(cleaned)
        return cleaned

    def _clean_organisations(self, cleaned):
        by_key = self.candidats.by_key()
        chosen = [*cleaned.get("institutions", ()), *cleaned.get("communes", ())]
        self.signataires = [by_key[key] for key in chosen]

    def full_clean(self):
        """Sent twice, the page finds the contract it wrote the first time: it is no overlap."""
        super().full_clean()
        if self.is_bound and self._is_written():
            self._errors.clear()

    def _is_written(self):
        convention = self.instance
        return bool(
            convention.debut and convention.fin and convention.intitule and same_convention(convention)
        )

    def save(self, *, by):
        return create_convention(
            convention=self.instance,
            signataires=self.signataires,
            partenaires=self.cleaned_data.get("partenaires", ()),
            domaines=self.cleaned_data.get("domaines", ()),
            by=by,
        )


class TerritoireSearchForm(forms.Form):
    """Step one: which territoire. Sent by GET; an empty search shows nothing but the visitor's own."""

    q = forms.CharField(
        label="Intercommunalité ou syndicat",
        required=False,
        max_length=100,
        help_text="Un nom, un morceau de nom, un département, ou un numéro SIREN.",
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def clean_q(self):
        if "\x00" in (q := self.cleaned_data["q"]):
            raise ValidationError("Le caractère nul n’est pas autorisé.")
        return q
