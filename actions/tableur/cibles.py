"""What a column of a plan made elsewhere may fill, what people call it, and the model of Territoires en Transitions."""

from collections.abc import Sequence
from dataclasses import dataclass

from actions.tableur.colonnes import COLONNES
from ctg_portal.imports import normalise

NOTE, IGNORER = "", "ignorer"
AXE, OBJECTIF, TITRE, CODE = "axe", "objectif", "intitule", "code"
PILOTES, PARTENAIRES, ETAPES, INDICATEURS = "pilotes", "partenaires", "etapes", "indicateurs"
BUDGET, FINANCEUR, MONTANT = "budget", "financeur", "montant"
PLUSIEURS = frozenset({PILOTES, PARTENAIRES, ETAPES, INDICATEURS, BUDGET, FINANCEUR, MONTANT, NOTE, IGNORER})
"""What several columns may fill without one losing to another; texts are put one after the other too."""
LIGNES = frozenset({PILOTES, PARTENAIRES, ETAPES, INDICATEURS, BUDGET, FINANCEUR, MONTANT})
HORS_IMPORT = frozenset(
    {"redaction", "cadres", "enjeux", "constats", "confidentielle", "motif_abandon", "fin_reelle"}
)
"""Columns of the workbook that another plan does not fill: its words go to the notes."""


@dataclass(frozen=True)
class Cible:
    """A field to fill: its name, its label, and other names of it."""

    nom: str
    label: str
    synonymes: tuple[str, ...] = ()


_SYNONYMES: dict[str, tuple[str, ...]] = {
    AXE: (
        "axe",
        "axe x",
        "axes",
        "axe stratégique",
        "orientation",
        "orientation stratégique",
        "volet",
        "enjeu",
        "thème",
        "thématique",
        "ambition",
    ),
    OBJECTIF: (
        "objectif stratégique",
        "sous-axe",
        "sous-axe x x",
        "sous axe",
        "objectif",
        "objectif opérationnel",
        "sous-thème",
        "n° et intitulé de l’objectif",
    ),
    TITRE: (
        "titre de l’action",
        "titre de la fiche action",
        "titre",
        "intitulé",
        "intitulé de l’action",
        "action",
        "nom de l’action",
        "fiche action",
        "libellé",
        "libellé de l’action",
        "actions",
        "titre de la fiche",
        "intitulé de la fiche",
    ),
    CODE: (
        "numéro",
        "n°",
        "n° de l’action",
        "n° action",
        "n° fiche",
        "numéro de l’action",
        "référence",
        "code",
        "ref",
    ),
    "domaines": ("domaine", "domaines", "champ", "thématique principale", "thématique ctg", "secteur"),
    "avancement": (
        "avancement",
        "statut",
        "état",
        "état d’avancement",
        "statut de l’action",
        "où en est l’action",
    ),
    "nature": ("nature", "nature de l’action", "type d’action"),
    "priorite": ("priorité", "niveau de priorité", "degré de priorité"),
    "communes": ("communes", "communes concernées", "territoire concerné", "territoire", "commune"),
    "besoins": (
        "besoins",
        "besoins constatés",
        "constat",
        "constats",
        "diagnostic",
        "contexte",
        "éléments de diagnostic",
        "problématique",
    ),
    "dispositifs_existants": ("existant", "dispositifs existants", "offre existante", "actions existantes"),
    "objectif_general": (
        "objectifs",
        "objectif général",
        "objectifs de l’action",
        "finalité",
        "finalités",
        "but",
    ),
    "objectifs_specifiques": ("objectifs spécifiques", "objectifs opérationnels", "sous-objectifs"),
    "changements_attendus": (
        "résultats attendus",
        "effets attendus",
        "changements attendus",
        "impacts attendus",
    ),
    "modalites": (
        "description",
        "descriptif",
        "description de l’action",
        "modalités",
        "modalités de mise en œuvre",
        "mise en œuvre",
        "contenu",
        "déroulement",
        "descriptif de l’action",
    ),
    "publics": (
        "publics",
        "publics cibles",
        "public cible",
        "public",
        "cibles",
        "public visé",
        "publics visés",
        "bénéficiaires",
    ),
    "public_precisions": ("précisions sur le public",),
    "effectif_attendu": (
        "nombre de personnes",
        "nombre de personnes attendues",
        "nombre de bénéficiaires",
        "effectif",
    ),
    "structure_pilote": (
        "structure pilote",
        "porteur",
        "porteur de l’action",
        "maître d’ouvrage",
        "structure porteuse",
        "pilote structure",
        "maîtrise d’ouvrage",
    ),
    PILOTES: (
        "pilote",
        "pilotes",
        "personne pilote",
        "référent",
        "référents",
        "responsable",
        "chef de projet",
        "référent de l’action",
        "pilote de l’action",
        "contact",
    ),
    "elu_referent": ("élu référent", "élu·e référent·e", "élue référente", "élu"),
    "referent_caf": ("référent caf", "référent·e caf"),
    "referent_msa": ("référent msa", "référent·e msa"),
    "equipe_projet": (
        "équipe projet",
        "équipe",
        "direction ou service pilote",
        "service-département-pôle pilote",
        "service pilote",
        "instances de gouvernance",
        "service",
    ),
    PARTENAIRES: (
        "partenaires",
        "partenaire",
        "partenaires associés",
        "acteurs",
        "partenariat",
        "partenaires mobilisés",
    ),
    "moyens_humains": ("moyens humains", "moyens humains et techniques", "ressources humaines", "moyens"),
    "moyens_materiels": ("moyens matériels", "matériel"),
    "moyens_techniques": ("moyens techniques",),
    "etp": ("etp", "équivalents temps plein", "temps de travail"),
    BUDGET: (
        "budget",
        "coût",
        "coût prévisionnel",
        "budget prévisionnel",
        "budget prévisionnel total ttc",
        "budget prévisionnel total ht",
        "montant total",
        "coût total",
        "budget total",
    ),
    FINANCEUR: ("financeur", "financeurs", "financeur 1", "financeur 2", "financeur 3", "cofinanceur"),
    MONTANT: ("montant", "montant ht", "montant ttc", "montant demandé", "subvention"),
    "debut": ("début", "date de début", "démarrage", "date de démarrage", "date début", "année de début"),
    "echeance": (
        "échéance",
        "date de fin",
        "fin",
        "date fin",
        "date de fin prévisionnelle",
        "date d’échéance",
        "délai",
    ),
    "rythme": ("rythme", "récurrence"),
    ETAPES: ("étapes", "étapes de la fiche action", "étapes de l’action", "sous-actions", "jalons"),
    INDICATEURS: (
        "indicateurs",
        "indicateurs liés",
        "indicateur",
        "indicateurs de suivi",
        "indicateurs d’évaluation",
        "critères d’évaluation",
    ),
    "methode_evaluation": ("évaluation", "méthode d’évaluation", "modalités d’évaluation"),
    "difficultes": ("difficultés", "difficultés rencontrées", "freins", "points de vigilance"),
    "prochaines_etapes": ("prochaines étapes", "suites", "perspectives"),
}

_LABELS = {
    PILOTES: "Pilotes (noms)",
    PARTENAIRES: "Partenaires",
    ETAPES: "Étapes, une par ligne",
    INDICATEURS: "Indicateurs, un par ligne",
    BUDGET: "Budget prévu (€)",
    FINANCEUR: "Financeur",
    MONTANT: "Montant demandé au financeur (€)",
}
CIBLES: tuple[Cible, ...] = (
    *(
        Cible(colonne.nom, colonne.titre, _SYNONYMES.get(colonne.nom, ()))
        for colonne in COLONNES
        if colonne.nom not in HORS_IMPORT
    ),
    *(Cible(nom, label, _SYNONYMES[nom]) for nom, label in _LABELS.items()),
)
PAR_NOM = {cible.nom: cible for cible in CIBLES}

TET = tuple(
    map(
        normalise,
        (
            *("Axe (x)", "Sous-axe (x.x)", "Sous-sous axe (x.x.x)", "Titre de la fiche action", "Descriptif"),
            *("Thématique principale", "Sous-thématiques", "Instances de gouvernance", "Objectifs"),
            *("Indicateurs liés", "Résultats attendus", "Cibles", "Structure pilote"),
            *("Moyens humains et techniques", "Partenaires", "Service-département-pôle pilote"),
            *(
                "Direction ou service pilote",
                "Personne pilote",
                "Élu·e référent·e",
                "Participation Citoyenne",
            ),
            *(
                "Financements",
                "Financeur 1",
                "Montant € TTC",
                "Montant € HT",
                "Budget prévisionnel total € TTC",
            ),
            *(
                "Budget prévisionnel total € HT",
                "Statut",
                "Niveau de priorité",
                "Date de début",
                "Date de fin",
            ),
            *("Action en amélioration continue", "Calendrier", "Actions liées", "Fiches des plans liées"),
            *("Notes de suivi", "Etapes de la fiche action", "Notes complémentaires", "Documents et liens"),
            *("Axe", "Sous-axe", "Sous-sous axe", "Titre de l'action"),
        ),
    )
)
"""Titles of the model of Territoires en Transitions, in its successive versions."""

_MOTS = {normalise(mot): cible.nom for cible in CIBLES for mot in (cible.label, *cible.synonymes)}
# Columns of the model that have no field here are kept whole in the notes, whatever their name is close to.
_NOTES_TET = frozenset(
    map(normalise, ("Sous-sous axe", "Sous-sous axe (x.x.x)", "Calendrier", "Financements", "Notes de suivi"))
)


_TROISIEMES = (
    *("sous sous axe", "sous sous objectif", "sous objectif", "sous sous thematique"),
    *("axe niveau 3", "niveau 3", "3e niveau", "troisieme niveau"),
)


def is_tet(titres: Sequence[str]) -> bool:
    """Whether a head is that of the model of Territoires en Transitions."""
    said = [normalise(titre) for titre in titres]
    known = sum(titre in TET for titre in said)
    return known >= 8 and any(titre.startswith("sous axe") for titre in said)


def is_troisieme(titre: str) -> bool:
    """Whether a title names a level below the axes and the objectifs: « Sous-sous axe (x.x.x) », « Sous-objectif »."""
    return normalise(titre).startswith(_TROISIEMES)


def guess_one(titre: str) -> str:
    """The field that a title names; ``NOTE`` when it names none."""
    said = normalise(titre)
    if said in _NOTES_TET:
        return NOTE
    if said in _MOTS:
        return _MOTS[said]
    # « Budget 2025 », « Financeur n° 2 », « Montant € HT »: the words that count come first.
    bare = " ".join(
        word for word in said.split() if not word.isdigit() and word not in ("n", "ht", "ttc", "euros")
    )
    if bare in _MOTS:
        return _MOTS[bare]
    starts = [mot for mot in _MOTS if len(mot) > 5 and bare.startswith(f"{mot} ")]
    return _MOTS[max(starts, key=len)] if starts else NOTE


def guess(titres: Sequence[str]) -> list[str]:
    """The field of each column: a title that comes twice fills a field once, the others go to the notes."""
    found: list[str] = []
    for titre in titres:
        cible = guess_one(titre)
        found.append(cible if cible in PLUSIEURS or cible not in found else NOTE)
    return found


def known(titre: str) -> bool:
    return bool(titre) and (guess_one(titre) != NOTE or normalise(titre) in TET)
