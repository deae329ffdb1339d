"""The sections of a fiche, as on paper."""

from typing import NamedTuple


class Section(NamedTuple):
    """A section of the fiche, as on paper: its address, its title and the columns it owns."""

    slug: str
    titre: str
    champs: tuple[str, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        "identite",
        "Identité",
        (
            "code",
            "intitule",
            "objectif",
            "axe",
            "domaines",
            "nature",
            "priorite",
            "cadres",
            "communes",
            "confidentielle",
        ),
    ),
    Section("contexte", "Contexte", ("constats", "enjeux", "besoins", "dispositifs_existants")),
    Section(
        "objectifs",
        "Objectifs et finalités",
        ("objectif_general", "objectifs_specifiques", "changements_attendus"),
    ),
    Section("modalites", "Modalités de mise en œuvre", ("modalites",)),
    Section("public", "Public", ("publics", "public_precisions", "effectif_attendu")),
    Section(
        "equipe",
        "Équipe projet et partenaires",
        ("structure_pilote", "elu_referent", "referent_caf", "referent_msa", "equipe_projet"),
    ),
    Section("moyens", "Moyens", ("moyens_humains", "etp", "moyens_materiels", "moyens_techniques")),
    Section("calendrier", "Calendrier", ("debut", "echeance", "fin_reelle", "rythme")),
    Section("evaluation", "Évaluation", ("methode_evaluation",)),
    Section("suivi", "Suivi", ("difficultes", "prochaines_etapes")),
)
