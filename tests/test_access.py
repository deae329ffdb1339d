"""Who gets what on every route. A route without a row in ``tests/access.py`` fails the suite."""

import pytest
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from actions.courriel import unsubscribe_token
from tests.access import ACCOUNT, ROWS
from tests.world import VISITORS, build_world


def route_names(patterns, prefix=""):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace == "admin":  # Django's own, for superusers
                continue
            namespace = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from route_names(pattern.url_patterns, namespace)
        elif isinstance(pattern, URLPattern):
            yield f"{prefix}{pattern.name}"


def address(route, world):
    row = ROWS[route]
    values = {"code": world.convention.code, "fiche": world.fiche.pk, "reunion": world.reunion.pk}
    values["siren"] = world.convention.territoire.siren
    values |= {name: thing.pk for name, thing in world.objects.items()}
    values["cle_agenda"] = world.people["coordination"].flux_agenda.cle
    values["cle_desabonnement"] = unsubscribe_token(world.people["coordination"])
    values["cle_reponse"] = world.objects["presence"].cle
    values["cle_lien"] = world.objects["lien_public"].cle
    values["cle_questionnaire"] = world.objects["questionnaire"].cle
    return reverse(route, args=[values.get(arg, arg) for arg in row.args])


def expected(route, visitor):
    row = ROWS[route]
    if visitor in row.allowed:
        return row.status
    if visitor == "anonymous":
        return 302
    return 404 if visitor == "outsider" and row.args[:1] == ("code",) else 403


def test_every_route_has_an_access_row():
    assert set(route_names(get_resolver().url_patterns)) == set(ROWS) | set(ACCOUNT)


# A territoire without a logo has no logo to serve; and the home leads straight to a single convention.
SPECIAL = {
    (route, visitor): 403 if route != "conventions:logo" and visitor == "outsider" else 404
    for route in ("conventions:logo", "conventions:organisation_logo")
    for visitor in VISITORS
    if visitor != "anonymous"
} | {("home", role): 302 for role in ("lecture", "pilotage", "redaction", "coordination", "administration")}


class WroteError(AssertionError):
    pass


def refuse_writes(execute, sql, params, many, context):
    if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "TRUNCATE")):
        raise WroteError(sql)
    return execute(sql, params, many, context)


@pytest.mark.parametrize("visitor", VISITORS)
def test_access(client, visitor):
    """Who gets in; whoever asks, a GET writes nothing and no page shows a note of the CAF to others."""
    world = build_world()
    note = world.objects["note_caf"].texte.encode()
    if visitor != "anonymous":
        client.force_login(world.people[visitor])

    found, shown = {}, []
    for route, row in ROWS.items():
        path = address(route, world)
        with connection.execute_wrapper(refuse_writes):
            answer = client.get(path)
        if row.method == "post":
            answer = client.post(path)
        found[route] = answer.status_code
        if note in answer.getvalue():
            shown.append(route)

    assert bool(shown) == (visitor == "relecture"), shown
    assert found == {route: SPECIAL.get((route, visitor), expected(route, visitor)) for route in ROWS}


def test_anonymous_is_sent_to_log_in(client):
    world = build_world()

    for route, row in ROWS.items():
        if "anonymous" in row.allowed:
            continue
        address_ = address(route, world)
        assert getattr(client, row.method)(address_).headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("route", "row"), ACCOUNT.items())
def test_account_pages(client, route, row):
    args, anonymous, logged_in = row
    path = reverse(route, args=args)

    assert client.get(path).status_code == anonymous
    client.force_login(
        build_world().people["lecture"], backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert client.get(path).status_code == logged_in


def test_another_convention_s_objects_are_not_found(client):
    """Ids of one's own objects under the address of another convention, and the reverse, are 404."""
    mine, other = build_world(), build_world()
    client.force_login(mine.people["coordination"])

    for route, row in ROWS.items():
        if row.args[:1] != ("code",) or len(row.args) < 2 or isinstance(row.args[1], int):
            continue
        values = {"code": mine.convention.code, "fiche": other.fiche.pk, "reunion": other.reunion.pk}
        values |= {name: thing.pk for name, thing in other.objects.items()}
        if row.args[1] not in values:
            continue
        path = reverse(route, args=[values.get(arg, arg) for arg in row.args])
        for method in ("get", "post"):
            response = getattr(client, method)(path)
            assert response.status_code in (404, 405), (route, method)
