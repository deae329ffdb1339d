"""What holds for every page: one h1, no inline script or style, a strict policy, few queries."""

import re
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.access import ROWS
from tests.test_access import address
from tests.world import build_world

PAGES = [route for route, row in ROWS.items() if row.method == "get" and row.allowed]
MOST_QUERIES = 15
MOST_QUERIES_OF_A_FILE = 40
GROUPES = 12


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.h1 = 0
        self.ids = []
        self.inline = []
        self.lang = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.h1 += tag == "h1"
        if tag == "html":
            self.lang = attributes.get("lang")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "style" or (tag == "script" and not attributes.get("src")):
            self.inline.append(tag)
        self.inline += [name for name in attributes if name == "style" or name.startswith("on")]


def visitor_of(route):
    allowed = ROWS[route].allowed
    return next(
        role
        for role in ("coordination", "administration", "relecture", "lecture", "outsider")
        if role in allowed
    )


def fault_of(client, path):
    """What is wrong with the page at ``path``, or nothing."""
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
    counted = [q["sql"] for q in queries.captured_queries if not re.match(r"(RELEASE )?SAVEPOINT", q["sql"])]
    # A file reads every part of what it holds, once; its own tests say that this does not grow.
    is_file = "Content-Disposition" in response.headers
    if len(counted) > (MOST_QUERIES_OF_A_FILE if is_file else MOST_QUERIES):
        return f"{len(counted)} queries\n" + "\n".join(counted)
    if response.status_code == 302:
        response = client.get(path, follow=True)
    policy = response.headers["Content-Security-Policy"]
    if "default-src 'none'" not in policy or "unsafe" in policy:
        return policy
    if response.headers["X-Content-Type-Options"] != "nosniff":
        return "nosniff"
    if not response.headers["Content-Type"].startswith("text/html"):
        return None
    page = Page(response.text)
    if (page.h1, page.lang, page.inline) != (1, "fr", []) or "<title>" not in response.text:
        return f"h1: {page.h1}, lang: {page.lang}, inline: {page.inline}"
    twice = sorted({id_ for id_ in page.ids if page.ids.count(id_) > 1})
    return f"ids twice: {twice}" if twice else None


# A world takes longer to build than a page to draw: one for several pages.
@pytest.mark.parametrize("group", range(GROUPES))
def test_pages(client, group):
    world = build_world()
    found = {}
    for route in PAGES[group::GROUPES]:
        client.force_login(world.people[visitor_of(route)])
        if fault := fault_of(client, address(route, world)):
            found[route] = fault

    assert found == {}


def test_faults_are_seen():
    class Answer:
        status_code, text = 200, '<html lang="en"><title></title><h1 style="a" id="b"></h1><p id="b">'
        headers = {
            "Content-Security-Policy": "default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Content-Type": "text/html",
        }

    class Twelve:
        def get(self, path, **options):
            return Answer()

    assert fault_of(Twelve(), "/") == "h1: 1, lang: en, inline: ['style']"
    Answer.text = '<html lang="fr"><title></title><h1 id="b"></h1><p id="b">'
    assert fault_of(Twelve(), "/") == "ids twice: ['b']"


def test_form_of_an_old_session_is_explained():
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "a@example.org"})

    page = Page(response.text)
    assert response.status_code == 403
    assert (page.h1, page.lang, page.inline) == (1, "fr", [])
    assert "Cette page est trop ancienne" in response.text
