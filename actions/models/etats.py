"""The two lives of a fiche, that of its text and that of the action, and how each goes from one state to the next (ADR 0004)."""

from django.db import models


class Redaction(models.TextChoices):
    BROUILLON = "brouillon", "Brouillon"
    EN_RELECTURE = "en_relecture", "En relecture"
    A_COMPLETER = "a_completer", "À compléter"
    VALIDEE = "validee", "Validée"
    ARCHIVEE = "archivee", "Archivée"


class Avancement(models.TextChoices):
    A_VENIR = "a_venir", "À venir"
    EN_COURS = "en_cours", "En cours"
    REALISEE = "realisee", "Réalisée"
    EN_PAUSE = "en_pause", "En pause"
    ABANDONNEE = "abandonnee", "Abandonnée"


REDACTION_TRANSITIONS = {
    Redaction.BROUILLON.value: frozenset({Redaction.EN_RELECTURE.value, Redaction.ARCHIVEE.value}),
    Redaction.EN_RELECTURE.value: frozenset({Redaction.A_COMPLETER.value, Redaction.VALIDEE.value}),
    Redaction.A_COMPLETER.value: frozenset({Redaction.EN_RELECTURE.value, Redaction.ARCHIVEE.value}),
    # A validated fiche that must change is opened again; it will be read again.
    Redaction.VALIDEE.value: frozenset({Redaction.A_COMPLETER.value, Redaction.ARCHIVEE.value}),
    Redaction.ARCHIVEE.value: frozenset({Redaction.BROUILLON.value}),
}

AVANCEMENT_TRANSITIONS = {
    Avancement.A_VENIR.value: frozenset(
        {
            Avancement.EN_COURS.value,
            Avancement.REALISEE.value,
            Avancement.EN_PAUSE.value,
            Avancement.ABANDONNEE.value,
        }
    ),
    Avancement.EN_COURS.value: frozenset(
        {
            Avancement.A_VENIR.value,
            Avancement.REALISEE.value,
            Avancement.EN_PAUSE.value,
            Avancement.ABANDONNEE.value,
        }
    ),
    Avancement.EN_PAUSE.value: frozenset(
        {Avancement.A_VENIR.value, Avancement.EN_COURS.value, Avancement.ABANDONNEE.value}
    ),
    Avancement.REALISEE.value: frozenset({Avancement.EN_COURS.value}),
    Avancement.ABANDONNEE.value: frozenset({Avancement.A_VENIR.value, Avancement.EN_COURS.value}),
}

AVANCEMENTS_FINIS = (Avancement.REALISEE, Avancement.ABANDONNEE)
