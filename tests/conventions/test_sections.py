import datetime
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from conventions.models import Convention, Organisation, Signataire, Territoire
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    DepartementFactory,
    DomaineFactory,
    OrganisationFactory,
    SignataireFactory,
)

D = datetime.date


@pytest.fixture
def convention(client):
    convention = ConventionFactory(
        debut=D(2022, 1, 1), fin=D(2026, 12, 31), numero="CTG-46", presentation="Avant."
    )
    log_in(client, convention)
    return convention


def url(convention, section):
    return reverse("conventions:edit", args=[convention.code, section])


def rows_of(prefix, initial, *rows):
    """The payload of a formset: ``initial`` of ``rows`` exist already."""
    data = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 300,
    }
    for index, row in enumerate(rows):
        data |= {f"{prefix}-{index}-{name}": value for name, value in row.items()}
    return data


IDENTITE = {
    "intitule": "CTG de Cazals-Salviac",
    "numero": "CTG-46",
    "debut": "2022-01-01",
    "fin": "2026-12-31",
    "duree_motif": "",
    "signee_le": "2022-12-15",
    "horizon_projet": "",
    "presentation": "Après.",
    "avertissement": "",
}


def test_identite_saves_its_columns_only(client, convention):
    domaine = DomaineFactory()
    # Another section, and the statut, change while this page is open.
    client.get(url(convention, "identite"))
    Convention.objects.filter(pk=convention.pk).update(statut="en_evaluation")
    Territoire.objects.update(couleur="#123456")
    signataire = SignataireFactory(convention=convention)

    response = client.post(url(convention, "identite"), IDENTITE | {"domaines": [domaine.pk]})

    assert response.headers["Location"] == f"{convention.get_absolute_url()}#identite"
    convention.refresh_from_db()
    assert (convention.presentation, convention.signee_le) == ("Après.", D(2022, 12, 15))
    assert list(convention.domaines.all()) == [domaine]
    assert (convention.statut, convention.territoire.couleur) == ("en_evaluation", "#123456")
    assert list(convention.signataires.all()) == [signataire]


def test_section_writes_only_what_it_edits(client, convention):
    before = Convention.objects.filter(pk=convention.pk).values().get()

    client.post(url(convention, "identite"), IDENTITE)

    after = Convention.objects.filter(pk=convention.pk).values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"intitule", "presentation", "signee_le", "updated_at"}


@pytest.mark.parametrize(
    ("fields", "where", "message"),
    [
        ({"fin": "2021-01-01"}, "__all__", "La date de fin doit suivre la date de début."),
        (
            {"fin": "2024-12-31"},
            "duree_motif",
            "Une CTG dure quatre ou cinq ans : dites pourquoi celle-ci a une autre durée.",
        ),
        ({"fin": "31/02/2026"}, "fin", "Saisissez une date valide."),
        ({"fin": "9999-12-31"}, "fin", "Vérifiez l’année : elle est comprise entre 2000 et 2100."),
        ({"intitule": "\x00"}, "intitule", "Le caractère nul n’est pas autorisé."),
        ({"domaines": ["999999"]}, "domaines", None),
        (
            {"horizon_projet": "2020-01-01"},
            "__all__",
            "L’horizon du projet doit suivre le début de la convention.",
        ),
    ],
)
def test_identite_refuses_with_a_sentence_and_keeps_what_was_typed(
    client, convention, fields, where, message
):
    response = client.post(url(convention, "identite"), IDENTITE | fields)

    assert response.status_code == 200
    errors = response.context["form"].errors[where]
    if message:
        assert [text.replace("'", "’") for text in errors] == [message]
    assert "Après." in response.text
    convention.refresh_from_db()
    assert convention.presentation == "Avant."


def test_identite_refuses_an_overlap(client, convention):
    ConventionFactory(territoire=convention.territoire, debut=D(2027, 1, 1), fin=D(2030, 12, 31))

    response = client.post(
        url(convention, "identite"), IDENTITE | {"debut": "2023-01-01", "fin": "2027-12-31"}
    )

    assert response.context["form"].non_field_errors() == [
        "Une autre CTG de ce territoire couvre déjà une partie de cette période."
    ]
    assert "CTG Val" not in response.context["convention"].periode
    assert response.context["convention"].periode == "2022–2026"


def test_second_save_of_the_identite_is_not_silent(client, convention):
    empreinte = client.get(url(convention, "identite")).context["form"]["empreinte"].value()
    Convention.objects.filter(pk=convention.pk).update(presentation="Écrite par une autre.")

    refused = client.post(url(convention, "identite"), IDENTITE | {"empreinte": empreinte})

    assert "Enregistré entre-temps : « Écrite par une autre. »" in refused.text
    assert "Après." in refused.text
    convention.refresh_from_db()
    assert convention.presentation == "Écrite par une autre."


def test_unknown_section_is_not_found(client, convention):
    assert client.get(url(convention, "financements")).status_code == 404


@pytest.mark.parametrize("section", ["identite", "signataires", "partenaires", "phases", "territoire"])
def test_closed_convention_is_read_only(client, convention, section):
    Convention.objects.update(statut="close")

    assert client.get(url(convention, section)).status_code == 403
    assert client.post(url(convention, section), IDENTITE).status_code == 403


def signataire_row(organisation, **fields):
    return {
        "organisation": organisation.pk,
        "representant": "",
        "fonction": "",
        "deliberation_numero": "",
    } | fields


def test_signataires_are_added_moved_and_removed(client, convention):
    first, second = (
        SignataireFactory(convention=convention, ordre=n, organisation__nom=f"Organisation {n}")
        for n in (0, 1)
    )
    commune = OrganisationFactory(nom="Commune de Cazals", departement=convention.territoire.departement)

    response = client.post(
        url(convention, "signataires"),
        rows_of(
            "signataires",
            2,
            signataire_row(first.organisation, id=first.pk, DELETE="on", ORDER=1),
            signataire_row(second.organisation, id=second.pk, signe_le="2022-12-15", ORDER=2),
            signataire_row(commune, ORDER=1),
        ),
        follow=True,
    )

    assert "Les signataires sont enregistrés." in response.text
    assert [(str(row.organisation), row.signe_le) for row in convention.signataires.all()] == [
        ("Commune de Cazals", None),
        ("Organisation 1", D(2022, 12, 15)),
    ]


def test_row_of_another_convention_is_refused_and_nothing_changes(client, convention):
    mine = SignataireFactory(convention=convention, fonction="Présidente")
    other = SignataireFactory(fonction="Maire")

    response = client.post(
        url(convention, "signataires"),
        rows_of(
            "signataires",
            2,
            signataire_row(mine.organisation, id=mine.pk, fonction="Changée"),
            signataire_row(other.organisation, id=other.pk, fonction="Volée"),
        ),
    )

    assert response.status_code == 200
    assert "rien n’a été enregistré" in response.text
    assert set(Signataire.objects.values_list("fonction", flat=True)) == {"Présidente", "Maire"}


def test_organisation_out_of_the_list_is_refused(client, convention):
    cantal = DepartementFactory(code="15", nom="Cantal", code_region="84", region="Auvergne-Rhône-Alpes")
    foreign = OrganisationFactory(departement=cantal)

    response = client.post(url(convention, "signataires"), rows_of("signataires", 0, signataire_row(foreign)))

    assert response.context["form"].forms[0].errors["organisation"] == [
        "Choisissez dans la liste : ce choix n’y est pas, ou n’y est plus."
    ]
    assert not Signataire.objects.exists()


def test_same_organisation_twice_is_refused(client, convention):
    organisation = OrganisationFactory(departement=convention.territoire.departement)
    row = signataire_row(organisation)

    response = client.post(url(convention, "signataires"), rows_of("signataires", 0, row, row))

    assert response.status_code == 200
    assert not Signataire.objects.exists()


def test_phases_are_checked(client, convention):
    response = client.post(
        url(convention, "phases"),
        rows_of("phases", 0, {"nature": "plan", "debut_prevu": "2023-01-01", "fin_prevue": "2022-01-01"}),
    )

    assert response.context["form"].forms[0].errors["__all__"] == [
        "La fin prévue d’une phase suit son début."
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_rows_share_their_choices(client, convention, count, django_assert_num_queries):
    for _ in range(count):
        SignataireFactory(convention=convention)

    with django_assert_num_queries(10):
        client.get(url(convention, "signataires"))


# Colour and logo.


def image(form="PNG", size=(40, 20), name="logo.png", **options):
    drawn = io.BytesIO()
    Image.new("RGB", size, "teal").save(drawn, form, **options)
    return SimpleUploadedFile(name, drawn.getvalue())


def test_logo_is_drawn_anew_and_served(client, convention, media, django_capture_on_commit_callbacks):
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    upload = image("JPEG", name="../../evil.html", exif=exif)

    response = client.post(url(convention, "territoire"), {"couleur": "#2A6F5E", "logo": upload}, follow=True)

    assert "La couleur et le logo sont enregistrés." in response.text
    territoire = Territoire.objects.get()
    assert territoire.couleur == "#2a6f5e"
    (stored,) = (media / "logos").iterdir()
    assert stored.suffix == ".jpg"
    assert b"SECRET" not in stored.read_bytes()

    served = client.get(reverse("conventions:logo", args=[convention.code]))
    assert (served.headers["Content-Type"], served.headers["X-Content-Type-Options"]) == (
        "image/jpeg",
        "nosniff",
    )
    assert served.content == stored.read_bytes()
    again = client.get(
        reverse("conventions:logo", args=[convention.code]), headers={"if-none-match": served.headers["ETag"]}
    )
    assert again.status_code == 304

    with django_capture_on_commit_callbacks(execute=True):
        client.post(url(convention, "territoire"), {"couleur": "#2a6f5e", "retirer_logo": "on"})
    assert list((media / "logos").iterdir()) == []
    assert client.get(reverse("conventions:logo", args=[convention.code])).status_code == 404


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "upload",
    [
        SimpleUploadedFile("logo.png", SVG),
        SimpleUploadedFile("logo.svg", SVG),
        SimpleUploadedFile("logo.png", b""),
        SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100),
        SimpleUploadedFile("logo.png", b"x" * 1_000_001),
        image("GIF", name="logo.png"),
        image(size=(6000, 6000)),
        SimpleUploadedFile("logo.png", image(size=(300, 300)).read()[:-60]),
    ],
    ids=["svg-as-png", "svg", "empty", "truncated-head", "heavy", "gif", "too-many-pixels", "cut"],
)
def test_logo_hostile_files_are_refused(client, convention, media, upload):
    response = client.post(url(convention, "territoire"), {"couleur": "#2a6f5e", "logo": upload})

    assert response.status_code == 200
    assert response.context["form"].errors["logo"]
    assert Territoire.objects.get().logo.name == ""
    assert not (media / "logos").exists()


@pytest.mark.parametrize("couleur", ["red", "#12345", "#12345g", "red;}body{display:none", ""])
def test_couleur_is_hexadecimal(client, convention, couleur):
    response = client.post(url(convention, "territoire"), {"couleur": couleur})

    assert response.context["form"].errors["couleur"]


def test_theme_is_a_cacheable_style_sheet(client, convention):
    Territoire.objects.update(couleur="#ffee88")

    response = client.get(reverse("conventions:theme", args=[convention.code]))

    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "max-age" in response.headers["Cache-Control"]
    assert "--territoire-texte: #" in response.text
    assert "prefers-color-scheme: dark" in response.text


# An organisation that the list does not offer.


def organisation_url(convention, query=""):
    return reverse("conventions:organisation_add", args=[convention.code]) + query


ORGANISATION = {"nature": "association", "nom": "Les Jardiniers Bourians", "siren": "732 829 320"}


def test_organisation_is_added_then_offered(client, convention):
    response = client.post(organisation_url(convention, "?retour=signataires"), ORGANISATION)

    assert response.headers["Location"] == url(convention, "signataires")
    organisation = Organisation.objects.get(nom="Les Jardiniers Bourians")
    assert (organisation.siren, organisation.departement) == ("732829320", convention.territoire.departement)
    assert organisation in Organisation.objects.for_convention(convention)


@pytest.mark.parametrize(
    "retour", ["https://evil.example", "//evil.example", "javascript:alert(1)", "inconnue", ""]
)
def test_return_address_is_ours(client, convention, retour):
    response = client.post(organisation_url(convention) + f"?retour={retour}", ORGANISATION)

    assert response.headers["Location"] == convention.get_absolute_url()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"siren": "123456789"}, "siren"),
        ({"siret": "1"}, "siret"),
        ({"nom": "organisation DÉJÀ là"}, "nom"),
        ({"nature": "commune"}, "commune"),
        ({"nature": "pirate"}, "nature"),
        ({"courriel": "pas une adresse"}, "courriel"),
    ],
)
def test_organisation_bad_input(client, convention, fields, where):
    OrganisationFactory(nom="Organisation déjà là", departement=convention.territoire.departement)

    response = client.post(organisation_url(convention), ORGANISATION | fields)

    assert list(response.context["form"].errors) == [where]
    assert Organisation.objects.filter(nom=ORGANISATION["nom"]).count() == 0


def test_organisation_of_a_commune_is_one_of_the_territoire(client, convention):
    commune, foreign = CommuneFactory(nom="Cazals"), CommuneFactory()
    convention.territoire.communes.add(commune)
    data = {"nature": "commune", "nom": "Commune de Cazals"}

    refused = client.post(organisation_url(convention), data | {"commune": foreign.pk})
    assert list(refused.context["form"].errors) == ["commune"]

    client.post(organisation_url(convention), data | {"commune": commune.pk})
    assert Organisation.objects.get(nom="Commune de Cazals").commune == commune
