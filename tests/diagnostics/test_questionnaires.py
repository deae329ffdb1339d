"""A questionnaire: who answers, how often, what is kept, what no longer changes, what is counted."""

import csv
import datetime
import io
import re
import threading

import openpyxl
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ctg_portal.workflow import TransitionError
from diagnostics.documents import resultats_csv, resultats_xlsx
from diagnostics.models import Passage, Question, Questionnaire, Reponse, TropDeReponsesError, resultats_of
from diagnostics.models.questionnaire import PAR_CONNEXION, TEXTE_MAX
from tests.factories import (
    AtelierFactory,
    DomaineFactory,
    OrganisationFactory,
    ParoleFactory,
    QuestionFactory,
    QuestionnaireFactory,
    UserFactory,
)
from tests.world import build_world

DAY = datetime.timedelta(days=1)


@pytest.fixture
def questionnaire():
    return QuestionnaireFactory()


@pytest.fixture
def choix(questionnaire):
    return QuestionFactory(questionnaire=questionnaire, exigence="obligatoire")


def texte_of(questionnaire):
    return QuestionFactory(questionnaire=questionnaire, nature="texte", choix="", intitule="Et puis ?")


def post(client, questionnaire, **data):
    return client.post(questionnaire.adresse, data)


def test_anyone_answers_without_account_and_leaves_no_trace(client, questionnaire, choix):
    page = client.get(questionnaire.adresse)
    response = post(client, questionnaire, **{f"q{choix.pk}": "Un mode de garde"})

    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert set(client.cookies) == {"csrftoken"}
    assert response.headers["Location"] == reverse("diagnostics:repondre_merci", args=[questionnaire.cle])
    assert list(Reponse.objects.values_list("valeurs", flat=True)) == [{str(choix.pk): "Un mode de garde"}]
    assert "127.0.0.1" not in str(list(Passage.objects.values_list("empreinte", flat=True)))


def test_unknown_key_is_not_found(client):
    assert client.get(reverse("diagnostics:repondre", args=["inconnue"])).status_code == 404


@pytest.mark.parametrize(
    ("ouvre", "ferme", "said"),
    [(-9, -1, "est clos"), (1, 9, "pas encore ouvert")],
)
def test_closed_or_future_says_so_and_keeps_nothing(client, questionnaire, choix, ouvre, ferme, said):
    today = timezone.localdate()
    questionnaire.ouvre_le, questionnaire.ferme_le = today + ouvre * DAY, today + ferme * DAY
    questionnaire.save()

    response = post(client, questionnaire, **{f"q{choix.pk}": "Un mode de garde"})

    assert said in response.text
    assert "n’a pas été enregistrée" in response.text
    assert not Reponse.objects.exists()


@pytest.mark.parametrize(("debut", "fin"), [(0, 0), (-3, 0), (0, 3)])
def test_both_days_are_open(questionnaire, debut, fin):
    today = timezone.localdate()
    questionnaire.ouvre_le, questionnaire.ferme_le = today + debut * DAY, today + fin * DAY

    assert questionnaire.is_ouvert


def test_validated_diagnostic_closes_it(questionnaire):
    questionnaire.diagnostic.statut = "valide"

    assert questionnaire.etat == "clos"


@pytest.mark.parametrize("value", ["", "Une fusée", "<script>alert(1)</script>"])
def test_refused_answer_gives_the_page_back(client, questionnaire, choix, value):
    libre = texte_of(questionnaire)
    response = post(client, questionnaire, **{f"q{choix.pk}": value, f"q{libre.pk}": "Gardé <b>"})

    assert response.status_code == 200
    assert f'href="#id_q{choix.pk}_0"' in response.text
    assert "Gardé &lt;b&gt;" in response.text
    assert not Reponse.objects.exists()


def test_huge_text_and_foreign_question_are_not_kept(client, questionnaire, choix):
    libre, foreign = texte_of(questionnaire), QuestionFactory()
    good = {f"q{choix.pk}": "Un mode de garde"}

    huge = post(client, questionnaire, **good, **{f"q{libre.pk}": "x" * (TEXTE_MAX + 1)})
    post(client, questionnaire, **good, **{f"q{foreign.pk}": "Un mode de garde"})

    assert "raccourcissez" in huge.text
    assert list(Reponse.objects.values_list("valeurs", flat=True)) == [{str(choix.pk): "Un mode de garde"}]


def test_second_press_of_the_same_page_counts_once(client, questionnaire, choix):
    data = {f"q{choix.pk}": "Un mode de garde", "jeton": "abc"}

    assert [post(client, questionnaire, **data).status_code for _ in range(2)] == [302, 302]
    assert Reponse.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_count_once(questionnaire, choix):
    ready = threading.Barrier(2)
    kept = []

    def press():
        try:
            mine = Questionnaire.objects.get(pk=questionnaire.pk)
            ready.wait(timeout=10)
            kept.append(mine.receive({str(choix.pk): "Un mode de garde"}, connexion="192.0.2.1", jeton="abc"))
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(kept) == [False, True]
    assert Reponse.objects.count() == 1


@pytest.mark.parametrize(("name", "url"), [("atelier", "parole_add"), ("organisations", "atelier_add")])
def test_rows_of_another_convention_are_refused(client, name, url):
    world = build_world()
    client.force_login(world.people["coordination"])
    foreign = AtelierFactory() if name == "atelier" else OrganisationFactory()
    data = {"texte": "Un bus.", "locuteur": "habitant", "intitule": "Se déplacer", name: [foreign.pk]}

    page = client.post(reverse(f"diagnostics:{url}", args=[world.convention.code]), data)

    assert page.status_code == 200
    assert list(page.context["form"].errors) == [name]


def test_one_connection_is_slowed_down(client, questionnaire, choix):
    valeurs = {str(choix.pk): "Un mode de garde"}
    for _ in range(PAR_CONNEXION):
        questionnaire.receive(valeurs, connexion="127.0.0.1")

    response = post(client, questionnaire, **{f"q{choix.pk}": "Un mode de garde"})
    questionnaire.receive(valeurs, connexion="192.0.2.1")

    assert response.status_code == 429
    assert "gardées ci-dessous" in response.text
    assert Reponse.objects.count() == PAR_CONNEXION + 1


def test_everybody_is_slowed_down_by_the_minute(monkeypatch, questionnaire, choix):
    monkeypatch.setattr("diagnostics.models.questionnaire.PAR_MINUTE", 0)

    with pytest.raises(TropDeReponsesError):
        questionnaire.receive({str(choix.pk): "Un mode de garde"}, connexion="192.0.2.1")


def test_passages_of_another_day_are_forgotten(questionnaire, choix):
    old = Passage.objects.create(
        questionnaire=questionnaire, jour=timezone.localdate() - DAY, empreinte="x", nombre=20
    )

    questionnaire.receive({str(choix.pk): "Un mode de garde"}, connexion="192.0.2.1")

    assert not Passage.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize(
    ("behind", "forwarded", "empreintes"), [(False, "192.0.2.9", 1), (True, "6.6.6.6, 192.0.2.9", 2)]
)
def test_forwarded_address_is_believed_behind_a_proxy_only(
    client, settings, questionnaire, choix, behind, forwarded, empreintes
):
    settings.BEHIND_PROXY = behind
    data = {f"q{choix.pk}": "Un mode de garde"}
    client.post(questionnaire.adresse, data, headers={"x-forwarded-for": forwarded})
    # The visitor writes another address before its own: the proxy still adds the true one.
    client.post(questionnaire.adresse, data, headers={"x-forwarded-for": f"198.51.100.7, {forwarded}"})
    client.post(questionnaire.adresse, data, headers={"x-forwarded-for": "192.0.2.10"})

    assert Passage.objects.exclude(empreinte__startswith="minute").count() == empreintes


def test_new_address_replaces_the_old_one(client, questionnaire):
    old = questionnaire.adresse

    questionnaire.renew_cle(by=UserFactory())

    assert len(questionnaire.cle) == 43
    assert (client.get(old).status_code, client.get(questionnaire.adresse).status_code) == (404, 200)


def test_closed_today_answers_no_more_and_opens_again(client, questionnaire, choix):
    questionnaire.ouvre_le = timezone.localdate()
    questionnaire.save()

    questionnaire.close(by=UserFactory())
    closed = post(client, questionnaire, **{f"q{choix.pk}": "Un mode de garde"})
    with pytest.raises(TransitionError, match="rien à clore"):
        questionnaire.close(by=UserFactory())
    questionnaire.ferme_le = timezone.localdate()
    questionnaire.save()
    opened = post(client, questionnaire, **{f"q{choix.pk}": "Un mode de garde"})

    assert "est clos" in closed.text
    assert opened.status_code == 302
    assert Reponse.objects.count() == 1


def test_answered_questionnaire_is_not_removed(questionnaire, choix):
    questionnaire.receive({str(choix.pk): "Un mode de garde"}, connexion="")

    with pytest.raises(TransitionError, match="ne se supprime plus"):
        questionnaire.remove(by=UserFactory())


def questions_page(client, change):
    """What the page of questions answers when it is sent back with ``change``."""
    world = build_world()
    client.force_login(world.people["coordination"])
    questionnaire = world.objects["questionnaire"]
    path = reverse("diagnostics:questionnaire_questions", args=[world.convention.code, questionnaire.pk])
    data = {"questions-TOTAL_FORMS": "2", "questions-INITIAL_FORMS": "2"}
    for rank, question in enumerate(questionnaire.questions.all()):
        for name in ("intitule", "nature", "exigence", "choix", "aide"):
            data[f"questions-{rank}-{name}"] = getattr(question, name)
        data |= {f"questions-{rank}-id": question.pk, f"questions-{rank}-ORDER": rank + 1}
    return client.post(path, data | change), questionnaire


@pytest.mark.parametrize(
    "change",
    [{"questions-0-nature": "oui_non"}, {"questions-0-choix": "A\nB"}, {"questions-0-DELETE": "on"}],
)
def test_answered_question_keeps_its_kind_and_its_choices(client, change):
    response, questionnaire = questions_page(client, change)

    assert "Quelqu’un a déjà répondu" in response.text
    first = questionnaire.questions.first()
    assert (first.nature, first.choix) == (
        Question.Nature.CHOIX,
        "Des transports\nUn mode de garde\nUn lieu où se retrouver",
    )


def test_answered_question_may_be_said_better_and_moved(client):
    change = {"questions-0-intitule": "Que vous manque-t-il ?", "questions-0-ORDER": "9"}
    response, questionnaire = questions_page(client, change)

    assert response.status_code == 302
    assert [question.intitule for question in questionnaire.questions.all()] == [
        "Et ensuite ?",
        "Que vous manque-t-il ?",
    ]


def test_counts_need_five_answers(questionnaire, choix):
    for rank in range(5):
        if rank == 4:
            few = resultats_of(questionnaire).questions[0]
            assert (few.repondants, few.lignes) == (4, [])
        value = "Un mode de garde" if rank else "Des transports"
        questionnaire.receive({str(choix.pk): value}, connexion=str(rank))

    resultat = resultats_of(questionnaire).questions[0]

    assert [(ligne.nombre, resultat.part(ligne)) for ligne in resultat.lignes] == [(1, 20), (4, 80), (0, 0)]


def test_free_answer_fills_a_parole_that_a_person_saves(client):
    world = build_world()
    client.force_login(world.people["coordination"])
    question = world.objects["question_libre"]

    page = client.get(
        reverse("diagnostics:parole_add", args=[world.convention.code]),
        {"question": question.pk, "texte": question.marque_of("Du lien.")},
    )

    assert page.context["form"].initial["texte"] == "Du lien."
    assert page.context["form"].initial["locuteur"] == "habitant"
    assert world.diagnostic.paroles.count() == 1


def test_texts_are_told_apart_from_the_other_answers_of_the_same_person(client):
    world = build_world()
    client.force_login(world.people["coordination"])
    questionnaire, question = world.objects["questionnaire"], world.objects["question_libre"]
    for rank, texte in enumerate(["Zoé aimerait un bus.", "Autre chose."]):
        questionnaire.receive(
            {str(questionnaire.questions.first().pk): "Un mode de garde", str(question.pk): texte},
            connexion=str(rank),
        )

    page = client.get(
        reverse(
            "diagnostics:questionnaire_textes", args=[world.convention.code, questionnaire.pk, question.pk]
        )
    )

    assert [texte for _, texte in page.context["textes"]] == [
        "Autre chose.",
        "Du lien.",
        "Zoé aimerait un bus.",
    ]
    marques = re.findall(r"[?&;]texte=([^&\"]+)", page.text)
    assert len(marques) == 3
    assert not {str(pk) for pk in Reponse.objects.values_list("pk", flat=True)}.intersection(marques)


def test_text_of_another_convention_fills_nothing_in(client):
    world = build_world()
    client.force_login(world.people["coordination"])
    foreign = QuestionFactory(nature="texte", choix="")
    foreign.questionnaire.receive({str(foreign.pk): "Ailleurs."}, connexion="")
    path = reverse("diagnostics:parole_add", args=[world.convention.code])
    own = world.objects["question_libre"]

    for question, texte in (
        (foreign, foreign.marque_of("Ailleurs.")),
        (own, own.marque_of("Inventé.")),
        (own, ""),
    ):
        assert client.get(path, {"question": question.pk, "texte": texte}).status_code == 404


def test_export_neutralises_formulas_and_tells_no_few_answers(questionnaire):
    choix = QuestionFactory(questionnaire=questionnaire, intitule="=1+1", choix="@SOMME\n-Non", ordre=0)
    libre = texte_of(questionnaire)
    for rank in range(5):
        valeurs = {str(choix.pk): "@SOMME"} | ({str(libre.pk): "=cmd|' /C calc'!A0"} if rank == 0 else {})
        questionnaire.receive(valeurs, connexion=str(rank))
    rare = QuestionFactory(questionnaire=questionnaire, intitule="Rare", ordre=1)
    questionnaire.receive({str(rare.pk): "Un mode de garde"}, connexion="rare")

    rows = list(csv.reader(resultats_csv(questionnaire).decode("utf-8-sig").splitlines(), delimiter=";"))
    book = openpyxl.load_workbook(io.BytesIO(resultats_xlsx(questionnaire)))

    assert rows[1:] == [
        ["'=1+1", "'@SOMME", "5", "100", "5"],
        ["'=1+1", "'-Non", "0", "0", "5"],
        ["Rare", "Moins de 5 réponses : le détail n’est pas donné", "", "", "1"],
    ]
    cells = [cell for row in book["Réponses libres"].iter_rows(min_row=2) for cell in row]
    assert [(cell.data_type, cell.quotePrefix) for cell in cells if str(cell.value).startswith("=")] == [
        ("s", True)
    ]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("route", "queries"),
    [
        ("voix", 14),
        ("questionnaires", 9),
        ("questionnaire", 9),
        ("atelier", 9),
        ("questionnaire_questions", 9),
    ],
)
def test_query_count_does_not_grow(client, django_assert_num_queries, count, route, queries):
    world = build_world()
    client.force_login(world.people["coordination"])
    world.diagnostic.paroles.update(theme=DomaineFactory(code="premier"))
    for rank in range(count - 1):
        atelier = AtelierFactory(diagnostic=world.diagnostic)
        atelier.organisations.add(OrganisationFactory())
        for where in (atelier, world.objects["atelier"]):
            ParoleFactory(
                diagnostic=world.diagnostic, atelier=where, theme=DomaineFactory(code=f"d{rank}{where.pk}")
            )
        other = QuestionnaireFactory(diagnostic=world.diagnostic)
        QuestionFactory(questionnaire=other)
        QuestionFactory(questionnaire=world.objects["questionnaire"])
        first = world.objects["questionnaire"].questions.first()
        world.objects["questionnaire"].receive({str(first.pk): "Un mode de garde"}, connexion=str(rank))
    thing = world.objects.get(route.split("_")[0])
    args = [world.convention.code, *([thing.pk] if thing else [])]
    path = reverse(f"diagnostics:{route}", args=args)
    client.get(path)

    with django_assert_num_queries(queries):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_public_page_query_count_does_not_grow(client, questionnaire, django_assert_num_queries, count):
    for _ in range(count):
        QuestionFactory(questionnaire=questionnaire)

    with django_assert_num_queries(4):
        assert client.get(questionnaire.adresse).status_code == 200


NATURES = list(Question.Nature.values)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(["1", "5", "oui", "1e9999", "NaN", "2,5", "Un mode de garde"]),
)


class AnythingPostedTest(TestCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from([*range(8), "jeton"]), st.lists(VALUES, max_size=3)))
    def test_anything_posted_gives_a_page_or_thanks(self, posted):
        questionnaire = QuestionnaireFactory()
        questions = [
            QuestionFactory(
                questionnaire=questionnaire, nature=nature, choix="A\nB" if "choix" in nature else ""
            )
            for nature in NATURES
        ]
        names = {rank: f"q{question.pk}" for rank, question in enumerate(questions)}

        response = self.client.post(
            questionnaire.adresse, {names.get(key, str(key)): values for key, values in posted.items()}
        )

        assert response.status_code in (200, 302)
