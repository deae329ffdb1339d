"""Benchmark rows go to a marked database only, and stand like any other."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from actions.models import FicheAction
from conventions.models import Convention, Signataire
from ctg_portal.demo.benchmark import CAF_NATIONALE, CAF_PETITE, CONSEILLER
from ctg_portal.models import User
from ctg_portal.portefeuille import Portefeuille, ctg_of
from tests.factories import ConventionFactory, TerritoireFactory


def run(**options):
    out = StringIO()
    call_command("seed_benchmark", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def marked(monkeypatch, settings):
    settings.DEMO = True
    monkeypatch.setitem(connection.settings_dict, "NAME", "ctg_benchmark")


def test_refused_outside_a_demonstration(marked, settings):
    settings.DEMO = settings.DEBUG = False

    with pytest.raises(CommandError, match="qu’avec DEBUG ou DEMO"):
        run()


def test_refused_on_a_database_that_is_not_marked(marked, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", "ctg")

    with pytest.raises(CommandError, match="ne contient pas « benchmark »"):
        run()


def test_refused_where_people_work(marked):
    ConventionFactory()

    with pytest.raises(CommandError, match="contient déjà des conventions"):
        run()


def test_refused_without_the_reference(marked):
    with pytest.raises(CommandError, match="load_reference"):
        run()


def test_every_territoire_has_its_plan_and_its_adviser(marked):
    for _ in range(7):
        TerritoireFactory()

    assert run().startswith("7 conventions écrites")

    adviser = User.objects.get(email=CONSEILLER)
    lines = Portefeuille(adviser, ctg_of(adviser))[:]
    assert [line.fiches for line in lines] == [30] * 7
    assert Convention.objects.visible_to(User.objects.get(email="conseil-46@example.org")).count() == 7
    assert Signataire.objects.filter(organisation__nom=CAF_NATIONALE).count() == 7
    assert Signataire.objects.filter(organisation__nom=CAF_PETITE).count() == 5
    assert FicheAction.objects.filter(soumise_le=None, redaction__in=("en_relecture", "validee")).count() == 0


def test_fewer_when_asked(marked):
    for _ in range(2):
        TerritoireFactory()

    assert run(number=1).startswith("1 conventions écrites")
