"""The two functions of the search (ADR 0026), as ``ctg_portal.plein_texte`` had them on that day."""

from django.db import migrations

AVEC = "àâäáãåçéèêëíìîïñóòôöõúùûüýÿÀÂÄÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝŸ’‘«»“”„–—…·•<>\u00a0\u202f\u2009\u2011"
SANS = "aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUYY''               -"
LETTRES = (
    "replace(replace(replace(replace("
    f"translate($1, $t${AVEC}$t$, $t${SANS}$t$), 'œ', 'oe'), 'Œ', 'OE'), 'æ', 'ae'), 'Æ', 'AE')"
)
FONCTIONS = f"""
CREATE FUNCTION recherche_texte(texte text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT {LETTRES} $f$;
CREATE FUNCTION recherche_vecteur(texte text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $f$ SELECT to_tsvector('pg_catalog.french'::regconfig, lower(left({LETTRES}, 150000))) $f$;
"""


class Migration(migrations.Migration):
    dependencies = [("ctg_portal", "0002_fragments")]

    operations = [
        migrations.RunSQL(
            FONCTIONS,
            "DROP FUNCTION recherche_vecteur(text); DROP FUNCTION recherche_texte(text);",
        ),
    ]
