"""One change to many fiches: seen row by row, written whole or not at all, taken back as one."""

import datetime
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from actions.models import ChangementGroupe, FicheAction, Notification, Transition
from tests.factories import FicheActionFactory, HabilitationFactory, PiloteFactory, complete_fiche


@pytest.fixture
def fiches():
    first = complete_fiche(code="1", intitule="Première")
    shared = {"plan": first.plan, "axe": first.axe, "objectif": None}
    return [
        first,
        FicheActionFactory(code="2", intitule="Deuxième", **shared),
        FicheActionFactory(code="3", intitule="Troisième", avancement="en_cours", **shared),
    ]


@pytest.fixture
def coordination(fiches):
    return HabilitationFactory(convention=fiches[0].convention, role="coordination").user


@pytest.fixture
def page(client, fiches, coordination):
    client.force_login(coordination)
    return reverse("actions:changement_add", args=[fiches[0].convention.code])


def confirm(client, page, query, **changes):
    """Send the preview of ``query`` back, as its form does."""
    lignes = client.get(f"{page}?{query}").context["lignes"]
    data = {"requete": query, "choix": [row["fiche"].pk for row in lignes if row["change"]]}
    data |= {f"vu-{row['fiche'].pk}": row["vu"] for row in lignes}
    return client.post(page, data | changes, follow=True)


def values(fiches, field):
    return [getattr(FicheAction.objects.get(pk=fiche.pk), field) for fiche in fiches]


def test_avancement_is_previewed_changed_with_its_journal_and_taken_back(client, page, fiches, coordination):
    query = "champ=avancement&vers-avancement=en_cours"
    lignes = client.get(f"{page}?{query}").context["lignes"]
    assert [(row["avant"], row["apres"], row["change"]) for row in lignes] == [
        ("À venir", "En cours", True),
        ("À venir", "En cours", True),
        ("En cours", "En cours", False),
    ]
    assert values(fiches, "avancement") == ["a_venir", "a_venir", "en_cours"]
    assert [row["coche"] for row in lignes] == [True, True, True]
    answer = confirm(client, page, query)
    assert "2 fiches changées" in answer.text
    assert values(fiches, "avancement") == ["en_cours"] * 3
    assert Transition.objects.filter(champ="avancement", by=coordination).count() == 2

    changement_groupe = ChangementGroupe.objects.get()
    FicheAction.objects.get(pk=fiches[1].pk).move_avancement("realisee", by=coordination)
    undo = reverse("actions:changement_undo", args=[changement_groupe.convention.code, changement_groupe.pk])
    said = client.post(undo, follow=True).text
    assert "annulé sur 1 fiche." in said
    assert "2 Deuxième" in said
    assert values(fiches, "avancement") == ["a_venir", "realisee", "en_cours"]
    assert "déjà été annulé" in client.post(undo, follow=True).text


def test_only_ticked_and_filtered_fiches_change(client, page, fiches):
    query = "champ=priorite&vers-priorite=haute&avancement=a_venir"
    confirm(client, page, query, choix=[fiches[1].pk])
    assert values(fiches, "priorite") == ["", "haute", ""]
    # A fiche outside the filter, slipped into what is sent, is refused with the rest.
    answer = confirm(client, page, query, choix=[fiches[0].pk, fiches[2].pk], **{f"vu-{fiches[2].pk}": '""'})
    assert "ne répond plus aux filtres" in answer.text
    assert values(fiches, "priorite") == ["", "haute", ""]


def test_fiche_changed_since_the_preview_stops_everything(client, page, fiches, coordination):
    query = "champ=avancement&vers-avancement=en_cours"
    lignes = client.get(f"{page}?{query}").context["lignes"]
    data = {"requete": query, "choix": [row["fiche"].pk for row in lignes if row["change"]]}
    data |= {f"vu-{row['fiche'].pk}": row["vu"] for row in lignes}
    fiches[0].abandon(by=coordination, motif="Sans objet.")
    answer = client.post(page, data)
    assert "quelqu’un a changé «\u00a01 Première\u00a0»" in answer.context["refus"]
    assert "rien n’a été écrit" in answer.context["refus"]
    assert values(fiches, "avancement") == ["abandonnee", "a_venir", "en_cours"]
    assert not ChangementGroupe.objects.exists()


def test_refusals_say_why_on_their_row(client, page, fiches, coordination):
    fiches[0].submit(by=coordination)
    FicheAction.objects.filter(pk=fiches[1].pk).update(debut=datetime.date(2027, 1, 1))
    lignes = client.get(f"{page}?champ=echeance&vers-echeance=2026-06-30").context["lignes"]
    assert "en relecture" in lignes[0]["refus"]
    assert "précéderait le début" in lignes[1]["refus"]
    assert lignes[2]["change"]
    fiches[2].move_avancement("realisee", by=coordination)
    lignes = client.get(f"{page}?champ=avancement&vers-avancement=en_cours").context["lignes"]
    assert (lignes[2]["change"], lignes[2]["coche"]) == (True, False)
    lignes = client.get(f"{page}?champ=avancement&vers-avancement=en_pause").context["lignes"]
    assert "ne peut pas passer" in lignes[2]["refus"]


def test_pilotes_are_added_or_replaced_told_and_given_back(client, page, fiches, coordination):
    PiloteFactory(fiche=fiches[1], user=None, nom="Maison des parents", fonction="Direction")
    before = [[str(pilote) for pilote in fiche.pilotes.all()] for fiche in fiches]
    person = HabilitationFactory(convention=fiches[0].convention, role="redaction").user
    confirm(client, page, f"champ=pilote&vers-compte={person.pk}&vers-mode=ajouter")
    assert all(fiche.pilotes.filter(user=person).exists() for fiche in fiches)
    assert fiches[1].pilotes.count() == 2
    assert Notification.objects.filter(destinataire=person, genre="pilote").exists()

    confirm(client, page, "champ=pilote&vers-nom=Pôle+jeunesse&vers-mode=remplacer")
    assert [[str(row) for row in fiche.pilotes.all()] for fiche in fiches] == [["Pôle jeunesse"]] * 3
    for changement_groupe in ChangementGroupe.objects.all():
        changement_groupe.undo(by=coordination)
    assert [[str(row) for row in fiche.pilotes.all()] for fiche in fiches] == before
    confirm(client, page, f"champ=pilote&vers-compte={person.pk}&vers-mode=ajouter")
    both = [str(row) for row in fiches[1].pilotes.all()]
    confirm(client, page, f"champ=pilote&vers-compte={person.pk}&vers-mode=remplacer")
    ChangementGroupe.objects.latest("pk").undo(by=coordination)
    assert [str(row) for row in fiches[1].pilotes.all()] == both
    assert both[0] == "Maison des parents"
    assert fiches[1].pilotes.first().fonction == "Direction"


def give_back(client, changement_groupe):
    undo = reverse("actions:changement_undo", args=[changement_groupe.convention.code, changement_groupe.pk])
    return client.post(undo, follow=True).text.replace("&nbsp;", "\u00a0")


def test_a_long_reason_is_previewed_then_written_whole(client, page, fiches):
    motif = ("Décidé en comité de pilotage après l’été. " * 50)[:1990].strip()
    sent = {
        "requete": "avancement=a_venir&champ=avancement",
        "vers-avancement": "abandonnee",
        "vers-motif": motif,
    }
    preview = client.post(page, sent | {"geste": "apercu"})
    assert [row["coche"] for row in preview.context["lignes"]] == [True, True]
    assert values(fiches, "avancement") == ["a_venir", "a_venir", "en_cours"]

    kept = dict(preview.context["garde"]) | {"requete": preview.context["requete"]}
    lignes = preview.context["lignes"]
    kept |= {f"vu-{row['fiche'].pk}": row["vu"] for row in lignes}
    client.post(page, kept | {"choix": [row["fiche"].pk for row in lignes]})

    assert values(fiches, "motif_abandon") == [motif, motif, ""]


def test_what_changed_is_told_to_those_who_read_it(client, page, fiches, coordination):
    confirm(client, page, "champ=echeance&vers-echeance=2031-12-31")
    person = HabilitationFactory(convention=fiches[0].convention, role="redaction").user
    confirm(client, page, f"champ=pilote&vers-compte={person.pk}&vers-mode=ajouter")
    FicheAction.objects.filter(pk=fiches[0].pk).update(confidentielle=True)
    url = reverse("actions:changements", args=[fiches[0].convention.code])

    told = client.get(url).context["changements"]
    assert told[0].dites[1] == (fiches[1], "Sans pilote", str(person))
    assert told[1].dites[2] == (fiches[2], "Sans échéance", "31\u00a0décembre 2031")
    client.force_login(HabilitationFactory(convention=fiches[0].convention, role="redaction").user)
    assert [[row[0] for row in one.dites] for one in client.get(url).context["changements"]] == [
        fiches[1:]
    ] * 2


def test_what_may_not_change_now_is_not_given_back(client, page, fiches, coordination):
    confirm(client, page, "champ=echeance&vers-echeance=2031-12-31")
    fiches[0].refresh_from_db()
    fiches[0].submit(by=coordination)
    FicheAction.objects.filter(pk=fiches[1].pk).update(debut=datetime.date(2031, 6, 2))
    FicheAction.objects.filter(pk=fiches[2].pk).update(debut=None)
    changement_groupe = ChangementGroupe.objects.get()
    changement_groupe.lignes.filter(fiche=fiches[1]).update(avant="2030-06-30")

    said = give_back(client, changement_groupe)

    assert "annulé sur 1 fiche." in said
    assert "«\u00a01 Première\u00a0»\u00a0: la fiche est «\u00a0en relecture\u00a0»" in said
    assert "«\u00a02 Deuxième\u00a0»\u00a0: l’échéance précéderait le début, le 2\u00a0juin 2031." in said
    assert values(fiches, "echeance") == [datetime.date(2031, 12, 31)] * 2 + [None]


def test_whoever_pilots_no_more_gives_nothing_back(client, fiches):
    person = HabilitationFactory(convention=fiches[0].convention, role="redaction").user
    for fiche in fiches[:2]:
        PiloteFactory(fiche=fiche, user=person)
    client.force_login(person)
    page = reverse("actions:changement_add", args=[fiches[0].convention.code])
    confirm(client, page, "champ=priorite&vers-priorite=haute")
    person.pilotages.all().delete()
    FicheAction.objects.filter(pk=fiches[1].pk).update(confidentielle=True)

    said = give_back(client, ChangementGroupe.objects.get())

    assert (
        "Rien n’a été annulé. «\u00a01 Première\u00a0»\u00a0: vous ne pouvez pas modifier cette fiche."
        in said
    )
    assert "1 que vous ne lisez plus." in said
    assert "Deuxième" not in said
    assert values(fiches, "priorite") == ["haute", "haute", ""]


def test_redaction_changes_only_the_fiches_it_pilots(client, fiches):
    person = HabilitationFactory(convention=fiches[0].convention, role="redaction").user
    PiloteFactory(fiche=fiches[0], user=person)
    client.force_login(person)
    page = reverse("actions:changement_add", args=[fiches[0].convention.code])
    query = "champ=priorite&vers-priorite=basse"
    lignes = client.get(f"{page}?{query}").context["lignes"]
    assert [row["change"] for row in lignes] == [True, False, False]
    assert "ne pouvez pas" in lignes[1]["refus"]
    forced = {f"vu-{fiche.pk}": '""' for fiche in fiches} | {"choix": [fiche.pk for fiche in fiches]}
    assert "ne pouvez pas" in client.post(page, forced | {"requete": query}).context["refus"]
    assert values(fiches, "priorite") == [""] * 3


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("champ=avancement&vers-avancement=abandonnee", "Dites pourquoi"),
        ("champ=avancement&vers-avancement=licorne", "licorne"),
        ("champ=echeance&vers-echeance=hier", "date"),
        ("champ=pilote&vers-mode=ajouter", "Choisissez un compte, ou écrivez un nom"),
        ("champ=pilote&vers-mode=ajouter&vers-compte=999999", "Sélectionnez un choix valide"),
        ("champ=licorne", "Nouvel avancement"),
    ],
)
def test_bad_input_gets_a_sentence(client, page, query, said):
    answer = client.get(f"{page}?{query}")
    assert answer.status_code == 200
    assert said in answer.text
    assert answer.context["lignes"] is None


def test_filter_that_names_nothing_is_said(client, page):
    assert "laissé de côté" in client.get(f"{page}?axe=999999").text


def test_page_sent_back_broken_writes_nothing(client, page, fiches):
    query = "champ=priorite&vers-priorite=haute"
    for data in (
        {},
        {"requete": query},
        {"requete": query, "choix": [fiches[0].pk]},
        {"requete": query, "choix": ["x"], "vu-x": "1"},
        {"requete": query, "choix": [fiches[0].pk], f"vu-{fiches[0].pk}": "{"},
        {"requete": "champ=priorite", "choix": [fiches[0].pk], f"vu-{fiches[0].pk}": '""'},
    ):
        assert client.post(page, data).status_code == 200
    assert values(fiches, "priorite") == [""] * 3


def test_abandon_keeps_its_reason_and_its_way_back(client, page, fiches):
    confirm(client, page, "champ=avancement&vers-avancement=abandonnee&vers-motif=Sans+budget")
    assert values(fiches, "motif_abandon") == ["Sans budget"] * 3
    ChangementGroupe.objects.get().undo(
        by=HabilitationFactory(convention=fiches[0].convention, role="coordination").user
    )
    assert values(fiches, "avancement") == ["a_venir", "a_venir", "en_cours"]
    assert values(fiches, "motif_abandon") == [""] * 3


@pytest.mark.parametrize("nombre", [1, 3])
def test_queries_do_not_grow(client, page, fiches, nombre):
    FicheAction.objects.exclude(pk__in=[fiche.pk for fiche in fiches[:nombre]]).update(redaction="archivee")
    FicheAction.objects.filter(pk=fiches[0].pk).update(redaction="a_completer", soumise_le=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{page}?champ=echeance&vers-echeance=2026-12-31")
    assert len(answer.context["lignes"]) == nombre
    assert json.loads(answer.context["lignes"][0]["vu"]) == fiches[0].echeance.isoformat()
    assert len(queries) <= 15
