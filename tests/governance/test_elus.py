"""After an election: new names where functions still act, former names where they acted."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.models import Habilitation, Mandat
from ctg_portal.workflow import TransitionError
from governance.models import Reunion
from governance.operations import Succession, preview_renewal, rename, renew_mandats
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    FicheActionFactory,
    HabilitationFactory,
    MandatFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    ReunionFactory,
    SignataireFactory,
    UserFactory,
)

TODAY = timezone.localdate
D = datetime.date


@pytest.fixture
def convention():
    return ConventionFactory()


@pytest.fixture
def coordination(convention):
    return HabilitationFactory(convention=convention).user


@pytest.fixture
def mandat(convention):
    organisation = OrganisationFactory(nom="CC du Val", nature="epci", territoire=convention.territoire)
    return MandatFactory(organisation=organisation, nom="Jeanne Martin", debut=D(2020, 7, 1))


@pytest.mark.parametrize(
    ("text", "nom", "expected"),
    [
        ("Jeanne Martin", "Paul Durand", "Paul Durand"),
        ("jeanne martin, présidente", "Paul Durand", "Paul Durand, présidente"),
        ("Jeanne Martin, présidente", "", "présidente"),
        ("Jeanne Martineau", "Paul Durand", "Jeanne Martineau"),
        ("Marie-Jeanne Martin", r"\1", r"Marie-\1"),
    ],
)
def test_rename_replaces_a_whole_name(text, nom, expected):
    assert rename(text, "Jeanne Martin", nom) == expected


def fill(convention, organisation):
    """What still acts, then what acted, under one name."""
    person = UserFactory(nom="Jeanne Martin")
    siege = MembreInstanceFactory(
        instance__convention=convention, organisation=organisation, nom="Jeanne Martin", user=person
    )
    fiche = FicheActionFactory(
        axe__plan__convention=convention, intitule="Un relais", elu_referent="Jeanne Martin, présidente"
    )
    done = FicheActionFactory(
        axe=fiche.axe, plan=fiche.plan, elu_referent="Jeanne Martin", avancement="realisee"
    )
    held = ReunionFactory(
        instance=siege.instance,
        statut=Reunion.Statut.TENUE,
        debut=timezone.now() - datetime.timedelta(days=30),
        president="Jeanne Martin",
    )
    return siege, fiche, done, held


def test_renewal_changes_what_acts_and_keeps_what_acted(convention, coordination, mandat):
    siege, fiche, done, held = fill(convention, mandat.organisation)
    signed = SignataireFactory(
        convention=convention,
        organisation=mandat.organisation,
        representant="Jeanne Martin",
        signe_le=convention.debut,
    )
    renewal = ConventionFactory(
        territoire=convention.territoire,
        debut=convention.fin + datetime.timedelta(days=1),
        fin=D(convention.fin.year + 5, 12, 31),
        statut="preparation",
    )
    HabilitationFactory(user=coordination, convention=renewal)
    unsigned = SignataireFactory(
        convention=renewal, organisation=mandat.organisation, representant="jeanne martin"
    )
    succession = Succession(mandat, "Paul Durand")

    seen = preview_renewal(successions=[succession], date=TODAY(), by=coordination)
    mandat.refresh_from_db()
    assert (mandat.fin, Mandat.objects.count()) == (None, 1)
    made = renew_mandats(successions=[succession], date=TODAY(), by=coordination)

    assert made == seen
    assert [phrase for _, phrase in made.changes] == [
        f"{siege.instance} : siège « Président·e », Jeanne Martin → Paul Durand",
        "Signature à venir de CC du Val, Jeanne Martin → Paul Durand",
        f"Fiche {fiche} : élu·e référent·e, Jeanne Martin → Paul Durand",
    ]
    assert len(made.gardes) == 2
    for row in (mandat, siege, fiche, done, held, signed, unsigned):
        row.refresh_from_db()
    new = Mandat.objects.get(nom="Paul Durand")
    assert (mandat.fin, new.debut, new.fonction, new.is_courant) == (TODAY(), TODAY(), "Présidence", True)
    assert (siege.nom, siege.user) == ("Paul Durand", None)
    assert (unsigned.representant, fiche.elu_referent) == ("Paul Durand", "Paul Durand, présidente")
    assert (signed.representant, done.elu_referent, held.president) == ("Jeanne Martin",) * 3


def test_end_without_successor_leaves_the_seat(convention, coordination, mandat):
    siege, fiche, *_ = fill(convention, mandat.organisation)

    renew_mandats(successions=[Succession(mandat)], date=TODAY(), by=coordination)

    siege.refresh_from_db()
    fiche.refresh_from_db()
    assert (siege.nom, fiche.elu_referent) == ("", "présidente")
    assert not Mandat.objects.courants().exists()


def test_conventions_one_may_not_write_and_closed_ones_keep_the_name(convention, coordination, mandat):
    other = ConventionFactory()
    seat, *_ = fill(other, mandat.organisation)
    closed = ConventionFactory(territoire=convention.territoire, nature="gmr", statut="close")
    HabilitationFactory(user=coordination, convention=closed)
    past, *_ = fill(closed, mandat.organisation)

    made = renew_mandats(successions=[Succession(mandat, "Paul Durand")], date=TODAY(), by=coordination)

    assert made.changes == []
    assert all(row != other for row, _ in made.gardes)
    for row in (seat, past):
        row.refresh_from_db()
        assert row.nom == "Jeanne Martin"


def test_administrator_of_the_organisation_renews_in_its_conventions(convention, mandat):
    siege, *_ = fill(convention, mandat.organisation)
    by = UserFactory()
    Habilitation.objects.create(user=by, role="administration", organisation=mandat.organisation)

    renew_mandats(successions=[Succession(mandat, "Paul Durand")], date=TODAY(), by=by)

    siege.refresh_from_db()
    assert siege.nom == "Paul Durand"


def test_seat_that_the_new_holder_has_already_is_said(convention, coordination, mandat):
    siege, *_ = fill(convention, mandat.organisation)
    MembreInstanceFactory(
        instance=siege.instance, organisation=mandat.organisation, nom="Paul Durand", fonction=siege.fonction
    )

    made = renew_mandats(successions=[Succession(mandat, "Paul Durand")], date=TODAY(), by=coordination)

    assert "Paul Durand y est déjà" in made.gardes[0][1]


@pytest.mark.parametrize(
    ("date", "message"),
    [
        (TODAY() + datetime.timedelta(days=1), "ne peut pas être à venir"),
        (D(2020, 7, 1), "commence le 1er\u00a0juillet 2020"),
        (D(2019, 1, 1), "commence le 1er\u00a0juillet 2020"),
    ],
)
def test_impossible_date_is_refused(coordination, mandat, date, message):
    with pytest.raises(TransitionError, match=message):
        renew_mandats(successions=[Succession(mandat, "Paul Durand")], date=date, by=coordination)
    assert Mandat.objects.count() == 1


def test_mandat_that_changed_meanwhile_is_refused(coordination, mandat):
    Mandat.objects.update(nom="Quelqu’un d’autre")

    with pytest.raises(TransitionError, match="a changé entre-temps"):
        renew_mandats(successions=[Succession(mandat, "Paul Durand")], date=TODAY(), by=coordination)


# The pages.


def data(mandats, **fields):
    return {
        "date": str(TODAY()),
        "vus": "-".join(str(mandat.pk) for mandat in mandats),
    } | fields


def test_page_previews_then_writes(client, convention, mandat):
    siege, *_ = fill(convention, mandat.organisation)
    log_in(client, convention)
    url = reverse("governance:elus_organisation", args=[mandat.organisation_id])
    assert url in client.get(mandat.organisation.get_absolute_url()).text
    payload = data([mandat], **{f"nom-{mandat.pk}": "Paul  Durand"})

    preview = client.post(url, payload | {"apercu": "1"})
    assert "siège « Président·e », Jeanne Martin → Paul Durand" in preview.text.replace("\u00a0", " ")
    assert Mandat.objects.count() == 1

    response = client.post(url, payload)
    assert response.headers["Location"] == f"{mandat.organisation.get_absolute_url()}#mandats"
    siege.refresh_from_db()
    assert siege.nom == "Paul Durand"
    # Sent twice: the page is stale, nothing more is written.
    again = client.post(url, payload)
    assert "Les mandats ont changé depuis l’ouverture" in again.text
    assert Mandat.objects.count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"nom": "Paul Durand", "fin": "on"},
        {"nom": "Jeanne Martin"},
        {"nom": "x" * 151},
        {"nom": "\x00"},
        {"nom": "Paul Durand", "date": "hier"},
    ],
)
def test_bad_input_is_said_and_nothing_changes(client, convention, mandat, fields):
    log_in(client, convention)
    named = {name if name == "date" else f"{name}-{mandat.pk}": value for name, value in fields.items()}

    response = client.post(
        reverse("governance:elus_organisation", args=[mandat.organisation_id]), data([mandat]) | named
    )

    assert response.status_code == 200
    assert response.context["form"].errors
    assert Mandat.objects.get().fin is None


@pytest.mark.parametrize("count", [1, 3])
def test_whole_convention_on_one_page(client, convention, mandat, count, django_assert_num_queries):
    for index in range(count):
        commune = CommuneFactory()
        convention.territoire.communes.add(commune)
        MandatFactory(
            organisation=OrganisationFactory(nom=f"Commune {index}", commune=commune), fonction="Maire"
        )
    MandatFactory(nom="Ailleurs")
    log_in(client, convention)

    with django_assert_num_queries(7):
        response = client.get(reverse("governance:elus", args=[convention.code]))

    assert response.text.count("Nouveau titulaire<") == count + 1
    assert "Ailleurs" not in response.text


def test_relecture_does_not_write_names_in_a_convention(client, convention, mandat):
    log_in(client, convention, role="relecture")

    assert client.get(reverse("governance:elus", args=[convention.code])).status_code == 403
    url = reverse("governance:elus_organisation", args=[mandat.organisation_id])
    assert client.get(url).status_code == 403
