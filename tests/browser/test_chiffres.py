"""Files as CAF and INSEE give them, sent by the browser: seen, confirmed, then read in the portrait with their source."""

import io
import zipfile

import pytest
from playwright.sync_api import expect

from diagnostics.models import Valeur
from tests.browser.test_axe import faults_of
from tests.factories import load_indicateurs

CAF = """\ufeffdtreffre;numcomdo;nomcom;indfoy_ndur;indnbp_ndur;indmtt_ndur;indfoy_rsa;indnbp_rsa;indmtt_rsa;indfoy_ppa;indnbp_ppa;indmtt_ppa
2024-12;XX;NON LOCALISE;33605;33605;1;15055;15055;1;5;5;1
2024-12;{0};CAZALS;145;320;61200;10;25;5400;45;95;8300
2024-12;{1};SALVIAC;265;560;98100;20;40;9900;80;170;15100
2024-12;75056;PARIS;1000;2000;1;1000;2000;1;1000;2000;1
2023-12;{0};CAZALS;150;330;63000;N/A - secret statistique;;;45;90;8100
"""
DOSSIER = """CODGEO;P22_POP;P16_POP;SUPERF;P22_POP1114;P22_POP1517;C22_FAM;C22_FAMMONO;MED21;TP6021;NAISD23
01001;859;770;15,95;41;32;240;20;24510;;8
{0};586.4;610;11.73;20;11.5;160;20;20510;;5
{1};1190;1200;30;50;30;330;40;21000;s;7
"""
META = """COD_VAR;LIB_VAR;LIB_VAR_LONG;COD_MOD;LIB_MOD;TYPE_VAR;LONG_VAR;THEME;SOURCE
P22_POP;Population en 2022 (princ);Nombre de personnes;;;NUM;8;Population;RP
"""


@pytest.fixture
def codes(world):
    """The territoire with the two communes that the files name, and no figure yet."""
    load_indicateurs()
    Valeur.objects.all().delete()
    communes = list(world.convention.territoire.communes.order_by("code"))[:2]
    world.convention.territoire.communes.set(communes)
    return [commune.code for commune in communes]


@pytest.fixture
def page(open_as, world, codes):
    return open_as(world.people["coordination"])


def choose(page, world, name, content):
    page.goto(f"/conventions/{world.convention.code}/diagnostic/portrait/")
    page.get_by_role("link", name="Importer des chiffres").first.click()
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    page.get_by_role("button", name="Voir l’aperçu").click()


def archive(codes):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("dossier_complet.csv", DOSSIER.format(*codes))
        made.writestr("meta_dossier_complet.csv", META)
    return written.getvalue()


def test_caf_file_and_dossier_complet_reach_the_portrait(page, world, codes):
    choose(page, world, "s_ben_com_f.csv", CAF.format(*codes).encode())

    expect(page.get_by_role("heading", name="Format reconnu")).to_contain_text("s_ben_com_f")
    expect(page.get_by_text("la MSA manque")).to_be_visible()
    expect(page.get_by_text("1 ligne où le lieu est masqué (XX), laissée de côté.")).to_be_visible()
    first = page.get_by_role("row", name="ligne 3").first
    expect(first).to_contain_text("Foyers allocataires, 2024")
    expect(first).to_contain_text("Valeur : 145")
    assert not Valeur.objects.exists()

    page.get_by_role("button", name="Écrire 12 lignes").click()
    expect(page.get_by_role("heading", name="Compte rendu, ligne par ligne")).to_be_visible()
    assert Valeur.objects.count() == 12

    choose(page, world, "dossier_complet.zip", archive(codes))
    page.get_by_text("D’où vient chaque indicateur").click()
    expect(page.get_by_text("P22_POP (Population en 2022 (princ))").first).to_be_visible()
    page.get_by_role("button", name="Écrire").click()

    page.get_by_role("link", name="Voir le portrait statistique").click()
    foyers = page.get_by_role("row", name="Foyers allocataires").first
    expect(foyers).to_contain_text("410")
    expect(foyers).to_contain_text("2024, CAF, data.caf.fr, s_ben_com_f")
    expect(foyers).to_contain_text("somme des 2 communes")
    population = page.get_by_role("row", name="Population municipale").first
    expect(population).to_contain_text("1 776")
    expect(population).to_contain_text("2022, INSEE, dossier complet")


def test_corrected_file_shows_what_it_changes(page, world, codes):
    choose(page, world, "s_ben_com_f.csv", CAF.format(*codes).encode())
    page.get_by_role("button", name="Écrire").click()
    expect(page.get_by_text("L’importation est faite")).to_be_visible()

    choose(page, world, "s_ben_com_f.csv", CAF.format(*codes).replace(";145;", ";155;").encode())

    changed = page.get_by_role("row", name="ligne 3").first
    expect(changed).to_contain_text("modifiée")
    expect(changed.locator("del")).to_have_text("145")
    expect(changed.locator("ins")).to_have_text("155")
    page.get_by_role("button", name="Écrire 1 ligne").click()
    expect(page.get_by_text("L’importation est faite")).to_be_visible()
    choose(page, world, "s_ben_com_f.csv", CAF.format(*codes).replace(";145;", ";155;").encode())
    expect(page.get_by_text("Il n’y a rien à écrire")).to_be_visible()


def test_unknown_table_is_described_once(page, world, codes):
    table = f"Code;Libellé;Part vacante\n{codes[0]};Cazals;8,5\n{codes[1]};Salviac;N/A - secret statistique\n"
    choose(page, world, "vacance.csv", table.encode("cp1252"))
    expect(page.get_by_role("heading", name="Que contient chaque colonne")).to_be_visible()

    page.get_by_label("« Part vacante »").select_option(label="Part de logements vacants")
    page.get_by_label("Source").fill("Observatoire local")
    page.get_by_role("button", name="Voir l’aperçu").click()
    expect(page.get_by_text("Donnez l’année, ou la colonne qui la porte.")).to_be_visible()
    page.get_by_label("Année", exact=True).fill("2022")
    page.get_by_role("button", name="Voir l’aperçu").click()
    expect(page.get_by_role("heading", name="Tableau décrit colonne par colonne")).to_be_visible()
    expect(page.get_by_role("row", name="ligne 2")).to_contain_text("8,5")
    expect(page.get_by_role("row", name="ligne 3")).to_contain_text("Secret statistique")
    page.get_by_role("button", name="Écrire 2 lignes").click()
    expect(page.get_by_text("L’importation est faite")).to_be_visible()

    choose(page, world, "vacance-2023.csv", table.replace("8,5", "9").encode())
    expect(page.get_by_text("vos réponses d’alors sont reprises")).to_be_visible()
    expect(page.get_by_label("« Part vacante »")).to_have_value("part-logements-vacants")
    expect(page.get_by_label("Année", exact=True)).to_have_value("")


def test_web_page_saved_as_a_table_is_refused_with_a_sentence(page, world):
    choose(page, world, "s_ben_com_f.csv", b"<!DOCTYPE html><html><title>Erreur</title></html>")

    expect(page.get_by_text("est une page web, pas un tableau")).to_be_visible()
    expect(page.get_by_role("heading", name="Importer des chiffres")).to_be_visible()


def test_no_violation_in_any_state(open_as, world, codes):
    page = open_as(world.people["coordination"], bypass_csp=True)
    found = {}

    def look(state):
        page.set_viewport_size({"width": 1280, "height": 900})
        if faults := list(faults_of(page)):
            found[state] = faults
        page.set_viewport_size({"width": 1280, "height": 900})

    choose(page, world, "page.csv", b"<html>")
    expect(page.get_by_text("est une page web")).to_be_visible()
    look("refused")
    moves = (
        f"MOD,DATE_EFF,COM_AV,LIBELLE_AV,COM_AP,LIBELLE_AP\n32,2019-01-01,46999,Vieille,{codes[0]},Cazals\n"
    )
    choose(page, world, "v_mvtcommune_2025.csv", moves.encode())
    expect(page.get_by_role("row", name="1er janvier 2019")).to_contain_text("Vieille (46999)")
    look("movements")
    choose(page, world, "dossier_complet.zip", archive(codes))
    page.get_by_text("D’où vient chaque indicateur").click()
    look("preview")
    page.get_by_role("button", name="Écrire").click()
    expect(page.get_by_role("heading", name="Compte rendu, ligne par ligne")).to_be_visible()
    look("report")
    choose(page, world, "haies.csv", f"code;Haies\n{codes[0]};8\n".encode())
    page.get_by_role("button", name="Voir l’aperçu").click()
    expect(page.get_by_text("Dites quel indicateur")).to_be_visible()
    look("columns refused")
    page.get_by_role("link", name="Annuler").click()
    expect(page.get_by_text("Ce tableau n’est pas encore décrit")).to_be_visible()
    look("to describe")

    assert found == {}
