"""One state, worded for who reads it: what is « envoyée à la CAF » for a territoire is « à relire » for the CAF."""

from collections.abc import Collection

from actions.models.fiche import Redaction
from conventions.models import Habilitation

Role = Habilitation.Role

ADRESSES: tuple[tuple[frozenset[str], dict[str, str]], ...] = (
    (
        frozenset({Role.RELECTURE}),
        {
            Redaction.BROUILLON: "Pas encore envoyée",
            Redaction.EN_RELECTURE: "À relire",
            Redaction.A_COMPLETER: "Complément demandé",
        },
    ),
    (
        frozenset({Role.COORDINATION, Role.REDACTION}),
        {
            Redaction.EN_RELECTURE: "Envoyée à la CAF",
            Redaction.VALIDEE: "Validée par la CAF",
        },
    ),
)
"""Readers, the first that fits, and their own words; what is not here is said as documents and exports say it."""


def redaction_label(code: str, roles: Collection[str]) -> str:
    """How ``redaction`` reads for somebody who holds ``roles`` on the convention.

    >>> redaction_label("en_relecture", {"relecture"}), redaction_label("en_relecture", {"coordination"})
    ('À relire', 'Envoyée à la CAF')
    >>> redaction_label("en_relecture", {"pilotage"})
    'En relecture'
    """
    words = next((words for readers, words in ADRESSES if not readers.isdisjoint(roles)), {})
    return words.get(code) or str(Redaction(code).label)


def redaction_choices(roles: Collection[str]) -> list[tuple[str, str]]:
    """The choices of a filter, in the reader's words."""
    return [(code, redaction_label(code, roles)) for code in Redaction.values]


def in_a_sentence(label: str) -> str:
    """The label inside « »: its first letter goes down, names keep theirs.

    >>> in_a_sentence("Envoyée à la CAF")
    'envoyée à la CAF'
    """
    return label[:1].lower() + label[1:]
