"""Restoring: shown first, written as a new save, refused with a sentence, and never blind to what was saved meanwhile."""

import datetime
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import Bilan, Etape, FicheAction, LigneBudget, Mesure, Note, Pilote
from actions.models.historique import Historique
from conventions.models import Convention
from tests.actions.histoire import il_y_a, save_as
from tests.factories import (
    DomaineFactory,
    EnjeuFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    ObjectifFactory,
    OrganisationFactory,
    PiloteFactory,
    UserFactory,
    complete_fiche,
)


@pytest.fixture
def fiche():
    made = []
    save_as(
        UserFactory(),
        il_y_a(100),
        lambda: made.append(FicheActionFactory(besoins="Premier besoin.", modalites="Première description.")),
    )
    return made[0]


@pytest.fixture
def user(client, fiche):
    user = HabilitationFactory(convention=fiche.plan.convention, role="coordination").user
    client.force_login(user)
    return user


def page(fiche, cible="tout", version=None):
    version = version or Historique(fiche).tous[0].version
    return reverse("actions:fiche_retablir", args=[fiche.plan.convention.code, fiche.pk, version, cible])


def restore(client, url):
    """As a person does: look, then confirm what was shown."""
    form = client.get(url).context["form"]
    return client.post(url, {"empreinte": form["empreinte"].value()})


def change(fiche, **values):
    for name, value in values.items():
        setattr(fiche, name, value)
    save_as(UserFactory(), il_y_a(5), fiche.save)


def test_one_field_comes_back_alone_as_a_new_save_that_says_so(client, fiche, user):
    change(fiche, besoins="Autre besoin.", modalites="Autre description.")
    before = fiche.events.count()

    response = restore(client, page(fiche, "champ-besoins"))

    fiche.refresh_from_db()
    assert response.headers["Location"] == fiche.get_absolute_url()
    assert (fiche.besoins, fiche.modalites) == ("Premier besoin.", "Autre description.")
    assert fiche.events.count() == before + 1
    save = Historique(fiche).derniers[0]
    assert (save.par, datetime.datetime.fromisoformat(save.retabli)) == (
        user.pk,
        Historique(fiche).tous[0].moment,
    )


def test_looking_writes_nothing_and_shows_both_texts(client, fiche, user):
    change(fiche, besoins="Autre besoin.")
    before = fiche.events.count()

    content = client.get(page(fiche)).content.decode()

    assert fiche.events.count() == before
    assert re.search(r"<del>.*?Autre.*?</del>\s*<ins>.*?Premier.*?</ins>", content, re.S)


def test_a_section_comes_back_with_its_rows_even_those_removed(client, fiche, user):
    kept = EtapeFactory(fiche=fiche, intitule="Gardée")
    removed = EtapeFactory(fiche=fiche, intitule="Retirée", echeance=datetime.date(2027, 1, 5), ordre=1)
    save_as(UserFactory(), il_y_a(50), lambda: None)
    version = Historique(fiche).derniers[0].version

    def write():
        removed.delete()
        Etape.objects.filter(pk=kept.pk).update(intitule="Renommée")
        EtapeFactory(fiche=fiche, intitule="Ajoutée depuis")
        fiche.modalites = "Autre."
        fiche.save()

    removed_pk = removed.pk
    save_as(UserFactory(), il_y_a(5), write)

    restore(client, page(fiche, "rubrique-modalites", version))

    fiche.refresh_from_db()
    assert fiche.modalites == "Première description."
    assert list(fiche.etapes.values_list("pk", "intitule", "echeance")) == [
        (kept.pk, "Gardée", None),
        (removed_pk, "Retirée", datetime.date(2027, 1, 5)),
    ]


def test_money_comes_back_to_the_cent(client, fiche, user):
    row = LigneBudget.objects.create(fiche=fiche, annee=2026, prevu="248220.57")
    save_as(UserFactory(), il_y_a(50), lambda: None)
    version = Historique(fiche).derniers[0].version
    save_as(UserFactory(), il_y_a(5), row.delete)

    restore(client, page(fiche, "champ-budget", version))

    assert [str(amount) for amount in fiche.lignes_budget.values_list("prevu", flat=True)] == ["248220.57"]


def test_a_whole_version_brings_back_ties(client, fiche, user):
    first, second = DomaineFactory(), DomaineFactory()
    save_as(UserFactory(), il_y_a(50), lambda: fiche.domaines.add(first))
    version = Historique(fiche).derniers[0].version
    save_as(UserFactory(), il_y_a(5), lambda: fiche.domaines.set([second]))

    restore(client, page(fiche, "tout", version))

    assert list(fiche.domaines.all()) == [first]


def test_an_indicator_comes_back_with_its_measures_and_one_that_is_measured_is_kept(client, fiche, user):
    gone = IndicateurSuiviFactory(fiche=fiche, intitule="Retiré")
    Mesure.objects.create(indicateur=gone, annee=2025, valeur="12.50")
    save_as(UserFactory(), il_y_a(50), lambda: None)
    version = Historique(fiche).derniers[0].version
    pk = gone.pk
    save_as(UserFactory(), il_y_a(9), gone.delete)
    late = IndicateurSuiviFactory(fiche=fiche, intitule="Mesuré depuis")
    Mesure.objects.create(indicateur=late, annee=2026, valeur="3")
    save_as(UserFactory(), il_y_a(5), lambda: None)
    url = page(fiche, "rubrique-evaluation", version)

    said = client.get(url).context["retablissement"].refus
    restore(client, url)

    assert said == ["L’indicateur «\xa0Mesuré depuis\xa0» est gardé\xa0: il porte des mesures."]
    assert list(fiche.indicateurs.order_by("pk").values_list("pk", "mesures__valeur")) == [
        (pk, Mesure.objects.get(indicateur=pk).valeur),
        (late.pk, Mesure.objects.get(indicateur=late).valeur),
    ]


def test_notes_and_bilans_written_since_stay(client, fiche, user):
    bilan = Bilan.objects.create(fiche=fiche, annee=2025, realise="Ce qui fut dit.")
    save_as(UserFactory(), il_y_a(50), lambda: None)
    version = Historique(fiche).derniers[0].version

    def write():
        Bilan.objects.filter(pk=bilan.pk).update(realise="Autre.")
        Bilan.objects.create(fiche=fiche, annee=2026, realise="Depuis.")
        Note.objects.create(fiche=fiche, texte="Une nouvelle.", auteur=user)

    save_as(UserFactory(), il_y_a(5), write)

    restore(client, page(fiche, "rubrique-suivi", version))

    assert list(fiche.bilans.order_by("annee").values_list("annee", "realise")) == [
        (2025, "Ce qui fut dit."),
        (2026, "Depuis."),
    ]
    assert fiche.notes.count() == 1


def test_what_changed_meanwhile_is_said_and_nothing_is_restored(client, fiche, user):
    change(fiche, besoins="Autre besoin.")
    url = page(fiche, "champ-besoins")
    shown = client.get(url).context["form"]["empreinte"].value()
    fiche.besoins = "Écrit pendant ce temps."
    save_as(UserFactory(nom="Pilote du relais"), il_y_a(1), fiche.save)

    response = client.post(url, {"empreinte": shown})

    fiche.refresh_from_db()
    assert fiche.besoins == "Écrit pendant ce temps."
    assert "La fiche a été enregistrée par Pilote du relais" in response.context["form"].non_field_errors()[0]
    assert client.post(url, {"empreinte": response.context["form"]["empreinte"].value()}).status_code == 302
    fiche.refresh_from_db()
    assert fiche.besoins == "Premier besoin."


@pytest.mark.parametrize("empreinte", ["", "n’importe quoi", "0" * 5000])
def test_an_unread_confirmation_is_refused(client, fiche, user, empreinte):
    change(fiche, besoins="Autre besoin.")

    response = client.post(page(fiche), {"empreinte": empreinte})

    assert response.status_code == 200
    assert FicheAction.objects.get(pk=fiche.pk).besoins == "Autre besoin."


def closed(state):
    fiche = complete_fiche(besoins="Premier besoin.")
    save_as(UserFactory(), il_y_a(100), lambda: None)
    change(fiche, besoins="Autre besoin.")
    person = UserFactory()
    if state == "archivee":
        fiche.archive(by=person)
    else:
        fiche.submit(by=person)
    if state == "validee":
        fiche.validate(by=person)
    return fiche


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (
            "en_relecture",
            "Le texte est fermé\xa0: la fiche est «\xa0en relecture\xa0». Ne change pas\xa0: «\xa0Contexte\xa0».",
        ),
        (
            "validee",
            "Le texte est fermé\xa0: la fiche est «\xa0validée\xa0». Ne change pas\xa0: «\xa0Contexte\xa0».",
        ),
        (
            "archivee",
            "La fiche est archivée\xa0: reprenez-la d’abord. Ne change pas\xa0: «\xa0Contexte\xa0».",
        ),
    ],
)
def test_a_closed_text_is_not_restored_and_says_why(client, state, sentence):
    fiche = closed(state)
    client.force_login(HabilitationFactory(convention=fiche.plan.convention).user)
    url = page(fiche, "champ-besoins")

    shown = client.get(url).context["retablissement"]
    response = client.post(url, {"empreinte": shown.empreinte})

    assert (shown.refus, shown.rubriques) == ([sentence], [])
    assert "Il n’y a rien à rétablir" in response.context["form"].non_field_errors()[0]
    assert FicheAction.objects.get(pk=fiche.pk).besoins == "Autre besoin."


def test_a_closed_convention_is_said(client, fiche, user):
    change(fiche, besoins="Autre besoin.")
    url = page(fiche, "champ-besoins")
    Convention.objects.filter(pk=fiche.plan.convention_id).update(statut="close")

    assert client.get(url).context["retablissement"].refus == [
        "La convention est terminée\xa0: ses fiches ne changent plus. Ne change pas\xa0: «\xa0Contexte\xa0»."
    ]


def test_steps_come_back_on_a_validated_fiche_and_the_text_stays(client):
    fiche = complete_fiche(modalites="Première description.")
    etape = EtapeFactory(fiche=fiche, intitule="Réunir")
    save_as(UserFactory(), il_y_a(100), lambda: None)
    save_as(UserFactory(), il_y_a(50), lambda: Etape.objects.filter(pk=etape.pk).update(intitule="Autre"))
    change(fiche, modalites="Autre description.")
    person = HabilitationFactory(convention=fiche.plan.convention).user
    fiche.submit(by=person)
    fiche.validate(by=person)
    client.force_login(person)

    restore(client, page(fiche, "rubrique-modalites"))

    fiche.refresh_from_db()
    assert (fiche.modalites, fiche.etapes.get().intitule) == ("Autre description.", "Réunir")


def test_the_rest_comes_back_when_something_is_gone(client, fiche, user):
    enjeu, objectif = EnjeuFactory(intitule="Mobilité"), ObjectifFactory(axe=fiche.axe, code="1.9")
    person = UserFactory(nom="Partie")

    def write():
        fiche.enjeux.add(enjeu)
        PiloteFactory(fiche=fiche, user=person, nom="Son nom", fonction="Direction")
        fiche.place(fiche.axe, objectif, after=None, by=user)

    save_as(UserFactory(), il_y_a(50), write)
    version = Historique(fiche).derniers[0].version
    enjeu.delete()
    person.delete()
    Pilote.objects.all().delete()
    fiche.place(fiche.axe, None, after=None, by=user)
    objectif.delete()
    change(fiche, besoins="Autre besoin.")

    found = client.get(page(fiche, "tout", version)).context["retablissement"]
    restore(client, page(fiche, "tout", version))

    assert found.refus == [
        "L’axe ou l’objectif de cette version n’existe plus\xa0: la fiche garde sa place.",
        "Pilotes, «\xa0Son nom\xa0»\xa0: la personne, l’organisation ou l’indicateur n’est plus là\xa0; la ligne ne revient pas.",
        "«\xa0Enjeux\xa0»\xa0: «\xa0Mobilité\xa0» n’est plus là, et ne revient pas.",
    ]
    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.objectif_id, fiche.enjeux.count()) == ("Premier besoin.", None, 0)


def test_an_organisation_united_with_another_comes_back_as_the_one_that_stands(client, fiche, user):
    former, kept = OrganisationFactory(nom="Ancienne"), OrganisationFactory(nom="Celle qui reste")
    change(fiche, structure_pilote=former)
    version = Historique(fiche).derniers[0].version
    fiche.structure_pilote = None
    save_as(UserFactory(), il_y_a(2), fiche.save)
    former.fusionnee_dans = kept
    former.save()

    restore(client, page(fiche, "champ-structure_pilote", version))

    fiche.refresh_from_db()
    assert fiche.structure_pilote == kept


def test_dates_that_would_cross_are_refused_with_the_sentence_of_the_fiche(client, fiche, user):
    today = timezone.localdate()
    change(fiche, echeance=today)
    version = Historique(fiche).derniers[0].version
    fiche.debut, fiche.echeance = today + datetime.timedelta(30), today + datetime.timedelta(60)
    save_as(UserFactory(), il_y_a(2), fiche.save)

    response = restore(client, page(fiche, "champ-echeance", version))

    assert "L’échéance ne peut pas précéder le début." in response.context["form"].non_field_errors()[0]


def test_a_fiche_goes_back_to_its_place(client, fiche, user):
    objectif = ObjectifFactory(axe=fiche.axe, code="1.9")
    save_as(UserFactory(), il_y_a(5), lambda: fiche.place(fiche.axe, objectif, after=None, by=user))

    restore(client, page(fiche, "rubrique-identite"))

    fiche.refresh_from_db()
    assert fiche.objectif is None


@pytest.mark.parametrize(
    ("version", "cible"),
    [
        ("fiche-999999999", "tout"),
        ("fiche-99999999999999999999", "tout"),
        ("inconnu-1", "tout"),
        ("fiche-x", "tout"),
        (None, "rubrique-rien"),
        (None, "champ-redaction"),
        (None, "champ-updated_at"),
        (None, "autre"),
    ],
)
def test_what_is_not_a_version_nor_a_field_is_not_found(client, fiche, user, version, cible):
    url = page(fiche, cible, version)

    assert client.get(url).status_code == 404
    assert client.post(url, {"empreinte": "x"}).status_code == 404


def test_the_version_of_another_fiche_is_not_found(client, fiche, user):
    other = FicheActionFactory(axe=fiche.axe)

    assert client.get(page(fiche, "tout", Historique(other).tous[0].version)).status_code == 404


def test_a_redaction_restores_what_it_pilots_and_not_the_rest(client, fiche):
    person = HabilitationFactory(convention=fiche.plan.convention, role="redaction").user
    change(fiche, besoins="Autre besoin.")
    client.force_login(person)
    before = client.get(page(fiche)).status_code
    PiloteFactory(fiche=fiche, user=person)

    restore(client, page(fiche, "champ-besoins"))

    fiche.refresh_from_db()
    assert (before, fiche.besoins) == (403, "Premier besoin.")
