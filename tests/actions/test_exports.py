"""Exports of a fiche, a selection and the plan: what they hold, what they leave out and say, how long ones are awaited."""

import csv
import datetime
import io
import json

import page
import pytest
from django.conf import settings
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from docx import Document
from openpyxl import load_workbook

from actions.description import CHAMPS, DESCRIPTION, TABLES
from actions.models import FicheAction
from actions.views.exports import IMMEDIATES
from conventions.models import Habilitation, Impression
from conventions.operations import impressions
from conventions.operations.impressions import PATIENCE, beat, draw_impression, is_left_waiting
from ctg_portal.avance import followed_by, report
from ctg_portal.modele_word import MODELES
from ctg_portal.word import draw_word
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


@pytest.fixture
def coordination(client, world):
    client.force_login(world.people["coordination"])
    return client


def address(world, name="export"):
    return reverse(f"actions:{name}", args=[world.convention.code])


def fiche_address(world, name="fiche_export"):
    return reverse(f"actions:{name}", args=[world.convention.code, world.fiche.pk])


def read_csv(response):
    text = response.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))


def asked():
    return Impression.objects.exclude(cle="0" * 64).get()


def test_csv_has_one_row_a_fiche_in_the_order_of_the_description(coordination, world):
    response = coordination.get(address(world, "export_file"), {"sortie": "csv"})

    assert response.content.startswith(b"\xef\xbb\xbf")
    assert 'filename="plan-actions-' in response.headers["Content-Disposition"]
    head, *rows, note = read_csv(response)
    labels = [part.libelle for rubrique in DESCRIPTION for part in rubrique.contenu]
    assert head == ["Clé", *labels]
    assert [row[1] for row in rows] == ["1.1.1", "1.1.2", "1.1.3", "1.1.5"]
    assert note[0] == ""
    assert "Sans les notes de suivi." in note[2]
    assert "notes réservées à la CAF" in note[2]


def test_csv_computes_nothing_and_keeps_negative_numbers(coordination, world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        intitule="=HYPERLINK(1)",
        elu_referent="@SUM(A1)",
        referent_caf="+33 5",
        referent_msa="\tx",
        etp="0.25",
    )
    indicateur = world.objects["indicateur"]
    indicateur.valeur_initiale = "-12.5"
    indicateur.save()

    head, row, *_ = read_csv(coordination.get(address(world, "export_file"), {"sortie": "csv"}))

    cells = dict(zip(head, row, strict=True))
    assert cells["Intitulé"] == "'=HYPERLINK(1)"
    assert cells["Élu·e référent·e"] == "'@SUM(A1)"
    assert cells["Référent·e CAF"] == "'+33 5"
    assert cells["Équivalents temps plein"] == "0,25"
    assert "−12,5" in cells["Indicateurs de suivi"]
    assert not [cell for cell in row if cell[:1] in "=+-@\t\r" and cell]


def test_json_has_the_keys_of_the_description(coordination, world):
    said = json.loads(coordination.get(address(world, "export_file"), {"sortie": "json"}).content)

    assert (said["format"], said["version"]) == ("ctg-portal/fiches", 1)
    assert said["choix"]["notes"] is False
    fiche = said["fiches"][0]
    assert (fiche["cle"], fiche["code"]) == (world.fiche.pk, "1.1.1")
    assert list(fiche["rubriques"]) == [rubrique.slug for rubrique in DESCRIPTION]
    assert fiche["rubriques"]["moyens"]["lignes_budget"] == [
        {
            "annee": world.convention.debut.year,
            "intitule": "",
            "nature": "fonctionnement",
            "prevu": "13000.00",
            "realise": None,
        }
    ]
    (indicateur,) = fiche["rubriques"]["evaluation"]["indicateurs"]
    assert [mesure["valeur"] for mesure in indicateur["mesures"]] == ["12.5"]
    assert fiche["rubriques"]["suivi"]["notes"] == []
    assert set(fiche["rubriques"]["identite"]) == {
        part.cle for part in DESCRIPTION[0].contenu if not CHAMPS[part.cle].en_titre
    }


def test_choices_are_in_the_address_and_the_filters_are_kept(coordination, world):
    answer = coordination.post(
        f"{address(world)}?redaction=brouillon&page=2",
        {
            "sortie": "json",
            "rubriques": ["suivi"],
            "notes": "avec",
            "suivi": [str(timezone.localdate().year)],
        },
    )

    assert answer.status_code == 302
    assert answer.url.startswith(address(world, "export_file"))
    said = json.loads(coordination.get(answer.url).content)
    assert [fiche["code"] for fiche in said["fiches"]] == ["1.1.1"]
    assert list(said["fiches"][0]["rubriques"]) == ["suivi"]
    assert len(said["fiches"][0]["rubriques"]["suivi"]["notes"]) == 1
    assert said["fiches"][0]["rubriques"]["suivi"]["bilans"] == []
    again = coordination.get(address(world) + "?" + answer.url.partition("?")[2])
    assert again.context["form"].choix.rubriques == frozenset({"suivi"})


def test_what_is_left_out_is_said_and_its_number_only_to_who_sees_it(coordination, client, world):
    FicheAction.objects.filter(pk=world.objects["validee"].pk).update(confidentielle=True)

    for role, sentence in (
        ("coordination", "1 fiche confidentielle n’y est pas."),
        ("lecture", "Les fiches confidentielles, s’il y en a, n’y sont pas."),
    ):
        client.force_login(world.people[role])
        said = json.loads(client.get(address(world, "export_file"), {"sortie": "json"}).content)
        assert said["absents"][0] == sentence
        assert sentence in client.get(address(world)).text
        assert [fiche["code"] for fiche in said["fiches"]] == ["1.1.1", "1.1.2", "1.1.5"]
        assert "Former les assistantes maternelles" not in json.dumps(said, ensure_ascii=False)
        assert "Secret de la CAF" not in json.dumps(said, ensure_ascii=False)


def test_hostile_and_empty_addresses_get_a_page(coordination, world):
    file = address(world, "export_file")
    for query in ("?sortie=exe", "?axe=999999", "?sortie=json&suivi=abc", "?sortie=pdf&rubriques=rien"):
        response = coordination.get(file + query, follow=True)
        assert response.status_code == 200, query
    nothing = coordination.post(f"{address(world)}?q=introuvable", {"sortie": "pdf", "notes": "sans"})
    assert (nothing.status_code, Impression.objects.count()) == (200, 1)
    assert "Aucune fiche à exporter." in nothing.text


def test_one_fiche_is_given_at_once_in_each_format(coordination, world):
    kinds = {"pdf": b"%PDF", "docx": b"PK", "xlsx": b"PK", "csv": b"\xef\xbb\xbf", "json": b"{"}
    for sortie, start in kinds.items():
        response = coordination.get(fiche_address(world, "fiche_export_file"), {"sortie": sortie})
        assert response.content.startswith(start), sortie
        assert f'-itinerant.{sortie}"' in response.headers["Content-Disposition"]
    answer = coordination.post(fiche_address(world), {"sortie": "docx", "notes": "avec"})
    assert answer.url.startswith(fiche_address(world, "fiche_export_file"))


@pytest.mark.parametrize("sortie", ["pdf", "docx", "xlsx"])
def test_a_long_file_is_awaited_then_told_once_to_who_still_has_access(
    coordination, client, world, sortie, monkeypatch
):
    monkeypatch.setitem(IMMEDIATES, sortie, 3)
    choices = {"sortie": sortie, "notes": "sans", "courriel": "on"}
    waiting = coordination.post(address(world), choices)
    impression = asked()
    assert waiting.url.startswith(
        reverse("conventions:impression", args=[world.convention.code, impression.pk])
    )
    assert (impression.sortie, impression.total, impression.statut) == (sortie, 4, "en_attente")
    assert "4 fiches" in coordination.get(waiting.url).text
    client.force_login(world.people["lecture"])
    client.post(address(world), choices | {"courriel": "on"})
    gone = world.people["redaction"]
    impression.demandeurs.add(gone)
    impression.a_prevenir.add(gone)
    Habilitation.objects.filter(user=gone).delete()

    draw_impression.func(str(impression.pk))
    draw_impression.func(str(impression.pk))

    impression.refresh_from_db()
    assert (impression.statut, impression.faites, impression.html) == ("prete", 4, "")
    told = sorted(message.to[0] for message in mail.outbox)
    # Another reader sees other words (how many are left out): a file of their own.
    assert told == [world.people["coordination"].email]
    assert str(impression.pk) in mail.outbox[0].body
    if sortie == "pdf":
        drawn = page.validate_pdf_bytes(bytes(impression.contenu), profile=page.ValidationProfile.PDF_UA_1)
        assert drawn.failures == []
    client.force_login(world.people["coordination"])
    file = client.get(reverse("conventions:impression_file", args=[world.convention.code, impression.pk]))
    assert file.content == bytes(impression.contenu)
    assert file.headers["Content-Disposition"].endswith(f'.{sortie}"')
    client.force_login(gone)
    refused = client.get(reverse("conventions:impression_file", args=[world.convention.code, impression.pk]))
    assert refused.status_code == 404


def test_when_nobody_draws_the_page_says_so_and_draws_what_is_small(coordination, world):
    coordination.post(address(world), {"sortie": "docx", "notes": "sans"})
    impression = asked()
    waiting = reverse("conventions:impression", args=[world.convention.code, impression.pk])
    now = reverse("conventions:impression_now", args=[world.convention.code, impression.pk])
    coordination.post(now)
    impression.refresh_from_db()
    # Not yet: the worker has had no time.
    assert impression.statut == "en_attente"
    assert now not in coordination.get(waiting).text
    late = timezone.now() - datetime.timedelta(minutes=5)
    Impression.objects.filter(pk=impression.pk).update(updated_at=late)
    assert now in coordination.get(waiting).text

    coordination.post(now)

    impression.refresh_from_db()
    assert impression.statut == "prete"
    for sortie, total, may in (("docx", 41, False), ("xlsx", 400, True), ("xtrav", 401, False)):
        Impression.objects.filter(pk=impression.pk).update(
            statut="en_attente", sortie=sortie, total=total, updated_at=late
        )
        told = coordination.get(waiting).text
        assert (now in told, "filtrez les fiches" in told) == (may, sortie == "docx")


def test_a_long_drawing_that_goes_on_is_no_silent_service(coordination, world, monkeypatch):
    coordination.post(address(world), {"sortie": "docx", "notes": "sans"})
    impression = asked()
    Impression.objects.update(updated_at=timezone.now() - PATIENCE * 2)
    impression.refresh_from_db()
    seen = [is_left_waiting(impression)]

    def slow(sortie, source):
        report(2)
        impression.refresh_from_db()
        seen.append(is_left_waiting(impression))
        return b"file"

    monkeypatch.setattr(impressions, "RYTHME", 0)
    monkeypatch.setattr(impressions, "draw", slow)
    beat()
    draw_impression.func(str(impression.pk))

    assert seen == [True, False]


def test_the_workbook_to_read_has_a_sheet_a_table_and_computes_nothing(coordination, client, world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        intitule="=HYPERLINK(1)", elu_referent="+33 5", modalites="x" * 40_000
    )
    for role in ("coordination", "lecture"):
        client.force_login(world.people[role])
        response = client.get(address(world, "export_file"), {"sortie": "xlsx", "notes": "avec"})
        workbook = load_workbook(io.BytesIO(response.content))
        assert workbook.sheetnames[0] == "Fiches"
        assert workbook.sheetnames[-1] == "Précisions"
        said = " ".join(cell for (cell,) in workbook["Précisions"].iter_rows(values_only=True))
        assert ("Les fiches confidentielles, s’il y en a," in said) == (role == "lecture")
    head, *rows = workbook["Fiches"].iter_rows()
    cells = dict(zip((cell.value for cell in head), rows[0], strict=True))
    assert [row[1].value for row in rows] == ["1.1.1", "1.1.2", "1.1.3", "1.1.5"]
    assert (cells["Intitulé"].value, cells["Intitulé"].data_type) == ("=HYPERLINK(1)", "s")
    assert cells["Élu·e référent·e"].quotePrefix
    assert cells[CHAMPS["modalites"].libelle].value.endswith(
        "(suite sur le portail : une cellule n’en tient pas plus)"
    )
    budget = list(workbook[TABLES["lignes_budget"].libelle].iter_rows(values_only=True))
    assert budget[1][:3] == (world.fiche.pk, "1.1.1", "=HYPERLINK(1)")
    assert 13000 in budget[1]
    mesures = list(workbook["Mesures"].iter_rows(values_only=True))
    assert mesures[0][:4] == ("Clé", "Numéro", "Intitulé", "Indicateur")
    assert 12.5 in mesures[1]


def test_the_plan_and_its_short_edition_tell_by_mail_too(coordination, world):
    for name in ("plan_pdf", "plan_pdf_elus"):
        coordination.post(address(world, name), {"courriel": "on"})
        assert list(Impression.objects.latest("created_at").a_prevenir.all()) == [
            world.people["coordination"]
        ]


def test_word_file_has_real_titles_repeated_heads_and_says_how_far_it_is(coordination, world):
    coordination.post(address(world), {"sortie": "docx", "notes": "avec"})
    heard = []

    with followed_by(heard.append):
        document = Document(io.BytesIO(draw_word(asked().html)))

    assert heard == [0, 1, 2, 3]
    titles = [(p.style.name, p.text) for p in document.paragraphs if p.style.name.startswith("Heading")]
    assert [text for style, text in titles if style == "Heading 2"] == [
        "1.1.1 Ouvrir un relais itinérant",
        "1.1.2 Créer une ludothèque",
        "1.1.3 Former les assistantes maternelles",
        "1.1.5 Ouvrir un lieu d’accueil",
    ]
    assert ("Heading 3", "Modalités de mise en œuvre") in titles
    etapes = next(table for table in document.tables if table.rows[0].cells[0].text == "Étape")
    assert etapes.rows[0]._tr.trPr.xpath("w:tblHeader")
    assert "Première réunion tenue." in "\n".join(p.text for p in document.paragraphs)


def test_templates_are_those_that_the_code_builds():
    for name, build in MODELES.items():
        assert (settings.BASE_DIR / "templates" / name).read_bytes() == build(), name


@pytest.mark.parametrize("extra", [0, 3])
def test_export_page_costs_the_same_with_more_fiches(coordination, world, django_assert_num_queries, extra):
    for rank in range(extra):
        FicheAction.objects.create(
            plan=world.plan, axe=world.objects["axe"], code=f"9.{rank}", intitule="Une autre"
        )
    coordination.get(address(world))

    with django_assert_num_queries(9):
        coordination.get(address(world))


def test_workbook_is_offered_to_those_who_may_take_it(client, world):
    offered = reverse("actions:tableur", args=[world.convention.code])
    found = {}
    for name in ("coordination", "redaction", "relecture", "lecture"):
        client.force_login(world.people[name])
        found[name] = offered in client.get(address(world)).text
    assert found == {"coordination": True, "redaction": True, "relecture": False, "lecture": False}
