"""axe-core finds nothing on any page of the access table, wide, narrow and dark."""

from pathlib import Path

import pytest
from django.urls import reverse

from tests.access import ACCOUNT, ROWS
from tests.test_access import address
from tests.test_pages import visitor_of

AXE = (Path(__file__).parent / "axe.min.js").read_text()
NOT_PAGES = {
    "actions:tableur_export",
    "conventions:theme",
    "diagnostics:atelier_pdf",
    "diagnostics:questionnaire_export",
    "conventions:impression_file",
    "conventions:equipements_export",
    "conventions:importation_modele",
    "conventions:importation_export",
    "conventions:document_file",
    "conventions:publication_file",
    "governance:document_file",
    "actions:fiche_pdf",
    "actions:export_file",
    "actions:fiche_export_file",
    "actions:piece_file",
    "governance:convention_docx",
    "governance:avenant_docx",
    "governance:diagnostic_docx",
    "conventions:etat_pdf",
    "conventions:etat_xlsx",
    "portefeuille_xlsx",
    "robots",
    "diagnostics:communes_export",
    "governance:flux",
    "governance:envois_export",
    "governance:compte_rendu_docx",
    "governance:register_export",
    "governance:piece_file",
}
PAGES = [
    route for route, row in ROWS.items() if row.method == "get" and row.allowed and route not in NOT_PAGES
]
GROUPS = [PAGES[i::4] for i in range(4)]
# Opened without logging in, as people meet them.
PUBLIC = [route for route, (_, anonymous, _) in ACCOUNT.items() if anonymous == 200]

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
# The dark theme changes colours and nothing else.
COLOURS = {"type": "rule", "values": ["color-contrast"]}
# One load a page: it is then looked at wide, dark, and as a phone shows it.
LOOKS = [((1280, 900), "light", RULES), ((1280, 900), "dark", COLOURS), ((360, 740), "light", RULES)]


def violations(page, rules):
    result = page.evaluate(
        "(rules) => axe.run(document, {runOnly: rules, resultTypes: ['violations'], preload: false})", rules
    )
    return [
        (rule["id"], node["target"], node["failureSummary"][:200])
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def overflow(page):
    """Pixels by which the page scrolls sideways (WCAG reflow)."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


def faults_of(page):
    page.evaluate(AXE)
    for (width, height), scheme, rules in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        # Without motion: a colour on its way from one theme to the other is in neither.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for fault in violations(page, rules):
            yield width, scheme, fault
        if (pixels := overflow(page)) > 0:
            yield width, scheme, ("reflow", pixels)


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_no_violation(open_as, world, group):
    pages = {}
    found = {}
    for route in GROUPS[group]:
        visitor = visitor_of(route)
        # The policy stands in the way of the test's own script, not of the portal's.
        if visitor not in pages:
            pages[visitor] = open_as(world.people[visitor], bypass_csp=True)
        page = pages[visitor]
        page.set_viewport_size({"width": 1280, "height": 900})
        response = page.goto(address(route, world))
        assert response.status == 200, route
        assert "/compte/login/" not in page.url, route
        if faults := list(faults_of(page)):
            found[route] = faults

    assert found == {}


def test_no_violation_before_logging_in(open_as, world, settings):
    settings.DEMO = True
    found = {}
    page = open_as(bypass_csp=True)
    for route in PUBLIC:
        page.goto(account_address(route))
        if faults := list(faults_of(page)):
            found[route] = faults

    assert found == {}


def account_address(route):
    args = ACCOUNT[route][0]
    return reverse(route, args=args)
