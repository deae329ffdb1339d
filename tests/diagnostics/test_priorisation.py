"""Ranking the enjeux together: the whole order in one sending, and never over somebody else's."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from ctg_portal.mixins import PermissionMixin
from ctg_portal.workflow import TransitionError
from diagnostics.forms.diagnostic import (
    ConstatForm,
    ConstatPreuvesForm,
    DiagnosticSectionForm,
    EnjeuForm,
)
from diagnostics.models import Diagnostic
from tests.factories import ConstatFactory, DiagnosticFactory, EnjeuFactory, HabilitationFactory


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


def test_second_of_two_who_rank_at_once_is_told(diagnostic):
    """Both read ABC; the lock lets one write at a time, and the other starts from what it no longer is."""
    seen = [row.pk for row in diagnostic.enjeux.all()]
    diagnostic.rank_enjeux([seen[2], seen[0], seen[1]], seen=seen)

    with pytest.raises(TransitionError, match="rien n’est écrasé"):
        diagnostic.rank_enjeux([seen[1], seen[0], seen[2]], seen=seen)

    assert order(diagnostic) == "CAB"


def test_nothing_is_written_once_somebody_validated(diagnostic):
    """Each form was allowed when its page was asked; the row is read again before it is saved."""
    constat, enjeu = ConstatFactory(diagnostic=diagnostic), diagnostic.enjeux.first()
    forms = [
        ConstatForm({"nature": "point_fort", "intitule": "Autre"}, instance=constat),
        EnjeuForm({"intitule": "Autre", "portee": "thematique"}, instance=enjeu),
        ConstatPreuvesForm({}, instance=constat),
        DiagnosticSectionForm({"methode": "Autre"}, instance=diagnostic, champs=["methode"]),
    ]
    seen = [row.pk for row in diagnostic.enjeux.all()]
    Diagnostic.objects.filter(pk=diagnostic.pk).update(statut="valide")

    for form in forms:
        assert any("vient de valider le diagnostic" in said for said in form.non_field_errors())
    with pytest.raises(TransitionError, match="vient de valider"):
        diagnostic.rank_enjeux(seen[::-1], seen=seen)


def test_part_is_not_deleted_once_somebody_validated(client, diagnostic, monkeypatch):
    """The person was let in, then the COPIL validated, then the button was pressed."""
    client.force_login(HabilitationFactory(convention=diagnostic.convention).user)
    constat = ConstatFactory(diagnostic=diagnostic)
    path = reverse("diagnostics:constat_delete", args=[diagnostic.convention.code, constat.pk])
    check = PermissionMixin.check_permission

    def then_validate(self, *args):
        check(self, *args)
        Diagnostic.objects.filter(pk=diagnostic.pk).update(statut="valide")

    monkeypatch.setattr(PermissionMixin, "check_permission", then_validate)
    page = client.post(path, follow=True)

    assert "vient de valider le diagnostic" in page.text
    assert diagnostic.constats.count() == 1


def test_enjeu_of_another_convention_is_not_ranked(client, diagnostic, send):
    foreign = EnjeuFactory()
    keys = [row.pk for row in diagnostic.enjeux.all()]
    path = reverse("diagnostics:priorisation", args=[diagnostic.convention.code])

    page = client.post(path, {"empreinte": ",".join(map(str, keys)), "ordre": [*keys[:2], foreign.pk]})

    assert "rien n’est" in page.text
    assert order(diagnostic) == "ABC"


@pytest.mark.django_db(transaction=True)
def test_two_rank_at_once_and_one_is_told(diagnostic):
    seen = [row.pk for row in diagnostic.enjeux.all()]
    ready = threading.Barrier(2)
    outcomes = []

    def rank(wanted):
        try:
            ready.wait(timeout=10)
            diagnostic.rank_enjeux(wanted, seen=seen)
            outcomes.append("classés")
        except TransitionError:
            outcomes.append("refusés")
        finally:
            connection.close()

    orders = [[seen[2], seen[0], seen[1]], [seen[1], seen[2], seen[0]]]
    threads = [threading.Thread(target=rank, args=(wanted,)) for wanted in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(outcomes) == ["classés", "refusés"]
    assert order(diagnostic) in ("CAB", "BCA")
