"""The workbook that goes out and comes back: nothing changes unless somebody changed it, and nothing is written unseen."""

import io
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from actions.description import CHAMPS
from actions.models import EnvoiPlan, Etape, FicheAction, LigneBudget, Mesure
from actions.tableur import retour
from actions.tableur.colonnes import COLONNES, FEUILLES, HORS_CLASSEUR
from actions.tableur.confirmation import ApercuPerimeError
from ctg_portal.imports import ImportRefuse
from ctg_portal.workflow import TransitionError
from tests.actions.classeurs import (
    TEXTE,
    D,
    build_plan,
    change,
    confirm,
    export,
    full_fiche,
    plain,
    read,
    refused,
    row_of,
    said,
    saved,
    send,
)
from tests.factories import FicheActionFactory, HabilitationFactory, PiloteFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def place():
    """(plan, axe, objectif, somebody of the coordination)"""
    _, plan, axe, objectif, user = build_plan()
    return plan, axe, objectif, user


@pytest.fixture
def fiche(place):
    plan, axe, objectif, _ = place
    return FicheActionFactory(
        axe=axe,
        objectif=objectif,
        code="1.1.1",
        intitule="Ouvrir un relais",
        besoins="Vingt familles",
        debut=D(2024, 1, 1),
        echeance=D(2025, 1, 1),
    )


def test_every_field_of_the_description_is_a_column_or_has_a_reason():
    assert [colonne.nom for colonne in COLONNES] == [cle for cle in CHAMPS if cle not in HORS_CLASSEUR]


def test_a_workbook_sent_back_unchanged_says_no_difference_with_every_field_full(place):
    plan, axe, objectif, user = place
    full_fiche(plan, axe, objectif, user)
    FicheActionFactory(axe=axe, objectif=None, intitule="Presque vide")

    apercu = read(plan, user, export(plan, user))

    assert said(apercu) == []
    assert apercu.retraits == []
    assert apercu.remarques == []


def test_a_workbook_holds_texts_as_texts_numbers_as_numbers_and_dates_as_dates(place):
    plan, axe, objectif, user = place
    fiche = full_fiche(plan, axe, objectif, user)

    workbook = load_workbook(io.BytesIO(export(plan, user)))

    cells = workbook["Fiches"]
    row = {head.value: cell for head, cell in zip(cells[1], cells[2], strict=True)}
    assert row["Clé"].value == f"F{fiche.pk}"
    assert (row["Besoins constatés"].data_type, row["Besoins constatés"].quotePrefix) == ("s", True)
    assert (row["Numéro"].value, row["Numéro"].data_type) == ("1.10", "s")
    assert (row["Échéance"].value.date(), row["Échéance"].number_format) == (D(2025, 12, 31), "DD/MM/YYYY")
    assert row["Équivalents temps plein"].value == 1.5
    assert row["Contrats"].value.startswith("GMR")
    assert [row[title].protection.locked for title in ("Clé", "Intitulé", "Rédaction")] == [True, False, True]
    assert cells.freeze_panes == "D2"
    assert cells.protection.sheet
    assert not cells.protection.autoFilter
    assert [sheet.title for sheet in workbook] == [
        *("Mode d’emploi", "Fiches", "Étapes", "Pilotes", "Partenaires", "Budget", "Financement"),
        *("Indicateurs", "Mesures", "Listes", "_portail"),
    ]
    assert [workbook[title].sheet_state for title in ("Listes", "_portail")] == ["hidden", "veryHidden"]
    rules = {str(rule.sqref).split(":")[0]: rule for rule in cells.data_validations.dataValidation}
    letter = row["Avancement"].column_letter
    assert rules[f"{letter}2"].type == "list"
    budget = [cell.value for cell in workbook["Budget"][2]][2:]
    assert budget == [2024, "Achat", "Fonctionnement", 248220.56, 0]


def test_a_changed_cell_is_shown_with_both_values_and_written_once_confirmed(place, fiche):
    plan, _, _, user = place
    cle = f"F{fiche.pk}"
    content = change(
        export(plan, user),
        ("Fiches", cle, "Besoins constatés", "Trente familles"),
        ("Fiches", cle, "Échéance", "30/06/2026"),
        ("Fiches", cle, "Communes concernées", "salviac; CAZALS"),
        ("Fiches", cle, "Équivalents temps plein", 0.5),
        ("Fiches", cle, "Avancement", "En cours"),
    )

    envoi = send(plan, user, content)
    apercu = retour.read(envoi, user).apercu

    assert said(apercu) == [
        ("Fiches!F2", "À venir", "En cours", "change"),
        ("Fiches!L2", "", "salviac; CAZALS", "change"),
        ("Fiches!P2", "Vingt familles", "Trente familles", "change"),
        ("Fiches!AD2", "", "0,5", "change"),
        ("Fiches!AI2", "01/01/2025", "30/06/2026", "change"),
    ]
    fiche.refresh_from_db()
    assert fiche.besoins == "Vingt familles"

    confirm(envoi, user)

    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.echeance, fiche.avancement) == (
        "Trente familles",
        D(2026, 6, 30),
        "en_cours",
    )
    assert fiche.etp == Decimal("0.50")
    assert sorted(fiche.communes.values_list("nom", flat=True)) == ["Cazals", "Salviac"]
    assert fiche.journal.get().vers == "en_cours"
    envoi.refresh_from_db()
    assert (envoi.statut, bytes(envoi.contenu)) == ("confirme", b"")
    assert envoi.resume == "Import du classeur « plan.xlsx » : 5 cellules"
    assert said(read(plan, user, export(plan, user))) == []


def test_every_save_of_one_workbook_is_one_line_of_the_history(place, fiche):
    plan, axe, _, user = place
    other = FicheActionFactory(axe=axe, intitule="Autre")
    content = change(
        export(plan, user),
        ("Fiches", f"F{fiche.pk}", "Besoins constatés", "A"),
        ("Fiches", f"F{fiche.pk}", "Objectif général", "B"),
        ("Fiches", f"F{other.pk}", "Besoins constatés", "C"),
    )

    confirm(send(plan, user, content), user)

    events = [
        event
        for row in (fiche, other)
        for event in row.events.filter(pgh_label="update").select_related("pgh_context")
    ]
    contexts = {event.pgh_context for event in events}
    # One save of each fiche, whatever the number of its sections.
    assert len(events) == 2
    assert [context.metadata for context in contexts] == [
        {"par": user.pk, "classeur": "Import du classeur « plan.xlsx » : 3 cellules"}
    ]


def test_rows_of_the_other_sheets_are_added_changed_and_taken_away_only_when_ticked(place, fiche):
    plan, _, _, user = place
    local = Etape.objects.create(fiche=fiche, intitule="Trouver un local")
    gone = Etape.objects.create(fiche=fiche, intitule="Annoncer", ordre=1)
    workbook = load_workbook(io.BytesIO(export(plan, user)))
    cells = workbook["Étapes"]
    cells.delete_rows(row_of(cells, f"E{gone.pk}"))
    content = change(
        saved(workbook),
        ("Étapes", f"E{local.pk}", "Échéance", "01/03/2025"),
        ("Étapes", 10, "Fiche", "1.1.1"),
        ("Étapes", 10, "Étape", "Recruter"),
        ("Budget", 2, "Fiche", f"F{fiche.pk} · n’importe quoi"),
        ("Budget", 2, "Année", 2025),
        ("Budget", 2, "Prévu", "13 000,50 €"),
    )
    envoi = send(plan, user, content)
    apercu = retour.read(envoi, user).apercu
    assert [(r.cle, r.effet, r.refus) for r in apercu.retraits] == [
        (f"E{gone.pk}", "retirer cette étape", "")
    ]

    confirm(envoi, user)

    assert list(fiche.etapes.values_list("intitule", "echeance")) == [
        ("Trouver un local", D(2025, 3, 1)),
        ("Annoncer", None),
        ("Recruter", None),
    ]
    line = LigneBudget.objects.get()
    assert (line.fiche, line.annee, line.nature, line.prevu) == (
        fiche,
        2025,
        "fonctionnement",
        Decimal("13000.50"),
    )

    again = send(plan, user, content_without(plan, user, "Étapes", f"E{gone.pk}"))
    confirm(again, user, **{f"retrait-E{gone.pk}": "True"})
    assert list(fiche.etapes.values_list("intitule", flat=True)) == ["Trouver un local", "Recruter"]


def content_without(plan, user, sheet, cle):
    workbook = load_workbook(io.BytesIO(export(plan, user)))
    workbook[sheet].delete_rows(row_of(workbook[sheet], cle))
    return saved(workbook)


def test_a_deleted_fiche_is_archived_only_when_ticked(place, fiche):
    plan, _, _, user = place
    envoi = send(plan, user, content_without(plan, user, "Fiches", f"F{fiche.pk}"))

    with pytest.raises(TransitionError, match="rien à écrire"):
        confirm(envoi, user)
    confirm(envoi, user, **{f"retrait-F{fiche.pk}": "True"})

    fiche.refresh_from_db()
    assert fiche.redaction == "archivee"


def test_a_row_without_a_key_is_a_new_fiche_with_its_steps(place, fiche):
    plan, _, objectif, user = place
    content = change(
        export(plan, user),
        ("Fiches", 5, "Intitulé", "Créer une ludothèque"),
        ("Fiches", 5, "Objectif", "1.1 Accueillir"),
        ("Fiches", 5, "Description", "Deux salles."),
        ("Fiches", 5, "Avancement", "En cours"),
        ("Étapes", 3, "Fiche", "Créer une ludothèque"),
        ("Étapes", 3, "Étape", "Acheter les jeux"),
    )
    envoi = send(plan, user, content)

    assert refused(retour.read(envoi, user).apercu) == []
    confirm(envoi, user)

    new = FicheAction.objects.get(intitule="Créer une ludothèque")
    assert (new.objectif, new.code, new.modalites, new.avancement) == (
        objectif,
        "1.1.2",
        "Deux salles.",
        "en_cours",
    )
    assert new.redaction == "brouillon"
    assert new.etapes.get().intitule == "Acheter les jeux"
    assert list(objectif.fiches.values_list("pk", flat=True)) == [fiche.pk, new.pk]


def test_a_cell_changed_on_both_sides_waits_for_a_choice(place, fiche):
    plan, _, _, user = place
    cle = f"F{fiche.pk}"
    content = change(
        export(plan, user),
        ("Fiches", cle, "Besoins constatés", "Du classeur"),
        ("Fiches", cle, "Objectif général", "Tranquille"),
    )
    FicheAction.objects.filter(pk=fiche.pk).update(
        besoins="Du portail", dispositifs_existants="Écrit entre-temps"
    )
    envoi = send(plan, user, content)
    apercu = retour.read(envoi, user).apercu
    assert said(apercu) == [
        ("Fiches!P2", "Du portail", "Du classeur", "conflit"),
        ("Fiches!R2", "", "Tranquille", "change"),
    ]

    with pytest.raises(TransitionError, match="1 case attend votre choix"):
        confirm(envoi, user)
    confirm(envoi, user, **{f"conflit-{cle}.besoins": "leur"})
    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.objectif_general) == ("Du portail", "Tranquille")
    assert fiche.dispositifs_existants == "Écrit entre-temps"

    second = send(plan, user, content)
    confirm(second, user, **{f"conflit-{cle}.besoins": "mien"})
    fiche.refresh_from_db()
    assert fiche.besoins == "Du classeur"


def test_what_moved_between_the_preview_and_the_confirmation_is_shown_again(place, fiche):
    plan, _, _, user = place
    content = change(export(plan, user), ("Fiches", f"F{fiche.pk}", "Besoins constatés", "Du classeur"))
    envoi = send(plan, user, content)
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Du portail")

    with pytest.raises(ApercuPerimeError):
        confirm(envoi, user)

    fiche.refresh_from_db()
    envoi.refresh_from_db()
    assert fiche.besoins == "Du portail"
    assert [cell["sorte"] for cell in envoi.rapport["objets"][0]["cellules"]] == ["conflit"]
    with pytest.raises(TransitionError, match="attend votre choix"):
        confirm(envoi, user)


def test_a_workbook_is_written_only_once(place, fiche):
    plan, _, _, user = place
    envoi = send(plan, user, change(export(plan, user), ("Fiches", 2, "Besoins constatés", "Une fois")))
    confirm(envoi, user)

    with pytest.raises(TransitionError, match="rien n’est écrit une seconde fois"):
        confirm(envoi, user)


def test_each_refused_cell_has_its_address_and_its_reason(place, fiche):
    plan, _, _, user = place
    cle = f"F{fiche.pk}"
    content = change(
        export(plan, user),
        ("Fiches", cle, "Intitulé", None),
        ("Fiches", cle, "Avancement", "Terminé"),
        ("Fiches", cle, "Rédaction", "Validée"),
        ("Fiches", cle, "Domaines", "Licornes"),
        ("Fiches", cle, "Début", "le printemps"),
        ("Fiches", cle, "Échéance", D(2023, 1, 1)),
        ("Fiches", cle, "Équivalents temps plein", -1),
        ("Fiches", cle, "Motif de l’abandon", "Pourquoi pas"),
        ("Fiches", cle, "Besoins constatés", "Repris quand même"),
        ("Budget", 2, "Fiche", cle),
        ("Budget", 2, "Année", 1850),
        ("Étapes", 2, "Étape", "De personne"),
    )
    envoi = send(plan, user, content)
    apercu = retour.read(envoi, user).apercu

    found = dict(refused(apercu))
    assert found.pop("Fiches!C2").startswith("Ce champ est obligatoire")
    assert found.pop("Fiches!F2").startswith("« Terminé » n’est pas dans la liste : « À venir »")
    assert found.pop("Fiches!G2").startswith("cette colonne se lit seulement")
    assert found.pop("Fiches!H2").startswith("« Licornes » n’est pas dans la liste du portail")
    assert found.pop("Fiches!AH2") == "« le printemps » n’est pas une date : écrivez 31/01/2022."
    assert found.pop("Fiches!AI2") == "L’échéance ne peut pas précéder le début."
    assert "0" in found.pop("Fiches!AD2")
    assert found.pop("Fiches!AM2").startswith("cette case se remplit en même temps que l’avancement")
    assert "1850" in found.pop("Budget!C2") or True
    assert found.pop("Étapes!C2") == "dites de quelle fiche est cette ligne nouvelle."
    assert found == {}

    with pytest.raises(TransitionError, match="refusées"):
        confirm(envoi, user)
    confirm(envoi, user, sans_refusees=True)
    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.intitule, fiche.echeance) == (
        "Repris quand même",
        "Ouvrir un relais",
        D(2025, 1, 1),
    )


def test_keys_that_lead_nowhere_are_said(place, fiche):
    plan, axe, objectif, user = place
    archived = FicheActionFactory(axe=axe, objectif=objectif, ordre=5, intitule="Bientôt archivée")
    stranger = full_fiche_elsewhere()
    content = export(plan, user)
    archived.archive(by=user)
    content = change(
        content,
        ("Fiches", f"F{archived.pk}", "Besoins constatés", "Trop tard"),
        ("Fiches", 5, "Clé", f"F{stranger.pk}"),
        ("Fiches", 5, "Intitulé", "D’ailleurs"),
        ("Fiches", 6, "Clé", f"F{fiche.pk}"),
        ("Fiches", 6, "Intitulé", "En double"),
        ("Fiches", 7, "Intitulé", "Ouvrir un relais"),
        ("Fiches", 8, "Intitulé", "Sans axe"),
    )

    found = dict(refused(read(plan, user, content)))

    assert found["Fiches!A3"].startswith("fiche archivée ou retirée du plan depuis le téléchargement")
    assert found["Fiches!A5"].startswith(f"la clé « F{stranger.pk} » n’est pas de ce classeur")
    assert found["Fiches!A6"] == f"la clé F{fiche.pk} est déjà celle de la ligne 2 : gardez-en une."
    assert found["Fiches!C7"].startswith(
        "cette ligne n’a pas de clé, et une fiche du plan porte déjà ce titre"
    )
    assert found["Fiches!C8"].startswith("dites dans quel axe")
    assert len(found) == 5


def full_fiche_elsewhere():
    _, _, axe, objectif, _ = build_plan()
    return FicheActionFactory(axe=axe, objectif=objectif)


def test_columns_and_sheets_moved_missing_renamed_or_added_have_a_sentence(place, fiche):
    plan, _, _, user = place
    Etape.objects.create(fiche=fiche, intitule="Trouver un local")
    workbook = load_workbook(io.BytesIO(export(plan, user)))
    cells = workbook["Fiches"]
    cells["B1"].value, cells["C1"].value = "Intitulé", "Numéro"
    cells["B2"].value, cells["C2"].value = "Ouvrir un relais", "1.1.1"
    cells["D1"].value = "Mon axe"
    del workbook["Étapes"]
    workbook.create_sheet("Mes calculs")["A1"] = 3

    apercu = read(plan, user, saved(workbook))

    assert said(apercu) == []
    assert apercu.retraits == []
    assert [plain(remarque) for remarque in apercu.remarques] == [
        "Feuille « Fiches » : la colonne « Axe » manque, rien n’y change.",
        "Fiches!D1 : la colonne « Mon axe » n’est pas du portail, elle n’est pas lue. Si vous l’avez renommée, "
        "rendez-lui son titre.",
        "Feuille « Fiches » : les colonnes ont changé de place ; elles sont reconnues à leur titre.",
        "La feuille « Étapes » manque, ou elle a changé de nom : rien de ce qu’elle contenait ne change.",
        "La feuille « Mes calculs » n’est pas du portail : elle n’est pas lue.",
    ]


def test_a_workbook_of_another_convention_or_tampered_with_is_refused(place, fiche):
    plan, _, _, user = place
    _, other, _, _, stranger = build_plan()
    with pytest.raises(ImportRefuse, match="autre convention"):
        send(other, stranger, export(plan, user))

    workbook = load_workbook(io.BytesIO(export(plan, user)))
    cells = workbook["_portail"]
    cells["D6"].value = cells["D6"].value.replace("besoins:", "besoins:0")
    with pytest.raises(
        ImportRefuse, match="la feuille cachée qui sert à reconnaître les changements a été modifiée"
    ):
        send(plan, user, saved(workbook))

    del workbook["_portail"]
    with pytest.raises(ImportRefuse, match="Importer un plan"):
        send(plan, user, saved(workbook))

    workbook = load_workbook(io.BytesIO(export(plan, user)))
    workbook["Fiches"]["A1"].value = "Référence"
    with pytest.raises(ImportRefuse, match="la colonne « Clé » manque".replace(" ", ".")):
        send(plan, user, saved(workbook))
    assert EnvoiPlan.objects.count() == 0


def test_a_redaction_writes_only_the_fiches_it_pilots(place, fiche):
    plan, axe, objectif, _ = place
    mine = FicheActionFactory(axe=axe, objectif=objectif, ordre=5, intitule="La mienne")
    writer = HabilitationFactory(convention=plan.convention, role="redaction").user
    PiloteFactory(fiche=mine, user=writer, nom="")
    content = change(
        export(plan, writer),
        ("Fiches", f"F{fiche.pk}", "Besoins constatés", "Pas à moi"),
        ("Fiches", f"F{mine.pk}", "Besoins constatés", "À moi"),
        ("Fiches", f"F{mine.pk}", "Axe", "2 Droits"),
        ("Fiches", 9, "Intitulé", "Une nouvelle"),
    )

    envoi = send(plan, writer, content)

    assert refused(retour.read(envoi, writer).apercu) == [
        ("Fiches!P2", "vous n’écrivez pas cette fiche : elle est à la coordination et à ses pilotes."),
        ("Fiches!D3", "seule la coordination déplace une fiche dans le plan."),
        ("Fiches!C9", "seule la coordination ajoute une fiche au plan."),
    ]
    confirm(envoi, writer, sans_refusees=True)
    mine.refresh_from_db()
    fiche.refresh_from_db()
    assert (mine.besoins, fiche.besoins) == ("À moi", "Vingt familles")


def test_a_confidential_fiche_is_not_in_the_workbook_of_who_may_not_read_it(place):
    plan, axe, objectif, user = place
    full_fiche(plan, axe, objectif, user)
    writer = HabilitationFactory(convention=plan.convention, role="redaction").user

    cells = load_workbook(io.BytesIO(export(plan, writer)))

    assert [row.value for row in cells["Fiches"]["A"]] == ["Clé"]
    assert [row.value for row in cells["Étapes"]["A"]] == ["Clé"]


def test_a_closed_text_is_refused_while_its_follow_up_goes_on(place):
    plan, axe, objectif, user = place
    fiche = FicheActionFactory(
        axe=axe, objectif=objectif, redaction="validee", soumise_le="2025-01-01T00:00:00Z"
    )
    content = change(
        export(plan, user),
        ("Fiches", 2, "Besoins constatés", "Fermé"),
        ("Fiches", 2, "Difficultés rencontrées", "Ouvert"),
        ("Étapes", 2, "Fiche", f"F{fiche.pk}"),
        ("Étapes", 2, "Étape", "Ouverte aussi"),
    )
    envoi = send(plan, user, content)

    assert refused(retour.read(envoi, user).apercu) == [
        ("Fiches!P2", "la fiche est « validée » : son texte ne change plus pour l’instant.")
    ]
    confirm(envoi, user, sans_refusees=True)
    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.difficultes, fiche.etapes.count()) == ("", "Ouvert", 1)


def test_measures_and_places_follow_their_own_rules(place):
    plan, axe, objectif, user = place
    fiche = full_fiche(plan, axe, objectif, user, avancement="a_venir", motif_abandon="")
    mesure = Mesure.objects.get()
    content = change(
        export(plan, user),
        ("Mesures", f"M{mesure.pk}", "Valeur", 4),
        ("Mesures", 3, "Indicateur", "Places ouvertes"),
        ("Mesures", 3, "Année", 2025),
        ("Mesures", 3, "Valeur", "7,5"),
        ("Mesures", 4, "Indicateur", "Places ouvertes"),
        ("Mesures", 4, "Année", 2024),
        ("Fiches", 2, "Axe", "2 Droits"),
        ("Fiches", 2, "Objectif", None),
    )
    envoi = send(plan, user, content)
    found = refused(retour.read(envoi, user).apercu)
    assert [address for address, _ in found] == ["Mesures!C4"], found

    confirm(envoi, user, sans_refusees=True)

    assert list(Mesure.objects.values_list("annee", "valeur")) == [
        (2024, Decimal(4)),
        (2025, Decimal("7.50")),
    ]
    fiche.refresh_from_db()
    assert (fiche.axe.code, fiche.objectif) == ("2", None)


def test_formulas_are_read_by_their_result_or_refused(place, fiche):
    plan, _, _, user = place
    content = change(export(plan, user), ("Fiches", 2, "Besoins constatés", '=CONCATENATE("a","b")'))

    # Written by a program that computes nothing: the cell has no result.
    assert refused(read(plan, user, content)) == [
        ("Fiches!P2", "cette formule n’a pas de résultat : écrivez la valeur elle-même.")
    ]


@given(texte=st.text(max_size=200), montant=st.decimals(0, 99999999, places=2), entier=st.integers(0, 10**9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_text_or_the_amount_it_comes_back_the_same(place, fiche, texte, montant, entier):
    plan, _, _, user = place
    texte = texte.replace("\x00", "")
    fiche.besoins, fiche.effectif_attendu = texte, entier
    fiche.save()
    fiche.lignes_budget.all().delete()
    LigneBudget.objects.create(fiche=fiche, annee=2024, intitule=texte[:50], prevu=montant)

    assert said(read(plan, user, export(plan, user))) == []


def test_a_text_that_looks_like_a_formula_is_kept_exactly(place, fiche):
    plan, _, _, user = place
    confirm(
        send(plan, user, change(export(plan, user), ("Fiches", 2, "Objectif général", "'" + TEXTE))), user
    )

    fiche.refresh_from_db()
    assert fiche.objectif_general == "'" + TEXTE.replace("_x0041_", "A")


def test_sheets_have_a_column_for_what_ties_each_row():
    assert {feuille.parent for feuille in FEUILLES} == {"Fiche", "Indicateur"}
