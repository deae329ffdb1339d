"""What calls for attention on a convention: computed from its dates, said in words, in this one place.

The calendar, the home of the convention and the CAF's portfolio all read these sentences. Nothing here asks the
database: load the conventions by ``with_alertes()``.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce, JSONObject
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Equipement, Phase, Signataire
from conventions.models.convention import ConventionQuerySet, add_months
from conventions.models.equipement import COF_BIENTOT_MOIS
from ctg_portal.templatetags.portal import date_fr, depuis, jours, periode

MOIS_FIN = {3: "trois", 6: "six", 12: "douze"}
"""Months before the end of a convention at which the sentence changes, the nearest first."""
MOIS_ECHEANCE = 6
"""Months before the end of a linked contract from which it is said."""
NOMS = 3
"""Names a sentence gives before it counts the others."""


@dataclass(frozen=True)
class Alerte:
    """``nature``: fin, signatures, instance, phase, contrat or cof. ``is_pressing``: a date is already missed, or nearly."""

    nature: str
    texte: str
    url: str
    is_pressing: bool = False


def with_alertes(conventions: ConventionQuerySet) -> ConventionQuerySet:
    """Load what ``alertes_de`` reads: four queries beside that of the conventions, however many."""
    actuels = Signataire.objects.actuels().filter(convention=OuterRef("pk"))
    absents = actuels.filter(signe_le=None).order_by("ordre", "pk")
    sous_cof = Equipement.objects.en_service().filter(
        territoire=OuterRef("territoire"), cof_fin__isnull=False
    )
    loaded: ConventionQuerySet = (
        conventions.select_related("territoire", "suivante")
        .prefetch_related(
            "phases",
            Prefetch("contrats_lies", Convention.objects.order_by("fin", "pk")),
            "instances__reunions",
        )
        .annotate(
            rows_absents=ArraySubquery(absents.values("organisation__nom")),
            nb_actuels=Coalesce(
                Subquery(actuels.order_by().values("convention").annotate(n=Count("pk")).values("n")), 0
            ),
            rows_cof=ArraySubquery(
                sous_cof.order_by("cof_fin", "nom", "pk").values(row=JSONObject(nom="nom", fin="cof_fin"))
            ),
        )
    )
    return loaded


def alertes_de(convention: Convention) -> list[Alerte]:
    """The most pressing first; nothing on a convention that is close or résiliée."""
    if convention.is_fermee:
        return []
    found = [alerte for rule in REGLES for alerte in rule(convention)]
    return sorted(found, key=lambda alerte: not alerte.is_pressing)


def _calendrier(convention: Convention, ancre: str) -> str:
    return f"{reverse('conventions:calendrier', args=[convention.code])}#{ancre}"


def _fin(convention: Convention) -> Iterator[Alerte]:
    """The end comes, and who takes over: nobody, a convention in preparation, or one already signed (then all is well)."""
    fin, url = date_fr(convention.fin), _calendrier(convention, "calendrier")
    if not convention.is_commencee:
        return
    if convention.is_terminee:
        yield Alerte("fin", f"La convention est finie depuis le {fin}\u00a0: elle reste à clore.", url, True)
        return
    suivante: Convention | None = getattr(convention, "suivante", None)
    if suivante and suivante.statut not in (Convention.Statut.PREPARATION, Convention.Statut.RESILIEE):
        return
    mois = next((months for months in MOIS_FIN if convention.finit_dans(months)), None)
    if mois is None:
        return
    if suivante and suivante.statut == Convention.Statut.PREPARATION:
        suite = f"{suivante.sigle} {suivante.periode}"
        situation = {
            12: f"le renouvellement est en préparation ({suite}).",
            6: f"la {suite} est en préparation, il reste à la faire signer.",
            3: f"la {suite} n’est pas encore signée.",
        }
    else:
        situation = {
            12: "le renouvellement est à lancer.",
            6: "le renouvellement n’a pas commencé, il devrait être en préparation.",
            3: f"plus que {jours(convention.jours_restants)}, et aucune convention ne prend la suite.",
        }
    texte = f"Fin le {fin}, dans {MOIS_FIN[mois]} mois au plus\u00a0: {situation[mois]}"
    yield Alerte("fin", texte, url, mois == min(MOIS_FIN) or (mois == 6 and suivante is None))


def _signatures(convention: Any) -> Iterator[Alerte]:
    """Somebody has not signed, and the convention has begun."""
    absents: list[str] = convention.rows_absents
    if not absents or not convention.is_commencee:
        return
    n, noms = len(absents), ", ".join(absents[:NOMS])
    if n > NOMS:
        noms += f" et {n - NOMS} autre{'s' if n - NOMS > 1 else ''}"
    manque = "signature manque" if n == 1 else "signatures manquent"
    yield Alerte(
        "signatures",
        f"{n} {manque} sur {convention.nb_actuels} depuis le début, le {date_fr(convention.debut)}\u00a0: {noms}.",
        f"{convention.get_absolute_url()}#signataires",
        True,
    )


def _instances(convention: Convention) -> Iterator[Alerte]:
    """An instance has not met enough this year; read through the reverse relation, as ``Instance.veille`` says."""
    for instance in convention.instances.all():
        veille: Any = instance.veille
        if not veille.manque:
            continue
        nom = instance.sigle if instance.nature in ("copil", "cotech") else instance.intitule
        if veille.prochaine:
            suite = f"prévu{instance.accord} le {date_fr(veille.prochaine.jour)}."
        else:
            suite = f"à tenir avant le {date_fr(veille.avant_le)}, aucune date n’est prévue."
        yield Alerte("instance", f"{nom} {veille.annee}\u00a0: {suite}", instance.get_absolute_url())


def _phases(convention: Convention) -> Iterator[Alerte]:
    for phase in convention.phases.all():
        if texte := retard_de(phase):
            url = _calendrier(convention, "phases")
            yield Alerte("phase", f"Phase «\u00a0{phase}\u00a0»\u00a0: {texte}", url, phase.is_late_to_end)


def retard_de(phase: Phase) -> str:
    """How a phase is late, in words; empty when it is not."""
    if phase.is_late_to_end and phase.is_late_to_start:
        prevue = periode(phase.debut_prevu, phase.fin_prevue)
        return f"prévue {prevue}, ni son début ni sa fin ne sont inscrits."
    if phase.is_late_to_end:
        return f"elle devait finir le {date_fr(phase.fin_prevue)}, {depuis(phase.fin_prevue)}."
    if phase.is_late_to_start:
        return f"elle devait commencer le {date_fr(phase.debut_prevu)}, {depuis(phase.debut_prevu)}."
    return ""


def _contrats(convention: Convention) -> Iterator[Alerte]:
    """A contract that shares the plan ends before long."""
    for contrat in convention.contrats_lies.all():
        if not contrat.is_fermee and not contrat.is_terminee and contrat.finit_dans(MOIS_ECHEANCE):
            nom = f"{contrat.sigle} {contrat.periode}"
            texte = f"{nom}\u00a0: ce contrat lié finit le {date_fr(contrat.fin)}, {depuis(contrat.fin)}."
            yield Alerte("contrat", texte, f"{convention.get_absolute_url()}#contrats")


def _cof(convention: Any) -> Iterator[Alerte]:
    """The COF of an équipement in service has ended, or will before long; said by the CTG that runs now."""
    runs = convention.is_commencee and not convention.is_terminee
    if convention.nature != Convention.Nature.CTG or not runs:
        return
    today = timezone.localdate()
    for row in convention.rows_cof:
        fin = datetime.date.fromisoformat(row["fin"])
        if fin > add_months(today, COF_BIENTOT_MOIS):
            return
        expired = fin < today
        verbe = "a expiré" if expired else "finit"
        texte = f"La COF de «\u00a0{row['nom']}\u00a0» {verbe} le {date_fr(fin)}, {depuis(fin)}."
        filtre = "cof_expiree" if expired else "cof_bientot"
        registre = reverse("conventions:equipements", args=[convention.code])
        yield Alerte("cof", texte, f"{registre}?cof={filtre}", expired)


REGLES = (_fin, _signatures, _phases, _instances, _contrats, _cof)
