"""What changed between two states of a fiche, in words: labels instead of columns, names instead of keys.

A state is what the history copied: raw values as JSON holds them. Nothing here asks the database but ``Noms.load``.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import CharField, F, OuterRef, Value
from django.db.models.functions import Cast, JSONObject

from actions.models.fiche import FicheAction, Public
from actions.models.parts import IndicateurSuivi
from actions.models.plan import Axe, Objectif
from actions.models.suivis import COLONNES, LIENS, LIGNES, TITRES, Liens, Lignes
from conventions.models import Commune, Convention, Dispositif, Domaine, Organisation
from ctg_portal.models import User
from ctg_portal.mots import Effort, Mot, words_of
from ctg_portal.templatetags.portal import VIDE, date_fr, date_heure, euros, nombre
from diagnostics.models import Constat, Enjeu

AUTOUR = 12
"""Words kept on each side of a change in a long text; what is further is « … »."""
LONG = 60
"""From so many words on, a text that changed is folded."""

Raw = Mapping[str, Any]


@dataclass
class Etat:
    """A fiche at one moment, whole or in part: its columns by ``attname``, its rows and its ties by key."""

    champs: dict[str, Any] | None = None
    lignes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    liens: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Changement:
    """One field before and after; ``mots`` when both are texts, ``ajoutes`` and ``retires`` when it is a tie."""

    champ: str
    libelle: str
    avant: str = ""
    apres: str = ""
    mots: list[Mot] = field(default_factory=list)
    ajoutes: list[str] = field(default_factory=list)
    retires: list[str] = field(default_factory=list)
    lignes: list["LigneChangee"] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return sum(mot.texte.count(" ") + 1 for mot in self.mots) > LONG


@dataclass(frozen=True)
class LigneChangee:
    """A row added, removed or changed (``ajoutee``, ``retiree``, ``modifiee``), with its fields."""

    genre: str
    nom: str
    champs: list[Changement]
    objet: str = ""

    @property
    def mot(self) -> str:
        return {"ajoutee": "ajouté", "retiree": "retiré", "modifiee": "modifié"}[self.genre]


@dataclass(frozen=True)
class RubriqueChangee:
    slug: str
    titre: str
    changements: list[Changement]


def _convention(row: dict[str, Any]) -> str:
    return f"{Convention.SIGLES[row['nature']]} {row['debut'][:4]}–{row['fin'][:4]}"


@dataclass(frozen=True)
class _Nomme:
    """How the rows of a table are named: the columns to read and the sentence made of them."""

    champs: tuple[str, ...]
    dire: Callable[[dict[str, Any]], str]
    supprime: str


def _first(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: str(row[name])


NOMMES: dict[type[models.Model], _Nomme] = {
    Axe: _Nomme(("code", "intitule"), lambda row: f"Axe {row['code']} – {row['intitule']}", "axe supprimé"),
    Objectif: _Nomme(
        ("code", "intitule"), lambda row: f"{row['code']} {row['intitule']}", "objectif supprimé"
    ),
    Organisation: _Nomme(("nom",), _first("nom"), "organisation supprimée"),
    Dispositif: _Nomme(("intitule",), _first("intitule"), "dispositif supprimé"),
    Domaine: _Nomme(("intitule",), _first("intitule"), "domaine supprimé"),
    Public: _Nomme(("intitule",), _first("intitule"), "public supprimé"),
    Commune: _Nomme(("nom",), _first("nom"), "commune supprimée"),
    Convention: _Nomme(("nature", "debut", "fin"), _convention, "contrat supprimé"),
    Enjeu: _Nomme(("intitule",), _first("intitule"), "enjeu supprimé"),
    Constat: _Nomme(("intitule",), _first("intitule"), "constat supprimé"),
    IndicateurSuivi: _Nomme(("intitule",), _first("intitule"), "indicateur supprimé"),
    User: _Nomme(("nom", "email"), lambda row: row["nom"] or row["email"], "compte supprimé"),
    FicheAction: _Nomme(
        ("code", "intitule"), lambda row: f"{row['code']} {row['intitule']}".strip(), "fiche supprimée"
    ),
}
GARDES: tuple[type[models.Model], ...] = (Axe, Objectif, Enjeu, IndicateurSuivi)
"""Tables whose history names what was deleted."""


class Noms:
    """Names of rows by key: asked for first, then read all at once."""

    def __init__(self) -> None:
        self.effort = Effort()
        self.demandes: dict[type[models.Model], set[str]] = defaultdict(set)
        self.trouves: dict[tuple[type[models.Model], str], str] = {}
        self.presents: set[tuple[type[models.Model], str]] = set()
        """Those of which the row is still there, and not only a copy."""

    def ask(self, model: type[models.Model], key: Any) -> None:
        if key is not None and model in NOMMES:
            self.demandes[model].add(str(key))

    def ask_state(self, etat: Etat) -> None:
        for values in [etat.champs] if etat.champs else []:
            for name in COLONNES:
                _ask_field(self, FicheAction._meta.get_field(name), values)
        for part in LIGNES:
            for values in etat.lignes.get(part.cle, {}).values():
                for name in {*part.champs, "indicateur"} & {f.name for f in part.model._meta.concrete_fields}:
                    _ask_field(self, part.model._meta.get_field(name), values)
        for tie in LIENS:
            for key in etat.liens.get(tie.cle, ()):
                self.ask(tie.cible, key)

    def load(self) -> None:
        """One query, whatever was asked: the rows that are there, and the last copy of those that are not."""
        branches: list[Any] = []
        for model, keys in self.demandes.items():
            wanted = keys - {key for found, key in self.trouves if found is model}
            if not wanted:
                continue
            nomme = NOMMES[model]
            fields: dict[str, Any] = dict(zip(nomme.champs, nomme.champs, strict=True))
            branches.append(
                models.QuerySet(model)
                .filter(pk__in=wanted)
                .order_by()
                .values_list(
                    Value(model._meta.label_lower),
                    Cast("pk", CharField()),
                    JSONObject(**fields),
                    Value(1),
                )
            )
            if model in GARDES:
                events: Any = model.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it
                last: Any = models.QuerySet(events).filter(pgh_obj=OuterRef("pgh_obj")).order_by("-pgh_id")
                branches.append(
                    models.QuerySet(events)
                    .filter(pgh_obj__in=wanted, pgh_id=models.Subquery(last.values("pgh_id")[:1]))
                    .order_by()
                    .values_list(
                        Value(model._meta.label_lower),
                        Cast("pgh_obj_id", CharField()),
                        JSONObject(**fields),
                        Value(2),
                    )
                )
        if not branches:
            return
        labels = {model._meta.label_lower: model for model in NOMMES}
        for label, key, row, rank in branches[0].union(*branches[1:], all=True):
            model = labels[label]
            if rank == 1:
                self.presents.add((model, key))
            if rank == 1 or (model, key) not in self.trouves:
                self.trouves[model, key] = NOMMES[model].dire(row)

    def knows(self, column: Any, values: Raw) -> bool:
        return (column.remote_field.model, str(values.get(column.attname))) in self.trouves

    def __call__(self, model: type[models.Model], key: Any) -> str:
        return self.trouves.get((model, str(key)), NOMMES[model].supprime)


def _ask_field(noms: Noms, column: Any, values: Raw) -> None:
    if column.is_relation:
        noms.ask(column.remote_field.model, values.get(column.attname))


def python_value(column: Any, values: Raw) -> Any:
    """The value of ``column`` as Python holds it; ``None`` where the copy has nothing."""
    raw = values.get(column.attname)
    if raw is None:
        return None
    return (column.target_field if column.is_relation else column).to_python(raw)


def label_of(column: Any) -> str:
    name = str(column.verbose_name).removesuffix(" (€)")
    return name[:1].upper() + name[1:]


def say(column: Any, values: Raw, noms: Noms) -> str:
    """A value as a reader says it; « » where there is none."""
    value = python_value(column, values)
    if value is None or value == "":
        return ""
    if column.is_relation:
        return noms(column.remote_field.model, value)
    if column.choices:
        return str(dict(column.flatchoices).get(value, value))
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, datetime.datetime):
        return date_heure(value)
    if isinstance(value, datetime.date):
        return date_fr(value)
    if isinstance(value, Decimal):
        return euros(value) if str(column.verbose_name).endswith("(€)") else nombre(value)
    if isinstance(column, models.PositiveSmallIntegerField):
        return str(value)
    return nombre(value) if isinstance(value, int) else str(value)


def is_text(column: Any) -> bool:
    return isinstance(column, (models.TextField, models.CharField)) and not column.choices


def tighten(mots: list[Mot]) -> list[Mot]:
    """Long runs of words that did not change, cut in their middle."""
    found = []
    for rank, mot in enumerate(mots):
        words = mot.texte.split(" ")
        first, last = rank == 0, rank == len(mots) - 1
        room = AUTOUR * (1 if first or last else 2)
        if mot.genre != "garde" or len(words) <= room + 4:
            found.append(mot)
            continue
        head = [] if first else words[:AUTOUR]
        tail = [] if last else words[-AUTOUR:]
        found.append(Mot("garde", " ".join([*head, "[…]", *tail])))
    return found


def change_of(column: Any, before: Raw | None, after: Raw | None, noms: Noms) -> Changement | None:
    """``None`` when both say the same."""
    avant, apres = (say(column, values or {}, noms) for values in (before, after))
    if avant == apres and python_value(column, before or {}) == python_value(column, after or {}):
        return None
    if not avant and not apres:
        return None
    mots = []
    if is_text(column) and avant and apres:
        mots = tighten(words_of(avant, apres, noms.effort))
        if all(mot.genre == "garde" for mot in mots):
            mots = [Mot("garde", "Seuls des espaces ou des passages à la ligne ont changé.")]
    return Changement(column.name, label_of(column), avant, apres, mots)


def row_name(part: Lignes, values: Raw, noms: Noms) -> str:
    said = []
    for names in part.nom:
        columns: list[Any] = [part.model._meta.get_field(name) for name in names.split("|")]
        filled = [column for column in columns if say(column, values, noms)]
        # A name written beside an account that is gone says more than « compte supprimé ».
        known = [column for column in filled if not column.is_relation or noms.knows(column, values)]
        said += [say(column, values, noms) for column in (known or filled)[:1]]
    return f"{part.avant}{', '.join(said)}" if said else VIDE


def _row_change(
    part: Lignes, key: str, before: Raw | None, after: Raw | None, noms: Noms
) -> LigneChangee | None:
    columns: list[Any] = [part.model._meta.get_field(name) for name in part.champs]
    found = [change for column in columns if (change := change_of(column, before, after, noms))]
    if not found:
        return None
    genre = "ajoutee" if before is None else "retiree" if after is None else "modifiee"
    return LigneChangee(genre, row_name(part, (after or before or {}), noms), found, key)


def _rows_change(part: Lignes, before: Etat, after: Etat, noms: Noms) -> Changement | None:
    old, new = before.lignes.get(part.cle, {}), after.lignes.get(part.cle, {})
    keys = sorted(old.keys() | new.keys(), key=int)
    rows = [row for key in keys if (row := _row_change(part, key, old.get(key), new.get(key), noms))]
    return Changement(part.cle, part.titre, lignes=rows) if rows else None


def _tie_change(tie: Liens, before: Etat, after: Etat, noms: Noms) -> Changement | None:
    old, new = before.liens.get(tie.cle, set()), after.liens.get(tie.cle, set())
    if old == new:
        return None
    ajoutes, retires = (sorted(noms(tie.cible, key) for key in keys) for keys in (new - old, old - new))
    return Changement(tie.cle, tie.titre, ajoutes=ajoutes, retires=retires)


def compare(before: Etat, after: Etat, noms: Noms) -> list[RubriqueChangee]:
    """What differs, by section, in the order of the page."""
    by_section: dict[str, list[Changement | None]] = defaultdict(list)
    if after.champs is not None:
        for name, section in COLONNES.items():
            column = FicheAction._meta.get_field(name)
            by_section[section].append(change_of(column, before.champs, after.champs, noms))
    for tie in LIENS:
        by_section[tie.section].append(_tie_change(tie, before, after, noms))
    for part in LIGNES:
        by_section[part.section].append(_rows_change(part, before, after, noms))
    found = []
    for slug in TITRES:
        if changes := [change for change in by_section[slug] if change]:
            found.append(RubriqueChangee(slug, TITRES[slug], changes))
    return found


def ask_names(noms: Noms, etats: Iterable[Etat]) -> Noms:
    for etat in etats:
        noms.ask_state(etat)
    noms.load()
    return noms


def columns_json(model: type[models.Model]) -> JSONObject:
    """The columns of an event as JSON by ``attname``; amounts as text, so that no cent is lost."""
    fields: dict[str, Any] = {
        column.attname: Cast(column.attname, CharField())
        if isinstance(column, models.DecimalField)
        else F(column.attname)
        for column in model._meta.concrete_fields
    }
    return JSONObject(**fields)
