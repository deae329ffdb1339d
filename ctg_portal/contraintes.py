"""The constraints of a row looked at in Python, from the very conditions that the database holds.

Django asks the database about each constraint of each row: a file of two hundred rows would be thousands of questions.
What is not understood here is asked to it all the same, and it refuses anyway what must not exist.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import F, Q

LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda left, right: left == right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "in": lambda left, right: left in right,
}


class NotUnderstoodError(Exception):
    """A condition that only the database can tell."""


def holds(condition: Q, instance: models.Model) -> bool | None:
    """Whether the condition is true of the row, as SQL says it: ``None`` when a value is missing.

    Raises ``NotUnderstoodError`` for what is not a comparison of columns with values, or of columns between them.
    """
    found = [
        holds(child, instance) if isinstance(child, Q) else _compare(child, instance)
        for child in condition.children
    ]
    if condition.connector == Q.AND:
        value = False if False in found else None if None in found else True
    elif condition.connector == Q.OR:
        value = True if True in found else None if None in found else False
    else:
        raise NotUnderstoodError
    return value if value is None or not condition.negated else not value


def _compare(child: Any, instance: models.Model) -> bool | None:
    if not isinstance(child, tuple):
        raise NotUnderstoodError
    path, expected = child
    name, _, lookup = path.partition("__")
    lookup = lookup or "exact"
    left = _value(name, instance)
    # The name of a column is in F, which the stubs leave out.
    right: Any = _value(str(vars(expected)["name"]), instance) if isinstance(expected, F) else expected
    if lookup == "isnull":
        return (left is None) == bool(right)
    if lookup == "exact" and expected is None:
        return left is None
    if lookup not in LOOKUPS or hasattr(right, "resolve_expression"):
        raise NotUnderstoodError
    if left is None or right is None:
        return None
    return LOOKUPS[lookup](left, right)


def _value(name: str, instance: models.Model) -> Any:
    try:
        field = instance._meta.get_field(name)
    except FieldDoesNotExist as error:
        raise NotUnderstoodError from error
    if not field.concrete:
        raise NotUnderstoodError
    return getattr(instance, field.attname)


def refusals(instance: models.Model, exclude: Collection[str] | None = None) -> None:
    """``Model.validate_constraints`` without a query for what can be told here; raises the same ``ValidationError``."""
    model = type(instance)
    errors: list[ValidationError] = []
    for constraint in model._meta.constraints:
        try:
            if isinstance(constraint, models.CheckConstraint):
                _check(constraint, instance, exclude or ())
            else:
                constraint.validate(model, instance, exclude=set(exclude or ()))
        except ValidationError as error:
            errors.append(error)
    if errors:
        raise ValidationError(errors)


def _check(constraint: models.CheckConstraint, instance: models.Model, exclude: Collection[str]) -> None:
    named = {name.partition("__")[0] for name in _names(constraint.condition)}
    if named & set(exclude):
        return
    try:
        if not isinstance(constraint.condition, Q):
            raise NotUnderstoodError
        value = holds(constraint.condition, instance)
    except NotUnderstoodError:
        constraint.validate(type(instance), instance, exclude=set(exclude))
        return
    if value is False:
        raise ValidationError(constraint.get_violation_error_message(), code=constraint.violation_error_code)


def _names(condition: Any) -> set[str]:
    if isinstance(condition, Q):
        return {name for child in condition.children for name in _names(child)}
    if isinstance(condition, tuple):
        other = {str(vars(condition[1])["name"])} if isinstance(condition[1], F) else set()
        return {str(condition[0])} | other
    return set()
