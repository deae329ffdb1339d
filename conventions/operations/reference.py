"""All of France in one file: made from the npm package, loaded in bulk, reloaded without losing anything."""

import json
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from conventions.models import Commune, Departement, Dispositif, Domaine, Territoire, TypeEquipement
from conventions.operations.listes import (
    DISPOSITIFS,
    DOMAINES_LOCAUX,
    DOMAINES_NATIONAUX,
    TYPES_EQUIPEMENT,
)
from conventions.validators import luhn_is_valid

REFERENCE_FILE = Path(__file__).resolve().parent.parent / "data" / "decoupage-administratif.json.xz"
FORMAT = 1
NATURES = {
    "CC": Territoire.Nature.CC,
    "CA": Territoire.Nature.CA,
    "CU": Territoire.Nature.CU,
    "METRO": Territoire.Nature.METROPOLE,
    "MET69": Territoire.Nature.METROPOLE,
}
# The overseas collectivities have no region of their own in the COG.
HORS_REGION = ("", "Collectivités d’outre-mer")


class ReferenceFileError(Exception):
    """The file cannot be used. Its text is a French sentence to show as it is."""


@dataclass(frozen=True)
class Reference:
    """Rows as they are stored: plain tuples, sorted by key.

    departements: code, nom, code_region, region · communes: code, nom, siren, departement, population, siren of its EPCI
    epci: siren, nom, nature, departement, population. Populations are « municipales », ``None`` where unknown.
    """

    source: str
    millesime: int
    departements: list[tuple[str, str, str, str]]
    communes: list[tuple[str, str, str, str, int | None, str | None]]
    epci: list[tuple[str, str, str, str, int | None]]


@dataclass(frozen=True)
class Bilan:
    """What a load wrote: rows added or changed, memberships put and taken away."""

    departements: int
    communes: int
    territoires: int
    rattachements: int
    detachements: int
    listes: int

    @property
    def is_empty(self) -> bool:
        return not any(vars(self).values())


def read_package(folder: Path, *, millesime: int) -> Reference:
    """Read ``data/*.json`` of ``@etalab/decoupage-administratif``; ``millesime`` is the year of its COG.

    The package does not say where an EPCI has its seat: the département is the one where most of its people live.
    """
    try:
        package = json.loads((folder / "package.json").read_text())
        communes, epci, departements, regions = (
            json.loads((folder / "data" / f"{name}.json").read_text())
            for name in ("communes", "epci", "departements", "regions")
        )
    except (OSError, ValueError) as error:
        raise ReferenceFileError(f"Le dossier {folder} n’est pas le paquet attendu : {error}.") from error
    region_names = {region["code"]: region["nom"] for region in regions if region["zone"] != "com"}
    current = {row["code"]: row for row in communes if row["type"] == "commune-actuelle"}
    member_of = {member["code"]: row["code"] for row in epci for member in row["membres"]}
    return Reference(
        source=f"{package['name']} {package['version']}",
        millesime=millesime,
        departements=sorted(
            (row["code"], row["nom"], row["region"], region_names[row["region"]])
            if row["region"] in region_names
            else (row["code"], row["nom"], *HORS_REGION)
            for row in departements
        ),
        communes=sorted(
            (
                code,
                row["nom"],
                row.get("siren", ""),
                row["departement"],
                row.get("population"),
                member_of.get(code),
            )
            for code, row in current.items()
        ),
        epci=sorted(
            (
                row["code"],
                row["nom"],
                NATURES[row["type"]].value,
                _most_peopled(row["membres"], current),
                row["populationMunicipale"],
            )
            for row in epci
        ),
    )


def _most_peopled(membres: list[dict[str, Any]], communes: dict[str, dict[str, Any]]) -> str:
    people: Counter[str] = Counter()
    for membre in membres:
        people[communes[membre["code"]]["departement"]] += membre["populationMunicipale"]
    return min(people, key=lambda code: (-people[code], code))


def write_reference(reference: Reference, path: Path) -> None:
    """Write the compact file; the same reference gives the same bytes."""
    content = json.dumps(
        {"format": FORMAT, **vars(reference)}, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    path.write_bytes(lzma.compress(content.encode(), preset=9 | lzma.PRESET_EXTREME))


def read_reference(path: Path) -> Reference:
    """Read the compact file whole and check each row. Raises ``ReferenceFileError``."""
    try:
        content = json.loads(lzma.decompress(path.read_bytes()))
    except OSError as error:
        raise ReferenceFileError(f"Le fichier {path} ne peut pas être lu : {error.strerror}.") from error
    except (lzma.LZMAError, ValueError) as error:
        raise ReferenceFileError(
            f"Le fichier {path} est abîmé ou n’est pas un fichier de référence."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReferenceFileError(f"Le fichier {path} n’est pas un fichier de référence de format {FORMAT}.")
    try:
        reference = Reference(
            source=str(content["source"]),
            millesime=int(content["millesime"]),
            departements=[(code, nom, cr, region) for code, nom, cr, region in content["departements"]],
            communes=[
                (code, nom, siren, departement, population, epci)
                for code, nom, siren, departement, population, epci in content["communes"]
            ],
            epci=[
                (siren, nom, nature, departement, population)
                for siren, nom, nature, departement, population in content["epci"]
            ],
        )
        fault = next(_faults(reference), None)
    except (KeyError, TypeError, ValueError) as error:
        raise ReferenceFileError(
            f"Le fichier {path} n’a pas la forme attendue ({type(error).__name__} : {error})."
        ) from error
    if fault:
        raise ReferenceFileError(f"Le fichier {path} contient une ligne impossible : {fault}.")
    return reference


def _is_siren(value: str) -> bool:
    return re.fullmatch(r"[0-9]{9}", value) is not None and luhn_is_valid(value)


def _is_population(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value < 2**31)


def _faults(reference: Reference) -> Iterator[str]:
    if not (reference.departements and reference.communes and reference.epci):
        yield "une des trois listes est vide"
    if not 2000 <= reference.millesime <= 2100:
        yield f"le millésime {reference.millesime}"
    for name, rows in (
        ("département", reference.departements),
        ("commune", reference.communes),
        ("EPCI", reference.epci),
    ):
        keys = [row[0] for row in rows]
        if len(set(keys)) < len(keys):
            yield f"un code de {name} y est deux fois"
    yield from _faulty_departements(reference)
    yield from _faulty_communes(reference)
    yield from _faulty_epci(reference)


def _faulty_departements(reference: Reference) -> Iterator[str]:
    for code, nom, code_region, region in reference.departements:
        if not (re.fullmatch(r"\d[\dAB]\d?", code) and nom and len(code_region) <= 2 and region):
            yield f"le département {code!r}"


def _faulty_communes(reference: Reference) -> Iterator[str]:
    departements = {row[0] for row in reference.departements}
    epci = {row[0] for row in reference.epci}
    for code, nom, siren, departement, population, membership in reference.communes:
        if not (
            re.fullmatch(r"(\d{2}|2[AB])\d{3}", code)
            and nom
            and (siren == "" or _is_siren(siren))
            and departement in departements
            and _is_population(population)
            and (membership is None or membership in epci)
        ):
            yield f"la commune {code!r}"


def _faulty_epci(reference: Reference) -> Iterator[str]:
    departements = {row[0] for row in reference.departements}
    for siren, nom, nature, departement, population in reference.epci:
        if not (
            _is_siren(siren)
            and nom
            and nature in Territoire.Nature.values
            and departement in departements
            and _is_population(population)
        ):
            yield f"l’EPCI {siren!r}"


@transaction.atomic
def load_reference(reference: Reference) -> Bilan:
    """Write what differs from the database, in bulk; delete no place, whatever the file leaves out.

    A place that is absent keeps its row and its old ``millesime``. The communes of an EPCI of the file become
    exactly those of the file; the territoires it does not know (syndicats, merged EPCI) keep theirs.
    Raises ``ReferenceFileError`` when the database already holds a later millésime.
    """
    latest = Departement.objects.order_by("-millesime").values_list("millesime", flat=True).first()
    if latest is not None and latest > reference.millesime:
        raise ReferenceFileError(
            f"La base tient déjà le millésime {latest} : le fichier, de {reference.millesime}, ne le remplace pas."
        )
    year = reference.millesime
    departements = _upsert(
        Departement,
        ("code", "nom", "code_region", "region", "millesime"),
        ((*row, year) for row in reference.departements),
    )
    communes = _upsert(
        Commune,
        ("code", "nom", "siren", "departement_id", "population", "millesime"),
        ((*row[:5], year) for row in reference.communes),
    )
    territoires = _upsert(
        Territoire,
        ("siren", "nom", "nature", "departement_id", "population", "millesime"),
        ((*row, year) for row in reference.epci),
    )
    put, taken = _write_memberships(reference)
    bilan = Bilan(departements, communes, territoires, put, taken, load_listes())
    if not bilan.is_empty:
        _count_anew()
    return bilan


def _count_anew() -> None:
    """Tables that went from nothing to 35 000 rows at once: without new statistics, the planner still thinks them empty."""
    tables = (Commune, Territoire, Territoire.communes.through)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(table._meta.db_table)}")


def _upsert(model: type[Any], columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert or update the rows that differ, by their first column; give their number."""
    known = {row[0]: row for row in model.objects.values_list(*columns)}
    changed = [model(**dict(zip(columns, row, strict=True))) for row in rows if known.get(row[0]) != row]
    model.objects.bulk_create(
        changed,
        batch_size=5000,
        update_conflicts=True,
        unique_fields=columns[:1],
        update_fields=[column.removesuffix("_id") for column in columns[1:]],
    )
    return len(changed)


def _write_memberships(reference: Reference) -> tuple[int, int]:
    ids = dict(
        Territoire.objects.filter(siren__in=[row[0] for row in reference.epci]).values_list("siren", "pk")
    )
    through: Any = Territoire.communes.through
    wanted = {(ids[epci], code) for code, *_, epci in reference.communes if epci}
    current = {
        (territoire, commune): pk
        for pk, territoire, commune in through.objects.filter(territoire__in=ids.values()).values_list(
            "pk", "territoire_id", "commune_id"
        )
    }
    stale = [pk for pair, pk in current.items() if pair not in wanted]
    new = sorted(wanted - current.keys())
    through.objects.filter(pk__in=stale).delete()
    through.objects.bulk_create(
        [through(territoire_id=territoire, commune_id=commune) for territoire, commune in new],
        batch_size=10_000,
    )
    return len(new), len(stale)


def load_listes() -> int:
    """Add the domaines, dispositifs and types of équipement that are missing; those already there keep the labels people gave them."""
    domaines = [
        Domaine(code=code, intitule=intitule, nature=nature, ordre=ordre)
        for nature, start, rows in (
            (Domaine.Nature.NATIONAL, 10, DOMAINES_NATIONAUX),
            (Domaine.Nature.LOCAL, 200, DOMAINES_LOCAUX),
        )
        for ordre, (code, intitule) in enumerate(rows, start)
    ]
    dispositifs = [
        Dispositif(code=code, intitule=intitule, groupe=groupe, ordre=ordre)
        for groupe, rows in DISPOSITIFS.items()
        for ordre, (code, intitule) in enumerate(rows, 1)
    ]
    types = [
        TypeEquipement(code=code, intitule=intitule, famille=famille, unite_capacite=unite, ordre=ordre)
        for start, (famille, rows) in enumerate(TYPES_EQUIPEMENT.items(), 1)
        for ordre, (code, intitule, unite) in enumerate(rows, start * 100)
    ]
    return (
        _add_missing(Domaine, domaines)
        + _add_missing(Dispositif, dispositifs)
        + _add_missing(TypeEquipement, types)
    )


def _add_missing(model: type[Any], rows: list[Any]) -> int:
    known = set(model.objects.values_list("code", flat=True))
    missing = [row for row in rows if row.code not in known]
    # A label that an administrator gave to another code stays theirs.
    model.objects.bulk_create(missing, ignore_conflicts=True)
    return model.objects.count() - len(known)
