from decimal import Decimal

import pytest

from ctg_portal.templatetags.portal import pluralize


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        (0, ""),
        (1, ""),
        (2, "s"),
        (Decimal("0.20"), ""),
        (Decimal("1.5"), ""),
        ([], ""),
        ([1, 2], "s"),
        (None, ""),
    ],
)
def test_plural_begins_at_two(value, ending):
    assert pluralize(value) == ending


def test_plural_takes_other_endings():
    assert (pluralize(1, "e,ent"), pluralize(3, "e,ent")) == ("e", "ent")
