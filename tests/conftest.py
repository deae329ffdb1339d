"""One template database per version of the migrations; every worker clones it in a fraction of a second."""

import hashlib
from pathlib import Path

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def _template_name():
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.read_bytes())
    digest.update((ROOT / "requirements-dev.lock").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return f"ctg_template_{digest.hexdigest()[:16]}"


def _server():
    params = connection.get_connection_params() | {"dbname": "postgres"}
    server = psycopg2.connect(
        **{k: v for k, v in params.items() if k in ("dbname", "user", "password", "host", "port")}
    )
    server.autocommit = True
    return server


def _age_the_keys():
    """Keys of four digits, as a portal that has lived has them: one written « 1 250 » in a page breaks it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename), 1000 + coalesce(last_value, 0))"
            " FROM pg_sequences WHERE schemaname = 'public'"
        )


def _make_template(name):
    server = _server()
    cursor = server.cursor()
    cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    if not cursor.fetchone():
        building = f"{name}_building"
        cursor.execute(f'DROP DATABASE IF EXISTS "{building}"')
        cursor.execute(f"CREATE DATABASE \"{building}\" TEMPLATE template0 ENCODING 'UTF8'")
        original = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = building
        try:
            call_command("migrate", verbosity=0, interactive=False)
            _age_the_keys()
        finally:
            connection.close()
            connection.settings_dict["NAME"] = original
        cursor.execute(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
    server.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, django_db_blocker):
    """Each worker's database is a copy of the migrated template; the first worker to come makes it."""
    name = _template_name()
    with django_db_blocker.unblock():
        _make_template(name)
    connection.settings_dict["TEST"]["TEMPLATE"] = name


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
