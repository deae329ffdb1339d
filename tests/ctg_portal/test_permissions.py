import pytest

from ctg_portal.permissions import Can
from tests.factories import FicheActionFactory, HabilitationFactory


def test_can_reads_the_row_of_the_view():
    fiche = FicheActionFactory()
    coordination = HabilitationFactory(convention=fiche.convention)
    lecture = HabilitationFactory(convention=fiche.convention, role="lecture")

    assert Can(coordination.user, fiche)["change"] is True
    assert Can(lecture.user, fiche)["change"] is False


def test_an_unknown_verb_is_an_error():
    fiche = FicheActionFactory()

    with pytest.raises(LookupError, match="actions.chnage_ficheaction"):
        Can(HabilitationFactory().user, fiche)["chnage"]
