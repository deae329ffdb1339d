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
    """Who of the instance is expected at another meeting while ``reunion`` runs. Two queries at most.

    A person is known by the account of the seat, else by organisation and name. What ``user`` may not read of the
    other meeting is not told: neither its instance nor its convention.
    """
    length = ExpressionWrapper(F("duree") * MINUTE, output_field=DurationField())
    autres = (
        Reunion.objects.filter(debut__lt=reunion.fin)
        .annotate(finit_a=F("debut") + length)
        .filter(finit_a__gt=reunion.debut)
        .exclude(pk=reunion.pk)
        .exclude(statut=Reunion.Statut.ANNULEE)
        .select_related("instance__convention__territoire")
        .order_by("debut", "pk")
    )
    by_instance: dict[int, list[Reunion]] = {}
    for autre in autres:
        by_instance.setdefault(autre.instance_id, []).append(autre)
    if not by_instance:
        return []
    same_person = (Q(user__isnull=False) & Q(user=OuterRef("user"))) | (
        ~Q(nom="") & Q(organisation=OuterRef("organisation"), nom__iexact=OuterRef("nom"))
    )
    here = MembreInstance.objects.filter(same_person, instance=reunion.instance_id)
    sieges = MembreInstance.objects.filter(Exists(here), instance__in=by_instance).select_related("user")
    found = []
    for siege in sieges.order_by("nom", "pk"):
        for elsewhere in by_instance[siege.instance_id]:
            readable = bool(roles_on(user, elsewhere.convention.pk))
            ailleurs = f"{elsewhere}, {elsewhere.convention.territoire.nom_court}" if readable else ""
            url = elsewhere.get_absolute_url() if readable else ""
            found.append(Conflit(siege.nom or str(siege.user), elsewhere.debut, ailleurs, url))
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
