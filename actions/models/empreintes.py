"""What a printed fiche depends on, told by the database in one query: two fiches of the same state are printed alike.

No list of tables is kept here: the queries that load a fiche for a document are those whose rows are hashed, so what a
document reads tomorrow is hashed tomorrow.
"""

from typing import Any

from django.db import connection
from django.db.models import F, ManyToOneRel, Prefetch, QuerySet

from actions.models.fiche import FicheAction, FicheActionQuerySet
from actions.models.lecture import parts_of_document, rows_of_document

CLE = "etat_cle"
"""The column of the key: rows are hashed whole, and many of their columns are called « id »."""


def states_of(fiches: FicheActionQuerySet) -> dict[int, str]:
    """By key, the SHA-256 of all rows that ``for_document`` loads of each fiche, in one query; of those that are there.

    It says nothing of the day, of the code, nor of what is chosen to be printed.
    """
    pks = list(fiches.order_by().values_list("pk", flat=True))
    if not pks:
        return {}
    rows: QuerySet[Any] = rows_of_document(FicheAction.objects.filter(pk__in=pks)).order_by()
    read = [rows.annotate(**{CLE: F("pk")})]
    read += [_rows_of(part, pks) for part in parts_of_document()]
    selects, params = [], []
    for rank, queryset in enumerate(read):
        sql, given = queryset.query.sql_with_params()
        # The order of the rows of a part is part of its state.
        selects.append(
            f"SELECT {CLE}, {rank} AS part, row_number() OVER () AS rang, lu::text AS dit "  # noqa: S608 - our own queries
            f"FROM ({sql}) AS lu"
        )
        params += given
    union = " UNION ALL ".join(selects)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {CLE}, encode(sha256(convert_to(string_agg("  # noqa: S608 - our own queries, their values apart
            f"part || ':' || length(dit) || ':' || dit, ';' ORDER BY part, rang), 'UTF8')), 'hex') "
            f"FROM ({union}) AS tout GROUP BY {CLE}",
            params,
        )
        return dict(cursor.fetchall())


def _rows_of(part: Prefetch[Any], pks: list[int]) -> QuerySet[Any]:
    """The rows of one part of these fiches, as the prefetch reads them."""
    relation = FicheAction._meta.get_field(part.prefetch_through)
    queryset = part.queryset
    if not isinstance(relation, ManyToOneRel) or queryset is None:
        raise TypeError(f"{part.prefetch_through}: rows of a fiche are hashed through their own key to it")
    name = relation.field.name
    return queryset.filter(**{f"{name}__in": pks}).annotate(**{CLE: F(f"{name}_id")})
