"""Long texts: what is typed, pasted or hostile, on the page and in blocks."""

import re
import time
from html import escape, unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctg_portal.templatetags.portal import paragraphes
from ctg_portal.textes import Bloc, Morceau, blocs_of, plain, render_html


def html(source):
    return render_html(source, escape)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        (" \n\n ", ""),
        ("Un.\nDeux.\n\nTrois.", "<p>Un.<br>Deux.</p><p>Trois.</p>"),
        ("Un **mot** et deux.", "<p>Un <strong>mot</strong> et deux.</p>"),
        ("Avant :\n- un\n- deux", "<p>Avant :</p><ul><li>un</li><li>deux</li></ul>"),
        (
            "• un\n– deux\n— trois\n* quatre",
            "<ul><li>un</li><li>deux</li><li>trois</li></ul><ul><li>quatre</li></ul>",
        ),
        ("1. un\n2. deux", "<ol><li>un</li><li>deux</li></ol>"),
        ("3. trois", '<ol start="3"><li>trois</li></ol>'),
        ("- un\n  - dedans", "<ul><li>un<ul><li>dedans</li></ul></li></ul>"),
        ("- un\nAprès.", "<ul><li>un</li></ul><p>Après.</p>"),
        (
            "[le site](https://exemple.org/?a=1&b=2)",
            '<p><a href="https://exemple.org/?a=1&amp;b=2" rel="noopener noreferrer">le site</a></p>',
        ),
        (
            "Voir https://exemple.org/a.",
            '<p>Voir <a href="https://exemple.org/a" rel="noopener noreferrer">https://exemple.org/a</a>.</p>',
        ),
    ],
)
def test_text_is_drawn_as_meant(source, expected):
    assert html(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "5 * 3 * 2 = 30 et prix* hors taxe*",
        "un_nom_de_fichier et _souligné_ et *penché*",
        r"C:\dossier\_commun \*étoile\*",
        "+ 3 places en 2026",
        "2026. Année du bilan",
        "# pas un titre",
        "> pas une citation",
        "`pas du code` ~~ni barré~~",
        "| pas | un tableau |",
        "[pas un lien](javascript:alert(1))",
        "[ni ceci](/conventions/) ni [cela](data:text/html;base64,AA)",
        "** seul et **",
    ],
)
def test_signs_that_are_not_ours_stay_as_typed(source):
    assert unescape(html(source)) == f"<p>{source}</p>"


def test_markup_is_words():
    source = "<script>alert(1)</script> &lt;b&gt; <img src=x onerror=alert(1)>"
    assert html(source) == f"<p>{escape(source, quote=False)}</p>"


def test_no_break_spaces_stay_themselves():
    assert html("«\u00a0mot\u00a0» &nbsp;") == "<p>«\u00a0mot\u00a0» &amp;nbsp;</p>"


def test_typography_is_french_also_around_bold():
    assert paragraphes("**Pour qui** ?") == "<p><strong>Pour qui</strong>\u202f?</p>"


@given(st.text(alphabet=st.sampled_from("ab *_-+1.[]()<>&\"'\\\n\t•#`~"), max_size=80))
def test_whatever_is_typed_gives_only_our_tags_and_loses_no_letter(source):
    drawn = html(source)
    assert set(re.findall(r"</?([a-z]+)", drawn)) <= {"p", "br", "ul", "ol", "li", "strong"}
    words = re.sub(r"<[^>]*>", "", drawn)
    assert re.sub("[^ab]", "", unescape(words)) == re.sub("[^ab]", "", source)


@pytest.mark.parametrize("piece", ["*", "[", "**a ", "- ", "[a](b", "1. ", "http://a.", "a@", "_a*", "\\"])
def test_hostile_text_takes_no_time(piece):
    start = time.process_time()
    html(piece * (20_000 // len(piece)))
    assert time.process_time() - start < 5


def test_blocks_say_the_same_as_the_page():
    blocs = blocs_of("Un **mot**.\n\n1. [lien](https://exemple.org)\n2. deux\n   - dedans\n\n   suite")
    assert blocs == [
        Bloc("p", 0, 0, [Morceau("Un "), Morceau("mot", gras=True), Morceau(".")]),
        Bloc("ol", 1, 1, [Morceau("lien", adresse="https://exemple.org")]),
        Bloc("ol", 1, 2, [Morceau("deux")]),
        Bloc("ul", 2, 0, [Morceau("dedans")]),
        Bloc("p", 1, 0, [Morceau("suite")]),
    ]


def test_plain_words_have_no_signs():
    assert plain("Un **mot**\n\n- deux\n- [trois](https://exemple.org)") == "Un mot deux trois"
