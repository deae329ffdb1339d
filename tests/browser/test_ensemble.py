"""Writing together in real browsers: two people on one fiche, words pasted from Word, a web process killed while one types."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from actions.models import Brouillon, FicheAction

WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p { color: red }</style></head><body>
<p class=MsoNormal>Les <b>familles</b> du <i>secteur</i>&nbsp;:<o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·<span>&nbsp;&nbsp;&nbsp;
</span></span>un relais<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><span>·<span>&nbsp;&nbsp; </span></span>une ludothèque</p>
<p>Voir <a href="https://exemple.org/page">la page</a> et <a href="javascript:alert(1)">rien</a></p></body></html>"""


@pytest.fixture
def fiche_url(world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        besoins="Le texte de départ.", modalites="Un relais."
    )
    return f"/conventions/{world.convention.code}/plan/fiches/{world.fiche.pk}/"


def test_two_browsers_edit_one_fiche_and_nothing_is_lost(open_as, world, fiche_url):
    anne = open_as(world.people["coordination"])
    bruno = open_as(world.people["redaction"], width=360)
    anne.goto(f"{fiche_url}modifier/")
    bruno.goto(f"{fiche_url}modifier/contexte/")

    anne.get_by_label("Besoins constatés").fill("Le texte de départ. Trente familles attendent.")
    expect(anne.locator("#contexte ~ [data-brouillon-etat]")).to_contain_text("Brouillon gardé à")
    bruno.reload()
    expect(bruno.get_by_text("modifie aussi cette rubrique")).to_be_visible()
    bruno.get_by_label("Besoins constatés").fill("Le texte de départ. Le relais ferme le mercredi.")
    bruno.get_by_role("button", name="Enregistrer").click()
    expect(bruno.get_by_text("« Contexte » est enregistrée.")).to_be_visible()

    # Another section of the same page goes through; the one that moved is shown, not overwritten.
    anne.get_by_label("Description").fill("Un relais, deux matinées par semaine.")
    anne.get_by_role("button", name="Tout enregistrer").click()
    expect(anne.get_by_text("Enregistré : « Modalités de mise en œuvre ».")).to_be_visible()
    expect(anne.get_by_text("Pas encore enregistré : « Contexte »")).to_be_visible()
    anne.get_by_role("link", name="Voir les deux textes côte à côte").click()
    expect(anne.get_by_role("heading", name="Ce qui diffère")).to_be_visible()
    expect(anne.locator(".cote-a-cote ins")).to_contain_text("Trente familles attendent.")
    expect(anne.locator(".cote-a-cote del")).to_contain_text("Le relais ferme le mercredi.")
    both = "Le texte de départ. Le relais ferme le mercredi. Trente familles attendent."
    anne.get_by_label("Besoins constatés").fill(both)
    anne.get_by_role("button", name="Enregistrer").click()

    expect(anne.get_by_text("« Contexte » est enregistrée.")).to_be_visible()
    fiche = FicheAction.objects.get(pk=world.fiche.pk)
    assert (fiche.besoins, fiche.modalites) == (both, "Un relais, deux matinées par semaine.")
    assert not Brouillon.objects.exists()


def test_words_of_word_are_cleaned_and_read_as_meant(open_as, world, fiche_url):
    page = open_as(world.people["coordination"])
    page.goto(f"{fiche_url}modifier/contexte/")
    expect(page.locator("markdown-toolbar").first).to_be_visible()
    besoins = page.get_by_label("Besoins constatés", exact=True)
    besoins.fill("")
    besoins.focus()
    page.wait_for_function("typeof TurndownService !== 'undefined'")
    page.evaluate(
        """(html) => {
            const data = new DataTransfer();
            data.setData("text/html", html);
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        WORD,
    )
    expect(besoins).to_have_value(
        "Les **familles** du secteur\u00a0:\n\n- un relais\n- une ludothèque\n\nVoir [la page](https://exemple.org/page) et rien"
    )
    page.get_by_role("button", name="Aperçu").first.click()
    expect(page.get_by_role("group", name="Aperçu").first.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Écrire").click()
    besoins.press("Control+End")
    besoins.press_sequentially(" enfin")
    besoins.press("Control+Shift+ArrowLeft")
    besoins.press("Control+b")
    page.get_by_role("button", name="Enregistrer").click()

    shown = page.locator("section", has=page.locator("#contexte"))
    expect(shown.locator(".texte strong")).to_have_text(["familles", "enfin"])
    expect(shown.get_by_role("link", name="la page")).to_have_attribute("href", "https://exemple.org/page")


def test_title_too_long_is_said_before_it_is_sent(open_as, world, fiche_url):
    page = open_as(world.people["coordination"])
    page.goto(f"{fiche_url}modifier/identite/")
    intitule = page.get_by_label("Intitulé")
    intitule.fill("a" * 290)
    expect(page.get_by_text("encore 10 signes possibles")).to_be_visible()
    intitule.fill("a" * 303)
    expect(page.get_by_text("3 signes de trop")).to_be_visible()
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_label("Intitulé")).to_have_value("a" * 303)


@contextmanager
def web_process(port):
    """The portal in a process of its own, on the database of the tests; gives a function that kills it at once."""
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": url._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "ctg_portal.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)

    def kill():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield kill
    finally:
        kill()


def test_a_killed_web_process_loses_no_draft(open_as, world, fiche_url):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = Client()
    client.force_login(
        world.people["coordination"], backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page = open_as(expected_error="Failed to load resource")
    # The process reads the whole portal at its first page.
    page.set_default_navigation_timeout(60_000)
    base = f"http://127.0.0.1:{port}"
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base}])

    with web_process(port) as kill:
        page.goto(f"{base}{fiche_url}modifier/contexte/")
        besoins = page.get_by_label("Besoins constatés", exact=True)
        besoins.fill("Trente familles.")
        expect(page.get_by_text("Brouillon gardé à")).to_be_visible()
        kill()
        besoins.press_sequentially(" Puis deux.")
        expect(page.get_by_text("le réseau ne répond pas")).to_be_visible()
    with web_process(port):
        # The page tries again by itself; what was typed while the portal was down is kept too.
        expect(page.get_by_text("Brouillon gardé à")).to_be_visible(timeout=30_000)
        page.close(run_before_unload=False)
        back = open_as()
        back.set_default_navigation_timeout(60_000)
        back.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base}])
        back.goto(f"{base}{fiche_url}modifier/contexte/?brouillon=1")
        expect(back.get_by_label("Besoins constatés", exact=True)).to_have_value(
            "Trente familles. Puis deux."
        )
