"""The house mixin: start from ``visible_to(user)`` (404), ask one permission (403), give ``can``."""

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpResponseRedirect

from ctg_portal.permissions import Can
from ctg_portal.workflow import TransitionError


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
