"""The way to a file: asked, drawn once, given; and what was issued stays as it was."""

import datetime
import hashlib
from unittest.mock import Mock

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction
from conventions.models import Impression
from conventions.operations import impressions
from conventions.operations.impressions import draw_impression
from ctg_portal.documents import DocumentError
from governance.emissions import draw_document, issue_document
from governance.models import DocumentEmis
from tests.factories import ConventionFactory, HabilitationFactory, UserFactory
from tests.pdf.test_documents import words
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


@pytest.fixture
def coordination(client, world):
    client.force_login(world.people["coordination"])
    return client


def ask(client, world):
    client.post(reverse("actions:plan_pdf", args=[world.convention.code]))
    return Impression.objects.exclude(cle="0" * 64).get()


def address(world, impression, name="impression"):
    return reverse(f"conventions:{name}", args=[world.convention.code, impression.pk])


def test_asking_twice_makes_one_impression(coordination, client, world):
    first = ask(coordination, world)
    client.force_login(world.people["lecture"])
    second = ask(client, world)

    assert second == first
    assert set(second.demandeurs.all()) == {world.people["coordination"], world.people["lecture"]}


def test_changed_plan_makes_another_impression(coordination, world):
    ask(coordination, world)
    FicheAction.objects.filter(pk=world.fiche.pk).update(modalites="Autre chose.")

    coordination.post(reverse("actions:plan_pdf", args=[world.convention.code]))

    assert Impression.objects.exclude(cle="0" * 64).count() == 2


def test_impression_waits_then_is_given(coordination, world):
    impression = ask(coordination, world)
    waiting = coordination.get(address(world, impression))
    refused = coordination.get(address(world, impression, "impression_file"))

    draw_impression.func(str(impression.pk))
    ready = coordination.get(address(world, impression))
    file = coordination.get(address(world, impression, "impression_file"))

    assert ("refresh" in waiting.text, "refresh" in ready.text) == (True, False)
    assert refused.status_code == 404
    impression.refresh_from_db()
    assert (impression.statut, impression.html) == ("prete", "")
    assert file.content == bytes(impression.contenu)
    assert file.headers["Content-Disposition"] == f'attachment; filename="{impression.nom_fichier}"'
    page = coordination.get(reverse("actions:plan_pdf", args=[world.convention.code]))
    assert address(world, impression, "impression_file") in page.text


def test_failed_drawing_is_said_and_can_be_asked_again(coordination, world):
    impression = ask(coordination, world)
    html = impression.html
    Impression.objects.filter(pk=impression.pk).update(html=html + '<img src="static:pdf/x.png" alt="x">')

    with pytest.raises(DocumentError):
        draw_impression.func(str(impression.pk))
    failed = coordination.get(address(world, impression))
    coordination.post(reverse("actions:plan_pdf", args=[world.convention.code]))

    assert "n’a pas pu" in failed.text
    impression.refresh_from_db()
    assert impression.statut == "en_attente"


def test_impression_of_somebody_else_is_hidden(coordination, client, world):
    impression = ask(coordination, world)
    client.force_login(world.people["pilotage"])

    assert client.get(address(world, impression)).status_code == 404
    assert client.get(address(world, impression, "impression_file")).status_code == 404


def test_fiche_is_given_at_once(coordination, world):
    response = coordination.get(reverse("actions:fiche_pdf", args=[world.convention.code, world.fiche.pk]))

    assert response.headers["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")


def test_confidential_fiche_is_hidden_from_readers(client, world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(confidentielle=True)
    client.force_login(world.people["lecture"])

    path = reverse("actions:fiche_pdf", args=[world.convention.code, world.fiche.pk])

    assert client.get(path).status_code == 404


def issue(client, world):
    client.post(reverse("governance:dossier_issue", args=[world.convention.code, world.reunion.pk]))
    document = DocumentEmis.objects.filter(reunion=world.reunion).order_by("-version").first()
    draw_document.func(str(document.pk))
    document.refresh_from_db()
    return document


def test_issued_dossier_does_not_change(coordination, world):
    document = issue(coordination, world)
    before = bytes(document.contenu)
    FicheAction.objects.filter(pk=world.fiche.pk).update(intitule="Tout autre chose")
    world.objects["point"].intitule = "Autre point"
    world.objects["point"].save()

    args = [world.convention.code, document.pk]
    file = coordination.get(reverse("governance:document_file", args=args))
    page = coordination.get(reverse("governance:document", args=args))

    assert file.content == before
    assert document.sha256 == hashlib.sha256(before).hexdigest()
    assert document.sha256 in page.text
    assert "Ouvrir un relais itinérant" in page.text
    assert "Tout autre chose" not in page.text


def test_issued_dossier_says_what_it_said_when_it_was_issued(coordination, world):
    coordination.post(reverse("governance:dossier_issue", args=[world.convention.code, world.reunion.pk]))
    document = DocumentEmis.objects.get(reunion=world.reunion, version=2)
    FicheAction.objects.filter(pk=world.fiche.pk).update(intitule="Tout autre chose")
    args = [world.convention.code, document.pk]

    waiting = coordination.get(reverse("governance:document", args=args))
    listed = coordination.get(reverse("governance:documents", args=args[:1]))
    missing = coordination.get(reverse("governance:document_file", args=args))
    draw_document.func(str(document.pk))
    drawn = coordination.get(reverse("governance:document_file", args=args))

    assert 'http-equiv="refresh"' in waiting.text
    assert "Le fichier se prépare" in waiting.text
    assert "Ouvrir un relais itinérant" in waiting.text
    assert "fichier en préparation" in listed.text
    assert missing.status_code == 404
    text = words(drawn.content)
    assert "Ouvrir un relais itinérant" in text
    assert "Tout autre chose" not in text


def test_dossier_that_could_not_be_drawn_says_so_and_is_drawn_again(
    coordination, world, monkeypatch, django_capture_on_commit_callbacks
):
    with monkeypatch.context() as broken:
        broken.setattr("governance.emissions.render_pdf", Mock(side_effect=DocumentError("sans police")))
        with pytest.raises(DocumentError):
            issue(coordination, world)
    document = DocumentEmis.objects.get(reunion=world.reunion, version=2)
    args = [world.convention.code, document.pk]

    failed = coordination.get(reverse("governance:document", args=args))
    with django_capture_on_commit_callbacks() as asked:
        coordination.post(reverse("governance:document_retry", args=args))
    draw_document.func(str(document.pk))
    again = coordination.post(reverse("governance:document_retry", args=args))

    assert "n’a pas pu être préparé" in failed.text
    assert reverse("governance:document_retry", args=args) in failed.text
    assert len(asked) == 1
    assert coordination.get(reverse("governance:document_file", args=args)).content.startswith(b"%PDF-")
    assert again.status_code == 403


def test_drawing_twice_keeps_the_first_file(coordination, world):
    document = issue(coordination, world)
    before = bytes(document.contenu)

    draw_document.func(str(document.pk))

    document.refresh_from_db()
    assert bytes(document.contenu) == before


def test_issuing_again_adds_a_version(coordination, world):
    first = issue(coordination, world)
    second = issue(coordination, world)

    assert (first.version, second.version) == (2, 3)
    assert first.pages == 7


def test_database_refuses_to_change_a_document(world):
    with pytest.raises(DatabaseError), transaction.atomic():
        DocumentEmis.objects.update(titre="Autre")


@pytest.mark.parametrize(
    "change",
    [{"statut": "en_preparation"}, {"contenu": b"%PDF-autre"}, {"sha256": "0" * 64}, {"source": "a"}],
)
def test_database_refuses_to_change_a_drawn_file(world, change):
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        DocumentEmis.objects.filter(pk=world.objects["document"].pk).update(**change)


@pytest.mark.parametrize("change", [{"html": "<p>Autre</p>"}, {"version": 7}])
def test_database_refuses_to_change_what_is_being_drawn(world, change):
    document = issue_document(
        convention=world.convention,
        nature="dossier_seance",
        titre="Dossier",
        version=9,
        nom_fichier="dossier.pdf",
        html="<p>Un point.</p>",
        source="<p>Un point.</p>",
        by=world.people["coordination"],
    )

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        DocumentEmis.objects.filter(pk=document.pk).update(**change)


def test_document_is_ready_with_its_file_only(world):
    with pytest.raises(IntegrityError, match="documentemis_pret_avec_fichier"), transaction.atomic():
        DocumentEmis.objects.filter(pk=world.objects["document_en_echec"].pk).update(statut="pret")


def test_dossier_leaves_out_confidential_fiches(coordination, world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(confidentielle=True)

    preview = coordination.get(
        reverse("governance:dossier_preview", args=[world.convention.code, world.reunion.pk])
    )
    document = issue(coordination, world)

    assert "Ouvrir un relais itinérant" not in preview.text
    assert "Ouvrir un relais itinérant" not in document.html


def test_convention_without_plan_says_so(client):
    user = UserFactory()
    convention = HabilitationFactory(user=user, convention=ConventionFactory()).convention
    client.force_login(user)
    path = reverse("actions:plan_pdf", args=[convention.code])

    assert "n’a pas de plan d’actions à imprimer" in client.get(path).text
    assert client.post(path).status_code == 404


def lose_worker(impression, seconds=60):
    """It was asked a while ago, and no worker is there."""
    then = timezone.now() - datetime.timedelta(seconds=seconds)
    Impression.objects.filter(pk=impression.pk).update(updated_at=then)


def test_without_worker_the_person_may_draw_it_now(coordination, world, monkeypatch):
    impression = ask(coordination, world)
    at_once = coordination.get(address(world, impression))
    lose_worker(impression)
    monkeypatch.setattr(impressions, "PARTIES", 4)

    alone = coordination.get(address(world, impression))
    first = coordination.post(address(world, impression, "impression_now"), follow=True)
    last = coordination.post(address(world, impression, "impression_now"), follow=True)

    assert ("Préparer maintenant" in at_once.text, "Préparer maintenant" in alone.text) == (False, True)
    assert ("refresh" in at_once.text, "refresh" in alone.text) == (True, False)
    assert "Il reste 3 parties à dessiner" in first.text
    assert "4 parties sur 7 sont déjà dessinées" in first.text
    assert "Télécharger le fichier (PDF)" in last.text
    assert coordination.get(address(world, impression, "impression_file")).content.startswith(b"%PDF-")


def test_worker_that_is_there_keeps_its_work(coordination, world):
    impression = ask(coordination, world)
    lose_worker(impression)
    impressions.beat()

    page = coordination.get(address(world, impression))
    coordination.post(address(world, impression, "impression_now"))

    assert "Préparer maintenant" not in page.text
    impression.refresh_from_db()
    assert impression.statut == "en_attente"
    lose_worker(impression, seconds=600)  # alive, but it died at this one
    assert "Préparer maintenant" in coordination.get(address(world, impression)).text


def test_failure_without_worker_is_said(coordination, world):
    impression = ask(coordination, world)
    Impression.objects.filter(pk=impression.pk).update(html='<img src="static:pdf/x.png" alt="x">')
    lose_worker(impression)

    failed = coordination.post(address(world, impression, "impression_now"), follow=True)

    assert "n’a pas pu" in failed.text


def test_lost_request_is_asked_again(coordination, world, django_capture_on_commit_callbacks):
    impression = ask(coordination, world)
    lose_worker(impression, seconds=600)

    with django_capture_on_commit_callbacks() as asked:
        coordination.post(reverse("actions:plan_pdf", args=[world.convention.code]))
        coordination.post(reverse("actions:plan_pdf", args=[world.convention.code]))

    assert len(asked) == 1
