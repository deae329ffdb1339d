"""The register of a territoire: what is listed, edited, closed, exported, and shown as « offre de services »."""

import datetime
import io
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from conventions.models import Equipement, TypeEquipement, offre_services
from conventions.models.convention import add_months
from ctg_portal.workflow import TransitionError
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    EquipementFactory,
    FinancementFactory,
    OrganisationFactory,
    TypeEquipementFactory,
    UserFactory,
)

D = datetime.date
TODAY = timezone.localdate()
Famille = TypeEquipement.Famille


def day(days):
    return TODAY + datetime.timedelta(days=days)


@pytest.fixture
def convention(client):
    convention = ConventionFactory()
    convention.territoire.communes.add(CommuneFactory(nom="Cazals", code="46066"))
    log_in(client, convention)
    return convention


def url(name, convention, *args):
    return reverse(f"conventions:{name}", args=[convention.code, *args])


def shown(client, convention, query=""):
    return [row.nom for row in client.get(url("equipements", convention) + query).context["equipements"]]


def register(convention, **fields):
    return EquipementFactory(territoire=convention.territoire, **fields)


# The database


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"nom": ""}, "equipement_nom_non_vide"),
        ({"cof_debut": D(2023, 1, 1), "cof_fin": D(2022, 1, 1)}, "equipement_cof_dans_l_ordre"),
        ({"ouvert_le": D(2023, 1, 1), "ferme_le": D(2022, 1, 1)}, "equipement_fermeture_apres_ouverture"),
    ],
)
def test_row_that_must_not_exist(fields, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        EquipementFactory(**fields)


def test_row_twice_must_not_exist_even_without_commune():
    row = EquipementFactory(commune=None)

    with pytest.raises(IntegrityError, match="equipement_unique"), transaction.atomic():
        EquipementFactory(territoire=row.territoire, type=row.type, nom=row.nom, commune=None)


@pytest.mark.parametrize(
    ("fields", "etat"),
    [
        ({}, "en service"),
        ({"ouvert_le": day(0)}, "en service"),
        ({"ferme_le": day(1)}, "en service"),
        ({"ferme_le": day(0)}, "fermé"),
        ({"ouvert_le": day(1)}, "à ouvrir"),
    ],
)
def test_etat_is_the_same_for_a_row_and_for_a_list(fields, etat):
    row = EquipementFactory(**fields)
    assert row.etat == etat
    querysets = {
        "en service": Equipement.objects.en_service(),
        "fermé": Equipement.objects.fermes(),
        "à ouvrir": Equipement.objects.a_ouvrir(),
    }
    assert {said for said, queryset in querysets.items() if queryset.exists()} == {etat}


@pytest.mark.parametrize(
    ("fin", "expiree", "bientot"),
    [
        (lambda: day(-1), True, False),
        (lambda: day(0), False, True),
        (lambda: add_months(day(0), 6), False, True),
        (lambda: add_months(day(0), 6) + datetime.timedelta(days=1), False, False),
    ],
    ids=["yesterday", "today", "six months", "a day more"],
)
def test_cof_expires(fin, expiree, bientot):
    row = EquipementFactory(cof_fin=fin())

    assert (row.cof_is_expiree, row.cof_expire_bientot) == (expiree, bientot)
    assert (Equipement.objects.cof_expiree().exists(), Equipement.objects.cof_bientot().exists()) == (
        expiree,
        bientot,
    )
    assert not Equipement.objects.sans_cof().exists()


def test_visible_to_follows_the_conventions_of_the_territoire(convention):
    mine = register(convention)
    EquipementFactory()
    user = convention.habilitations.get().user

    assert list(Equipement.objects.visible_to(user)) == [mine]
    assert not Equipement.objects.visible_to(UserFactory()).exists()


# The list


@pytest.mark.parametrize("count", [1, 3])
def test_list_query_count_does_not_grow(client, convention, count, django_assert_num_queries):
    for _ in range(count):
        register(
            convention,
            commune=convention.territoire.communes.get(),
            gestionnaire=OrganisationFactory(),
            cof_fin=day(-1),
            observations="À voir.",
        )

    with django_assert_num_queries(12):
        page = client.get(url("equipements", convention))
    assert page.text.count("expirée hier") == count
    with django_assert_num_queries(7):
        assert client.get(url("offre_services", convention)).context["nombre"] == count


def test_list_is_of_the_territoire(client, convention):
    register(convention, nom="Ici")
    EquipementFactory(nom="Ailleurs")

    assert shown(client, convention) == ["Ici"]


def test_list_filters_and_sorts(client, convention):
    cazals = convention.territoire.communes.get()
    eaje = TypeEquipementFactory(ordre=1, intitule="EAJE")
    evs = TypeEquipementFactory(ordre=2, intitule="EVS", famille=Famille.VIE_SOCIALE)
    caf = OrganisationFactory(nom="CAF")
    register(
        convention, nom="Crèche", type=eaje, commune=cazals, capacite=20, cof_fin=day(-10), cof_numero="C-12"
    )
    register(convention, nom="Bourians", type=evs, gestionnaire=caf, capacite=None, cof_fin=day(30))
    register(convention, nom="Ancienne", type=evs, ferme_le=day(-1), capacite=5)
    register(convention, nom="Future", type=eaje, ouvert_le=day(10), capacite=8)

    found = {
        query: shown(client, convention, query)
        for query in (
            "",
            "?famille=vie_sociale",
            f"?type={eaje.pk}",
            f"?commune={cazals.pk}",
            f"?gestionnaire={caf.pk}",
            "?etat=en_service",
            "?etat=fermes",
            "?etat=a_ouvrir",
            "?cof=cof_expiree",
            "?cof=cof_bientot",
            "?cof=sans_cof",
            "?q=c-12+crèche",
            "?tri=-capacite",
            "?tri=cof",
            "?tri=-nom",
        )
    }

    assert found == {
        "": ["Crèche", "Future", "Ancienne", "Bourians"],
        "?famille=vie_sociale": ["Ancienne", "Bourians"],
        f"?type={eaje.pk}": ["Crèche", "Future"],
        f"?commune={cazals.pk}": ["Crèche"],
        f"?gestionnaire={caf.pk}": ["Bourians"],
        "?etat=en_service": ["Crèche", "Bourians"],
        "?etat=fermes": ["Ancienne"],
        "?etat=a_ouvrir": ["Future"],
        "?cof=cof_expiree": ["Crèche"],
        "?cof=cof_bientot": ["Bourians"],
        "?cof=sans_cof": ["Future", "Ancienne"],
        "?q=c-12+crèche": ["Crèche"],
        "?tri=-capacite": ["Crèche", "Future", "Ancienne", "Bourians"],
        "?tri=cof": ["Crèche", "Bourians", "Ancienne", "Future"],
        "?tri=-nom": ["Future", "Crèche", "Bourians", "Ancienne"],
    }


@pytest.mark.parametrize(
    "query", ["?type=999999", "?famille=x", "?etat=visible_to", "?commune=%00", "?tri=x", "?page=1"]
)
def test_list_bad_filters_give_a_page(client, convention, query):
    register(convention)

    assert client.get(url("equipements", convention) + query).status_code == 200


def test_reader_sees_and_does_not_edit(client):
    convention = ConventionFactory()
    row = register(convention)
    log_in(client, convention, "lecture")

    page = client.get(url("equipements", convention)).text
    assert row.nom in page
    assert url("equipement_edit", convention, row.pk) not in page
    assert client.get(url("equipement_edit", convention, row.pk)).status_code == 403


# Editing


def form(convention, **fields):
    kind = TypeEquipement.objects.first() or TypeEquipementFactory()
    return {"type": kind.pk, "nom": "Relais", "commune": "", "gestionnaire": "", "version": ""} | fields


def test_equipement_is_added(client, convention):
    response = client.post(
        url("equipement_add", convention), form(convention, commune="46066", capacite="12"), follow=True
    )

    row = Equipement.objects.get()
    assert (row.nom, row.commune.nom, row.capacite, row.territoire) == (
        "Relais",
        "Cazals",
        12,
        convention.territoire,
    )
    assert "est enregistré" in response.text


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"nom": " "}, "nom"),
        ({"nom": "x" * 201}, "nom"),
        ({"type": "999"}, "type"),
        ({"capacite": "-1"}, "capacite"),
        ({"capacite": "99999999999"}, "capacite"),
        ({"cof_debut": "2023-01-01", "cof_fin": "2022-01-01"}, "__all__"),
        ({"ouvert_le": "2023-01-01", "ferme_le": "2022-01-01"}, "__all__"),
        ({"cof_fin": "31/02/2022"}, "cof_fin"),
        ({"observations": "\x00"}, "observations"),
    ],
)
def test_equipement_bad_input_is_said_and_kept(client, convention, fields, where):
    response = client.post(
        url("equipement_add", convention), form(convention, adresse="Place du Foirail") | fields
    )

    assert where in response.context["form"].errors
    assert "Place du Foirail" in response.text
    assert not Equipement.objects.exists()


def test_equipement_names_only_its_territoire_and_its_directory(client, convention):
    foreign = form(
        convention, commune=CommuneFactory().pk, gestionnaire=OrganisationFactory(departement=None).pk
    )

    response = client.post(url("equipement_add", convention), foreign)

    assert sorted(response.context["form"].errors) == ["commune", "gestionnaire"]


def test_register_and_money_lead_to_each_other(client, convention):
    row = register(convention, nom="Relais du Causse", gestionnaire=OrganisationFactory(nom="CIAS"))
    register(convention, nom="Ludothèque")
    for exercice in (2022, 2023):
        FinancementFactory(convention=convention, equipement=row, exercice=exercice, verse="10.00")
    FinancementFactory(convention=convention, verse="5.00")
    money = reverse("actions:financements", args=[convention.code])

    page = client.get(url("equipements", convention)).text
    assert f"{money}?equipement={row.pk}" in page
    assert page.count("lignes de financement") == 1
    assert f'href="{row.gestionnaire.get_absolute_url()}"' in page

    paid = client.get(money, {"equipement": row.pk})
    assert paid.context["total"].verse == 20
    assert f"{url('equipements', convention)}?q=Relais%20du%20Causse" in paid.text


def test_equipement_twice_is_refused(client, convention):
    row = register(convention, nom="Relais")

    response = client.post(url("equipement_add", convention), form(convention, type=row.type.pk))

    assert response.context["form"].errors["__all__"] == [
        "Cet équipement est déjà inscrit : même type, même nom, même commune."
    ]


def test_stale_page_does_not_overwrite_in_silence(client, convention):
    row = register(convention, nom="Relais", capacite=3)
    page = client.get(url("equipement_edit", convention, row.pk))
    version = page.context["form"]["version"].value()
    row.capacite = 8
    row.save()
    sent = form(convention, type=row.type.pk, capacite="5", version=version)

    refused = client.post(url("equipement_edit", convention, row.pk), sent)

    assert "Quelqu’un a modifié cet équipement" in refused.context["form"].errors["__all__"][0]
    row.refresh_from_db()
    assert row.capacite == 8
    client.post(
        url("equipement_edit", convention, row.pk),
        sent | {"version": refused.context["form"]["version"].value()},
    )
    row.refresh_from_db()
    assert row.capacite == 5


def test_commune_that_left_the_territoire_stays_a_choice(client, convention):
    row = register(
        convention, commune=CommuneFactory(nom="Partie"), gestionnaire=OrganisationFactory(departement=None)
    )
    version = client.get(url("equipement_edit", convention, row.pk)).context["form"]["version"].value()
    sent = form(
        convention,
        type=row.type.pk,
        commune=row.commune_id,
        gestionnaire=row.gestionnaire_id,
        version=version,
    )

    assert client.post(url("equipement_edit", convention, row.pk), sent).status_code == 302


def test_another_territoire_s_equipement_is_not_found(client, convention):
    foreign = EquipementFactory()

    for name in ("equipement_edit", "equipement_close", "equipement_delete"):
        assert client.get(url(name, convention, foreign.pk)).status_code == 404
        assert client.post(url(name, convention, foreign.pk)).status_code == 404


def test_equipement_closes_and_leaves_the_offre(client, convention):
    row = register(convention)

    client.post(url("equipement_close", convention, row.pk), {"ferme_le": TODAY.isoformat()})

    row.refresh_from_db()
    assert (row.etat, offre_services(convention.territoire)) == ("fermé", [])


def test_equipement_closes_after_it_opened(client, convention):
    row = register(convention, ouvert_le=D(2022, 1, 1))

    response = client.post(url("equipement_close", convention, row.pk), {"ferme_le": "2021-01-01"})
    assert response.context["form"].errors["ferme_le"] == ["La fermeture suit l’ouverture."]
    assert (
        client.post(url("equipement_close", convention, row.pk), {"ferme_le": ""})
        .context["form"]
        .errors["ferme_le"]
    )


def test_equipement_is_deleted_unless_money_names_it(client, convention):
    free, paid = register(convention), register(convention)
    FinancementFactory(convention=convention, equipement=paid)

    client.post(url("equipement_delete", convention, free.pk))
    refused = client.post(url("equipement_delete", convention, paid.pk))

    assert list(Equipement.objects.all()) == [paid]
    assert "1\xa0financement le nomme" in refused.text
    with pytest.raises(TransitionError, match="fermez-le plutôt"):
        paid.remove(by=UserFactory())
    with pytest.raises(ValidationError):
        Equipement(nom="").full_clean()


def test_closed_convention_is_read_only(client, convention):
    row = register(convention)
    type(convention).objects.update(statut="close")

    assert client.get(url("equipements", convention)).status_code == 200
    for name, args in (
        ("equipement_add", []),
        ("equipement_edit", [row.pk]),
        ("equipement_delete", [row.pk]),
    ):
        assert client.post(url(name, convention, *args)).status_code == 403


# What leaves


def test_export_is_of_the_filtered_rows(client, convention):
    register(convention, nom="=Crèche", cof_fin=day(-1))
    register(convention, nom="Autre")

    book = client.get(url("equipements_export", convention, "xlsx") + "?cof=cof_expiree")
    text = client.get(url("equipements_export", convention, "csv") + "?cof=cof_expiree")

    page = load_workbook(io.BytesIO(book.content)).active
    assert [(cell.value, cell.data_type) for cell in page["D"][1:]] == [("=Crèche", "s")]
    assert text.content.decode("utf-8-sig").splitlines()[1].split(";")[3] == "'=Crèche"
    assert client.get(url("equipements_export", convention, "exe")).status_code == 404


def test_offre_is_by_family_and_kind(client, convention):
    eaje = TypeEquipementFactory(intitule="EAJE", ordre=1)
    evs = TypeEquipementFactory(intitule="EVS", ordre=0, famille=Famille.VIE_SOCIALE, unite_capacite="")
    register(convention, nom="A", type=eaje, capacite=20)
    register(convention, nom="B", type=eaje, capacite=None)
    register(convention, nom="C", type=evs, capacite=None)
    register(convention, nom="D", type=evs, ferme_le=day(-1))

    familles = offre_services(convention.territoire)

    assert [(famille.famille, famille.nombre) for famille in familles] == [
        (Famille.PETITE_ENFANCE, 2),
        (Famille.VIE_SOCIALE, 1),
    ]
    (offre,) = familles[0].types
    assert (offre.capacite, offre.is_capacite_partielle) == (20, True)
    assert familles[1].types[0].capacite is None
    text = client.get(url("offre_services", convention)).text
    assert "2, 20&nbsp;places connues" in text


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_writes_one_row(client):
    convention = ConventionFactory()
    user = log_in(client, convention)
    data = {"type": TypeEquipementFactory().pk, "nom": "Les Écureuils", "version": ""}
    ready = threading.Barrier(2)
    answers = []

    def send():
        visitor = Client(raise_request_exception=False)
        visitor.force_login(user)
        try:
            ready.wait(timeout=10)
            answers.append(visitor.post(url("equipement_add", convention), data))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    first, second = sorted(answers, key=lambda answer: answer.status_code)
    assert (first.status_code, second.status_code) == (200, 302)
    assert "Cet équipement est déjà inscrit" in first.text
    assert Equipement.objects.filter(territoire=convention.territoire).count() == 1
