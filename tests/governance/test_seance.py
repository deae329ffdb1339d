"""The meeting as it runs: points opened and left, people seen in the room, notes of two secretaries, votes."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction
from ctg_portal.workflow import TransitionError
from governance.models import Decision, Instance, PointOrdreDuJour, Presence, Reunion
from governance.operations import record_decision
from governance.ordre_du_jour import remove_point
from governance.seance import Pointage, go_to_point, record_attendance, state_of, voices_in_room
from tests.actions.test_pages import log_in
from tests.factories import (
    AxeFactory,
    FicheActionFactory,
    OrganisationFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    PresenceFactory,
    ReunionFactory,
    UserFactory,
)


@pytest.fixture
def reunion():
    return ReunionFactory(statut="ouverte", debut=timezone.now() - datetime.timedelta(minutes=10))


def url_of(name, reunion, *args):
    return reverse(f"governance:{name}", args=[reunion.convention.code, reunion.pk, *args])


def test_points_are_opened_and_left_one_at_a_time(reunion):
    first, second = (PointOrdreDuJourFactory(reunion=reunion) for _ in range(2))

    for point in (first, second, first, None):
        go_to_point(reunion, point, shown=reunion.point_courant_id)
        reunion.refresh_from_db()
        first.refresh_from_db()
        second.refresh_from_db()
        running = [row for row in (first, second) if row.ouvert_le and not row.clos_le]
        assert running == ([point] if point else [])
        assert reunion.point_courant == point
    assert first.minutes_passees == 0
    with pytest.raises(TransitionError, match="pas à l’ordre du jour"):
        go_to_point(reunion, PointOrdreDuJourFactory(), shown=None)
    Reunion.objects.filter(pk=reunion.pk).update(statut="diffusee")
    with pytest.raises(TransitionError, match="n’est plus ouverte"):
        go_to_point(reunion, first, shown=None)


def test_time_of_a_point_is_the_sum_of_its_times(reunion):
    point, other = (PointOrdreDuJourFactory(reunion=reunion) for _ in range(2))
    start = timezone.now() - datetime.timedelta(minutes=45)
    PointOrdreDuJour.objects.filter(pk=point.pk).update(
        ouvert_le=start, clos_le=start + datetime.timedelta(minutes=10)
    )

    go_to_point(reunion, point, shown=None)
    point.refresh_from_db()
    assert point.minutes_passees == 10
    PointOrdreDuJour.objects.filter(pk=point.pk).update(
        ouvert_le=timezone.now() - datetime.timedelta(minutes=5)
    )
    go_to_point(reunion, other, shown=point.pk)
    go_to_point(reunion, point, shown=other.pk)
    point.refresh_from_db()
    assert (point.minutes_passees, point.clos_le) == (15, None)


def test_closing_the_session_stops_the_clock(reunion):
    point = PointOrdreDuJourFactory(reunion=reunion)
    go_to_point(reunion, point, shown=None)

    reunion.move_to("tenue", by=UserFactory())

    point.refresh_from_db()
    reunion.refresh_from_db()
    assert point.clos_le >= point.ouvert_le
    assert reunion.point_courant is None
    with pytest.raises(TransitionError, match="La séance est close"):
        go_to_point(reunion, point, shown=None)


def test_open_screen_learns_what_another_one_did(client, reunion, django_assert_max_num_queries):
    first, second = (PointOrdreDuJourFactory(reunion=reunion) for _ in range(2))
    titulaire, *_ = people(reunion, quorum=1)
    by = log_in(client, reunion.convention)

    def ask(address):
        return client.get(address, headers={"HX-Request": "true"})

    page = client.get(f"{url_of('seance', reunion)}?point={first.pk}").text
    url = f"{url_of('seance_direct', reunion)}?point={first.pk}&montre="
    assert f'hx-get="{url.replace("&", "&amp;")}&amp;vu="' in " ".join(page.split())
    assert client.get(url).url == url_of("seance", reunion)
    go_to_point(reunion, second, shown=None)
    mark(reunion, Titulaire_0="present")
    decision = record_decision(reunion=reunion, by=by, nature="etude", texte="Étudier la navette.")

    with django_assert_max_num_queries(12):
        fragment = ask(url)

    for said in (f"Un autre écran a abordé « {second}", "1 voix sur", "quorum atteint", str(decision)):
        assert said in fragment.text
    # It replaces what is read, never what is being written.
    assert "<form" not in fragment.text
    assert "<textarea" not in fragment.text
    vu = fragment.text.split("&amp;vu=")[1].split('"')[0]
    assert ask(f"{url}&vu={vu}").status_code == 204
    for hostile in ("?point=<b>&montre=<b>&vu=<b>", "?point=%00"):
        assert ask(url_of("seance_direct", reunion) + hostile).status_code == 200
    reunion.move_to("tenue", by=by)
    closed = ask(f"{url}&vu={vu}")
    assert (closed.status_code, "close sur un autre écran" in closed.text) == (286, True)


def test_screen_that_shows_another_point_moves_nothing(client, reunion):
    first, second, third = (PointOrdreDuJourFactory(reunion=reunion) for _ in range(3))
    log_in(client, reunion.convention)
    url = url_of("seance_point", reunion)
    client.post(url, {"point": first.pk, "montre": ""})
    client.post(url, {"point": second.pk, "montre": first.pk})
    # Already where it asks to go: nothing to say.
    assert "Entre-temps" not in client.post(url, {"point": second.pk, "montre": first.pk}, follow=True).text
    client.post(url, {"point": third.pk, "montre": second.pk})

    refused = client.post(url, {"point": second.pk, "montre": first.pk}, follow=True)

    assert f"un autre écran a abordé «\u00a0{third}\u00a0»" in refused.text
    assert "incomplète" in client.post(url, {"point": second.pk, "montre": "<b>"}, follow=True).text
    reunion.refresh_from_db()
    assert reunion.point_courant == third
    assert f'name="montre" value="{third.pk}"' in " ".join(refused.text.split())


def test_session_is_timed_from_its_opening_to_its_end():
    reunion = ReunionFactory(statut="convoquee", debut=timezone.now())
    by = UserFactory()

    reunion.move_to("ouverte", by=by)
    opened = reunion.ouverte_le
    reunion.move_to("tenue", by=by)
    assert reunion.close_le >= opened
    reunion.move_to("ouverte", by=by)
    assert (reunion.ouverte_le, reunion.close_le) == (opened, None)


def people(reunion, *, quorum=None):
    """Two titulaires of one organisation with a suppléant, and one titulaire of another."""
    epci, caf = OrganisationFactory(), OrganisationFactory()
    Reunion.objects.filter(pk=reunion.pk).update(quorum=quorum)
    reunion.refresh_from_db()
    rows = [
        PresenceFactory(reunion=reunion, organisation=epci, structure="EPCI", nom=f"Titulaire {n}", ordre=n)
        for n in range(2)
    ]
    rows.append(
        PresenceFactory(
            reunion=reunion,
            organisation=epci,
            structure="EPCI",
            nom="Suppléante",
            qualite="suppleant",
            ordre=2,
        )
    )
    rows.append(PresenceFactory(reunion=reunion, organisation=caf, structure="CAF", nom="Caf", ordre=3))
    return rows


def mark(reunion, **etats):
    rows = {row.nom: row for row in reunion.presences.all()}
    return record_attendance(
        reunion,
        [
            Pointage(rows[nom.replace("_", " ")].pk, state_of(rows[nom.replace("_", " ")]), etat)
            for nom, etat in etats.items()
        ],
    )


@pytest.mark.parametrize(
    ("etats", "total", "atteint"),
    [
        ({"Titulaire_0": "present"}, 1, False),
        ({"Titulaire_0": "present", "Suppléante": "present"}, 2, True),
        ({"Titulaire_0": "present", "Titulaire_1": "present", "Suppléante": "present"}, 2, True),
        ({"Caf": "present", "Suppléante": "present", "Titulaire_0": "excuse"}, 2, True),
        ({}, 0, False),
    ],
)
def test_voices_of_the_room_make_the_quorum(reunion, etats, total, atteint):
    people(reunion, quorum=2)

    mark(reunion, **etats)

    found = voices_in_room(reunion, reunion.presences.all())
    assert (found.total, found.sieges, found.is_quorum) == (total, 3, atteint)


def test_pouvoir_is_given_in_the_room_once_a_holder(reunion):
    titulaire, autre, _, caf = people(reunion)
    mark(reunion, Caf="present", Titulaire_0=f"represente-{caf.pk}")
    titulaire.refresh_from_db()
    assert (state_of(titulaire), voices_in_room(reunion, reunion.presences.all()).total) == (
        f"represente-{caf.pk}",
        2,
    )

    for most, said in ((1, "n’en tient qu’un"), (0, "n’admet pas de pouvoir")):
        Instance.objects.filter(pk=reunion.instance_id).update(pouvoirs_max=most)
        with pytest.raises(TransitionError, match=said):
            mark(reunion, Titulaire_1=f"represente-{caf.pk}")
    Instance.objects.filter(pk=reunion.instance_id).update(pouvoirs_max=1)
    with pytest.raises(TransitionError, match="soi-même"):
        mark(reunion, Titulaire_1=f"represente-{autre.pk}")
    mark(reunion, Titulaire_0="present")
    titulaire.refresh_from_db()
    assert (state_of(titulaire), titulaire.pouvoir_a) == ("present", None)


def test_what_another_screen_marked_meanwhile_stays(reunion):
    titulaire, autre, *_ = people(reunion)
    Presence.objects.filter(pk=titulaire.pk).update(etat="excuse")

    refused = record_attendance(
        reunion, [Pointage(titulaire.pk, "", "present"), Pointage(autre.pk, "", "present")]
    )

    assert refused == [titulaire]
    assert [state_of(row) for row in reunion.presences.order_by("ordre")][:2] == ["excuse", "present"]


def test_attendance_page_proposes_the_answers_and_says_what_it_could_not_keep(client, reunion):
    titulaire, autre, *_ = people(reunion)
    Presence.objects.filter(pk=titulaire.pk).update(reponse="present", repondu_le=timezone.now())
    log_in(client, reunion.convention)
    url = url_of("seance_presences", reunion)
    form = client.get(url).context["form"]
    data = {bound.html_name: bound.value() for bound in form}
    assert data[f"etat-{titulaire.pk}"] == "present"
    data[f"etat-{autre.pk}"] = "absent"
    Presence.objects.filter(pk=autre.pk).update(etat="excuse")

    page = client.post(url, data, follow=True)

    assert "Un autre écran a pointé entre-temps" in page.text
    assert "Titulaire 1" in page.text
    titulaire.refresh_from_db()
    autre.refresh_from_db()
    assert (titulaire.etat, autre.etat) == ("present", "excuse")
    assert "Choisissez dans la liste" in client.post(url, data | {f"etat-{autre.pk}": "mort"}).text


def test_answers_are_proposed_once_and_no_more_when_somebody_was_seen(client, reunion):
    titulaire, autre, *_ = people(reunion)
    Presence.objects.filter(pk__in=[titulaire.pk, autre.pk]).update(
        reponse="present", repondu_le=timezone.now()
    )
    log_in(client, reunion.convention)
    url = url_of("seance_presences", reunion)

    def read():
        return {bound.html_name: bound.value() for bound in client.get(url).context["form"]}

    # Announced but not there yet: left at « — », also by the next save.
    client.post(url, read() | {f"etat-{autre.pk}": ""})
    client.post(url, read())

    titulaire.refresh_from_db()
    autre.refresh_from_db()
    assert (titulaire.etat, autre.etat) == ("present", "")


def test_notes_sent_as_they_are_typed_answer_in_json_and_never_overwrite(client, reunion):
    point = PointOrdreDuJourFactory(reunion=reunion)
    log_in(client, reunion.convention)
    url = reverse("governance:seance_notes", args=[reunion.convention.code, reunion.pk, point.pk])
    empreinte = client.get(url).context["form"]["empreinte"].value()

    def send(texte, mark):
        return client.post(url, {"notes": texte, "empreinte": mark}, headers={"Accept": "application/json"})

    kept = send("Tour de table.", empreinte)
    assert kept.status_code == 200
    assert kept.json()["dit"].startswith("Enregistré à ")
    refused = send("Autre début.", empreinte)
    assert (refused.status_code, refused.json()["conflit"]) == (409, True)
    assert refused.json()["enregistre"] == "Tour de table."
    assert send("Les deux.", refused.json()["empreinte"]).status_code == 200
    too_long = send("x" * 20_001, client.get(url).context["form"]["empreinte"].value())
    assert (too_long.status_code, too_long.json()["conflit"]) == (409, False)
    assert too_long.json()["dit"]
    point.refresh_from_db()
    assert point.notes == "Les deux."
    with pytest.raises(TransitionError, match="notes de séance"):
        remove_point(point, by=UserFactory())
    Reunion.objects.filter(pk=reunion.pk).update(statut="diffusee")
    closed = send("Trop tard.", "")
    assert (closed.status_code, PointOrdreDuJour.objects.get().notes) == (409, "Les deux.")
    assert "ne changent plus" in closed.json()["dit"]


def typed(**fields):
    return {
        "nature": "abandon",
        "texte": "Le relais est abandonné.",
        "mode": "consensus",
        "effets-TOTAL_FORMS": "1",
        "effets-INITIAL_FORMS": "0",
    } | fields


def test_decision_of_the_screen_shows_its_effect_then_keeps_it(client, reunion):
    point = PointOrdreDuJourFactory(reunion=reunion)
    fiche = FicheActionFactory(
        axe=AxeFactory(plan=PlanActionsFactory(convention=reunion.convention)), avancement="en_cours"
    )
    point.fiches.add(fiche)
    log_in(client, reunion.convention)
    assert fiche.intitule in client.get(url_of("seance", reunion)).text
    url = f"{url_of('seance_decision', reunion)}?point={point.pk}"
    data = typed(point=point.pk, **{"effets-0-fiche": fiche.pk, "effets-0-effet": "abandon"})

    # The button that keeps it shows first what would change, as the one that only asks does.
    for asked in ({}, {"apercu": "1"}):
        shown = client.post(url, data | asked)
        assert "passe à abandonnée" in shown.text
        assert "Confirmer et enregistrer" in shown.text
        assert not Decision.objects.exists()
    vu = {"vu": shown.context["form"]["vu"].value()}
    # Not what was seen: another effect, then a fiche that changed meanwhile.
    other = client.post(url, data | vu | {"effets-0-effet": "pause"})
    assert "Les effets ne sont plus ceux que vous avez vus" in other.text
    assert "passe en pause" in other.text
    FicheAction.objects.filter(pk=fiche.pk).update(avancement="en_pause")
    moved = client.post(url, data | vu)
    assert "avant\u00a0: en pause" in moved.text
    assert not Decision.objects.exists()
    kept = client.post(url, data | {"vu": moved.context["form"]["vu"].value()})

    decision = Decision.objects.get()
    assert kept.url == f"{url_of('seance', reunion)}?point={point.pk}#decision-{decision.pk}"
    fiche.refresh_from_db()
    assert (fiche.avancement, decision.point) == ("abandonnee", point)
    assert str(decision) in client.get(kept.url).text


@pytest.mark.parametrize(
    ("fields", "phrase"),
    [
        ({"mode": "vote"}, "Comptez les voix"),
        ({"mode": "vote", "pour": "0", "contre": "0", "abstentions": "0"}, "au moins une voix"),
        ({"mode": "consensus", "pour": "3"}, "Un consensus ne compte pas de voix"),
        ({"mode": "vote", "pour": "3", "contre": "0", "abstentions": "0"}, "2 sont présentes"),
        ({"mode": "vote", "pour": "-1", "contre": "0", "abstentions": "0"}, "supérieure ou égale à 0"),
    ],
)
def test_vote_that_does_not_add_up_is_said(client, reunion, fields, phrase):
    people(reunion)
    mark(reunion, Titulaire_0="present", Caf="present")
    log_in(client, reunion.convention)

    page = client.post(url_of("seance_decision", reunion), typed(**fields))

    assert phrase in page.text
    assert not Decision.objects.exists()


def test_proposal_that_is_voted_down_changes_no_fiche(client, reunion):
    fiche = FicheActionFactory(axe=AxeFactory(plan=PlanActionsFactory(convention=reunion.convention)))
    log_in(client, reunion.convention)
    vote = {"mode": "vote", "pour": "1", "contre": "1", "abstentions": "0"}
    effet = {"effets-0-fiche": fiche.pk, "effets-0-effet": "abandon"}

    refused = client.post(url_of("seance_decision", reunion), typed(**vote, **effet))
    assert not refused.context["form"]["vu"].value()
    assert "n’est pas adoptée (1 pour, 1 contre)" in refused.text
    client.post(url_of("seance_decision", reunion), typed(**vote))

    decision = Decision.objects.get()
    assert decision.prise == "Par un vote\u00a0: 1 pour, 1 contre, 0 abstention"
    assert not decision.effets.exists()
    client.post(url_of("seance_decision", reunion), typed(**vote, **effet | {"effets-0-effet": "aucun"}))
    assert fiche.decisions.get().rang == 2


@pytest.mark.parametrize("nombre", [1, 4])
def test_screen_reads_a_constant_number_of_rows(client, reunion, django_assert_max_num_queries, nombre):
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    people(reunion)
    by = log_in(client, reunion.convention)
    for _ in range(nombre):
        point = PointOrdreDuJourFactory(reunion=reunion)
        point.fiches.add(FicheActionFactory(axe=axe))
        record_decision(reunion=reunion, by=by, nature="etude", texte="Étudier.", point=point)
    client.get(url_of("seance", reunion))

    with django_assert_max_num_queries(15):
        page = client.get(url_of("seance", reunion))
    assert "Aborder ce point" in page.text
