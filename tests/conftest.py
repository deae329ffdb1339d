"""One template database per version of the migrations; every worker clones it in a fraction of a second."""

import pytest
from django.db import connection
from django.test import TransactionTestCase

from tests.replay import empty_tables
from tests.template import make_template, template_name


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, django_db_blocker):
    """Each worker's database is a copy of the migrated template; the first worker to come makes it."""
    name = template_name()
    with django_db_blocker.unblock():
        make_template(name)
    connection.settings_dict["TEST"]["TEMPLATE"] = name


@pytest.fixture(scope="session", autouse=True)
def _quick_teardown(django_db_setup):
    """A test that commits is cleaned up after by ``empty_tables``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(autouse=True)
def _database(db):
    """Every test may use the database."""


@pytest.fixture
def media(settings, tmp_path):
    """Files on disk, in a folder of the test's own."""
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    }
    settings.MEDIA_ROOT = tmp_path
    return tmp_path
