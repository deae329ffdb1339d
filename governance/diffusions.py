"""The minutes that go to the members: the version that both sides approved, and no other (ADR 0029)."""

from typing import Any

from django.db.models import Subquery

from ctg_portal.templatetags.portal import date_fr
from governance.models import CompteRendu, DocumentEmis, Envoi, Reunion, VisaCompteRendu

Statut = CompteRendu.Statut

MINUTES = (DocumentEmis.Nature.COMPTE_RENDU, DocumentEmis.Nature.RELEVE)
"""What a version of the minutes is frozen as."""


def carries_minutes(envoi: Envoi) -> bool:
    """Whether this sending gives the members the approved minutes of a meeting that is not locked yet."""
    return (
        CompteRendu.objects.filter(
            reunion=envoi.reunion_id, statut=Statut.APPROUVE, document__in=envoi.documents.all()
        )
        .exclude(reunion__statut=Reunion.Statut.DIFFUSEE)
        .exists()
    )


def approvals_of(documents: Any) -> str:
    """« Le compte rendu a été approuvé par … et par … », of the minutes among ``documents`` (a queryset, or keys)."""
    visas = VisaCompteRendu.objects.filter(
        document__in=documents, sens=VisaCompteRendu.Sens.APPROUVE
    ).order_by("-cote")
    said = [
        f"{'l’intercommunalité' if visa.cote == VisaCompteRendu.Cote.EPCI else 'la CAF'} ({visa.signataire}, le {date_fr(visa.le)})"
        for visa in visas
    ]
    return f"Le compte rendu a été approuvé par {' et par '.join(said)}." if said else ""


def sendable(reunion: Reunion) -> Any:
    """Keys of the documents that go to the members with the minutes: the approved version and its relevé."""
    approved = CompteRendu.objects.filter(reunion=reunion, statut__in=(Statut.APPROUVE, Statut.DIFFUSE))
    documents = DocumentEmis.objects.filter(reunion=reunion, nature__in=MINUTES)
    version = Subquery(approved.values("document__version")[:1])
    return documents.filter(version=version).values_list("pk", flat=True)


def carries_other_minutes(envoi: Envoi) -> bool:
    """Whether a version that is not the approved one goes with it: never submitted to the end, taken back, replaced."""
    return envoi.documents.filter(nature__in=MINUTES).exclude(pk__in=sendable(envoi.reunion)).exists()
