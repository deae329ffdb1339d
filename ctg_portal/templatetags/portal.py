"""French figures, dates and typography, and the arithmetic of the drawn bars, for every template.

Each filter takes hostile input: what is not marked safe is escaped before anything is added to it.
"""

import datetime
import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.core.paginator import Page
from django.template.defaultfilters import pluralize as english_pluralize
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from ctg_portal.textes import render_html

register = template.Library()

ESPACE_FINE = "\u202f"
"""Narrow no-break space: thousands, and before « ; ! ? »."""
ESPACE_INSECABLE = "\u00a0"
"""No-break space: before « : » and « € », inside guillemets."""
VIDE = "–"
"""What stands for a value nobody gave: absent is not zero."""
MOIS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
AXES = 8
"""Colours of axes in the theme; the ninth axe takes the first one again."""


def _decimal(value: Any) -> Decimal | None:
    """``None`` for what is absent or is no finite number."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _french(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    if rounded == 0:
        rounded = abs(rounded)
    return f"{rounded:,.{places}f}".replace(",", ESPACE_FINE).replace(".", ",").replace("-", "−")


@register.filter
def euros(value: Any, places: int = 2) -> str:
    """An amount in euros, cents kept; ``{{ montant|euros:0 }}`` rounds to the euro.

    >>> euros(Decimal("248220.56"))
    '248\\u202f220,56\\xa0€'
    >>> euros(None)
    '–'
    """
    amount = _decimal(value)
    return VIDE if amount is None else f"{_french(amount, places)}{ESPACE_INSECABLE}€"


@register.filter
def ecart(montants: Any) -> str:
    """What was paid beside what was planned, in words; ``montants`` has ``prevu``, ``notifie`` and ``verse``.

    >>> from types import SimpleNamespace as M
    >>> ecart(M(prevu=Decimal(100), notifie=None, verse=Decimal(80)))
    '20,00\\xa0€ de moins que prévu'
    >>> ecart(M(prevu=Decimal(100), notifie=Decimal(90), verse=None))
    'notifié, pas encore versé'
    """
    prevu, notifie, verse = (_decimal(getattr(montants, name)) for name in ("prevu", "notifie", "verse"))
    if verse is None:
        return "notifié, pas encore versé" if notifie is not None else "pas encore versé"
    if prevu is None:
        return "versé, sans prévision"
    if verse == prevu:
        return "conforme au prévu"
    return f"{euros(abs(verse - prevu))} de {'plus' if verse > prevu else 'moins'} que prévu"


@register.filter
def nombre(value: Any, places: int | None = None) -> str:
    """A number; without ``places``, the decimals it has (at most four, no final zeros).

    >>> nombre(1250)
    '1\\u202f250'
    >>> nombre(Decimal("12.50"))
    '12,5'
    >>> nombre(None)
    '–'
    """
    number = _decimal(value)
    if number is None:
        return VIDE
    if places is None:
        exponent = number.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP).normalize().as_tuple().exponent
        places = max(0, -int(exponent))
    return _french(number, places)


@register.filter
def siren(value: Any) -> str:
    """A SIREN or a SIRET, by groups of three as they are read.

    >>> siren("200035327")
    '200\\u202f035\\u202f327'
    >>> siren("20003532700018")
    '200\\u202f035\\u202f327\\u202f00018'
    """
    text = str(value or "")
    if not text:
        return VIDE
    groups = [text[0:3], text[3:6], text[6:9], text[9:]]
    return ESPACE_FINE.join(group for group in groups if group)


def _day(value: Any) -> datetime.date | None:
    """The local day of a date or a datetime; ``None`` for anything else."""
    if isinstance(value, datetime.datetime):
        return timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    return value if isinstance(value, datetime.date) else None


@register.filter
def date_fr(value: Any) -> str:
    """A date in full.

    >>> date_fr(datetime.date(2026, 3, 1))
    '1er\\xa0mars 2026'
    >>> date_fr(None)
    '–'
    """
    day = _day(value)
    if day is None:
        return VIDE
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number}{ESPACE_INSECABLE}{MOIS[day.month - 1]} {day.year}"


@register.filter
def date_heure(value: Any) -> str:
    """A moment in full, in local time.

    >>> date_heure(datetime.datetime(2026, 12, 8, 18, 0))
    '8\\xa0décembre 2026 à 18\\xa0h'
    """
    if not isinstance(value, datetime.datetime):
        return date_fr(value)
    moment = timezone.localtime(value) if timezone.is_aware(value) else value
    minutes = f"{ESPACE_INSECABLE}{moment.minute:02}" if moment.minute else ""
    return f"{date_fr(moment)} à {moment.hour}{ESPACE_INSECABLE}h{minutes}"


@register.filter
def periode(debut: Any, fin: Any = None) -> str:
    """A period in words, ``{{ debut|periode:fin }}``; either end may be missing.

    >>> periode(datetime.date(2022, 1, 1), datetime.date(2026, 12, 31))
    'du 1er\\xa0janvier 2022 au 31\\xa0décembre 2026'
    >>> periode(datetime.date(2022, 1, 1))
    'depuis le 1er\\xa0janvier 2022'
    """
    first, last = _day(debut), _day(fin)
    if first and last:
        return f"le {date_fr(first)}" if first == last else f"du {date_fr(first)} au {date_fr(last)}"
    if first:
        return f"depuis le {date_fr(first)}"
    return f"jusqu’au {date_fr(last)}" if last else VIDE


@register.filter
def jours(value: Any) -> str:
    """A number of days.

    >>> jours(1)
    '1\\xa0jour'
    >>> jours(1412)
    '1\\u202f412\\xa0jours'
    """
    number = _decimal(value)
    if number is None:
        return VIDE
    return f"{nombre(number)}{ESPACE_INSECABLE}jour{'s' if abs(number) >= 2 else ''}"


@register.filter
def duree(minutes: Any) -> str:
    """A length of time given in minutes.

    >>> duree(95), duree(120), duree(45)
    ('1\xa0h\xa035', '2\xa0h', '45\xa0min')
    """
    number = _decimal(minutes)
    if number is None:
        return VIDE
    heures, reste = divmod(int(number), 60)
    if not heures:
        return f"{reste}{ESPACE_INSECABLE}min"
    return f"{heures}{ESPACE_INSECABLE}h" + (f"{ESPACE_INSECABLE}{reste:02}" if reste else "")


def _plural(count: int, unit: str) -> str:
    return f"{count}{ESPACE_INSECABLE}{unit}{'' if count < 2 or unit.endswith('s') else 's'}"


@register.filter
def pluralize(value: Any, endings: str = "s") -> str:
    """Django's filter with the French rule: the plural begins at two, so « 0 fiche » and « 1,5 équivalent ».

    >>> pluralize(0), pluralize(Decimal("1.5")), pluralize([1, 2]), pluralize(3, ",nt")
    ('', '', 's', 'nt')
    """
    count = _decimal(len(value) if hasattr(value, "__len__") and not isinstance(value, str) else value)
    return english_pluralize(2 if count is not None and abs(count) >= 2 else 1, endings)


def _span(days: int) -> str:
    """A length in the largest unit that says it well: days up to two weeks, then weeks, months, years."""
    if days < 15:
        return _plural(days, "jour")
    if days < 61:
        return _plural(days // 7, "semaine")
    if days < 730:
        return _plural(round(days / 30.44), "mois")
    return _plural(round(days / 365.25), "an")


@register.filter
def depuis(value: Any) -> str:
    """How long ago, or in how long; to be shown with the date in full beside it.

    >>> depuis(timezone.localdate() - datetime.timedelta(days=3))
    'il y a 3\\xa0jours'
    >>> depuis(timezone.localdate() + datetime.timedelta(days=1))
    'demain'
    """
    day = _day(value)
    if day is None:
        return VIDE
    days = (timezone.localdate() - day).days
    near = {0: "aujourd’hui", 1: "hier", -1: "demain"}
    if days == 0 and isinstance(value, datetime.datetime) and timezone.is_aware(value):
        minutes = int((timezone.now() - value).total_seconds() // 60)
        if 0 <= minutes < 60:
            return "à l’instant" if minutes < 1 else f"il y a {_plural(minutes, 'minute')}"
    if days in near:
        return near[days]
    return f"il y a {_span(days)}" if days > 0 else f"dans {_span(-days)}"


@register.filter
def typo(value: Any) -> SafeString:
    """French spacing: the plain spaces around « ; : ! ? » and guillemets become no-break ones.

    Only spaces already there are changed, so entities and addresses stay as they are.

    >>> typo("Ouvert ? <b>")
    'Ouvert\\u202f? &lt;b&gt;'
    """
    text: str = conditional_escape("" if value is None else value)
    text = re.sub(r" +([;!?])", rf"{ESPACE_FINE}\1", text)
    text = re.sub(r" +([:»%€])", rf"{ESPACE_INSECABLE}\1", text)
    text = re.sub(r"« +", f"«{ESPACE_INSECABLE}", text)
    return mark_safe(text)  # noqa: S308 - escaped above; only spaces were changed


@register.filter
def paragraphes(value: Any) -> SafeString:
    """A long text as it was meant: paragraphs, lists, bold and links (``ctg_portal.textes``); French spacing.

    >>> paragraphes("Un <i>\\n\\n- deux\\n- **trois** !")
    '<p>Un &lt;i&gt;</p><ul><li>deux</li><li><strong>trois</strong>\\u202f!</li></ul>'
    """
    html = render_html("" if value is None else str(value), typo)
    return mark_safe(html)  # noqa: S308 - sanitised by nh3


def _axe_class(value: Any) -> str:
    found = re.search(r"\d{1,6}", str(value))
    return f"axe-{(int(found[0]) - 1) % AXES + 1}" if found and int(found[0]) > 0 else f"axe-{AXES}"


@register.filter(name="axe_class")
def axe_class_filter(value: Any) -> str:
    """The colour of an axe, by its number, as in ``{{ axe.code|axe_class }}`` (also a tag, ``{% axe_class n %}``).

    >>> axe_class_filter(3), axe_class_filter("9"), axe_class_filter("A")
    ('axe-3', 'axe-1', 'axe-8')
    """
    return _axe_class(value)


@register.simple_tag
def axe_class(value: Any) -> str:
    return _axe_class(value)


@register.filter
def pourcent(value: Any, total: Any = 100) -> str:
    """A share as an SVG length (decimal point, whatever the language), between 0 and 100 %.

    >>> pourcent(250, 1000), pourcent(3, 0)
    ('25%', '0%')
    """
    part, whole = _decimal(value), _decimal(total)
    if part is None or not whole or whole <= 0:
        return "0%"
    share = min(max(part / whole * 100, Decimal(0)), Decimal(100))
    return f"{share.quantize(Decimal('0.01')):f}".rstrip("0").rstrip(".") + "%"


@register.filter
def part(value: Any, total: Any) -> str:
    """A share in words.

    >>> part(5, 7)
    '71\\xa0%'
    """
    number, whole = _decimal(value), _decimal(total)
    return VIDE if number is None or not whole else f"{_french(number / whole * 100, 0)}{ESPACE_INSECABLE}%"


@register.simple_tag
def stack(segments: Iterable[Mapping[str, Any]], total: Any = None) -> list[dict[str, str]]:
    """Place ``segments`` ({code, count}) side by side: x and width as SVG lengths; empty ones are left out."""
    rows = [segment for segment in segments if (_decimal(segment["count"]) or 0) > 0]
    counts = [_decimal(row["count"]) or Decimal(0) for row in rows]
    whole = _decimal(total) or sum(counts, Decimal(0))
    placed, before = [], Decimal(0)
    for row, count in zip(rows, counts, strict=True):
        placed.append(
            {
                "code": str(row["code"]),
                "count": nombre(count),
                "x": pourcent(before, whole),
                "width": pourcent(count, whole),
            }
        )
        before += count
    return placed


@register.simple_tag
def page_range(page: Page[Any]) -> list[int | str]:
    """Page numbers around the current one, with « … » where some are left out."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1))


FRISE_TETE = 44
"""Pixels above the first line of a timeline: the years and the bar of the period."""
FRISE_LIGNE = 32
"""Pixels of one line: its words above its bar."""
FRISE_ETATS = {"fait": "faite", "en_cours": "en cours", "prevu": "prévue", "retard": "en retard"}
FRISE_CARACTERES = {"long": 125, "court": 44}
"""Letters of a label that the drawing has room for, on a desk and on a phone."""


def _frise_items(timeline: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*timeline.get("phases", ()), *timeline.get("bars", ())]


@register.simple_tag
def frise_height(timeline: Mapping[str, Any]) -> int:
    """Pixels that ``components/timeline_period.html`` needs."""
    return FRISE_TETE + FRISE_LIGNE * len(_frise_items(timeline))


def _frise_label(label: str, x: Decimal, end: Decimal, width: Decimal, letters: int) -> dict[str, str]:
    """Words beside their bar: after its start in the left half, before its end in the right half, else from the edge."""
    if len(label) > letters:
        label = f"{label[: letters - 1].rstrip()}…"
    to_the_left = x * 2 > width
    room = end if to_the_left else width - x
    if len(label) * width > room * letters:
        return {"label": label, "x": "0%", "anchor": "start"}
    return {
        "label": label,
        "x": pourcent(end if to_the_left else x, width),
        "anchor": "end" if to_the_left else "start",
    }


@register.simple_tag
def frise_rows(timeline: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line a phase, then one a contract or a row of meetings; each label in two lengths, for a desk and a phone."""
    width = _decimal(timeline["width"]) or Decimal(1)
    rows = []
    for index, item in enumerate(_frise_items(timeline)):
        x, end = Decimal(str(item["x"])), Decimal(str(item["x"])) + Decimal(str(item["w"]))
        top = FRISE_TETE + FRISE_LIGNE * index
        state = str(item.get("state") or "lien")
        prevu = item.get("prevu")
        rows.append(
            {
                "label": item["label"],
                "labels": [
                    {"size": size} | _frise_label(str(item["label"]), x, end, width, letters)
                    for size, letters in FRISE_CARACTERES.items()
                ],
                "dates": item.get("dates", ""),
                "state": state,
                "state_label": FRISE_ETATS.get(state, ""),
                "x": pourcent(x, width),
                "width": pourcent(max(end - x, width / 200), width),
                "y": top + 18,
                "text_y": top + 13,
                "prevu": prevu
                and {
                    "x": pourcent(prevu["x"], width),
                    "width": pourcent(max(_decimal(prevu["w"]) or Decimal(0), width / 200), width),
                    "y": top + 26,
                },
                "points": [
                    {"x": pourcent(point["x"], width), "y": top + 22, "state": point["state"]}
                    for point in item.get("points", ())
                ],
            }
        )
    return rows


@cache
def _version() -> str:
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


@register.simple_tag
def portal_version() -> str:
    """The version of the portal, as ``pyproject.toml`` says it."""
    return _version()
