"""Opening the portal to a person: an account if there is none, a role, and the e-mail that says so."""

from smtplib import SMTPException

import pghistory
from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from conventions.models import Convention, Habilitation, Organisation
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError


@transaction.atomic
def invite(
    *,
    email: str,
    nom: str,
    role: str,
    convention: Convention,
    organisation: Organisation | None = None,
    by: User,
    request: HttpRequest,
) -> Habilitation:
    """Give ``role`` on ``convention``, or on ``organisation`` if given, to the person of this address, and write to them.

    An account without a password gets a link to choose one; another, a link to the convention. Raises
    ``TransitionError`` if the account is closed, the role already held, or the letter cannot leave: nothing is kept then.
    """
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email, nom=nom)
    if not user.is_active:
        raise TransitionError("Ce compte est fermé : l’administration technique du portail peut le rouvrir.")
    habilitation = Habilitation(
        user=user,
        role=role,
        convention=None if organisation else convention,
        organisation=organisation,
    )
    held = Habilitation.objects.filter(
        user=user, role=role, convention=habilitation.convention, organisation=organisation
    )
    if held.exists():
        raise TransitionError("Cette personne a déjà ce rôle.")
    with pghistory.context(par=by.pk):
        habilitation.save()
    _write_to(habilitation, convention=convention, by=by, request=request)
    return habilitation


def _write_to(habilitation: Habilitation, *, convention: Convention, by: User, request: HttpRequest) -> None:
    user = habilitation.user
    to_convention = request.build_absolute_uri(reverse("convention_home", args=[convention.code]))
    context = {
        "habilitation": habilitation,
        "convention": convention,
        "by": by,
        "url_convention": to_convention,
        "url_password": "" if user.has_usable_password() else _password_url(user),
        "url_reset": request.build_absolute_uri(reverse("account_reset_password")),
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
    }
    subject = render_to_string("conventions/email/invitation_objet.txt", context)
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body=render_to_string("conventions/email/invitation.txt", context).strip() + "\n",
        to=[user.email],
    )
    try:
        message.send()
    except (SMTPException, OSError) as error:
        raise TransitionError(
            "Le courrier n’a pas pu partir : rien n’est enregistré. Réessayez dans quelques minutes."
        ) from error


def _password_url(user: User) -> str:
    """The page where the person chooses a password: the same link as after « mot de passe oublié »."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    url: str = get_adapter().get_reset_password_from_key_url(key)
    return url
