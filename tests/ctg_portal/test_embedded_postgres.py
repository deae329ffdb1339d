import os
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest

from ctg_portal import embedded_postgres
from ctg_portal.embedded_postgres import SOCKET, Server, ServerError


@pytest.fixture
def folder(monkeypatch):
    # Not tmp_path: root's server user must be able to walk through, and pytest closes its own folders.
    with tempfile.TemporaryDirectory(prefix="ctg-") as name:
        monkeypatch.setattr(embedded_postgres, "ROOT", Path(name))
        monkeypatch.setattr(embedded_postgres, "VAR", Path(name) / "var")
        yield Path(name)


@pytest.fixture
def server(folder):
    server = Server("postgres", options=("-c", "fsync=off"), disposable=True)
    yield server
    server.drop()


def _query(url, statement):
    parts = urlsplit(url)
    connection = psycopg2.connect(
        dbname=parts.path[1:], user="postgres", host=parse_qs(parts.query)["host"][0]
    )
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def test_start_stop_and_start_again_keeps_the_data(server):
    url = server.start()
    _query(url, "CREATE TABLE mot (texte text)")
    _query(url, "INSERT INTO mot VALUES ('été')")
    assert server.start() == url

    server.stop()
    with pytest.raises(psycopg2.OperationalError):
        _query(url, "SELECT 1")

    # A machine that was cut off: a socket, and a number that is another process by now.
    (server.data / SOCKET).touch()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert _query(server.start(), "SELECT texte FROM mot") == [("été",)]
    assert server.data.stat().st_mode & 0o077 == 0


def test_disposable_data_that_no_longer_starts_is_made_again(server):
    server.start()
    server.stop()
    (server.data / "global" / "pg_control").unlink()
    assert _query(server.start(), "SELECT current_database()") == [("ctg_portal",)]


def test_kept_data_that_no_longer_starts_is_left_alone(folder):
    server = Server("postgres")
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("18\n")
    with pytest.raises(
        ServerError, match=r"PostgreSQL n’a pas démarré : lisez la fin de var/log/postgres.log"
    ):
        server.start()
    assert (server.data / "PG_VERSION").read_text() == "18\n"


def test_socket_of_a_deep_folder_has_a_short_path(folder, monkeypatch):
    server = Server("postgres")
    assert server.socket_folder == server.data
    monkeypatch.setattr(embedded_postgres, "VAR", folder / ("d" * 100))
    assert server.socket_folder.parent == Path("/tmp")
    assert len(os.fsencode(server.socket_folder / SOCKET)) <= 107


def test_stop_and_drop_of_a_server_never_started_do_nothing(folder):
    Server("postgres").stop()
    Server("postgres").drop()
