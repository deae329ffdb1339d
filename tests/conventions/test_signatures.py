"""Signatures, one by one, until the convention is signed."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Document, Signataire
from ctg_portal.workflow import TransitionError
from tests.conventions.test_detail import log_in
from tests.factories import (
    PDF,
    AvenantFactory,
    ConventionFactory,
    DocumentFactory,
    SignataireFactory,
    UserFactory,
)

D = datetime.date


def url(convention, signataire=None):
    if signataire is None:
        return reverse("conventions:signatures", args=[convention.code])
    return reverse("conventions:signature_edit", args=[convention.code, signataire.pk])


def payload(**fields):
    return {
        "signe_le": "2025-06-20",
        "representant": "Camille Bourian",
        "fonction": "Présidente",
        "deliberation_numero": "2025-12",
        "deliberation_date": "2025-05-30",
    } | fields


def sent():
    return SimpleUploadedFile("signé.pdf", PDF)


@pytest.fixture
def convention():
    return ConventionFactory(statut="preparation")


def test_last_signature_leads_to_the_signed_convention(client, convention):
    SignataireFactory(convention=convention, signe_le=D(2025, 5, 2))
    last = SignataireFactory(convention=convention, organisation__nom="MSA")
    user = log_in(client, convention)

    before = client.get(url(convention)).text
    assert "1 sur 2 signé" in before
    assert "La signature de MSA manque." in before

    response = client.post(url(convention, last), payload(depot=sent()), follow=True)

    assert "C’était la dernière" in response.text
    assert reverse("conventions:move", args=[convention.code, "signee"]) in response.text
    last.refresh_from_db()
    assert (last.signe_le, last.representant, last.deliberation_numero) == (
        D(2025, 6, 20),
        "Camille Bourian",
        "2025-12",
    )
    assert (last.copie.nature, last.copie.titre, last.copie.auteur) == (
        "signature",
        "Exemplaire signé, MSA",
        user,
    )

    client.post(reverse("conventions:move", args=[convention.code, "signee"]))
    convention.refresh_from_db()
    assert (convention.statut, convention.signee_le) == ("signee", D(2025, 6, 20))


def test_signing_keeps_the_date_that_was_written(convention):
    SignataireFactory(convention=convention, signe_le=D(2025, 5, 2))
    Convention.objects.filter(pk=convention.pk).update(signee_le=D(2025, 5, 1))

    convention.move_to("signee", by=UserFactory())

    assert Convention.objects.get(pk=convention.pk).signee_le == D(2025, 5, 1)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"signe_le": ""}, "Ce champ est obligatoire."),
        ({"signe_le": "hier"}, "Saisissez une date valide."),
        (
            {"signe_le": str(timezone.localdate() + datetime.timedelta(days=2))},
            "La date de signature est à venir.",
        ),
        ({"deliberation_date": "2025-06-21"}, "elle ne suit pas la signature."),
        ({"representant": "x" * 151}, "au plus 150 caractères"),
        ({"document": "999999"}, "Choisissez dans la liste"),
    ],
)
def test_refused_with_a_sentence(client, convention, fields, sentence):
    DocumentFactory(convention=convention, nature="convention")
    signataire = SignataireFactory(convention=convention)
    log_in(client, convention)

    response = client.post(url(convention, signataire), payload(fonction="Vice-présidente") | fields)

    assert response.status_code == 200
    assert sentence in response.text
    assert "Vice-présidente" in response.text
    signataire.refresh_from_db()
    assert signataire.signe_le is None


def test_one_document_may_be_the_copy_of_all(client, convention):
    shared = DocumentFactory(convention=convention, nature="convention")
    foreign = DocumentFactory(nature="convention")
    rows = [SignataireFactory(convention=convention) for _ in range(2)]
    log_in(client, convention)

    for row in rows:
        client.post(url(convention, row), payload(document=shared.pk))
    both = client.post(url(convention, rows[0]), payload(document=shared.pk, depot=sent()))
    other = client.post(url(convention, rows[0]), payload(document=foreign.pk))

    assert {row.copie for row in Signataire.objects.all()} == {shared}
    assert "pas les deux" in both.text
    assert other.status_code == 200

    # A copy of its own does not take the place of everybody's.
    client.post(url(convention, rows[0]), payload(depot=sent()))
    assert Signataire.objects.get(pk=rows[1].pk).copie == shared
    own = Signataire.objects.get(pk=rows[0].pk).copie
    assert (own.nature, own.version) == ("signature", 1)

    client.post(url(convention, rows[0]), payload(depot=sent()))
    assert Signataire.objects.get(pk=rows[0].pk).copie.version == 2


def test_signature_of_one_who_left_is_not_changed(client):
    convention = ConventionFactory()
    avenant = AvenantFactory(convention=convention, numero=2)
    left = SignataireFactory(convention=convention, retire_par=avenant, signe_le=D(2023, 1, 5))
    log_in(client, convention)

    page = client.get(url(convention)).text
    assert "Anciens signataires" in page
    assert "avenant n°&nbsp;2" in page
    assert "n’est plus signataire" in client.get(url(convention, left)).text
    refused = client.post(url(convention, left), payload(depot=sent()))
    assert refused.status_code == 200
    left.refresh_from_db()
    assert left.signe_le == D(2023, 1, 5)
    assert not Document.objects.exists()
    with pytest.raises(TransitionError, match="n’est plus signataire"):
        left.record_signature(copie=None, by=UserFactory())


def test_pages_show_those_who_sign_today():
    convention = ConventionFactory()
    left = SignataireFactory(
        convention=convention, retire_par=AvenantFactory(convention=convention), organisation__nom="Partie"
    )
    stays = SignataireFactory(convention=convention)

    assert list(convention.signataires.for_page()) == [stays, left]
    assert list(convention.signataires.actuels()) == [stays]


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, count, django_assert_num_queries):
    convention = ConventionFactory()
    for index in range(count):
        SignataireFactory(convention=convention, copie=DocumentFactory(convention=convention))
        AvenantFactory(convention=convention, numero=index + 1)
    log_in(client, convention)

    with django_assert_num_queries(12):
        response = client.get(url(convention))

    assert response.text.count('<th scope="row">') == 2 * count


def test_history_of_a_signature_says_who_wrote_what():
    signataire = SignataireFactory(representant="Jeanne Martin")
    by = UserFactory()

    signataire.representant, signataire.signe_le = "Paul Durand", D(2025, 6, 20)
    signataire.record_signature(copie=None, by=by)

    first, last = signataire.events.order_by("pgh_id")
    assert (first.representant, last.representant) == ("Jeanne Martin", "Paul Durand")
    assert last.pgh_context.metadata["par"] == by.pk
