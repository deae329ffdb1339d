from django.contrib import messages
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import CreateView, DeleteView, DetailView, FormView, TemplateView, UpdateView, View
from django.views.generic.detail import SingleObjectMixin

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.permissions import Can
from ctg_portal.workflow import TransitionError
from diagnostics.forms.diagnostic import (
    SECTIONS,
    ConstatEnjeuxForm,
    ConstatForm,
    ConstatPreuvesForm,
    DiagnosticMoveForm,
    DiagnosticSectionForm,
    EnjeuForm,
    PriorisationForm,
)
from diagnostics.models import TRANSITIONS_DIAGNOSTIC, Constat, Diagnostic, Enjeu
from diagnostics.reprise import compare, evolutions, start_from


def previous_of(convention, user):
    """The diagnostic that this one may start from: of the convention before, if ``user`` may open it."""
    return (
        Diagnostic.objects.visible_to(user)
        .filter(convention=convention.precedente_id)
        .select_related("convention__territoire")
        .first()
    )


def by_theme(constats):
    """In the order of the themes, those without one last; their own order inside a theme."""
    return sorted(
        constats, key=lambda row: (row.theme is None, row.theme and (row.theme.ordre, row.theme.intitule))
    )


class DiagnosticView(InConventionMixin, TemplateView):
    """What was found: texts, ateliers, constats, enjeux and the objectifs that answer them."""

    template_name = "diagnostics/detail.html"
    room = "diagnostic"

    def get_context_data(self, **kwargs):
        user = self.request.user
        diagnostic = (
            Diagnostic.objects.visible_to(user)
            .filter(convention=self.convention)
            .select_related("convention__territoire")
            .annotate(nb_paroles=Count("paroles"))
            .prefetch_related(
                "ateliers",
                Prefetch("constats", Constat.objects.with_preuves()),
                # objectifs: the plan answers, through the reverse relation of actions.
                Prefetch("enjeux", Enjeu.objects.prefetch_related("constats", "objectifs")),
            )
            .first()
        )
        rows = {"diagnostic": diagnostic, "can": Can(user, diagnostic) if diagnostic else None}
        if diagnostic is None:
            rows["precedent"] = previous_of(self.convention, user)
        if diagnostic:
            constats = by_theme(diagnostic.constats.all())
            rows["points_forts"] = [c for c in constats if c.nature == Constat.Nature.POINT_FORT]
            rows["points_vigilance"] = [c for c in constats if c.nature == Constat.Nature.POINT_VIGILANCE]
            rows["participants"] = sum(atelier.participants or 0 for atelier in diagnostic.ateliers.all())
        return super().get_context_data(**rows, **kwargs)


class DiagnosticStartView(InConventionMixin, View):
    """Opens the diagnostic of the convention; POST only, and harmless twice."""

    convention_permission = "conventions.change_convention"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        diagnostic, _ = Diagnostic.objects.get_or_create(convention=self.convention)
        messages.success(request, "Le diagnostic est ouvert. Commencez par sa synthèse ou par ses constats.")
        return HttpResponseRedirect(diagnostic.get_absolute_url())


class DiagnosticMixin(InConventionMixin, PermissionMixin):
    """The diagnostic of the convention in the address."""

    queryset = Diagnostic.objects.select_related("convention__territoire__departement")
    context_object_name = "diagnostic"
    permission = "diagnostics.change_diagnostic"
    room = "diagnostic"

    def get_object(self, queryset=None):
        diagnostic = get_object_or_404(self.get_queryset())
        self.check_permission(diagnostic)
        return diagnostic


class SectionEditView(DiagnosticMixin, UpdateView):
    form_class = DiagnosticSectionForm
    template_name = "diagnostics/form.html"

    def get_form_kwargs(self):
        if self.kwargs["section"] not in SECTIONS:
            raise Http404
        return super().get_form_kwargs() | {"champs": SECTIONS[self.kwargs["section"]][1]}

    @property
    def titre(self):
        return SECTIONS[self.kwargs["section"]][0]

    def form_valid(self, form):
        form.save()
        messages.success(self.request, f"« {self.titre} » est enregistrée.")
        return HttpResponseRedirect(f"{self.url_retour}#{self.kwargs['section']}")

    @property
    def url_retour(self):
        """The page that shows the section."""
        page = "voix" if self.kwargs["section"] == "paroles" else "detail"
        return reverse(f"diagnostics:{page}", args=[self.convention.code])


class DiagnosticMoveView(DiagnosticMixin, TransitionFormMixin, UpdateView):
    permission = "diagnostics.move_diagnostic"
    form_class = DiagnosticMoveForm
    template_name = "diagnostics/move.html"

    @property
    def success_message(self):
        return f"Le diagnostic est maintenant « {self.object.statut_dit} »."

    def get_form_kwargs(self):
        statut = self.kwargs["statut"]
        # Validating freezes a document: it has its own page, in governance.
        if statut == Diagnostic.Statut.VALIDE or not any(
            statut in vers for vers in TRANSITIONS_DIAGNOSTIC.values()
        ):
            raise Http404
        return super().get_form_kwargs() | {"statut": statut}

    def get_context_data(self, **kwargs):
        return super().get_context_data(statut=Diagnostic.Statut(self.kwargs["statut"]), **kwargs)


class PartMixin(InConventionMixin, SuccessMessageMixin):
    """An atelier, a parole, a constat or an enjeu of the diagnostic; ``page`` and ``ancre`` say where it is read."""

    convention_lookup = "diagnostic__convention"
    template_name = "diagnostics/form.html"
    room = "diagnostic"
    page = "detail"
    ancre = ""
    titre = ""

    @property
    def url_retour(self):
        return reverse(f"diagnostics:{self.page}", args=[self.convention.code])

    def get_success_url(self):
        return f"{self.url_retour}#{self.ancre}"


class PartAddMixin(PartMixin, CreateView):
    def get_form_kwargs(self):
        diagnostic = get_object_or_404(
            Diagnostic.objects.select_related("convention__territoire"), convention=self.convention
        )
        if not self.request.user.has_perm("diagnostics.change_diagnostic", diagnostic):
            raise PermissionDenied
        return super().get_form_kwargs() | {"instance": self.form_class.Meta.model(diagnostic=diagnostic)}


class PartEditMixin(PartMixin, PermissionMixin):
    """``suppression`` is the words of the link that leads to the page to delete it."""

    suppression = ""

    @property
    def url_suppression(self):
        nom = self.object._meta.model_name
        return reverse(f"diagnostics:{nom}_delete", args=[self.convention.code, self.object.pk])

    def get_queryset(self):
        return super().get_queryset().select_related("diagnostic__convention__territoire__departement")


class PartDeleteView(PartEditMixin, DeleteView):
    template_name = "diagnostics/part_delete.html"
    success_message = "La ligne est supprimée du diagnostic."

    def form_valid(self, form):
        try:
            self.object.diagnostic.keep_open()
        except TransitionError as refus:
            messages.warning(self.request, str(refus))
            return HttpResponseRedirect(self.url_retour)
        return super().form_valid(form)


class ConstatAddView(PartAddMixin):
    form_class = ConstatForm
    titre, ancre = "Nouveau constat", "constats"
    success_message = "Le constat « %(intitule)s » est ajouté."


class ConstatEditView(PartEditMixin, UpdateView):
    queryset = Constat.objects.all()
    permission = "diagnostics.change_constat"
    form_class = ConstatForm
    titre, ancre = "Constat", "constats"
    suppression = "Supprimer ce constat"
    success_message = "Le constat « %(intitule)s » est enregistré."


class ConstatDeleteView(PartDeleteView):
    queryset = Constat.objects.all()
    permission = "diagnostics.change_constat"
    titre, ancre = "Supprimer le constat", "constats"


class LiensView(PartEditMixin, UpdateView):
    """Ties of one constat, saved alone; the row is locked, so that the second to save is told of the first."""

    queryset = Constat.objects.all()
    permission = "diagnostics.change_constat"
    context_object_name = "constat"
    template_name = "diagnostics/constat_liens.html"
    ancre = "constats"

    def get_queryset(self):
        rows = super().get_queryset()
        return rows.select_for_update(of=("self",)) if self.request.method == "POST" else rows

    def get_success_url(self):
        return f"{reverse('diagnostics:detail', args=[self.convention.code])}#constat-{self.object.pk}"


class ConstatPreuvesView(LiensView):
    form_class = ConstatPreuvesForm
    titre = "Ce qui montre le constat"
    success_message = "Les preuves du constat sont enregistrées."


class ConstatEnjeuxView(LiensView):
    form_class = ConstatEnjeuxForm
    titre = "Enjeux qui reposent sur le constat"
    success_message = "Les enjeux du constat sont enregistrés."


class EnjeuAddView(PartAddMixin):
    form_class = EnjeuForm
    titre, ancre = "Nouvel enjeu", "enjeux"
    success_message = "L’enjeu « %(intitule)s » est ajouté."


class EnjeuEditView(PartEditMixin, UpdateView):
    queryset = Enjeu.objects.all()
    permission = "diagnostics.change_enjeu"
    form_class = EnjeuForm
    titre, ancre = "Enjeu", "enjeux"
    suppression = "Supprimer cet enjeu"
    success_message = "L’enjeu « %(intitule)s » est enregistré."


class EnjeuDeleteView(PartDeleteView):
    """Says what answers it: objectifs and fiches lose the link, and stay."""

    queryset = Enjeu.objects.annotate(
        nb_objectifs=Count("objectifs", distinct=True), nb_fiches=Count("fiches", distinct=True)
    )
    permission = "diagnostics.change_enjeu"
    titre, ancre = "Supprimer l’enjeu", "enjeux"


class DiagnosticResumeView(InConventionMixin, View):
    """Opens the diagnostic from the one of the convention before; POST only, and said twice without harm."""

    convention_permission = "conventions.change_convention"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        previous = previous_of(self.convention, request.user)
        if previous is None:
            messages.warning(request, "Aucun diagnostic précédent ne vous est ouvert : rien n’est recopié.")
        else:
            try:
                start_from(previous, convention=self.convention)
            except TransitionError as refus:
                messages.warning(request, str(refus))
            else:
                messages.success(
                    request,
                    "Le diagnostic part du précédent : textes, constats et enjeux sont recopiés. Relisez-les un à un.",
                )
        return HttpResponseRedirect(reverse("diagnostics:detail", args=[self.convention.code]))


class MouvementsView(DiagnosticMixin, DetailView):
    """What moved since the previous diagnostic: enjeux, constats, figures."""

    permission = "diagnostics.view_diagnostic"
    template_name = "diagnostics/mouvements.html"

    def get_context_data(self, **kwargs):
        diagnostic, user = self.object, self.request.user
        precedent = None
        if diagnostic.precedent_id:
            opened = Diagnostic.objects.visible_to(user).select_related("convention")
            precedent = opened.filter(pk=diagnostic.precedent_id).first()
        rows = {"precedent": precedent}
        if precedent:
            rows["parties"] = [
                ("Enjeux", compare(precedent.enjeux.all(), diagnostic.enjeux.all(), ["intitule", "texte"])),
                (
                    "Constats",
                    compare(precedent.constats.all(), diagnostic.constats.all(), ["intitule", "elements"]),
                ),
            ]
            rows["evolutions"] = evolutions(diagnostic)
        return super().get_context_data(**rows, **kwargs)


class PriorisationView(DiagnosticMixin, SingleObjectMixin, FormView):
    """The atelier de priorisation: the enjeux in large type, ranked together; one sending saves them all."""

    form_class = PriorisationForm
    template_name = "diagnostics/priorisation.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.object = None

    def get_form_kwargs(self):
        self.object = self.get_object()
        return super().get_form_kwargs() | {"diagnostic": self.object}

    def form_valid(self, form):
        try:
            form.save(by=self.request.user)
        except TransitionError as refus:
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        messages.success(self.request, "L’ordre des enjeux est enregistré.")
        return HttpResponseRedirect(reverse("diagnostics:priorisation", args=[self.convention.code]))
