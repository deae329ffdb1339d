from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import Prefetch
from django.views.generic import CreateView, DetailView, ListView, UpdateView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin
from governance.forms.instances import InstanceForm
from governance.models import Decision, DocumentEmis, Instance, Reunion, SujetEnAttente


class GouvernanceView(InConventionMixin, ListView):
    """The room: instances against their yearly minimum, the next meeting, what is still to be done."""

    queryset = Instance.objects.for_page()
    template_name = "governance/detail.html"
    context_object_name = "instances"
    room = "gouvernance"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_context_data(self, **kwargs):
        user = self.request.user
        reunions = Reunion.objects.visible_to(user).filter(instance__convention=self.convention)
        ouvertes = Decision.objects.visible_to(user).filter(convention=self.convention).ouvertes()
        documents = Prefetch("documents", DocumentEmis.objects.visible_to(user).without_content())
        prochaines = reunions.a_venir().select_related("instance").prefetch_related("points", documents)
        return super().get_context_data(
            prochaine=prochaines.first(),
            ouvertes=ouvertes.for_list(user).most_pressing_first()[:8],
            nb_ouvertes=ouvertes.count(),
            **kwargs,
        )


class InstanceView(InConventionMixin, PermissionMixin, DetailView):
    queryset = Instance.objects.for_page().prefetch_related("reunions__compte_rendu")
    permission = "governance.view_instance"
    template_name = "governance/instance.html"
    room = "gouvernance"

    def get_context_data(self, **kwargs):
        user = self.request.user
        sujets = SujetEnAttente.objects.filter(instance=self.object).en_attente()
        return super().get_context_data(
            sujets=[
                (sujet, user.has_perm("governance.change_sujetenattente", sujet))
                for sujet in sujets.select_related("auteur", "instance__convention")
            ],
            **kwargs,
        )


class InstanceAddView(InConventionMixin, SuccessMessageMixin, CreateView):
    convention_permission = "conventions.change_convention"
    form_class = InstanceForm
    template_name = "governance/instance_form.html"
    room = "gouvernance"
    success_message = "L’instance « %(intitule)s » est créée."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Instance(convention=self.convention)}


class InstanceEditView(InConventionMixin, PermissionMixin, SuccessMessageMixin, UpdateView):
    queryset = Instance.objects.select_related("convention__territoire")
    permission = "governance.change_instance"
    form_class = InstanceForm
    template_name = "governance/instance_form.html"
    room = "gouvernance"
    success_message = "L’instance « %(intitule)s » et ses membres sont enregistrés."

    def get_queryset(self):
        instances = super().get_queryset()
        return instances.select_for_update(of=("self",)) if self.request.method == "POST" else instances
