"""The agenda as it is built: added to, put in order, taken over, with two people at it."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ctg_portal.workflow import TransitionError
from governance.models import ModeleOrdreDuJour, PieceReunion, PointOrdreDuJour, Reunion, SujetEnAttente
from governance.ordre_du_jour import (
    POINTS_AU_PLUS,
    TRAMES,
    AgendaMovedError,
    PointPropose,
    add_points,
    empreinte_of,
    move_point,
    remove_point,
    take_subject,
)
from governance.suggestions import suggestions_for
from tests.actions.test_pages import log_in
from tests.factories import (
    PDF,
    AxeFactory,
    DecisionFactory,
    FicheActionFactory,
    InstanceFactory,
    PieceReunionFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
    SujetEnAttenteFactory,
    UserFactory,
)


def agenda(reunion):
    return [point.intitule for point in reunion.points.order_by("ordre", "pk")]


def url_of(name, reunion, *args):
    return reverse(f"governance:{name}", args=[reunion.convention.code, *(args or [reunion.pk])])


@pytest.fixture
def reunion():
    return ReunionFactory()


@pytest.fixture
def three(reunion):
    return add_points(reunion, [PointPropose(name) for name in "ABC"])


@pytest.mark.parametrize(
    ("rang", "vers", "attendu"),
    [
        (1, "haut", "BAC"),
        (1, "bas", "ACB"),
        (2, None, "CAB"),
        (0, 1, "BAC"),
        (0, 2, "BCA"),
        (2, "haut", "ACB"),
    ],
)
def test_point_moves_by_steps_and_to_a_place(reunion, three, rang, vers, attendu):
    after = three[vers].pk if isinstance(vers, int) else vers

    dit = move_point(reunion, three[rang].pk, vers=after, empreinte=empreinte_of(three))

    assert "".join(agenda(reunion)) == attendu
    assert f"le n°\u00a0{attendu.index('ABC'[rang]) + 1} sur 3" in dit


@pytest.mark.parametrize(
    ("rang", "vers", "phrase"),
    [
        (0, "haut", "déjà le premier"),
        (2, "bas", "déjà le dernier"),
        (0, 10**9, "n’existe pas"),
        (1, 1, "n’existe pas"),
    ],
)
def test_impossible_move_is_said(reunion, three, rang, vers, phrase):
    after = three[vers].pk if vers == 1 else vers

    with pytest.raises(TransitionError, match=phrase):
        move_point(reunion, three[rang].pk, vers=after, empreinte=empreinte_of(three))

    assert "".join(agenda(reunion)) == "ABC"


def test_second_of_two_movers_is_told(reunion, three):
    seen = empreinte_of(three)
    move_point(reunion, three[0].pk, vers="bas", empreinte=seen)

    with pytest.raises(AgendaMovedError):
        move_point(reunion, three[0].pk, vers="bas", empreinte=seen)

    assert "".join(agenda(reunion)) == "BAC"


def test_agenda_of_a_meeting_that_was_held_changes_no_more(reunion, three):
    Reunion.objects.filter(pk=reunion.pk).update(statut="tenue")

    for change in (
        lambda: add_points(reunion, [PointPropose("D")]),
        lambda: move_point(reunion, three[0].pk, vers="bas", empreinte=empreinte_of(three)),
        lambda: remove_point(three[0], by=UserFactory()),
    ):
        with pytest.raises(TransitionError, match="ne change plus"):
            change()
    assert "".join(agenda(reunion)) == "ABC"


def test_agenda_has_an_end(reunion):
    add_points(reunion, [PointPropose(f"Point {n}") for n in range(POINTS_AU_PLUS)])

    with pytest.raises(TransitionError, match="60 points au plus"):
        add_points(reunion, [PointPropose("De trop")])


def test_point_taken_off_lets_its_subject_wait_and_withdraws_its_pieces(reunion):
    sujet = SujetEnAttenteFactory(instance=reunion.instance)
    point = take_subject(sujet, reunion)
    piece = PieceReunionFactory(reunion=reunion, point=point)
    assert not SujetEnAttente.objects.en_attente().exists()
    with pytest.raises(TransitionError, match="vient d’être mis"):
        take_subject(sujet, reunion)

    remove_point(point, by=UserFactory())

    assert list(SujetEnAttente.objects.en_attente()) == [sujet]
    piece.refresh_from_db()
    assert (piece.is_retiree, piece.point) == (True, None)


def test_point_with_a_decision_stays(reunion):
    point = PointOrdreDuJourFactory(reunion=reunion)
    DecisionFactory(reunion=reunion, point=point, rang=3)

    with pytest.raises(TransitionError, match="2026-COPIL-03"):
        remove_point(point, by=UserFactory())


def test_subject_of_another_instance_is_refused(reunion):
    with pytest.raises(TransitionError, match="autre instance"):
        take_subject(SujetEnAttenteFactory(instance=InstanceFactory()), reunion)


def test_suggestions_say_what_calls_for_a_word_and_leave_the_rest(reunion):
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    pause = FicheActionFactory(axe=axe, avancement="en_pause", intitule="Relais")
    FicheActionFactory(axe=axe, avancement="en_pause", confidentielle=True, intitule="Secret")
    FicheActionFactory(axe=axe, avancement="en_pause", redaction="archivee")
    earlier = ReunionFactory(instance=reunion.instance, statut="tenue", debut="2020-01-01T10:00:00Z")
    ouverte = DecisionFactory(reunion=earlier, convention=reunion.convention)
    coordination = log_in_as(reunion.convention)

    found = {row.code: row for row in suggestions_for(reunion, coordination)}

    assert found["suites"].decisions == [ouverte]
    assert found["pause"].fiches == [pause]
    (point,) = add_points(reunion, [found["pause"].propose([pause])])
    assert list(point.fiches.all()) == [pause]
    reunion = Reunion.objects.get(pk=reunion.pk)
    assert "pause" not in {row.code for row in suggestions_for(reunion, coordination)}


def log_in_as(convention):
    return log_in(Client(), convention)


def test_page_builds_an_agenda_from_nothing(client, reunion):
    log_in(client, reunion.convention)
    sujet = SujetEnAttenteFactory(instance=reunion.instance, intitule="La halte-garderie")

    def post(name, data, *args):
        response = client.post(url_of(name, reunion, reunion.pk, *args), data, follow=True)
        assert response.status_code == 200
        return response

    assert "Aucun point encore" in client.get(url_of("agenda_edit", reunion)).text
    post("point_add", {"intitule": "Ouverture", "visee": "information", "duree": "10"})
    assert "Choisissez d’où partir" in post("agenda_take", {"source": ""}).text
    post("agenda_take", {"source": "trame-cotech"})
    post("sujet_take", {"sujet": sujet.pk})
    again = post("sujet_take", {"sujet": sujet.pk})
    assert "Ce sujet n’attend plus" in again.text

    trame = [point.intitule for point in TRAMES["cotech"][1]]
    assert agenda(reunion) == ["Ouverture", *trame, "La halte-garderie"]
    page = client.get(url_of("agenda_edit", reunion)).text
    assert "10\u00a0min de trop" in page
    last = reunion.points.last()
    moved = post(
        "agenda_edit",
        {
            "geste": f"point-{last.pk}:dans:reunion-{reunion.pk}:",
            "empreinte": empreinte_of(reunion.points.all()),
        },
    )
    assert "est maintenant le n°\u00a01" in moved.text
    assert agenda(reunion)[0] == "La halte-garderie"
    stale = post("agenda_edit", {"geste": f"point-{last.pk}:bas", "empreinte": "autre"})
    assert "L’ordre du jour a changé" in stale.text
    assert "n’a pas été compris" in post("agenda_edit", {"geste": "n’importe quoi", "empreinte": "x"}).text
    assert "incomplète" in post("agenda_edit", {"geste": f"point-{last.pk}:bas"}).text


def test_kept_agenda_starts_the_next_one_without_fiches(client, reunion):
    log_in(client, reunion.convention)
    (point,) = add_points(reunion, [PointPropose("Bilan", "avis", "La vice-présidente", 20, "Par axe.")])
    point.fiches.add(
        FicheActionFactory(axe=AxeFactory(plan=PlanActionsFactory(convention=reunion.convention)))
    )
    url = url_of("modele_keep", reunion)
    assert client.post(url, {"intitule": "COPIL d’automne"}).status_code == 302
    assert "Un modèle porte déjà ce nom." in client.post(url, {"intitule": "COPIL d’automne"}).text

    modele = ModeleOrdreDuJour.objects.get()
    other = ReunionFactory(instance=reunion.instance, debut=reunion.debut + datetime.timedelta(days=30))
    client.post(url_of("agenda_take", other), {"source": f"modele-{modele.pk}"})
    client.post(url_of("agenda_take", other), {"source": f"reunion-{reunion.pk}"})

    kept, taken = other.points.all()
    said = ("Bilan", "avis", "La vice-présidente", 20, "Par axe.")
    assert all((p.intitule, p.visee, p.rapporteur, p.duree, p.texte) == said for p in (kept, taken))
    assert (kept.fiches.count(), taken.fiches.count()) == (0, 1)


def typed(point, **changes):
    return {
        "intitule": point.intitule,
        "visee": point.visee,
        "texte": "",
        "rapporteur": "",
        "duree": "",
    } | changes


def test_point_taken_off_while_somebody_writes_it_gives_the_words_back(client, reunion):
    log_in(client, reunion.convention)
    point = PointOrdreDuJourFactory(reunion=reunion)
    url = url_of("point_edit", reunion, reunion.pk, point.pk)
    data = typed(
        point, texte="Dix lignes écrites.", empreinte=client.get(url).context["form"]["empreinte"].value()
    )
    remove_point(point, by=UserFactory())

    refused = client.post(url, data)

    assert "vient d’être retiré" in refused.text
    assert "Dix lignes écrites." in refused.text
    assert not reunion.points.exists()
    assert client.post(url, data | {"remettre": "on"}).status_code == 302
    assert reunion.points.get().texte == "Dix lignes écrites."


def test_point_put_back_on_a_full_agenda_is_refused_aloud(client, reunion):
    log_in(client, reunion.convention)
    point = PointOrdreDuJourFactory(reunion=reunion)
    data = typed(point, texte="Dix lignes écrites.") | {"remettre": "on"}
    url = url_of("point_edit", reunion, reunion.pk, point.pk)
    remove_point(point, by=UserFactory())
    add_points(reunion, [PointPropose(f"Point {n}") for n in range(POINTS_AU_PLUS)])

    refused = client.post(url, data)

    assert "60 points au plus" in refused.text
    assert "Dix lignes écrites." in refused.text


def test_point_written_by_two_is_not_overwritten_unseen(client, reunion):
    log_in(client, reunion.convention)
    point = PointOrdreDuJourFactory(reunion=reunion)
    url = url_of("point_edit", reunion, reunion.pk, point.pk)
    data = typed(point, texte="Le mien.", empreinte=client.get(url).context["form"]["empreinte"].value())
    PointOrdreDuJour.objects.filter(pk=point.pk).update(texte="Celui de l’autre.")

    refused = client.post(url, data)

    assert "Celui de l’autre." in refused.text
    point.refresh_from_db()
    assert point.texte == "Celui de l’autre."


def test_point_keeps_the_fiches_that_its_writer_does_not_see(client, reunion):
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    foreign = FicheActionFactory()
    mine = FicheActionFactory(axe=axe)
    point = PointOrdreDuJourFactory(reunion=reunion)
    point.fiches.add(foreign)
    log_in(client, reunion.convention)
    url = url_of("point_edit", reunion, reunion.pk, point.pk)

    client.post(url, typed(point, fiches=[mine.pk]))

    assert set(point.fiches.all()) == {foreign, mine}


def test_piece_is_deposited_withdrawn_and_put_back(client, reunion):
    log_in(client, reunion.convention)
    point = PointOrdreDuJourFactory(reunion=reunion)

    def deposit(name, content, **fields):
        depot = SimpleUploadedFile(name, content)
        data = {"depot": depot, "nature": "annexe", "point": point.pk} | fields
        return client.post(url_of("piece_add", reunion), data, follow=True)

    assert "programme" in deposit("virus.pdf", b"MZ\x90\x00").text
    assert "La pièce est jointe" in deposit("Étude.pdf", PDF).text
    piece = PieceReunion.objects.get()
    assert (piece.titre, piece.point) == ("Étude", point)
    file = client.get(url_of("piece_file", reunion, piece.pk))
    assert file.content == PDF
    assert file["Content-Disposition"].startswith("attachment")
    for name, said in (("piece_withdraw", "est retirée"), ("piece_withdraw", "a été retirée")):
        assert said in client.post(url_of(name, reunion, piece.pk), follow=True).text
    # It may say what nobody else was to read: only whoever may put it back opens it.
    assert client.get(url_of("piece_file", reunion, piece.pk)).content == PDF
    log_in(client, reunion.convention, "lecture")
    assert client.get(url_of("piece_file", reunion, piece.pk)).status_code == 403
    log_in(client, reunion.convention)
    assert "de nouveau" in client.post(url_of("piece_restore", reunion, piece.pk), follow=True).text
    log_in(client, reunion.convention, "lecture")
    assert client.get(url_of("piece_file", reunion, piece.pk)).content == PDF
    log_in(client, reunion.convention)
    Reunion.objects.filter(pk=reunion.pk).update(statut="diffusee")
    assert client.post(url_of("piece_withdraw", reunion, piece.pk)).status_code == 403
    assert "copiez-la" in deposit("Autre.pdf", PDF).text
    assert PieceReunion.objects.count() == 1


def test_agenda_page_reads_a_constant_number_of_rows(client, reunion, django_assert_max_num_queries):
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    for number in range(4):
        point = PointOrdreDuJourFactory(reunion=reunion)
        point.fiches.add(FicheActionFactory(axe=axe))
        FicheActionFactory(axe=axe, avancement="en_pause")
        SujetEnAttenteFactory(instance=reunion.instance)
        earlier = ReunionFactory(
            instance=reunion.instance, statut="tenue", debut=f"2020-01-0{number + 1}T10:00:00Z"
        )
        DecisionFactory(reunion=earlier, convention=reunion.convention)
    log_in(client, reunion.convention)
    client.get(url_of("agenda_edit", reunion))

    with django_assert_max_num_queries(15):
        client.get(url_of("agenda_edit", reunion))


def test_new_meeting_takes_what_is_usual_from_the_last_one(client, reunion):
    add_points(reunion, [PointPropose("Bilan", duree=20)])
    Reunion.objects.filter(pk=reunion.pk).update(statut="tenue", president="La présidente", duree=90)
    log_in(client, reunion.convention)
    url = reverse("governance:reunion_add", args=[reunion.convention.code, reunion.instance_id])
    form = client.get(url).context["form"]
    assert (form["president"].value(), form["duree"].value()) == ("La présidente", 90)

    data = {
        "debut": f"{reunion.jour + datetime.timedelta(days=30)}T10:00",
        "duree": 90,
        "lieu": "",
        "source": f"reunion-{reunion.pk}",
    }
    assert client.post(url, data).status_code == 302

    new = Reunion.objects.latest("pk")
    assert (agenda(new), new.statut) == (["Bilan"], "preparation")
