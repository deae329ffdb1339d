"""A plan made elsewhere: its table is found, its columns guessed, and nothing of it is lost without a word."""

import datetime
import io
import tracemalloc
import zipfile
from decimal import Decimal

import pytest
from django.urls import reverse
from openpyxl import Workbook

from actions.models import (
    Axe,
    CorrespondancePlan,
    EnvoiPlan,
    FicheAction,
    LigneBudget,
    LigneFinancement,
    Objectif,
)
from actions.tableur import plans, travaux
from actions.tableur.apercu import Apercu
from actions.tableur.branches import NOUVEL_AXE
from actions.tableur.cibles import guess, guess_one, is_tet
from actions.tableur.tableau import order_of_dates, suggest, tableau_of
from ctg_portal.grilles import MAX_PARCOURUES, read_grilles
from ctg_portal.imports import ImportRefuse
from tests.actions.classeurs import build_plan, plain, refused
from tests.conventions.test_detail import log_in
from tests.factories import FicheActionFactory, OrganisationFactory

pytestmark = pytest.mark.django_db
D = datetime.date
TET = (
    *("Axe (x)", "Sous-axe (x.x)", "Sous-sous axe (x.x.x)", "Titre de la fiche action", "Descriptif"),
    *("Instances de gouvernance", "Objectifs", "Indicateurs liés", "Structure pilote"),
    *("Moyens humains et techniques", "Partenaires", "Direction ou service pilote", "Personne pilote"),
    *("Élu·e référent·e", "Participation Citoyenne", "Financements", "Financeur 1", "Montant € HT"),
    *("Financeur 2", "Montant € HT", "Financeur 3", "Montant € HT", "Budget prévisionnel total € HT"),
    *("Statut", "Niveau de priorité", "Date de début", "Date de fin", "Action en amélioration continue"),
    *("Calendrier", "Actions liées", "Fiches des plans liées", "Notes de suivi"),
    *("Etapes de la fiche action", "Notes complémentaires", "Documents et liens"),
)


@pytest.fixture
def place():
    """(plan, somebody of the coordination)"""
    _, plan, _, _, user = build_plan()
    return plan, user


def workbook_of(*rows, sheet="Plan", merge=()):
    workbook = Workbook()
    cells = workbook.active
    cells.title = sheet
    for row in rows:
        cells.append(list(row))
    for block in merge:
        cells.merge_cells(block)
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def describe(plan, user, content, nom="plan.xlsx", *, colonnes=None, dates=None, axe=NOUVEL_AXE):
    envoi = plans.send(convention=plan.convention, nom=nom, contenu=content, by=user)
    tableau = tableau_of(envoi)
    chosen = colonnes or suggest(envoi, tableau)[0]
    dates = dates or order_of_dates(tableau, chosen)
    lignes = plans.describe(envoi, colonnes=chosen, dates=dates, axe=axe, by=user)
    return travaux.preview(envoi, lignes=lignes, by=user)


def confirm(envoi, user, *, sans_refusees=False):
    empreinte = envoi.rapport["empreinte"]
    return travaux.confirm(envoi, empreinte=empreinte, decisions={}, sans_refusees=sans_refusees, by=user)


def test_titles_of_plans_are_known_however_they_are_written():
    assert [
        guess_one(titre) for titre in ("INTITULÉ DE L’ACTION", "N°", "Budget 2025 (€)", "Porteur", "Météo")
    ] == [*("intitule", "code", "budget", "structure_pilote", "")]
    # Twice one title: a field is filled once, amounts and names as often as they come.
    assert guess(["Objectifs", "Objectifs", "Montant", "Montant"]) == [
        "objectif_general",
        "",
        "montant",
        "montant",
    ]
    assert is_tet(TET)
    assert not is_tet(["Axe", "Action", "Budget"])


def test_the_model_of_territoires_en_transitions_becomes_fiches(place):
    plan, user = place
    caf = OrganisationFactory(nom="CAF du Lot", departement=plan.convention.territoire.departement)
    row = dict.fromkeys(range(len(TET)))
    row |= {
        0: "3 Parentalité",
        1: "3.1 Soutenir",
        2: "3.1.1 Écouter",
        3: "Ouvrir un lieu d’accueil",
        4: "Deux matinées par semaine",
        6: "Rompre l’isolement",
        7: "Familles reçues\nSéances tenues",
        8: "Commune inconnue",
        10: "MSA ; CAF du Lot",
        12: "Chargée de mission",
        16: "CAF du Lot",
        17: 12000.5,
        18: "Fondation inconnue",
        19: 300,
        22: "Entre 200 et 500",
        23: "En cours",
        24: "Élevé",
        25: D(2024, 3, 1),
        26: "31/12/2025",
        31: "Réunion du 3 mars",
        32: "Recruter\nOuvrir",
        34: "https://exemple.org",
    }
    help_row = ["Texte libre", "Texte libre", "Facultatif", "Obligatoire", "Texte libre"]
    content = workbook_of(["Plan d’action"], TET, help_row, list(row.values()), sheet="Modèle")

    envoi = describe(plan, user, content)
    apercu = Apercu.from_json(envoi.rapport)

    assert refused(apercu) == []
    assert [plain(r) for r in apercu.remarques] == [
        "1 axe sera créé : « 3 Parentalité ».",
        "1 objectif sera créé : « 3.1 Soutenir ».",
        "« Sous-sous axe (x.x.x) » est un troisième niveau, sous les axes et les objectifs ; le plan du portail en a deux. "
        "Ses mots sont gardés dans une note de chaque fiche : « 3.1.1 Écouter » (1 fiche).",
    ]
    assert [(row.ligne, row.motif) for row in apercu.ecartees] == [(3, "une ligne d’aide ou de total")]
    assert Axe.objects.filter(plan=plan).count() == 2
    confirm(envoi, user)

    fiche = FicheAction.objects.get()
    assert (fiche.intitule, fiche.code, str(fiche.objectif)) == (
        "Ouvrir un lieu d’accueil",
        "3.1.1",
        "3.1 Soutenir",
    )
    assert (fiche.modalites, fiche.objectif_general) == ("Deux matinées par semaine", "Rompre l’isolement")
    assert (fiche.avancement, fiche.priorite, fiche.redaction) == ("en_cours", "haute", "brouillon")
    assert (fiche.debut, fiche.echeance) == (D(2024, 3, 1), D(2025, 12, 31))
    assert list(fiche.indicateurs.values_list("intitule", flat=True)) == ["Familles reçues", "Séances tenues"]
    assert list(fiche.etapes.values_list("intitule", flat=True)) == ["Recruter", "Ouvrir"]
    assert [(row.organisation, row.nom) for row in fiche.partenaires.all()] == [(None, "MSA"), (caf, "")]
    assert [pilote.nom for pilote in fiche.pilotes.all()] == ["Chargée de mission"]
    paid = LigneFinancement.objects.get()
    assert (paid.financeur, paid.demande, paid.annee) == (caf, Decimal("12000.50"), 2024)
    note = fiche.notes.get()
    assert note.auteur == user
    for kept in (
        "feuille « Modèle », ligne 4",
        "**Sous-sous axe (x.x.x)** : 3.1.1 Écouter",
        "**Structure pilote** : Commune inconnue",
        "**Financeur 2** : Fondation inconnue : 300",
        "**Budget prévisionnel total € HT** : Entre 200 et 500",
        "**Notes de suivi** : Réunion du 3 mars",
        "**Documents et liens** : https://exemple.org",
    ):
        assert kept in note.texte
    # Sent again, nothing is written twice.
    again = describe(plan, user, content)
    assert [plain(motif) for _, motif in refused(Apercu.from_json(again.rapport))][:1] == [
        "une fiche du plan porte déjà ce titre : la ligne n’est pas reprise."
    ]


def test_axes_come_from_banners_merged_cells_or_rows_of_their_own(place):
    plan, user = place
    content = workbook_of(
        ["Plan CTG 2024-2028"],
        [],
        ["Orientation", "Action", "Budget", "Budget"],
        ["AXE 5 : SANTÉ"],
        [None, "Créer une maison de santé", "1 500,50 €", "5000 TTC"],
        ["Culture", None],
        [None, "Monter un festival", None, "gratuit"],
        ["Sport", "Courir", None, None],
        [None, "Nager", 20, None],
        ["Total", None, 9999, 9999],
        ["Des mots sans action", None, "12", None],
        merge=("A8:A9",),
    )

    envoi = describe(plan, user, content)
    apercu = Apercu.from_json(envoi.rapport)
    assert envoi.reponses["entete"] == 3
    assert [address for address, _ in refused(apercu)] == ["Plan!A11"]
    confirm(envoi, user, sans_refusees=True)

    assert [(f.axe.code, f.axe.intitule, f.intitule) for f in FicheAction.objects.order_by("pk")] == [
        ("5", "SANTÉ", "Créer une maison de santé"),
        ("4", "Culture", "Monter un festival"),
        ("5-2", "Sport", "Courir"),
        ("5-2", "Sport", "Nager"),
    ]
    year = plan.convention.debut.year
    assert list(LigneBudget.objects.order_by("pk").values_list("annee", "prevu")) == [
        (year, Decimal("1500.50")),
        (year, Decimal(5000)),
        (year, Decimal(20)),
    ]
    assert "**Budget** : gratuit" in FicheAction.objects.get(intitule="Monter un festival").notes.get().texte


def test_a_plan_without_axes_goes_where_the_person_says(place):
    plan, user = place
    droits = Axe.objects.get(plan=plan, code="2")
    content = workbook_of(["N°", "Action"], ["12", "Ouvrir un guichet"], ["", "Former"], sheet="Actions")

    confirm(describe(plan, user, content, axe=str(droits.pk)), user)

    assert [(f.code, f.axe) for f in FicheAction.objects.order_by("pk")] == [("12", droits), ("2.1", droits)]


def test_dates_are_read_as_the_file_writes_them(place):
    plan, user = place
    american = workbook_of(["Action", "Début", "Date de fin"], ["A", "03/31/2024", "12/05/2024"])
    french = workbook_of(
        ["Action", "Début", "Date de fin"], ["B", 45382, "1er mars 2025"], ["C", "2024", "T3 2026"]
    )

    confirm(describe(plan, user, american), user)
    confirm(describe(plan, user, french), user)

    assert [(f.debut, f.echeance) for f in FicheAction.objects.order_by("pk")] == [
        (D(2024, 3, 31), D(2024, 12, 5)),
        (D(2024, 3, 31), D(2025, 3, 1)),
        (None, None),
    ]
    assert "**Date de fin** : T3 2026" in FicheAction.objects.get(intitule="C").notes.get().texte


def test_what_the_forms_refuse_is_kept_in_the_notes(place):
    plan, user = place
    long_title = "Un très long titre " * 30
    content = workbook_of(
        ["Action", "Début", "Date de fin", "Équivalents temps plein", "Domaines"],
        ["A", D(2025, 1, 1), D(2024, 1, 1), "-3", "Licornes, Petite enfance"],
        [long_title, None, None, None, None],
    )

    confirm(describe(plan, user, content), user)

    fiche, other = FicheAction.objects.order_by("pk")
    note = plain(fiche.notes.get().texte)
    assert (fiche.debut, fiche.echeance, fiche.etp) == (None, None, None)
    assert all(
        kept in note
        for kept in (
            "**Début** : 01/01/2025",
            "**Date de fin** : 01/01/2024",
            ": -3",
            "**Domaines** : Licornes",
        )
    )
    assert len(other.intitule) == 300
    assert long_title.strip() in other.notes.get().texte


def test_duplicates_are_refused_with_the_row_they_repeat(place):
    plan, user = place
    FicheActionFactory(axe=Axe.objects.filter(plan=plan).first(), intitule="Déjà là")
    content = workbook_of(["Action", "Code"], ["Nouvelle", 1], ["nouvelle !", 2], ["DÉJÀ LÀ", 3])

    envoi = describe(plan, user, content)

    assert refused(Apercu.from_json(envoi.rapport)) == [
        ("Plan!A3", "ce titre est déjà celui de la ligne 2 : la ligne n’est pas reprise."),
        ("Plan!B3", "ce titre est déjà celui de la ligne 2 : la ligne n’est pas reprise."),
        ("Plan!A4", "une fiche du plan porte déjà ce titre : la ligne n’est pas reprise."),
        ("Plan!B4", "une fiche du plan porte déjà ce titre : la ligne n’est pas reprise."),
    ]


def test_an_action_is_not_taken_for_help_because_of_its_first_letters(place):
    plan, user = place
    content = workbook_of(
        ["Axe", "Titre", "Description", "Priorité"],
        ["Choisir un axe", "Texte libre", "Facultatif", "Liste déroulante"],
        ["Parentalité", "Formation des assistantes maternelles", "Formation de 20 bénévoles par an", "Haute"],
        ["Santé", "Choisir son mode de garde", "Indiquer où et quand", None],
        [None, "Obligatoire", "Saisir le texte", None],
        [None, "Ouvrir un guichet", None, None],
        ["Total", None, "12", None],
    )

    envoi = describe(plan, user, content)
    assert [row.ligne for row in Apercu.from_json(envoi.rapport).ecartees] == [2, 5, 7]
    confirm(envoi, user)

    assert [(f.axe.intitule, f.intitule) for f in FicheAction.objects.order_by("pk")] == [
        ("Parentalité", "Formation des assistantes maternelles"),
        ("Santé", "Choisir son mode de garde"),
        ("Santé", "Ouvrir un guichet"),
    ]


def test_rows_below_go_to_the_axe_that_a_row_set_aside_names(place):
    plan, user = place
    content = workbook_of(
        ["Objectif", "Titre", "Description"],
        ["Premier", "Une", None],
        ["Second", "Choisir", "Saisir le texte"],
        [None, "Deux", None],
    )

    confirm(describe(plan, user, content, colonnes=["objectif", "intitule", "modalites"]), user)

    assert [(f.objectif.intitule, f.intitule) for f in FicheAction.objects.order_by("pk")] == [
        ("Premier", "Une"),
        ("Second", "Deux"),
    ]


def test_a_row_set_aside_comes_back_under_a_title(client, place):
    plan, _ = place
    user = log_in(client, plan.convention)
    FicheActionFactory(axe=Axe.objects.filter(plan=plan).first(), intitule="Déjà là")
    content = workbook_of(
        ["Titre", "Description", "Besoins"],
        ["Choisir", "Saisir ses droits", "Un mot"],
        ["Déjà là", "Autrement", None],
        [None, "Sans titre", None],
    )
    envoi = describe(plan, user, content)
    page = client.get(envoi.get_absolute_url())
    assert [(row.ligne, row.titre) for row in page.context["apercu"].ecartees] == [
        (2, "Choisir"),
        (3, "Déjà là"),
        (4, ""),
    ]
    url = reverse("actions:envoi_row", args=[plan.convention.code, envoi.pk])

    assert "Donnez un titre" in client.post(url, {"ligne": 4, "titre": " "}, follow=True).text
    assert "plus parmi celles de côté" in client.post(url, {"ligne": 1, "titre": "x"}, follow=True).text
    for ligne, titre in ((2, "Choisir"), (3, "Là, mais autrement"), (4, "Trouvée")):
        page = client.post(url, {"ligne": ligne, "titre": titre}, follow=True)
    assert page.context["apercu"].ecartees == []
    envoi.refresh_from_db()
    confirm(envoi, user)

    found = FicheAction.objects.exclude(intitule="Déjà là").order_by("pk")
    assert [(f.intitule, f.modalites) for f in found] == [
        ("Choisir", "Saisir ses droits"),
        ("Là, mais autrement", "Autrement"),
        ("Trouvée", "Sans titre"),
    ]


def test_one_action_over_several_rows_keeps_what_each_says(place):
    plan, user = place
    content = workbook_of(
        ["Axe", "Titre", "Partenaires", "Pilotes", "Budget 2025", "Date de fin", "Description"],
        ["Santé", "Ouvrir une maison", "Mairie", "DUPONT, Marie", 1000, D(2025, 6, 30), "Un lieu."],
        [None, None, "Département", "DUPONT, Marie", 500, D(2025, 6, 30), "Un accueil."],
        ["Culture", None, "Mairie, MSA", "Anne Roy, Paul Martin", None, D(2026, 6, 30), None],
        [None, "Fermer", None, "Paul Martin, directeur", None, None, None],
        merge=("B2:B4", "A2:A3"),
    )

    envoi = describe(plan, user, content)
    apercu = Apercu.from_json(envoi.rapport)
    assert refused(apercu) == []
    assert [len(objet.cellules) for objet in apercu.objets] == [16, 2]
    assert "2 pilotes : « Anne Roy », « Paul Martin »" in {c.motif for c in apercu.cellules}
    confirm(envoi, user)

    fiche, other = FicheAction.objects.order_by("pk")
    assert (fiche.axe.intitule, fiche.intitule, other.intitule) == ("Santé", "Ouvrir une maison", "Fermer")
    assert [str(row) for row in fiche.partenaires.all()] == ["Mairie", "Département", "MSA"]
    assert [str(row) for row in fiche.pilotes.all()] == ["DUPONT Marie", "Anne Roy", "Paul Martin"]
    assert [str(row) for row in other.pilotes.all()] == ["Paul Martin, directeur"]
    assert list(fiche.lignes_budget.values_list("prevu", flat=True)) == [1000, 500]
    assert (fiche.echeance, fiche.modalites) == (D(2025, 6, 30), "Un lieu.\n\nUn accueil.")
    note = plain(fiche.notes.get().texte)
    assert "**Date de fin** : 30/06/2026" in note
    assert "**Axe** : Culture" in note


def test_what_was_said_of_the_columns_is_remembered_for_the_same_head(place):
    plan, user = place
    first = workbook_of(["Machin", "Truc 2024", "Bidule"], ["Ouvrir", "Des mots", "x"])
    describe(plan, user, first, colonnes=["intitule", "besoins", "ignorer"])
    second = workbook_of(["MACHIN", "Truc 2025", "bidule"], ["Fermer", "D’autres mots", "y"])

    envoi = plans.send(convention=plan.convention, nom="suite.xlsx", contenu=second, by=user)
    colonnes, phrase = suggest(envoi, tableau_of(envoi))

    assert colonnes == ["intitule", "besoins", "ignorer"]
    assert "déjà connues" in phrase
    assert CorrespondancePlan.objects.count() == 1


def ods(rows):
    """A small OpenDocument sheet: ``rows`` are lists of XML cells."""
    body = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    content = (
        '<?xml version="1.0"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Feuille1">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return written.getvalue()


def text(value):
    return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'


def test_an_opendocument_file_is_read_with_its_dates_amounts_and_repeated_rows(place):
    plan, user = place
    date = '<table:table-cell office:value-type="date" office:date-value="2025-06-30"><text:p>30/06</text:p></table:table-cell>'
    amount = '<table:table-cell office:value-type="currency" office:value="1250.5"><text:p>1</text:p></table:table-cell>'
    empty = '<table:table-cell table:number-columns-repeated="16000"/>'
    gap = ['<table:table-cell table:number-columns-repeated="16384"/>']
    content = ods(
        [
            [text("Action"), text("Date de fin"), text("Budget"), empty],
            [text("Ouvrir<text:line-break/>un guichet"), date, amount, empty],
            gap,
        ]
    )

    confirm(describe(plan, user, content, "plan.ods"), user)

    fiche = FicheAction.objects.get()
    assert (fiche.intitule, fiche.echeance) == ("Ouvrir\nun guichet", D(2025, 6, 30))
    assert LigneBudget.objects.get().prevu == Decimal("1250.50")


def _zip(method=zipfile.ZIP_DEFLATED, **parts):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return written.getvalue()


def _bomb():
    return _zip(**{"[Content_Types].xml": "<x/>", "xl__workbook.xml": b"0" * 90_000_000})


def _long(rows):
    workbook = Workbook(write_only=True)
    cells = workbook.create_sheet()
    for _ in range(rows):
        cells.append(["Action"])
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def _entities():
    content = ods([[text("Action")]])
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(written, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "content.xml":
                part = part.replace(
                    b"<office:document-content",
                    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><office:document-content',
                    1,
                )
            target.writestr(name, part)
    return written.getvalue()


HOSTILES = {
    "empty": (b"", "est vide"),
    "blank sheet": (workbook_of([]), "est vide"),
    "zip bomb": (_bomb(), "trop lourd une fois décompressé"),
    "another compression": (_zip(zipfile.ZIP_LZMA, mimetype="x"), "d’une façon que le portail ne lit pas"),
    "old or encrypted": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "mot de passe"),
    "cut": (workbook_of(["Action"], ["A"])[:-200], "abîmé"),
    "not a workbook": (_zip(**{"hello.txt": "x"}), "n.est pas un classeur"),
    "macros": (
        _zip(
            **{"[Content_Types].xml": "macroEnabled", "xl__workbook.xml": "<x/>", "xl__vbaProject.bin": "x"}
        ),
        "macros",
    ),
    "entities": (_entities(), "classeur ordinaire"),
    "too wide": (workbook_of(["x"] * 201), "trop large"),
    "too long": (_long(20_002), "trop long"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "ni un classeur"),
}


def test_an_archive_is_weighed_before_any_of_it_is_read():
    bomb = _zip(mimetype=b"0" * 90_000_000)
    tracemalloc.start()
    with pytest.raises(ImportRefuse, match="trop lourd une fois décompressé"):
        read_grilles(bomb, "plan.xlsx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(("content", "sentence"), HOSTILES.values(), ids=HOSTILES)
def test_a_hostile_or_broken_file_gets_a_sentence(place, content, sentence):
    plan, user = place

    with pytest.raises(ImportRefuse, match=sentence):
        plans.send(convention=plan.convention, nom="plan.xlsx", contenu=content, by=user)

    assert EnvoiPlan.objects.count() == 0


def test_a_sheet_of_a_million_empty_rows_is_refused_before_it_is_read_whole():
    content = ods([[text("Action")], ['<table:table-cell table:number-columns-repeated="16384"/>']])
    far = content_with(
        content,
        b"</table:table>",
        f'<table:table-row table:number-rows-repeated="{MAX_PARCOURUES}"/>'
        f"<table:table-row>{text('loin')}</table:table-row></table:table>".encode(),
    )

    with pytest.raises(ImportRefuse, match="trop long"):
        read_grilles(far, "plan.ods")


def content_with(content, before, after):
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(written, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(before, after))
    return written.getvalue()


def test_formulas_of_a_plan_are_said_and_read_by_their_result(place):
    plan, user = place
    content = workbook_of(["Action", "Budget"], ["A", "=1+1"], ["B", 3])

    apercu = Apercu.from_json(describe(plan, user, content).rapport)

    assert refused(apercu) == [("Plan!B2", "la formule de cette case n’a pas de résultat.")]
    assert plain(apercu.remarques[-1]) == "1 case est une formule : leur dernier résultat est lu."


def test_an_import_goes_step_by_step_and_keeps_the_file_between_them(client, place):
    plan, user = place
    client.force_login(user)
    convention = plan.convention
    content = workbook_of(["Mon plan"], ["Axe", "Action", "Météo"], ["Santé", "Ouvrir", "soleil"])

    sent = client.post(
        reverse("actions:import_plan", args=[convention.code]),
        {"fichier": named(content, "mon plan.xlsx")},
    )
    envoi = EnvoiPlan.objects.get()
    assert sent.url == reverse("actions:import_feuille", args=[convention.code, envoi.pk])
    # Leaving and coming back goes on where it stopped.
    assert client.get(envoi.get_absolute_url()).url == sent.url
    sheet = client.get(sent.url)
    assert sheet.context["form"].initial == {"feuille": "Plan", "entete": 2}
    wrong = client.post(sent.url, {"feuille": "Plan", "entete": 3})
    assert "il n’y a rien sous la ligne 3" in plain(wrong.content.decode())
    described = client.post(sent.url, {"feuille": "Plan", "entete": 2})
    columns = client.get(described.url)
    assert [field.value() for _, _, _, field in columns.context["form"].lignes()] == ["axe", "intitule", ""]
    answers = {"colonne-0": "axe", "colonne-1": "", "colonne-2": "", "dates": "jm", "axe": "nouveau"}
    refused_ = client.post(described.url, answers)
    assert "Dites quelle colonne porte l’intitulé" in plain(refused_.content.decode())
    preview = client.post(described.url, answers | {"colonne-1": "intitule"})
    assert preview.url == envoi.get_absolute_url()
    page = client.get(preview.url)
    assert "gardé en note de la fiche" in page.content.decode()
    assert FicheAction.objects.count() == 0

    done = client.post(
        reverse("actions:envoi_confirm", args=[convention.code, envoi.pk]),
        {"empreinte": page.context["apercu"].empreinte},
        follow=True,
    )

    assert "Compte rendu de" in done.content.decode()
    assert str(FicheAction.objects.get().axe) == "Axe 3 – Santé"
    assert Objectif.objects.filter(axe__code="3").count() == 0
    envoi.refresh_from_db()
    assert envoi.resume == "Import du plan « mon plan.xlsx » : 3 cellules, 1 ligne ajoutée"


def named(content, name):
    file = io.BytesIO(content)
    file.name = name
    return file


def test_a_file_of_somebody_else_is_not_shown(client, place):
    plan, user = place
    envoi = describe(plan, user, workbook_of(["Axe", "Action"], ["Santé", "Ouvrir"]))
    log_in(client, plan.convention)

    assert client.get(envoi.get_absolute_url()).status_code == 403


def test_a_third_level_goes_to_the_notes_of_its_fiches_and_is_told(place):
    plan, user = place
    content = workbook_of(
        ["Axe", "Sous-axe", "Sous-sous axe", "Titre de l'action"],
        ["1 Familles", "1.1 Accueillir", "1.1.1 Écouter", "Ouvrir un lieu"],
        ["1 Familles", "1.1 Accueillir", None, "Tenir une permanence"],
        [None, None, "1.1.2 Relayer", None],
        [None, None, None, "Former les relais"],
        ["Sous-sous axe 1.1.3 : Joindre", None, None, None],
        [None, None, None, "Écrire une lettre"],
        [None, "1.2 Garder", None, "Ouvrir une crèche"],
    )

    envoi = describe(plan, user, content)
    apercu = Apercu.from_json(envoi.rapport)
    assert refused(apercu) == []
    assert (
        "« Sous-sous axe » est un troisième niveau, sous les axes et les objectifs ; le plan du portail en a deux. Ses "
        "mots sont gardés dans une note de chaque fiche : « 1.1.1 Écouter » (2 fiches), « 1.1.2 Relayer » (1 fiche), "
        "« Sous-sous axe 1.1.3 : Joindre » (1 fiche)." in map(plain, apercu.remarques)
    )
    confirm(envoi, user)

    notes = {
        fiche.intitule: [plain(note.texte).rpartition("\n\n")[2] for note in fiche.notes.all()]
        for fiche in FicheAction.objects.all()
    }
    assert notes == {
        "Ouvrir un lieu": ["**Sous-sous axe** : 1.1.1 Écouter"],
        "Tenir une permanence": ["**Sous-sous axe** : 1.1.1 Écouter"],
        "Former les relais": ["**Sous-sous axe** : 1.1.2 Relayer"],
        "Écrire une lettre": ["**Sous-sous axe** : Sous-sous axe 1.1.3 : Joindre"],
        "Ouvrir une crèche": [],
    }
