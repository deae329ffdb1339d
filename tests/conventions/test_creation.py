"""A convention from nothing: the territoire found, one page, and everything written together or not at all."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Departement, Habilitation, Organisation
from conventions.models.recherche import sans_accents
from conventions.operations.creation import candidates, create_convention
from conventions.operations.noms import de_departement, de_lieu
from ctg_portal.workflow import TransitionError
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    DepartementFactory,
    DomaineFactory,
    HabilitationFactory,
    OrganisationFactory,
    TerritoireFactory,
    UserFactory,
)

D = datetime.date
START = reverse("conventions:start")


def cantal():
    return DepartementFactory(code="15", nom="Cantal", code_region="84", region="Auvergne-Rhône-Alpes")


def administrator(client, organisation):
    user = UserFactory()
    Habilitation.objects.create(user=user, role="administration", organisation=organisation)
    client.force_login(user)
    return user


@pytest.fixture
def territoire():
    territoire = TerritoireFactory(nom="CC Cazals-Salviac", siren="200035327")
    territoire.communes.add(
        CommuneFactory(nom="Cazals", code="46066"), CommuneFactory(nom="Arques", code="46008")
    )
    return territoire


@pytest.fixture
def epci(territoire):
    return OrganisationFactory(
        nom="CC Cazals-Salviac", nature="epci", territoire=territoire, departement=territoire.departement
    )


@pytest.fixture
def caf(territoire):
    return OrganisationFactory(nom="CAF du Lot", nature="caf", departement=territoire.departement)


def url(territoire):
    return reverse("conventions:create", args=[territoire.siren])


DATES = {"debut": "2027-01-01", "fin": "2031-12-31"}
CTG = {"nature": "ctg", "numero": "", "intitule": "", "duree_motif": ""} | DATES


# Names made from the reference data.


@pytest.mark.parametrize(
    ("nom", "expected"),
    [
        ("Cazals", "de Cazals"),
        ("Arcambal", "d’Arcambal"),
        ("Étampes", "d’Étampes"),
        ("Œuilly", "d’Œuilly"),
        ("Ytrac", "d’Ytrac"),
        ("Le Vigan", "du Vigan"),
        ("Les Arques", "des Arques"),
        ("La Tour", "de La Tour"),
        ("L’Hospitalet", "de L’Hospitalet"),
    ],
)
def test_name_of_a_commune_follows_its_first_letter(nom, expected):
    assert de_lieu(nom) == expected


@pytest.mark.parametrize(
    ("code", "nom", "expected"),
    [
        ("46", "Lot", "du Lot"),
        ("12", "Aveyron", "de l’Aveyron"),
        ("31", "Haute-Garonne", "de la Haute-Garonne"),
        ("82", "Tarn-et-Garonne", "de Tarn-et-Garonne"),
        ("13", "Bouches-du-Rhône", "des Bouches-du-Rhône"),
        ("28", "Eure-et-Loir", "d’Eure-et-Loir"),
        ("974", "La Réunion", "de La Réunion"),
    ],
)
def test_name_of_a_departement_has_its_article(code, nom, expected):
    assert de_departement(Departement(code=code, nom=nom)) == expected


def test_candidates_are_known_or_made(territoire, caf):
    known = OrganisationFactory(nom="Mairie de Cazals", nature="commune", commune_id="46066")

    found = candidates(territoire)

    assert [row.libelle for row in found.institutions] == [
        "CC Cazals-Salviac (à inscrire)",
        "CAF du Lot",
        "MSA du Lot (à inscrire)",
        "Département du Lot (à inscrire)",
        "État – Préfecture du Lot (à inscrire)",
    ]
    assert [row.libelle for row in found.communes] == ["Commune d’Arques (à inscrire)", "Mairie de Cazals"]
    assert found.proposes == ["nouvelle-epci", f"organisation-{caf.pk}"]
    assert known.pk == found.communes[1].organisation.pk


def test_several_caf_are_all_offered_and_none_is_ticked(territoire, caf):
    other = OrganisationFactory(nom="CAF de Figeac", nature="caf", departement=territoire.departement)

    found = candidates(territoire)

    assert [row.organisation for row in found.institutions if row.organisation.nature == "caf"] == [
        other,
        caf,
    ]
    assert found.proposes == ["nouvelle-epci"]


# Step one.


@pytest.mark.parametrize(
    "typed", ["cazals salviac", "CAZALS-SALVIAC", "Cazals lot", "200035327", "200 035 327", "salviac"]
)
def test_territoire_is_found(client, territoire, caf, typed):
    TerritoireFactory(nom="CC du Grand Figeac")
    administrator(client, caf)

    response = client.get(START, {"q": typed})

    assert list(response.context["territoires"]) == [territoire]
    assert url(territoire) in response.text


@pytest.mark.parametrize("typed", ["<script>", "\x00", "9" * 100, "zzz", "%", "_", "'; --"])
def test_hostile_search_finds_nothing_and_breaks_nothing(client, territoire, caf, typed):
    administrator(client, caf)

    response = client.get(START, {"q": typed})

    assert response.status_code == 200
    assert "<script>" not in response.text.split("<main")[1]


def test_caf_creates_in_its_departement_only(client, territoire, caf):
    foreign = TerritoireFactory(nom="CC du Carladès", departement=cantal())
    administrator(client, caf)

    assert list(client.get(START).context["territoires"]) == [territoire]
    assert client.get(url(foreign)).status_code == 403
    assert client.post(url(foreign), CTG).status_code == 403
    assert client.get(reverse("conventions:create", args=["123456789"])).status_code == 404


def test_epci_creates_on_its_own_territoire_only(client, territoire, epci):
    other = TerritoireFactory()
    administrator(client, epci)

    assert client.get(url(territoire)).status_code == 200
    assert client.get(url(other)).status_code == 403


@pytest.mark.parametrize("role", ["coordination", "relecture", "lecture"])
def test_nobody_else_creates_nor_sees_the_button(client, territoire, role):
    user = HabilitationFactory(role=role, convention__territoire=territoire).user
    client.force_login(user)

    assert client.get(START).status_code == 403
    assert client.get(url(territoire)).status_code == 403
    assert START not in client.get(reverse("conventions:list")).text


def test_button_for_an_administrator(client, epci):
    administrator(client, epci)

    assert START in client.get(reverse("conventions:list")).text


def test_superuser_creates_anywhere(client, territoire):
    user = UserFactory(is_superuser=True)
    client.force_login(user)

    response = client.post(url(territoire), CTG)

    convention = Convention.objects.get()
    assert response.headers["Location"] == reverse("conventions:habilitation_add", args=[convention.code])
    assert Convention.objects.visible_to(user).get() == convention


# Step two.


def test_page_proposes_five_years_and_the_usual_signatories(client, territoire, epci, caf):
    administrator(client, epci)

    form = client.get(url(territoire)).context["form"]

    year = timezone.localdate().year + 1
    assert (form["debut"].value(), form["fin"].value()) == (D(year, 1, 1), D(year + 4, 12, 31))
    assert form["institutions"].value() == [f"organisation-{epci.pk}", f"organisation-{caf.pk}"]


def test_page_proposes_to_renew_the_last_ctg(client, territoire, epci):
    last = ConventionFactory(territoire=territoire, debut=D(2022, 1, 1), fin=D(2099, 12, 31), duree_motif="x")
    last.domaines.add(domaine := DomaineFactory())
    administrator(client, epci)

    form = client.get(url(territoire)).context["form"]

    assert (form["debut"].value(), form["precedente"].value()) == (D(2100, 1, 1), last.pk)
    assert form["domaines"].value() == [domaine.pk]


def test_epci_creates_a_ctg_with_all_around_it(client, territoire, epci, caf):
    user = administrator(client, epci)
    domaine = DomaineFactory()
    partner = OrganisationFactory(nom="UDAF du Lot", nature="udaf", departement=territoire.departement)

    response = client.post(
        url(territoire),
        CTG
        | {
            "institutions": [f"organisation-{epci.pk}", f"organisation-{caf.pk}", "nouvelle-msa"],
            "communes": ["commune-46008"],
            "partenaires": [partner.pk],
            "domaines": [domaine.pk],
        },
    )

    convention = Convention.objects.get()
    assert response.headers["Location"] == reverse("conventions:habilitation_add", args=[convention.code])
    assert (convention.code, convention.statut, convention.intitule) == (
        "cazals-salviac-ctg-2027",
        "preparation",
        "Convention territoriale globale, Cazals-Salviac 2027–2031",
    )
    assert [str(row) for row in convention.signataires.all()] == [
        "CC Cazals-Salviac",
        "CAF du Lot",
        "MSA du Lot",
        "Commune d’Arques",
    ]
    assert [str(row) for row in convention.partenaires.all()] == ["UDAF du Lot"]
    assert list(convention.domaines.all()) == [domaine]
    commune = Organisation.objects.get(nom="Commune d’Arques")
    assert (commune.nature, commune.commune_id, commune.departement_id) == ("commune", "46008", "46")
    assert Habilitation.objects.filter(user=user, convention=convention, role="coordination").exists()
    assert client.get(response.headers["Location"]).status_code == 200


def test_double_submit_makes_one(client, territoire, epci):
    administrator(client, epci)
    data = CTG | {"communes": ["commune-46008"]}

    first, second = (client.post(url(territoire), data).headers["Location"] for _ in range(2))

    assert first == second
    assert Convention.objects.count() == 1
    assert Organisation.objects.filter(nature="commune").count() == 1


def test_caf_keeps_the_role_it_has_by_signing(client, territoire, caf):
    user = administrator(client, caf)

    refused = client.post(url(territoire), CTG)
    assert refused.context["form"].non_field_errors() == [
        "Cette convention ne vous serait pas ouverte : cochez votre CAF parmi les signataires."
    ]
    assert not Convention.objects.exists()

    client.post(url(territoire), CTG | {"institutions": [f"organisation-{caf.pk}"]})
    assert Convention.objects.visible_to(user).count() == 1
    assert not Habilitation.objects.filter(convention__isnull=False).exists()


@pytest.mark.parametrize(
    ("fields", "where", "message"),
    [
        ({"fin": "2026-01-01"}, "__all__", "La date de fin doit suivre la date de début."),
        (
            {"fin": "2032-12-31"},
            "duree_motif",
            "Une CTG dure quatre ou cinq ans : dites pourquoi celle-ci a une autre durée.",
        ),
        ({"debut": "31/02/2027"}, "debut", "Saisissez une date valide."),
        ({"nature": "pirate"}, "nature", None),
        ({"institutions": ["organisation-999999"]}, "institutions", None),
        ({"communes": ["commune-75056"]}, "communes", None),
        ({"partenaires": ["999999"]}, "partenaires", None),
        ({"intitule": "x" * 301}, "intitule", None),
        ({"numero": "\x00"}, "numero", "Le caractère nul n’est pas autorisé."),
    ],
)
def test_bad_input_is_said_and_nothing_is_half_made(client, territoire, epci, fields, where, message):
    administrator(client, epci)

    response = client.post(url(territoire), CTG | {"communes": ["commune-46008"]} | fields)

    errors = response.context["form"].errors[where]
    if message:
        assert [text.replace("'", "’") for text in errors] == [message]
    assert not Convention.objects.exists()
    assert not Organisation.objects.filter(nature="commune").exists()


def test_overlap_is_refused(client, territoire, epci):
    ConventionFactory(territoire=territoire, debut=D(2024, 1, 1), fin=D(2028, 12, 31))
    administrator(client, epci)

    response = client.post(url(territoire), CTG)

    assert response.context["form"].non_field_errors() == [
        "Une autre CTG de ce territoire couvre déjà une partie de cette période."
    ]


def test_previous_of_another_territoire_or_later_is_refused(client, territoire, epci):
    foreign = ConventionFactory(debut=D(2020, 1, 1), fin=D(2023, 12, 31))
    later = ConventionFactory(territoire=territoire, debut=D(2040, 1, 1), fin=D(2043, 12, 31))
    administrator(client, epci)

    for previous in (foreign, later):
        response = client.post(url(territoire), CTG | {"precedente": previous.pk})
        assert list(response.context["form"].errors) == ["precedente"]


def test_ctg_has_no_principale(client, territoire, epci):
    ctg = ConventionFactory(territoire=territoire, debut=D(2020, 1, 1), fin=D(2023, 12, 31))
    administrator(client, epci)

    response = client.post(url(territoire), CTG | {"principale": ctg.pk})

    assert list(response.context["form"].errors) == ["principale"]


def test_two_contracts_of_one_year_have_two_codes(territoire):
    by = UserFactory(is_superuser=True)

    codes = [
        create_convention(
            convention=Convention(
                territoire=territoire, nature="com", intitule=title, debut=D(2027, 1, 1), fin=D(2027, 12, 31)
            ),
            signataires=[],
            by=by,
        ).code
        for title in ("Avec le centre social", "Avec la crèche")
    ]

    assert codes == ["cazals-salviac-com-2027", "cazals-salviac-com-2027-2"]


def test_operation_refuses_an_overlap_written_meanwhile(territoire):
    ConventionFactory(territoire=territoire, debut=D(2024, 1, 1), fin=D(2028, 12, 31))
    convention = Convention(
        territoire=territoire, nature="ctg", intitule="CTG", debut=D(2027, 1, 1), fin=D(2031, 12, 31)
    )

    with pytest.raises(TransitionError, match="couvre déjà une partie"):
        create_convention(convention=convention, signataires=[], by=UserFactory(is_superuser=True))


# A contract linked to a CTG.


def linked(convention):
    return reverse("conventions:contrat_add", args=[convention.code])


def test_coordination_adds_a_linked_contract_and_coordinates_it(client):
    ctg = ConventionFactory()
    user = HabilitationFactory(convention=ctg).user
    client.force_login(user)
    assert linked(ctg) in client.get(reverse("actions:contrats", args=[ctg.code])).text

    response = client.post(
        linked(ctg), {"nature": "gmr", "debut": str(ctg.debut), "fin": str(ctg.fin), "intitule": "GMR"}
    )

    contrat = Convention.objects.get(nature="gmr")
    assert (contrat.principale, contrat.territoire) == (ctg, ctg.territoire)
    assert response.headers["Location"] == reverse("conventions:habilitation_add", args=[contrat.code])
    assert Habilitation.objects.filter(user=user, convention=contrat, role="coordination").exists()


def test_linked_contract_is_no_ctg_and_belongs_to_a_ctg(client):
    ctg = ConventionFactory()
    client.force_login(HabilitationFactory(convention=ctg).user)

    response = client.post(linked(ctg), CTG)
    assert list(response.context["form"].errors) == ["nature"]

    gmr = ConventionFactory(nature="gmr", territoire=ctg.territoire)
    client.force_login(HabilitationFactory(convention=gmr).user)
    assert client.get(linked(gmr)).status_code == 403
    Convention.objects.update(statut="close")
    client.force_login(HabilitationFactory(convention=ctg).user)
    assert client.get(linked(ctg)).status_code == 403


@pytest.mark.parametrize("text", ["Cère-et-Goul", "CŒUR de Causse", "L’Hospitalet", "Saint-Céré"])
def test_search_writes_names_the_same_in_python_and_in_sql(text):
    territoire = TerritoireFactory(nom=text)

    assert list(type(territoire).objects.search(text)) == [territoire]
    assert list(type(territoire).objects.search(sans_accents(text))) == [territoire]
