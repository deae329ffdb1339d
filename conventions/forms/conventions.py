from django import forms
from django.core.exceptions import ValidationError

from conventions.models import Convention
from ctg_portal.workflow import TransitionError


class MoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Convention
        fields = []

    def __init__(self, *args, statut, **kwargs):
        super().__init__(*args, **kwargs)
        self.statut = statut

    def missing(self):
        """Sentences that keep the convention from this statut."""
        if self.statut != Convention.Statut.SIGNEE:
            return []
        return self.instance.missing_before_signature()

    def save(self, *, by):
        try:
            self.instance.move_to(self.statut, by=by)
        except ValidationError as error:
            raise TransitionError(" ".join(error.messages)) from error
        return self.instance
