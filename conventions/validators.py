import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

validate_couleur = RegexValidator(r"^#[0-9a-f]{6}$", "Écrivez la couleur comme #2a6f5e.")
validate_code_insee = RegexValidator(
    r"^(\d{2}|2[AB])\d{3}$", "Un code INSEE a cinq caractères, comme 01001 ou 2A004."
)


def luhn_is_valid(digits: str) -> bool:
    """Luhn checksum of a string of ASCII digits, as SIREN (9) and SIRET (14) carry it (source: INSEE)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def validate_siren(value: str) -> None:
    if not re.fullmatch(r"[0-9]{9}", value) or not luhn_is_valid(value):
        raise ValidationError(
            "Ce numéro SIREN n’est pas valide : neuf chiffres, le dernier contrôle les autres.", code="siren"
        )


def validate_siret(value: str) -> None:
    # La Poste's establishments share one SIREN and follow another rule: the sum of digits divides by 5.
    la_poste = value.startswith("356000000") and value.isdigit() and sum(map(int, value)) % 5 == 0
    if not re.fullmatch(r"[0-9]{14}", value) or not (luhn_is_valid(value) or la_poste):
        raise ValidationError(
            "Ce numéro SIRET n’est pas valide : quatorze chiffres, le dernier contrôle les autres.",
            code="siret",
        )
