"""The « publics cibles » a fiche chooses from. Editable afterwards."""

from django.db import migrations

PUBLICS = [
    ("familles", "Familles"),
    ("parents", "Parents"),
    ("futurs-parents", "Futurs parents"),
    ("enfants-0-3", "Enfants de 0 à 3 ans"),
    ("enfants-3-5", "Enfants de 3 à 5 ans"),
    ("enfants-6-11", "Enfants de 6 à 11 ans"),
    ("jeunes-12-17", "Jeunes de 12 à 17 ans"),
    ("jeunes-16-25", "Jeunes de 16 à 25 ans"),
    ("handicap", "Personnes en situation de handicap"),
    ("seniors", "Seniors"),
    ("bas-revenus", "Personnes à bas revenus"),
    ("familles-monoparentales", "Familles monoparentales"),
    ("nouveaux-habitants", "Nouveaux habitants"),
    ("demandeurs-emploi", "Demandeurs d’emploi"),
    ("professionnels", "Professionnels"),
    ("assistantes-maternelles", "Assistantes maternelles"),
    ("associations", "Associations"),
    ("elus-agents", "Élus et agents"),
    ("tous", "Tous les habitants"),
]


def add_publics(apps, schema_editor):
    public = apps.get_model("actions", "Public")
    for ordre, (code, intitule) in enumerate(PUBLICS):
        public.objects.get_or_create(code=code, defaults={"intitule": intitule, "ordre": ordre})


def remove_unused(apps, schema_editor):
    """The table goes with the first migration; rows that are used stay until then."""


class Migration(migrations.Migration):
    dependencies = [("actions", "0003_initial")]

    operations = [migrations.RunPython(add_publics, remove_unused)]
