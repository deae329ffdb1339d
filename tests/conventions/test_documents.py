"""The library: what was deposited stays, is found, is replaced by its next version, and leaves as an attachment."""

import datetime
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from conventions.models import Document
from ctg_portal.depots import read_depot
from ctg_portal.workflow import TransitionError
from tests.conventions.test_detail import log_in
from tests.factories import (
    PDF,
    AvenantFactory,
    ConventionFactory,
    DocumentFactory,
    HabilitationFactory,
    SignataireFactory,
    UserFactory,
)

D = datetime.date


def url(name, convention, *args):
    return reverse(f"conventions:{name}", args=[convention.code, *args])


def sent(name="Délibération n° 12.pdf", content=PDF):
    return SimpleUploadedFile(name, content, "application/pdf")


def depot():
    return read_depot(sent(), "note.pdf")


def payload(**fields):
    return {"nature": "deliberation", "titre": "Délibération", "visibilite": "reserve", "date": ""} | fields


def test_document_titre_non_vide():
    with pytest.raises(IntegrityError, match="document_titre_non_vide"), transaction.atomic():
        DocumentFactory(titre="")


def test_document_version_suivante():
    with pytest.raises(IntegrityError, match="document_version_suivante"), transaction.atomic():
        DocumentFactory(version=2)


def test_deposit_keeps_the_name_and_what_was_measured(client):
    convention = ConventionFactory()
    user = log_in(client, convention, "relecture")

    response = client.post(url("document_add", convention), payload(titre="", depot=sent()), follow=True)

    assert "Le document est déposé." in response.text
    document = Document.objects.get()
    assert (document.titre, document.nom_fichier) == ("Délibération n° 12", "Délibération n° 12.pdf")
    assert (document.convention, document.auteur, document.version) == (convention, user, 1)
    assert (document.extension, document.taille) == ("PDF", len(PDF))
    file = client.get(document.get_absolute_url())
    assert file.content == PDF
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''D%C3%A9lib%C3%A9ration%20n%C2%B0%2012.pdf"
    )
    assert file.headers["Cache-Control"] == "private, no-store"
    assert file.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Ce champ est obligatoire."),
        ({"depot": sent("facture.pdf", b"MZ\x90\x00" + b"\x00" * 99)}, "Ce fichier est un programme"),
        ({"depot": sent("vide.pdf", b"")}, "Ce fichier est vide."),
        ({"depot": sent(), "nature": "inconnue"}, "Sélectionnez un choix valide."),
        ({"depot": sent(), "titre": "x" * 201}, "au plus 200 caractères"),
        ({"depot": sent(), "date": "2026-13-45"}, "Saisissez une date valide."),
    ],
)
def test_deposit_refused_keeps_what_was_typed(client, fields, sentence):
    convention = ConventionFactory()
    log_in(client, convention)

    response = client.post(url("document_add", convention), payload(titre="Mon titre") | fields)

    assert response.status_code == 200
    assert sentence in response.text
    assert fields.get("titre", "Mon titre") in response.text
    assert not Document.objects.exists()


def test_heavy_file_is_refused_with_a_sentence(client, settings):
    settings.DEPOT_OCTETS = 1_048_576
    convention = ConventionFactory()
    log_in(client, convention)

    response = client.post(
        url("document_add", convention), payload(depot=sent(content=PDF + b"\n" * 3_000_000))
    )

    assert "Ce fichier pèse 3\u00a0Mo\u00a0: 1\u00a0Mo au plus." in response.text


@pytest.mark.parametrize("count", [1, 3])
def test_list_query_count_does_not_grow(client, count, django_assert_num_queries):
    convention = ConventionFactory()
    for index in range(count):
        DocumentFactory(convention=convention, titre=f"Document {index}")
    log_in(client, convention)

    with django_assert_num_queries(9):
        response = client.get(url("documents", convention))

    assert response.text.count('<th scope="row">') == count


def test_list_filters_and_hides_what_was_replaced_or_withdrawn(client):
    convention = ConventionFactory()
    HabilitationFactory(convention=convention)
    user = log_in(client, convention)
    first = DocumentFactory(convention=convention, titre="Étude des besoins", nature="etude")
    first.replace(depot(), by=user)
    DocumentFactory(convention=convention, titre="Délibération", nature="deliberation", visibilite="public")
    DocumentFactory(convention=convention, titre="Brouillon", nature="autre").withdraw(by=user)
    DocumentFactory(titre="D’ailleurs")

    def titles(query):
        return [row.titre for row in client.get(url("documents", convention), query).context["documents"]]

    assert titles({}) == ["Délibération", "Étude des besoins"]
    assert titles({"tri": "titre"}) == ["Délibération", "Étude des besoins"]
    assert titles({"q": "Étude BESOINS"}) == ["Étude des besoins"]
    assert titles({"nature": "deliberation"}) == ["Délibération"]
    assert titles({"visibilite": "public"}) == ["Délibération"]
    assert titles({"retires": "on"}) == ["Brouillon"]
    assert (
        "Aucun document ne répond à ces filtres"
        in client.get(url("documents", convention), {"q": "zzz"}).text
    )


def test_readers_do_not_see_what_was_withdrawn(client):
    document = DocumentFactory()
    document.withdraw(by=document.auteur)
    log_in(client, document.convention, "lecture")

    assert client.get(document.get_absolute_url()).status_code == 403
    assert (
        client.get(url("documents", document.convention), {"retires": "on"}).context["documents"].count() == 0
    )


def test_next_version_replaces_and_the_copies_follow(client):
    convention = ConventionFactory()
    log_in(client, convention)
    first = DocumentFactory(convention=convention, nature="signature", visibilite="public")
    signataire = SignataireFactory(convention=convention, copie=first)
    avenant = AvenantFactory(convention=convention, copie=first)

    response = client.post(
        url("document_replace", convention, first.pk),
        {"depot": sent("v2.pdf"), "date": "2026-03-01"},
        follow=True,
    )

    assert "La version 2 est déposée" in response.text
    second = Document.objects.get(version=2)
    assert (second.remplace, second.titre, second.visibilite) == (first, first.titre, "public")
    assert second.date == D(2026, 3, 1)
    signataire.refresh_from_db()
    avenant.refresh_from_db()
    assert (signataire.copie, avenant.copie) == (second, second)
    assert [row.version for row in second.versions()] == [2, 1]
    assert [row.pk for row in first.versions()] == [second.pk, first.pk]
    assert first.nom_fichier in response.text or "Version 1" in response.text
    assert client.get(first.get_absolute_url()).status_code == 200


def test_second_person_to_replace_gets_a_sentence(client):
    convention = ConventionFactory()
    log_in(client, convention)
    document = DocumentFactory(convention=convention)
    document.replace(depot(), by=document.auteur)

    response = client.post(url("document_replace", convention, document.pk), {"depot": sent()})

    assert "Une version plus récente vient d’être déposée" in response.text
    assert Document.objects.count() == 2
    edited = client.post(url("document_edit", convention, document.pk), payload(titre="Trop tard"))
    assert "Une version plus récente vient d’être déposée" in edited.text
    assert "Trop tard" in edited.text


@pytest.mark.django_db(transaction=True)
def test_two_next_versions_at_once_leave_one():
    document = DocumentFactory()
    people = [UserFactory(), UserFactory()]
    ready = threading.Barrier(2)
    outcomes = []

    def replace(by):
        try:
            ready.wait(timeout=10)
            Document.objects.get(pk=document.pk).replace(depot(), by=by)
            outcomes.append("déposée")
        except TransitionError as refusal:
            outcomes.append(str(refusal)[:22])
        finally:
            connection.close()

    threads = [threading.Thread(target=replace, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(outcomes) == ["Une version plus récen", "déposée"]
    assert list(Document.objects.values_list("version", flat=True).order_by("version")) == [1, 2]


def test_edit_changes_words_not_the_file(client):
    document = DocumentFactory()
    log_in(client, document.convention)

    response = client.post(
        url("document_edit", document.convention, document.pk),
        payload(titre="Nouveau titre", visibilite="public"),
        follow=True,
    )

    assert "sont enregistrés" in response.text
    after = Document.objects.get()
    assert (after.titre, after.visibilite, after.sha256) == ("Nouveau titre", "public", document.sha256)


def test_adviser_changes_only_what_it_deposited(client):
    convention = ConventionFactory()
    user = log_in(client, convention, "relecture")
    mine = DocumentFactory(convention=convention, auteur=user)
    other = DocumentFactory(convention=convention)

    assert client.get(url("document_edit", convention, mine.pk)).status_code == 200
    assert client.get(url("document_edit", convention, other.pk)).status_code == 403


def test_withdraw_then_restore(client):
    document = DocumentFactory(visibilite="public")
    convention = document.convention
    log_in(client, convention)

    client.post(url("document_withdraw", convention, document.pk))
    assert not Document.objects.courants().exists()
    assert client.get(url("publication_file", convention, document.pk)).status_code == 404

    response = client.post(url("document_restore", convention, document.pk), follow=True)
    assert "de nouveau dans la bibliothèque" in response.text
    assert Document.objects.courants().get() == document
    again = client.post(url("document_restore", convention, document.pk), follow=True)
    assert "Ce document est déjà dans la bibliothèque." in again.text


def test_signed_copy_is_not_withdrawn(client):
    document = DocumentFactory(nature="signature")
    SignataireFactory(convention=document.convention, organisation__nom="MSA", copie=document)
    log_in(client, document.convention)

    response = client.post(url("document_withdraw", document.convention, document.pk))

    assert "Ce document est l’exemplaire signé de MSA" in response.text
    assert Document.objects.courants().exists()


def test_closed_convention_takes_no_document(client):
    document = DocumentFactory(convention__statut="close")
    log_in(client, document.convention)

    assert client.get(url("document_add", document.convention)).status_code == 403
    assert client.post(url("document_withdraw", document.convention, document.pk)).status_code == 403
    assert client.get(document.get_absolute_url()).status_code == 200


def test_missing_file_is_not_an_error(client):
    document = DocumentFactory()
    document.fichier.storage.delete(document.fichier.name)
    log_in(client, document.convention)

    assert client.get(document.get_absolute_url()).status_code == 404


def test_public_page_lists_public_documents_only(client):
    convention = ConventionFactory(intitule="CTG du Causse")
    public = DocumentFactory(convention=convention, titre="Diagnostic partagé", visibilite="public")
    old = DocumentFactory(convention=convention, titre="Plan d’actions", visibilite="public")
    new = old.replace(depot(), by=old.auteur)
    reserved = DocumentFactory(convention=convention, titre="Note interne")
    elsewhere = DocumentFactory(titre="D’ailleurs", visibilite="public")

    page = client.get(url("publications", convention)).text

    assert "CTG du Causse" in page
    assert "Diagnostic partagé" in page
    assert "Note interne" not in page
    assert "D’ailleurs" not in page
    assert page.count("Plan d’actions") == 1
    assert client.get(url("publication_file", convention, public.pk)).content == PDF
    assert client.get(url("publication_file", convention, new.pk)).status_code == 200
    for hidden in (old, reserved, elsewhere):
        assert client.get(url("publication_file", convention, hidden.pk)).status_code == 404
    assert client.get(url("publications", convention) + "../").status_code in (302, 404)


def test_public_page_says_that_it_is_empty(client):
    assert "Aucun document public pour l’instant" in client.get(url("publications", ConventionFactory())).text


def test_convention_en_preparation_publishes_nothing(client):
    document = DocumentFactory(convention__statut="preparation", visibilite="public")

    assert client.get(url("publications", document.convention)).status_code == 404
    assert client.get(url("publication_file", document.convention, document.pk)).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_public_page_query_count_does_not_grow(client, count, django_assert_num_queries):
    convention = ConventionFactory()
    for _ in range(count):
        DocumentFactory(convention=convention, visibilite="public")

    with django_assert_num_queries(5):
        page = client.get(url("publications", convention))

    # Pages of a list are said from two rows on: « 1–1 sur 1 documents » is no French.
    assert ("1–3 sur 3 documents" in page.text, "1–1 sur 1" in page.text) == (count == 3, False)


@pytest.mark.parametrize("count", [1, 3])
def test_versions_query_count_does_not_grow(client, count, django_assert_num_queries):
    document = DocumentFactory()
    log_in(client, document.convention)
    last = document
    for _ in range(count):
        last = last.replace(depot(), by=document.auteur)

    with django_assert_num_queries(10):
        response = client.get(url("document", document.convention, last.pk))

    assert response.text.count('<th scope="row">') == count + 1
