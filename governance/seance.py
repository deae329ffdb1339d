"""The meeting as it runs: which point is spoken of, who is in the room."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from ctg_portal.workflow import TransitionError
from governance.models import PointOrdreDuJour, Presence, Reunion
from governance.models.composition import Voix, count_voices
from governance.models.compte_rendu import require_open_minutes
from governance.models.presence import too_many_pouvoirs


def _lock(reunion: Reunion) -> Reunion:
    reunion = Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=reunion.pk)
    if not reunion.is_decidable:
        raise TransitionError(
            f"La réunion est maintenant «\u00a0{reunion.get_statut_display().lower()}\u00a0»\u00a0: la séance n’est plus ouverte."
        )
    require_open_minutes(reunion)
    return reunion


@transaction.atomic
def go_to_point(reunion: Reunion, point: PointOrdreDuJour | None, *, shown: int | None) -> None:
    """Speak of ``point`` from now on, of none when it is ``None``; the one before is left. The clocks keep their time.

    ``shown`` is the key of the point spoken of on the screen that asks. Raise ``TransitionError``, and move nothing,
    when another screen moved meanwhile, or when the meeting is not open.
    """
    reunion = _lock(reunion)
    if reunion.statut != Reunion.Statut.OUVERTE:
        raise TransitionError("La séance est close\u00a0: plus aucun point n’est abordé.")
    if point is not None and point.reunion_id != reunion.pk:
        raise TransitionError("Ce point n’est pas à l’ordre du jour de cette réunion.")
    if reunion.point_courant_id == (point and point.pk):
        return
    if reunion.point_courant_id != shown:
        current = reunion.point_courant
        meanwhile = f"abordé «\u00a0{current}\u00a0»" if current else "quitté le point dont on parlait"
        raise TransitionError(
            f"Entre-temps, un autre écran a {meanwhile}\u00a0: rien n’a bougé. Voici où en est la séance."
        )
    reunion.points.leave()
    if point is not None:
        PointOrdreDuJour.objects.get(pk=point.pk).take_up()
    reunion.point_courant = point
    reunion.save(update_fields=["point_courant", "updated_at"])


@dataclass(frozen=True)
class Pointage:
    """What one screen says of a person, as ``state_of``: ``avant`` is what it showed, ``apres`` what was chosen on it."""

    presence: int
    avant: str
    apres: str


REPRESENTE = "represente-"


def state_of(presence: Presence) -> str:
    """« present », « excuse », « absent », « represente-12 » (by the person 12), or nothing yet."""
    if presence.etat == Presence.Etat.REPRESENTE and presence.pouvoir_a_id:
        return f"{REPRESENTE}{presence.pouvoir_a_id}"
    return str(presence.etat)


def expected_state(presence: Presence) -> str:
    """What the answer of a person lets one expect of the day; nothing for who did not answer."""
    if presence.reponse == Presence.Reponse.POUVOIR:
        return f"{REPRESENTE}{presence.pouvoir_a_id}" if presence.pouvoir_a_id else str(Presence.Etat.EXCUSE)
    expected = {
        str(Presence.Reponse.PRESENT): Presence.Etat.PRESENT,
        str(Presence.Reponse.EXCUSE): Presence.Etat.EXCUSE,
    }
    return str(expected.get(presence.reponse, ""))


@transaction.atomic
def record_attendance(reunion: Reunion, pointages: Iterable[Pointage]) -> list[Presence]:
    """Write what each screen changed, and nothing else; give the people whom another screen changed meanwhile.

    Of these the other screen's word stays: whoever asked sees it and says it again if it is wrong.
    """
    reunion = _lock(reunion)
    rows = {row.pk: row for row in reunion.presences.select_for_update(of=("self",))}
    refused = []
    for pointage in pointages:
        row = rows.get(pointage.presence)
        if row is None or pointage.apres == pointage.avant or state_of(row) == pointage.apres:
            continue
        if state_of(row) != pointage.avant:
            refused.append(row)
            continue
        _mark(row, pointage.apres, rows)
    _check_pouvoirs(rows, reunion.instance.pouvoirs_max)
    return refused


def _mark(row: Presence, state: str, rows: dict[int, Presence]) -> None:
    if state.startswith(REPRESENTE):
        holder = rows.get(int(state.removeprefix(REPRESENTE)))
        if holder is None or not holder.has_voice or not row.may_give_pouvoir:
            raise TransitionError(f"{row} ne peut pas être représenté·e ainsi.")
        if holder.person == row.person:
            raise TransitionError(f"{row} ne peut pas se représenter soi-même.")
        row.etat, row.pouvoir_a = Presence.Etat.REPRESENTE, holder
    else:
        row.etat = state
        if row.reponse != Presence.Reponse.POUVOIR:
            row.pouvoir_a = None
    row.save(update_fields=["etat", "pouvoir_a", "updated_at"])


def _check_pouvoirs(rows: dict[int, Presence], at_most: int) -> None:
    held: dict[tuple[str, str], int] = {}
    for row in rows.values():
        holder = rows.get(row.pouvoir_a_id or 0)
        if row.etat != Presence.Etat.REPRESENTE or holder is None:
            continue
        held[holder.person] = held.get(holder.person, 0) + 1
        if held[holder.person] > at_most:
            raise TransitionError(too_many_pouvoirs(holder, at_most))


def voices_in_room(reunion: Reunion, presences: Iterable[Presence]) -> Voix:
    """The voices of those seen in the room, against the quorum of the meeting."""
    return count_voices(
        presences, quorum=reunion.quorum, pouvoirs_max=reunion.instance.pouvoirs_max, en_seance=True
    )
