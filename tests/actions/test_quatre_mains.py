"""Four people write the same fiche at once: what was acknowledged is there, and nobody overwrites what they have not seen."""

import itertools
import random
import re
import threading
import time

import pytest
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection, transaction
from django.test import RequestFactory

from actions.forms.sections import SECTION_FORMS
from actions.models import FicheAction
from actions.views.fiches import SectionEditView
from tests.factories import HabilitationFactory, complete_fiche

ECRIVAINS = 4
ENREGISTREMENTS = 500
CHAMPS = {"objectifs": "objectif_general", "modalites": "modalites", "suivi": "difficultes"}
MARQUE = re.compile(r"\[\d+-\d+\]")


def open_section(fiche, section):
    """What the page of the section would send back: read from its form, without drawing the page 500 times."""
    form = SECTION_FORMS[section](
        instance=FicheAction.objects.select_related("plan__convention").get(pk=fiche.pk)
    )
    return {"empreinte": form.current_empreinte} | {name: form.initial[name] for name in form.Meta.fields}


class Writer(threading.Thread):
    """Opens a section, adds a mark to its text, saves; when told of somebody else's words, takes them in and saves again."""

    def __init__(self, fiche, rank, ready):
        super().__init__()
        self.fiche, self.rank, self.ready = fiche, rank, ready
        self.user = HabilitationFactory(convention=fiche.convention, role="coordination").user
        self.chance = random.Random(rank)
        # Each has a section of predilection, and goes to the others too.
        self.habits = [8 if rank % len(CHAMPS) == place else 1 for place in range(len(CHAMPS))]
        self.acknowledged = {section: [] for section in CHAMPS}
        self.conflicts = 0
        self.failure = None

    def run(self):
        try:
            self.ready.wait(60)
            for number in range(ENREGISTREMENTS // ECRIVAINS):
                self.write(self.chance.choices(list(CHAMPS), self.habits)[0], f"[{self.rank}-{number}]")
        except BaseException as failure:  # noqa: BLE001 - told by the test, whatever it is
            self.failure = failure
        finally:
            connection.close()

    def write(self, section, mark):
        field = CHAMPS[section]
        for _ in range(100):
            data = open_section(self.fiche, section)
            data[field] = f"{data[field]} {mark}".strip()
            answer = self.post(section, data)
            if answer.status_code == 302:
                self.acknowledged[section].append(mark)
                return
            form = answer.context_data["form"]
            assert form.conflict
            assert mark in form[field].value(), "what was typed is given back"
            self.conflicts += 1
            # Whoever is told reads it before saving again: retries that only meet each other prove nothing more.
            time.sleep(self.chance.uniform(0, 0.3))
        raise AssertionError("a hundred conflicts for one save")

    def post(self, section, data):
        """The view in its transaction, its page left undrawn: the drawing is tested elsewhere and takes most of the time."""
        request = RequestFactory().post("/", data)
        request.user, request.session = self.user, {}
        request._messages = CookieStorage(request)
        with transaction.atomic():
            return SectionEditView.as_view()(
                request, code=self.fiche.convention.code, pk=self.fiche.pk, section=section
            )


@pytest.mark.django_db(transaction=True)
def test_five_hundred_saves_of_four_writers_lose_no_word():
    fiche = complete_fiche(objectif_general="Début.", modalites="Début.", difficultes="Début.")
    ready = threading.Barrier(ECRIVAINS)
    writers = [Writer(fiche, rank, ready) for rank in range(ECRIVAINS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.failure for writer in writers] == [None] * ECRIVAINS
    assert sum(writer.conflicts for writer in writers) > ENREGISTREMENTS // 10, "the writers hardly met"
    fiche.refresh_from_db()
    for section, field in CHAMPS.items():
        marks = MARQUE.findall(getattr(fiche, field))
        acknowledged = [mark for writer in writers for mark in writer.acknowledged[section]]
        assert sorted(marks) == sorted(acknowledged)
        versions = FicheAction.pgh_event_model.objects.filter(pgh_obj=fiche).order_by("pgh_id")
        seen = [set(MARQUE.findall(text)) for text in versions.values_list(field, flat=True)]
        assert all(before <= after for before, after in itertools.pairwise(seen))
    assert sum(len(w.acknowledged[s]) for w in writers for s in CHAMPS) == ENREGISTREMENTS
