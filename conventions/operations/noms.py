"""French names of bodies made from the name of a place: « Commune d’Arcambal », « CAF de la Haute-Garonne »."""

from conventions.models import Departement
from conventions.models.recherche import sans_accents

# Source: usage of the official names (INSEE, Code officiel géographique, article of each département).
_ARTICLES = {
    "du ": "14 15 18 25 29 30 32 39 45 46 56 59 62 63 67 68 69 81 83 90 94 95",
    "de la ": "16 17 19 21 23 24 26 2A 2B 31 33 42 43 44 48 50 51 52 53 55 57 58 70 72 73 74 76 80 85 86 87 93"
    " 971 972 973 987 988",
    "des ": "04 05 06 08 13 22 40 64 65 66 78 79 88 92 984",
    "de l’": "01 02 03 07 09 10 11 12 27 34 36 38 60 61 89 91 989",
    "d’": "28 35 37",
}
ARTICLES = {code: article for article, codes in _ARTICLES.items() for code in codes.split()}


def de_departement(departement: Departement) -> str:
    """« du Lot », « de l’Aveyron », « de Tarn-et-Garonne »."""
    return f"{ARTICLES.get(departement.code, 'de ')}{departement.nom}"


def de_lieu(nom: str) -> str:
    """« de Cazals », « d’Arcambal », « du Vigan », « des Arques », « de La Tour ». An initial H is not elided."""
    for article, contracted in (("Le ", "du "), ("Les ", "des ")):
        if nom.startswith(article):
            return contracted + nom.removeprefix(article)
    plain = sans_accents(nom)
    vowel = plain[:1] in ("a", "e", "i", "o", "u") or (plain[:1] == "y" and plain[1:2] not in "aeiou")
    return f"d’{nom}" if vowel else f"de {nom}"
