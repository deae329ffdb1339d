"""The places whose figures a territoire keeps, under the many ways files write their codes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from conventions.models import Territoire
from ctg_portal.imports import normalise
from diagnostics.models import Valeur

Niveau = Valeur.Niveau
FRANCE = "FR"
MASQUES = frozenset({"XX", "XXX", "XXXXX", "XXXXXXXXX"})
"""Codes of the rows that gather what may not be shown."""
NIVEAUX_ECRITS = {
    "com": Niveau.COMMUNE,
    "commune": Niveau.COMMUNE,
    "epci": Niveau.EPCI,
    "dep": Niveau.DEPARTEMENT,
    "departement": Niveau.DEPARTEMENT,
    "reg": Niveau.REGION,
    "region": Niveau.REGION,
    "fr": Niveau.FRANCE,
    "france": Niveau.FRANCE,
    "pays": Niveau.FRANCE,
    "nat": Niveau.FRANCE,
    "f": Niveau.FRANCE,
    "fm": None,
    "frmetro": None,
}


@dataclass(frozen=True)
class Lieux:
    """``codes`` holds the places by level, then by code: their name."""

    codes: dict[str, dict[str, str]]

    @classmethod
    def of(cls, territoire: Territoire) -> "Lieux":
        departement = territoire.departement
        return cls(
            {
                Niveau.COMMUNE: dict(territoire.communes.values_list("code", "nom")),
                Niveau.EPCI: {territoire.siren: territoire.nom},
                Niveau.DEPARTEMENT: {departement.code: departement.nom},
                Niveau.REGION: {departement.code_region: departement.region},
                Niveau.FRANCE: {FRANCE: "France"},
            }
        )

    def nom(self, niveau: str, code: str) -> str:
        return self.codes.get(niveau, {}).get(code, code)

    def keys(self, niveaux: Iterable[str] = Niveau.values) -> frozenset[str]:
        """Every way a file may write one of these places, after any hyphen, and the codes of the rows that are masked."""
        found: set[str] = set(MASQUES)
        for niveau in niveaux:
            for code in self.codes[niveau]:
                found |= {code, code.lower(), code.lstrip("0")}
        if Niveau.FRANCE in niveaux:
            found |= {"F", "FR", "FRANCE", "France", "99", "FE"}
        return frozenset(found)

    def place(self, niveau: str, text: str) -> str | None:
        """The code of the place of that level that ``text`` writes, or ``None`` if it is not one of these.

        « 1001 » is 01001, « 2a004 » is 2A004: spreadsheets lose zeros.
        """
        code = re.sub(r"\s", "", text).upper().rsplit("-", 1)[-1]
        if niveau == Niveau.FRANCE:
            return FRANCE if code in {"F", "FR", "FRANCE", "99", "FE"} else None
        if niveau == Niveau.COMMUNE and len(code) == 4:
            code = f"0{code}"
        if niveau in (Niveau.DEPARTEMENT, Niveau.REGION) and len(code) == 1:
            code = f"0{code}"
        return code if code in self.codes[niveau] else None

    def guess(self, text: str) -> tuple[str, str] | None:
        """The commune or the EPCI that ``text`` writes: their codes resemble no other."""
        for niveau in (Niveau.COMMUNE, Niveau.EPCI):
            if code := self.place(niveau, text):
                return niveau, code
        return None


def written_level(text: str) -> str | None:
    """The level that a word of a file names, « COM » or « Départements »; ``None`` for one we do not keep."""
    word = normalise(text).replace(" ", "")
    return NIVEAUX_ECRITS.get(word) or NIVEAUX_ECRITS.get(word.rstrip("s"))
