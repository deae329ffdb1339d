"""People who are expected at two meetings at the same time, whatever the convention of the other one."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, DurationField, ExpressionWrapper, F, Value, When

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
    """Who of the meeting is expected at another one while it runs. Two queries at most.

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
    """Of the meetings given, by key: who is expected at another of them at the same time. One query.

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
    """By meeting: who is expected there, the seats of today where its people were not listed yet. One query."""
    listed = Presence.objects.filter(reunion__in=[reunion.pk for reunion in reunions])
    seats = MembreInstance.objects.filter(instance__in={reunion.instance_id for reunion in reunions})
    address = Case(When(user__is_active=True, then=F("user__email")), default=F("email"))
    rows = listed.annotate(place=F("structure"), adressee=F("email"), siege=Value(False)).values_list(
        "siege",
        "reunion_id",
        "user_id",
        "user__nom",
        "user__email",
        "organisation_id",
        "place",
        "nom",
        "adressee",
    )
    seated = seats.annotate(place=Value(""), adressee=address, siege=Value(True)).values_list(
        "siege",
        "instance_id",
        "user_id",
        "user__nom",
        "user__email",
        "organisation_id",
        "place",
        "nom",
        "adressee",
    )
    found: dict[tuple[bool, int], dict[Cle, str]] = {}
    for is_seat, key, user, named, account, organisation, structure, nom, email in rows.union(
        seated, all=True
    ):
        keys = _known_as(user, named or account or "", organisation or structure.casefold(), nom, email)
        found.setdefault((is_seat, key), {}).update(keys)
    return {
        reunion.pk: found.get((False, reunion.pk), found.get((True, reunion.instance_id), {}))
        for reunion in reunions
    }


def _known_as(user: int | None, named: str, place: object, nom: str, email: str) -> dict[Cle, str]:
    """The keys by which a person is found again, each with their name; none for a seat without a name."""
    name = nom or named
    keys: dict[Cle, str] = {}
    if user is not None:
        keys["compte", user] = name
    if nom and place:
        keys["nom", (place, nom.casefold())] = name
    if nom and email:
        keys["adresse", (email.casefold(), nom.casefold())] = name
    return keys
