"""The text of a convention: proposed until somebody writes, then its own; two people on one article."""

import pytest
from django.urls import reverse

from conventions.models import ArticleConvention, Convention
from conventions.operations.articles import (
    REPERES,
    articles_of,
    enumeration,
    is_propose,
    reperes,
    resolve,
    restore_proposed,
)
from conventions.operations.textes_proposes import ARTICLES_CONTRAT, ARTICLES_CTG
from tests.factories import ConventionFactory, HabilitationFactory, OrganisationFactory, UserFactory
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


@pytest.fixture
def neuve(world):
    """A convention whose text nobody has written."""
    ArticleConvention.objects.all().delete()
    return world.convention


@pytest.fixture
def coordination(client, world):
    client.force_login(world.people["coordination"])
    return client


def path(name, convention, *args):
    return reverse(f"conventions:{name}", args=[convention.code, *args])


def texte(convention):
    return reverse("governance:convention_texte", args=[convention.code])


def version(client, address):
    return client.get(address).context["form"].initial["version"]


def titles(convention):
    return [article.titre for article in articles_of(convention)]


def test_proposed_articles_by_nature():
    ctg, gmr = ConventionFactory(), ConventionFactory(nature=Convention.Nature.GMR)

    assert titles(ctg) == [article.titre for article in ARTICLES_CTG]
    assert titles(gmr) == [article.titre for article in ARTICLES_CONTRAT]
    assert is_propose(articles_of(ctg))


def test_proposed_articles_resolve_every_bracket():
    convention = ConventionFactory()
    caf = OrganisationFactory(nom="CAF du Lot", nature="caf")
    values = reperes(convention, [caf], ["Enfance", "Logement"])

    said = [resolve(article.texte, values) for article in (*ARTICLES_CTG, *ARTICLES_CONTRAT)]

    assert set(values) == set(REPERES)
    assert [text for text in said if "[" in text] == []
    assert "€" not in "".join(said)
    assert "- Enfance\n- Logement" in said[1]
    assert "La CAF du Lot apporte" in said[4]


def test_resolve_is_done_once_and_leaves_other_brackets():
    values = dict.fromkeys(REPERES, "x") | {"territoire": "[caf] {{ 7*7 }}"}

    assert resolve("[territoire] [autre]", values) == "[caf] {{ 7*7 }} [autre]"


@pytest.mark.parametrize(
    ("noms", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a et b"), (["a", "b", "c"], "a, b et c")]
)
def test_enumeration(noms, said):
    assert enumeration(noms) == said


def test_first_edit_keeps_the_other_proposed_articles(coordination, neuve):
    address = path("article_edit", neuve, "objet")

    response = coordination.post(
        address,
        {
            "titre": "Notre objet",
            "texte": "Un projet.\r\n\r\nÀ nous.",
            "version": version(coordination, address),
        },
    )

    assert response.headers["Location"] == texte(neuve)
    assert titles(neuve) == ["Notre objet", *(article.titre for article in ARTICLES_CTG[1:])]
    assert neuve.articles.first().texte == "Un projet.\n\nÀ nous."


def test_page_says_that_the_articles_are_proposed_until_written(coordination, neuve):
    before = coordination.get(texte(neuve)).text
    coordination.post(path("article_add", neuve), {"titre": "Un de plus", "texte": "Oui.", "numero": 2})
    after = coordination.get(texte(neuve)).text

    assert ("Articles proposés par le portail" in before, "Articles proposés par le portail" in after) == (
        True,
        False,
    )
    assert titles(neuve)[:3] == ["Objet de la convention", "Un de plus", "Champs d’intervention"]


def test_second_save_of_one_article_is_not_silent(coordination, world):
    article = world.objects["article"]
    address = path("article_edit", world.convention, article.pk)
    seen = version(coordination, address)
    mine = {"titre": "Objet", "texte": "Mes mots.", "version": seen}
    coordination.post(address, {"titre": "Objet", "texte": "Les mots d’un autre.", "version": seen})

    refused = coordination.post(address, mine)

    assert refused.status_code == 200
    assert "enregistré par quelqu’un d’autre" in refused.text
    assert ("Mes mots." in refused.text, "Les mots d’un autre." in refused.text) == (True, True)
    article.refresh_from_db()
    assert article.texte == "Les mots d’un autre."

    again = refused.context["form"]["version"].value()
    coordination.post(address, mine | {"version": again})
    article.refresh_from_db()
    assert article.texte == "Mes mots."


def test_two_people_on_one_proposed_article(coordination, neuve):
    """The second finds the row that the first made, by its title."""
    address = path("article_edit", neuve, "objet")
    seen = version(coordination, address)
    titre = ARTICLES_CTG[0].titre
    coordination.post(address, {"titre": titre, "texte": "Le premier.", "version": seen})

    refused = coordination.post(address, {"titre": titre, "texte": "Le second.", "version": seen})

    assert "enregistré par quelqu’un d’autre" in refused.text
    assert neuve.articles.first().texte == "Le premier."


def test_article_taken_out_meanwhile_keeps_what_was_typed(coordination, world):
    article = world.objects["article"]
    other = ArticleConvention.objects.create(
        convention=world.convention, ordre=1, titre="Durée", texte="Cinq ans."
    )
    address = path("article_edit", world.convention, other.pk)
    mine = {"titre": "Durée", "texte": "Quatre ans.", "version": version(coordination, address)}
    other.delete()

    refused = coordination.post(address, mine)
    assert "n’est plus dans le texte" in refused.text
    assert "Quatre ans." in refused.text
    coordination.post(address, mine | {"version": refused.context["form"]["version"].value()})

    assert list(world.convention.articles.values_list("titre", "texte")) == [
        (article.titre, article.texte),
        ("Durée", "Quatre ans."),
    ]
    assert coordination.get(address).headers["Location"] == texte(world.convention)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"titre": "", "texte": "x"}, "Ce champ est obligatoire."),
        ({"titre": "x", "texte": "   "}, "Ce champ est obligatoire."),
        ({"titre": "x" * 201, "texte": "x"}, "au plus 200 caractères"),
        ({"titre": "x", "texte": "y" * 100_001}, "au plus 100"),
        ({"titre": "OBJET", "texte": "x"}, "Un autre article porte déjà ce titre."),
        ({"titre": "x", "texte": "x", "numero": "-3"}, "supérieure ou égale à 1"),
        ({"titre": "x", "texte": "x", "numero": "un"}, "nombre entier"),
    ],
)
def test_bad_article_is_said_in_french(coordination, world, data, said):
    response = coordination.post(path("article_add", world.convention), {"numero": 1} | data)

    assert response.status_code == 200
    assert said in response.text.replace("\xa0", " ")
    assert world.convention.articles.count() == 1


def test_hostile_article_is_kept_and_shown_as_words(coordination, world):
    hostile = "<script>alert(1)</script> {{ 7*7 }} {% now %} 😀 [territoire]"
    coordination.post(
        path("article_add", world.convention), {"titre": "<b>x</b>", "texte": hostile, "numero": 9}
    )

    page = coordination.get(texte(world.convention)).text

    assert world.convention.articles.last().texte == hostile
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in page
    assert f"😀 {world.convention.territoire.nom}" in page


def test_order_by_numbers(coordination, neuve):
    form = coordination.get(path("articles_order", neuve)).context["form"]
    data = {"version": form.initial["version"]} | {champ.html_name: champ.value() for champ in form.lignes()}

    coordination.post(path("articles_order", neuve), data | {"ordre-recours": "1", "ordre-objet": "2"})

    # Equal numbers keep their order.
    assert titles(neuve)[:3] == ["Recours", "Objet de la convention", "Champs d’intervention"]
    assert len(titles(neuve)) == len(ARTICLES_CTG)


def test_order_of_a_list_that_changed_is_refused(coordination, world):
    address = path("articles_order", world.convention)
    stale = {"version": "1,2,3", "ordre-1": "2"}

    response = coordination.post(address, stale)

    assert "Le texte a changé depuis l’ouverture" in response.text


def test_remove_and_return_to_proposed(coordination, neuve):
    coordination.post(path("article_remove", neuve, "recours"))
    assert titles(neuve) == [article.titre for article in ARTICLES_CTG[:-1]]

    twice = coordination.post(path("article_remove", neuve, "recours"), follow=True)
    assert "n’est plus dans le texte" in twice.text

    coordination.post(path("articles_restore", neuve))
    assert is_propose(articles_of(neuve))


def test_last_article_stays(coordination, world):
    response = coordination.post(
        path("article_remove", world.convention, world.objects["article"].pk), follow=True
    )

    assert "au moins un article" in response.text
    assert world.convention.articles.count() == 1


def test_articles_of_another_convention_are_not_found(coordination):
    stranger = ArticleConvention.objects.create(convention=ConventionFactory(), titre="x", texte="x")
    mine = Convention.objects.exclude(pk=stranger.convention_id).order_by("pk").first()

    for method in ("get", "post"):
        assert getattr(coordination, method)(path("article_edit", mine, stranger.pk)).status_code == 404


def test_closed_convention_is_read_only(client):
    convention = ConventionFactory(statut=Convention.Statut.CLOSE)
    user = UserFactory()
    HabilitationFactory(user=user, convention=convention)
    client.force_login(user)

    assert client.get(texte(convention)).status_code == 200
    assert client.post(path("articles_restore", convention)).status_code == 403


def test_restore_touches_no_other_convention(world):
    other = ArticleConvention.objects.create(convention=ConventionFactory(), titre="x", texte="x")

    restore_proposed(convention=world.convention)

    assert list(ArticleConvention.objects.all()) == [other]
