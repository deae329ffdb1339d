"""The short edition: the figures of the plan, two pages an axe, large type."""

import io
import re

import page
import pikepdf
import pytest
from django.urls import reverse

from actions.elus import elus_context, elus_filename, elus_html
from actions.models import FicheAction
from actions.models.fiche import Avancement
from conventions.models import Impression
from ctg_portal.documents import render_pdf
from tests.factories import AxeFactory, complete_fiche
from tests.pdf.controle import faults
from tests.world import build_world


def sizes(sheet):
    """The points of the letters of a page: what WeasyPrint drew is in pixels, its head and foot are not."""
    _, drawn, stamped = sheet.Contents
    for stream, unit in ((drawn, 0.75), (stamped, 1)):
        for operands, operator in pikepdf.parse_content_stream(stream):
            if str(operator) == "Tf":
                yield round(float(operands[1]) * unit, 1)


@pytest.fixture
def world():
    return build_world()


def test_short_edition_is_accessible_two_pages_an_axe(world):
    longue = "Informer les bailleurs des bourgs sur les aides à la rénovation de leurs logements " * 3
    axe = AxeFactory(plan=world.plan, code="9", intitule=longue[:280], enjeu_central="Un mot. " * 400)
    for rank in range(30):
        complete_fiche(axe=axe, objectif=None, code=f"9.{rank}", intitule=longue[:250], echeance="2025-01-31")

    content = render_pdf(elus_html(world.plan))

    assert faults(content) == set()
    assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        # Cover and essentials, then two pages for each of the two axes.
        assert len(pdf.pages) == 2 + 2 * 2
        assert str(pdf.docinfo.Title) == f"Le plan d’actions en bref – {world.convention}"
        # Its promise: nothing is smaller.
        assert min(size for sheet in pdf.pages for size in sizes(sheet)) == 14


def test_short_edition_says_the_figures_of_the_plan(world):
    FicheAction.objects.filter(pk=world.fiche.pk).update(
        avancement=Avancement.EN_PAUSE, echeance="2025-01-31", elu_referent=""
    )

    context = elus_context(world.plan)
    html = elus_html(world.plan)

    [axe] = context["axes"]
    assert (context["total"].total, axe.progression.total) == (4, 4)
    assert [fiche.pk for fiche in axe.late] == [world.fiche.pk]
    assert "Dire si 1 fiche en pause reprend ou s’arrête." in axe.demandes
    assert "Choisir pour 1 fiche en retard" in html
    assert "Ouvrir un relais itinérant" in html


def test_short_edition_of_an_empty_plan_says_so(world):
    FicheAction.objects.filter(plan=world.plan).update(confidentielle=True)

    html = elus_html(world.plan)

    assert "Ouvrir un relais itinérant" not in html
    assert "Cet axe n’a pas encore de fiche." in html


def test_short_edition_costs_the_same_queries_with_more_fiches(world, django_assert_num_queries):
    with django_assert_num_queries(11):
        elus_html(world.plan)
    complete_fiche(axe=AxeFactory(plan=world.plan, code="9"), objectif=None, code="9.1")
    with django_assert_num_queries(11):
        elus_html(world.plan)


def test_short_edition_is_offered_beside_the_plan(client, world):
    client.force_login(world.people["pilotage"])
    path = reverse("actions:plan_pdf_elus", args=[world.convention.code])

    offered = client.get(reverse("actions:plan_pdf", args=[world.convention.code])).text
    client.post(path)

    assert re.findall(r'method="post"\s+action="([^"]+)"', offered)[-1] == path
    impression = Impression.objects.exclude(cle="0" * 64).get()
    assert impression.nom_fichier == elus_filename(world.plan)
    assert impression.titre == f"{world.plan}, en bref"
