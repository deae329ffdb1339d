from django import template

from actions.models.libelles import redaction_label
from conventions.permissions import roles_on

register = template.Library()


@register.filter
def redaction_pour(fiche, lecteur):
    """How far the text is, in the words of ``lecteur``, as in ``{{ fiche|redaction_pour:user }}``; no query of its own."""
    return redaction_label(fiche.redaction, roles_on(lecteur, fiche.plan.convention_id))


@register.filter
def valeur(found, key):
    """What a mapping holds under ``key``, as in ``{{ fiche.noms|valeur:nom }}``."""
    return found.get(key, ())
