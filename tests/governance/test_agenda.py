"""The feed is read back by a parser that did not write it."""

import datetime

import pytest
import vobject
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from governance.forms.reunions import ReunionForm
from governance.models import FluxAgenda, Reunion
from tests.factories import (
    ConventionFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    InstanceFactory,
    PiloteFactory,
    PlanActionsFactory,
    ReunionFactory,
    SignataireFactory,
    UserFactory,
)
from tests.test_access import refuse_writes

PAGE = reverse("governance:agenda")
TODAY = timezone.localdate()
DAY = datetime.timedelta(days=1)
HOSTILE = "Titre ; , \\ « é »\r\nEND:VEVENT\nBEGIN:VEVENT\r\x0b\u2028SUMMARY:faux" + "x" * 200


def feed_of(user):
    return reverse("governance:flux", args=[FluxAgenda.open(by=user).cle])


def read(client, user):
    """Events by UID."""
    response = client.get(feed_of(user))
    assert response.status_code == 200
    (calendar,) = vobject.readComponents(response.content.decode())
    events = getattr(calendar, "vevent_list", [])
    found = {event.uid.value: event for event in events}
    assert len(found) == len(events)
    return found


def ctg(role="coordination", **fields):
    convention = ConventionFactory(**fields)
    user = HabilitationFactory(convention=convention, role=role).user
    return convention, user


def fiche_of(convention, **fields):
    plan = getattr(convention, "plan", None) or PlanActionsFactory(convention=convention)
    return FicheActionFactory(axe__plan=plan, **{"echeance": TODAY + 30 * DAY} | fields)


def test_headers_and_no_session(client):
    _, user = ctg()
    address = feed_of(user)
    client.force_login(user)

    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)

    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in response.headers
    assert not response.cookies
    client.cookies.clear()
    with CaptureQueriesContext(connection) as anonymous:
        assert client.get(address).content == response.content
    assert not [q for q in anonymous.captured_queries if "django_session" in q["sql"]]
    assert len(queries) >= len(anonymous)


def test_unchanged_feed_is_not_sent_again(client):
    _, user = ctg()
    first = client.get(feed_of(user))

    again = client.get(feed_of(user), headers={"if-none-match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_a_key_that_is_not_answering_says_nothing_more(client):
    _, user = ctg()
    _, closed = ctg()
    revoked, shut = feed_of(user), feed_of(closed)
    user.flux_agenda.delete()
    closed.is_active = False
    closed.save()
    unknown = reverse("governance:flux", args=["A" * 43])

    answers = [client.get(address) for address in (unknown, revoked, shut)]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize("cle", ["%00", "a/b", "..", "é", ""])
def test_a_key_of_another_shape_is_not_found(client, cle):
    assert client.get(f"/agenda/{cle}.ics").status_code == 404


def test_get_does_not_write(client):
    convention, user = ctg()
    EtapeFactory(fiche=fiche_of(convention), echeance=TODAY)
    ReunionFactory(instance=InstanceFactory(convention=convention))
    address = feed_of(user)

    with connection.execute_wrapper(refuse_writes):
        assert client.get(address).status_code == 200


def test_meeting_carries_its_hour_its_place_and_its_page(client):
    convention, user = ctg("lecture")
    debut = datetime.datetime(TODAY.year + 1, 7, 8, 16, 0, tzinfo=datetime.UTC)
    reunion = ReunionFactory(
        instance=InstanceFactory(convention=convention, intitule="Comité de pilotage"),
        debut=debut,
        duree=90,
        statut=Reunion.Statut.CONVOQUEE,
    )

    event = read(client, user)[reunion.agenda_uid]

    assert event.summary.value == f"Comité de pilotage – {convention.territoire.nom_court}"
    assert event.dtstart.value == debut
    assert event.dtend.value == debut + datetime.timedelta(minutes=90)
    # Written in local time: 18 h in summer, whatever the zone of the program that reads it.
    assert event.dtstart.value.utcoffset() == datetime.timedelta(hours=2)
    assert event.location.value == "Salle des fêtes"
    assert event.url.value == f"http://testserver{reunion.get_absolute_url()}"
    assert event.status.value == "CONFIRMED"
    assert event.dtstamp.value == event.last_modified.value == reunion.updated_at.replace(microsecond=0)


def test_the_zone_is_that_of_paris(client):
    _, user = ctg()

    text = client.get(feed_of(user)).text

    assert text.count("BEGIN:VTIMEZONE") == 1
    assert "TZID:Europe/Paris" in text
    assert "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3" in text


@pytest.mark.parametrize(
    ("statut", "said"),
    [
        ("preparation", "TENTATIVE"),
        ("convoquee", "CONFIRMED"),
        ("ouverte", "CONFIRMED"),
        ("tenue", "CONFIRMED"),
        ("diffusee", "CONFIRMED"),
        ("annulee", "CANCELLED"),
    ],
)
def test_status_of_a_meeting(client, statut, said):
    convention, user = ctg("lecture")
    reunion = ReunionFactory(instance=InstanceFactory(convention=convention), statut=statut)

    assert read(client, user)[reunion.agenda_uid].status.value == said


def test_uid_stays_and_sequence_grows(client):
    convention, user = ctg("lecture")
    reunion = ReunionFactory(instance=InstanceFactory(convention=convention))
    uid = reunion.agenda_uid
    before = int(read(client, user)[uid].sequence.value)

    form = ReunionForm(instance=reunion)
    data = {bound.html_name: bound.value() or "" for bound in form} | {"lieu": "Mairie"}
    ReunionForm(data, instance=reunion).save()
    after = read(client, user)[uid]

    assert (before, int(after.sequence.value), after.location.value) == (0, 1, "Mairie")
    # Who presides is in no calendar.
    again = {"president": "La maire", "empreinte": ReunionForm(instance=reunion)["empreinte"].value()}
    ReunionForm(data | again, instance=reunion).save()
    assert int(read(client, user)[uid].sequence.value) == 1


def test_whole_day_events_and_what_they_are_about(client):
    convention, user = ctg()
    fiche = fiche_of(convention, code="1.1", intitule="Ouvrir un relais")
    etape = EtapeFactory(fiche=fiche, intitule="Louer un local", echeance=TODAY + 10 * DAY)

    events = read(client, user)

    lieu = convention.territoire.nom_court
    found = {
        uid.split("-")[0]: (event.summary.value, event.dtstart.value, event.dtend.value, event.url.value)
        for uid, event in events.items()
    }
    page = f"http://testserver{fiche.get_absolute_url()}"
    assert found == {
        "fiche": (f"Échéance : 1.1 Ouvrir un relais – {lieu}", fiche.echeance, fiche.echeance + DAY, page),
        "etape": (f"Étape : Louer un local – {lieu}", etape.echeance, etape.echeance + DAY, page),
        "convention": (
            f"Fin : {convention}",
            convention.fin,
            convention.fin + DAY,
            f"http://testserver{convention.get_absolute_url()}",
        ),
    }
    assert {event.transp.value for event in events.values()} == {"TRANSPARENT"}


def test_hostile_words_stay_words(client):
    convention, user = ctg()
    fiche_of(convention, code="", intitule=HOSTILE[:300])
    ReunionFactory(
        instance=InstanceFactory(convention=convention, intitule=HOSTILE[:200]), lieu=HOSTILE[:200]
    )

    response = client.get(feed_of(user))
    events = read(client, user)

    assert len(events) == 3
    assert all(len(line) <= 75 for line in response.content.split(b"\r\n"))
    (meeting,) = (event for event in events.values() if "/reunions/" in event.url.value)
    words = "Titre ; , \\ « é » END:VEVENT BEGIN:VEVENT SUMMARY:faux"
    assert meeting.location.value.startswith(words)
    assert meeting.summary.value.startswith(words)


def test_fiches_are_those_one_pilots_and_all_of_them_for_the_coordination(client):
    convention, coordination = ctg()
    mine, other = fiche_of(convention), fiche_of(convention)
    pilote = HabilitationFactory(convention=convention, role="redaction").user
    PiloteFactory(fiche=mine, user=pilote, nom="")

    def fiches(user):
        return {uid for uid in read(client, user) if uid.startswith("fiche")}

    both = {f"fiche-{fiche.pk}@portail-ctg" for fiche in (mine, other)}
    assert fiches(pilote) == {f"fiche-{mine.pk}@portail-ctg"}
    assert fiches(coordination) == both
    assert fiches(HabilitationFactory(convention=convention, role="relecture").user) == set()


def test_rights_are_those_of_the_moment(client):
    convention, user = ctg("redaction")
    fiche = fiche_of(convention)
    pilote = PiloteFactory(fiche=fiche, user=user, nom="")
    assert len(read(client, user)) == 2

    pilote.delete()
    assert len(read(client, user)) == 1

    user.habilitations.all().delete()
    assert read(client, user) == {}


def test_a_confidential_fiche_of_somebody_else_is_absent(client):
    """Coordinates one convention, reads another, where a step and a fiche are confidential."""
    _, user = ctg()
    other = ConventionFactory()
    HabilitationFactory(user=user, convention=other, role="lecture")
    hidden = fiche_of(other, confidentielle=True)
    EtapeFactory(fiche=hidden, echeance=TODAY)
    PiloteFactory(fiche=hidden, user=UserFactory(), nom="")

    assert {uid.split("-")[0] for uid in read(client, user)} == {"convention"}


def test_what_is_over_leaves_the_feed(client):
    convention, user = ctg()
    fiche_of(convention, avancement="realisee")
    fiche_of(convention, redaction="archivee")
    fiche_of(convention, echeance=None)
    fiche_of(convention, echeance=TODAY - 400 * DAY)
    EtapeFactory(fiche=fiche_of(convention, echeance=None), echeance=TODAY, faite_le=TODAY)
    ReunionFactory(
        instance=InstanceFactory(convention=convention), debut=timezone.now() - datetime.timedelta(days=400)
    )
    closed, _ = ctg(statut="close")
    HabilitationFactory(user=user, convention=closed)
    fiche_of(closed)

    assert set(read(client, user)) == {f"convention-{convention.pk}@portail-ctg"}


def test_a_caf_reads_the_conventions_it_signs(client):
    caf = SignataireFactory().organisation
    SignataireFactory(organisation=caf)
    user = HabilitationFactory(convention=None, organisation=caf, role="relecture").user

    assert len(read(client, user)) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(client, count, django_assert_num_queries):
    user = UserFactory()
    for _ in range(count):
        convention = ConventionFactory()
        HabilitationFactory(user=user, convention=convention)
        EtapeFactory(fiche=fiche_of(convention), echeance=TODAY)
        ReunionFactory(instance=InstanceFactory(convention=convention))
    address = feed_of(user)

    # Feed, roles, meetings, fiches, étapes, conventions; two open and close the transaction.
    with django_assert_num_queries(8):
        text = client.get(address).text

    assert text.count("BEGIN:VEVENT") == 4 * count


def test_an_empty_feed_is_a_calendar(client):
    assert read(client, UserFactory()) == {}


# The page


def test_page_creates_shows_changes_and_removes_the_address(client):
    user = UserFactory()
    client.force_login(user)
    assert "Créer mon adresse d’agenda" in client.get(PAGE).text

    client.post(reverse("governance:agenda_open"))
    first = user.flux_agenda.cle
    assert f"http://testserver/agenda/{first}.ics" in client.get(PAGE).text
    assert len(first) >= 43

    response = client.post(reverse("governance:agenda_renew"), follow=True)
    second = FluxAgenda.objects.get().cle
    assert "l’ancienne ne répond plus" in response.text
    assert (
        client.get(f"/agenda/{first}.ics").status_code,
        client.get(f"/agenda/{second}.ics").status_code,
    ) == (
        404,
        200,
    )

    response = client.post(reverse("governance:agenda_revoke"), follow=True)
    assert "Votre adresse d’agenda est supprimée." in response.text
    assert client.get(f"/agenda/{second}.ics").status_code == 404
    assert not FluxAgenda.objects.exists()


def test_creating_twice_keeps_the_address(client):
    client.force_login(UserFactory())
    client.post(reverse("governance:agenda_open"))
    cle = FluxAgenda.objects.get().cle

    client.post(reverse("governance:agenda_open"))

    assert FluxAgenda.objects.get().cle == cle


@pytest.mark.parametrize("route", ["governance:agenda_renew", "governance:agenda_revoke"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_old_page_without_feed_says_so(client, route, method):
    client.force_login(UserFactory())

    response = getattr(client, method)(reverse(route), follow=True)

    assert response.redirect_chain == [(PAGE, 302)]
    assert "Vous n’avez pas d’adresse d’agenda." in response.text
    assert not FluxAgenda.objects.exists()


def test_nobody_reads_nor_changes_the_address_of_another(client):
    _, user = ctg()
    feed_of(user)
    other = UserFactory()
    client.force_login(other)

    assert user.flux_agenda.cle not in client.get(PAGE).text
    client.post(reverse("governance:agenda_revoke"))
    assert FluxAgenda.objects.filter(user=user).exists()
    assert settings.SESSION_COOKIE_NAME in client.cookies
