"""Notes written after the minutes were begun: seen, then added to them. Nothing that was written is replaced."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from ctg_portal.workflow import TransitionError
from governance.models import CompteRendu, PartieCompteRendu, PointOrdreDuJour, Reunion


@dataclass(frozen=True)
class Reprise:
    """What a part does not hold of the notes of its point (of the meeting, without a point); ``partie`` is ``None``
    where there is none yet."""

    point: PointOrdreDuJour | None
    partie: PartieCompteRendu | None
    ajout: str

    @property
    def titre(self) -> str:
        return str(self.partie or self.point or AUTRES)

    @property
    def cle(self) -> int:
        """How a button names it: the key of its point, 0 for the notes of the meeting."""
        return self.point.pk if self.point else 0


AUTRES = "Autres échanges"


def reprises_of(compte_rendu: CompteRendu) -> list[Reprise]:
    """In the order of the agenda. Reads ``parties.all()`` and the points of the meeting, in one query."""
    reunion = compte_rendu.reunion
    parties = list(compte_rendu.parties.all())
    by_point = {partie.point_id: partie for partie in parties if partie.point_id}
    found = []
    for point in reunion.points.all():
        partie = by_point.get(point.pk)
        ajout = later_notes(point.notes, partie)
        if ajout or partie is None:
            found.append(Reprise(point, partie, ajout))
    of_meeting = _lines(reunion.notes)
    general = next(
        (row for row in parties if not row.point_id and of_meeting & _lines(row.notes_reprises)), None
    )
    if ajout := later_notes(reunion.notes, general):
        found.append(Reprise(None, general, ajout))
    return found


def later_notes(notes: str, partie: PartieCompteRendu | None) -> str:
    """The lines of ``notes`` that were not there when the part took them, and that it does not say word for word."""
    seen = _lines(partie.notes_reprises) | _lines(partie.texte) if partie else set()
    return "\n".join(line for line in notes.splitlines() if line.strip() and line.strip() not in seen)


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}


@transaction.atomic
def take_notes(compte_rendu: CompteRendu, cle: int) -> PartieCompteRendu:
    """Add the later notes of a point (0: of the meeting) at the end of its part, or begin its part with them.

    Raise ``TransitionError`` when the minutes are no longer written, or when there is nothing to take any more.
    """
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=compte_rendu.reunion_id)
    held = CompteRendu.objects.select_for_update(of=("self",)).get(pk=compte_rendu.pk)
    held.reunion = reunion
    if not held.is_redaction or reunion.statut != Reunion.Statut.TENUE:
        raise TransitionError("Le compte rendu ne s’écrit plus\u00a0: reprenez-le d’abord.")
    found = next((reprise for reprise in reprises_of(held) if reprise.cle == cle), None)
    if found is None:
        raise TransitionError("Ces notes sont déjà dans le compte rendu.")
    notes = found.point.notes if found.point else reunion.notes
    if found.partie is None:
        last = held.parties.aggregate(last=Max("ordre"))["last"] or 0
        return PartieCompteRendu.objects.create(
            compte_rendu=held,
            point=found.point,
            titre=found.titre,
            texte=notes,
            notes_reprises=notes,
            ordre=last + 1,
        )
    partie = PartieCompteRendu.objects.select_for_update(of=("self",)).get(pk=found.partie.pk)
    ajout = later_notes(notes, partie)
    partie.texte = f"{partie.texte.rstrip()}\n\n{ajout}".strip() if ajout else partie.texte
    partie.notes_reprises = notes
    partie.save(update_fields=["texte", "notes_reprises", "updated_at"])
    return partie
