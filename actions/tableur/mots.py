"""How the people who keep plans elsewhere write: numbers, lists, amounts, states, and rows that only help."""

import re
from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError

from ctg_portal.fields import parse_montant
from ctg_portal.grilles import Case
from ctg_portal.imports import normalise

AIDE = re.compile(
    r"(ex|exemples?|obligatoire|facultatif|texte libre|saisir|indiquer|renseigner|liste deroulante|format|a remplir|"
    r"choisir|cf)\b"
)
TOTAUX = ("total", "totaux", "total general")
SIGLE = 6
"""Fewer letters, all of them capitals: « CAF », and not a name."""
BANDEAU = re.compile(r"\s*(axe|orientation|volet|th[eè]me|ambition)\b", re.I)
SOUS_BANDEAU = re.compile(r"\s*(objectif|sous[- ]axe)\b", re.I)
NUMERO = re.compile(
    # « Axe 2 : », « Fiche n° 12 », « 1.1.2 Ouvrir », « 3 - Ouvrir », « IV. Ouvrir »; not « 3 relais à ouvrir ».
    r"^\s*(?:(?:axe|objectif|sous[- ]axe|action|fiche(?: action)?|orientation|volet)\s+(?:n\s?°\s*)?"
    r"(?P<nomme>[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?![0-9])|[IVX]{1,4}\b)\s*[.:)–—-]*"
    r"|(?:n\s?°\s*)?(?P<points>[0-9]{1,3}(?:\.[0-9]{1,3}){1,3})(?=[\s.:)–—-])\s*[.:)–—-]*"
    r"|(?P<seul>[0-9]{1,3}|[IVX]{1,4})\s*[.:)–—-](?![0-9]))\s*(?=\S)",
    re.I,
)
AVANCEMENTS = {
    "a_venir": (
        "a venir",
        "non demarre",
        "pas commence",
        "prevu",
        "prevue",
        "a lancer",
        "non engage",
        "projet",
    ),
    "en_cours": ("en cours", "demarre", "engage", "engagee", "lance", "lancee", "en retard"),
    "realisee": ("realise", "realisee", "termine", "terminee", "fait", "faite", "acheve", "achevee"),
    "en_pause": ("en pause", "suspendu", "suspendue", "bloque", "bloquee", "reporte", "reportee"),
    "abandonnee": ("abandonne", "abandonnee", "annule", "annulee"),
}
PRIORITES = {
    "haute": ("haute", "elevee", "eleve", "forte", "1", "p1", "prioritaire", "haut"),
    "moyenne": ("moyenne", "moyen", "2", "p2", "normale"),
    "basse": ("basse", "bas", "faible", "3", "p3"),
}


def split_numero(text: str) -> tuple[str, str]:
    """« Axe 2 : Donner leur place » → (« 2 », « Donner leur place »); no number: (« », the text).

    >>> split_numero("1.1.2 – Ouvrir un relais"), split_numero("Ouvrir 3 relais"), split_numero("2025 en fête")
    (('1.1.2', 'Ouvrir un relais'), ('', 'Ouvrir 3 relais'), ('', '2025 en fête'))
    """
    found = NUMERO.match(text)
    if found is None or found.end() >= len(text):
        return "", text.strip()
    code = found["nomme"] or found["points"] or found["seul"]
    return code.upper(), text[found.end() :].strip()


def split_code(text: str) -> tuple[str, str]:
    """The same for an axe or an objectif, whose number is often alone before the words: « 3 Parentalité ».

    >>> split_code("3 Parentalité"), split_code("Santé")
    (('3', 'Parentalité'), ('', 'Santé'))
    """
    code, titre = split_numero(text)
    if not code and (found := re.match(r"\s*([0-9]{1,2})\s+(?=\D)", text)):
        return found[1], text[found.end() :].strip()
    return code, titre


def split_lines(text: str, *, commas: bool) -> list[str]:
    """The parts of a cell that lists: one a line, or separated by semicolons, or by commas for names."""
    pattern = r"[\n;,]" if commas else r"[\n;]"
    parts = (re.sub(r"^[\s\-•–*·▪]+", "", part).strip() for part in re.split(pattern, text))
    return list(dict.fromkeys(part for part in parts if part))


def is_help(text: str) -> bool:
    """The words of a row that helps or that adds up, not of an action.

    >>> is_help("Format : JJ/MM/AAAA"), is_help("Formation de 20 bénévoles")
    (True, False)
    """
    said = normalise(text)
    return bool(AIDE.match(said)) or said in TOTAUX


def split_people(text: str) -> list[str]:
    """The names of a cell: one a line, or separated by semicolons; by commas where each part is a whole name.

    >>> split_people("DUPONT, Marie"), split_people("Marie Dupont, Paul Martin"), split_people("Paul Martin, directeur")
    (['DUPONT Marie'], ['Marie Dupont', 'Paul Martin'], ['Paul Martin, directeur'])
    >>> split_people("CAF, MSA"), split_people("DUPONT, Marie, MARTIN, Paul")
    (['CAF', 'MSA'], ['DUPONT Marie', 'MARTIN Paul'])
    """
    found = [name for line in split_lines(text, commas=False) for name in _names(line)]
    return list(dict.fromkeys(found))


def _names(line: str) -> list[str]:
    parts = [part for said in line.split(",") if (part := said.strip())]
    if all(" " in part for part in parts) or all(part.isupper() and len(part) < SIGLE for part in parts):
        return parts
    pairs = list(zip(parts[::2], parts[1::2], strict=False))
    if len(parts) % 2 == 0 and all(nom.isupper() and not prenom.isupper() for nom, prenom in pairs):
        return [f"{nom} {prenom}" for nom, prenom in pairs]
    return [line]


def read_montant(case: Case) -> str:
    """A euro amount as the forms read it: « 12 000 € HT » is 12 000."""
    text = re.sub(r"(?i)\s*(€|euros?)?\s*(ht|ttc)?\.?\s*$", "", case.texte)
    amount = parse_montant(f"{text}0" if re.fullmatch(r"[0-9]+[.][0-9]{3}", text) else text)
    if amount < 0 or amount >= 10**10:
        raise ValidationError("Ce montant n’est pas possible.")
    return f"{amount:f}"


def by_words(text: str, words: Mapping[str, Sequence[str]]) -> str:
    said = normalise(text)
    return next((code for code, known_ in words.items() if said in known_), "")
