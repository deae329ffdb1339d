"""The figures a portrait starts with. Editable afterwards. Sources: INSEE (recensement, Filosofi, état civil), CAF (open data)."""

from django.db import migrations

RP = "INSEE, recensement de la population"
CAF = "CAF, données ouvertes"
REGIME = "Régime général (CAF) seulement : les familles de la MSA manquent."

# code, label, unit, decimals, theme, aggregation, usual source, remark
INDICATEURS = [
    ("population", "Population municipale", "habitants", 0, "population", "somme", RP, ""),
    ("evolution-population", "Évolution annuelle moyenne de la population", "%", 1, "population", "aucune", RP, ""),
    ("densite", "Densité", "habitants au km²", 1, "population", "aucune", RP, ""),
    ("age-0-2", "Enfants de 0 à 2 ans", "habitants", 0, "population", "somme", RP, ""),
    ("age-3-5", "Enfants de 3 à 5 ans", "habitants", 0, "population", "somme", RP, ""),
    ("age-6-10", "Enfants de 6 à 10 ans", "habitants", 0, "population", "somme", RP, ""),
    ("age-11-17", "Jeunes de 11 à 17 ans", "habitants", 0, "population", "somme", RP, ""),
    ("age-18-24", "Jeunes de 18 à 24 ans", "habitants", 0, "population", "somme", RP, ""),
    ("age-65-plus", "Personnes de 65 ans et plus", "habitants", 0, "population", "somme", RP, ""),
    ("age-75-plus", "Personnes de 75 ans et plus", "habitants", 0, "population", "somme", RP, ""),
    ("naissances", "Naissances dans l’année", "naissances", 0, "population", "somme", "INSEE, état civil", ""),
    ("familles", "Familles", "familles", 0, "familles", "somme", RP, ""),
    ("monoparentales", "Familles monoparentales", "familles", 0, "familles", "somme", RP, ""),
    ("niveau-vie-median", "Niveau de vie médian", "€ par an", 0, "revenus", "aucune", "INSEE, Filosofi", ""),
    ("taux-pauvrete", "Taux de pauvreté", "%", 1, "revenus", "aucune", "INSEE, Filosofi", ""),
    ("taux-chomage", "Taux de chômage des 15–64 ans", "%", 1, "revenus", "aucune", RP, "Au sens du recensement."),
    ("logements-vacants", "Logements vacants", "logements", 0, "logement", "somme", RP, ""),
    ("part-logements-vacants", "Part de logements vacants", "%", 1, "logement", "aucune", RP, ""),
    ("foyers-allocataires", "Foyers allocataires", "foyers", 0, "allocataires", "somme", CAF, REGIME),
    ("personnes-couvertes", "Personnes couvertes par une prestation", "personnes", 0, "allocataires", "somme", CAF, REGIME),
    ("foyers-rsa", "Foyers bénéficiaires du RSA", "foyers", 0, "allocataires", "somme", CAF, REGIME),
    ("foyers-ppa", "Foyers bénéficiaires de la prime d’activité", "foyers", 0, "allocataires", "somme", CAF, REGIME),
    ("foyers-aah", "Foyers bénéficiaires de l’AAH", "foyers", 0, "allocataires", "somme", CAF, REGIME),
    ("foyers-bas-qf", "Foyers allocataires à bas quotient familial", "foyers", 0, "allocataires", "somme", CAF, REGIME),
    ("taux-couverture-0-3", "Taux de couverture en accueil du jeune enfant (moins de 3 ans)", "places pour 100 enfants", 1, "petite_enfance", "aucune", CAF, ""),
    ("places-eaje", "Places en établissement d’accueil (EAJE)", "places", 0, "petite_enfance", "somme", CAF, ""),
    ("places-assistantes-maternelles", "Places chez les assistantes maternelles", "places", 0, "petite_enfance", "somme", CAF, ""),
    ("places-garde-domicile", "Places en garde à domicile", "places", 0, "petite_enfance", "somme", CAF, ""),
    ("places-prescolarisation", "Places en préscolarisation (2 ans)", "places", 0, "petite_enfance", "somme", CAF, ""),
    ("eleves", "Élèves des écoles et collèges", "élèves", 0, "education", "somme", "Éducation nationale", ""),
    ("associations", "Associations", "associations", 0, "vie_locale", "somme", "Répertoire national des associations", ""),
]


def add_indicateurs(apps, schema_editor):
    indicateur = apps.get_model("diagnostics", "Indicateur")
    for ordre, (code, intitule, unite, decimales, theme, agregation, source, remarque) in enumerate(INDICATEURS):
        indicateur.objects.get_or_create(
            code=code,
            defaults={
                "intitule": intitule,
                "unite": unite,
                "decimales": decimales,
                "theme": theme,
                "agregation": agregation,
                "source": source,
                "remarque": remarque,
                "ordre": ordre,
            },
        )


def keep(apps, schema_editor):
    """The table goes with the migration that made it; rows that are used stay until then."""


class Migration(migrations.Migration):
    dependencies = [("diagnostics", "0002_figures_voices_questionnaires")]

    operations = [migrations.RunPython(add_indicateurs, keep)]
