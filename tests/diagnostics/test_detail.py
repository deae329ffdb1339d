"""The diagnostic of a convention: read and edited part by part, moved along its statuts, one count of queries."""

import pytest
from django.urls import reverse

from diagnostics.models import Diagnostic
from tests.conventions.test_detail import log_in
from tests.factories import AtelierFactory, ConstatFactory, ConventionFactory, DiagnosticFactory, EnjeuFactory


def address(diagnostic, name="detail", *args):
    return reverse(f"diagnostics:{name}", args=[diagnostic.convention.code, *args])


@pytest.mark.parametrize("count", [1, 3])
def test_page_query_count_does_not_grow(client, django_assert_num_queries, count):
    diagnostic = DiagnosticFactory()
    for _ in range(count):
        AtelierFactory(diagnostic=diagnostic)
        ConstatFactory(diagnostic=diagnostic)
        EnjeuFactory(diagnostic=diagnostic).constats.add(ConstatFactory(diagnostic=diagnostic))
    log_in(client, diagnostic.convention)

    # Two of them are the savepoint of the request.
    with django_assert_num_queries(15):
        response = client.get(address(diagnostic))

    assert response.text.count("Constat ") >= 2 * count


def test_convention_without_diagnostic_says_what_to_do(client):
    convention = ConventionFactory()
    log_in(client, convention)

    page = client.get(reverse("diagnostics:detail", args=[convention.code])).text

    assert reverse("diagnostics:start", args=[convention.code]) in page


def test_starting_twice_makes_one_diagnostic(client):
    convention = ConventionFactory()
    log_in(client, convention)
    path = reverse("diagnostics:start", args=[convention.code])

    client.post(path)
    again = client.post(path)

    assert again.status_code == 302
    assert Diagnostic.objects.filter(convention=convention).count() == 1


def test_section_is_saved_as_it_was_typed(client):
    diagnostic = DiagnosticFactory(methode="Trois ateliers.")
    log_in(client, diagnostic.convention)
    path = address(diagnostic, "edit", "synthese")
    form = client.get(path).context["form"]

    client.post(
        path,
        {field.html_name: field.value() or "" for field in form} | {"synthese": "<b>Jeune</b> & « rural »"},
    )

    diagnostic.refresh_from_db()
    assert (diagnostic.synthese, diagnostic.methode) == ("<b>Jeune</b> & « rural »", "Trois ateliers.")
    page = client.get(address(diagnostic)).text.replace("\u00a0", " ")
    assert "&lt;b&gt;Jeune&lt;/b&gt; &amp; « rural »" in page


def test_statut_follows_its_table(client):
    diagnostic = DiagnosticFactory()
    log_in(client, diagnostic.convention)

    client.post(address(diagnostic, "move", "valide"))
    diagnostic.refresh_from_db()
    refused = diagnostic.statut
    client.post(address(diagnostic, "move", "partage"))
    diagnostic.refresh_from_db()

    assert (refused, diagnostic.statut) == ("en_cours", "partage")
