"""What was there before its history began: copied once, so that the first change has a « before »."""

from django.db import migrations

PARTIES = {
    "actions_bilan": "actions_bilanevent",
    "actions_etape": "actions_etapeevent",
    "actions_indicateursuivi": "actions_indicateursuivievent",
    "actions_lignebudget": "actions_lignebudgetevent",
    "actions_lignefinancement": "actions_lignefinancementevent",
    "actions_mesure": "actions_mesureevent",
    "actions_note": "actions_noteevent",
    "actions_partenairefiche": "actions_partenaireficheevent",
    "actions_pilote": "actions_piloteevent",
    "actions_ficheaction_cadres": "actions_ficheactioncadresevent",
    "actions_ficheaction_communes": "actions_ficheactioncommunesevent",
    "actions_ficheaction_constats": "actions_ficheactionconstatsevent",
    "actions_ficheaction_domaines": "actions_ficheactiondomainesevent",
    "actions_ficheaction_enjeux": "actions_ficheactionenjeuxevent",
    "actions_ficheaction_publics": "actions_ficheactionpublicsevent",
    "actions_objectif_enjeux": "actions_objectifenjeuxevent",
}
COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position
"""


def copy_rows(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, events in PARTIES.items():
            cursor.execute(COLUMNS, [table])
            columns = [name for (name,) in cursor.fetchall()]
            cursor.execute(COLUMNS, [events])
            kept = {name for (name,) in cursor.fetchall()}
            listed = ", ".join(f'"{name}"' for name in columns if name in kept)
            key = "id, " if "pgh_obj_id" in kept else ""
            into = "pgh_obj_id, " if key else ""
            cursor.execute(
                f'INSERT INTO "{events}" ({into}pgh_created_at, pgh_label, {listed}) '  # noqa: S608 - names of our own tables
                f"SELECT {key}NOW(), 'depart', {listed} FROM \"{table}\" ORDER BY id"
            )
        # The journal of states is older than its history, and says itself when each line was written.
        cursor.execute(
            "INSERT INTO actions_transitionevent (pgh_obj_id, pgh_created_at, pgh_label, id, champ, depuis, vers, "
            "motif, created_at, fiche_id, by_id) SELECT id, created_at, 'insert', id, champ, depuis, vers, motif, "
            "created_at, fiche_id, by_id FROM actions_transition ORDER BY id"
        )


class Migration(migrations.Migration):
    dependencies = [("actions", "0008_historique")]

    operations = [migrations.RunPython(copy_rows, migrations.RunPython.noop)]
