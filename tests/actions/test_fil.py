"""The golden thread, read both ways, and where it breaks."""

import pytest
from django.urls import reverse

from actions.models import Mesure
from actions.models.fil import read_fil
from tests.factories import (
    AxeFactory,
    ConstatFactory,
    DiagnosticFactory,
    EnjeuFactory,
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    ObjectifFactory,
    ParoleFactory,
    PlanActionsFactory,
    UserFactory,
)


@pytest.fixture
def diagnostic():
    return DiagnosticFactory()


@pytest.fixture
def axe(diagnostic):
    return AxeFactory(plan=PlanActionsFactory(convention=diagnostic.convention))


@pytest.fixture
def reader(diagnostic):
    return HabilitationFactory(convention=diagnostic.convention).user


def whole_thread(diagnostic, axe):
    """A parole → a constat → an enjeu → an objectif → a fiche → an indicateur measured twice."""
    parole = ParoleFactory(diagnostic=diagnostic)
    constat = ConstatFactory(diagnostic=diagnostic)
    constat.paroles.add(parole)
    enjeu = EnjeuFactory(diagnostic=diagnostic)
    enjeu.constats.add(constat)
    objectif = ObjectifFactory(axe=axe)
    objectif.enjeux.add(enjeu)
    fiche = FicheActionFactory(axe=axe, objectif=objectif)
    indicateur = IndicateurSuiviFactory(fiche=fiche)
    for annee, valeur in ((2023, "12.50"), (2024, "14"), (2025, None)):
        Mesure.objects.create(indicateur=indicateur, annee=annee, valeur=valeur)
    return parole, constat, enjeu, objectif, fiche


def holes(fil_dor):
    return {trou.cle: [ligne.libelle for ligne in trou.lignes] for trou in fil_dor.trous}


def test_whole_thread_has_its_last_result_and_no_hole(diagnostic, axe, reader):
    _, constat, enjeu, objectif, fiche = whole_thread(diagnostic, axe)

    fil_dor = read_fil(diagnostic.convention, reader)

    [fil] = fil_dor.fils
    assert (fil.enjeu, fil.constats, fil.objectifs, fil.fiches) == (enjeu, [constat], [objectif], [fiche])
    [row] = fil.fiches[0].rows_indicateurs
    assert (row["annee"], row["valeur"]) == (2024, "14.00")
    assert holes(fil_dor) == {}


def test_each_kind_of_hole(diagnostic, axe, reader):
    constat = ConstatFactory(diagnostic=diagnostic)
    enjeu = EnjeuFactory(diagnostic=diagnostic)
    objectif = ObjectifFactory(axe=axe)
    fiche = FicheActionFactory(axe=axe)

    assert holes(read_fil(diagnostic.convention, reader)) == {
        "constat_sans_preuve": [str(constat)],
        "constat_sans_enjeu": [str(constat)],
        "enjeu_sans_objectif": [str(enjeu)],
        "objectif_sans_enjeu": [str(objectif)],
        "fiche_sans_enjeu": [str(fiche)],
        "objectif_sans_indicateur": [str(objectif)],
    }


def test_fiche_reaches_its_enjeu_directly_or_through_its_objectif(diagnostic, axe, reader):
    _, _, enjeu, objectif, through = whole_thread(diagnostic, axe)
    direct = FicheActionFactory(axe=axe)
    direct.enjeux.add(enjeu)
    through.enjeux.add(enjeu)

    [fil] = read_fil(diagnostic.convention, reader).fils

    assert [(branche.objectif, branche.fiches) for branche in fil.branches] == [
        (objectif, [through]),
        (None, [direct]),
    ]


def test_archived_fiche_is_out_of_the_thread(diagnostic, axe, reader):
    *_, objectif, fiche = whole_thread(diagnostic, axe)
    fiche.archive(by=reader)

    fil_dor = read_fil(diagnostic.convention, reader)

    assert fil_dor.fiches == []
    assert holes(fil_dor) == {"objectif_sans_indicateur": [str(objectif)]}


def test_confidential_fiche_is_hidden_and_is_no_hole(diagnostic, axe):
    *_, fiche = whole_thread(diagnostic, axe)
    type(fiche).objects.filter(pk=fiche.pk).update(confidentielle=True)
    lecture = HabilitationFactory(convention=diagnostic.convention, role="lecture").user

    fil_dor = read_fil(diagnostic.convention, lecture)

    assert fil_dor.fils[0].fiches == []
    assert holes(fil_dor) == {}


def test_another_convention_has_no_part_in_it(diagnostic, axe, reader):
    whole_thread(diagnostic, axe)
    other = DiagnosticFactory()
    whole_thread(other, AxeFactory(plan=PlanActionsFactory(convention=other.convention)))

    fil_dor = read_fil(diagnostic.convention, reader)

    assert (len(fil_dor.fils), len(fil_dor.objectifs), len(fil_dor.fiches)) == (1, 1, 1)


def test_forward_from_a_parole_and_backward_from_a_fiche(client, diagnostic, axe, reader):
    parole, constat, enjeu, objectif, fiche = whole_thread(diagnostic, axe)
    sibling = FicheActionFactory(axe=axe, objectif=objectif, intitule="Une autre fiche")
    apart = EnjeuFactory(diagnostic=diagnostic, intitule="Un enjeu à part")
    client.force_login(reader)
    path = reverse("actions:fil", args=[diagnostic.convention.code])

    for origin in (f"parole={parole.pk}", f"constat={constat.pk}"):
        page = client.get(f"{path}?{origin}")
        assert [fil.enjeu for fil in page.context["fils"]] == [enjeu]
    page = client.get(f"{path}?fiche={fiche.pk}")
    [fil] = page.context["fils"]

    assert fil.fiches == [fiche]
    assert str(sibling) not in page.text
    assert str(apart) not in page.text


@pytest.mark.parametrize("asked", ["constat=0", "fiche=abc", "parole=" + "9" * 40, "valeur=²", "fiche="])
def test_unknown_origin_shows_the_whole_thread(client, diagnostic, axe, reader, asked):
    whole_thread(diagnostic, axe)
    client.force_login(reader)

    page = client.get(f"{reverse('actions:fil', args=[diagnostic.convention.code])}?{asked}")

    assert (page.status_code, page.context["titre"], len(page.context["fils"])) == (200, "", 1)


@pytest.mark.parametrize("size", [1, 3])
def test_queries_do_not_depend_on_the_size(django_assert_num_queries, diagnostic, axe, reader, size):
    for _ in range(size):
        whole_thread(diagnostic, axe)

    with django_assert_num_queries(7):
        fil_dor = read_fil(diagnostic.convention, reader)

    assert len(fil_dor.indicateurs) == size


def test_objectifs_of_an_enjeu_are_chosen_in_its_plan_only(client, diagnostic, axe, reader):
    enjeu = EnjeuFactory(diagnostic=diagnostic)
    objectif, foreign = ObjectifFactory(axe=axe), ObjectifFactory()
    client.force_login(reader)
    path = reverse("actions:enjeu_objectifs", args=[diagnostic.convention.code, enjeu.pk])

    refused = client.post(path, {"objectifs": [objectif.pk, foreign.pk]})
    assert refused.status_code == 200
    assert list(enjeu.objectifs.all()) == []

    client.post(path, {"objectifs": [objectif.pk]})
    assert list(enjeu.objectifs.all()) == [objectif]


def test_objectifs_chosen_by_two_people_are_not_overwritten(client, diagnostic, axe, reader):
    enjeu = EnjeuFactory(diagnostic=diagnostic)
    mine, theirs = ObjectifFactory(axe=axe), ObjectifFactory(axe=axe)
    client.force_login(reader)
    path = reverse("actions:enjeu_objectifs", args=[diagnostic.convention.code, enjeu.pk])
    empreinte = client.get(path).context["form"].current_empreinte
    theirs.enjeux.add(enjeu)

    page = client.post(path, {"objectifs": [mine.pk], "empreinte": empreinte})

    assert "Quelqu’un d’autre a enregistré" in page.text
    assert list(enjeu.objectifs.all()) == [theirs]


def test_thread_is_open_to_readers_without_links_to_mend(client, diagnostic, axe):
    EnjeuFactory(diagnostic=diagnostic)
    lecture = HabilitationFactory(convention=diagnostic.convention, role="lecture").user
    client.force_login(lecture)

    page = client.get(reverse("actions:fil", args=[diagnostic.convention.code]))

    assert "Enjeux sans objectif (1)" in page.text
    assert "Choisir les objectifs qui y répondent" not in page.text


def test_stranger_finds_nothing(client, diagnostic):
    client.force_login(UserFactory())

    assert client.get(reverse("actions:fil", args=[diagnostic.convention.code])).status_code == 404
