"""One content, three drawings: the page, the tagged PDF and the Word file say the same in the same order."""

import io
import re

import page
import pikepdf
import pytest
from django.conf import settings
from django.urls import reverse
from docx import Document
from docx.shared import Pt

from actions.models import FicheAction
from conventions.models import ArticleConvention, Convention, Impression
from conventions.operations.impressions import draw_impression
from ctg_portal.documents import render_pdf
from ctg_portal.modele_word import build_template
from governance.actes import acte_docx, acte_html, avenant_acte, convention_acte
from governance.rapports import contrat_rapport, rapport_filename
from tests.factories import (
    AvenantFactory,
    ConstatFactory,
    ConventionFactory,
    DecisionFactory,
    DomaineFactory,
    EquipementFactory,
    FicheActionFactory,
    FinancementFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    SignataireFactory,
)
from tests.world import build_world

HOSTILE = "{{ 7*7 }} {% raw %} <w:p>&amp; ]]> « 😀 » \x01\x0b\x07\ufffe fin"
CLEAN = "{{ 7*7 }} {% raw %} <w:p>&amp; ]]> « 😀 »  fin"


@pytest.fixture
def world():
    return build_world()


def word(content):
    return Document(io.BytesIO(content))


def failures(content):
    return page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures


def plain(words):
    """Whatever the spaces."""
    return " ".join(words.replace("\u202f", " ").replace("\xa0", " ").split())


def docx_headings(document):
    return [
        (int(paragraph.style.name[-1]), plain(paragraph.text))
        for paragraph in document.paragraphs
        if paragraph.style.name.startswith("Heading")
    ]


def pdf_headings(content, skip):
    """The bookmarks, that WeasyPrint makes of the headings; ``skip``: the cover and the contents."""
    found = []

    def walk(items, level):
        for item in items:
            found.append((level, plain(item.title)))
            walk(item.children, level + 1)

    with pikepdf.open(io.BytesIO(content)) as pdf, pdf.open_outline() as outline:
        walk(outline.root, 1)
    return found[skip:]


def page_headings(html):
    main = html[html.index('class="grid-sommaire"') :]
    found = re.findall(r"<h([234])[^>]*>(.*?)</h\1>", main, re.DOTALL)
    return [(int(level) - 1, plain(title)) for level, title in found]


def docx_words(document):
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return plain(" ".join([*(paragraph.text for paragraph in document.paragraphs), *cells]))


def test_page_pdf_and_word_agree(client, world):
    EquipementFactory(territoire=world.convention.territoire, nom="Crèche des Lilas", capacite=12)
    convention = world.convention
    acte = convention_acte(convention)
    client.force_login(world.people["lecture"])
    html = client.get(reverse("governance:convention_texte", args=[convention.code])).text
    document = word(acte_docx(acte, convention))
    pdf = render_pdf(acte_html(acte, convention))
    expected = [(section.niveau, plain(section.titre)) for section in acte.sections]

    assert failures(pdf) == []
    assert docx_headings(document) == pdf_headings(pdf, skip=2) == page_headings(html) == expected
    assert [title for level, title in expected if level == 1] == [
        "Entre les soussignés",
        "Visas",
        "Articles",
        "Signatures",
        "Annexe 1 – Diagnostic partagé",
        "Annexe 2 – Équipements et offre de services",
        "Annexe 3 – Plan d’actions",
        "Annexe 4 – Gouvernance",
        "Annexe 5 – Évaluation",
    ]
    for said in (
        "Crèche des Lilas",
        "Un territoire rural à taille humaine.",
        "Ouvrir un relais itinérant",
        f"Un projet pour {convention.territoire.nom}.",
    ):
        assert (said in docx_words(document), said in plain(html)) == (True, True), said


def test_word_file_is_a_proper_one(world):
    convention = world.convention
    document = word(acte_docx(convention_acte(convention), convention))

    properties = document.core_properties
    assert (
        properties.title
        == f"Convention territoriale globale – {convention.territoire.nom} – {convention.periode}"
    )
    assert (properties.author, properties.language) == (convention.territoire.nom, "fr-FR")
    assert {table.rows[0]._tr.trPr.find(f"{{{W}}}tblHeader") is not None for table in document.tables} == {
        True
    }
    assert 'w:instr="PAGE"' in document.sections[0].footer._element.xml
    assert document.sections[0].header.paragraphs[0].text == properties.title
    langs = {node.get(f"{{{W}}}val") for node in document.styles.element.iter(f"{{{W}}}lang")}
    assert langs == {"fr-FR"}
    assert [p.text for p in document.paragraphs if p.style.name == "Title"] == [
        "Convention territoriale globale"
    ]


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def test_end_of_the_contents_takes_no_line_of_its_own():
    """Under a full page of contents, a line more made an empty page."""
    paragraphs = Document(io.BytesIO(build_template())).paragraphs
    (end,) = [p for p in paragraphs if 'w:fldCharType="end"' in p._p.xml and p.style.name == "toc 1"]

    assert (end.paragraph_format.line_spacing, end.paragraph_format.space_after) == (Pt(1), 0)


def test_template_is_the_one_that_the_command_builds():
    committed = settings.BASE_DIR / "templates" / "conventions" / "docx" / "convention.docx"

    assert committed.read_bytes() == build_template() == build_template()


def test_same_content_gives_the_same_file(world):
    acte = convention_acte(world.convention)

    assert acte_docx(acte, world.convention) == acte_docx(acte, world.convention)


def test_hostile_words_survive_as_words(world):
    convention = world.convention
    Convention.objects.filter(pk=convention.pk).update(intitule=HOSTILE, presentation="mot " * 12_500)
    ArticleConvention.objects.create(convention=convention, ordre=9, titre=HOSTILE, texte=f"- {HOSTILE}")
    world.fiche.axe.enjeu_central = HOSTILE
    world.fiche.axe.save()
    FicheAction.objects.filter(pk=world.fiche.pk).update(intitule=HOSTILE)
    convention = Convention.objects.with_territoire().get(pk=convention.pk)
    acte = convention_acte(convention)

    words = docx_words(word(acte_docx(acte, convention)))
    pdf = render_pdf(acte_html(acte, convention))

    # Title of the convention, article and its text, axe, fiche in the plan and in the indicators; contents.
    assert words.count(plain(CLEAN)) == 7
    assert words.count("mot mot") >= 6_000
    assert failures(pdf) == []


def test_confidential_and_archived_fiches_are_left_out(world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(confidentielle=True)

    words = docx_words(word(acte_docx(convention_acte(world.convention), world.convention)))

    assert ("Ouvrir un relais itinérant" in words, "Action archivée" in words) == (False, False)
    assert "Créer une ludothèque" in words


def test_empty_convention_still_has_its_annexes():
    convention = ConventionFactory()

    acte = convention_acte(convention)

    said = " ".join(
        bloc.texte for section in acte.sections for bloc in section.blocs if bloc.genre == "texte"
    )
    for sentence in (
        "Les signataires ne sont pas encore inscrits.",
        "Le diagnostic n’est pas encore écrit.",
        "Aucun équipement n’est encore inscrit au registre du territoire.",
        "Le plan d’actions n’est pas encore écrit.",
        "Les instances ne sont pas encore inscrites.",
        "Les indicateurs ne sont pas encore choisis.",
    ):
        assert sentence in said
    assert acte.etat == "Date de signature non renseignée"
    assert failures(render_pdf(acte_html(acte, convention))) == []


def test_signed_convention_says_so_and_a_signatory_taken_out_no_longer_signs(world):
    convention = world.convention
    convention.signee_le = convention.horizon_projet = convention.debut
    gone = SignataireFactory(convention=convention, organisation=OrganisationFactory(nom="Commune partie"))
    gone.retire_par = AvenantFactory(convention=convention, numero=7)
    gone.save()

    acte = convention_acte(convention)

    assert acte.etat.startswith("Signée le 1er")
    assert acte.mentions[-2].startswith("Horizon du projet social de territoire")
    assert "Commune partie" not in str(acte)


def grow(world, number):
    for _ in range(number):
        SignataireFactory(convention=world.convention, organisation=OrganisationFactory())
        ConstatFactory(diagnostic=world.diagnostic)
        EquipementFactory(territoire=world.convention.territoire)
        FicheActionFactory(axe=world.objects["axe"])
        MembreInstanceFactory(instance=world.objects["instance"])
        world.convention.domaines.add(DomaineFactory())


@pytest.mark.parametrize("number", [1, 3])
def test_content_costs_the_same_whatever_its_length(django_assert_num_queries, world, number):
    grow(world, number)
    convention = Convention.objects.with_territoire().get(pk=world.convention.pk)

    with django_assert_num_queries(10):
        convention_acte(convention)


# Avenants


def test_avenant_says_before_and_after(client, world):
    convention = world.convention
    leaving = convention.signataires.last()
    avenant = AvenantFactory(
        convention=convention,
        numero=2,
        objet="Une année de plus",
        nouvelle_fin=convention.fin.replace(year=convention.fin.year + 1),
        modification_plan="La fiche 1.1.2 est ajoutée.",
    )
    avenant.organisations_ajoutees.add(OrganisationFactory(nom="Commune de Salviac"))
    avenant.signataires_retires.add(leaving)
    avenant.domaines_ajoutes.add(DomaineFactory(intitule="Logement"))

    acte = avenant_acte(avenant)
    document = word(acte_docx(acte, convention))
    pdf = render_pdf(acte_html(acte, convention))
    client.force_login(world.people["lecture"])
    html = client.get(reverse("governance:avenant_texte", args=[convention.code, avenant.pk])).text

    titles = [
        "Entre les soussignés",
        "Visas",
        "Articles",
        "Article 1 – Objet de l’avenant",
        "Article 2 – Période",
        "Article 3 – Signataires",
        "Article 4 – Domaines",
        "Article 5 – Plan d’actions",
        "Article 6 – Autres clauses",
        "Signatures",
    ]
    assert [title for _, title in docx_headings(document)] == titles
    assert docx_headings(document) == pdf_headings(pdf, skip=2) == page_headings(html)
    assert failures(pdf) == []
    assert [[cell.text for cell in row.cells] for row in document.tables[0].rows] == [
        ["Ce qui change", "Avant", "Après"],
        ["Fin", f"31\xa0décembre {convention.fin.year}", f"31\xa0décembre {convention.fin.year + 1}"],
    ]
    assert "Commune de Salviac" in docx_words(document)


def test_signed_avenant_tells_what_stood_before(world):
    convention = world.convention
    avenant = AvenantFactory(
        convention=convention,
        numero=3,
        statut="signe",
        signe_le=convention.debut,
        nouvelle_fin=convention.fin,
        avant={"fin": "2024-12-31"},
    )

    (_, tableau) = next(
        section.blocs for section in avenant_acte(avenant).sections if section.titre.endswith("Période")
    )

    assert tableau.lignes == [["Fin", "31\xa0décembre 2024", f"31\xa0décembre {convention.fin.year}"]]


# Reports of contracts


def test_report_of_a_contract(client, world):
    contrat = world.objects["contrat"]
    FinancementFactory(convention=contrat, exercice=2024, verse="107900.00")
    decision = DecisionFactory(reunion=world.objects["tenue"], texte="Le relais est prioritaire.")
    decision.effets.create(fiche=world.fiche)
    contrat = Convention.objects.with_territoire().select_related("principale__territoire").get(pk=contrat.pk)

    acte = contrat_rapport(contrat, with_money=True)
    pdf = render_pdf(acte_html(acte, contrat))

    assert failures(pdf) == []
    assert [section.titre for section in acte.sections] == [
        "Le contrat",
        "Signataires",
        "Financements",
        "Fiches portées",
        f"Axe 1 – {world.objects['axe'].intitule}",
        "Décisions",
    ]
    said = plain(str(acte.sections))
    for words in (
        "107 900,00 €",
        "1 fiche action, dont 1 en retard.",
        "Le relais est prioritaire.",
        "12,5 en",
    ):
        assert words in said.replace("\\u202f", " ").replace("\\xa0", " "), words


def test_money_of_a_contract_is_for_those_who_follow_it(client, world):
    contrat = world.objects["contrat"]
    FinancementFactory(convention=contrat, exercice=2024, verse="107900.00")
    client.force_login(world.people["coordination"])
    address = reverse("governance:contrat_rapport", args=[world.convention.code, contrat.pk])

    closed = plain(client.get(address).text)
    contrat.habilitations.create(user=world.people["coordination"], role="lecture")
    opened = plain(client.get(address).text)

    assert ("107 900,00 €" in closed, "107 900,00 €" in opened) == (False, True)
    assert "réservés à ceux qui le suivent" in closed


def test_report_file_is_asked_and_named(client, world):
    contrat = world.objects["contrat"]
    client.force_login(world.people["lecture"])
    client.post(reverse("governance:contrat_rapport_pdf", args=[world.convention.code, contrat.pk]))
    impression = Impression.objects.get(nom_fichier=rapport_filename(contrat))

    draw_impression.func(str(impression.pk))
    file = client.get(reverse("conventions:impression_file", args=[world.convention.code, impression.pk]))

    assert impression.nom_fichier.startswith("rapport-gmr-val-")
    assert file.content.startswith(b"%PDF-")


@pytest.mark.parametrize("number", [1, 3])
def test_report_costs_the_same_whatever_its_length(django_assert_num_queries, world, number):
    contrat = (
        Convention.objects.with_territoire().select_related("principale").get(pk=world.objects["contrat"].pk)
    )
    for _ in range(number):
        fiche = FicheActionFactory(axe=world.objects["axe"])
        contrat.fiches_partagees.add(fiche)
        DecisionFactory(reunion=world.objects["tenue"]).effets.create(fiche=fiche)
        FinancementFactory(convention=contrat)
        SignataireFactory(convention=contrat, organisation=OrganisationFactory())

    with django_assert_num_queries(8):
        contrat_rapport(contrat, with_money=True)
