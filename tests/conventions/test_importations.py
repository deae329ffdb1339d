"""From a file to the register and to the money: shown first, questioned, written whole or not at all."""

import datetime
import io
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from conventions.models import Equipement, Financement, Importation
from conventions.operations import importations
from conventions.operations.importations import ApercuPerimeError, Genre
from conventions.operations.importeurs import IMPORTEURS, EquipementsImporteur, FinancementsImporteur
from ctg_portal.imports import ImportRefuse
from ctg_portal.tableurs import write_csv, write_xlsx
from ctg_portal.workflow import TransitionError
from tests.conventions.test_detail import log_in
from tests.factories import (
    CommuneFactory,
    ConventionFactory,
    DispositifFactory,
    EquipementFactory,
    FinancementFactory,
    OrganisationFactory,
    TypeEquipementFactory,
    UserFactory,
)

D = datetime.date


@pytest.fixture
def convention(client):
    convention = ConventionFactory()
    departement = convention.territoire.departement
    convention.territoire.communes.add(
        CommuneFactory(nom="Cazals", code="46066"), CommuneFactory(nom="Salviac", code="46297")
    )
    OrganisationFactory(nom="CC Cazals-Salviac", departement=departement, siren="200035327")
    OrganisationFactory(nom="CAF du Lot", departement=departement)
    TypeEquipementFactory(code="multi-accueil", intitule="Multi-accueil (EAJE)")
    TypeEquipementFactory(code="micro-creche", intitule="Micro-crèche (EAJE)")
    TypeEquipementFactory(code="rpe", intitule="Relais petite enfance (RPE)", unite_capacite="")
    DispositifFactory(code="ps", intitule="Prestations de service, sans détail")
    log_in(client, convention)
    return convention


@pytest.fixture
def by(convention):
    return UserFactory()


def send(convention, by, text, nature="equipements", **answers):
    contenu = text if isinstance(text, bytes) else text.encode()
    importation = importations.send(convention=convention, nature=nature, nom="f.csv", contenu=contenu, by=by)
    if answers:
        importation.answer(answers, by=by)
    return importation


def read(importation):
    return [
        (ligne.numero, ligne.genre.value, [plain(motif) for motif in ligne.motifs])
        for ligne in importations.preview(importation).lignes
    ]


def plain(text):
    return str(text).replace("\xa0", " ").replace("\u202f", " ")


def confirm(importation, by, *, sans_refusees=False):
    empreinte = importations.preview(importation).empreinte
    return importations.confirm(importation, empreinte=empreinte, sans_refusees=sans_refusees, by=by)


HEAD = "Type;Nom;Commune;Gestionnaire;Places;COF début;COF fin\n"


# Équipements


def test_rows_are_new_changed_unchanged_or_refused(convention, by):
    rpe = TypeEquipementFactory._meta.model.objects.get(code="rpe")
    cazals = convention.territoire.communes.get(code="46066")
    same = EquipementFactory(
        territoire=convention.territoire, type=rpe, nom="RPE", commune=cazals, capacite=None
    )
    EquipementFactory(territoire=convention.territoire, type=rpe, nom="Antenne", commune=None, capacite=3)

    importation = send(
        convention,
        by,
        HEAD
        + "RPE;rpe;cazals;;;;\n"
        + "relais petite enfance;ANTENNE;;200035327;5;;31/12/2026\n"
        + "multi accueil;Crèche;46297;cc cazals salviac;20;1/1/2022;2026-12-31\n"
        + ";Sans type;Cazals;;;;\n"
        + "RPE;Dates;Cazals;;beaucoup;31/12/2026;01/01/2022\n"
        + "RPE;Dates;Cazals;;;31/12/2026;01/01/2022\n",
    )

    assert read(importation) == [
        (2, "modifiee", []),
        (3, "modifiee", []),
        (4, "nouvelle", []),
        (5, "refusee", ["Type : cette cellule est vide."]),
        (6, "refusee", ["Capacité : « beaucoup » n’est pas un nombre entier."]),
        (7, "refusee", ["La fin de la COF suit son début."]),
    ]
    apercu = importations.preview(importation)
    assert [(c.titre, c.avant, c.apres) for c in apercu.lignes[0].changements] == [("Nom", "RPE", "rpe")]
    assert [(c.titre, plain(c.avant), plain(c.apres)) for c in apercu.lignes[1].changements] == [
        ("Nom", "Antenne", "ANTENNE"),
        ("Gestionnaire", "", "CC Cazals-Salviac"),
        ("Capacité", "3", "5"),
        ("Fin de la COF", "", "31 décembre 2026"),
    ]
    assert Equipement.objects.get(pk=same.pk).nom == "RPE"


def test_nothing_is_written_before_the_confirmation_then_all_is(convention, by):
    importation = send(convention, by, HEAD + "RPE;Relais;Cazals;;;;\nRPE;Antenne;Salviac;;;;\n")
    assert not Equipement.objects.exists()

    confirm(importation, by)

    assert sorted(Equipement.objects.values_list("nom", "commune", "territoire")) == [
        ("Antenne", "46297", convention.territoire_id),
        ("Relais", "46066", convention.territoire_id),
    ]
    importation.refresh_from_db()
    assert (importation.statut, importation.confirmee_le is not None) == ("confirmee", True)
    assert [ligne.genre for ligne in importations.report(importation).lignes] == [Genre.NOUVELLE] * 2


def test_same_file_twice_has_nothing_to_do(convention, by):
    text = HEAD + "RPE;Relais;Cazals;CAF du Lot;12;01/01/2022;31/12/2026\n"
    confirm(send(convention, by, text), by)
    again = send(convention, by, text)

    assert read(again) == [(2, "inchangee", [])]
    with pytest.raises(TransitionError, match="rien à écrire"):
        confirm(again, by)
    assert Equipement.objects.count() == 1


def test_refused_rows_block_unless_left_out(convention, by):
    importation = send(convention, by, HEAD + "RPE;Relais;;;;;\nRPE;;;;;;\n")

    with pytest.raises(TransitionError, match="Des lignes sont refusées"):
        confirm(importation, by)
    assert not Equipement.objects.exists()

    confirm(importation, by, sans_refusees=True)
    assert [row.nom for row in Equipement.objects.all()] == ["Relais"]
    importation.refresh_from_db()
    assert [row["genre"] for row in importation.rapport] == ["nouvelle", "refusee"]


def test_what_was_shown_is_what_is_written(convention, by):
    equipement = EquipementFactory(territoire=convention.territoire, nom="RPE", capacite=3)
    importation = send(convention, by, f"Type;Nom;Capacité\n{equipement.type};RPE;5\n")
    shown = importations.preview(importation).empreinte
    Equipement.objects.update(capacite=4)

    with pytest.raises(ApercuPerimeError):
        importations.confirm(importation, empreinte=shown, sans_refusees=False, by=by)
    assert Equipement.objects.get().capacite == 4
    importation.refresh_from_db()
    assert importation.statut == "a_confirmer"


def test_confirmed_or_dropped_is_over(convention, by):
    done = send(convention, by, HEAD + "RPE;Relais;;;;;\n")
    confirm(done, by)
    dropped = send(convention, by, HEAD + "RPE;Antenne;;;;;\n")
    dropped.drop(by=by)

    for importation in (done, dropped):
        with pytest.raises(TransitionError, match="rien n’est écrit une seconde fois"):
            confirm(importation, by)
        with pytest.raises(TransitionError):
            importation.answer({"a": "b"}, by=by)
    assert Equipement.objects.count() == 1


def test_absent_column_changes_nothing_and_empty_cell_erases(convention, by):
    equipement = EquipementFactory(
        territoire=convention.territoire, nom="RPE", capacite=3, observations="À voir", cof_numero="C1"
    )
    confirm(send(convention, by, f"Type;Nom;Capacité\n{equipement.type};RPE;\n"), by)

    equipement.refresh_from_db()
    assert (equipement.capacite, equipement.observations, equipement.cof_numero) == (None, "À voir", "C1")


def test_lost_zero_of_a_code_is_found(convention, by):
    convention.territoire.communes.add(CommuneFactory(nom="Ambérieu", code="01004"))
    importation = send(convention, by, "Type;Nom;Code INSEE\nRPE;A;1004\nRPE;B;2A004\nRPE;C;x\n")

    assert read(importation) == [
        (2, "nouvelle", []),
        (3, "refusee", ["Code INSEE : « 2A004 » n’est pas celui d’une commune de ce territoire."]),
        (
            4,
            "refusee",
            ["Code INSEE : « x » n’est pas un code INSEE : cinq caractères, comme 01001 ou 2A004."],
        ),
    ]
    assert importations.preview(importation).lignes[0].objet.commune_id == "01004"


def test_commune_and_code_that_disagree_are_refused(convention, by):
    importation = send(convention, by, "Type;Nom;Commune;Code INSEE\nRPE;A;Cazals;46297\n")

    assert read(importation) == [
        (
            2,
            "refusee",
            [
                "Commune : « Cazals » et le code 46297 (Salviac) se contredisent. Videz l’une des deux cellules."
            ],
        )
    ]


def test_same_row_twice_is_refused_once(convention, by):
    equipement = EquipementFactory(territoire=convention.territoire, nom="RPE")
    ref = f"Référence;Type;Nom\n{equipement.pk};{equipement.type};Relais\n{equipement.pk};{equipement.type};Antenne\n"

    assert read(send(convention, by, ref))[1] == (3, "refusee", ["C’est déjà la ligne 2 du fichier."])
    twice = send(convention, by, "Type;Nom\nRPE;Relais\nRPE;Relais\n")
    assert read(twice)[1] == (
        3,
        "refusee",
        ["Cet équipement est déjà inscrit : même type, même nom, même commune."],
    )


def test_reference_of_another_territoire_is_refused(convention, by):
    foreign = EquipementFactory(nom="Ailleurs")

    for reference in (foreign.pk, "abc", 10**30):
        (row,) = read(send(convention, by, f"Référence;Type;Nom\n{reference};RPE;Pris\n"))
        assert row[1] == "refusee"
        assert "n’est pas un équipement de ce territoire. Videz cette cellule" in row[2][0]
    foreign.refresh_from_db()
    assert foreign.nom == "Ailleurs"


def test_unknown_names_are_asked_once_and_the_answer_is_kept(convention, by):
    importation = send(
        convention, by, "Type;Nom;Gestionnaire\nRPE;A;CC Cazals Salviak\nRPE;B;CC Cazals Salviak\nEAJE;C;\n"
    )
    apercu = importations.preview(importation)

    assert [(question.cle, question.lignes) for question in apercu.questions] == [
        ("gestionnaire:cc cazals salviak", 2),
        ("type:eaje", 1),
    ]
    first, second = apercu.questions
    assert first.options[0][1] == "CC Cazals-Salviac"
    assert {label for _, label in second.options[:-1]} == {"Multi-accueil (EAJE)", "Micro-crèche (EAJE)"}
    assert [row[1] for row in read(importation)] == ["refusee"] * 3

    importation.answer({first.cle: first.options[0][0], second.cle: "refuser"}, by=by)

    assert [row[1] for row in read(importation)] == ["nouvelle", "nouvelle", "refusee"]
    assert {q.reponse for q in importations.preview(importation).questions} == {
        first.options[0][0],
        "refuser",
    }


def test_answer_out_of_the_list_is_none(convention, by):
    foreign = OrganisationFactory(departement=None)
    importation = send(
        convention,
        by,
        "Type;Nom;Gestionnaire\nRPE;A;Inconnue\n",
        **{"gestionnaire:inconnue": str(foreign.pk)},
    )

    assert read(importation)[0][1] == "refusee"


def full(convention):
    commune = convention.territoire.communes.get(code="46066")
    gone = CommuneFactory(nom="Partie", code="46999")
    common = {"territoire": convention.territoire, "type__unite_capacite": "places"}
    EquipementFactory(
        **common,
        nom="=Crèche « A » ; B",
        commune=commune,
        gestionnaire=OrganisationFactory(nom="Hors du département"),
        adresse="1, place\nde l’Église",
        ouverture="- lundi\r\n- mardi",
        cof_numero="0012",
        cof_debut=D(2022, 1, 1),
        cof_fin=D(2026, 12, 31),
        ouvert_le=D(1999, 9, 1),
        observations="@ligne\n\n'=2",
    )
    EquipementFactory(**common, nom="Crèche", commune=gone, capacite=None)
    EquipementFactory(**common, nom="crèche", commune=gone, capacite=0)


@pytest.mark.parametrize("write", [lambda sheet: write_xlsx([sheet], titre="T"), write_csv])
def test_export_of_equipements_comes_back_without_a_difference(convention, by, write):
    full(convention)
    sheet = EquipementsImporteur.sheet("Équipements", EquipementsImporteur.rows_of(convention))

    apercu = importations.preview(send(convention, by, write(sheet)))

    assert [(ligne.genre.value, ligne.motifs, ligne.changements) for ligne in apercu.lignes] == [
        ("inchangee", [], [])
    ] * 3
    assert (apercu.questions, apercu.ignorees) == ([], ())


# Financements

MONEY = "Exercice;Financeur;Dispositif;Bénéficiaire;Objet;Prévu;Versé\n"


def test_amounts_of_both_prints_are_read_to_the_cent(convention, by):
    importation = send(
        convention,
        by,
        MONEY
        + "2022;CAF du Lot;ps;CC Cazals-Salviac;RPE;;248 220.56\n"
        + "2022;CAF du Lot;ps;CC Cazals-Salviac;EAJE;;157\u202f191,67 €\n",
        nature="financements",
    )
    confirm(importation, by)

    assert [str(row.verse) for row in Financement.objects.order_by("pk")] == ["248220.56", "157191.67"]
    assert set(Financement.objects.values_list("convention", "exercice")) == {(convention.pk, 2022)}


def test_ambiguous_amount_is_asked_once_a_value(convention, by):
    row = "2022;CAF du Lot;ps;CC Cazals-Salviac;{};;1,234\n"
    importation = send(convention, by, MONEY + row.format("A") + row.format("B"), nature="financements")
    apercu = importations.preview(importation)

    (question,) = apercu.questions
    assert (question.cle, question.lignes) == ("verse:1,234", 2)
    assert [plain(label) for _, label in question.options[:2]] == ["1 234 €", "1,23 €, arrondi au centime"]
    assert read(importation)[0] == (2, "refusee", ["Versé : « 1,234 » peut se lire de deux façons."])

    importation.answer({question.cle: "milliers"}, by=by)
    assert [ligne.objet.verse for ligne in importations.preview(importation).lignes] == [Decimal(1234)] * 2
    importation.answer({question.cle: "decimales"}, by=by)
    assert [ligne.objet.verse for ligne in importations.preview(importation).lignes] == [Decimal("1.23")] * 2


@pytest.mark.parametrize(
    ("cells", "motif"),
    [
        (
            "1850;CAF du Lot;ps;CC Cazals-Salviac;;;5",
            "Exercice : Assurez-vous que cette valeur est supérieure ou égale à 2000.",
        ),
        ("2022;CAF du Lot;ps;CC Cazals-Salviac;;;-5", "Versé : Un montant ne peut pas être négatif."),
        (
            "2022;CAF du Lot;ps;CC Cazals-Salviac;;;",
            "Indiquez au moins un montant : prévu, notifié ou versé.",
        ),
        (
            "2022;CAF du Lot;ps;Inconnue;;;5",
            "Bénéficiaire : « Inconnue » n’est pas dans l’annuaire de la convention.",
        ),
        (
            "2022;CAF du Lot;magie;CC Cazals-Salviac;;;5",
            "Dispositif : « magie » n’est pas un dispositif connu.",
        ),
        (
            f"2022;CAF du Lot;ps;CC Cazals-Salviac;{'x' * 201};;5",
            "Objet : Assurez-vous que cette valeur comporte au plus 200 caractères (actuellement 201).",
        ),
    ],
)
def test_money_bad_input_is_said_by_row(convention, by, cells, motif):
    importation = send(convention, by, MONEY + cells + "\n", nature="financements")

    assert read(importation) == [(2, "refusee", [motif])]


def test_rows_that_look_alike_are_paired_one_by_one(convention, by):
    text = MONEY + "2022;CAF du Lot;ps;CC Cazals-Salviac;;;5\n2022;CAF du Lot;ps;CC Cazals-Salviac;;;7\n"
    confirm(send(convention, by, text, nature="financements"), by)

    assert [row[1] for row in read(send(convention, by, text, nature="financements"))] == [
        "inchangee",
        "inchangee",
    ]
    changed = send(convention, by, text.replace(";5\n", ";6\n"), nature="financements")
    assert sorted(row[1] for row in read(changed)) == ["inchangee", "modifiee"]


@pytest.mark.parametrize("write", [lambda sheet: write_xlsx([sheet], titre="T"), write_csv])
def test_export_of_financements_comes_back_without_a_difference(convention, by, write):
    equipement = EquipementFactory(territoire=convention.territoire, nom="Crèche")
    EquipementFactory(territoire=convention.territoire, nom="Crèche")
    FinancementFactory(
        convention=convention, equipement=equipement, verse="248220.56", notifie="1.10", prevu="1234.00"
    )
    FinancementFactory(
        convention=convention, verse="0.00", objet="+ bonus", source="=COF", reference_cof="1E5"
    )
    sheet = FinancementsImporteur.sheet("Financements", FinancementsImporteur.rows_of(convention))

    apercu = importations.preview(send(convention, by, write(sheet), nature="financements"))

    assert [(ligne.genre.value, ligne.motifs, ligne.changements) for ligne in apercu.lignes] == [
        ("inchangee", [], [])
    ] * 2
    assert (apercu.questions, apercu.ignorees) == ([], ())


@pytest.mark.parametrize("nature", IMPORTEURS)
def test_every_column_is_written_and_known(convention, nature):
    importeur = IMPORTEURS[nature]

    assert [champ.nom for champ in importeur.champs] == list(importeur.colonnes)
    read_columns = {champ.nom for champ in importeur.champs if not champ.derive} - {"reference", "code_insee"}
    assert set(importeur(convention).readers()) == read_columns


# Files


def book(**sheets):
    made = Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(row)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


def test_sheet_with_the_columns_is_found_and_others_offered(convention, by):
    head = ["Type", "Nom"]
    one = send(convention, by, book(Notes=[["Bonjour"]], Liste=[head, ["RPE", "A"]]))
    two = send(convention, by, book(A=[head, ["RPE", "A"]], B=[head, ["RPE", "B"]]))

    assert (importations.preview(one).feuille, importations.preview(one).questions) == ("Liste", [])
    (question,) = importations.preview(two).questions
    assert (question.cle, question.reponse, question.options) == ("feuille", "A", [("A", "A"), ("B", "B")])
    two.answer({"feuille": "B"}, by=by)
    assert importations.preview(two).lignes[0].titre == "B"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Nom;Commune\nA;B\n", "Il manque la colonne « Type »"),
        ("Type;Nom\n", "n’a aucune ligne sous les titres"),
        ("Type;Nom\n" + "RPE;A\n" * 5001, "trop long : 5 000 lignes au plus"),
    ],
)
def test_file_without_what_it_takes_is_refused_and_not_kept(convention, by, text, sentence):
    with pytest.raises(ImportRefuse) as refused:
        send(convention, by, text)

    assert sentence in plain(refused.value)
    assert not Importation.objects.exists()


# Pages


def url(name, convention, *args):
    return reverse(f"conventions:{name}", args=[convention.code, *args])


def upload(client, convention, content, name="équipements.csv", nature="equipements", **extra):
    data = {"fichier": SimpleUploadedFile(name, content)}
    return client.post(url("importation_add", convention, nature), data, **extra)


def test_upload_preview_confirm_and_report(client, convention):
    response = upload(client, convention, (HEAD + "RPE;Relais;Cazals;;;;\nRPE;;;;;;\n").encode(), follow=True)
    importation = Importation.objects.get()
    assert "Aperçu de" in response.text
    assert "Type : " not in response.text.split("Lignes du fichier")[0]
    assert [
        ligne.numero
        for ligne in client.get(importation.get_absolute_url() + "?genre=refusee").context["page_obj"]
    ] == [3]

    empreinte = response.context["apercu"].empreinte
    refused = client.post(
        url("importation_confirm", convention, importation.pk), {"empreinte": empreinte}, follow=True
    )
    assert "Des lignes sont refusées" in refused.text
    assert not Equipement.objects.exists()

    data = {"empreinte": empreinte, "sans_refusees": "on"}
    done = client.post(url("importation_confirm", convention, importation.pk), data, follow=True)
    assert "L’importation est faite" in done.text
    assert "Compte rendu, ligne par ligne" in done.text
    again = client.post(url("importation_confirm", convention, importation.pk), data, follow=True)
    assert "rien n’est écrit une seconde fois" in again.text
    assert Equipement.objects.count() == 1


def test_stale_preview_is_shown_anew(client, convention):
    upload(client, convention, (HEAD + "RPE;Relais;Cazals;;;;\n").encode())
    importation = Importation.objects.get()

    for empreinte in ("", "0" * 64, "x" * 500):
        response = client.post(
            url("importation_confirm", convention, importation.pk), {"empreinte": empreinte}, follow=True
        )
        assert response.status_code == 200
    assert (
        "Ce qui serait écrit a changé depuis l’aperçu"
        in client.post(
            url("importation_confirm", convention, importation.pk), {"empreinte": "0" * 64}, follow=True
        ).text
    )
    assert not Equipement.objects.exists()


def test_questions_are_answered_on_the_page(client, convention):
    text = MONEY + "2022;CAF du Lot;ps;CC Cazals-Salviac;;;1,234\n"
    page = upload(client, convention, text.encode(), nature="financements", follow=True)
    importation = Importation.objects.get()
    (field,) = page.context["reponses"].fields

    bad = client.post(url("importation_answer", convention, importation.pk), {field: "pirate"}, follow=True)
    assert bad.status_code == 200
    response = client.post(
        url("importation_answer", convention, importation.pk), {field: "milliers"}, follow=True
    )

    assert response.context["apercu"].comptes == {"nouvelle": 1, "modifiee": 0, "inchangee": 0, "refusee": 0}
    importation.refresh_from_db()
    assert importation.reponses == {"verse:1,234": "milliers"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Ce fichier est vide."),
        (b"x" * 5_000_001, "Ce fichier est trop lourd : 5 Mo au plus."),
        (b"MZ\x90\x00" * 50, "n’est ni un classeur .xlsx ni un fichier texte"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "est un ancien fichier Excel (.xls)"),
        (b"Nom;Commune\nA;B\n", "Il manque la colonne « Type »"),
        (b"<script>alert(1)</script>;x\n1;2\n", "Il manque les colonnes « Type », « Nom »"),
    ],
    ids=["empty", "heavy", "exe", "xls", "columns", "script"],
)
def test_upload_refused_says_why(client, convention, content, sentence):
    response = upload(client, convention, content)

    assert response.status_code == 200
    assert sentence in plain(response.context["form"].errors["fichier"][0])
    assert "<script>alert" not in response.text
    assert not Importation.objects.exists()


def test_upload_without_a_file_or_of_an_unknown_nature(client, convention):
    assert client.post(url("importation_add", convention, "equipements")).context["form"].errors["fichier"]
    assert client.get(url("importation_add", convention, "fiches")).status_code == 404


def test_hostile_cells_are_escaped(client, convention):
    text = HEAD + "RPE;<script>alert(1)</script>;<b>Cazals</b>;;;;\n"

    page = upload(client, convention, text.encode(), name="<img src=x>.csv", follow=True)

    assert "<script>alert" not in page.text
    assert "<img src=x>" not in page.text


def test_closed_convention_imports_nothing(client, convention, by):
    importation = send(convention, by, HEAD + "RPE;Relais;;;;;\n")
    type(convention).objects.update(statut="close")

    assert client.get(url("importation_add", convention, "equipements")).status_code == 403
    assert client.get(importation.get_absolute_url()).status_code == 200
    for verb in ("confirm", "answer", "drop"):
        assert client.post(url(f"importation_{verb}", convention, importation.pk)).status_code == 403


def test_dropped_import_says_so(client, convention, by):
    importation = send(convention, by, HEAD + "RPE;Relais;;;;;\n")

    page = client.post(url("importation_drop", convention, importation.pk), follow=True)

    assert "L’importation est abandonnée" in page.text
    assert "Cette importation est abandonnée" in page.text


def test_modele_is_an_empty_table_with_its_choices(client, convention):
    content = client.get(url("importation_modele", convention, "equipements")).content
    page, listes = load_workbook(io.BytesIO(content)).worksheets

    assert [cell.value for cell in page[1]] == [champ.titre for champ in EquipementsImporteur.champs]
    assert page.max_row == 1
    assert [cell.value for cell in listes["B"] if cell.value] == ["Cazals", "Salviac"]
    refused = upload(client, convention, content, name="modele.xlsx")
    assert "n’a aucune ligne" in refused.context["form"].errors["fichier"][0]


def test_export_of_financements_is_served(client, convention):
    FinancementFactory(convention=convention, verse="248220.56")

    response = client.get(url("importation_export", convention, "financements"))

    assert load_workbook(io.BytesIO(response.content)).active["K2"].value == 248220.56


@pytest.mark.parametrize("count", [1, 3])
def test_list_and_preview_query_count_does_not_grow(client, convention, by, count, django_assert_num_queries):
    rows = "".join(f"RPE;Relais {n};Cazals;CAF du Lot;1;;\n" for n in range(count))
    for _ in range(count):
        importation = send(convention, by, HEAD + rows)

    # The one more: whether figures may be imported depends on the diagnostic.
    with django_assert_num_queries(9):
        assert client.get(url("importations", convention)).text.count("f.csv") == count
    with django_assert_num_queries(11):
        assert client.get(importation.get_absolute_url()).context["apercu"].ecrites == count
