"""Form fields every app uses."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from ctg_portal.textes import LONGUEUR_MAX

ESPACE_FINE = "\u202f"
_GROUPES = re.compile(r"[0-9]{1,3}(?P<sep>[.,\s])[0-9]{3}(?:(?P=sep)[0-9]{3})*")
_ILLISIBLE = "Écrivez un montant en euros, comme 157 191,67 ou 248220.56."


def _integer_part(text: str) -> str | None:
    """The digits of ``text``, whole or in groups of three; ``None`` for anything else."""
    if re.fullmatch(r"[0-9]+", text):
        return text
    return re.sub(r"[^0-9]", "", text) if _GROUPES.fullmatch(text) else None


def _read(written: str, number: str, *, illisible: str, decimales: int, trop: str) -> Decimal:
    """``number`` without its unit; ``written`` is the whole text, to quote it. Never guesses."""
    sign = "-" if number[:1] in ("-", "−") else ""
    number = number[len(sign) :].lstrip()
    if ambiguous := re.fullmatch(r"([1-9][0-9]{0,2})[.,]([0-9]{3})", number):
        whole, rest = ambiguous.groups()
        raise ValidationError(
            f"« {written} » peut se lire de deux façons : écrivez {whole} {rest}, ou {whole},{rest[:2]}.",
            code="ambiguous",
        )
    head, separator, tail = number, "", ""
    if (last := max(number.rfind(","), number.rfind("."))) >= 0 and number.count(number[last]) == 1:
        head, separator, tail = number[:last], number[last], number[last + 1 :]
    whole_part = _integer_part(head)
    if whole_part is None or (separator and not re.fullmatch(r"[0-9]+", tail)):
        raise ValidationError(illisible, code="invalid")
    if len(tail) > decimales:
        raise ValidationError(trop, code="decimals")
    return Decimal(f"{sign}{whole_part}.{tail or '0'}")


def parse_montant(text: str) -> Decimal:
    """An amount as people and files write it: ``157 191,67``, ``248220.56``, ``1.234,50``, ``1 000 €``.

    Spaces of every width may separate thousands. A lone comma or dot before three digits (``1,234``)
    may be thousands or decimals: it is refused, never guessed. Raises ``ValidationError`` with a French sentence.
    """
    written = " ".join(text.split())
    return _read(
        written,
        written.removesuffix("€").rstrip(),
        illisible=_ILLISIBLE,
        decimales=2,
        trop="Un montant a deux décimales au plus : les centimes.",
    )


def parse_nombre(text: str) -> Decimal:
    """A figure of any unit, up to four decimals, as ``parse_montant`` reads amounts: ``5 372``, ``21,5``, ``12,3 %``."""
    written = " ".join(text.split())
    return _read(
        written,
        written.removesuffix("%").rstrip(),
        illisible="Écrivez un nombre, comme 5 372 ou 21,5.",
        decimales=4,
        trop="Un chiffre a quatre décimales au plus.",
    )


class MontantField(forms.DecimalField):
    """An amount in euros, typed as in French or as in a spreadsheet; shown as ``157 191,67``."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 12, "decimal_places": 2} | kwargs)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        if value in self.empty_values or (isinstance(value, str) and not value.strip()):
            return None
        return parse_montant(str(value))

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Decimal) or not value.is_finite():
            return value
        return f"{value:,.2f}".replace(",", ESPACE_FINE).replace(".", ",")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"inputmode": "decimal", "autocomplete": "off"}


class NombreField(forms.DecimalField):
    """A figure typed as in French or as in a spreadsheet; shown as ``5 372`` or ``21,5``."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 18, "decimal_places": 4} | kwargs)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        if value in self.empty_values or (isinstance(value, str) and not value.strip()):
            return None
        return parse_nombre(str(value))

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Decimal) or not value.is_finite():
            return value
        written = f"{value:,f}".replace(",", ESPACE_FINE).replace(".", ",")
        return written.rstrip("0").rstrip(",") if "," in written else written

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"inputmode": "decimal", "autocomplete": "off"}


class TexteLong(forms.Textarea):
    """A long text (``ctg_portal.textes``): ``texte.js`` adds its bar of buttons, its preview and what is left near the limit."""

    def __init__(self, rows: int = 5, *, limite: int = LONGUEUR_MAX) -> None:
        super().__init__(attrs={"rows": rows, "data-texte": "", "data-limite": str(limite)})


class LongTextsMixin:
    """A form whose long texts have an end. The browser cuts nothing: a text too long comes back whole, with its sentence."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, TexteLong):
                field.validators.append(
                    MaxLengthValidator(
                        LONGUEUR_MAX,
                        "Ce texte a %(show_value)s signes ; il peut en avoir %(limit_value)s au plus. "
                        "Rien n’est coupé : raccourcissez-le, ou joignez un document.",
                    )
                )
