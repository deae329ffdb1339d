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


@pytest.mark.parametrize("route", PAGES)
def test_page(client, route):
    world = build_world()
    client.force_login(world.people[visitor_of(route)])
    path = address(route, world)
    client.get(path)

    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)

    counted = [q["sql"] for q in queries.captured_queries if not re.match(r"(RELEASE )?SAVEPOINT", q["sql"])]
    assert len(counted) <= MOST_QUERIES, "\n".join(counted)
    if response.status_code == 302:
        response = client.get(path, follow=True)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if response.headers["Content-Type"].startswith("text/html"):
        page = Page(response.text)
        assert (page.h1, page.lang, page.inline) == (1, "fr", [])
        assert [id_ for id_ in page.ids if page.ids.count(id_) > 1] == []
        assert "<title>" in response.text


def test_form_of_an_old_session_is_explained():
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "a@example.org"})

    page = Page(response.text)
    assert response.status_code == 403
    assert (page.h1, page.lang, page.inline) == (1, "fr", [])
    assert "Cette page est trop ancienne" in response.text
