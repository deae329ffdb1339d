"""A link opens one frozen document to whoever has it, and nothing else to anybody."""

import datetime
import hashlib
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.workflow import TransitionError
from governance.forms.liens import LiensForm
from governance.models import DocumentEmis, LienPublic
from governance.models.lien import DUREE, DUREE_MAX
from tests.actions.test_pages import log_in
from tests.factories import ReunionFactory, UserFactory
from tests.test_access import refuse_writes

CONTENU = b"%PDF-1.7 dossier"
TODAY = timezone.localdate()
DAY = datetime.timedelta(days=1)


@pytest.fixture
def document():
    reunion = ReunionFactory()
    return document_of(reunion)


def document_of(reunion, **fields):
    ready = {
        "statut": "pret",
        "contenu": CONTENU,
        "sha256": hashlib.sha256(CONTENU).hexdigest(),
        "taille": len(CONTENU),
        "pages": 3,
    }
    return DocumentEmis.objects.create(
        convention=reunion.convention,
        reunion=reunion,
        nature="dossier_seance",
        nom_fichier="dossier.pdf",
        auteur=UserFactory(),
        **ready | {"titre": "Dossier du COPIL", "html": "<h2>Ordre du jour</h2><p>Un point.</p>"} | fields,
    )


def link(document, **fields):
    given = {"destinataire": "Maire de Salviac", "expire_le": TODAY + DUREE} | fields
    lien = LienPublic(document=document, **given)
    lien.open(by=document.auteur)
    return lien


def path(cle):
    return reverse("governance:lien", args=[cle])


def test_the_page_says_the_document_and_leads_nowhere(client, document):
    lien = link(document)

    with connection.execute_wrapper(refuse_writes), CaptureQueriesContext(connection) as queries:
        page = client.get(lien.get_absolute_url())

    assert page.status_code == 200
    assert [q["sql"] for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]] == [
        q["sql"] for q in queries.captured_queries if q["sql"].startswith('SELECT "governance_lienpublic"')
    ]
    assert "<h2>Ordre du jour</h2><p>Un point.</p>" in page.text
    assert document.sha256 in page.text
    # Its own place in the page, and its style: nothing of the portal.
    assert re.findall(r'<a [^>]*href="([^"]*)"', page.text) == ["#contenu"]
    assert re.findall(r"<form[^>]*>", page.text) == ['<form method="post">']
    assert "<script" not in page.text
    lien.refresh_from_db()
    assert (lien.telechargements, lien.dernier_le) == (0, None)


def test_headers_of_every_answer(client, document):
    lien = link(document)
    answers = [client.get(path(lien.cle)), client.post(path(lien.cle)), client.get(path("faux"))]

    for answer in answers:
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not answer.cookies
    assert '<meta name="robots" content="noindex, nofollow, noarchive">' in answers[0].text
    assert '<meta name="referrer" content="no-referrer">' in answers[0].text


def test_the_page_is_the_same_for_whoever_asks(client, document):
    lien = link(document)
    stranger = client.get(path(lien.cle)).text
    log_in(client, document.convention)

    assert client.get(path(lien.cle)).text == stranger


def test_a_download_gives_the_bytes_and_is_counted(document):
    # As a browser sends it from a page without cookie nor referrer.
    client = Client(enforce_csrf_checks=True, headers={"origin": "null"})
    lien, other = link(document), link(document, destinataire="Présidence")

    for _ in range(2):
        answer = client.post(path(lien.cle))

    assert answer.content == CONTENU
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dossier.pdf"'
    lien.refresh_from_db()
    other.refresh_from_db()
    assert (lien.telechargements, other.telechargements, other.dernier_le) == (2, 0, None)
    assert lien.dernier_le > timezone.now() - datetime.timedelta(minutes=1)


def test_every_key_that_opens_nothing_gets_the_same_answer(client, document):
    expired, revoked, valid = link(document), link(document), link(document)
    LienPublic.objects.filter(pk=expired.pk).update(expire_le=TODAY - DAY)
    revoked.revoke(by=document.auteur)
    keys = [
        expired.cle,
        revoked.cle,
        valid.cle[:-1],
        valid.cle.swapcase(),
        f"{valid.cle}A",
        valid.cle + "%00",
        "%00",
        "é'\";--",
        "a" * 3000,
        str(document.pk),
        str(valid.pk),
        "..",
    ]

    answers = {
        (answer.status_code, answer.content)
        for key in keys
        for answer in (client.get(f"/lien/{key}/"), client.post(f"/lien/{key}/"))
        if key != ".."
    }

    assert len(answers) == 1
    status, content = answers.pop()
    assert status == 404
    assert "Ce lien n’ouvre aucun document" in content.decode()
    assert document.titre not in content.decode()
    assert not LienPublic.objects.exclude(telechargements=0).exists()


def test_the_last_day_counts(client, document):
    lien = link(document, expire_le=TODAY)
    assert client.get(path(lien.cle)).status_code == 200

    LienPublic.objects.filter(pk=lien.pk).update(expire_le=TODAY - DAY)
    assert client.get(path(lien.cle)).status_code == 404


def test_a_document_in_preparation_has_no_link_and_a_link_never_opens_it(client, document):
    waiting = document_of(
        ReunionFactory(), statut="en_preparation", contenu=None, sha256="", taille=None, pages=None
    )
    with pytest.raises(TransitionError, match="pas prêt"):
        link(waiting)

    lien = link(document)
    LienPublic.objects.filter(pk=lien.pk).update(document=waiting)
    assert client.get(path(lien.cle)).status_code == 404
    assert client.post(path(lien.cle)).status_code == 404


def test_a_link_opens_its_own_version_only(client, document):
    second = document_of(document.reunion, version=2, html="<p>Version deux.</p>")
    lien = link(document)

    page = client.get(path(lien.cle)).text

    assert "version 1" in page
    assert "Version deux" not in page
    assert str(second.pk) not in page


def test_a_revocation_between_the_page_and_the_download_wins(document):
    lien = link(document)
    held = LienPublic.objects.opening(lien.cle)
    lien.revoke(by=document.auteur)

    assert held.count_download() is False
    lien.refresh_from_db()
    assert lien.telechargements == 0


def test_revoking_twice_keeps_the_first_who_and_when(document):
    lien, other = link(document), UserFactory()
    lien.revoke(by=document.auteur)
    when = lien.revoque_le
    lien.revoke(by=other)

    assert (lien.revoque_par, lien.revoque_le) == (document.auteur, when)


def test_keys_are_long_and_differ(document):
    keys = {link(document).cle for _ in range(20)}

    assert len(keys) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", key) for key in keys)


@pytest.mark.parametrize(
    ("expire_le", "valid"),
    [
        (TODAY - DAY, False),
        (TODAY, True),
        (TODAY + DUREE_MAX, True),
        (TODAY + DUREE_MAX + DAY, False),
        ("", False),
        ("demain", False),
    ],
)
def test_a_link_lives_a_year_at_most(expire_le, valid):
    form = LiensForm({"destinataires": "Maire", "expire_le": expire_le})

    assert form.is_valid() is valid
    assert list(form.errors) == ([] if valid else ["expire_le"])


@pytest.mark.parametrize(
    ("destinataires", "found"),
    [
        ("Maire de Salviac", ["Maire de Salviac"]),
        (
            "Maire de Salviac\r\n\r\n  Maire de Cazals \nMaire de Salviac",
            ["Maire de Salviac", "Maire de Cazals"],
        ),
        (" \n ", None),
        ("x" * 151, None),
        ("\n".join(f"Personne {n}" for n in range(61)), None),
        ("Maire\x07de Salviac", ["Mairede Salviac"]),
        ("Maire\x00", None),
    ],
)
def test_a_line_is_a_link(destinataires, found):
    form = LiensForm({"destinataires": destinataires, "expire_le": TODAY + DUREE})

    assert form.is_valid() is (found is not None)
    if found:
        assert form.cleaned_data["destinataires"] == found


def test_links_are_made_on_the_page_of_the_document_and_revoked(client, document):
    convention = document.convention
    user = log_in(client, convention)
    where = reverse("governance:lien_add", args=[convention.code, document.pk])
    assert f'value="{(TODAY + DUREE).isoformat()}"' in client.get(where).text

    client.post(where, {"destinataires": "<b>Maire</b>\nPrésidence", "expire_le": TODAY + DUREE})
    first, second = LienPublic.objects.order_by("pk")
    page = client.get(document.get_absolute_url()).text
    assert f"http://testserver{path(first.cle)}" in page
    assert "&lt;b&gt;Maire&lt;/b&gt;" in page
    assert (first.auteur, first.document) == (user, document)

    client.post(reverse("governance:lien_revoke", args=[convention.code, first.pk]))
    page = client.get(document.get_absolute_url()).text
    assert first.cle not in page
    assert second.cle in page
    assert "révoqué le" in page


def test_readers_do_not_see_the_links(client, document):
    lien = link(document)
    log_in(client, document.convention, role="lecture")

    assert lien.cle not in client.get(document.get_absolute_url()).text


def test_a_closed_convention_makes_no_link_and_still_revokes(client, document):
    lien = link(document)
    Convention.objects.filter(pk=document.convention_id).update(statut="close")
    log_in(client, document.convention)
    code = document.convention.code

    assert client.get(reverse("governance:lien_add", args=[code, document.pk])).status_code == 403
    assert client.post(reverse("governance:lien_revoke", args=[code, lien.pk])).status_code == 302
    lien.refresh_from_db()
    assert lien.is_revoque


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_does_not_grow(client, document, count, django_assert_num_queries):
    log_in(client, document.convention)
    for _ in range(count):
        link(document)

    with django_assert_num_queries(8):
        client.get(document.get_absolute_url())


def test_robots_may_read_that_links_are_not_for_them(client):
    answer = client.get("/robots.txt")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == ["User-agent: *", "Disallow: /", "Allow: /lien/"]
