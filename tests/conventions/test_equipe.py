import re
from smtplib import SMTPException

import pytest
from django.core import mail
from django.urls import reverse

from conventions.models import Habilitation, Organisation
from conventions.permissions import organisation_roles_to_give, roles_to_give
from ctg_portal.models import User
from tests.factories import (
    ConventionFactory,
    HabilitationFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
)

Nature = Organisation.Nature
GIVEN_BY_COORDINATION = ("coordination", "redaction", "pilotage", "lecture")
LOGIN = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def convention():
    convention = ConventionFactory()
    epci = OrganisationFactory(nom="CC du Val", nature=Nature.EPCI, territoire=convention.territoire)
    for organisation in (
        epci,
        OrganisationFactory(nom="CAF du Lot", nature=Nature.CAF),
        OrganisationFactory(nom="MSA", nature=Nature.MSA),
    ):
        SignataireFactory(convention=convention, organisation=organisation)
    return convention


def organisation(nom):
    return Organisation.objects.get(nom=nom)


def person(convention, who):
    """A person with one role: on the convention, or « administration » of an organisation."""
    if who in Habilitation.ROLES_CONVENTION:
        return HabilitationFactory(convention=convention, role=who).user
    return HabilitationFactory(convention=None, organisation=organisation(who), role="administration").user


def add_url(convention):
    return reverse("conventions:habilitation_add", args=[convention.code])


def remove_url(convention, habilitation):
    return reverse("conventions:habilitation_remove", args=[convention.code, habilitation.pk])


@pytest.mark.parametrize(
    ("who", "given"),
    [
        ("coordination", GIVEN_BY_COORDINATION),
        ("CC du Val", GIVEN_BY_COORDINATION),
        ("CAF du Lot", Habilitation.ROLES_CONVENTION),
        ("MSA", ()),
        ("redaction", ()),
        ("relecture", ()),
        ("pilotage", ()),
        ("lecture", ()),
    ],
)
def test_nobody_gives_more_than_they_hold(convention, who, given):
    assert roles_to_give(person(convention, who), convention.pk) == given


@pytest.mark.parametrize(
    ("who", "given"),
    [
        ("CC du Val", ("administration", "pilotage", "lecture")),
        ("CAF du Lot", ("administration", "relecture", "pilotage", "lecture")),
    ],
)
def test_an_administrator_gives_the_roles_of_their_own_organisation(convention, who, given):
    assert organisation_roles_to_give(person(convention, who), convention) == [(organisation(who), given)]


def test_administration_elsewhere_gives_nothing_here(convention):
    elsewhere = HabilitationFactory(
        convention=None, organisation=OrganisationFactory(nature=Nature.CAF), role="administration"
    ).user

    assert roles_to_give(elsewhere, convention.pk) == ()
    assert organisation_roles_to_give(elsewhere, convention) == []


def test_invited_stranger_chooses_a_password_and_enters(client, convention):
    client.force_login(person(convention, "coordination"), backend=LOGIN)

    response = client.post(
        add_url(convention),
        {"email": "Nouvelle@Example.org", "nom": "Dominique Masse", "role": "redaction"},
        follow=True,
    )

    assert "L’invitation est partie à nouvelle@example.org." in response.text
    invited = User.objects.get(email="nouvelle@example.org")
    assert (invited.nom, invited.has_usable_password()) == ("Dominique Masse", False)
    assert [(h.role, h.convention) for h in invited.habilitations.all()] == [("redaction", convention)]
    (letter,) = mail.outbox
    assert letter.to == ["nouvelle@example.org"]
    assert letter.subject == f"[Portail CTG] Vous êtes invité·e sur la {convention}"

    client.logout()
    (link,) = re.findall(r"http://testserver(/compte/password/reset/key/\S+)", letter.body)
    page = client.get(link, follow=True)
    chosen = {"password1": "un-mot-de-passe-long-7", "password2": "un-mot-de-passe-long-7"}
    client.post(page.redirect_chain[-1][0], chosen)
    assert client.login(email="nouvelle@example.org", password=chosen["password1"])
    assert client.get(convention.get_absolute_url()).status_code == 200


def test_invited_account_keeps_its_name_and_password(client, convention):
    known = UserFactory(email="connue@example.org", nom="Claude Ségala")
    password = known.password
    client.force_login(person(convention, "coordination"))

    response = client.post(
        add_url(convention),
        {"email": "CONNUE@example.org", "nom": "Autre nom", "role": "lecture"},
        follow=True,
    )

    # The same words as for a stranger.
    assert "L’invitation est partie à connue@example.org." in response.text
    known.refresh_from_db()
    assert (known.nom, known.password) == ("Claude Ségala", password)
    assert known.habilitations.get().role == "lecture"
    assert "/password/reset/key/" not in mail.outbox[0].body
    assert f"http://testserver/conventions/{convention.code}/" in mail.outbox[0].body


def test_invitation_for_an_organisation(client, convention):
    client.force_login(person(convention, "CAF du Lot"))
    caf = organisation("CAF du Lot")

    client.post(
        add_url(convention), {"email": "ctt@example.org", "nom": "Conseil", "role": f"{caf.pk}:relecture"}
    )

    made = Habilitation.objects.get(user__email="ctt@example.org")
    assert (made.role, made.convention, made.organisation) == ("relecture", None, caf)


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("coordination", "relecture"),
        ("coordination", "administration"),
        ("coordination", "{caf}:relecture"),
        ("CC du Val", "relecture"),
        ("CC du Val", "{epci}:relecture"),
        ("CC du Val", "{caf}:administration"),
        ("CAF du Lot", "{epci}:administration"),
        ("CAF du Lot", "{caf}:coordination"),
        ("CAF du Lot", "pirate"),
        ("coordination", ""),
    ],
)
def test_role_that_may_not_be_given_is_refused(client, convention, who, role):
    client.force_login(person(convention, who))
    role = role.format(caf=organisation("CAF du Lot").pk, epci=organisation("CC du Val").pk)

    response = client.post(add_url(convention), {"email": "x@example.org", "nom": "X", "role": role})

    assert list(response.context["form"].errors) == ["role"]
    assert not User.objects.filter(email="x@example.org").exists()
    assert mail.outbox == []


@pytest.mark.parametrize("who", ["redaction", "relecture", "pilotage", "lecture", "MSA"])
def test_others_do_not_invite(client, convention, who):
    client.force_login(person(convention, who))

    assert client.get(add_url(convention)).status_code == 403
    assert client.post(add_url(convention), {"email": "x@example.org", "role": "lecture"}).status_code == 403
    assert mail.outbox == []


def test_role_already_held_is_said(client, convention):
    held = HabilitationFactory(convention=convention, role="lecture")
    client.force_login(person(convention, "coordination"))

    response = client.post(add_url(convention), {"email": held.user.email, "nom": "X", "role": "lecture"})

    assert response.context["form"].non_field_errors() == ["Cette personne a déjà ce rôle."]
    assert mail.outbox == []


def test_closed_account_is_not_invited(client, convention):
    closed = UserFactory(is_active=False)
    client.force_login(person(convention, "coordination"))

    response = client.post(add_url(convention), {"email": closed.email, "nom": "X", "role": "lecture"})

    assert "Ce compte est fermé" in str(response.context["form"].non_field_errors())
    assert not closed.habilitations.exists()


def test_letter_that_cannot_leave_keeps_nothing(client, convention, monkeypatch):
    def fail(*args, **kwargs):
        raise SMTPException("no server")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    client.force_login(person(convention, "coordination"))

    response = client.post(add_url(convention), {"email": "x@example.org", "nom": "X", "role": "lecture"})

    assert "Le courrier n’a pas pu partir" in str(response.context["form"].non_field_errors())
    assert not User.objects.filter(email="x@example.org").exists()


@pytest.mark.parametrize(
    "email", ["pas une adresse", "a@b\r\nBcc: c@example.org", "", "x" * 300 + "@example.org"]
)
def test_bad_address_is_refused(client, convention, email):
    client.force_login(person(convention, "coordination"))

    response = client.post(add_url(convention), {"email": email, "nom": "X", "role": "lecture"})

    assert "email" in response.context["form"].errors
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [
        ("coordination", "redaction", 302),
        ("coordination", "relecture", 403),
        ("CAF du Lot", "relecture", 302),
        ("CC du Val", "relecture", 403),
        ("CC du Val", "coordination", 302),
        ("redaction", "lecture", 403),
    ],
)
def test_remove_a_role_of_the_convention(client, convention, who, role, status):
    habilitation = HabilitationFactory(convention=convention, role=role)
    client.force_login(person(convention, who))

    assert client.get(remove_url(convention, habilitation)).status_code == (200 if status == 302 else 403)
    assert client.post(remove_url(convention, habilitation)).status_code == status
    assert Habilitation.objects.filter(pk=habilitation.pk).exists() == (status == 403)


@pytest.mark.parametrize(("who", "status"), [("CAF du Lot", 302), ("CC du Val", 403), ("coordination", 403)])
def test_remove_a_role_of_an_organisation(client, convention, who, status):
    habilitation = HabilitationFactory(
        convention=None, organisation=organisation("CAF du Lot"), role="relecture"
    )
    client.force_login(person(convention, who))

    assert client.post(remove_url(convention, habilitation)).status_code == status


def test_role_of_another_convention_is_not_found(client, convention):
    elsewhere = HabilitationFactory(role="lecture")
    client.force_login(person(convention, "coordination"))

    assert client.post(remove_url(convention, elsewhere)).status_code == 404
    assert Habilitation.objects.filter(pk=elsewhere.pk).exists()


def test_last_coordination_is_warned_and_sent_to_the_list(client, convention):
    habilitation = HabilitationFactory(convention=convention)
    client.force_login(habilitation.user)

    assert "C’est la seule personne qui coordonne" in client.get(remove_url(convention, habilitation)).text
    response = client.post(remove_url(convention, habilitation))

    assert response.headers["Location"] == reverse("conventions:list")


@pytest.mark.parametrize("count", [1, 3])
def test_team_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    for _ in range(count):
        HabilitationFactory(convention=convention, role="lecture")
        HabilitationFactory(convention=None, organisation=organisation("CAF du Lot"), role="relecture")
    client.force_login(person(convention, "CAF du Lot"))

    with django_assert_num_queries(9):
        response = client.get(reverse("conventions:equipe", args=[convention.code]))

    # The administrator's own role is one more.
    assert response.text.count(">Retirer<") == 2 * count + 1


def test_team_names_each_role_and_where_it_comes_from(client, convention):
    both = HabilitationFactory(convention=convention, role="lecture").user
    HabilitationFactory(user=both, convention=None, organisation=organisation("CAF du Lot"), role="relecture")
    HabilitationFactory(role="lecture", user__nom="Personne d’ailleurs")
    client.force_login(both)

    response = client.get(reverse("conventions:equipe", args=[convention.code]))

    ((found, roles),) = response.context["personnes"]
    assert found == both
    assert [(h.get_role_display(), retirable) for h, retirable in roles] == [
        ("Lecture", False),
        ("Relecture (CAF)", False),
    ]
    assert "par CAF du Lot" in response.text
    assert "Personne d’ailleurs" not in response.text
