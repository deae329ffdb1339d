"""Threads on a fiche: their life, their quotations and mentions, and the notes that nobody but the CAF meets."""

import json
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from actions.documents import plan_html
from actions.models import Commentaire, FicheAction, Mention, mentionable
from actions.models.commentaire import TRANSITIONS_FIL
from actions.models.libelles import redaction_label
from ctg_portal.exports import dump_convention
from ctg_portal.workflow import TransitionError
from tests.factories import HabilitationFactory, UserFactory, complete_fiche
from tests.test_access import address
from tests.world import build_world

SECRET = "Secret de la CAF"


def log_in(client, convention, role="coordination"):
    user = HabilitationFactory(convention=convention, role=role).user
    client.force_login(user)
    return user


def url(route, fil):
    return reverse(f"actions:{route}", args=[fil.fiche.plan.convention.code, fil.pk])


@pytest.fixture
def fiche():
    return complete_fiche()


@pytest.fixture
def caf(fiche):
    return HabilitationFactory(convention=fiche.convention, role="relecture").user


@pytest.fixture
def fil(fiche, caf):
    return Commentaire.objects.create(
        fiche=fiche, section="contexte", texte="D’où vient ce chiffre ?", auteur=caf
    )


def test_life_of_a_thread_is_told_in_order(fil, caf):
    coordination = UserFactory()

    fil.reply(by=coordination, texte=" De l’enquête de mai. ")
    assert fil.etat == "repondu"
    fil.reply(by=caf, texte="Et l’année d’avant ?")
    assert fil.etat == "ouvert"
    fil.resolve(by=coordination)
    assert (fil.etat, fil.resolu_par) == ("resolu", coordination)
    fil.reopen(by=caf, texte="Le lien ne s’ouvre pas.")

    fil.refresh_from_db()
    assert (fil.etat, fil.resolu_le, fil.resolu_par) == ("ouvert", None, None)
    assert list(fil.suites.values_list("geste", "auteur", "texte")) == [
        ("reponse", coordination.pk, "De l’enquête de mai."),
        ("reponse", caf.pk, "Et l’année d’avant ?"),
        ("resolution", coordination.pk, ""),
        ("reouverture", caf.pk, "Le lien ne s’ouvre pas."),
    ]


def in_etat(fil, etat):
    if etat != "ouvert":
        fil.reply(by=UserFactory(), texte="Réponse.")
    if etat == "resolu":
        fil.resolve(by=UserFactory())


@pytest.mark.parametrize("etat", TRANSITIONS_FIL)
def test_what_each_state_refuses(fil, caf, etat):
    in_etat(fil, etat)
    verbs = {
        "reply": lambda row: row.reply(by=UserFactory(), texte="Oui."),
        "resolve": lambda row: row.resolve(by=caf),
        "reopen": lambda row: row.reopen(by=caf),
        "rewrite": lambda row: row.rewrite(by=caf, section="", texte="Autre.", citation=""),
        "withdraw": lambda row: row.withdraw(by=caf),
    }
    refused = set()
    for name, act in verbs.items():
        with transaction.atomic():
            try:
                act(Commentaire.objects.get(pk=fil.pk))
            except TransitionError:
                refused.add(name)
            transaction.set_rollback(True)

    expected = {
        "ouvert": {"reopen"},
        "repondu": {"reopen", "rewrite", "withdraw"},
        "resolu": {"reply", "resolve", "rewrite", "withdraw"},
    }
    assert refused == expected[etat]


def test_nobody_changes_the_remark_of_another(fil):
    other = UserFactory()

    with pytest.raises(TransitionError, match="Seule la personne"):
        fil.rewrite(by=other, section="", texte="Volé.", citation="")
    with pytest.raises(TransitionError, match="Seule la personne"):
        fil.withdraw(by=other)


def test_database_refuses_a_resolved_thread_without_its_date(fil):
    with pytest.raises(IntegrityError, match="commentaire_resolu_par_quelqu_un"), transaction.atomic():
        Commentaire.objects.filter(pk=fil.pk).update(etat="resolu")


@pytest.mark.django_db(transaction=True)
def test_answer_and_withdrawal_at_once(fil, caf):
    """Whoever comes second is told: a thread never loses an answer that was taken."""
    coordination = UserFactory()
    ready = threading.Barrier(2)
    outcomes = {}

    def run(name, act):
        try:
            mine = Commentaire.tous.get(pk=fil.pk)
            ready.wait(timeout=10)
            act(mine)
            outcomes[name] = "fait"
        except TransitionError as refusal:
            outcomes[name] = str(refusal)
        finally:
            connection.close()

    threads = [
        threading.Thread(
            target=run, args=("reply", lambda mine: mine.reply(by=coordination, texte="Voici."))
        ),
        threading.Thread(target=run, args=("withdraw", lambda mine: mine.withdraw(by=caf))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(outcomes.values(), key=len)[0] == "fait"
    if outcomes["reply"] == "fait":
        assert "a répondu entre-temps" in outcomes["withdraw"]
        assert fil.suites.count() == 1
    else:
        assert "vient d’être retiré" in outcomes["reply"]
        assert not Commentaire.tous.filter(pk=fil.pk).exists()


def test_quotation_is_kept_when_the_text_changes(client, fiche):
    log_in(client, fiche.convention, "relecture")
    path = reverse("actions:commentaire_add", args=[fiche.convention.code, fiche.pk])
    asked = client.get(f"{path}?section=contexte&citation=Vingt+familles").context["form"]
    assert (asked["section"].value(), asked["citation"].value()) == ("contexte", "Vingt familles")

    page = client.post(
        path,
        {
            "section": "contexte",
            "citation": "Vingt familles",
            "texte": "Lesquelles ?",
            "portee": "equipe",
        },
        follow=True,
    )
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Trente enfants.")

    fil = fiche.commentaires.get()
    assert page.redirect_chain[-1][0].endswith(f"#fil-{fil.pk}")
    shown = client.get(fiche.get_absolute_url()).text
    assert "<blockquote" in shown
    assert "Vingt familles" in shown
    assert "Trente enfants." in shown


def test_section_that_does_not_exist_in_the_address_is_the_whole_fiche(client, fiche):
    log_in(client, fiche.convention)
    path = reverse("actions:commentaire_add", args=[fiche.convention.code, fiche.pk])

    form = client.get(f"{path}?section=<script>&citation={'x' * 5000}").context["form"]

    assert form["section"].value() == ""
    assert len(form["citation"].value()) == 2000


@pytest.mark.parametrize("texte", ["", "   ", "a\x00b", "x" * 10_001])
def test_words_that_cannot_be_kept_are_given_back(client, fil, texte):
    log_in(client, fil.fiche.convention)

    response = client.post(url("commentaire_reply", fil), {"texte": texte})

    assert response.status_code == 200
    assert "texte" in response.context["form"].errors
    assert not fil.suites.exists()


def test_hostile_words_are_only_words(client, fil):
    log_in(client, fil.fiche.convention)

    page = client.post(url("commentaire_reply", fil), {"texte": "<script>alert(1)</script>"}, follow=True)

    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text


def test_whoever_comes_too_late_is_told(client, fil):
    log_in(client, fil.fiche.convention)
    fil.resolve(by=UserFactory())

    posted = client.post(url("commentaire_reply", fil), {"texte": "Tapé trop tard."})
    asked = client.get(url("commentaire_reply", fil), follow=True)

    assert "Tapé trop tard." in posted.text
    assert "déjà résolu" in posted.text
    assert "déjà résolu" in asked.text
    assert fil.suites.filter(geste="reponse").count() == 0


def test_correction_says_that_it_is_one(client, fil, caf):
    client.force_login(caf)
    colleague = HabilitationFactory(convention=fil.fiche.convention, role="coordination").user
    fil.post(mentions=[colleague])
    kept = fil.mentions.get().pk

    client.post(
        url("commentaire_edit", fil),
        {"section": "moyens", "texte": "Qui paie ?", "mentions": [colleague.pk]},
    )

    fil.refresh_from_db()
    assert (fil.section, fil.texte, fil.etat) == ("moyens", "Qui paie ?", "ouvert")
    assert fil.mentions.get().pk == kept
    assert "modifié le" in client.get(fil.fiche.get_absolute_url()).text


def test_withdrawn_remark_is_gone(client, fil, caf):
    client.force_login(caf)

    page = client.post(url("commentaire_withdraw", fil), follow=True)

    assert "Le commentaire est retiré." in page.text
    assert not Commentaire.tous.exists()


# Mentions


def test_mentions_are_rows_of_their_message(client, fil, caf):
    writer = log_in(client, fil.fiche.convention)

    page = client.post(url("commentaire_reply", fil), {"texte": "Voici.", "mentions": [caf.pk]}, follow=True)

    mention = Mention.objects.get()
    assert (mention.commentaire, mention.suite.texte, mention.user) == (fil, "Voici.", caf)
    assert writer not in mentionable(fil.fiche).exclude(pk=writer.pk)
    assert f"Pour {caf}" in " ".join(page.text.split())


def test_only_readers_of_the_fiche_are_mentioned(client, fil):
    fiche = fil.fiche
    log_in(client, fiche.convention)
    reader = HabilitationFactory(convention=fiche.convention, role="lecture").user
    stranger = HabilitationFactory(role="coordination").user
    FicheAction.objects.filter(pk=fiche.pk).update(confidentielle=True)

    for person in (reader, stranger):
        response = client.post(url("commentaire_reply", fil), {"texte": "Voici.", "mentions": [person.pk]})
        assert "ne peut pas lire cette fiche" in response.text
        assert "Voici." in response.text
        assert str(stranger) not in response.text
    assert not Mention.objects.exists()


@pytest.mark.parametrize("confidentielle", [False, True])
def test_mentionable_are_those_who_see_the_fiche(confidentielle):
    world = build_world()
    FicheAction.objects.filter(pk=world.fiche.pk).update(confidentielle=confidentielle)
    fiche = FicheAction.objects.get(pk=world.fiche.pk)

    seeing = {
        name
        for name, user in world.people.items()
        if FicheAction.objects.visible_to(user).filter(pk=fiche.pk).exists()
    }

    assert {name for name, user in world.people.items() if user in mentionable(fiche)} == seeing
    assert len(seeing) == (4 if confidentielle else 6)


# What only the CAF reads


def test_note_of_the_caf_mentions_the_caf_alone(client, fiche, caf):
    client.force_login(caf)
    coordination = HabilitationFactory(convention=fiche.convention, role="coordination").user
    path = reverse("actions:commentaire_add", args=[fiche.convention.code, fiche.pk])
    data = {"section": "", "texte": SECRET, "portee": "caf", "mentions": [coordination.pk]}

    refused = client.post(path, data)
    kept = client.post(path, data | {"mentions": []}, follow=True)

    assert "ne lira pas une note réservée à la CAF" in refused.text
    assert "CAF seulement" in kept.text
    assert Commentaire.tous.get().is_interne
    assert not Commentaire.objects.exists()


def test_only_the_caf_may_write_a_note_of_the_caf(client, fiche):
    log_in(client, fiche.convention)
    path = reverse("actions:commentaire_add", args=[fiche.convention.code, fiche.pk])

    client.post(path, {"section": "", "texte": "Pour tous.", "portee": "caf"})

    assert Commentaire.tous.get().portee == "equipe"


# Where a thread, a count of them or a fiche is shown, searched or printed.


def test_note_of_the_caf_leaks_nowhere(client):
    world = build_world()
    note = world.objects["note_caf"]
    note.reply(by=world.people["relecture"], texte=f"{SECRET}, suite")
    # Every page of every visitor is looked at by test_access, for the note; here, for its answer.
    pages = dict.fromkeys(
        ("coordination", "redaction", "pilotage", "lecture", "administration", "outsider"),
        ("actions:fiche", "actions:fiches", "actions:plan", "actions:a_relire", "convention_home"),
    )
    hidden = ("commentaire_reply", "commentaire_resolve", "commentaire_reopen", "commentaire_edit")

    found = []
    for name, routes in pages.items():
        client.force_login(world.people[name])
        for route in routes:
            response = client.get(address(route, world), follow=True)
            found += [(name, route)] if SECRET.encode() in response.getvalue() else []
        posted = client.post(url("commentaire_reply", note), {"texte": "Je devine."})
        gone = [client.get(url(route, note)).status_code for route in hidden]
        assert [posted.status_code, *gone] == [404] * 5
        assert SECRET not in posted.text
    client.force_login(world.people["relecture"])

    assert found == []
    assert SECRET in client.get(world.fiche.get_absolute_url()).text
    assert SECRET not in json.dumps(dump_convention(world.convention), ensure_ascii=False)
    assert SECRET not in plan_html(world.plan)


def test_note_of_the_caf_is_counted_for_nobody(client):
    world = build_world()
    note = world.objects["note_caf"]
    before = FicheAction.objects.filter(pk=world.fiche.pk).with_counts().get()
    Commentaire.tous.filter(pk=note.pk).delete()
    after = FicheAction.objects.filter(pk=world.fiche.pk).with_counts().get()

    assert (before.nb_ouverts, before.nb_repondus) == (after.nb_ouverts, after.nb_repondus) == (1, 0)
    client.force_login(world.people["coordination"])
    assert [row[1:3] for row in client.get(world.fiche.get_absolute_url()).context["fils"].onglets] == [
        ("Tous", 2),
        ("Ouverts", 1),
        ("Résolus", 1),
    ]


def test_note_of_another_caf_is_not_found(client):
    world = build_world()
    client.force_login(HabilitationFactory(role="relecture").user)

    assert client.get(url("commentaire_reply", world.objects["note_caf"])).status_code == 404


# The page of the fiche


@pytest.mark.parametrize(
    ("filtre", "shown"),
    [("", 3), ("ouverts", 1), ("repondus", 1), ("resolus", 1), ("nimporte", 3)],
)
def test_filter_of_threads(client, fil, caf, filtre, shown):
    for words in ("Répondu ici", "Résolu ici"):
        other = Commentaire.objects.create(fiche=fil.fiche, texte=words, auteur=caf)
        other.reply(by=UserFactory(), texte="Oui.")
    other.resolve(by=caf)
    log_in(client, fil.fiche.convention)

    page = client.get(f"{fil.fiche.get_absolute_url()}?fils={filtre}").text

    assert page.count('id="fil-') == shown


@pytest.mark.parametrize("count", [1, 3])
def test_page_of_a_fiche_does_not_grow_with_its_threads(client, django_assert_num_queries, fil, caf, count):
    for rank in range(count):
        other = Commentaire.objects.create(fiche=fil.fiche, section="moyens", texte=f"{rank}", auteur=caf)
        other.reply(by=UserFactory(), texte="Oui.", mentions=[caf])
    log_in(client, fil.fiche.convention)
    client.get(fil.fiche.get_absolute_url())

    with django_assert_num_queries(17):
        client.get(fil.fiche.get_absolute_url())


# Words for each reader


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("coordination", "Envoyée à la CAF"),
        ("relecture", "À relire"),
        ("lecture", "En relecture"),
    ],
)
def test_state_is_said_in_the_reader_s_words(client, role, words):
    world = build_world()
    client.force_login(world.people[role])
    fiche, code = world.objects["en_relecture"], world.convention.code

    assert redaction_label("en_relecture", {role}) == words
    for path in (
        fiche.get_absolute_url(),
        reverse("actions:fiches", args=[code]) + "?redaction=en_relecture",
        reverse("actions:plan", args=[code]),
    ):
        assert words in client.get(path).text
    choices = dict(
        client.get(reverse("actions:fiches", args=[code])).context["filter"].form["redaction"].field.choices
    )
    assert choices["en_relecture"] == words


def test_documents_keep_the_neutral_words():
    world = build_world()

    html = plan_html(world.plan)

    assert "En relecture" in html
    assert "Envoyée à la CAF" not in html
