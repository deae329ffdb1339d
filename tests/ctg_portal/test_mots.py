"""Words that changed between two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctg_portal.mots import MOTS_MAX, words_of


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
