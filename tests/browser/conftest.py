"""A real Chromium on a live server. Each test logs in by its own session cookie; nothing leaves the machine."""

import os
import shutil

import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.world import build_world

# Playwright's synchronous API runs an event loop in the test's thread; the ORM is used outside of it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_kept():
    """A browser keeps style sheets and scripts from one page to the next, as it does in production (WhiteNoise)."""
    serve = StaticFilesHandler.serve

    def serve_to_keep(self, request):
        response = serve(self, request)
        response.headers["Cache-Control"] = "max-age=3600"
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", serve_to_keep)
        yield


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium manque : bin/setup --tests l’installe."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def world(live_server):
    return build_world()


@pytest.fixture
def open_as(chromium, live_server):
    """``open_as(user, width=…)`` gives a page of a fresh browser, logged in as ``user``; script errors fail the test."""
    contexts = []
    errors = []

    def open_page(user=None, width=1280, height=900, *, expected_error=None, **options):
        """``expected_error``: words of the console that this page is made to say."""
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, locale="fr-FR", **options
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])

        def is_unexpected(message):
            return message.type == "error" and (expected_error is None or expected_error not in message.text)

        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if is_unexpected(message) else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if "favicon" not in error] == []
