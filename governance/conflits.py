"""People who are expected at two meetings at the same time, whatever the convention of the other one."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import DurationField, ExpressionWrapper, F, Value

from conventions.permissions import roles_on
from ctg_portal.models import User
from governance.models import MembreInstance, Presence, Reunion

MINUTE = Value(datetime.timedelta(minutes=1))


@dataclass(frozen=True)
class Conflit:
    """Somebody of a meeting who is expected elsewhere; ``ailleurs`` is empty where the reader may not know more."""

    personne: str
    debut: datetime.datetime
    ailleurs: str
    url: str


def conflicts_of(reunion: Reunion, user: User) -> list[Conflit]:
    """Who of the meeting is expected at another one while it runs. Three queries at most.

    A person is known by their account, by organisation and name, or by address and name. What ``user`` may not read of
    the other meeting is not told: neither its instance nor its convention.
    """
    length = ExpressionWrapper(F("duree") * MINUTE, output_field=DurationField())
    autres = list(
        Reunion.objects.filter(debut__lt=reunion.fin)
        .annotate(finit_a=F("debut") + length)
        .filter(finit_a__gt=reunion.debut)
        .exclude(pk=reunion.pk)
        .exclude(statut=Reunion.Statut.ANNULEE)
        .select_related("instance__convention__territoire")
        .order_by("debut", "pk")
    )
    if not autres:
        return []
    people = _people([reunion, *autres])
    here = people[reunion.pk]
    found = []
    for elsewhere in autres:
        readable = bool(roles_on(user, elsewhere.convention.pk))
        ailleurs = f"{elsewhere}, {elsewhere.convention.territoire.nom_court}" if readable else ""
        url = elsewhere.get_absolute_url() if readable else ""
        found += [
            Conflit(name, elsewhere.debut, ailleurs, url)
            for key, name in people[elsewhere.pk].items()
            if key in here
        ]
    return sorted(dict.fromkeys(found), key=lambda conflit: conflit.personne.casefold())


def in_conflict(reunions: Iterable[Reunion]) -> dict[int, set[str]]:
    """Of the meetings given, by key: who is expected at another of them at the same time. Two queries.

    Those that were cancelled are left aside.
    """
    kept = sorted(
        (reunion for reunion in reunions if reunion.statut != Reunion.Statut.ANNULEE),
        key=lambda reunion: (reunion.debut, reunion.pk),
    )
    people = _people(kept)
    found: dict[int, set[str]] = {}
    for rang, first in enumerate(kept):
        for second in kept[rang + 1 :]:
            if second.debut >= first.fin:
                break
            for key in people[first.pk].keys() & people[second.pk].keys():
                for reunion in (first, second):
                    found.setdefault(reunion.pk, set()).add(people[reunion.pk][key])
    return found


Cle = tuple[str, object]


def _people(reunions: Sequence[Reunion]) -> dict[int, dict[Cle, str]]:
    """By meeting: who is expected there, the seats of today where its people were not listed yet. Two queries."""
    people: dict[int, dict[Cle, str]] = {reunion.pk: {} for reunion in reunions}
    listed = set()
    for row in Presence.objects.filter(reunion__in=people).select_related("user"):
        listed.add(row.reunion_id)
        place = row.organisation_id or row.structure.casefold()
        people[row.reunion_id] |= _known_as(row.user, place, row.nom, row.email)
    by_instance: dict[int, dict[Cle, str]] = {
        reunion.instance_id: {} for reunion in reunions if reunion.pk not in listed
    }
    for seat in MembreInstance.objects.filter(instance__in=by_instance).select_related("user"):
        by_instance[seat.instance_id] |= _known_as(seat.user, seat.organisation_id, seat.nom, seat.adresse)
    for reunion in reunions:
        if reunion.pk not in listed:
            people[reunion.pk] = by_instance[reunion.instance_id]
    return people


def _known_as(user: User | None, place: object, nom: str, email: str) -> dict[Cle, str]:
    """The keys by which a person is found again, each with their name; none for a seat without a name."""
    name = nom or (str(user) if user else "")
    keys: dict[Cle, str] = {}
    if user is not None:
        keys["compte", user.pk] = name
    if nom and place:
        keys["nom", (place, nom.casefold())] = name
    if nom and email:
        keys["adresse", (email.casefold(), nom.casefold())] = name
    return keys
