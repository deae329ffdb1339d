"""What the cells of files of figures say: a number or why there is none, a year."""

import re
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError

from ctg_portal.imports import normalise
from diagnostics.models import Valeur

Absence = Valeur.Absence
SECRETS = frozenset({"s", "c", "secret", "secret statistique", "n a secret statistique", "ss"})
ABSENTES = frozenset(
    {
        *("", "nd", "n d", "na", "n a", "nc", "ns", "non disponible", "null", "nan"),
        *("n a resultat non disponible", "n a division par 0"),
    }
)
"""As CAF, INSEE and the Observatoire des territoires write them (« N/A - division par 0 »), normalised."""
QUANTUM = Decimal("0.0001")
LIMITE = Decimal(10) ** 14
ANNEES = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def parse_valeur(text: str) -> tuple[Decimal | None, str]:
    """A figure and, when there is none, why; raises ``ValidationError`` with a sentence.

    >>> parse_valeur("1 234,5"), parse_valeur("s")
    ((Decimal('1234.5'), ''), (None, 'secret'))
    """
    word = normalise(text)
    if word in SECRETS:
        return None, Absence.SECRET
    if word in ABSENTES:
        return None, Absence.ABSENTE
    if text[:1] in ("=", "@"):
        raise ValidationError("Cette cellule est une formule : elle n’est pas lue.", code="formula")
    written = re.sub(r"[\s\u00a0\u202f]", "", text).replace("\u2212", "-").removesuffix("%")
    if not re.fullmatch(r"[+-]?[0-9]{1,30}([.,][0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", written):
        raise ValidationError(f"« {text[:60]} » n’est pas un nombre.", code="number")
    try:
        number = Decimal(written.replace(",", "."))
        if abs(number) >= LIMITE:
            raise ValidationError(f"« {text[:60]} » est trop grand.", code="large")
        rounded = number.quantize(QUANTUM)
    except InvalidOperation as error:
        raise ValidationError(f"« {text[:60]} » n’est pas un nombre.", code="number") from error
    whole = rounded.to_integral_value()
    return (whole if rounded == whole else rounded.normalize()), ""


def parse_annee(text: str) -> tuple[int, int | None]:
    """A year and, if said, its month: « 2022 », « 2022.0 », « 2023-12 », « 202312 », « 31/12/2023 ».

    Raises ``ValidationError`` with a sentence.
    """
    written = text.strip()
    year = month = ""
    if found := re.fullmatch(r"([0-9]{4})(?:[.,]0+)?", written):
        year = found[1]
    elif (found := re.fullmatch(r"([0-9]{4})-?([0-9]{2})(?:[-T].*)?", written)) or (
        found := re.fullmatch(r"([0-9]{4})([0-9]{2})[0-9]{2}", written)
    ):
        year, month = found[1], found[2]
    elif found := re.fullmatch(r"(?:[0-9]{1,2}[/.-])?([0-9]{1,2})[/.-]([0-9]{4})(?: .*)?", written):
        month, year = found[1], found[2]
    if not year or not 1900 <= int(year) <= 2100 or (month and not 1 <= int(month) <= 12):
        raise ValidationError(f"« {text[:60]} » n’est pas une année.", code="year")
    return int(year), int(month) if month else None


def year_in(title: str) -> int | None:
    """The last year that a title names: « Population municipale 2021 »."""
    years = [int(year) for year in ANNEES.findall(title)]
    return years[-1] if years else None
