from django import template

from actions.description import TABLES, chapeau_of, read_for_paper
from actions.models.bord import said_of_abandoned
from actions.models.libelles import redaction_label
from conventions.permissions import roles_on

register = template.Library()

DESSINS = frozenset(
    {
        "redaction",
        "pilotes",
        "etapes",
        "exercices",
        "lignes_budget",
        "lignes_financement",
        "financements_imputes",
        "indicateurs",
        "notes",
        "decisions",
        "bilans",
    }
)
"""Fields and tables that the page draws in its own way: links, buttons, curves."""


@register.filter
def redaction_pour(fiche, lecteur):
    """How far the text is, in the words of ``lecteur``, as in ``{{ fiche|redaction_pour:user }}``; no query of its own."""
    return redaction_label(fiche.redaction, roles_on(lecteur, fiche.plan.convention_id))


@register.filter
def valeur(found, key):
    """What a mapping holds under ``key``, as in ``{{ fiche.noms|valeur:nom }}``."""
    return found.get(key, ())


@register.filter
def abandonnees(exercices):
    """What sums hold of abandoned actions, in sentences; « » without any."""
    return said_of_abandoned(exercices)


@register.filter
def dessin(cle):
    """The template that draws this field or table on the page; « » when the common one does."""
    return f"actions/partials/dessins/{cle}.html" if cle in DESSINS else ""


@register.simple_tag
def libelle(table, colonne):
    """The name of a column, as the description says it: ``{% libelle "bilans" "realise" %}``."""
    return next(found.libelle for found in TABLES[table].colonnes if found.cle == colonne)


@register.simple_tag
def rubriques_sur_papier(fiche, choix):
    """What a document says of a fiche, as in ``{% rubriques_sur_papier fiche choix as rubriques %}``."""
    return read_for_paper(fiche, choix)


@register.simple_tag
def chapeau(fiche):
    """The line below the title of a printed fiche, as in ``{% chapeau fiche as ligne %}``."""
    return chapeau_of(fiche)
