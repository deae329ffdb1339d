"""Ranking the enjeux together: the whole order in one sending, and never over somebody else's."""

import pytest
from django.urls import reverse

from tests.factories import DiagnosticFactory, EnjeuFactory, HabilitationFactory


@pytest.fixture
def diagnostic():
    diagnostic = DiagnosticFactory()
    for ordre, name in enumerate("ABC"):
        EnjeuFactory(diagnostic=diagnostic, intitule=name, ordre=ordre)
    return diagnostic


@pytest.fixture
def send(client, diagnostic):
    client.force_login(HabilitationFactory(convention=diagnostic.convention).user)
    path = reverse("diagnostics:priorisation", args=[diagnostic.convention.code])

    def post(names, mouvement="", empreinte=None):
        keys = {row.intitule: row.pk for row in diagnostic.enjeux.all()}
        shown = ",".join(str(pk) for pk in keys.values()) if empreinte is None else empreinte
        sens, _, name = mouvement.partition("-")
        return client.post(
            path,
            {
                "empreinte": shown,
                "ordre": [keys.get(letter, 0) for letter in names],
                "mouvement": f"{sens}-{keys[name]}" if name else mouvement,
            },
        )

    return post


def order(diagnostic):
    return "".join(row.intitule for row in diagnostic.enjeux.all())


@pytest.mark.parametrize(
    ("sent", "mouvement", "expected"),
    [
        ("CAB", "", "CAB"),
        ("ABC", "haut-C", "ACB"),
        ("ABC", "bas-A", "BAC"),
        ("ABC", "haut-A", "ABC"),
        ("ABC", "bas-C", "ABC"),
    ],
)
def test_order_is_saved(send, diagnostic, sent, mouvement, expected):
    assert send(sent, mouvement).status_code == 302
    assert order(diagnostic) == expected


def test_stale_order_overwrites_nothing(send, diagnostic):
    page = send("CBA", empreinte="3,2,1")

    assert "rien n’est" in page.text
    assert order(diagnostic) == "ABC"


@pytest.mark.parametrize(
    ("sent", "mouvement"), [("AB", ""), ("AAB", ""), ("ABX", ""), ("", ""), ("ABC", "plouf")]
)
def test_bad_order_changes_nothing(send, diagnostic, sent, mouvement):
    assert send(sent, mouvement).status_code == 200
    assert order(diagnostic) == "ABC"
