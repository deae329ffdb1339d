"""The pages of the history: filtered, cut in pages, in a constant number of queries, and closed to those who may not read."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import Axe, Objectif
from actions.models.historique import Historique
from tests.actions.histoire import il_y_a, save_as
from tests.factories import (
    AxeFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    PlanActionsFactory,
    UserFactory,
    complete_fiche,
)

QUERIES = 11


@pytest.fixture
def fiche():
    made = []
    save_as(
        UserFactory(nom="Chargée de coopération"),
        il_y_a(100),
        lambda: made.append(complete_fiche(intitule="Ouvrir un relais")),
    )
    return made[0]


def log_in(client, convention, role="coordination"):
    user = HabilitationFactory(convention=convention, role=role).user
    client.force_login(user)
    return user


def url(fiche, **query):
    return reverse("actions:fiche_historique", args=[fiche.plan.convention.code, fiche.pk], query=query)


def saves(response):
    return [save for save, _ in response.context["saves"]]


def write(fiche, days, author=None, **values):
    for name, value in values.items():
        setattr(fiche, name, value)
    author = author or UserFactory()
    save_as(author, il_y_a(days), fiche.save)
    return author


def test_each_save_is_one_line_the_latest_first_with_its_date_in_full(client, fiche):
    log_in(client, fiche.plan.convention)
    write(fiche, 3, UserFactory(nom="Pilote du relais"), besoins="Autre.", modalites="Autre.")

    response = client.get(url(fiche))

    assert [save.nom for save in saves(response)] == ["Pilote du relais", "Chargée de coopération"]
    content = response.content.decode()
    assert "il y a 3\xa0jours" in content
    assert f"{il_y_a(3).astimezone(timezone.get_current_timezone()).year} à" in content
    assert "Fiche créée." in content
    assert "updated_at" not in content


@pytest.mark.parametrize("count", [1, 3, 200])
def test_the_page_does_not_grow(client, fiche, count, django_assert_num_queries):
    log_in(client, fiche.plan.convention)
    author, etape = UserFactory(), EtapeFactory(fiche=fiche)
    for n in range(count):
        fiche.besoins = f"Besoin {n}"
        etape.intitule = f"Étape {n}"
        save_as(author, None, lambda: (fiche.save(), etape.save()))

    # Two of them open and close the request in the test's own transaction.
    with django_assert_num_queries(QUERIES + 2):
        response = client.get(url(fiche))

    assert len(saves(response)) == min(count + 2, 20)


def test_pages_never_overlap_and_one_too_far_is_the_last(client, fiche):
    log_in(client, fiche.plan.convention)
    author = UserFactory()
    for n in range(25):
        write(fiche, 60 - n, author, besoins=f"Besoin {n}")

    first, second, far = (saves(client.get(url(fiche, page=n))) for n in (1, 2, 99))

    names = [save.version for save in (*first, *second)]
    assert (len(first), len(second), len(set(names))) == (20, 6, 26)
    assert [save.version for save in far] == [save.version for save in second]


def test_filters_by_section_person_and_day(client, fiche):
    log_in(client, fiche.plan.convention)
    author = write(fiche, 20, besoins="Autre.")
    write(fiche, 5, modalites="Autre.")

    def found(**query):
        return [sorted(save.sections) for save in saves(client.get(url(fiche, **query)))]

    day = (timezone.localdate() - datetime.timedelta(days=10)).isoformat()
    assert [save.is_creation for save in saves(client.get(url(fiche, rubrique="moyens")))] == [True]
    assert found(rubrique="contexte")[:1] == [["contexte"]]
    assert found(personne=author.pk) == [["contexte"]]
    assert found(depuis=day) == [["modalites"]]


def test_what_nobody_signed_is_said_to_be_the_portal_s(client, fiche):
    log_in(client, fiche.plan.convention)
    fiche.besoins = "Écrit par une commande."
    fiche.save()

    (save,) = saves(client.get(url(fiche, personne="portail")))

    assert save.nom == "Le portail"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"rubrique": "<script>"}, "rubrique"),
        ({"personne": "999999"}, "personne"),
        ({"depuis": "32/13/2026"}, "depuis"),
        ({"rubrique": "a" * 5000}, "rubrique"),
    ],
)
def test_a_wrong_filter_is_said_and_hides_nothing(client, fiche, query, field):
    log_in(client, fiche.plan.convention)

    response = client.get(url(fiche, **query))

    assert [*response.context["filters"].errors] == [field]
    assert len(saves(response)) == 1
    assert b"<script>" not in response.content.replace(b"<script ", b"")


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999999999999"])
def test_a_strange_page_number_shows_a_page(client, fiche, page):
    log_in(client, fiche.plan.convention)

    assert len(saves(client.get(url(fiche, page=page)))) == 1


def test_hostile_words_are_shown_as_words(client, fiche):
    log_in(client, fiche.plan.convention)
    write(fiche, 3, UserFactory(nom="<b>Nom</b>"), besoins="<img src=x onerror=alert(1)> et la suite")

    content = client.get(url(fiche)).content.decode()

    assert "<img src=x" not in content
    assert "<b>Nom" not in content
    assert "&lt;img" in content


def test_a_reader_sees_the_history_and_no_way_to_restore(client, fiche):
    log_in(client, fiche.plan.convention, "lecture")
    write(fiche, 3, besoins="Autre.")
    version = reverse(
        "actions:fiche_version",
        args=[fiche.plan.convention.code, fiche.pk, Historique(fiche).tous[0].version],
    )

    pages = [client.get(address).content.decode() for address in (url(fiche), version)]

    assert ["retablir" in page for page in pages] == [False, False]
    assert ["Autre." in page for page in pages] == [True, True]


def test_a_version_shows_what_the_fiche_said(client, fiche):
    log_in(client, fiche.plan.convention)
    write(fiche, 3, besoins="Autre.", effectif_attendu=90)
    version = Historique(fiche).tous[0].version

    response = client.get(
        reverse("actions:fiche_version", args=[fiche.plan.convention.code, fiche.pk, version])
    )

    assert [
        (rub.slug, [(c.avant, c.apres) for c in rub.changements]) for rub, _ in response.context["rubriques"]
    ] == [
        ("contexte", [("Autre.", "Vingt familles sans mode de garde.")]),
        ("public", [("90", "")]),
    ]


def test_a_request_is_signed_with_the_name_of_its_day(client, fiche):
    user = log_in(client, fiche.plan.convention)
    edit = reverse("actions:fiche_edit", args=[fiche.plan.convention.code, fiche.pk, "objectifs"])
    form = client.get(edit).context["form"]
    client.post(edit, {"objectif_general": "Mieux.", "empreinte": form["empreinte"].value()})
    name = str(user)
    user.nom = "Renommée depuis"
    user.save()

    save = Historique(fiche).derniers[0]

    assert (save.nom, save.par, sorted(save.sections)) == (name, user.pk, ["objectifs"])


def test_the_fiche_leads_to_its_history_and_to_that_of_each_section(client, fiche):
    log_in(client, fiche.plan.convention)

    content = client.get(fiche.get_absolute_url()).content.decode()

    assert f'href="{url(fiche)}"' in content
    assert f'href="{url(fiche, rubrique="equipe")}"' in content


class TestPlan:
    @pytest.fixture
    def plan(self):
        return PlanActionsFactory()

    def address(self, plan):
        return reverse("actions:plan_historique", args=[plan.convention.code])

    def lines(self, client, plan):
        return [
            (ligne.genre, ligne.nom)
            for save in client.get(self.address(plan)).context["saves"]
            for ligne in save.lignes
        ]

    def test_an_axe_and_an_objectif_deleted_are_shown(self, client, plan):
        log_in(client, plan.convention)
        author, made = UserFactory(), []
        save_as(author, il_y_a(9), lambda: made.append(AxeFactory(plan=plan, code="7", intitule="Éphémère")))
        save_as(author, il_y_a(8), lambda: Objectif.objects.create(axe=made[0], code="7.1", intitule="Bref"))
        save_as(author, il_y_a(7), lambda: Objectif.objects.all().delete())
        save_as(author, il_y_a(6), lambda: Axe.objects.all().delete())

        assert self.lines(client, plan)[:4] == [
            ("retiree", "Axe 7 – Éphémère"),
            ("retiree", "Objectif 7.1 – Bref"),
            ("ajoutee", "Objectif 7.1 – Bref"),
            ("ajoutee", "Axe 7 – Éphémère"),
        ]

    def test_an_axe_that_changed_says_its_words_and_its_order_says_nothing(self, client, plan):
        log_in(client, plan.convention)
        axe = AxeFactory(plan=plan, code="1", intitule="Avant")
        save_as(UserFactory(), il_y_a(9), lambda: None)
        axe.intitule = "Après"
        save_as(UserFactory(), il_y_a(8), axe.save)
        axe.ordre = 9
        save_as(UserFactory(), il_y_a(7), axe.save)

        assert self.lines(client, plan)[0] == ("modifiee", "Axe 1 – Après")

    @pytest.mark.parametrize("count", [1, 3])
    def test_the_page_does_not_grow(self, client, plan, count, django_assert_num_queries):
        log_in(client, plan.convention)
        for n in range(count):
            save_as(UserFactory(), il_y_a(9 - n), lambda: AxeFactory(plan=plan))

        with django_assert_num_queries(8):
            client.get(self.address(plan))

    def test_the_fiches_of_the_plan_are_not_there(self, client, plan):
        log_in(client, plan.convention, "lecture")
        axe = AxeFactory(plan=plan)
        FicheActionFactory(axe=axe, intitule="Fiche secrète", confidentielle=True)

        assert "Fiche secrète" not in client.get(self.address(plan)).content.decode()
