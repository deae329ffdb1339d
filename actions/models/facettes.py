"""What each fiche of a set answers to every filter of the plan, read at once: filters, counts, groups and boards share it."""

import datetime
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Case, Exists, OuterRef, Value, When
from django.db.models.functions import JSONObject

from actions.models.attentes import silent
from actions.models.fiche import AVANCEMENTS_FINIS, FicheAction, FicheActionQuerySet, Pilote, Redaction
from actions.models.noms import key_of_name
from actions.models.parts import IndicateurSuivi, LigneBudget, LigneFinancement
from conventions.models import Convention
from ctg_portal.plein_texte import Requete, vecteur_of

AUCUN = "aucun"
"""What stands, in a filter, for having none: no pilote, no domaine; for communes, the whole territoire."""


def fold(text: str) -> str:
    """Without case nor accents, to look for words.

    >>> fold("Été À l’École")
    'ete a l’ecole'
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@dataclass(frozen=True, slots=True)
class Ligne:
    """One fiche, as filters see it.

    ``valeurs``: by name of filter, the values the fiche has (keys as text; ``AUCUN`` alone when it has none).
    ``signes``: what is true of it among ``en_retard`` and the holes. ``pilotes``: the names, by value of the filter.
    """

    pk: int
    intitule: str
    code: str
    debut: datetime.date | None
    fin: datetime.date | None
    valeurs: dict[str, tuple[str, ...]]
    signes: frozenset[str]
    is_trouvee: bool
    """Whether the search of the portal finds the words that were asked."""
    pilotes: dict[str, str]

    @property
    def avancement(self) -> str:
        return self.valeurs["avancement"][0]

    @property
    def is_late(self) -> bool:
        return "en_retard" in self.signes

    @property
    def mots(self) -> tuple[str, str]:
        return fold(self.intitule), fold(self.code)


def years_of(debut: datetime.date | None, fin: datetime.date | None, convention: Convention) -> range:
    """Calendar years of an action: from its start to its end; to the end of ``convention`` without an end, the year of
    its end alone without a start, none without either."""
    first = debut or fin
    if first is None:
        return range(0)
    last = fin or convention.fin
    return range(first.year, max(first.year, last.year) + 1)


def _keys(rows: Any, column: str) -> ArraySubquery:
    return ArraySubquery(rows.order_by().values(column))


def _texts(found: Any) -> tuple[str, ...]:
    """Keys in an array, as values of a filter."""
    return tuple(sorted({str(key) for key in found})) or (AUCUN,)


def _one(value: object) -> tuple[str, ...]:
    return (str(value),) if value else (AUCUN,)


def read_lignes(fiches: FicheActionQuerySet, convention: Convention, mots: str = "") -> list[Ligne]:
    """Every fiche of ``fiches`` in the order of the plan, and whether ``mots`` find it; one query, whatever their number.

    ``fiches`` comes without annotations (``visible_to(…).of_convention(…)``).
    """
    mine = OuterRef("pk")
    found = FicheAction.objects.annotate(vecteur=vecteur_of(FicheAction)).filter(vecteur=Requete(mots))
    pilotes = Pilote.objects.filter(fiche=mine).order_by("ordre", "pk")
    people = pilotes.values(
        row=JSONObject(compte="user", nom="nom", nom_compte="user__nom", email="user__email")
    )
    rows: Any = (
        fiches.with_late()
        .in_plan_order()
        .annotate(
            cles_domaines=_keys(FicheAction.domaines.through.objects.filter(ficheaction=mine), "domaine"),
            cles_communes=_keys(FicheAction.communes.through.objects.filter(ficheaction=mine), "commune"),
            cles_cadres=_keys(FicheAction.cadres.through.objects.filter(ficheaction=mine), "convention"),
            cles_financeurs=_keys(LigneFinancement.objects.filter(fiche=mine), "financeur"),
            gens=ArraySubquery(people),
            a_un_budget=Exists(LigneBudget.objects.filter(fiche=mine)),
            a_un_indicateur=Exists(IndicateurSuivi.objects.filter(fiche=mine)),
            sans_nouvelle=Case(
                When(pk__in=silent(fiches).order_by().values("pk"), then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            ),
        )
        .annotate(
            trouvee=Case(
                When(pk__in=found.values("pk"), then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            )
            if mots
            else Value(False)
        )
        .values(
            "pk",
            "axe",
            "objectif",
            "code",
            "intitule",
            "avancement",
            "redaction",
            "priorite",
            "structure_pilote",
            "debut",
            "echeance",
            "fin_reelle",
            "is_late_db",
            "cles_domaines",
            "cles_communes",
            "cles_cadres",
            "cles_financeurs",
            "gens",
            "a_un_budget",
            "a_un_indicateur",
            "sans_nouvelle",
            "trouvee",
        )
    )
    return [_ligne(row, convention) for row in rows]


def _ligne(row: dict[str, Any], convention: Convention) -> Ligne:
    pilotes = {}
    for person in row["gens"]:
        if person["compte"]:
            pilotes[f"compte-{person['compte']}"] = person["nom_compte"] or person["email"]
        else:
            pilotes[f"nom-{key_of_name(person['nom'])}"] = person["nom"]
    fin = row["fin_reelle"] or row["echeance"]
    ongoing = row["avancement"] not in AVANCEMENTS_FINIS
    signes = {
        "en_retard": row["is_late_db"],
        "sans_pilote": ongoing and not pilotes,
        "sans_echeance": ongoing and row["echeance"] is None,
        "sans_indicateur": ongoing and not row["a_un_indicateur"],
        "sans_budget": ongoing and not row["a_un_budget"] and not row["cles_financeurs"],
        "sans_nouvelle": row["sans_nouvelle"],
    }
    return Ligne(
        pk=row["pk"],
        intitule=row["intitule"],
        code=row["code"],
        debut=row["debut"],
        fin=fin,
        valeurs={
            "axe": (str(row["axe"]),),
            "objectif": _one(row["objectif"]),
            "domaine": _texts(row["cles_domaines"]),
            "avancement": (row["avancement"],),
            "redaction": (row["redaction"],),
            "priorite": _one(row["priorite"]),
            "pilote": tuple(pilotes) or (AUCUN,),
            "structure": _one(row["structure_pilote"]),
            "financeur": _texts(row["cles_financeurs"]),
            "commune": _texts(row["cles_communes"]),
            "cadre": _texts(row["cles_cadres"]),
            "annee": _texts(years_of(row["debut"], fin, convention)),
        },
        is_trouvee=row["trouvee"],
        signes=frozenset(name for name, is_true in signes.items() if is_true),
        pilotes=pilotes,
    )


def count_expected(lignes: Iterable[Ligne]) -> Counter[str]:
    """How many of ``lignes``, archived ones left aside, have each sign (``en_retard``, the holes) and each redaction."""
    found: Counter[str] = Counter()
    for ligne in lignes:
        if ligne.valeurs["redaction"] != (Redaction.ARCHIVEE,):
            found.update((*ligne.signes, *ligne.valeurs["redaction"]))
    return found
