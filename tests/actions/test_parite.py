"""What one fiche says is read back from the page, the PDF, the Word file, the workbook, the CSV and the JSON: same words, same order.

Two fiches: one with every field full, one with every field empty. Words are put in each column of the models, found by
walking them: a column that nobody describes is missed in every drawing.
"""

import csv
import datetime
import html
import io
import json
import re
import subprocess
from decimal import Decimal

import pytest
from django.db import models
from django.urls import reverse
from docx import Document
from docx.table import Table as WordTable
from openpyxl import load_workbook

from actions.description import (
    HORS_DESCRIPTION,
    TABLES,
    ChampLu,
    read_fiche,
    read_for_paper,
)
from actions.models import (
    Bilan,
    FicheAction,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
)
from actions.models.fiche import Etape, Pilote
from actions.models.lecture import for_document
from actions.models.parts import PartenaireFiche
from tests.factories import DecisionFactory, DispositifFactory
from tests.world import build_world

ETATS = {"redaction": "brouillon", "avancement": "abandonnee"}
"""A state that lets every column be full."""
DESSINEES = {"exercices", "financements_imputes", "indicateurs", "pieces", "liens"}
"""Tables that the page draws with more than its cells: their words are looked for, their order is its own."""


@pytest.fixture
def world():
    return build_world()


def plain(text):
    """Words alone: kinds of spaces and line ends are typography."""
    return re.sub(r"\s+", " ", text.replace("\xa0", " ").replace("\u202f", " ")).strip()


def filled(model, **given):
    """Every column of a row full; texts carry the name of their column."""
    values = {}
    for field in model._meta.concrete_fields:
        if (
            field.name in given
            or field.is_relation
            or field.name in ("id", "ordre", "created_at", "updated_at")
        ):
            continue
        if field.choices:
            values[field.name] = field.choices[0][0]
        elif isinstance(field, models.TextField):
            values[field.name] = f"Texte {model.__name__} {field.name}."
        elif isinstance(field, models.CharField):
            values[field.name] = f"Mot {field.name}"[: field.max_length]
        elif isinstance(field, models.DateTimeField):
            continue
        elif isinstance(field, models.DateField):
            values[field.name] = datetime.date(2025, 5, 17)
        elif isinstance(field, models.DecimalField):
            values[field.name] = Decimal("12.50")
        elif isinstance(field, models.IntegerField):
            values[field.name] = 2025 if field.name == "annee" else 41
        else:
            assert isinstance(field, models.BooleanField), f"how is {field.name} filled?"
            values[field.name] = True
    return values | given


def full_fiche(world):
    """The fiche of the world with every column full; read whole."""
    fiche, caf = world.fiche, world.objects["signataire"].organisation
    given = {
        name: getattr(fiche, name) for name in HORS_DESCRIPTION if name not in ("created_at", "updated_at")
    }
    values = filled(FicheAction, **given, **ETATS, code="1.1.1")
    FicheAction.objects.filter(pk=fiche.pk).update(
        **{name: value for name, value in values.items() if name not in ("id", "plan")},
        structure_pilote=caf,
    )
    fiche.refresh_from_db()
    fiche.enjeux.add(world.objects["enjeu"])
    fiche.constats.add(world.objects["constat"])
    fiche.communes.add(world.convention.territoire.communes.first())
    Mesure.objects.filter(indicateur__fiche=fiche).delete()
    for model in (
        Etape,
        LigneBudget,
        LigneFinancement,
        IndicateurSuivi,
        Note,
        Bilan,
        Pilote,
        PartenaireFiche,
    ):
        model.objects.filter(fiche=fiche).delete()
    Etape.objects.create(**filled(Etape, fiche=fiche))
    LigneBudget.objects.create(**filled(LigneBudget, fiche=fiche))
    LigneFinancement.objects.create(
        **filled(LigneFinancement, fiche=fiche, financeur=caf, dispositif=DispositifFactory())
    )
    indicateur = IndicateurSuivi.objects.create(**filled(IndicateurSuivi, fiche=fiche))
    Mesure.objects.create(**filled(Mesure, indicateur=indicateur))
    Note.objects.create(**filled(Note, fiche=fiche, auteur=world.people["redaction"]))
    Bilan.objects.create(**filled(Bilan, fiche=fiche))
    Pilote.objects.create(**filled(Pilote, fiche=fiche, user=None))
    PartenaireFiche.objects.create(**filled(PartenaireFiche, fiche=fiche, organisation=None))
    DecisionFactory(reunion=world.objects["tenue"]).effets.create(fiche=fiche)
    return for_document(FicheAction.objects.filter(pk=fiche.pk)).get()


def empty_fiche(world):
    """A title and a place, nothing else."""
    made = FicheAction.objects.create(plan=world.plan, axe=world.objects["axe"], intitule="Rien encore")
    return for_document(FicheAction.objects.filter(pk=made.pk)).get()


def told(lue, cells=True):
    """The words of a rubrique, in the order of the description."""
    yield lue.rubrique.titre
    for lu in lue.contenu:
        if isinstance(lu, ChampLu):
            yield lu.champ.libelle
            yield from (re.sub(r"\*\*", "", text) for text in lu.textes)
            continue
        if lu.table.libelle != lue.rubrique.titre:
            yield lu.table.libelle
        if lu.table.en_blocs:
            for bloc in lu.blocs:
                yield bloc.titre
                for nom, text in bloc.textes:
                    yield nom
                    yield text
            continue
        yield from (colonne.libelle for colonne in lu.colonnes)
        for row in lu.rangees:
            for cell in row:
                yield from [*cell.textes, *cell.dessous]


def without_hyphens(text):
    """A word cut at the end of a line is the same word."""
    return re.sub(r"-\s?", "", text)


def assert_in_order(text, expected, where):
    """Each expected run of words comes after the one before it."""
    at = 0
    read = plain
    if where.startswith("PDF"):
        text, read = without_hyphens(text), lambda words: without_hyphens(plain(words))
    for words in filter(None, map(read, expected)):
        found = text.find(words, at)
        assert found >= 0, f"{where}: « {words} » is not after « {text[max(0, at - 60) : at]} »"
        at = found + len(words)


def page_text(client, fiche):
    address = reverse("actions:fiche", args=[fiche.plan.convention.code, fiche.pk])
    markup = client.get(address).text
    body = markup[markup.index('<div class="grid-sommaire">') :]
    body = body[body.index("</nav>") :]
    body = re.sub(r"<span class=\"visually-hidden\">.*?</span>|<svg.*?</svg>", " ", body, flags=re.S)
    return plain(html.unescape(re.sub(r"<[^>]+>", " ", body)))


def exported(client, fiche, sortie):
    address = reverse("actions:fiche_export_file", args=[fiche.plan.convention.code, fiche.pk])
    return client.get(address, {"sortie": sortie, "notes": "avec"}).content


def pdf_text(content):
    raw = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=content, capture_output=True, check=True
    ).stdout.decode()
    pages = []
    for page in raw.split("\f"):
        lines = [
            line
            for line in page.splitlines()
            if not re.match(r"^(page \d+ / \d+|Édité le .*|Fiche action .*)$", plain(line))
        ]
        pages.append("\n".join(lines))
    return plain("\n".join(pages))


def word_text(content):
    found = []
    for block in Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, WordTable):
            found += [cell.text for row in block.rows for cell in row.cells]
        else:
            found.append(block.text)
    return plain("\n".join(found))


def csv_cells(content):
    head, row, _ = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    return list(zip(head, row, strict=True))[1:]


def xlsx_sheets(content):
    """By title: the head and the rows of each sheet."""
    return {
        sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)]
        for sheet in load_workbook(io.BytesIO(content)).worksheets
    }


def leaves(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def assert_page_says(page, lues):
    for lue in lues:
        for lu in lue.contenu:
            if isinstance(lu, ChampLu):
                assert_in_order(page, [lu.champ.libelle, *lu.textes], "page")
            elif lu.table.cle not in DESSINEES and not lu.table.en_blocs:
                cells = [text for row in lu.rangees for cell in row for text in cell.textes]
                where = page[page.index(plain(lu.table.libelle)) :]
                missing = [text for text in cells if plain(text).lower() not in where.lower()]
                assert not missing, f"page, {lu.table.cle}"


def test_a_full_fiche_says_the_same_everywhere(client, world):
    fiche = full_fiche(world)
    lues = read_for_paper(fiche)
    client.force_login(world.people["pilotage"])

    assert not [
        lu
        for lue in read_fiche(fiche)
        for lu in lue.contenu
        # Nothing is late in an action that is over, no step is next; no line of a contract pays it.
        if lu.is_vide
        and (lu.champ.cle if isinstance(lu, ChampLu) else lu.table.cle)
        not in {"retard", "prochaine_etape", "financements_imputes"}
    ]
    pdf, word = pdf_text(exported(client, fiche, "pdf")), word_text(exported(client, fiche, "docx"))
    page = page_text(client, fiche)
    for lue in lues:
        assert_in_order(pdf, told(lue), "PDF")
        assert_in_order(word, told(lue), "Word")
    every = [words for lue in lues for words in told(lue)]
    assert_in_order(pdf, every, "PDF")
    assert_in_order(word, every, "Word")

    titles = [lue.rubrique.titre for lue in lues]
    names = [
        lu.champ.libelle if isinstance(lu, ChampLu) else lu.table.libelle
        for lue in lues
        for lu in lue.contenu
    ]
    assert_in_order(page, titles, "page")
    assert_in_order(page, names, "page")
    assert_page_says(page, lues)

    cells = csv_cells(exported(client, fiche, "csv"))
    data = json.loads(exported(client, fiche, "json"))["fiches"][0]
    labels = ["Numéro", "Intitulé"] + [
        lu.champ.libelle if isinstance(lu, ChampLu) else lu.table.libelle
        for lue in read_fiche(fiche)
        for lu in lue.contenu
    ]
    assert [label for label, _ in cells] == labels
    csv_words = plain(" ".join(cell for _, cell in cells))
    sheets = xlsx_sheets(exported(client, fiche, "xlsx"))
    champs = ["Numéro", "Intitulé"] + [
        lu.champ.libelle for lue in read_fiche(fiche) for lu in lue.contenu if isinstance(lu, ChampLu)
    ]
    assert sheets["Fiches"][0] == ["Clé", *champs]
    tables = [
        lu.table.libelle[:31]
        for lue in read_fiche(fiche)
        for lu in lue.contenu
        if hasattr(lu, "table") and lu.lignes
    ]
    assert [title for title in sheets if title in tables] == tables
    xlsx_words = plain(" ".join(str(leaf) for leaf in leaves(sheets)))
    json_words = plain(" ".join(str(leaf) for leaf in leaves(data)))

    # What was put in the columns, whatever the description says of them.
    for model in (
        FicheAction,
        Etape,
        LigneBudget,
        IndicateurSuivi,
        Mesure,
        Note,
        Bilan,
        Pilote,
        PartenaireFiche,
    ):
        for name, value in filled(model).items():
            if isinstance(value, str) and value.startswith(("Texte ", "Mot ")):
                if name in HORS_DESCRIPTION or name == "code":
                    continue
                for where, text in (
                    ("page", page if name != "intitule" else page + plain(fiche.intitule)),
                    ("PDF", pdf),
                    ("Word", word),
                    ("CSV", csv_words),
                    ("Excel", xlsx_words),
                    ("JSON", json_words),
                ):
                    assert plain(value) in text, f"{where}: {model.__name__}.{name}"


def test_an_empty_fiche_says_little_and_no_dash_stands_for_the_rest(client, world):
    fiche = empty_fiche(world)
    lues = read_for_paper(fiche)
    client.force_login(world.people["pilotage"])

    assert [lue.rubrique.slug for lue in lues] == ["identite", "calendrier"]
    left = [lue.rubrique.titre for lue in read_fiche(fiche) if lue.is_vide]
    for where, text in (
        ("PDF", pdf_text(exported(client, fiche, "pdf"))),
        ("Word", word_text(exported(client, fiche, "docx"))),
    ):
        body = text[text.index("Identité") :]
        assert_in_order(body, [words for lue in lues for words in told(lue)], where)
        assert "Non renseigné" not in body, where
        assert " – " not in body.replace(plain(str(fiche.axe)), "").replace(
            plain(fiche.cadres_labels[0]), ""
        ), where
        assert not [titre for titre in left if titre in body], where
    page = page_text(client, fiche)
    # The page says what is missing, in the same order.
    expected = []
    for lue in read_fiche(fiche):
        if lue.rubrique.slug in ("pieces", "liens"):
            continue
        expected.append(lue.rubrique.titre)
        for lu in lue.contenu:
            part = lu.champ if isinstance(lu, ChampLu) else lu.table
            if not (lu.is_vide and part.discret):
                expected.append(part.libelle)
                expected.append(part.vide if lu.is_vide else "")
    assert_in_order(page, expected, "page")
    data = json.loads(exported(client, fiche, "json"))["fiches"][0]
    assert data["rubriques"]["calendrier"] == {
        "debut": None,
        "echeance": None,
        "retard": "",
        "fin_reelle": None,
        "rythme": "ponctuelle",
        "prochaine_etape": "",
    }
    assert {cell for label, cell in csv_cells(exported(client, fiche, "csv")) if label in (
        TABLES["etapes"].libelle, TABLES["bilans"].libelle, "Besoins constatés", "Début")} == {""}  # fmt: skip
    sheets = xlsx_sheets(exported(client, fiche, "xlsx"))
    assert list(sheets) == ["Fiches", "Précisions"]
    assert dict(zip(*sheets["Fiches"], strict=True))["Début"] is None
