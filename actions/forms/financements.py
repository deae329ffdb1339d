"""The money of one exercice, typed as a grid.

Each row carries ``lu``, its values as they were read. So a row left alone is left alone; a cell that somebody else
changed meanwhile is kept when it was not touched here, and told when it was; and a blank or proposed row counts only
once something is typed in it.
"""

import json
from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import BaseFormSet, formset_factory

from actions.models import FicheAction, Imputation
from actions.operations import impute
from conventions.forms.base import RowChoiceField
from conventions.models import (
    Dispositif,
    Equipement,
    Financement,
    Organisation,
    montants_total,
    par_groupe,
)
from ctg_portal.fields import MontantField, parse_montant
from ctg_portal.templatetags.portal import ESPACE_INSECABLE, date_heure, euros

LIGNES_MAX = 300
VIERGES = 3
"""Blank rows for whoever has no JavaScript."""

VIDES = {
    "dispositif": "Dispositif…",
    "beneficiaire": "Bénéficiaire…",
    "financeur": "Financeur…",
    "equipement": "Sans équipement",
    "fiche": "Sans fiche",
}
"""What a list says before anything is chosen in it."""


def fiche_de(ligne):
    """The fiche that the line pays, or ``None``; the line comes with its ``imputation``."""
    imputation = getattr(ligne, "imputation", None)
    return imputation.fiche if imputation else None


class LigneForm(forms.ModelForm):
    financeur = RowChoiceField(label="Financeur")
    dispositif = RowChoiceField(label="Dispositif")
    beneficiaire = RowChoiceField(label="Bénéficiaire")
    equipement = RowChoiceField(label="Équipement", required=False)
    fiche = RowChoiceField(label="Fiche action", required=False)
    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    lu = forms.CharField(required=False, widget=forms.HiddenInput)
    retirer = forms.BooleanField(label="Retirer cette ligne", required=False)

    class Meta:
        model = Financement
        fields = [
            "dispositif",
            "objet",
            "financeur",
            "source",
            "beneficiaire",
            "equipement",
            *Financement.MONTANTS,
            "reference_cof",
        ]
        field_classes = dict.fromkeys(Financement.MONTANTS, MontantField)
        labels = {"reference_cof": "Réf. COF"}
        widgets = {
            "objet": forms.TextInput(attrs={"placeholder": "Objet"}),
            "source": forms.TextInput(attrs={"placeholder": "Source"}),
            "reference_cof": forms.TextInput(attrs={"placeholder": "Réf. COF"}),
        }

    SAISIS = (*Meta.fields, "fiche")

    def __init__(self, *args, shared, ligne=None, proposition=None, disparue=False, **kwargs):
        super().__init__(*args, instance=ligne, **kwargs)
        # A row in which nothing was typed is not looked at, be it there already or not.
        self.empty_permitted = True
        self.ligne = ligne if ligne and ligne.pk else None
        self.groupe = self.ligne.dispositif.groupe if self.ligne else None
        self.proposition = proposition
        self.disparue = disparue
        for name, rows in shared.items():
            self.fields[name].share(rows)
            self.fields[name].choices = [("", VIDES[name]), *self.fields[name].choices[1:]]
        fiche = fiche_de(self.ligne) if self.ligne else None
        if fiche and fiche.pk not in shared["fiche"]:
            # It pays a fiche of a plan that is not open to the person: not shown, not lost.
            del self.fields["fiche"]
        self.saisis = tuple(name for name in self.SAISIS if name in self.fields)
        for name in self.saisis:
            widget = self.fields[name].widget
            widget.attrs["class"] = (
                "form-select form-select-sm"
                if isinstance(widget, forms.Select)
                else "form-control form-control-sm"
            )
        if not self.is_bound:
            read = self.courant if self.ligne else self.values_of(proposition) if proposition else {}
            self.initial |= read | {"lu": json.dumps(read), "id": self.ligne and self.ligne.pk}
            for name in Financement.MONTANTS:
                self.initial[name] = getattr(self.ligne, name) if self.ligne else None

    # The same text for the same value, whether it comes from the database, from ``lu`` or from a keyboard.

    def values_of(self, ligne, *, amounts=False):
        values = {}
        for name in self.saisis:
            if name == "fiche":
                fiche = fiche_de(ligne)
                values[name] = str(fiche.pk) if fiche and fiche.pk in self.fields["fiche"].rows else ""
            elif name in Financement.MONTANTS:
                montant = getattr(ligne, name) if amounts else None
                values[name] = "" if montant is None else f"{montant:.2f}"
            else:
                field = Financement._meta.get_field(name)
                value = getattr(ligne, field.attname)
                values[name] = "" if value is None else str(value)
        return values

    @property
    def montants(self):
        """The three amounts, each with what it was the year before on a proposed line."""
        return [(self[name], getattr(self.proposition, name, None)) for name in Financement.MONTANTS]

    def canonical(self, name):
        typed = (self[name].data or "").strip()
        if name in Financement.MONTANTS and typed:
            try:
                return f"{parse_montant(typed):.2f}"
            except ValidationError:
                return typed
        return typed

    @property
    def courant(self):
        """The row as it is in the database now."""
        return self.values_of(self.ligne, amounts=True)

    @property
    def values_read(self):
        """What the page said when it was opened."""
        try:
            read = json.loads(self["lu"].data or "{}")
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def touches(self):
        """Cells that the person changed."""
        read = self.values_read
        return {name for name in self.saisis if self.canonical(name) != read.get(name, "")}

    @property
    def bouges(self):
        """Cells that somebody else changed since the page was opened."""
        if self.ligne is None:
            return set()
        read, now = self.values_read, self.courant
        return {name for name in self.saisis if now[name] != read.get(name, "")}

    @property
    def is_retiree(self):
        return self.is_bound and bool(self["retirer"].data)

    def has_changed(self):
        return self.is_bound and not self.is_retiree and bool(self.touches)

    def clean(self):
        cleaned = super().clean()
        if self.disparue:
            self.recall({}, id="")
            raise ValidationError(
                "Cette ligne a été retirée entre-temps par quelqu’un d’autre. Votre saisie est gardée\u00a0: "
                "enregistrez de nouveau pour l’inscrire, ou cochez «\u00a0Retirer\u00a0»."
            )
        if self.ligne:
            touched = self.touches
            for name in self.saisis:
                if name not in touched:
                    # Not ours to change: what is saved stands, and what it has become is not judged here.
                    self._errors.pop(name, None)
                    cleaned[name] = fiche_de(self.ligne) if name == "fiche" else getattr(self.ligne, name)
            self.tell_conflicts(touched)
        return cleaned

    def tell_conflicts(self, touched):
        now = self.courant
        conflicts = [name for name in self.bouges & touched if self.canonical(name) != now[name]]
        if not conflicts:
            return
        qui = self.ligne.derniere_main()
        par = f" par {qui}" if qui else ""
        for name in conflicts:
            self.add_error(
                name,
                f"Modifié entre-temps{par} ({date_heure(self.ligne.updated_at)})\u00a0: "
                f"«\u00a0{self.said(name)}\u00a0». Votre saisie est gardée\u00a0: enregistrez de nouveau pour la garder.",
            )
        self.recall(now)

    def said(self, name):
        """A saved value in words."""
        if name == "fiche":
            return str(fiche_de(self.ligne) or "aucune fiche")
        value = getattr(self.ligne, name)
        return euros(value) if name in Financement.MONTANTS else str(value or "vide")

    def recall(self, read, **values):
        """What the page will say was read, so that a second save is a knowing one."""
        self.data = self.data.copy()
        for name, value in ({"lu": json.dumps(read)} | values).items():
            self.data[self.add_prefix(name)] = value

    def save(self, *, by):
        touched = self.touches
        if self.ligne:
            columns = touched & {field.name for field in Financement._meta.fields}
            self.instance.save(update_fields=[*columns, "updated_at"])
        else:
            self.instance.save()
        if "fiche" in touched:
            impute(financement=self.instance, fiche=self.cleaned_data["fiche"])
        return self.instance


@dataclass
class Enregistrement:
    """What a save did, in numbers of lines."""

    ajoutees: int = 0
    modifiees: int = 0
    retirees: int = 0
    non_inscrites: int = 0
    disparues: int = 0

    def sentence(self, exercice):
        done = [
            f"{count} ligne{'s' if count > 1 else ''} {word}{'s' if count > 1 else ''}"
            for count, word in (
                (self.ajoutees, "ajoutée"),
                (self.modifiees, "modifiée"),
                (self.retirees, "retirée"),
            )
            if count
        ]
        said = f"Exercice {exercice}{ESPACE_INSECABLE}: {', '.join(done) or 'rien n’a changé'}."
        if self.non_inscrites:
            several = "s" if self.non_inscrites > 1 else ""
            said += (
                f" {self.non_inscrites} ligne{several} reprise{several} sans montant "
                f"{'n’ont' if several else 'n’a'} pas été inscrite{several}."
            )
        if self.disparues:
            several = "s" if self.disparues > 1 else ""
            said += (
                f" {self.disparues} ligne{several} de cette page {'avaient' if several else 'avait'} "
                f"été retirée{several} entre-temps par quelqu’un d’autre."
            )
        return said


class BaseExerciceFormSet(BaseFormSet):
    """The lines of one exercice of one convention, those proposed from the year before, and blank rows."""

    def __init__(self, data=None, *, convention, exercice, user, reprendre=False, **kwargs):
        self.convention, self.exercice, self.user = convention, exercice, user
        self.reprendre = reprendre
        lignes = Financement.objects.filter(convention=convention).of_year(exercice).for_grid()
        if data is not None:
            lignes = lignes.select_for_update(of=("self",))
        self.lignes = {ligne.pk: ligne for ligne in lignes}
        # As they are saved: what is typed changes the rows.
        self.totaux = {found.groupe: found.total for found in par_groupe(self.lignes.values())}
        self.total = montants_total(self.lignes.values())
        self.propositions = self.previous_lines() if reprendre and data is None else []
        self.retraits = []
        self.shared = self.shared_rows()
        rows = [*self.lignes.values(), *self.propositions]
        super().__init__(data, prefix="lignes", initial=[{} for _ in rows], **kwargs)

    def previous_lines(self):
        """Lines of the year before that this one has not yet, without their amounts: nobody has looked at them."""
        known = {self.identity(ligne) for ligne in self.lignes.values()}
        before = Financement.objects.filter(convention=self.convention).of_year(self.exercice - 1).for_grid()
        return [ligne for ligne in before if self.identity(ligne) not in known]

    @staticmethod
    def identity(ligne):
        return (
            ligne.dispositif_id,
            ligne.financeur_id,
            ligne.beneficiaire_id,
            ligne.equipement_id,
            ligne.objet.strip().casefold(),
        )

    def shared_rows(self):
        """What every row offers, read once."""
        convention = self.convention
        organisations = {row.pk: row for row in Organisation.objects.for_convention(convention)}
        equipements = Equipement.objects.filter(
            Q(territoire=convention.territoire_id) | Q(financements__convention=convention)
        ).distinct()
        imputed = Imputation.objects.filter(financement__convention=convention).values("fiche")
        fiches = (
            FicheAction.objects.visible_to(self.user)
            .filter(Q(pk__in=FicheAction.objects.of_convention(convention).actives()) | Q(pk__in=imputed))
            .in_plan_order()
        )
        return {
            "financeur": organisations,
            "beneficiaire": organisations,
            "dispositif": {row.pk: row for row in Dispositif.objects.all()},
            "equipement": {row.pk: row for row in equipements},
            "fiche": {row.pk: row for row in fiches},
        }

    def get_form_kwargs(self, index):
        kwargs = super().get_form_kwargs(index) | {"shared": self.shared}
        blank = Financement(convention=self.convention, exercice=self.exercice)
        if index is None:
            return kwargs | {"ligne": blank}
        if self.is_bound:
            asked = self.data.get(f"{self.prefix}-{index}-id", "")
            found = self.lignes.get(int(asked)) if asked.isascii() and asked.isdigit() else None
            return kwargs | {"ligne": found or blank, "disparue": bool(asked) and found is None}
        rows = [*self.lignes.values(), *self.propositions]
        if index < len(self.lignes):
            return kwargs | {"ligne": rows[index]}
        return kwargs | {"ligne": blank, "proposition": rows[index] if index < len(rows) else None}

    def clean(self):
        self.refuse_twice()
        self.confirm_removals()

    def refuse_twice(self):
        """The same new line sent twice (a second click, a page sent back) is written once."""
        known = {(*self.identity(ligne), *self.montants(ligne)) for ligne in self.lignes.values()}
        for form in self.forms:
            if form.ligne or not form.has_changed() or form.errors:
                continue
            key = (*self.identity(form.instance), *self.montants(form.instance))
            if key in known:
                form.add_error(
                    None,
                    "Cette ligne est déjà inscrite, avec les mêmes montants\u00a0: "
                    "retirez-la, ou précisez son objet si c’en est une autre.",
                )
            known.add(key)

    @staticmethod
    def montants(ligne):
        return ligne.prevu, ligne.notifie, ligne.verse

    def confirm_removals(self):
        """Removing is asked twice: the first save names the lines, the second takes them away."""
        removed = [form for form in self.forms if form.ligne and form.is_retiree]
        token = "-".join(str(form.ligne.pk) for form in removed)
        for form in removed:
            if form.bouges:
                qui = form.ligne.derniere_main()
                form.add_error(
                    None,
                    f"Cette ligne a été modifiée entre-temps{f' par {qui}' if qui else ''} "
                    f"({date_heure(form.ligne.updated_at)})\u00a0: vérifiez qu’elle est bien à retirer.",
                )
                form.recall(form.courant)
                token = None
        if removed and (token is None or self.data.get(f"{self.prefix}-retraits") != token):
            self.retraits = [form.ligne for form in removed]
            raise ValidationError("Confirmez le retrait, plus bas\u00a0: rien n’est encore enregistré.")

    @property
    def fautives(self):
        """Lines to look at again."""
        return [form for form in self.forms if form.errors] if self.is_bound else []

    @property
    def jeton_retraits(self):
        return "-".join(str(ligne.pk) for ligne in self.retraits)

    def save(self, *, by):
        done = Enregistrement()
        for form in self.forms:
            if form.disparue:
                done.disparues += 1
            if form.is_retiree:
                if form.ligne:
                    form.ligne.delete()
                    done.retirees += 1
            elif form.has_changed():
                done.modifiees += form.ligne is not None
                done.ajoutees += form.ligne is None
                form.save(by=by)
            elif form.ligne is None and form.values_read:
                done.non_inscrites += not form.disparue
        return done


ExerciceFormSet = formset_factory(
    LigneForm,
    formset=BaseExerciceFormSet,
    extra=VIERGES,
    max_num=LIGNES_MAX,
    absolute_max=LIGNES_MAX,
    validate_max=True,
)


class ExerciceOpenForm(forms.Form):
    """The year to type."""

    exercice = forms.IntegerField(
        label="Exercice",
        min_value=2000,
        max_value=2100,
        error_messages={
            "invalid": "Écrivez une année, comme 2024.",
            "min_value": "L’exercice est une année entre 2000 et 2100.",
            "max_value": "L’exercice est une année entre 2000 et 2100.",
        },
    )
