"""What falls on which page: tables, their heads and their titles."""

import gc
import subprocess

import pytest

from ctg_portal.documents import DocumentError, render_pdf

PAGE = '<html lang="fr"><head><title>Essai</title></head><body><h1>Essai</h1>{body}</body></html>'
TABLE = (
    "<h3>Étapes</h3><table><caption>Étapes de l’action</caption>"
    '<thead><tr><th scope="col">Étape</th><th scope="col">Qui</th></tr></thead><tbody>{rows}</tbody>'
    '<tfoot><tr><th scope="row">Total</th><td>dix</td></tr></tfoot></table>'
)


def table(rows):
    return TABLE.format(
        rows="".join(f'<tr><th scope="row">Étape {n}</th><td>Ada</td></tr>' for n in range(1, rows + 1))
    )


def pages(body):
    """The words of each page."""
    content = render_pdf(PAGE.format(body=body))
    read = subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True)
    return [words.split("\n") for words in read.stdout.decode().split("\f")[:-1]]


@pytest.mark.parametrize("millimetres", range(170, 230, 6))
def test_short_table_stays_with_its_title(millimetres):
    body = f'<div style="height: {millimetres}mm"></div>{table(3)}'

    found = [{"Étapes", "Étapes de l’action", "Étape 1", "Étape 3"} & set(words) for words in pages(body)]

    assert [words for words in found if words] == [{"Étapes", "Étapes de l’action", "Étape 1", "Étape 3"}]


def test_long_table_repeats_its_head_but_not_its_total():
    found = pages(table(90))

    assert [words.count("Étape") for words in found] == [1, 1, 1]
    assert [words.count("Total") for words in found] == [0, 0, 1]
    # It starts under its title: nothing pushes it to a page of its own.
    assert {"Étapes", "Étape 1"} <= set(found[0])


def test_collector_works_again_after_a_drawing_and_after_a_failure():
    render_pdf(PAGE.format(body=""))
    after_drawing = gc.isenabled()
    with pytest.raises(DocumentError):
        render_pdf(PAGE.format(body='<img src="static:pdf/absent.png" alt="Logo">'))

    assert (after_drawing, gc.isenabled()) == (True, True)
