"""The editable lists a portal starts with: (code, label), in order. Sources: national list of the CTG, funding schemes of the CNAF.

Once loaded, their labels belong to the administrators.
"""

DOMAINES_NATIONAUX: tuple[tuple[str, str], ...] = (
    ("petite-enfance", "Petite enfance"),
    ("enfance", "Enfance"),
    ("jeunesse", "Jeunesse"),
    ("parentalite", "Parentalité"),
    ("acces-aux-droits", "Accès aux droits"),
    ("inclusion-numerique", "Inclusion numérique"),
    ("animation-vie-sociale", "Animation de la vie sociale"),
    ("logement", "Logement"),
    ("handicap", "Handicap"),
    ("accompagnement-social", "Accompagnement social"),
)

DOMAINES_LOCAUX: tuple[tuple[str, str], ...] = (
    ("sante", "Santé"),
    ("mobilite", "Mobilité"),
    ("insertion-emploi", "Insertion et emploi"),
    ("vieillissement", "Vieillissement"),
    ("participation-des-habitants", "Participation des habitants"),
    ("loisirs-culture-sport", "Loisirs, culture et sport"),
    ("cadre-de-vie", "Cadre de vie"),
    ("nouveaux-habitants", "Accueil de nouveaux habitants"),
    ("coordination", "Coordination"),
)

DISPOSITIFS: dict[str, tuple[tuple[str, str], ...]] = {
    "prestation_service": (
        ("ps", "Prestations de service, sans détail"),
        ("psu", "Prestation de service unique (PSU)"),
        ("pso-alsh", "PS ordinaire accueils de loisirs (ALSH)"),
        ("ps-rpe", "PS relais petite enfance (RPE)"),
        ("ps-laep", "PS lieu d’accueil enfants-parents (LAEP)"),
        ("ps-jeunes", "PS jeunes"),
        ("ps-clas", "PS accompagnement à la scolarité (CLAS)"),
        ("agc", "Animation globale et coordination (AGC)"),
        ("acf", "Animation collective familles (ACF)"),
        ("animation-locale", "Animation locale (EVS)"),
        ("bonus-handicap", "Bonus inclusion handicap"),
        ("bonus-mixite", "Bonus mixité sociale"),
    ),
    "bonus_territoire": (
        ("bonus-territoire", "Bonus territoire, sans détail"),
        ("bonus-eaje", "Bonus territoire EAJE"),
        ("bonus-rpe", "Bonus territoire RPE"),
        ("bonus-laep", "Bonus territoire LAEP"),
        ("bonus-alsh", "Bonus territoire ALSH"),
        ("bonus-ludotheque", "Bonus territoire ludothèque"),
        ("bonus-pilotage", "Bonus territoire pilotage (chargé de coopération)"),
    ),
    "fpt": (
        ("fpt", "Fonds publics et territoires, sans détail"),
        ("fpt-1", "Fonds publics et territoires, axe 1"),
        ("fpt-2", "Fonds publics et territoires, axe 2"),
        ("fpt-3", "Fonds publics et territoires, axe 3"),
        ("fpt-4", "Fonds publics et territoires, axe 4"),
        ("fpt-5", "Fonds publics et territoires, axe 5"),
        ("fpt-6", "Fonds publics et territoires, axe 6"),
    ),
    "autre": (
        ("fonds-locaux", "Fonds locaux de la CAF"),
        ("investissement", "Aide à l’investissement"),
        ("ingenierie", "Aide à l’ingénierie"),
        ("msa-gmr", "Grandir en milieu rural (MSA)"),
        ("etat", "État"),
        ("departement", "Département"),
        ("region", "Région"),
        ("ars", "Agence régionale de santé"),
        ("carsat", "CARSAT"),
        ("epci", "Intercommunalité"),
        ("commune", "Commune"),
        ("autofinancement", "Autofinancement"),
        ("familles", "Participation des familles"),
        ("fondation", "Fondation"),
        ("europe", "Europe"),
    ),
}
"""By group of ``Dispositif``. « Sans détail » holds the sums that a CAF publishes for a whole group."""

TYPES_EQUIPEMENT: dict[str, tuple[tuple[str, str, str], ...]] = {
    "petite_enfance": (
        ("multi-accueil", "Multi-accueil (EAJE)", "places"),
        ("micro-creche", "Micro-crèche (EAJE)", "places"),
        ("creche-familiale", "Crèche familiale (EAJE)", "places"),
        ("creche-parentale", "Crèche parentale (EAJE)", "places"),
        ("rpe", "Relais petite enfance (RPE)", ""),
        ("mam", "Maison d’assistantes maternelles (MAM)", "places"),
        ("ama", "Assistantes maternelles agréées (AMA)", "places"),
    ),
    "parentalite": (("laep", "Lieu d’accueil enfants-parents (LAEP)", ""),),
    "enfance_jeunesse": (
        ("alsh-periscolaire", "ALSH périscolaire", "places"),
        ("alae", "ALAE (accueil associé à l’école)", "places"),
        ("alsh-extrascolaire", "ALSH extrascolaire", "places"),
        ("accueil-ados", "Accueil ados", "places"),
        ("garderie", "Garderie", "places"),
        ("ludotheque", "Ludothèque", ""),
        ("ps-jeunes", "Structure PS jeunes", ""),
        ("clas", "Accompagnement à la scolarité (CLAS)", "enfants"),
        ("fjt", "Foyer de jeunes travailleurs (FJT)", "logements"),
    ),
    "vie_sociale": (
        ("centre-social", "Centre social", ""),
        ("evs", "Espace de vie sociale (EVS)", ""),
        ("maison-des-familles", "Maison des familles", ""),
        ("tiers-lieu", "Tiers-lieu", ""),
    ),
    "acces_droits": (
        ("france-services", "France services", ""),
        ("epn", "Espace public numérique, conseiller numérique", "postes"),
        ("ccas", "CCAS, CIAS", ""),
    ),
    "culture_sport_sante": (
        ("bibliotheque", "Bibliothèque", ""),
        ("ecole-de-musique", "École de musique", "élèves"),
        ("maison-de-sante", "Maison de santé, centre de santé", ""),
        ("equipement-sportif", "Équipement sportif", ""),
        ("equipement-culturel", "Équipement culturel", ""),
    ),
}
"""By family of ``TypeEquipement``: code, label, unit of the capacity. Source: the services of a CTG as CAF name them."""
