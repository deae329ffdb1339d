"""The convention is in the address, never in the session."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property

from conventions.models import Convention
from ctg_portal.mixins import PagesMixin
from ctg_portal.permissions import Can


class InConventionMixin(PagesMixin):
    """For every page inside a convention: ``self.convention`` from ``code``, the room of the left rail, ``can``.

    ``convention_lookup`` narrows the view's queryset to that convention, so that an id of another one is a 404.
    ``convention_permission`` (if any) is asked on the convention itself, for pages without an object of their own.
    """

    room = ""
    convention_lookup = "convention"
    convention_permission = "conventions.view_convention"

    def get_conventions(self):
        """Those that the address may name. A page that shows more of its convention loads it here, at once."""
        return Convention.objects.visible_to(self.request.user).with_territoire()

    @cached_property
    def convention(self):
        convention = get_object_or_404(self.get_conventions(), code=self.kwargs["code"])
        if not self.request.user.has_perm(self.convention_permission, convention):
            raise PermissionDenied
        return convention

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.convention  # noqa: B018 - the 404 or 403 comes before anything else
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self):
        return super().get_queryset().filter(**{self.convention_lookup: self.convention})

    def get_context_data(self, **kwargs):
        kwargs.setdefault("convention", self.convention)
        kwargs.setdefault("room", self.room)
        kwargs.setdefault("can_convention", Can(self.request.user, self.convention))
        return super().get_context_data(**kwargs)
