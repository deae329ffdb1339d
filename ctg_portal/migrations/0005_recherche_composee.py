"""Accents that come as signs of their own are composed before they are taken off; what was indexed is read again."""

from django.db import migrations

AVEC = "àâäáãåçéèêëíìîïñóòôöõúùûüýÿÀÂÄÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝŸ’‘«»“”„–—…·•<>\u00a0\u202f\u2009\u2011"
SANS = "aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUYY''               -"


def fonctions(source):
    lettres = (
        "replace(replace(replace(replace("
        f"translate({source}, $t${AVEC}$t$, $t${SANS}$t$), 'œ', 'oe'), 'Œ', 'OE'), 'æ', 'ae'), 'Æ', 'AE')"
    )
    return f"""
CREATE OR REPLACE FUNCTION recherche_texte(texte text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT {lettres} $f$;
CREATE OR REPLACE FUNCTION recherche_vecteur(texte text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $f$ SELECT to_tsvector('pg_catalog.french'::regconfig, lower(left({lettres}, 150000))) $f$;
DO $d$
DECLARE nom text;
BEGIN
    FOR nom IN SELECT format('%I.%I', schemaname, indexname) FROM pg_indexes
        WHERE schemaname = current_schema() AND indexdef LIKE '%recherche_vecteur(%'
    LOOP
        EXECUTE 'REINDEX INDEX ' || nom;
    END LOOP;
END $d$;
"""


class Migration(migrations.Migration):
    dependencies = [("ctg_portal", "0004_parties_ecrites")]

    operations = [migrations.RunSQL(fonctions("normalize($1, NFC)"), fonctions("$1"))]
