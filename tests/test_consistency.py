"""Conventions of the house that no linter knows."""

import re
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import CheckConstraint, UniqueConstraint

ROOT = Path(__file__).resolve().parent.parent
OUR_APPS = ("ctg_portal", "conventions", "diagnostics", "actions", "governance")
MODELS = [
    model
    for app in OUR_APPS
    for model in apps.get_app_config(app).get_models()
    if not model.__name__.endswith("Event")
]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Said to nobody: only the portal's own code could break them.
SILENT_CONSTRAINTS = {
    "impression_cle_unique",
    "impression_prete_avec_fichier",
    "commentaire_resolu_par_quelqu_un",
    "decision_texte_non_vide",
    "documentemis_version_unique",
    "documentemis_un_par_avis",
}


def tracked_files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_model_is_in_the_glossary(model):
    known = {"User", "Commune", "Departement", "Public", "PartenaireFiche"}
    glossary = (ROOT / "docs" / "glossaire.md").read_text()

    assert model.__name__ in known or f"`{model.__name__}" in glossary


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_constraint_says_why_in_french(model):
    for constraint in model._meta.constraints:
        if (
            isinstance(constraint, (CheckConstraint, UniqueConstraint))
            and constraint.name not in SILENT_CONSTRAINTS
        ):
            message = constraint.violation_error_message
            assert message != constraint.default_violation_error_message, constraint.name
            assert message.endswith("."), constraint.name


def test_foreign_keys_to_a_convention_never_cross_upwards():
    order = {app: rank for rank, app in enumerate(OUR_APPS)}
    for model in MODELS:
        for related in (f.related_model for f in model._meta.get_fields() if f.is_relation and f.concrete):
            target = related._meta.app_label if related else None
            if target in order:
                assert order[target] <= order[model._meta.app_label], (model, related)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template(path):
    text = path.read_text()

    assert "|safe" not in text
    assert not re.search(r"\sstyle=|\son[a-z]+=", text) or "/pdf/" in path.as_posix()
    for include in re.findall(r"{% include [^%]*%}", text):
        if '"components/' in include:
            assert " only %}" in include, include
    if path.parent.name == "components":
        assert text.startswith("{#") or text.startswith("{% comment"), (
            "a component starts with its parameters"
        )


def test_migrations_are_named():
    for path in ROOT.glob("*/migrations/[0-9]*.py"):
        assert "_auto_" not in path.name
        imported = re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
        # Field validators, and the expression of an index of words, are what a schema migration refers to.
        ours = [
            line
            for line in re.findall(r"^(?:from|import) (.+)$", path.read_text(), re.MULTILINE)
            if line.split(".")[0].split()[0] in OUR_APPS
        ]
        assert all("validators" in line or line == "ctg_portal.plein_texte" for line in ours), (
            path.name,
            imported,
        )


def test_no_address_of_a_registry_or_of_one_machine():
    hosts = re.compile(
        r"https?://(registry\.npmjs|pypi\.org|files\.pythonhosted|deb\.debian)|(?<![\w/.])/(work|home|root)/\w"
    )
    for path in tracked_files():
        if (
            path.suffix in {".py", ".md", ".toml", ".json", ".lock", ".txt", ".html", ".js", ".mjs", ""}
            and path.is_file()
        ):
            text = path.read_text(errors="ignore")
            if path.name == "test_consistency.py" or "vendor" in path.parts:
                continue
            assert not hosts.search(text), path
