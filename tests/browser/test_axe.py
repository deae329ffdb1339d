"""axe-core finds nothing on any page of the access table, wide, narrow and dark."""

from pathlib import Path

import pytest
from django.urls import reverse

from tests.access import ACCOUNT, ROWS
from tests.test_access import address
from tests.test_pages import visitor_of

AXE = (Path(__file__).parent / "axe.min.js").read_text()
NOT_PAGES = {
    "conventions:theme",
    "conventions:impression_file",
    "conventions:equipements_export",
    "conventions:importation_modele",
    "conventions:importation_export",
    "conventions:document_file",
    "conventions:publication_file",
    "governance:document_file",
    "actions:fiche_pdf",
    "governance:convention_docx",
    "governance:avenant_docx",
    "governance:diagnostic_docx",
    "conventions:etat_pdf",
    "conventions:etat_xlsx",
    "portefeuille_xlsx",
    "governance:flux",
}
PAGES = [
    route for route, row in ROWS.items() if row.method == "get" and row.allowed and route not in NOT_PAGES
]
GROUPS = [PAGES[i::4] for i in range(4)]
# Opened without logging in, as people meet them.
PUBLIC = [route for route, (_, anonymous, _) in ACCOUNT.items() if anonymous == 200]

VIEWPORTS = [(1280, "light"), (360, "light"), (1280, "dark")]


def violations(page):
    page.evaluate(AXE)
    result = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
    )
    return [
        (rule["id"], node["target"], node["failureSummary"][:200])
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def overflow(page):
    """Pixels by which the page scrolls sideways (WCAG reflow)."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_no_violation(open_as, world, group):
    pages = {}
    found = {}
    for route in GROUPS[group]:
        for width, scheme in VIEWPORTS:
            visitor = visitor_of(route)
            key = (visitor, width, scheme)
            # The policy stands in the way of the test's own script, not of the portal's.
            if key not in pages:
                pages[key] = open_as(world.people[visitor], width=width, color_scheme=scheme, bypass_csp=True)
            page = pages[key]
            response = page.goto(address(route, world))
            assert response.status == 200, route
            assert "/compte/login/" not in page.url, route
            faults = violations(page)
            if overflow(page) > 0:
                faults.append(("reflow", overflow(page)))
            if faults:
                found[route, width, scheme] = faults

    assert found == {}


def test_no_violation_before_logging_in(open_as, world, settings):
    settings.DEMO = True
    found = {}
    for width, scheme in VIEWPORTS:
        page = open_as(width=width, color_scheme=scheme, bypass_csp=True)
        for route in PUBLIC:
            page.goto(account_address(route))
            if faults := violations(page):
                found[route, width, scheme] = faults

    assert found == {}


def account_address(route):
    args = ACCOUNT[route][0]
    return reverse(route, args=args)
