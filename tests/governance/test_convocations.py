"""Who is expected, what they answer without an account, and the voices that makes."""

import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.convocations import emargement_html, gap_of, prepare_presences
from governance.models import Instance, MembreInstance, Presence, Reunion
from governance.models.composition import count_voices
from tests.actions.test_pages import log_in
from tests.factories import (
    InstanceFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    PresenceFactory,
    ReunionFactory,
    UserFactory,
)
from tests.test_access import refuse_writes

DAY = datetime.timedelta(days=1)


def reponse_of(presence):
    return reverse("governance:reponse", args=[presence.cle])


def people(reunion, *roles, **fields):
    """Titulaires and suppléants of one organisation: « T » and « S »."""
    organisation = OrganisationFactory()
    return [
        PresenceFactory(
            reunion=reunion,
            organisation=organisation,
            ordre=rang,
            qualite={"T": "titulaire", "S": "suppleant"}[role],
            **fields,
        )
        for rang, role in enumerate(roles)
    ]


def counted(reunion, **options):
    return count_voices(reunion.presences.all(), quorum=options.pop("quorum", None), **options)


def test_seats_are_copied_once_and_the_account_s_address_wins():
    reunion = ReunionFactory(instance=InstanceFactory(quorum=3))
    user = UserFactory(email="compte@example.org", nom="Camille Bourian")
    MembreInstanceFactory(instance=reunion.instance, user=user, email="autre@example.org", ordre=1)
    MembreInstanceFactory(instance=reunion.instance, nom="Jean Roux", email="maire@example.org", ordre=2)

    prepare_presences(reunion)
    assert not prepare_presences(reunion)

    assert list(reunion.presences.values_list("nom", "email", "reponse")) == [
        ("Camille Bourian", "compte@example.org", "attente"),
        ("Jean Roux", "maire@example.org", "attente"),
    ]
    reunion.refresh_from_db()
    assert reunion.quorum == 3
    assert len({row.cle for row in reunion.presences.all()}) == 2


def test_composition_of_a_meeting_stays_until_it_is_taken_up_again():
    reunion = ReunionFactory()
    kept, replaced, gone = (
        MembreInstanceFactory(instance=reunion.instance, nom=nom, ordre=rang)
        for rang, nom in enumerate(("Kim", "Lou", "Max"))
    )
    prepare_presences(reunion)
    before = {row.membre_id: row.cle for row in reunion.presences.all()}
    for row in reunion.presences.all():
        row.respond("present")
    invitee = PresenceFactory(reunion=reunion, nom="Noé", qualite="invite", voix="aucune", ordre=50)
    replaced.nom = "Lia"
    replaced.save()
    gone.delete()
    new = MembreInstanceFactory(instance=reunion.instance, nom="Ola", ordre=9)
    assert [row.nom for row in reunion.presences.all()] == ["Kim", "Lou", "Max", "Noé"]

    ecart = prepare_presences(reunion)

    assert [membre.pk for membre in ecart.ajoutes] == [new.pk]
    assert [row.nom for row in ecart.partis] == ["Max"]
    found = {row.membre_id: row for row in reunion.presences.all()}
    assert set(found) == {kept.pk, replaced.pk, new.pk, None}
    assert (found[kept.pk].reponse, found[kept.pk].cle) == ("present", before[kept.pk])
    # Somebody else answers for herself, at an address of her own.
    assert (found[replaced.pk].nom, found[replaced.pk].reponse) == ("Lia", "attente")
    assert found[replaced.pk].cle != before[replaced.pk]
    assert found[None] == invitee


def test_composition_taken_up_in_session_only_adds():
    reunion = ReunionFactory(statut="convoquee", debut=timezone.now())
    replaced, gone = (
        MembreInstanceFactory(instance=reunion.instance, nom=nom, ordre=rang)
        for rang, nom in enumerate(("Lou", "Max"))
    )
    prepare_presences(reunion)
    reunion.move_to("ouverte", by=UserFactory())
    reunion.presences.update(etat="present")
    MembreInstance.objects.filter(pk=replaced.pk).update(nom="Lia")
    gone.delete()
    new = MembreInstanceFactory(instance=reunion.instance, nom="Ola", ordre=9)
    Instance.objects.filter(pk=reunion.instance_id).update(quorum=5)

    ecart = prepare_presences(reunion)

    assert (ecart.ajoutes, ecart.partis, ecart.changes) == ([new], [], [])
    found = [(row.nom, row.etat) for row in reunion.presences.order_by("ordre")]
    assert found == [("Lou", "present"), ("Max", "present"), ("Ola", "")]
    assert not prepare_presences(reunion)
    reunion.refresh_from_db()
    assert reunion.quorum is None


def test_a_meeting_held_keeps_its_people():
    reunion = ReunionFactory(statut="tenue", debut=timezone.now() - DAY)
    MembreInstanceFactory(instance=reunion.instance)

    with pytest.raises(TransitionError, match="ne change plus"):
        prepare_presences(reunion)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"qualite": "invite", "voix": "deliberative"}, "presence_invite_sans_voix"),
        ({"qualite": "titulaire", "voix": "aucune"}, "presence_invite_sans_voix"),
    ],
)
def test_database_refuses_a_voice_to_who_is_invited(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        PresenceFactory(**fields)


def test_a_suppleant_counts_only_for_a_missing_titulaire_of_its_organisation():
    reunion = ReunionFactory()
    premier, second, suppleant = people(reunion, "T", "T", "S")
    (ailleurs,) = people(reunion, "S")
    for row in (premier, suppleant, ailleurs):
        row.respond("present")

    voix = counted(reunion, quorum=3)
    assert (voix.sieges, voix.presentes, voix.total, voix.is_quorum, voix.manque) == (2, 2, 2, False, 1)

    second.respond("present")
    assert counted(reunion).total == 2


def test_a_pouvoir_counts_once_and_only_when_its_holder_comes():
    reunion = ReunionFactory()
    (donneur, suppleant) = people(reunion, "T", "S")
    (porteur,) = people(reunion, "T")
    donneur.respond("pouvoir", pouvoir_a=porteur)
    assert counted(reunion).total == 0

    porteur.respond("present")
    voix = counted(reunion)
    assert (voix.presentes, voix.representees) == (1, 1)

    # The titulaire is represented: its suppléant adds nothing.
    suppleant.respond("present")
    assert counted(reunion).total == 2

    porteur.respond("excuse")
    voix = counted(reunion)
    assert (voix.presentes, voix.representees) == (1, 0)


def test_voices_in_the_room_are_those_of_the_people_seen():
    reunion = ReunionFactory()
    (premier, second) = people(reunion, "T", "T")
    premier.respond("present")
    Presence.objects.filter(pk=second.pk).update(etat="present")

    assert (counted(reunion).total, counted(reunion, en_seance=True).total) == (1, 1)
    assert counted(reunion, en_seance=True).groupes[0].presentes == 1


def test_pouvoirs_that_cannot_be_given():
    reunion = ReunionFactory()
    donneur, autre, porteur, absent = people(reunion, "T", "T", "T", "T")
    (suppleant,) = people(reunion, "S")
    consultatif = PresenceFactory(reunion=reunion, voix="consultative")
    etranger = PresenceFactory()
    absent.respond("excuse")
    autre.respond("pouvoir", pouvoir_a=porteur)

    for holder, sentence in (
        (None, "Dites à qui"),
        (donneur, "à soi-même"),
        (etranger, "ne peut pas recevoir"),
        (consultatif, "ne peut pas recevoir"),
        (absent, "ne sera pas là"),
        (porteur, "a déjà reçu un pouvoir"),
    ):
        with pytest.raises(TransitionError, match=sentence):
            donneur.respond("pouvoir", pouvoir_a=holder)
    with pytest.raises(TransitionError, match="Seul un membre titulaire"):
        suppleant.respond("pouvoir", pouvoir_a=donneur)

    reunion.instance.pouvoirs_max = 2
    reunion.instance.save()
    donneur.respond("pouvoir", pouvoir_a=porteur)
    assert donneur.pouvoir_a == porteur


def test_two_seats_of_one_person_answer_together():
    reunion = ReunionFactory()
    fields = {"nom": "Ana Vidal", "email": "ana@example.org"}
    un, deux = (PresenceFactory(reunion=reunion, fonction=f"Siège {rang}", **fields) for rang in range(2))
    homonyme = PresenceFactory(reunion=reunion, nom="Ana Vidal", email="autre@example.org")

    un.respond("present", mot="J’arrive à 18 h 30.")

    assert list(reunion.presences.values_list("pk", "reponse")) == [
        (un.pk, "present"),
        (deux.pk, "present"),
        (homonyme.pk, "attente"),
    ]


def test_opening_the_address_writes_nothing_and_a_click_answers(client):
    presence = PresenceFactory()
    porteur = PresenceFactory(reunion=presence.reunion)
    address = reponse_of(presence)

    with connection.execute_wrapper(refuse_writes):
        page = client.get(address)

    assert "Je serai présent·e" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "private, no-store"
    assert not page.cookies
    for data, said in (
        ({"reponse": "present"}, "Présent·e"),
        ({"reponse": "pouvoir", "pouvoir_a": porteur.pk}, f"Donne pouvoir à {porteur.nom}"),
        ({"reponse": "excuse", "mot": "En congé"}, "Excusé·e"),
    ):
        answer = client.post(address, data)
        assert (answer.status_code, answer.url) == (302, address)
        assert said in client.get(address).text
    presence.refresh_from_db()
    assert (presence.reponse, presence.pouvoir_a, presence.mot, presence.repondu_par) == (
        "excuse",
        None,
        "En congé",
        None,
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Choisissez l’une des réponses."),
        ({"reponse": "attente"}, "Sélectionnez un choix valide"),
        ({"reponse": "pouvoir"}, "Dites à qui vous donnez pouvoir."),
        ({"reponse": "pouvoir", "pouvoir_a": "0"}, "choix"),
        ({"reponse": "pouvoir", "pouvoir_a": "x' OR 1"}, "choix"),
        ({"reponse": "present", "mot": "a" * 301}, "300"),
    ],
)
def test_a_wrong_answer_is_said_and_nothing_is_kept(client, data, said):
    presence = PresenceFactory()

    page = client.post(reponse_of(presence), data)

    assert page.status_code == 200
    assert "Votre réponse n’est pas encore enregistrée" in page.text
    assert said in page.text
    presence.refresh_from_db()
    assert presence.reponse == "attente"


@pytest.mark.parametrize(
    ("statut", "days", "said"),
    [
        ("annulee", 2, "Cette réunion est annulée"),
        ("ouverte", 0, "Les réponses sont closes"),
        ("tenue", -2, "Les réponses sont closes"),
        ("convoquee", -2, "Les réponses sont closes"),
    ],
)
def test_closed_meeting_says_so_and_takes_no_answer(client, statut, days, said):
    presence = PresenceFactory(
        reunion=ReunionFactory(statut=statut, debut=timezone.now() + days * DAY - DAY / 24)
    )

    assert said in client.get(reponse_of(presence)).text
    page = client.post(reponse_of(presence), {"reponse": "present"})
    assert "Votre réponse n’a pas été enregistrée." in page.text
    presence.refresh_from_db()
    assert presence.reponse == "attente"


def test_unknown_keys_are_not_found(client):
    for cle in ("A" * 43, "x", "a-b_c"):
        address = reverse("governance:reponse", args=[cle])
        assert client.get(address).status_code == 404
        assert client.post(address, {"reponse": "present"}).status_code == 404


def test_coordination_notes_who_telephoned_and_completes_an_address(client):
    membre = MembreInstanceFactory()
    reunion = ReunionFactory(instance=membre.instance, statut="convoquee")
    prepare_presences(reunion)
    presence = reunion.presences.get()
    by = log_in(client, reunion.convention)
    url = reverse("governance:presence_edit", args=[reunion.convention.code, presence.pk])

    assert (
        client.post(url, {"reponse": "attente", "mot": "", "email": "maire@example.org"}).status_code == 302
    )
    presence.refresh_from_db()
    membre.refresh_from_db()
    assert (presence.email, membre.email, presence.repondu_le) == ("maire@example.org",) * 2 + (None,)

    client.post(url, {"reponse": "excuse", "mot": "A téléphoné", "email": presence.email})
    presence.refresh_from_db()
    assert (presence.reponse, presence.repondu_par) == ("excuse", by)

    page = client.post(url, {"reponse": "excuse", "mot": "", "email": "pas une adresse\r\nBcc: x@y.fr"})
    assert page.status_code == 200
    presence.refresh_from_db()
    assert presence.email == "maire@example.org"


def test_answer_given_meanwhile_is_not_lost_to_an_address(client):
    presence = PresenceFactory(nom="Jean Roux", email="")
    (porteur,) = people(presence.reunion, "T", nom="Kim Sol")
    convention = presence.reunion.convention
    log_in(client, convention)
    url = reverse("governance:presence_edit", args=[convention.code, presence.pk])
    data = {bound.html_name: bound.value() or "" for bound in client.get(url).context["form"]}
    presence.respond("pouvoir", pouvoir_a=porteur, mot="En réunion à Cahors.")

    refused = client.post(url, data | {"email": "maire@example.org"})

    presence.refresh_from_db()
    assert (presence.reponse, presence.pouvoir_a, presence.email) == ("pouvoir", porteur, "")
    assert "Enregistré entre-temps : « Donne pouvoir »." in refused.text
    assert f"Enregistré entre-temps : « {porteur} »." in refused.text
    fresh = {bound.html_name: bound.value() or "" for bound in client.get(url).context["form"]}
    kept = client.post(url, fresh | {"email": "maire@example.org"}, follow=True)
    presence.refresh_from_db()
    assert (presence.reponse, presence.email) == ("pouvoir", "maire@example.org")
    # Names keep their capitals within the sentence.
    assert "donne pouvoir à Kim Sol" in kept.text


def test_address_noted_for_one_meeting_is_no_change_of_the_instance():
    membre = MembreInstanceFactory(nom="Ana Lopez", email="ana@example.org")
    reunion = ReunionFactory(instance=membre.instance)
    prepare_presences(reunion)
    reunion.presences.update(email="ana.lopez@example.org")

    assert not gap_of(reunion, list(reunion.presences.all()))
    reunion.presences.update(email="")
    assert gap_of(reunion, list(reunion.presences.all()))


def test_invited_people_are_added_and_taken_away(client):
    reunion = ReunionFactory()
    convention = reunion.convention
    log_in(client, convention)
    add = reverse("governance:presence_add", args=[convention.code, reunion.pk])

    client.post(add, {"fonction": "Directrice de la crèche", "structure": "Les Lutins", "email": ""})

    presence = reunion.presences.get()
    assert (presence.role, presence.structure, presence.voix) == ("invité·e", "Les Lutins", "aucune")
    client.post(reverse("governance:presence_remove", args=[convention.code, presence.pk]))
    assert not reunion.presences.exists()


@pytest.mark.parametrize("nombre", [1, 3])
def test_pages_cost_the_same_whatever_the_number_of_people(client, nombre):
    reunion = ReunionFactory(statut="convoquee")
    for rang in range(nombre):
        MembreInstanceFactory(instance=reunion.instance, ordre=rang, nom=f"Personne {rang}")
    prepare_presences(reunion)
    log_in(client, reunion.convention)
    code = reunion.convention.code
    counts = []
    for route in ("presences", "reunion", "envois"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(f"governance:{route}", args=[code, reunion.pk])).status_code == 200
        counts.append(len(queries))
    with CaptureQueriesContext(connection) as queries:
        client.get(reponse_of(reunion.presences.first()))
    counts.append(len(queries))

    assert counts == [9, 13, 8, 10]


@pytest.mark.parametrize(
    ("role", "shown"), [("coordination", True), ("lecture", False), ("relecture", False)]
)
def test_addresses_and_words_are_for_the_coordination(client, role, shown):
    presence = PresenceFactory(email="maire@example.org")
    presence.respond("excuse", mot="Je suis en vacances.")
    log_in(client, presence.convention, role)

    for route in ("presences", "reunion"):
        page = client.get(
            reverse(f"governance:{route}", args=[presence.convention.code, presence.reunion_id])
        ).text
        assert presence.cle not in page
        if route == "presences":
            assert "Excusé·e" in page
            assert (("maire@example.org" in page), ("vacances" in page)) == (shown, shown)


def test_convened_otherwise_copies_the_seats(client):
    membre = MembreInstanceFactory()
    reunion = ReunionFactory(instance=membre.instance)
    log_in(client, reunion.convention)

    client.post(reverse("governance:reunion_move", args=[reunion.convention.code, reunion.pk, "convoquee"]))

    reunion.refresh_from_db()
    assert reunion.statut == Reunion.Statut.CONVOQUEE
    assert reunion.presences.get().membre == membre


def test_attendance_sheet_names_everybody_and_leaves_room():
    presence = PresenceFactory(nom="<b>Ana</b>")
    presence.respond("present")

    html = emargement_html(presence.reunion)

    assert "&lt;b&gt;Ana&lt;/b&gt;" in html
    assert "Autres personnes présentes" in html
    assert "Présent·e" in html
