"""What this app alone draws in the background, added to the table of formats."""

from actions.tableur.demande import CLASSEUR
from conventions.models import Impression
from conventions.operations.impressions import FORMATS

FORMATS[Impression.Sortie.CLASSEUR.value] = CLASSEUR
