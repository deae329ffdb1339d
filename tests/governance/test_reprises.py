"""Notes after the minutes were begun: proposed, added at the end, refused once they are submitted."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.comptes_rendus import draft_compte_rendu, submit
from governance.models import CompteRendu, PointOrdreDuJour, Reunion
from governance.reprises import reprises_of, take_notes
from tests.actions.test_pages import log_in
from tests.factories import PointOrdreDuJourFactory, ReunionFactory, UserFactory


@pytest.fixture
def reunion():
    reunion = ReunionFactory(
        statut="tenue", debut=timezone.now() - datetime.timedelta(days=2), notes="Hors sujet."
    )
    PointOrdreDuJourFactory(reunion=reunion, intitule="Le relais", notes="Le relais ouvre.", ordre=1)
    return reunion


def url_of(name, reunion, *args):
    return reverse(f"governance:{name}", args=[reunion.convention.code, reunion.pk, *args])


def read(reunion):
    return CompteRendu.objects.get(reunion=reunion)


def test_later_notes_are_seen_then_added_and_nothing_is_lost(client, reunion):
    compte_rendu = draft_compte_rendu(reunion, by=UserFactory())
    point = reunion.points.get()
    compte_rendu.parties.filter(point=point).update(texte="Le relais ouvrira.")
    assert reprises_of(read(reunion)) == []
    PointOrdreDuJour.objects.filter(pk=point.pk).update(notes="Le relais ouvre.\nEn mars.")
    Reunion.objects.filter(pk=reunion.pk).update(notes="Hors sujet.\nLe stationnement.")
    nouveau = PointOrdreDuJourFactory(reunion=reunion, intitule="Les navettes", notes="À revoir.", ordre=2)
    found = [(reprise.titre, reprise.ajout) for reprise in reprises_of(read(reunion))]
    assert found == [
        ("Le relais", "En mars."),
        ("Les navettes", "À revoir."),
        ("Autres échanges", "Le stationnement."),
    ]

    log_in(client, reunion.convention)
    assert "En mars." in client.get(url_of("compte_rendu", reunion)).text
    for cle in (point.pk, nouveau.pk, 0):
        page = client.post(url_of("compte_rendu_notes", reunion), {"point": cle}, follow=True)
        assert "Les notes sont dans le compte rendu" in page.text

    parties = {partie.titre: partie.texte for partie in compte_rendu.parties.all()}
    assert parties == {
        "Le relais": "Le relais ouvrira.\n\nEn mars.",
        "Autres échanges": "Hors sujet.\n\nLe stationnement.",
        "Les navettes": "À revoir.",
    }
    again = client.post(url_of("compte_rendu_notes", reunion), {"point": point.pk}, follow=True)
    assert "déjà dans le compte rendu" in again.text
    for wrong in ("", "x", "-1", "9" * 30):
        page = client.post(url_of("compte_rendu_notes", reunion), {"point": wrong}, follow=True)
        assert page.status_code == 200


def test_notes_are_refused_once_the_minutes_are_submitted(client, reunion):
    by = UserFactory()
    submit(draft_compte_rendu(reunion, by=by), by=by)
    point = reunion.points.get()
    log_in(client, reunion.convention)
    said = "est soumis à l’approbation, ou approuvé"

    notes = client.post(url_of("reunion_notes", reunion), {"notes": "Trop tard."})
    assert said in notes.text
    assert "Trop tard." in notes.text
    on_point = client.post(url_of("seance_notes", reunion, point.pk), {"notes": "Trop tard."})
    assert said in on_point.text
    assert "Trop tard." in on_point.text
    typed = client.post(
        url_of("seance_notes", reunion, point.pk),
        {"notes": "Trop tard."},
        headers={"accept": "application/json"},
    )
    assert (typed.status_code, said in typed.json()["dit"]) == (409, True)

    reunion.refresh_from_db()
    point.refresh_from_db()
    assert (reunion.notes, point.notes) == ("Hors sujet.", "Le relais ouvre.")
    assert 'name="notes"' not in client.get(reunion.get_absolute_url()).text
    with pytest.raises(TransitionError, match="ne s’écrit plus"):
        take_notes(read(reunion), point.pk)
