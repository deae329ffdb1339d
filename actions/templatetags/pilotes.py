"""What the team page of a convention, which stands below the fiches, says of their pilotes."""

from django import template

from actions.models.pilotage import plain_names
from conventions.models import Convention, people_of

register = template.Library()


@register.simple_tag
def noms_a_relier(convention: Convention) -> dict[str, int]:
    """How many names of pilotes have no account (``noms``), and how many look like one (``proches``); two queries."""
    noms = plain_names(convention, people_of(convention).filter(is_active=True))
    return {"noms": len(noms), "proches": sum(bool(nom.comptes) for nom in noms)}
