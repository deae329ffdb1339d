"""Words that changed between two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctg_portal.mots import MOTS_MAX, Effort, Mot, words_of


def test_words_of():
    assert [
        (mot.genre, mot.texte) for mot in words_of("Deux accueils de loisirs", "Trois accueils de loisirs")
    ] == [
        ("retire", "Deux"),
        ("ajoute", "Trois"),
        ("garde", "accueils de loisirs"),
    ]


@given(st.text(), st.text())
def test_both_texts_can_be_read_back(before, after):
    mots = words_of(before, after)

    assert " ".join(mot.texte for mot in mots if mot.genre != "ajoute").split() == before.split()
    assert " ".join(mot.texte for mot in mots if mot.genre != "retire").split() == after.split()


@pytest.mark.parametrize("word", ["a", "b"])
def test_texts_too_long_are_shown_whole(word):
    long = "a " * MOTS_MAX

    assert [mot.genre for mot in words_of(long, word)] == ["retire", "ajoute"]


def test_what_both_begin_and_end_with_is_kept_once():
    assert words_of("un deux trois quatre", "un deux deux trois quatre") == [
        Mot("garde", "un deux"),
        Mot("ajoute", "deux"),
        Mot("garde", "trois quatre"),
    ]


def test_past_its_effort_a_page_shows_what_differs_whole():
    effort = Effort(reste=4)

    spent = words_of("a b c fin", "a d c fin", effort)
    refused = words_of("a b c d e fin", "a x c y e fin", effort)

    assert [mot.genre for mot in spent] == ["garde", "retire", "ajoute", "garde"]
    assert refused == [
        Mot("garde", "a"),
        Mot("retire", "b c d"),
        Mot("ajoute", "x c y"),
        Mot("garde", "e fin"),
    ]
