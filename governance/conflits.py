"""People who are expected at two meetings at the same time, whatever the convention of the other one."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value

from conventions.permissions import roles_on
from ctg_portal.models import User
from governance.models import MembreInstance, Reunion

MINUTE = Value(datetime.timedelta(minutes=1))


@dataclass(frozen=True)
class Conflit:
    """Somebody of a meeting who is expected elsewhere; ``ailleurs`` is empty where the reader may not know more."""

    personne: str
    debut: datetime.datetime
    ailleurs: str
    url: str


def conflicts_of(reunion: Reunion, user: User) -> list[Conflit]:
    """Who of the instance is expected at another meeting while ``reunion`` runs. One query.

    A person is known by the account of the seat, else by organisation and name. What ``user`` may not read of the
    other meeting is not told: neither its instance nor its convention.
    """
    same_person = (Q(user__isnull=False) & Q(user=OuterRef("user"))) | (
        ~Q(nom="") & Q(organisation=OuterRef("organisation"), nom__iexact=OuterRef("nom"))
    )
    here = MembreInstance.objects.filter(same_person, instance=reunion.instance_id)
    length = ExpressionWrapper(F("instance__reunions__duree") * MINUTE, output_field=DurationField())
    rows = (
        MembreInstance.objects.alias(fin=F("instance__reunions__debut") + length)
        .filter(Exists(here), instance__reunions__debut__lt=reunion.fin, fin__gt=reunion.debut)
        .exclude(instance__reunions=reunion.pk)
        .exclude(instance__reunions__statut=Reunion.Statut.ANNULEE)
        .annotate(
            reunion_pk=F("instance__reunions__pk"),
            reunion_debut=F("instance__reunions__debut"),
        )
        .select_related("user", "instance__convention__territoire")
        .order_by("reunion_debut", "ordre", "pk")
    )
    found = []
    for row in rows:
        autre = Reunion(pk=row.reunion_pk, debut=row.reunion_debut, instance=row.instance)
        readable = bool(roles_on(user, row.instance.convention_id))
        ailleurs = f"{autre}, {row.instance.convention.territoire.nom_court}" if readable else ""
        url = autre.get_absolute_url() if readable else ""
        found.append(Conflit(row.nom or str(row.user), row.reunion_debut, ailleurs, url))
    return list(dict.fromkeys(found))


def in_conflict(reunions: Iterable[Reunion]) -> dict[int, set[str]]:
    """Of the meetings given, by key: who is expected at another of them at the same time.

    Reads ``instance.membres.all()`` and their ``user``; those that were cancelled are left aside.
    """
    kept = sorted(
        (reunion for reunion in reunions if reunion.statut != Reunion.Statut.ANNULEE),
        key=lambda reunion: (reunion.debut, reunion.pk),
    )
    people = {reunion.pk: _people(reunion) for reunion in kept}
    found: dict[int, set[str]] = {}
    for rang, first in enumerate(kept):
        for second in kept[rang + 1 :]:
            if second.debut >= first.fin:
                break
            for key in people[first.pk].keys() & people[second.pk].keys():
                for reunion in (first, second):
                    found.setdefault(reunion.pk, set()).add(people[reunion.pk][key])
    return found


def _people(reunion: Reunion) -> dict[tuple[str, object], str]:
    people: dict[tuple[str, object], str] = {}
    for membre in reunion.instance.membres.all():
        if membre.user_id is not None:
            people["compte", membre.user_id] = membre.nom or str(membre.user)
        if membre.nom:
            people["nom", (membre.organisation_id, membre.nom.casefold())] = membre.nom
    return people
