"""The people expected at a meeting, copied from the seats, and the papers that name them."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from conventions.models import Impression
from conventions.operations.impressions import ask_impression
from ctg_portal.documents import image_data
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError
from governance.emissions import issue_document
from governance.invitations import quand
from governance.models import DocumentEmis, MembreInstance, Presence, Reunion
from governance.models.composition import Ecart, by_structure, copied_from, gap_with_instance
from governance.models.reunion import STATUTS_A_VENIR

LIGNES_LIBRES = 6
"""Blank rows at the end of a feuille d'émargement, for those nobody expected."""


def seats_of(reunion: Reunion) -> list[MembreInstance]:
    """Today's seats of its instance. One query."""
    return list(reunion.instance.membres.select_related("organisation", "user"))


def gap_of(reunion: Reunion, presences: list[Presence]) -> Ecart:
    """What preparing the list again would change; in session, only who is missing from it. One query."""
    ecart = gap_with_instance(presences, seats_of(reunion))
    return ecart if reunion.is_repondable else Ecart(ecart.ajoutes, [], [])


@transaction.atomic
def prepare_presences(reunion: Reunion) -> Ecart:
    """Copy the seats of the instance, or bring the copy up to date; give what changed. Doing it twice changes nothing.

    Somebody else in a seat is somebody else: their answer is waited for, at a new address. People invited besides stay.
    In session nobody is taken away or replaced: what was seen of them, and their pouvoirs, would go. Raise ``TransitionError`` once the meeting was held or cancelled: what it was stays.
    """
    reunion = Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=reunion.pk)
    if reunion.statut not in STATUTS_A_VENIR:
        raise TransitionError(
            f"La réunion est « {reunion.get_statut_display().lower()} » : la liste des personnes attendues ne change plus."
        )
    presences = list(reunion.presences.all())
    membres = seats_of(reunion)
    ecart = gap_of(reunion, presences)
    Presence.objects.filter(pk__in=[row.pk for row in ecart.partis]).delete()
    rank = {membre.pk: ordre for ordre, membre in enumerate(membres, start=1)}
    for row, membre in ecart.changes:
        values = copied_from(membre, rank[membre.pk])
        if is_somebody_else(row, values):
            # What the other was sent and answered is not theirs.
            row.delete()
            Presence.objects.create(reunion=reunion, membre=membre, **values)
            continue
        # An address noted for this meeting stays.
        values["email"] = row.email or values["email"]
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    for membre in ecart.ajoutes:
        Presence.objects.create(reunion=reunion, membre=membre, **copied_from(membre, rank[membre.pk]))
    if reunion.quorum != reunion.instance.quorum and (reunion.is_repondable or not presences):
        Reunion.objects.filter(pk=reunion.pk).update(quorum=reunion.instance.quorum)
    return ecart


def is_somebody_else(row: Presence, values: dict[str, Any]) -> bool:
    """Another name in the seat, or another account where there was no name; a name given at last is nobody else."""
    if row.nom:
        return bool(row.nom != values["nom"])
    return bool(row.user_id and row.user_id != values["user_id"])


def convocation_context(reunion: Reunion) -> dict[str, Any]:
    """What the convocation says, on screen and on paper."""
    return {
        "reunion": reunion,
        "convention": reunion.instance.convention,
        "quand": quand(reunion.debut, reunion.fin),
        "points": list(reunion.points.all()),
    }


def convocation_filename(reunion: Reunion, version: int) -> str:
    """« convocation-cazals-salviac-copil-2026-12-09-v1.pdf »."""
    return f"convocation-{_place(reunion)}-v{version}.pdf"


def _place(reunion: Reunion) -> str:
    territoire = slugify(reunion.instance.convention.territoire.nom_court)
    return f"{territoire}-{slugify(reunion.instance.nature.replace('_', '-'))}-{reunion.jour.isoformat()}"


def issue_convocation(reunion: Reunion, *, by: User) -> DocumentEmis:
    """The convocation as it is now, frozen: the last one when it says the same, else the next version.

    To call in a transaction that holds the meeting.
    """
    issued = DocumentEmis.objects.filter(reunion=reunion, nature=DocumentEmis.Nature.CONVOCATION)
    html = render_to_string("governance/pdf/convocation_contenu.html", convocation_context(reunion))
    last = issued.exclude(statut=DocumentEmis.Statut.ECHEC).order_by("-version").first()
    if last is not None and last.html == html:
        return last
    version = (issued.aggregate(last=Max("version"))["last"] or 0) + 1
    territoire = reunion.instance.convention.territoire
    titre = f"Convocation – {reunion}"
    frame = {
        "titre": titre,
        "contenu": html,
        "version": version,
        "territoire": territoire,
        "logo": image_data(territoire.logo),
        "date": timezone.localdate(),
        "reunion": reunion,
        "convention": reunion.instance.convention,
        "auteur": by,
    }
    return issue_document(
        convention=reunion.instance.convention,
        reunion=reunion,
        nature=DocumentEmis.Nature.CONVOCATION,
        titre=titre,
        version=version,
        nom_fichier=convocation_filename(reunion, version),
        html=html,
        source=render_to_string("governance/pdf/convocation.html", convocation_context(reunion) | frame),
        by=by,
    )


def emargement_html(reunion: Reunion) -> str:
    """The attendance sheet to print: people by organisation, a box to sign, blank rows."""
    territoire = reunion.instance.convention.territoire
    return render_to_string(
        "governance/pdf/emargement.html",
        {
            "titre": f"Feuille d’émargement – {reunion}",
            "reunion": reunion,
            "convention": reunion.instance.convention,
            "quand": quand(reunion.debut, reunion.fin),
            "territoire": territoire,
            "logo": image_data(territoire.logo),
            "date": timezone.localdate(),
            "structures": by_structure(reunion.presences.select_related("pouvoir_a")),
            "libres": range(LIGNES_LIBRES),
        },
    )


def ask_emargement(reunion: Reunion, *, by: User) -> Impression:
    """The attendance sheet as it is now, drawn in the background."""
    return ask_impression(
        convention=reunion.instance.convention,
        html=emargement_html(reunion),
        titre=f"Feuille d’émargement – {reunion}",
        nom_fichier=f"emargement-{_place(reunion)}.pdf",
        by=by,
    )
