from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import DetailView, TemplateView, UpdateView

from actions.forms.fil import EnjeuObjectifsForm
from actions.models import PlanActions
from actions.models.fil import read_fil
from conventions.mixins import InConventionMixin
from ctg_portal.permissions import Can
from diagnostics.models import Diagnostic, Enjeu

# What the thread may be read from: a parameter of the address, the prose of its title.
ORIGINES = {
    "constat": "le constat",
    "valeur": "le chiffre",
    "parole": "la parole",
    "equipement": "l’équipement",
}


class FilMixin(InConventionMixin):
    room = "diagnostic"

    def get_context_data(self, **kwargs):
        diagnostic = Diagnostic.objects.filter(convention=self.convention).first()
        return super().get_context_data(
            diagnostic=diagnostic,
            can_diagnostic=Can(self.request.user, diagnostic) if diagnostic else None,
            fil_dor=read_fil(self.convention, self.request.user),
            **kwargs,
        )


class FilView(FilMixin, TemplateView):
    """The whole thread; ``?constat=``, ``?valeur=``, ``?parole=`` or ``?equipement=`` follows it forward from there,
    ``?fiche=`` reads it backwards. What is not in the thread is left aside."""

    template_name = "actions/fil.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        fil_dor = context["fil_dor"]
        titre, fils = self.from_fiche(fil_dor) or self.from_preuve(fil_dor) or ("", fil_dor.fils)
        return context | {"titre": titre, "fils": fils}

    def asked(self, name):
        given = self.request.GET.get(name, "")
        # Longer than any key: somebody plays with the address.
        return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None

    def from_fiche(self, fil_dor):
        fiche = next((row for row in fil_dor.fiches if row.pk == self.asked("fiche")), None)
        return (f"Ce qui mène à la fiche « {fiche} »", fil_dor.backward(fiche)) if fiche else None

    def from_preuve(self, fil_dor):
        for name, prose in ORIGINES.items():
            pk = self.asked(name)
            found = self.find(fil_dor.constats, name, pk)
            if found is not None:
                label = getattr(found, "en_clair", None) or str(found)
                fils = fil_dor.forward(lambda constat, name=name, pk=pk: self.rests_on(constat, name, pk))
                return f"Ce qui part de {prose} « {label} »".replace("de le ", "du "), fils
        return None

    @staticmethod
    def preuves(constat, name):
        return [constat] if name == "constat" else list(getattr(constat, f"{name}s").all())

    def rests_on(self, constat, name, pk):
        return any(row.pk == pk for row in self.preuves(constat, name))

    def find(self, constats, name, pk):
        rows = (row for constat in constats for row in self.preuves(constat, name))
        return next((row for row in rows if row.pk == pk), None)


class EnjeuMixin(InConventionMixin):
    queryset = Enjeu.objects.all()
    convention_lookup = "diagnostic__convention"
    context_object_name = "enjeu"
    room = "diagnostic"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)


class FilEnjeuView(EnjeuMixin, FilMixin, DetailView):
    """One enjeu: what it rests on, what answers it, what came of it."""

    template_name = "actions/fil_enjeu.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        return context | {"fil": context["fil_dor"].of_enjeu(self.object)}


class EnjeuObjectifsView(EnjeuMixin, UpdateView):
    """Mends an enjeu without objectif: which ones of the plan answer it."""

    convention_permission = "conventions.change_convention"
    form_class = EnjeuObjectifsForm
    template_name = "actions/enjeu_objectifs.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "plan": PlanActions.objects.filter(convention=self.convention).first()
        }

    def get_object(self, queryset=None):
        rows = self.get_queryset()
        if self.request.method == "POST":
            # One writer at a time: the second is told of the first.
            rows = rows.select_for_update(of=("self",))
        return get_object_or_404(rows, pk=self.kwargs["pk"])

    def form_valid(self, form):
        form.save()
        messages.success(self.request, f"Les objectifs qui répondent à « {self.object} » sont enregistrés.")
        return HttpResponseRedirect(reverse("actions:fil", args=[self.convention.code]))
