"""The migrated database that every worker copies: made once per version of the migrations.

``python -m tests.template`` makes it ahead, while something else is being checked.
"""

import hashlib
import os
from pathlib import Path

import django
import psycopg2
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def template_name():
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


def make_template(name):
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


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    make_template(template_name())
