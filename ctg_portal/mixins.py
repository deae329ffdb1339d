"""The house mixin: start from ``visible_to(user)`` (404), ask one permission (403), give ``can``."""

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpResponseRedirect

from ctg_portal.permissions import Can
from ctg_portal.workflow import TransitionError


class PagesMixin:
    """For lists of pages: a page that is no longer there is the last one, and what is no number the first.

    A list grows shorter while it is read: that is no fault of the address.
    """

    def paginate_queryset(self, queryset, page_size):
        page = self.get_paginator(queryset, page_size).get_page(self.request.GET.get(self.page_kwarg))
        return page.paginator, page, page.object_list, page.has_other_pages()


class PermissionMixin:
    """For views on one object (``get_object``): ``permission`` names the row of the rules to satisfy.

    The queryset must have ``visible_to(user)``: what it hides is a 404, what the rule refuses a 403.
    """

    permission = ""

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_object(self, queryset=None):
        obj = super().get_object(queryset)
        self.check_permission(obj)
        return obj

    def check_permission(self, obj):
        if not self.permission:
            raise ImproperlyConfigured(f"{type(self).__name__} names no permission")
        if not self.request.user.has_perm(self.permission, obj):
            raise PermissionDenied

    def get_context_data(self, **kwargs):
        kwargs.setdefault("can", Can(self.request.user, self.object))
        return super().get_context_data(**kwargs)


class StateMovedError(Exception):
    """The person may do this, but the object is no longer in the state that allows it."""

    def __init__(self, obj):
        super().__init__()
        self.obj = obj


class WhileOpenMixin:
    """``role_permission`` is the permission less the state: whoever has it is told why it is too late, not « interdit ».

    A page asked for goes back to the object with a sentence. What was posted reaches the form, which refuses it
    with the same sentence and gives the words back. The view's ``state_sentence(obj)`` says why, in French.
    """

    role_permission = ""

    def check_permission(self, obj):
        try:
            super().check_permission(obj)
        except PermissionDenied:
            if not self.request.user.has_perm(self.role_permission, obj):
                raise
            if self.request.method != "POST":
                raise StateMovedError(obj) from None

    def dispatch(self, request, *args, **kwargs):
        try:
            return super().dispatch(request, *args, **kwargs)
        except StateMovedError as moved:
            messages.warning(request, self.state_sentence(moved.obj))
            return HttpResponseRedirect(moved.obj.get_absolute_url())

    def refuse_when_moved(self, form):
        """The form with its words and the reason, when the object moved since the page was opened; else ``None``."""
        if self.request.user.has_perm(self.permission, self.object):
            return None
        form.add_error(
            None, f"{self.state_sentence(self.object)} Votre saisie est gardée ci-dessous : copiez-la."
        )
        return self.form_invalid(form)

    def form_valid(self, form):
        return self.refuse_when_moved(form) or super().form_valid(form)


class TransitionFormMixin:
    """For a form whose ``save(by=…)`` calls a verb: a refused transition becomes a sentence on the form."""

    success_message = ""

    def form_valid(self, form):
        try:
            self.object = form.save(by=self.request.user)
        except TransitionError as refus:
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        if self.success_message:
            messages.success(self.request, self.success_message)
        return HttpResponseRedirect(self.get_success_url())
