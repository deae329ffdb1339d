"""Parts drawn once, joined into one sound file."""

import datetime
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import page
import pikepdf
import pytest
from django.db import connection
from django.utils import timezone

from ctg_portal.documents import DocumentError, content_key, render_pdf
from ctg_portal.models import Fragment
from ctg_portal.pdf import ateliers, dessin, fragments
from ctg_portal.pdf.parties import cut, read_page
from tests.pdf.controle import faults, read_aloud

TABLE = (
    '<table><caption>Étapes</caption><thead><tr><th scope="col">Étape</th><th scope="col">Qui</th></tr></thead>'
    '<tbody><tr><th scope="row">{0}</th><td>Ada</td></tr></tbody></table>'
)


def fiche(number, words="Un relais itinérant."):
    """A small fiche: a heading, words, a list, a table, a drawing, and a link to the next one."""
    return (
        f'<section class="fiche" data-fragment><div class="bandeau fond-1"><h2 id="fiche-{number}">Fiche {number}</h2></div>'
        f"<p>{words}</p><h3>Suite</h3><ul><li>un</li><li>deux</li></ul>{TABLE.format(number)}"
        '<svg xmlns="http://www.w3.org/2000/svg" width="9mm" height="5mm"><title>Barre</title><rect width="9" height="5"/></svg>'
        f'<p>Voir <a href="#fiche-{number % 3 + 1}">la suivante</a> et <a href="https://example.org/">ailleurs</a>.</p></section>'
    )


def entry(name, words):
    return f'<div class="entree"><a href="#{name}">{words}</a><span class="numero" data-cible="#{name}"></span></div>'


def plan(fiches, titre="Plan – été 2026", entries=None):
    entries = entries or [(f"fiche-{number}", f"Fiche {number}") for number in range(1, len(fiches) + 1)]
    contents = "".join(entry(*row) for row in entries)
    return (
        f'<!DOCTYPE html><html lang="fr"><head><title>{titre}</title><meta name="author" content="CC d’essai"></head>'
        f'<body class=""><div class="courant" data-titre="{titre}" data-edition="Version 1">'
        f'<section class="couverture"><h1>Plan</h1></section><nav><h1>Sommaire</h1>{contents}</nav>'
        f'<section class="page" data-fragment><h1 id="axe-1">Axe 1</h1><p>Grandir.</p></section>{"".join(fiches)}'
        "</div></body></html>"
    )


def three(**words):
    return [fiche(number, words.get(f"fiche{number}", "Un relais.")) for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def sound(django_db_setup, django_db_blocker):
    """A plan of three fiches, the first of two pages."""
    with django_db_blocker.unblock():
        content = render_pdf(plan(three(fiche1="Un relais. " * 900)))
        Fragment.objects.all().delete()
    return content


def opened(content):
    return pikepdf.open(io.BytesIO(content))


def test_page_is_cut_in_its_fragments_and_what_is_between():
    inner = '<section class="fiche" data-fragment><section><p>a</p></section></section>'

    assert cut(f"<p>x</p> {inner}\n{inner}<p>y</p>") == ["<p>x</p>", inner, inner, "<p>y</p>"]
    assert read_page('<html lang="fr"><body><p>Sans fragment</p></body></html>').is_cut is False
    whole = f'<html><body data-entier><div class="courant"><h1>a</h1>{inner}</div></body></html>'
    assert read_page(whole).parties == [whole]


def test_joined_file_is_sound_and_accessible(sound):
    assert faults(sound) == set()
    assert page.validate_pdf_bytes(sound, profile=page.ValidationProfile.PDF_UA_1).failures == []
    with opened(sound) as pdf:
        assert str(pdf.docinfo.Title) == "Plan – été 2026"
        assert str(pdf.Root.Lang) == "fr"
        with pdf.open_outline() as outline:
            assert [(item.title, [child.title for child in item.children]) for item in outline.root] == [
                ("Plan", []),
                ("Sommaire", []),
                ("Axe 1", ["Fiche 1", "Fiche 2", "Fiche 3"]),
            ]
        # The fonts of the book, once.
        assert len({font.objgen for sheet in pdf.pages for font in sheet.Resources.Font.values()}) == 2


def test_words_are_read_in_the_order_of_the_page():
    html = plan(three())

    said = read_aloud(render_pdf(html))

    body = re.sub(r"<title>.*?</title>", "", html.split("<body")[1].split(">", 1)[1])
    numbered = re.sub(r'data-cible="#fiche-(\d)"></span>', lambda found: f">{3 + int(found[1])}</span>", body)
    expected = re.sub(r"<[^>]+>", " ", numbered)
    assert re.sub(r"[\s•]+", "", said) == re.sub(r"\s+", "", expected)


def test_links_lead_across_fiches_and_say_where(sound):
    with opened(sound) as pdf:
        index = {sheet.obj.objgen: number for number, sheet in enumerate(pdf.pages, 1)}
        links = [
            (
                index[sheet.obj.objgen],
                index[link.Dest[0].objgen] if "/Dest" in link else str(link.A.URI),
                str(link.Contents),
            )
            for sheet in pdf.pages
            for link in sheet.get("/Annots", ())
        ]

    assert links == [
        (2, 4, "Fiche 1"),
        (2, 6, "Fiche 2"),
        (2, 7, "Fiche 3"),
        (5, 6, "Fiche 2"),
        (5, "https://example.org/", "ailleurs"),
        (6, 7, "Fiche 3"),
        (6, "https://example.org/", "ailleurs"),
        (7, 4, "Fiche 1"),
        (7, "https://example.org/", "ailleurs"),
    ]
    assert re.findall(r"Fiche (\d) +(\d+)", read_aloud(sound))[:3] == [("1", "4"), ("2", "6"), ("3", "7")]


def test_long_contents_tells_the_right_pages():
    entries = [("fiche-1", f"Entrée {number}") for number in range(120)]

    content = render_pdf(plan(three(), entries=entries))

    with opened(content) as pdf:
        link = pdf.pages[1].Annots[0]
        target = next(
            number for number, sheet in enumerate(pdf.pages, 1) if sheet.obj.objgen == link.Dest[0].objgen
        )
    assert target > 5
    assert re.findall(r"Entrée 119 +(\d+)", read_aloud(content)) == [str(target)]


def test_link_to_nowhere_is_refused():
    broken = plan(three()).replace('href="#fiche-2"', 'href="#fiche-9"')

    with pytest.raises(DocumentError, match="fiche-9"):
        render_pdf(broken)


def test_edited_fiche_alone_is_drawn_again(monkeypatch):
    render_pdf(plan(three()))
    drawn = []
    draw_pages = fragments.draw_pages
    monkeypatch.setattr(fragments, "draw_pages", lambda pages: drawn.extend(pages) or draw_pages(pages))

    render_pdf(plan(three(fiche2="Autre chose.")))
    edited = ["Autre chose." in html for html in drawn]
    drawn.clear()
    render_pdf(plan(three(fiche2="Autre chose."), titre="Un autre plan"))

    assert edited == [True]
    assert drawn == []


def test_part_with_a_foreign_letter_keeps_its_font():
    content = render_pdf(plan(three(fiche2="Кириллица et 漢字, puis du français.")))

    assert faults(content) == set()
    assert "Кириллица" in read_aloud(content)
    with opened(content) as pdf:
        assert len({font.objgen for sheet in pdf.pages for font in sheet.Resources.Font.values()}) > 2


def test_hostile_title_is_written_short():
    content = render_pdf(plan(three(), titre="Plan &lt;b&gt; (x) \\ 漢 " + "très long " * 40))

    assert faults(content) == set()


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_draw_it_once(monkeypatch):
    drawn, both = [], threading.Barrier(2)
    draw_pages = fragments.draw_pages
    monkeypatch.setattr(fragments, "draw_pages", lambda pages: drawn.extend(pages) or draw_pages(pages))
    read = fragments._read
    met = threading.local()

    def read_together(keys):
        found = read(keys)
        if not getattr(met, "once", False):
            met.once = True
            both.wait(timeout=20)
        return found

    monkeypatch.setattr(fragments, "_read", read_together)
    html = plan(three())

    def ask():
        try:
            return render_pdf(html)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as people:
        first, second = (task.result() for task in [people.submit(ask), people.submit(ask)])

    assert first == second
    assert len(drawn) == len(set(drawn)) == 5


def test_what_nobody_asks_for_is_forgotten():
    render_pdf(plan(three()))
    old = timezone.now() - fragments.GARDE - datetime.timedelta(days=1)
    Fragment.objects.update(utilise_le=old)
    render_pdf(plan(three(fiche2="Autre.", fiche3="Autre aussi.")))

    kept = set(Fragment.objects.filter(utilise_le__gt=old).values_list("cle", flat=True))
    gone = fragments.purge()

    assert (gone, len(kept)) == (2, 5)
    assert set(Fragment.objects.values_list("cle", flat=True)) == kept


def test_children_draw_as_this_process_does():
    pages = read_page(plan(three())).parties[1:]
    alone = dict(ateliers.draw_pages(pages))
    ateliers.start(2)
    try:
        shared = dict(ateliers.draw_pages(pages))
        with pytest.raises(DocumentError):
            dict(
                ateliers.draw_pages(
                    [pages[0], pages[1].replace("<h3", '<img src="static:pdf/x.png" alt="x"><h3')]
                )
            )
        after_failure = dict(ateliers.draw_pages(pages))
        for child in ateliers._open.children:
            child.kill()
            child.join()
        without_children = dict(ateliers.draw_pages(pages))
    finally:
        ateliers.stop()

    assert shared == after_failure == without_children == alone


def test_key_follows_the_images_of_the_page(monkeypatch, tmp_path):
    image = tmp_path / "x.png"
    image.write_bytes(b"a")
    real = dessin.static_path
    monkeypatch.setattr(dessin, "static_path", lambda name: image if name == "pdf/x.png" else real(name))
    html = '<img src="static:pdf/x.png" alt="x">'
    before = content_key(html)
    image.write_bytes(b"b")

    assert content_key(html) != before
