"""The bilan of a year: its facts, what is still to write, and two people writing it."""

import datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import Bilan, FicheAction, LigneBudget, LigneFinancement, Mesure, Note
from actions.models.annee import (
    EtatBilan,
    etat_of,
    for_bilans,
    is_attendu,
    is_derniere,
    read_annee,
    with_fin,
)
from tests.actions.test_pages import log_in
from tests.factories import (
    EtapeFactory,
    FicheActionFactory,
    IndicateurSuiviFactory,
    OrganisationFactory,
    PiloteFactory,
    UserFactory,
)

ANNEE = timezone.localdate().year
"""The fourth of five years: ``ConventionFactory`` follows the calendar."""


def day(annee, month=6, number=1):
    return datetime.date(annee, month, number)


def url_of(fiche, annee=ANNEE):
    return reverse("actions:bilan_edit", args=[fiche.convention.code, fiche.pk, annee])


def blank(client, url):
    form = client.get(url).context["form"]
    return {bound.name: bound.value() or "" for bound in form if bound.name != "enchainer"}


def annotated(fiche):
    return with_fin(FicheAction.objects.filter(pk=fiche.pk)).select_related("plan__convention").get()


def test_facts_of_the_year_are_those_of_the_year(client):
    fiche = FicheActionFactory()
    done = EtapeFactory(fiche=fiche, intitule="Faite", echeance=day(ANNEE - 1), faite_le=day(ANNEE, 1))
    missed = EtapeFactory(fiche=fiche, intitule="Manquée", echeance=day(ANNEE - 1, 3))
    EtapeFactory(fiche=fiche, intitule="Plus tard", echeance=day(ANNEE + 1))
    for annee in (ANNEE - 1, ANNEE):
        Note.objects.create(fiche=fiche, date=day(annee, 1), texte=f"Note {annee}", auteur=UserFactory())
        LigneBudget.objects.create(fiche=fiche, annee=annee, prevu="100.10", realise=None)
        LigneBudget.objects.create(fiche=fiche, annee=annee, nature="investissement", prevu="0.20")
    financeur = OrganisationFactory()
    LigneFinancement.objects.create(fiche=fiche, annee=ANNEE, financeur=financeur, demande="50.00")
    LigneFinancement.objects.create(
        fiche=fiche, annee=ANNEE, financeur=financeur, demande="900.00", etat="refuse"
    )
    indicateur = IndicateurSuiviFactory(fiche=fiche)
    Mesure.objects.create(indicateur=indicateur, annee=ANNEE - 1, valeur="0")
    Bilan.objects.create(fiche=fiche, annee=ANNEE - 1, realise="L’an dernier.")

    facts = read_annee(fiche, ANNEE)

    assert (facts.faites, facts.manquees) == ([done], [missed])
    assert [note.texte for note in facts.notes] == [f"Note {ANNEE}"]
    assert facts.montants == {
        "prevu": Decimal("100.30"),
        "realise": None,
        "demande": Decimal("50.00"),
        "obtenu": None,
    }
    assert [(fait.mesure, fait.precedente.valeur) for fait in facts.faits] == [(None, Decimal(0))]
    log_in(client, fiche.convention)
    page = client.get(url_of(fiche)).text
    assert "L’an dernier." in page
    assert "Manquée" in page
    assert "pas de mesure cette année (0 en" in page


def test_last_year_asks_for_the_result():
    fiche = FicheActionFactory()
    ending = FicheActionFactory(echeance=day(ANNEE))
    over = FicheActionFactory(avancement="realisee", fin_reelle=day(ANNEE - 1))
    FicheActionFactory(avancement="a_venir")
    dropped = FicheActionFactory()
    dropped.abandon(by=UserFactory(), motif="Plus de local.")

    rows = [annotated(one) for one in (fiche, ending, over, dropped)]

    assert [is_derniere(one, ANNEE) for one in rows] == [False, True, True, True]
    assert is_derniere(rows[0], fiche.convention.fin.year)
    assert [is_attendu(one, ANNEE) for one in rows] == [True, True, False, True]
    assert [is_attendu(one, ANNEE + 1) for one in rows] == [False] * 4


@pytest.mark.parametrize(
    ("written", "etat"),
    [
        (None, EtatBilan.A_ECRIRE),
        ({"ecarts": "Du retard."}, EtatBilan.COMMENCE),
        ({"realise": "Tout.", "atteinte": "atteint"}, EtatBilan.COMMENCE),
        ({"realise": "Tout.", "atteinte": "atteint", "suite": "arreter"}, EtatBilan.FAIT),
    ],
)
def test_state_of_the_bilan_of_a_last_year(written, etat):
    fiche = annotated(FicheActionFactory(echeance=day(ANNEE)))
    bilan = Bilan(fiche=fiche, annee=ANNEE, **written) if written else None

    assert etat_of(fiche, ANNEE, bilan) == etat


def test_save_then_go_to_the_next_fiche(client):
    first = FicheActionFactory(ordre=0)
    second = FicheActionFactory(plan=first.plan, axe=first.axe, ordre=1)
    FicheActionFactory(plan=first.plan, axe=first.axe, ordre=2, debut=day(ANNEE + 1))
    log_in(client, first.convention)
    data = blank(client, url_of(first)) | {"realise": "Trente familles.", "enchainer": "on"}

    assert client.post(url_of(first), data).headers["Location"] == url_of(second)
    assert first.bilans.get().realise == "Trente familles."
    last = client.post(
        url_of(second), blank(client, url_of(second)) | {"realise": "Tout.", "enchainer": "on"}
    )
    assert last.headers["Location"] == f"{second.get_absolute_url()}#bilans"


def test_second_first_save_is_not_silent(client):
    """Two people open the blank page of the same year: the second is shown what the first wrote."""
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)
    data = blank(client, url_of(fiche)) | {"realise": "Le mien."}
    Bilan.objects.create(fiche=fiche, annee=ANNEE, realise="Celui de l’autre.")

    refused = client.post(url_of(fiche), data)

    assert refused.status_code == 200
    assert "rien n’est écrasé" in refused.text
    assert "Celui de l’autre." in refused.text
    assert "Le mien." in refused.text
    assert fiche.bilans.get().realise == "Celui de l’autre."
    again = data | {"empreinte": refused.context["form"].data["empreinte"]}
    assert client.post(url_of(fiche), again).status_code == 302
    assert fiche.bilans.get().realise == "Le mien."


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"realise": "  \n "}, "Écrivez au moins une rubrique du bilan."),
        ({"realise": "x" * 60_000}, "Rien n’est coupé"),
        ({"realise": "Fait.", "suite": "brûler"}, "choix"),
        ({"realise": "a\x00b"}, "nul"),
    ],
)
def test_empty_long_and_hostile_bilan_is_refused_with_a_sentence(client, sent, sentence):
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)

    response = client.post(url_of(fiche), blank(client, url_of(fiche)) | sent)

    assert response.status_code == 200
    assert sentence in str(response.context["form"].errors)
    assert not fiche.bilans.exists()


def test_bilan_of_another_year_is_not_found(client):
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)

    assert client.get(url_of(fiche, fiche.convention.debut.year - 1)).status_code == 404


def test_bilan_of_an_archived_fiche_gives_the_words_back(client):
    fiche = FicheActionFactory()
    user = log_in(client, fiche.convention)
    data = blank(client, url_of(fiche)) | {"realise": "Tapé trop tard."}
    fiche.archive(by=user)

    response = client.post(url_of(fiche), data)

    assert "Tapé trop tard." in response.text
    assert "archivée" in response.text
    assert not fiche.bilans.exists()


def test_page_of_the_year_says_which_are_missing(client):
    fiche = FicheActionFactory(intitule="Écrite")
    Bilan.objects.create(fiche=fiche, annee=ANNEE, realise="Fait.")
    kin = {"plan": fiche.plan, "axe": fiche.axe}
    begun = FicheActionFactory(intitule="Commencée", **kin)
    Bilan.objects.create(fiche=begun, annee=ANNEE, ecarts="Du retard.")
    Bilan.objects.create(fiche=begun, annee=ANNEE - 1, realise="Avant.")
    FicheActionFactory(intitule="À écrire", **kin)
    FicheActionFactory(intitule="Pas commencée", debut=day(ANNEE + 1), **kin)
    secret = FicheActionFactory(intitule="Confidentielle", confidentielle=True, **kin)
    url = reverse("actions:bilans", args=[fiche.convention.code])
    log_in(client, fiche.convention)

    page = client.get(url)
    assert [(line["fiche"].intitule, line["etat"].value) for line in page.context["lignes"]] == [
        ("Écrite", "fait"),
        ("Commencée", "commence"),
        ("À écrire", "a_ecrire"),
        ("Pas commencée", "non_attendu"),
        ("Confidentielle", "a_ecrire"),
    ]
    assert "1 fait sur 4 attendus, 1 commencé, 2 à écrire" in " ".join(page.text.split())
    assert client.get(url, {"annee": ANNEE - 1}).context["faits"] == 1
    assert client.get(url, {"annee": "'; --"}).context["annee"] == ANNEE

    redaction = log_in(client, fiche.convention, "redaction")
    PiloteFactory(fiche=begun, user=redaction, nom="")
    lines = client.get(url).context["lignes"]
    assert secret not in [line["fiche"] for line in lines]
    assert [line["fiche"] for line in lines if line["can_follow"]] == [begun]


def test_page_of_the_year_with_no_fiche(client):
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)
    fiche.delete()

    assert (
        "Aucune fiche dans le plan"
        in client.get(reverse("actions:bilans", args=[fiche.plan.convention.code])).text
    )


@pytest.mark.parametrize("n", [1, 3])
def test_page_of_the_year_in_a_constant_number_of_queries(client, django_assert_num_queries, n):
    fiche = FicheActionFactory()
    rows = [fiche, *(FicheActionFactory(plan=fiche.plan, axe=fiche.axe) for _ in range(n - 1))]
    for row in rows:
        PiloteFactory(fiche=row, user=UserFactory(), nom="")
        Bilan.objects.create(fiche=row, annee=ANNEE, realise="Fait.")
    log_in(client, fiche.convention)

    with django_assert_num_queries(10):
        client.get(reverse("actions:bilans", args=[fiche.convention.code]))


@pytest.mark.parametrize("n", [1, 3])
def test_bilan_in_a_constant_number_of_queries(client, django_assert_num_queries, n):
    fiche = FicheActionFactory()
    for _ in range(n):
        FicheActionFactory(plan=fiche.plan, axe=fiche.axe)
        EtapeFactory(fiche=fiche, faite_le=day(ANNEE, 1))
        Mesure.objects.create(indicateur=IndicateurSuiviFactory(fiche=fiche), annee=ANNEE, valeur=1)
    log_in(client, fiche.convention)

    with django_assert_num_queries(11):
        client.get(url_of(fiche))


def test_for_bilans_leaves_out_the_archived():
    kept = FicheActionFactory()
    FicheActionFactory(redaction="archivee")

    assert list(for_bilans(FicheAction.objects.all(), ANNEE)) == [kept]
