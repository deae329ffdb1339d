"""The commands of bin/ say what is wrong in one sentence and leave nothing behind."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ctg_portal.demo.accounts import ACCOUNTS, PASSWORD
from ctg_portal.models import User

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path):
    """A project of which only the commands are there: nothing can be installed or started by mistake."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    return tmp_path


def _refusal(folder, *arguments, path=os.environ["PATH"], program="demo"):
    done = subprocess.run(
        [folder / "bin" / program, *arguments],
        env={"PATH": path, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_demo_refuses_what_is_not_a_port(folder):
    assert _refusal(folder, "--port", "web") == (
        "« web » n’est pas un numéro de port : donnez un nombre de 1 à 65535, par exemple « bin/demo --port 8001 ».\n"
    )
    assert _refusal(folder, "--port=65536").startswith("« 65536 » n’est pas un numéro de port")
    assert not (folder / "var").exists()


def test_demo_names_another_port_when_this_one_is_taken(folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert _refusal(folder, "--port", str(port)) == (
            f"Le port {port} est déjà pris : fermez ce qui l’utilise ou lancez « bin/demo --port {port % 65535 + 1} ».\n"
        )
    assert not (folder / ".venv").exists()


def test_demo_runs_once_in_a_folder(folder):
    (folder / "var").mkdir()
    with (folder / "var" / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert _refusal(folder) == (
            "« bin/demo » tourne déjà dans ce dossier : arrêtez l’autre (Ctrl-C) ou utilisez son adresse.\n"
        )


@pytest.mark.parametrize("program", ["demo", "setup"])
def test_a_folder_that_cannot_be_written_is_named(folder, program):
    # Even root cannot make a folder where a file stands.
    (folder / "var").touch()
    assert _refusal(folder, program=program) == (
        f"Impossible d’écrire dans {folder} : donnez-vous le droit d’y écrire (ou libérez de la place) puis relancez.\n"
    )


def test_demo_says_that_python_is_missing(folder):
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("bash", "env", "dirname", "readlink"):
        (tools / tool).symlink_to(shutil.which(tool))
    assert _refusal(folder, path=str(tools)) == (
        "Python 3.11 ou plus récent est introuvable : "
        "installez-le (par exemple « apt-get install python3 ») puis relancez.\n"
    )
    assert not (folder / "var").exists()


def test_demo_accounts_fails_until_the_demonstration_is_loaded():
    with pytest.raises(CommandError) as refusal:
        call_command("demo_accounts")
    assert refusal.value.returncode == 1

    User.objects.create_user("quelqu-un@example.org")
    with pytest.raises(CommandError) as refusal:
        call_command("demo_accounts")
    assert refusal.value.returncode == 3


def test_demo_accounts_prints_the_first_account_of_each_role():
    for account in ACCOUNTS:
        User.objects.create_user(account.email)
    output = StringIO()
    call_command("demo_accounts", stdout=output)
    lines = output.getvalue().splitlines()
    first = ACCOUNTS[0]
    assert lines[0].split() == [first.role_label, first.email, PASSWORD, *first.description.split()]
    assert len(lines) == len({account.role_label for account in ACCOUNTS})


def test_env_example_lists_every_variable_of_the_settings():
    read = re.findall(r'env(?:\.\w+)?\(\s*"(\w+)"', (ROOT / "ctg_portal" / "settings.py").read_text())
    listed = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(set(read))
