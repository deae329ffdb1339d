"""Several lists of rows read in one round trip, for a page that offers many choices at once."""

import json
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import ForeignKey, Model, QuerySet


def load_together(*querysets: "QuerySet[Any]") -> None:
    """Fill each of ``querysets`` by one query for all: they are then read, iterated and counted without another.

    Each gives whole rows of its model, in its own order; ``select_related`` is not for them.
    """
    if not querysets:
        return
    pieces: list[str] = []
    params: list[Any] = []
    for queryset in querysets:
        try:
            sql, values = queryset.query.sql_with_params()
        except EmptyResultSet:
            sql, values = "SELECT 1 WHERE false", ()
        pieces.append(f"(SELECT coalesce(json_agg(r), '[]')::text FROM ({sql}) r)")  # noqa: S608 - words of Django, values apart
        params.extend(values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(pieces)}", params)
        found = cursor.fetchone()
    for queryset, rows in zip(querysets, found, strict=True):
        queryset._result_cache = [
            _instance(queryset.model, row) for row in json.loads(rows, parse_float=Decimal)
        ]
        queryset._prefetch_done = True  # type: ignore[attr-defined]  # Django's own, left out of the stubs


def _instance(model: type[Model], row: dict[str, Any]) -> Model:
    fields = model._meta.concrete_fields
    values = [
        (field.target_field if isinstance(field, ForeignKey) else field).to_python(row[str(field.column)])
        for field in fields
    ]
    return model.from_db(connection.alias, [field.attname for field in fields], values)
