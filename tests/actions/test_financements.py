"""The room « Financements » and the grid of an exercice, with two people in it."""

import json
from decimal import Decimal

import pytest
from django.urls import reverse

from actions.models import FicheAction, Imputation
from conventions.models import Convention, Financement
from ctg_portal.exports import export_convention
from tests.conventions.test_detail import log_in
from tests.conventions.test_tableau import cazals_2022
from tests.factories import (
    ConventionFactory,
    DispositifFactory,
    EquipementFactory,
    FicheActionFactory,
    FinancementFactory,
    HabilitationFactory,
    OrganisationFactory,
    PlanActionsFactory,
)

FIELDS = (
    "dispositif",
    "objet",
    "financeur",
    "source",
    "beneficiaire",
    "equipement",
    "prevu",
    "notifie",
    "verse",
    "reference_cof",
    "fiche",
)


@pytest.fixture
def convention(client):
    convention = ConventionFactory()
    log_in(client, convention)
    return convention


@pytest.fixture
def ligne(convention):
    departement = convention.territoire.departement
    return FinancementFactory(
        convention=convention,
        verse="248220.56",
        financeur__departement=departement,
        beneficiaire__departement=departement,
    )


def room(convention, query=""):
    return reverse("actions:financements", args=[convention.code]) + query


def grid(convention, annee=2022, query=""):
    return reverse("actions:exercice", args=[convention.code, annee]) + query


def typed_of(response):
    """What a browser would send back of the grid, row by row."""
    formset = response.context["formset"]
    rows = []
    for form in formset:
        rows.append({})
        for name in ("id", "lu", *FIELDS):
            if name in form.fields:
                bound = form[name]
                value = bound.value()
                rows[-1][name] = "" if value is None else str(form.fields[name].prepare_value(value))
    return rows


def payload(rows, **extra):
    data = {"lignes-TOTAL_FORMS": len(rows), "lignes-INITIAL_FORMS": 0}
    for index, row in enumerate(rows):
        data |= {f"lignes-{index}-{name}": value for name, value in row.items()}
    return data | extra


def new_row(convention, **fields):
    departement = convention.territoire.departement
    return {
        "dispositif": DispositifFactory().pk,
        "financeur": OrganisationFactory(departement=departement).pk,
        "beneficiaire": OrganisationFactory(departement=departement).pk,
        "verse": "157 191,67",
    } | fields


def page_of(response):
    return " ".join(response.text.split())


# The room.


def test_room_shows_the_money_to_the_cent(client):
    convention = cazals_2022()
    log_in(client, convention, "lecture")

    text = client.get(room(convention)).text

    for amount in (
        "157\u202f191,67",
        "2\u202f585,73",
        "88\u202f443,16",
        "248\u202f220,56",
        "77\u202f647,00",
        "325\u202f867,56",
    ):
        assert f"{amount}\u00a0€" in text
    assert ">Prévu<" not in text
    # Nothing to type for a reader.
    assert "/financements/2022/" not in text


def test_room_says_the_gap_in_words(client, convention):
    FinancementFactory(convention=convention, prevu="100", notifie="90", verse="80.50")
    FinancementFactory(convention=convention, prevu="100", verse="100", exercice=2023)
    FinancementFactory(convention=convention, prevu="100", notifie="100", verse=None, exercice=2024)

    text = client.get(room(convention)).text

    for words in ("19,50\u00a0€ de moins que prévu", "conforme au prévu", "notifié, pas encore versé"):
        assert words in text


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("exercice=2022", ["1.00", "2.00"]),
        ("exercice=2023", ["4.00"]),
        ("dispositif=fpt", ["2.00", "4.00"]),
        ("dispositif={psu}", ["1.00"]),
        ("beneficiaire={cc}", ["1.00", "4.00"]),
        ("financeur={caf}&exercice=2022&dispositif=fpt", ["2.00"]),
        ("dispositif=autre", []),
        ("exercice=abc", []),
    ],
)
def test_room_filters(client, convention, query, amounts):
    caf, cc, asso = (OrganisationFactory() for _ in range(3))
    psu, fpt = DispositifFactory(), DispositifFactory(groupe="fpt")
    common = {"convention": convention, "financeur": caf}
    FinancementFactory(**common, beneficiaire=cc, dispositif=psu, exercice=2022, verse="1")
    FinancementFactory(**common, beneficiaire=asso, dispositif=fpt, exercice=2022, verse="2")
    FinancementFactory(**common, beneficiaire=cc, dispositif=fpt, exercice=2023, verse="4")

    query = query.format(psu=psu.pk, cc=cc.pk, caf=caf.pk)
    response = client.get(room(convention, f"?{query}"))

    assert sorted(str(row.verse) for row in response.context["financements"]) == amounts
    if not amounts:
        assert "Aucun financement ne répond à ces filtres" in response.text


def test_room_without_money_invites(client, convention):
    text = client.get(room(convention)).text

    assert "Aucun financement encore" in text
    assert reverse("actions:exercice_open", args=[convention.code]) in text
    Convention.objects.update(statut="close")
    assert "Saisir un exercice" not in client.get(room(convention)).text


@pytest.mark.parametrize("count", [1, 3])
def test_room_costs_the_same_queries(client, count, django_assert_num_queries):
    fiche = FicheActionFactory()
    convention = fiche.plan.convention
    ConventionFactory(nature="gmr", principale=convention, territoire=convention.territoire)
    for rank in range(count):
        row = FinancementFactory(
            convention=convention,
            exercice=2022 + rank,
            equipement=EquipementFactory(territoire=convention.territoire),
        )
        Imputation.objects.create(financement=row, fiche=fiche)
    log_in(client, convention)

    with django_assert_num_queries(14):
        text = client.get(room(convention)).text

    assert text.count('id="exercice-') == count
    assert text.count(f'href="{fiche.get_absolute_url()}"') == count


def test_confidential_fiche_is_not_named(client):
    fiche = FicheActionFactory(intitule="Signalement", confidentielle=True)
    row = FinancementFactory(convention=fiche.plan.convention)
    Imputation.objects.create(financement=row, fiche=fiche)
    log_in(client, fiche.plan.convention, "lecture")

    assert "Signalement" not in client.get(room(fiche.plan.convention)).text


def test_money_of_a_fiche_is_on_its_page(client):
    fiche = FicheActionFactory()
    convention = fiche.plan.convention
    mine = FinancementFactory(convention=convention, verse="1234.56")
    other = FinancementFactory(
        convention=ConventionFactory(nature="com", principale=convention), verse="107900"
    )
    for row in (mine, other):
        Imputation.objects.create(financement=row, fiche=fiche)
    user = log_in(client, convention, "lecture")

    before = client.get(fiche.get_absolute_url()).text
    HabilitationFactory(user=user, convention=other.convention, role="lecture")
    after = client.get(fiche.get_absolute_url()).text

    assert ("1\u202f234,56" in before, "107\u202f900,00" in before) == (True, False)
    assert "107\u202f900,00" in after


# Choosing the year.


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1850", "L’exercice est une année entre 2000 et 2100."),
        ("20222", "L’exercice est une année entre 2000 et 2100."),
        ("deux mille", "Écrivez une année, comme 2024."),
        ("", "Ce champ est obligatoire."),
    ],
)
def test_wrong_year_is_said(client, convention, typed, said):
    response = client.post(reverse("actions:exercice_open", args=[convention.code]), {"exercice": typed})

    assert response.context["form"].errors["exercice"] == [said]


def test_year_opens_its_grid(client, convention):
    response = client.post(reverse("actions:exercice_open", args=[convention.code]), {"exercice": "2019"})

    assert response.headers["Location"] == grid(convention, 2019)


@pytest.mark.parametrize("annee", [1999, 2101, 99999])
def test_absurd_year_has_no_grid(client, convention, annee):
    assert client.get(grid(convention, annee)).status_code == 404


# The grid.


@pytest.mark.parametrize("typed", ["157 191,67", "157191.67", "157\u202f191,67 €"])
def test_grid_reads_amounts_as_typed(client, convention, typed):
    response = client.post(grid(convention), payload([new_row(convention, verse=typed)]), follow=True)

    assert [(row.exercice, str(row.verse)) for row in convention.financements.all()] == [(2022, "157191.67")]
    assert "Exercice 2022\u00a0: 1 ligne ajoutée." in response.text


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"verse": "beaucoup"}, "verse"),
        ({"verse": "-5"}, "__all__"),
        ({"verse": ""}, "__all__"),
        ({"verse": "1,234"}, "verse"),
        ({"verse": "12345678901"}, "verse"),
        ({"dispositif": "999999"}, "dispositif"),
        ({"dispositif": ""}, "dispositif"),
        ({"beneficiaire": "99999999999999999999"}, "beneficiaire"),
        ({"objet": "x" * 201}, "objet"),
        ({"objet": "\x00"}, "objet"),
        ({"fiche": "999999"}, "fiche"),
        ({"lu": "[", "id": "abc"}, "__all__"),
    ],
)
def test_grid_refuses_with_a_sentence_and_loses_nothing(client, convention, fields, where):
    row = new_row(convention, reference_cof="COF-KEPT") | fields

    response = client.post(grid(convention), payload([row]))

    assert response.status_code == 200
    assert where in response.context["formset"].forms[0].errors
    assert "COF-KEPT" in response.text
    assert "1 ligne à revoir" in page_of(response)
    assert not Financement.objects.exists()


def test_foreign_ids_are_refused(client, convention):
    stranger = FicheActionFactory()
    theirs = FinancementFactory(verse="5", objet="À eux")

    as_fiche = client.post(grid(convention), payload([new_row(convention, fiche=stranger.pk)]))
    equipement = EquipementFactory()
    as_equipement = client.post(grid(convention), payload([new_row(convention, equipement=equipement.pk)]))
    as_row = client.post(grid(convention), payload([new_row(convention, id=theirs.pk, objet="Volé")]))

    assert "fiche" in as_fiche.context["formset"].forms[0].errors
    assert "equipement" in as_equipement.context["formset"].forms[0].errors
    assert "retirée entre-temps" in as_row.text
    assert [row.objet for row in Financement.objects.all()] == ["À eux"]


def test_grid_left_alone_writes_nothing(client, convention, ligne):
    before = Financement.objects.values().get()

    response = client.post(grid(convention), payload(typed_of(client.get(grid(convention)))), follow=True)

    assert "rien n’a changé" in response.text
    assert Financement.objects.values().get() == before


def test_grid_saves_only_the_cells_that_were_typed(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    # Somebody else completes another cell of the same line meanwhile.
    Financement.objects.update(prevu="250000.00", objet="RPE, EAJE, ALSH")
    rows[0]["notifie"] = "249 000"

    response = client.post(grid(convention), payload(rows), follow=True)

    assert "1 ligne modifiée" in response.text
    ligne.refresh_from_db()
    assert (ligne.prevu, ligne.notifie, ligne.verse, ligne.objet) == (
        Decimal("250000.00"),
        Decimal("249000.00"),
        Decimal("248220.56"),
        "RPE, EAJE, ALSH",
    )


def test_second_save_of_the_same_cell_is_told_who_and_what(client, convention, ligne):
    mine = typed_of(client.get(grid(convention)))
    theirs = typed_of(client.get(grid(convention)))
    me = HabilitationFactory(convention=convention).user
    theirs[0]["verse"] = "100,00"
    client.post(grid(convention), payload(theirs))
    client.force_login(me)
    mine[0] |= {"verse": "200,00", "objet": "Mon objet"}

    told = client.post(grid(convention), payload(mine))

    errors = told.context["formset"].forms[0].errors
    other = Convention.objects.get().habilitations.exclude(user=me).get().user
    assert list(errors) == ["verse"]
    assert errors["verse"][0].startswith(f"Modifié entre-temps par {other} (")
    assert "«\u00a0100,00\u00a0€\u00a0»" in errors["verse"][0]
    assert 'value="200,00"' in told.text
    assert "Mon objet" in told.text
    ligne.refresh_from_db()
    assert (ligne.verse, ligne.objet) == (Decimal("100.00"), "")

    # Knowing it, a second save keeps what was typed.
    again = typed_of(told)
    client.post(grid(convention), payload(again))
    ligne.refresh_from_db()
    assert (ligne.verse, ligne.objet) == (Decimal("200.00"), "Mon objet")


def test_line_removed_meanwhile_is_told_and_kept(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    ligne.delete()
    rows[0]["notifie"] = "12"

    told = client.post(grid(convention), payload(rows))
    assert "retirée entre-temps par quelqu’un d’autre" in told.text
    assert not Financement.objects.exists()

    client.post(grid(convention), payload(typed_of(told)))
    (row,) = Financement.objects.all()
    assert (row.notifie, row.verse) == (Decimal("12.00"), Decimal("248220.56"))


def test_line_removed_meanwhile_and_not_touched_goes_quietly(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    ligne.delete()

    response = client.post(grid(convention), payload(rows), follow=True)

    assert "1 ligne de cette page avait été retirée entre-temps" in response.text
    assert not Financement.objects.exists()


def test_removal_is_asked_twice_and_keeps_what_was_typed(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    rows[0]["retirer"] = "on"
    rows[1] |= new_row(convention, objet="Nouvelle")

    asked = client.post(grid(convention), payload(rows))
    assert "Retirer 1 ligne de l’exercice" in page_of(asked)
    assert "Nouvelle" in asked.text
    assert list(Financement.objects.all()) == [ligne]

    token = asked.context["formset"].jeton_retraits
    done = client.post(grid(convention), payload(rows, **{"lignes-retraits": token}), follow=True)
    assert "1 ligne ajoutée, 1 ligne retirée" in done.text
    assert [row.objet for row in Financement.objects.all()] == ["Nouvelle"]


def test_removal_of_a_line_changed_meanwhile_is_told(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    Financement.objects.update(verse="1")
    rows[0]["retirer"] = "on"

    told = client.post(grid(convention), payload(rows, **{"lignes-retraits": str(ligne.pk)}))

    assert "a été modifiée entre-temps" in told.text
    assert Financement.objects.exists()
    again = [typed_of(told)[0] | {"retirer": "on"}]
    client.post(grid(convention), payload(again, **{"lignes-retraits": str(ligne.pk)}))
    assert not Financement.objects.exists()


def test_same_new_line_sent_twice_is_written_once(client, convention):
    rows = [new_row(convention)]
    client.post(grid(convention), payload(rows))

    again = client.post(grid(convention), payload(rows))

    assert "déjà inscrite, avec les mêmes montants" in again.text
    assert Financement.objects.count() == 1
    twice = client.post(grid(convention, 2023), payload(rows * 2))
    assert "déjà inscrite" in twice.text


def test_lines_of_the_year_before_are_proposed_without_amounts(client, convention, ligne):
    FinancementFactory(
        convention=convention,
        exercice=2023,
        dispositif=ligne.dispositif,
        financeur=ligne.financeur,
        beneficiaire=OrganisationFactory(departement=convention.territoire.departement),
        prevu="5",
        verse=None,
    )

    plain = client.get(grid(convention, 2023))
    page = client.get(grid(convention, 2023, "?reprendre"))

    assert "Reprendre les lignes de 2022" in page_of(plain)
    (proposed,) = page.context["formset"].propositions
    assert proposed == ligne
    assert "2022\u00a0: 248\u202f220,56\u00a0€" in page.text.replace("&nbsp;", "\u00a0")
    rows = typed_of(page)
    assert (rows[1]["beneficiaire"], rows[1]["verse"]) == (str(ligne.beneficiaire_id), "")

    # Without an amount it is not written; with one it is.
    said = client.post(grid(convention, 2023), payload(rows), follow=True)
    assert "1 ligne reprise sans montant n’a pas été inscrite." in said.text
    rows[1]["prevu"] = "250 000"
    client.post(grid(convention, 2023), payload(rows))
    added = convention.financements.get(exercice=2023, prevu="250000")
    assert (added.dispositif, added.beneficiaire, added.verse) == (ligne.dispositif, ligne.beneficiaire, None)
    assert client.get(grid(convention, 2023, "?reprendre")).context["formset"].propositions == []


def test_line_pays_a_fiche_then_none(client):
    plan = PlanActionsFactory()
    convention = plan.convention
    log_in(client, convention)
    fiche = FicheActionFactory(axe__plan=plan)
    row = new_row(convention, fiche=fiche.pk)

    client.post(grid(convention), payload([row]))
    assert [str(found.fiche_id) for found in Imputation.objects.all()] == [str(fiche.pk)]

    rows = typed_of(client.get(grid(convention)))
    assert rows[0]["fiche"] == str(fiche.pk)
    rows[0]["fiche"] = ""
    client.post(grid(convention), payload(rows))
    assert not Imputation.objects.exists()
    assert Financement.objects.count() == 1


def test_fiche_of_a_plan_not_open_is_kept(client):
    """The coordination of a linked contract sees neither the fiche of the CTG nor a way to lose it."""
    fiche = FicheActionFactory(intitule="Fiche de la CTG")
    com = ConventionFactory(nature="com", principale=fiche.plan.convention)
    row = FinancementFactory(convention=com)
    Imputation.objects.create(financement=row, fiche=fiche)
    log_in(client, com)

    page = client.get(grid(com))
    assert "Fiche de la CTG" not in page.text
    rows = typed_of(page)
    rows[0]["objet"] = "Précisé"
    client.post(grid(com), payload(rows))

    row.refresh_from_db()
    assert row.objet == "Précisé"
    assert row.imputation.fiche == fiche


def test_archived_fiche_already_paid_stays_a_choice(client):
    plan = PlanActionsFactory()
    log_in(client, plan.convention)
    fiche = FicheActionFactory(axe__plan=plan)
    Imputation.objects.create(financement=FinancementFactory(convention=plan.convention), fiche=fiche)
    FicheAction.objects.update(redaction="archivee")

    assert typed_of(client.get(grid(plan.convention)))[0]["fiche"] == str(fiche.pk)


def test_closed_convention_is_read_only(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    rows[0]["verse"] = "1"
    Convention.objects.update(statut="close")

    assert client.get(grid(convention)).status_code == 403
    assert client.post(grid(convention), payload(rows)).status_code == 403
    ligne.refresh_from_db()
    assert ligne.verse == Decimal("248220.56")


@pytest.mark.parametrize("count", [1, 3])
def test_grid_costs_the_same_queries(client, convention, count, django_assert_num_queries):
    for _ in range(count):
        FinancementFactory(convention=convention)

    with django_assert_num_queries(12):
        page = client.get(grid(convention))

    assert sum(form.ligne is not None for form in page.context["formset"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_saving_costs_the_same_queries_when_nothing_changed(
    client, convention, count, django_assert_num_queries
):
    for _ in range(count):
        FinancementFactory(convention=convention)
    rows = typed_of(client.get(grid(convention)))

    with django_assert_num_queries(11):
        client.post(grid(convention), payload(rows))


def test_a_year_with_many_lines_goes_through(client, convention):
    """More fields than Django takes by default."""
    dispositif, organisation = DispositifFactory(), OrganisationFactory()
    Financement.objects.bulk_create(
        Financement(
            convention=convention,
            exercice=2022,
            dispositif=dispositif,
            financeur=organisation,
            beneficiaire=organisation,
            objet=f"Ligne {n}",
            verse=n,
        )
        for n in range(1, 121)
    )
    rows = typed_of(client.get(grid(convention)))
    rows[5]["source"] = "Relevé"

    response = client.post(grid(convention), payload(rows), follow=True)

    assert response.status_code == 200
    assert Financement.objects.filter(source="Relevé").count() == 1


def test_values_read_that_are_no_json_are_taken_as_unknown(client, convention, ligne):
    rows = typed_of(client.get(grid(convention)))
    rows[0] |= {"lu": json.dumps(["x"]), "verse": "1"}

    response = client.post(grid(convention), payload(rows))

    assert "Modifié entre-temps" in response.text


def test_organisation_added_from_the_grid_leads_back_to_it(client, convention):
    path = reverse("conventions:organisation_add", args=[convention.code])
    data = {"nature": "association", "nom": "Les Jardiniers Bourians"}

    back = client.post(f"{path}?exercice=2023", data)
    lost = client.post(f"{path}?exercice=//example.org", data | {"nom": "Autre"})

    assert back.headers["Location"] == grid(convention, 2023)
    assert lost.headers["Location"] == convention.get_absolute_url()


def test_export_names_the_equipement_and_the_fiche():
    fiche = FicheActionFactory()
    convention = fiche.plan.convention
    paid = FinancementFactory(
        convention=convention, exercice=2022, equipement=EquipementFactory(nom="Crèche de Salviac")
    )
    FinancementFactory(convention=convention, exercice=2023)
    elsewhere = FinancementFactory(convention=convention, exercice=2024)
    stranger = FicheActionFactory(code="9.9")
    Imputation.objects.create(financement=paid, fiche=fiche)
    Imputation.objects.create(financement=elsewhere, fiche=stranger)

    lignes = export_convention(convention)["financements"]["lignes"]

    assert [(row["equipement"], row["fiche"]) for row in lignes] == [
        ("Crèche de Salviac", {"ref": "fiche-1", "code": fiche.code}),
        (None, None),
        (None, {"ref": None, "code": "9.9"}),
    ]
