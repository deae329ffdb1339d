from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.generic import DetailView, ListView, UpdateView
from django_filters.views import FilterView

from conventions.filters import DocumentFilter
from conventions.forms.documents import DocumentEditForm, DocumentForm, ReplaceForm, WithdrawForm
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Document
from ctg_portal.depots import attachment
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.workflow import TransitionError


class DocumentsMixin(InConventionMixin):
    room = "documents"

    def url_of(self, document):
        return reverse("conventions:document", args=[self.convention.code, document.pk])

    @property
    def url_library(self):
        return reverse("conventions:documents", args=[self.convention.code])


class DocumentListView(DocumentsMixin, FilterView):
    """What was deposited on the convention: the last version of each document."""

    queryset = Document.objects.all()
    filterset_class = DocumentFilter
    template_name = "conventions/documents.html"
    context_object_name = "documents"
    paginate_by = 25

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user).for_list()

    def get_filterset_kwargs(self, filterset_class):
        may_deposit = self.request.user.has_perm("conventions.deposit_convention", self.convention)
        return super().get_filterset_kwargs(filterset_class) | {"may_deposit": may_deposit}


class DocumentAddView(DocumentsMixin, TransitionFormMixin, UpdateView):
    """The object of the form is a document to be; what it saves is deposited on the convention of the address."""

    convention_permission = "conventions.deposit_convention"
    form_class = DocumentForm
    template_name = "conventions/document_form.html"
    success_message = "Le document est déposé."

    def get_object(self, queryset=None):
        return Document(convention=self.convention)

    def get_context_data(self, **kwargs):
        return super().get_context_data(url_back=self.url_library, **kwargs)

    def get_success_url(self):
        return self.url_of(self.object)


class DocumentMixin(DocumentsMixin, PermissionMixin):
    queryset = Document.objects.for_page()
    context_object_name = "document"
    permission = "conventions.change_document"

    def get_context_data(self, **kwargs):
        return super().get_context_data(url_back=self.url_of(self.object), **kwargs)

    def get_success_url(self):
        return self.url_of(self.object)


class DocumentView(DocumentMixin, DetailView):
    permission = "conventions.view_document"
    template_name = "conventions/document.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            versions=self.object.versions(), citations=self.object.citations(), **kwargs
        )


class DocumentFileView(DocumentMixin, DetailView):
    permission = "conventions.view_document"

    def render_to_response(self, context, **kwargs):
        return file_response(self.object)


def file_response(document):
    try:
        return attachment(document.fichier, document.nom_fichier, document.type_mime)
    except FileNotFoundError as error:
        raise Http404 from error


class DocumentEditView(DocumentMixin, TransitionFormMixin, UpdateView):
    form_class = DocumentEditForm
    template_name = "conventions/document_form.html"
    success_message = "Le titre, la nature et la visibilité du document sont enregistrés."


class DocumentReplaceView(DocumentMixin, TransitionFormMixin, UpdateView):
    form_class = ReplaceForm
    template_name = "conventions/document_form.html"

    @property
    def success_message(self):
        return f"La version {self.object.version} est déposée\u00a0; la précédente reste dans la liste des versions."


class DocumentWithdrawView(DocumentMixin, TransitionFormMixin, UpdateView):
    form_class = WithdrawForm
    template_name = "conventions/document_withdraw.html"
    success_message = "Le document est retiré de la bibliothèque. Vous pouvez le remettre."


class DocumentRestoreView(DocumentMixin, DetailView):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        document = self.get_object()
        try:
            document.restore(by=request.user)
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            messages.success(request, "Le document est de nouveau dans la bibliothèque.")
        return HttpResponseRedirect(self.url_of(document))


class PublicationsMixin:
    """What anyone reads without an account: the public documents of a convention that was signed."""

    @cached_property
    def convention_publique(self):
        conventions = Convention.objects.published().with_territoire()
        return get_object_or_404(conventions, code=self.kwargs["code"])

    def get_queryset(self):
        return Document.objects.publics().filter(convention=self.convention_publique).for_list()


@method_decorator(login_not_required, name="dispatch")
class PublicationsView(PublicationsMixin, ListView):
    template_name = "conventions/publications.html"
    context_object_name = "documents"
    paginate_by = 50

    def get_context_data(self, **kwargs):
        return super().get_context_data(publiee=self.convention_publique, **kwargs)


@method_decorator(login_not_required, name="dispatch")
class PublicationFileView(PublicationsMixin, DetailView):
    def render_to_response(self, context, **kwargs):
        return file_response(self.object)
