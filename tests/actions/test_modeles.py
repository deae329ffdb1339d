"""Models of fiches: made from a fiche, offered to whom they should be, started from, written again, archived."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from actions.models import FicheAction, LigneBudget, ModeleFiche
from actions.models.modeles import TEXTES
from conventions.models import Organisation
from ctg_portal.workflow import TransitionError
from tests.factories import (
    AxeFactory,
    ConventionFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    OrganisationFactory,
    SignataireFactory,
    UserFactory,
    complete_fiche,
)


def log_in(client, convention, role="coordination"):
    user = HabilitationFactory(convention=convention, role=role).user
    client.force_login(user)
    return user


def reviewer_of(caf):
    return HabilitationFactory(convention=None, organisation=caf, role="relecture").user


def signed_by(caf):
    convention = ConventionFactory()
    SignataireFactory(convention=convention, organisation=caf)
    return convention


def url(name, convention, *args):
    return reverse(f"actions:{name}", args=[convention.code, *args])


def model(**fields):
    return ModeleFiche.objects.create(**{"intitule": "Un relais itinérant"} | fields)


def test_a_model_takes_the_texts_and_nothing_of_the_territory(client):
    fiche = complete_fiche(elu_referent="Vice-présidence", nature="nouvelle")
    EtapeFactory(fiche=fiche, intitule="Trouver un local", echeance=datetime.date(2026, 1, 1))
    fiche.indicateurs.update(intitule="Familles ; reçues", unite="familles", cible=12)
    LigneBudget.objects.create(fiche=fiche, annee=2026, intitule="Loyer", prevu="1200")
    user = log_in(client, fiche.convention)
    before = FicheAction.objects.filter(pk=fiche.pk).values().get()

    page = client.post(
        url("modele_add", fiche.convention, fiche.pk),
        {"intitule": "Relais", "usage": "Aller vers.", "detenteur": "convention"},
        follow=True,
    )

    modele = ModeleFiche.objects.get()
    assert (modele.intitule, modele.convention, modele.organisation, modele.auteur) == (
        "Relais",
        fiche.convention,
        None,
        user,
    )
    assert (modele.besoins, modele.nature) == (fiche.besoins, "nouvelle")
    assert (modele.etapes, modele.indicateurs, modele.postes) == (
        "Trouver un local",
        "Familles , reçues ; familles",
        "Loyer",
    )
    assert list(modele.domaines.all()) == list(fiche.domaines.all()) != []
    assert list(modele.publics.all()) == list(fiche.publics.all()) != []
    assert "Vice-présidence" not in page.text
    assert FicheAction.objects.filter(pk=fiche.pk).values().get() == before


def test_a_fiche_starts_from_a_model(client):
    axe = AxeFactory(code="4")
    convention = axe.plan.convention
    modele = model(
        convention=convention,
        nature="nouvelle",
        etapes="Trouver un local\n\nRecruter",
        indicateurs="Familles reçues ; familles\nSans unité\n; À l’envers\n;",
        postes="Loyer",
        **dict.fromkeys(TEXTES, "Un texte."),
    )
    log_in(client, convention)

    page = client.post(
        url("modele_start", convention, modele.pk),
        {"intitule": "Notre relais", "code": "", "place": f"axe-{axe.pk}"},
        follow=True,
    )

    assert "Loyer" in page.text
    assert "Aucune ligne de budget" not in page.text
    fiche = FicheAction.objects.get()
    assert (fiche.intitule, fiche.code, fiche.redaction, fiche.avancement, fiche.nature) == (
        "Notre relais",
        "4.1",
        "brouillon",
        "a_venir",
        "nouvelle",
    )
    assert {getattr(fiche, name) for name in TEXTES} == {"Un texte."}
    assert list(fiche.etapes.values_list("intitule", "echeance")) == [
        ("Trouver un local", None),
        ("Recruter", None),
    ]
    assert list(fiche.indicateurs.values_list("intitule", "unite", "cible")) == [
        ("Familles reçues", "familles", None),
        ("Sans unité", "", None),
        ("À l’envers", "", None),
    ]
    ligne = fiche.lignes_budget.get()
    assert (ligne.intitule, ligne.prevu) == ("Loyer", None)
    assert convention.debut.year <= ligne.annee <= convention.fin.year
    modele.refresh_from_db()
    assert modele.intitule == "Un relais itinérant"


def test_the_caf_offers_its_models_to_every_convention_it_signs(client):
    caf = OrganisationFactory(nature=Organisation.Nature.CAF)
    first, second, third = signed_by(caf), signed_by(caf), ConventionFactory()
    axe = AxeFactory(plan__convention=first)
    fiche = complete_fiche(axe=axe)
    client.force_login(reviewer_of(caf))

    assert "En faire un modèle" in client.get(fiche.get_absolute_url()).text
    data = {"intitule": "De la CAF", "usage": "", "detenteur": f"organisation-{caf.pk}"}
    client.post(url("modele_add", first, fiche.pk), data)

    modele = ModeleFiche.objects.get()
    assert modele.organisation == caf
    assert client.get(url("modele_edit", second, modele.pk)).status_code == 200
    for convention, status in ((second, 200), (third, 404)):
        log_in(client, convention)
        assert client.get(url("modele", convention, modele.pk)).status_code == status
    log_in(client, second)
    assert client.get(url("modele_edit", second, modele.pk)).status_code == 403
    assert client.post(url("modele_archive", second, modele.pk)).status_code == 403


def test_national_models_are_read_by_all_and_written_by_technical_staff(client):
    modele = model()
    convention = ConventionFactory()
    log_in(client, convention, "lecture")

    assert "Modèle national" in client.get(url("modeles", convention)).text
    assert client.get(url("modele_edit", convention, modele.pk)).status_code == 403


def test_those_of_another_convention_are_not_there(client):
    modele = model(convention=ConventionFactory())
    mine = AxeFactory().plan.convention
    log_in(client, mine)

    for name in ("modele", "modele_edit", "modele_archive", "modele_start"):
        assert client.get(url(name, mine, modele.pk)).status_code == 404
        assert client.post(url(name, mine, modele.pk)).status_code in (404, 405)
    assert "Aucun modèle encore" in client.get(url("modeles", mine)).text


def test_an_organisation_one_does_not_write_for_is_refused(client):
    fiche = complete_fiche()
    caf = OrganisationFactory(nature=Organisation.Nature.CAF)
    SignataireFactory(convention=fiche.convention, organisation=caf)
    log_in(client, fiche.convention)

    page = client.post(
        url("modele_add", fiche.convention, fiche.pk),
        {"intitule": "Relais", "usage": "", "detenteur": f"organisation-{caf.pk}"},
    )

    assert "detenteur" in page.context["form"].errors
    assert not ModeleFiche.objects.exists()


def test_a_confidential_fiche_does_not_become_a_model(client):
    fiche = complete_fiche(confidentielle=True)
    log_in(client, fiche.convention)

    page = client.post(
        url("modele_add", fiche.convention, fiche.pk),
        {"intitule": "Relais", "usage": "", "detenteur": "convention"},
    )

    assert "Une fiche confidentielle ne devient pas un modèle" in page.text
    assert "En faire un modèle" not in client.get(fiche.get_absolute_url()).text
    assert not ModeleFiche.objects.exists()


def test_without_a_plan_nothing_is_started(client):
    modele = model()
    convention = ConventionFactory()
    log_in(client, convention)

    for address in (url("modeles", convention), url("modele", convention, modele.pk)):
        assert "Commencer une fiche" not in client.get(address).text
    assert client.get(url("modele_start", convention, modele.pk)).status_code == 404


def edit_data(client, address):
    form = client.get(address).context["form"]
    return {name: form.initial[name] for name in form.fields if form.initial.get(name)}


def test_written_again_and_the_second_of_two_is_told(client):
    modele = model(convention=ConventionFactory())
    log_in(client, modele.convention)
    address = url("modele_edit", modele.convention, modele.pk)
    first, second = edit_data(client, address), edit_data(client, address)

    client.post(address, first | {"besoins": "Le premier."})
    refused = client.post(address, second | {"besoins": "Le second."})

    modele.refresh_from_db()
    assert modele.besoins == "Le premier."
    assert "enregistré" in refused.text
    assert "Le second." in refused.text


@pytest.mark.parametrize(
    "fields",
    [
        {"intitule": ""},
        {"intitule": "x" * 301},
        {"etapes": "x" * 301},
        {"postes": "x" * 201},
        {"indicateurs": "\n".join("ab"[n % 2] for n in range(61))},
        {"besoins": "a\x00b"},
        {"nature": "autre"},
    ],
)
def test_what_a_fiche_could_not_hold_is_refused_in_words(client, fields):
    modele = model(convention=ConventionFactory())
    log_in(client, modele.convention)
    address = url("modele_edit", modele.convention, modele.pk)

    page = client.post(address, edit_data(client, address) | fields)

    assert list(page.context["form"].errors) == list(fields)
    modele.refresh_from_db()
    assert (modele.intitule, modele.etapes) == ("Un relais itinérant", "")


def test_archived_it_is_no_longer_a_start_and_can_be_offered_again(client):
    axe = AxeFactory()
    convention = axe.plan.convention
    modele = model(convention=convention)
    log_in(client, convention)
    data = {"intitule": "Notre relais", "code": "", "place": f"axe-{axe.pk}"}

    client.post(url("modele_archive", convention, modele.pk))

    assert "vient d’être archivé" in client.post(url("modele_start", convention, modele.pk), data).text
    assert not FicheAction.objects.exists()
    assert "Commencer une fiche" not in client.get(url("modeles", convention)).text
    client.post(url("modele_archive", convention, modele.pk))
    assert client.post(url("modele_start", convention, modele.pk), data).status_code == 302


def test_a_place_gone_meanwhile_leaves_nothing_behind():
    neighbour = FicheActionFactory()
    axe = neighbour.axe
    FicheAction.objects.filter(pk=neighbour.pk).update(axe=AxeFactory(plan=axe.plan))

    with pytest.raises(TransitionError, match="a changé de place"):
        model().start(
            axe.plan, axe=axe, objectif=None, after=neighbour, intitule="X", code="", by=UserFactory()
        )

    assert FicheAction.objects.count() == 1


def test_a_place_of_another_plan_is_refused(client):
    axe, stranger = AxeFactory(), AxeFactory()
    modele = model()
    log_in(client, axe.plan.convention)

    page = client.post(
        url("modele_start", axe.plan.convention, modele.pk),
        {"intitule": "X", "code": "", "place": f"axe-{stranger.pk}"},
    )

    assert "place" in page.context["form"].errors
    assert not FicheAction.objects.exists()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("modelefiche_intitule_non_vide", lambda: {"intitule": ""}),
        (
            "modelefiche_un_seul_detenteur",
            lambda: {"convention": ConventionFactory(), "organisation": OrganisationFactory()},
        ),
        (
            "modelefiche_archive_par_quelqu_un",
            lambda: {"archive_le": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},
        ),
    ],
)
def test_rows_that_must_not_exist(name, fields):
    fields = fields()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        model(**fields)


@pytest.mark.parametrize("count", [1, 3])
def test_pages_do_not_grow(client, django_assert_max_num_queries, count):
    caf = OrganisationFactory(nature=Organisation.Nature.CAF)
    convention = signed_by(caf)
    fiche = complete_fiche(axe=AxeFactory(plan__convention=convention))
    for _ in range(count):
        model(organisation=caf)
    client.force_login(reviewer_of(caf))

    with django_assert_max_num_queries(10):
        page = client.get(url("modeles", convention))
    with django_assert_max_num_queries(17):
        client.get(fiche.get_absolute_url())

    assert len(page.context["modeles"]) == count
