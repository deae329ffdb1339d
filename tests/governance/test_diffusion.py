"""What goes to the members is the version that both sides approved, and no other."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.apercus import preview_of
from governance.brouillons import draft_of
from governance.comptes_rendus import draft_compte_rendu, reopen, submit, take_back
from governance.departs import begin, send_due
from governance.envois import launch, retry
from governance.forms.envois import EnvoiForm
from governance.models import Destinataire, DocumentEmis, Envoi
from tests.actions.test_pages import log_in
from tests.factories import PointOrdreDuJourFactory, PresenceFactory, ReunionFactory
from tests.governance.test_comptes_rendus import person, visa

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def reunion():
    reunion = ReunionFactory(statut="tenue", debut=timezone.now() - datetime.timedelta(days=2))
    PointOrdreDuJourFactory(reunion=reunion, notes="Le relais ouvre.")
    for rang in range(2):
        PresenceFactory(reunion=reunion, nom=f"Membre {rang}", email=f"membre{rang}@example.org")
    return reunion


@pytest.fixture
def by(reunion):
    return person(reunion, "coordination")


def approved(reunion, by, signataire="Présidence"):
    compte_rendu = submit(draft_compte_rendu(reunion, by=by), by=by)
    visa(compte_rendu, by, "epci", signataire=signataire)
    visa(compte_rendu, person(reunion, "relecture"), "caf")
    compte_rendu.refresh_from_db()
    # Drawing the files is tested with the others.
    DocumentEmis.objects.filter(reunion=reunion, statut="en_preparation").update(
        statut="pret", source="", contenu=b"%PDF-1.7", sha256="0" * 64, taille=8, pages=1
    )
    return compte_rendu


def launched(reunion, by):
    envoi = Envoi.objects.get(pk=draft_of(reunion, "diffusion", by=by).pk)
    return launch(envoi, by=by, seen=preview_of(envoi, by=by).marque)


def when_due(envoi):
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE, prochain_essai=None)
    send_due.func()
    envoi.refresh_from_db()
    return envoi


def test_minutes_taken_back_in_the_window_stop_what_was_leaving(reunion, by, mailoutbox):
    compte_rendu = approved(reunion, by)
    envoi = launched(reunion, by)

    take_back(compte_rendu)

    when_due(envoi)
    assert (envoi.statut, mailoutbox) == ("arrete", [])
    assert envoi.motif == "Le compte rendu a été repris. Rien n’est parti."
    reunion.refresh_from_db()
    assert reunion.statut == "tenue"


def test_minutes_opened_again_between_two_messages_stop_the_rest(reunion, by):
    approved(reunion, by)
    envoi = launched(reunion, by)
    Envoi.objects.filter(pk=envoi.pk).update(part_le=timezone.now() - MINUTE)
    envoi = begin(envoi.pk)
    Destinataire.objects.claim(envoi).mark("envoye")

    reopen(reunion, motif="Un nom mal écrit.", by=by)

    assert Destinataire.objects.claim(envoi) is None
    envoi.refresh_from_db()
    assert envoi.motif == "La réunion a été rouverte. Un courriel était déjà parti."


def test_draft_made_for_a_former_version_takes_the_new_one(reunion, by):
    compte_rendu = approved(reunion, by, "Ancienne présidence")
    draft = draft_of(reunion, "diffusion", by=by)
    draft.message = f"Bonne lecture.\n{draft.message}"
    draft.save()
    take_back(compte_rendu)
    with pytest.raises(TransitionError, match="n’est pas celle que"):
        launch(draft, by=by, seen="")
    assert "n’est pas celle que" in preview_of(Envoi.objects.get(pk=draft.pk), by=by).refus

    approved(reunion, by, "Nouvelle présidence")
    again = draft_of(reunion, "diffusion", by=by)

    assert again == draft
    assert {row.version for row in again.documents.all()} == {2}
    assert again.message.startswith("Bonne lecture.\nLe compte rendu a été approuvé par")
    assert "Nouvelle présidence" in again.message
    assert "Ancienne" not in again.message
    # What somebody takes away of the right version stays away.
    again.documents.remove(again.documents.get(nature="releve"))
    assert [row.nature for row in draft_of(reunion, "diffusion", by=by).documents.all()] == ["compte_rendu"]


def test_what_was_stopped_is_taken_up_with_the_approvals_of_today(reunion, by):
    compte_rendu = approved(reunion, by, "Ancienne présidence")
    launched(reunion, by)
    take_back(compte_rendu)
    approved(reunion, by, "Nouvelle présidence")

    again = draft_of(reunion, "diffusion", by=by)

    assert "Nouvelle présidence" in again.message
    assert "Ancienne" not in again.message
    assert {row.version for row in again.documents.all()} == {2}


def test_form_offers_the_approved_version_alone(reunion, by, client):
    submit(draft_compte_rendu(reunion, by=by), by=by)
    draft = draft_of(reunion, "diffusion", by=by)
    assert "documents" not in EnvoiForm(instance=draft).fields
    reunion.compte_rendu.refresh_from_db()
    take_back(reunion.compte_rendu)
    compte_rendu = approved(reunion, by)

    offered = EnvoiForm(instance=draft).fields["documents"].queryset

    assert {(row.nature, row.version) for row in offered} == {("compte_rendu", 2), ("releve", 2)}
    first = DocumentEmis.objects.get(reunion=reunion, nature="compte_rendu", version=1)
    log_in(client, reunion.convention)
    url = reverse("governance:envoi_edit", args=[reunion.convention.code, draft.pk])
    data = {"objet": "Compte rendu", "portee": "tous", "documents": [first.pk]}
    assert client.post(url, data).status_code == 200
    assert client.post(url, data | {"documents": [compte_rendu.document_id]}).status_code == 302


def test_refused_messages_do_not_leave_with_a_version_that_was_replaced(reunion, by):
    approved(reunion, by)
    envoi = when_due(launched(reunion, by))
    envoi.destinataires.filter(pk=envoi.destinataires.first().pk).update(statut="echec")
    reunion.refresh_from_db()
    reopen(reunion, motif="Un nom mal écrit.", by=by)

    with pytest.raises(TransitionError, match="n’est pas celle que"):
        retry(envoi, uncertain=False)
