"""Rows for measurements: a CTG of 30 fiches on each EPCI of France, written in bulk. Nothing here is a fact.

Each département has its CAF and its adviser. The « CAF nationale d’essai » signs them all; the « CAF d’essai » signs
five, so that a measure gives the same adviser a large portfolio, then a small one.
"""

import datetime
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from actions.models import Axe, Etape, FicheAction, Note, PlanActions
from conventions.models import (
    Convention,
    Dispositif,
    Financement,
    Habilitation,
    Organisation,
    Phase,
    Signataire,
    Territoire,
)
from ctg_portal.models import User
from governance.models import Instance, Reunion

MARQUE = "benchmark"
"""A database whose name does not hold this word is never written."""
FICHES = 30
AXES = 4
PETIT = 5
CAF_NATIONALE = "CAF nationale d’essai"
CAF_PETITE = "CAF d’essai"
CONSEILLER = "conseil-national@example.org"
LOT = 2000
AVANCEMENTS = (*["en_cours"] * 4, *["realisee"] * 3, "a_venir", "a_venir", "en_pause")
REDACTIONS = (*["validee"] * 5, "en_relecture", "brouillon", "brouillon", "a_completer", "validee")


def refusal() -> str:
    """Why nothing may be written here, in a French sentence; empty when it may."""
    name = str(connection.settings_dict["NAME"])
    if not (settings.DEBUG or settings.DEMO):
        return "Refus : ces données ne se chargent qu’avec DEBUG ou DEMO."
    if MARQUE not in name:
        return f"Refus : le nom de la base (« {name} ») ne contient pas « {MARQUE} »."
    if Convention.objects.exists():
        return "Refus : la base contient déjà des conventions."
    if not Territoire.objects.exists():
        return "Refus : les intercommunalités manquent, lancez d’abord load_reference."
    return ""


def seed(number: int | None = None) -> int:
    """Write a CTG on ``number`` EPCI (all of them by default), whole or not at all; how many were written."""
    # Nobody asks the history of these rows: without its triggers they are written several times faster.
    with transaction.atomic(), pgtrigger.ignore():
        return Semis().run(number)


def _bulk(rows: Iterable[models.Model]) -> None:
    """Write rows of one model by lots, so that 40 000 fiches are never in memory together."""
    waiting = iter(rows)
    while lot := list(islice(waiting, LOT)):
        type(lot[0])._default_manager.bulk_create(lot)


class Semis:
    """Each value follows from the rank of its row: two runs of one day write the same rows."""

    def __init__(self) -> None:
        self.today = timezone.localdate()
        self.now = timezone.now().replace(minute=0, second=0, microsecond=0)

    def run(self, number: int | None) -> int:
        territoires = list(Territoire.objects.select_related("departement").order_by("siren")[:number])
        self.cafs = self.write_organisations(territoires)
        self.people = self.write_people()
        conventions = [self.convention(rank, territoire) for rank, territoire in enumerate(territoires)]
        Convention.objects.bulk_create(conventions, batch_size=LOT)
        _bulk(self.signataires(conventions))
        _bulk(row for rank, convention in enumerate(conventions) for row in self.phases(rank, convention))
        _bulk(self.financements(conventions))
        self.write_governance(conventions)
        self.write_plans(conventions)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return len(conventions)

    def write_organisations(self, territoires: list[Territoire]) -> dict[str, Organisation]:
        departements = {t.departement_id: t.departement for t in territoires}
        cafs = {
            code: Organisation(nom=f"CAF (essai) {nom}", nature=Organisation.Nature.CAF, departement=nom)
            for code, nom in sorted(departements.items())
        }
        for nom in (CAF_NATIONALE, CAF_PETITE):
            cafs[nom] = Organisation(nom=nom, nature=Organisation.Nature.CAF)
        Organisation.objects.bulk_create(cafs.values())
        return cafs

    def write_people(self) -> dict[str, User]:
        """One adviser a CAF, and one for all; nobody can log in with a password."""
        people = {}
        for code, caf in self.cafs.items():
            if code == CAF_PETITE:
                continue
            email = CONSEILLER if code == CAF_NATIONALE else f"conseil-{code.lower()}@example.org"
            people[code] = User.objects.create_user(email, nom=f"Conseil, {caf.nom}")
            Habilitation.objects.create(user=people[code], role=Habilitation.Role.RELECTURE, organisation=caf)
        return people

    def convention(self, rank: int, territoire: Territoire) -> Convention:
        """Five years, in the first to the last of them."""
        debut = datetime.date(self.today.year - rank % 5, 1, 1)
        return Convention(
            code=f"essai-{territoire.siren}",
            nature=Convention.Nature.CTG,
            territoire=territoire,
            intitule=f"Convention territoriale globale de {territoire.nom}",
            debut=debut,
            fin=datetime.date(debut.year + 4, 12, 31),
            statut=Convention.Statut.EN_COURS,
        )

    def signataires(self, conventions: list[Convention]) -> Iterator[Signataire]:
        for rank, convention in enumerate(conventions):
            signing = [self.cafs[convention.territoire.departement_id], self.cafs[CAF_NATIONALE]]
            if rank < PETIT:
                signing.append(self.cafs[CAF_PETITE])
            for ordre, caf in enumerate(signing):
                signe_le = None if rank % 10 == 0 and ordre == 0 else convention.debut
                yield Signataire(convention=convention, organisation=caf, ordre=ordre, signe_le=signe_le)

    def phases(self, rank: int, convention: Convention) -> Iterator[Phase]:
        for ordre, nature in enumerate(("diagnostic", "plan", "mise_en_oeuvre")):
            debut = datetime.date(convention.debut.year + ordre, 1, 1)
            fin = datetime.date(convention.debut.year + ordre, 12, 31)
            done = fin < self.today and rank % 4
            yield Phase(
                convention=convention,
                ordre=ordre,
                nature=nature,
                debut_prevu=debut,
                fin_prevue=fin,
                debut_reel=debut if debut <= self.today else None,
                fin_reelle=fin if done else None,
            )

    def financements(self, conventions: list[Convention]) -> Iterator[Financement]:
        dispositifs = list(Dispositif.objects.all()[:3])
        for rank, convention in enumerate(conventions):
            for annee in (self.today.year - 1, self.today.year):
                for place, dispositif in enumerate(dispositifs):
                    yield Financement(
                        convention=convention,
                        exercice=annee,
                        financeur=self.cafs[convention.territoire.departement_id],
                        dispositif=dispositif,
                        beneficiaire=self.cafs[convention.territoire.departement_id],
                        prevu=100_000 + 37 * rank + place,
                        verse=90_000 + 41 * rank + place if annee < self.today.year else None,
                    )

    def write_governance(self, conventions: list[Convention]) -> None:
        """A COPIL and a COTECH each, with two meetings held and perhaps one to come."""
        instances = [
            Instance(convention=convention, nature=nature, intitule=intitule, ordre=ordre)
            for convention in conventions
            for ordre, (nature, intitule) in enumerate(
                (("copil", "Comité de pilotage"), ("cotech", "Comité technique"))
            )
        ]
        Instance.objects.bulk_create(instances, batch_size=LOT)
        _bulk(row for rank, instance in enumerate(instances) for row in self.reunions(rank, instance))

    def reunions(self, rank: int, instance: Instance) -> Iterator[Reunion]:
        for back in (400, 800):
            yield Reunion(
                instance=instance,
                debut=self.now - datetime.timedelta(days=back),
                statut=Reunion.Statut.DIFFUSEE,
            )
        if rank % 3 == 0:
            yield Reunion(
                instance=instance, debut=self.now - datetime.timedelta(days=1), statut=Reunion.Statut.TENUE
            )
        if rank % 4 == 0:
            yield Reunion(
                instance=instance,
                debut=self.now + datetime.timedelta(days=20),
                statut=Reunion.Statut.CONVOQUEE,
            )

    def write_plans(self, conventions: list[Convention]) -> None:
        plans = [
            PlanActions(
                convention=convention,
                statut="soumis" if rank % 6 == 0 else "adopte",
                adopte_le=None if rank % 6 == 0 else convention.debut,
            )
            for rank, convention in enumerate(conventions)
        ]
        PlanActions.objects.bulk_create(plans, batch_size=LOT)
        axes = [
            Axe(plan=plan, code=str(n + 1), intitule=f"Axe d’essai {n + 1}", ordre=n, couleur=n + 1)
            for plan in plans
            for n in range(AXES)
        ]
        Axe.objects.bulk_create(axes, batch_size=LOT)
        fiches: list[FicheAction] = []
        for rank, plan in enumerate(plans):
            fiches += [self.fiche(rank, n, plan, axes[rank * AXES + n % AXES]) for n in range(FICHES)]
            if len(fiches) >= LOT:
                self.write_fiches(fiches)
                fiches = []
        self.write_fiches(fiches)

    def fiche(self, rank: int, n: int, plan: PlanActions, axe: Axe) -> FicheAction:
        redaction = REDACTIONS[(rank + n) % len(REDACTIONS)]
        submitted = redaction in ("en_relecture", "validee")
        return FicheAction(
            plan=plan,
            axe=axe,
            ordre=n,
            code=f"{axe.code}.{n + 1}",
            intitule=f"Fiche d’essai {n + 1}",
            redaction=redaction,
            soumise_le=self.now if submitted else None,
            avancement=AVANCEMENTS[(rank + n) % len(AVANCEMENTS)],
            confidentielle=n == 7,
            echeance=self.today + datetime.timedelta(days=(rank * 7 + n * 31) % 700 - 60),
        )

    def write_fiches(self, fiches: list[FicheAction]) -> None:
        FicheAction.objects.bulk_create(fiches)
        auteur = self.people[CAF_NATIONALE]
        rows: list[tuple[type[models.Model], list[Any]]] = [
            (
                Etape,
                [
                    Etape(fiche=fiche, intitule=f"Étape {n + 1}", ordre=n, echeance=fiche.echeance)
                    for fiche in fiches
                    for n in range(2)
                ],
            ),
            (Note, [Note(fiche=fiche, texte="Note d’essai.", auteur=auteur) for fiche in fiches]),
        ]
        for model, made in rows:
            model._default_manager.bulk_create(made)
