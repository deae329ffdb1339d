"""What is expected of whoever pilots a fiche, the most pressing first."""

import datetime
from typing import NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateField,
    F,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest
from django.urls import reverse
from django.utils import timezone

from actions.models.fiche import (
    AVANCEMENTS_FINIS,
    Avancement,
    Etape,
    FicheAction,
    FicheActionQuerySet,
    Redaction,
    Transition,
)
from actions.models.parts import Bilan, Note
from conventions.models import Convention
from ctg_portal.models import User

SILENCE = datetime.timedelta(days=182)
"""Six months: an action without news for as long is asked after."""
CONVENTIONS_FERMEES = (Convention.Statut.CLOSE, Convention.Statut.RESILIEE)


class Attente(NamedTuple):
    """One thing expected: how pressing (0 first), since when, a sentence, where it is done and what the button says."""

    rang: int
    depuis: datetime.date
    code: str
    phrase: str
    url: str
    action: str


def with_nouvelles(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """Annotate ``derniere_nouvelle``: the day of the last note, bilan, step done or change of avancement.

    Without any, the day it was written here, or its start if that came later.
    """
    mine = OuterRef("pk")

    def last(rows: QuerySet, column: str) -> Subquery:
        found = rows.filter(fiche=mine).order_by().values("fiche").annotate(le=Max(column))
        return Subquery(found.values(jour=Cast("le", DateField())), output_field=DateField())

    news = Greatest(
        last(Note.objects.all(), "date"),
        last(Bilan.objects.all(), "updated_at"),
        last(Etape.objects.all(), "faite_le"),
        last(Transition.objects.filter(champ=Transition.Champ.AVANCEMENT), "created_at"),
    )
    return fiches.annotate(
        derniere_nouvelle=Coalesce(news, Greatest(Cast("created_at", DateField()), F("debut")))
    )


def silent(fiches: FicheActionQuerySet, today: datetime.date | None = None) -> FicheActionQuerySet:
    """Actions under way, or that should have begun, without news for six months."""
    return with_nouvelles(followed(fiches)).filter(_silence(today or timezone.localdate()))


def _silence(today: datetime.date) -> Q:
    """On fiches that are followed, with their ``derniere_nouvelle``."""
    since = today - SILENCE
    running = Q(avancement=Avancement.EN_COURS) | Q(avancement=Avancement.A_VENIR, debut__lte=since)
    return running & Q(derniere_nouvelle__lte=since)


def followed(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """Those of open conventions, neither archived nor finished."""
    return (
        fiches.actives()
        .exclude(avancement__in=AVANCEMENTS_FINIS)
        .exclude(plan__convention__statut__in=CONVENTIONS_FERMEES)
    )


def annee_du_bilan(today: datetime.date) -> int:
    """The year whose bilan is expected: the year that ends from December on, the last one before."""
    return today.year if today.month == 12 else today.year - 1


def piloted_by(user: User) -> list[FicheAction]:
    """The fiches that ``user`` pilots, all conventions together, each with its ``attentes``; the most pressing first."""
    mine = FicheAction.objects.visible_to(user).actives().filter(pilotes__user=user)
    today = timezone.localdate()
    annee = annee_du_bilan(today)
    fiches = (
        with_nouvelles(mine)
        .select_related("plan__convention__territoire", "axe", "objectif")
        .prefetch_related(
            "pilotes",
            Prefetch("etapes", Etape.objects.filter(faite_le=None).order_by("echeance", "ordre", "pk")),
            Prefetch("journal", Transition.objects.select_related("by")),
        )
        .with_late()
        .annotate(
            is_silent=Case(
                When(_silence(today), then=Value(True)), default=Value(False), output_field=BooleanField()
            ),
            nb_bilans=Count("bilans", filter=Q(bilans__annee=annee), distinct=True),
            nb_attendent=Count(
                "commentaires",
                # A join does not go through the manager: the CAF's own notes are left out here.
                filter=Q(commentaires__portee="equipe", commentaires__etat="ouvert")
                & ~Q(commentaires__auteur=user),
                distinct=True,
            ),
        )
    )
    found = list(fiches)
    for fiche in found:
        fiche.attentes = attentes_de(fiche, user)  # type: ignore[attr-defined]  # read by the page
    calm = datetime.date.max
    return sorted(
        found,
        key=lambda fiche: (
            (fiche.attentes[0].rang, fiche.attentes[0].depuis)  # type: ignore[attr-defined]  # put there above
            if fiche.attentes  # type: ignore[attr-defined]  # put there above
            else (99, fiche.echeance or calm),
            fiche.pk,
        ),
    )


def attentes_de(fiche: FicheAction, user: User) -> list[Attente]:
    """What is expected of ``user`` on a fiche loaded by ``piloted_by``."""
    if fiche.convention.statut in CONVENTIONS_FERMEES:
        return []
    found = [*_on_text(fiche, user), *_on_dates(fiche, user)]
    return sorted(found, key=lambda attente: (attente.rang, attente.depuis))


def _on_text(fiche: FicheAction, user: User) -> list[Attente]:
    page = fiche.get_absolute_url()
    writes = user.has_perm("actions.change_ficheaction", fiche)
    found = []
    today = timezone.localdate()
    if fiche.redaction == Redaction.A_COMPLETER:
        renvoi = fiche.dernier_renvoi
        le = timezone.localdate(renvoi.created_at) if renvoi else today
        par = f" par {renvoi.by}" if renvoi else ""
        phrase = f"Des compléments sont demandés{par}."
        found.append(Attente(0, le, "a_completer", phrase, page, "Compléter" if writes else "Lire"))
    if n := fiche.nb_attendent:  # type: ignore[attr-defined]  # annotated
        phrase = (
            "Un commentaire attend une réponse." if n == 1 else f"{n} commentaires attendent une réponse."
        )
        found.append(Attente(3, today, "commentaire", phrase, f"{page}#commentaires", "Répondre"))
    if fiche.redaction == Redaction.BROUILLON and writes:
        phrase = "Le texte est en brouillon : il n’est pas encore envoyé à la CAF."
        found.append(Attente(6, today, "brouillon", phrase, page, "Rédiger"))
    return found


def _on_dates(fiche: FicheAction, user: User) -> list[Attente]:
    today = timezone.localdate()
    follows = user.has_perm("actions.follow_ficheaction", fiche)
    here = [fiche.convention.code, fiche.pk]
    url = reverse("actions:fiche_nouvelles", args=here) if follows else fiche.get_absolute_url()
    action = "Donner des nouvelles" if follows else "Lire"
    found = []
    if not fiche.is_finie:
        if fiche.echeance and fiche.echeance < today:
            phrase = f"L’échéance est passée depuis {_days(today - fiche.echeance)}."
            found.append(Attente(1, fiche.echeance, "echeance", phrase, url, action))
        for etape in fiche.etapes.all():
            if etape.echeance and etape.echeance < today:
                phrase = f"L’étape « {etape} » est en retard de {_days(today - etape.echeance)}."
                found.append(Attente(2, etape.echeance, "etape", phrase, url, action))
                break
        if fiche.is_silent:  # type: ignore[attr-defined]  # annotated
            depuis = fiche.derniere_nouvelle  # type: ignore[attr-defined]  # annotated
            phrase = f"Aucune nouvelle depuis {(today - depuis).days // 30} mois."
            found.append(Attente(4, depuis, "silence", phrase, url, action))
    annee = annee_du_bilan(today)
    if follows and _owes_bilan(fiche, annee):
        url_bilan = reverse("actions:bilan_edit", args=[*here, annee])
        phrase = f"Le bilan {annee} n’est pas écrit."
        found.append(
            Attente(5, datetime.date(annee, 12, 31), "bilan", phrase, url_bilan, f"Écrire le bilan {annee}")
        )
    return found


def _days(delta: datetime.timedelta) -> str:
    return "1 jour" if delta.days == 1 else f"{delta.days} jours"


def _owes_bilan(fiche: FicheAction, annee: int) -> bool:
    """The action was under way that year, which the convention covers, and nothing is written of it."""
    if fiche.nb_bilans or annee not in fiche.convention.annees:  # type: ignore[attr-defined]  # annotated
        return False
    if fiche.avancement in (Avancement.A_VENIR, Avancement.ABANDONNEE):
        return False
    if fiche.debut and fiche.debut.year > annee:
        return False
    return fiche.fin_reelle is None or fiche.fin_reelle.year >= annee
