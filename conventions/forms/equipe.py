from django import forms

from conventions.models import Habilitation
from conventions.operations.invitations import invite
from conventions.permissions import organisation_roles_to_give, roles_to_give

Role = Habilitation.Role


class InvitationForm(forms.Form):
    """``role`` is « redaction » on the convention, « 12:relecture » on an organisation: only what ``user`` may give."""

    email = forms.EmailField(
        label="Adresse électronique",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    nom = forms.CharField(
        label="Prénom et nom",
        max_length=150,
        help_text="Sert à ouvrir le compte ; une personne déjà inscrite garde le nom qu’elle a donné.",
    )
    role = forms.ChoiceField(label="Rôle")

    def __init__(self, *args, convention, request, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.request = request
        self.organisations = {}
        on_convention = roles_to_give(request.user, convention.pk)
        choices = [("Sur cette convention", [(role, Role(role).label) for role in on_convention])]
        for organisation, roles in organisation_roles_to_give(request.user, convention):
            self.organisations[str(organisation.pk)] = organisation
            choices.append(
                (
                    f"Pour {organisation}, sur toutes ses conventions",
                    [(f"{organisation.pk}:{role}", Role(role).label) for role in roles],
                )
            )
        self.fields["role"].choices = [("", "Choisir…"), *(group for group in choices if group[1])]

    def save(self, *, by):
        *owner, role = self.cleaned_data["role"].split(":")
        return invite(
            email=self.cleaned_data["email"],
            nom=self.cleaned_data["nom"],
            role=role,
            convention=self.convention,
            organisation=self.organisations[owner[0]] if owner else None,
            by=by,
            request=self.request,
        )
