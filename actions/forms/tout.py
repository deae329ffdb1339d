"""All the sections of a fiche on one page: each is still its own form, saved alone, in conflict alone."""

import copy
import hashlib
import json
from dataclasses import dataclass

from django import forms
from django.http import QueryDict

from actions.forms.sections import FORMSET_TITLES, SECTION_FORMS, Choix, EtapesForm
from actions.models import SECTIONS
from actions.models.brouillon import ETAPES

TEMOIN = "temoin"


def _ordered():
    """Slug, title and form of each section, the steps after what they carry out."""
    for section in SECTIONS:
        yield section.slug, section.titre, SECTION_FORMS[section.slug]
        if section.slug == "modalites":
            yield ETAPES, "Étapes", EtapesForm


PARTIES = tuple(_ordered())
MODELES = tuple(formset.form._meta.model for _, _, form in PARTIES for formset in form.rows.values())


def sent_values(bound):
    """What a browser sends for a field that nobody touched."""
    value, widget = bound.value(), bound.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return ["on"] if value else []
    if isinstance(value, (list, tuple)):
        return sorted(str(getattr(row, "pk", row)) for row in value)
    shown = widget.format_value(bound.field.prepare_value(value))
    return [str(one) for one in shown] if isinstance(shown, (list, tuple)) else [str(shown or "")]


def _digest(values):
    """``values``: names of fields with the list of what is sent for each. Empty fields and the ends of lines do not count."""
    lines = {
        name: sorted(" ".join(value.split()) for value in given)
        for name, given in values.items()
        if any(value.strip() for value in given)
    }
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()[:20]


def _is_counted(name):
    return not name.endswith(("-empreinte", f"-{TEMOIN}", "_FORMS"))


@dataclass
class Partie:
    """A section on the page. ``temoin`` is a digest of what the browser sends when nobody touches it: a section sent
    back as it was served is left alone, whatever others saved in it meanwhile."""

    slug: str
    titre: str
    form: forms.BaseForm

    @property
    def formsets(self):
        return [(formset, *FORMSET_TITLES[name]) for name, formset in self.form.formsets.items()]

    @property
    def temoin(self):
        if self.form.is_bound:
            # A draft has none: it is touched.
            return self.form.data.get(self.temoin_name, "")
        fields = list(self.form)
        for formset in self.form.formsets.values():
            fields += [bound for form in formset.forms for bound in form]
        served = {bound.html_name: sent_values(bound) for bound in fields if _is_counted(bound.html_name)}
        return _digest(served)

    @property
    def temoin_name(self):
        return f"{self.slug}-{TEMOIN}"

    def is_touched(self, data):
        sent = {name: data.getlist(name) for name in data if name.startswith(f"{self.slug}-")}
        counted = {name: values for name, values in sent.items() if _is_counted(name)}
        return bool(sent) and _digest(counted) != data.get(self.temoin_name)


def strip_prefix(data, slug):
    """What was sent for one section, under the names its own page gives."""
    found = QueryDict(mutable=True)
    for name, values in data.lists():
        if name.startswith(f"{slug}-") and name != f"{slug}-{TEMOIN}":
            found.setlist(name.removeprefix(f"{slug}-"), values)
    return found


def add_prefix(donnees, slug):
    """A draft of one section, under the names of the whole page."""
    found = QueryDict(mutable=True)
    for name, values in donnees.items():
        found.setlist(f"{slug}-{name}", values)
    return found


def build(fiche, slugs, data=None):
    """The parts of ``slugs``; ``data`` maps those that are filled by what was sent or drafted."""
    choix = Choix(fiche)
    choix.load(MODELES)
    sent = data or {}
    return [
        Partie(
            slug,
            titre,
            # What one section is sent must not be seen by the constraints of another.
            form(data=sent.get(slug), instance=copy.copy(fiche), prefix=slug, choix=choix),
        )
        for slug, titre, form in PARTIES
        if slug in slugs
    ]
