"""Files read back: their title, language, bookmarks and links, and the machine check of PDF/UA-1."""

import datetime
import io
import re
import subprocess

import page
import pikepdf
import pytest

from actions.documents import fiche_filename, fiche_html, plan_filename, plan_html
from actions.models import FicheAction, PlanActions
from actions.models.lecture import for_document
from conventions.documents import etat_html
from conventions.models import Convention, Organisation
from ctg_portal.documents import DocumentError, content_key, image_data, render_pdf
from diagnostics.documents import atelier_html
from diagnostics.models import Atelier, Parole
from governance.documents import dossier_context, dossier_filename, dossier_html, issue_dossier
from governance.emissions import draw_document
from governance.models import DocumentEmis
from tests.conventions.test_tableau import cazals_2022
from tests.factories import (
    AxeFactory,
    EtapeFactory,
    FinancementFactory,
    PointOrdreDuJourFactory,
    complete_fiche,
)
from tests.world import build_world

HTML = '<html lang="fr"><head><title>Essai</title>{head}</head><body><h1>Essai</h1>{body}</body></html>'


@pytest.fixture
def world():
    return build_world()


def one_fiche(world):
    return for_document(FicheAction.objects.filter(pk=world.fiche.pk)).get()


def failures(content):
    """What the file breaks of PDF/UA-1."""
    return page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures


def words(content):
    return subprocess.run(
        ["pdftotext", "-", "-"], input=content, capture_output=True, check=True
    ).stdout.decode()


def outline(pdf):
    with pdf.open_outline() as bookmarks:
        return [(item.title, [child.title for child in item.children]) for item in bookmarks.root]


def test_plan_is_accessible_and_navigable(world):
    content = render_pdf(plan_html(world.plan))

    assert failures(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        axe = str(world.objects["axe"])
        assert str(pdf.docinfo.Title) == f"Plan d’actions – {world.convention}"
        assert str(pdf.Root.Lang) == "fr"
        assert outline(pdf) == [
            ("Plan d’actions", []),
            ("Sommaire", []),
            ("Synthèse", ["Fiches par axe et par avancement", "Budget des fiches par année"]),
            (
                axe,
                [
                    "Avancement",
                    "Objectifs",
                    "1.1.1 Ouvrir un relais itinérant",
                    "1.1.2 Créer une ludothèque",
                    "1.1.3 Former les assistantes maternelles",
                    "1.1.5 Ouvrir un lieu d’accueil",
                ],
            ),
            ("Signataires", []),
        ]
        # One link an entry: synthèse, axe, four fiches, signataires. None elsewhere.
        links = [len(sheet.get("/Annots", [])) for sheet in pdf.pages]
        assert links == [0, 7] + [0] * (len(links) - 2)


def test_plan_leaves_out_confidential_and_archived_fiches(world):
    FicheAction.objects.filter(pk=world.objects["validee"].pk).update(confidentielle=True)

    html = plan_html(world.plan)

    assert re.findall(r'<h2 id="fiche-\d+">(.*?)</h2>', html) == [
        "1.1.1 Ouvrir un relais itinérant",
        "1.1.2 Créer une ludothèque",
        "1.1.5 Ouvrir un lieu d’accueil",
    ]
    assert "Former les assistantes maternelles" not in html
    assert "Action archivée" not in html


def test_fiche_is_accessible(world):
    content = render_pdf(fiche_html(one_fiche(world)))

    assert failures(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert str(pdf.docinfo.Title) == "Fiche action 1.1.1 Ouvrir un relais itinérant"
        assert str(pdf.Root.Lang) == "fr"


def test_fiche_with_hostile_words_is_escaped(world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        intitule="<script>alert(1)</script>", modalites='<img src="https://example.org/x.png">'
    )

    html = fiche_html(one_fiche(world))

    assert "<script" not in html
    assert "<img" not in html
    assert failures(render_pdf(html)) == []


def test_synthesis_draws_each_axe_to_the_same_scale(world):
    other = AxeFactory(plan=world.plan, code="2", intitule="Grandir")
    complete_fiche(axe=other, objectif=None, code="2.1.1", intitule="Ouvrir un café des parents")

    synthese = plan_html(world.plan).split('id="synthese"')[1].split("<table")[0]

    # The whole plan, then four fiches of the first axe and one of the second: a quarter of the width.
    assert re.findall(r'width="([\d.]+%)" height="5">', synthese) == ["100%", "100%", "25%"]
    assert re.findall(r">(\d+)</text>", synthese) == ["5", "4", "1"]


def test_fiche_that_is_over_without_dates_says_when_it_ended(world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        avancement="realisee", debut=None, echeance=None, fin_reelle=datetime.date(2025, 3, 1)
    )

    html = fiche_html(one_fiche(world))
    assert re.findall(r"<b>Fin réelle</b> (.*?)</li>", html) == ["1er\xa0mars 2025"]
    # Nothing stands for the days nobody gave.
    assert "<b>Début</b>" not in html


def drawn_dossier(world):
    document = issue_dossier(world.reunion, by=world.people["coordination"])
    draw_document.func(str(document.pk))
    return bytes(DocumentEmis.objects.get(pk=document.pk).contenu)


def test_single_documents_carry_the_warning_of_the_convention(world):
    Convention.objects.filter(pk=world.convention.pk).update(avertissement="Données d’illustration.")
    world.reunion.instance.convention.refresh_from_db()

    content = drawn_dossier(world)

    assert "<p>Données d’illustration.</p>" in fiche_html(one_fiche(world))
    assert "Données d’illustration." in words(content)


def test_file_names_say_what_they_are(world):
    territoire = world.convention.territoire
    territoire.nom = "CC Cazals-Salviac"
    titre = "Informer les bailleurs des bourgs sur les aides à la rénovation de leurs logements"

    assert fiche_filename(FicheAction(code="4.2.2", intitule=titre)) == (
        "fiche-4-2-2-informer-les-bailleurs-des-bourgs-sur-les-aides-a-la.pdf"
    )
    convention = Convention(
        territoire=territoire, debut=datetime.date(2022, 1, 1), fin=datetime.date(2026, 12, 31)
    )
    assert plan_filename(PlanActions(convention=convention), datetime.date(2026, 11, 23)) == (
        "plan-actions-cazals-salviac-2022-2026-2026-11-23.pdf"
    )
    world.reunion.instance.convention.territoire = territoire
    assert dossier_filename(world.reunion, "v2") == (
        f"dossier-cazals-salviac-copil-{world.reunion.jour.isoformat()}-v2.pdf"
    )


def test_dossier_says_what_is_to_be_decided(world):
    PointOrdreDuJourFactory(reunion=world.reunion, intitule="Tour de table", visee="information")

    une = dossier_html(dossier_context(world.reunion), "").split("À décider</h2>")[1].split("</div>")[0]

    assert re.findall(r"<p>(.*?)</p>", une) == [f"1. {world.objects['point'].intitule}"]


def test_plan_costs_the_same_queries_with_more_fiches(world, django_assert_num_queries):
    # Once to write the fiches; then to read what was written.
    for expected in (22, 10):
        with django_assert_num_queries(expected):
            plan_html(world.plan)
    EtapeFactory.create_batch(3, fiche=world.fiche)
    world.objects["archivee"].restore(by=world.people["coordination"])
    for expected in (22, 10):
        with django_assert_num_queries(expected):
            plan_html(world.plan)


def test_dossier_is_accessible_and_frozen(world):
    content = drawn_dossier(world)

    assert failures(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert str(pdf.docinfo.Title) == f"Dossier de séance – {world.reunion}"
        assert str(pdf.Root.Lang) == "fr"


@pytest.mark.parametrize("exercice", [None, 2022])
def test_etat_is_accessible(exercice):
    convention = cazals_2022()
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")
    FinancementFactory(convention=convention, beneficiaire=cc, exercice=2024, prevu="12", verse="5")

    content = render_pdf(etat_html(convention, cc, exercice))

    assert failures(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        quand = "exercice 2022" if exercice else "tous les exercices"
        assert str(pdf.docinfo.Title) == f"État des financements – CC Cazals-Salviac – {quand}"
        assert str(pdf.Root.Lang) == "fr"


def test_etat_with_hostile_words_is_escaped():
    convention = cazals_2022()
    cc = Organisation.objects.get(nom="CC Cazals-Salviac")
    cc.nom = "<script>alert(1)</script> &amp; « œuvre »"
    cc.save()

    html = etat_html(convention, cc)

    assert "<script" not in html
    assert failures(render_pdf(html)) == []


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<link rel="stylesheet" href="static:pdf/absent.css">', ""),
        ("", '<img src="static:pdf/absent.png" alt="Logo">'),
        ("", '<img src="https://example.org/logo.png" alt="Logo">'),
        ("", '<img src="file:///etc/passwd" alt="Logo">'),
        ("", '<img src="static:../pyproject.toml" alt="Logo">'),
        ("", '<img src="static:js/portal.js" alt="Logo">'),
    ],
)
def test_missing_or_foreign_asset_is_fatal(head, body):
    with pytest.raises(DocumentError):
        render_pdf(HTML.format(head=head, body=body))


def test_image_without_words_is_fatal():
    pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    with pytest.raises(DocumentError):
        render_pdf(HTML.format(head="", body=f'<img src="{pixel}">'))


def test_lost_logo_is_an_error(world):
    territoire = world.convention.territoire
    territoire.logo = "logos/perdu.png"

    with pytest.raises(DocumentError):
        image_data(territoire.logo)


def test_key_follows_the_content():
    assert content_key("a") == content_key("a")
    assert content_key("a") != content_key("b")


def test_sheet_of_an_atelier_is_accessible(world):
    Parole.objects.filter(pk=world.objects["parole"].pk).update(texte="Un <b>bus</b> le samedi, & le soir.")
    Atelier.objects.filter(pk=world.objects["atelier"].pk).update(
        intitule="Être jeune ici", synthese="Mots " * 900, lieu="Salle <i>des fêtes</i>"
    )
    sheet = Atelier.objects.for_sheet().get(pk=world.objects["atelier"].pk)

    content = render_pdf(atelier_html(sheet))

    assert failures(content) == []
    assert "Un <b>bus</b> le samedi, & le soir." in " ".join(words(content).split())
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert str(pdf.docinfo.Title) == f"Atelier – Être jeune ici – {world.convention.territoire.nom}"
        assert str(pdf.Root.Lang) == "fr"
