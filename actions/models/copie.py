"""Copying a fiche into a plan, its own or that of another convention: what is carried, what cannot be."""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import pghistory
from django.db import models, transaction

from actions.models.fiche import Etape, FicheAction, Pilote
from actions.models.liens import LienFiche
from actions.models.parts import IndicateurSuivi, LigneBudget, LigneFinancement, PartenaireFiche
from actions.models.pieces import PieceJointe
from actions.models.plan import Axe, Objectif, PlanActions
from actions.models.sections import SECTIONS
from conventions.models import Organisation, people_of
from ctg_portal.models import User

SECTIONS_COPIEES = tuple(section for section in SECTIONS if section.slug not in ("identite", "suivi"))
"""What the person may leave out; who the fiche is goes with it, and its follow-up never does."""

# The élus set it for one fiche (priorite); what was done stays with what did it (fin_reelle).
NON_COPIES = frozenset({"code", "intitule", "objectif", "axe", "priorite", "fin_reelle"})
# Who answers for the action on one territoire does not on another.
DU_TERRITOIRE = {
    "elu_referent": "élu·e référent·e",
    "referent_caf": "référent·e CAF",
    "referent_msa": "référent·e MSA",
    "equipe_projet": "équipe projet",
}


def next_code(plan: PlanActions, parent: Axe | Objectif) -> str:
    """« 2.1.4 » when 2.1 already has three: the first number that no fiche of the plan carries, archived ones included."""
    return free_code(parent, set(FicheAction.objects.filter(plan=plan).values_list("code", flat=True)))


def free_code(parent: Axe | Objectif, taken: Collection[str]) -> str:
    """The same, when the codes of the plan are known."""
    rank = 1
    while (code := f"{parent.code}.{rank}"[:20]) in taken and rank < 1000:
        rank += 1
    return code


Partie = Etape | Pilote | PartenaireFiche | LigneBudget | LigneFinancement | IndicateurSuivi


class Copie(NamedTuple):
    fiche: FicheAction
    laisses: list[str]
    """What was not carried, in French sentences."""


class Tri:
    """What of ``source`` has its place in ``plan``. Read once; ``laisses`` says what has not."""

    def __init__(self, source: FicheAction, plan: PlanActions, sections: Collection[str]) -> None:
        self.source = source
        self.plan = plan
        self.sections = sections
        self.ailleurs = source.plan_id != plan.pk
        self.laisses: list[str] = []
        convention = plan.convention
        self.organisations = set(
            Organisation.objects.for_convention(convention).values_list("pk", flat=True)
            if self.ailleurs
            else Organisation.objects.values_list("pk", flat=True)
        )
        self.annees = range(convention.debut.year, convention.fin.year + 1)

    def has(self, section: str) -> bool:
        return section == "identite" or section in self.sections

    def leave(self, what: str, names: Iterable[object]) -> None:
        if shown := [str(name) for name in names]:
            self.laisses.append(f"{what}\u00a0: {', '.join(shown)}.")

    def columns(self) -> dict[str, object]:
        """The values of the fiche's own columns."""
        found: dict[str, object] = {}
        for section in SECTIONS:
            if section.slug == "suivi" or not self.has(section.slug):
                continue
            for name in section.champs:
                field = FicheAction._meta.get_field(name)
                if name not in NON_COPIES and not isinstance(field, models.ManyToManyField):
                    found[field.attname if isinstance(field, models.ForeignKey) else name] = getattr(
                        self.source, field.attname if isinstance(field, models.ForeignKey) else name
                    )
        structure = self.source.structure_pilote
        if structure and "structure_pilote_id" in found and structure.pk not in self.organisations:
            found["structure_pilote_id"] = None
            self.leave("Structure pilote, absente de l’annuaire de la convention", [structure])
        if self.ailleurs and self.has("equipe"):
            named = [label for name, label in DU_TERRITOIRE.items() if getattr(self.source, name)]
            self.leave("Propres au territoire d’origine", named)
            found |= dict.fromkeys(DU_TERRITOIRE, "")
        return found

    def ties(self) -> dict[str, list[models.Model]]:
        """What each many-to-many relation is set to."""
        source, plan = self.source, self.plan
        found: dict[str, list[models.Model]] = {"domaines": list(source.domaines.all())}
        if self.has("public"):
            found["publics"] = list(source.publics.all())
        members = (
            set(plan.convention.territoire.communes.values_list("pk", flat=True)) if self.ailleurs else None
        )
        found["communes"] = self._keep(
            "Communes d’un autre territoire",
            source.communes.all(),
            lambda row: members is None or row.pk in members,
        )
        found["cadres"] = self._keep(
            "Contrats liés d’une autre convention", source.cadres.all(), lambda row: not self.ailleurs
        )
        if self.has("contexte"):
            for name, what in (("constats", "Constats"), ("enjeux", "Enjeux")):
                found[name] = self._keep(
                    f"{what} du diagnostic d’origine",
                    getattr(source, name).all(),
                    lambda row: not self.ailleurs,
                )
        return found

    def _keep(
        self, what: str, rows: Iterable[models.Model], test: Callable[[models.Model], bool]
    ) -> list[models.Model]:
        rows = list(rows)
        kept = [row for row in rows if test(row)]
        self.leave(what, (row for row in rows if row not in kept))
        return kept

    def parts(self) -> list[Partie]:
        """The rows that hang on the fiche, not saved yet and without their fiche."""
        found: list[Partie] = []
        if self.has("modalites"):
            found += [
                Etape(
                    ordre=etape.ordre,
                    intitule=etape.intitule,
                    responsable=etape.responsable,
                    echeance=etape.echeance if self.has("calendrier") else None,
                )
                for etape in self.source.etapes.all()
            ]
        if self.has("equipe"):
            found += self._pilotes() + self._partenaires()
        if self.has("moyens"):
            found += self._money()
        if self.has("evaluation"):
            here = () if self.ailleurs else ("valeur_initiale", "date_initiale", "cible", "echeance_cible")
            found += [
                IndicateurSuivi(
                    **{name: getattr(row, name) for name in ("ordre", "intitule", "nature", "unite", *here)}
                )
                for row in self.source.indicateurs.all()
            ]
        return found

    def _pilotes(self) -> list[Partie]:
        rows = list(self.source.pilotes.select_related("user"))
        accounts = [row.user_id for row in rows if row.user_id]
        known = set(people_of(self.plan.convention).filter(pk__in=accounts).values_list("pk", flat=True))
        found: list[Partie] = []
        plain = []
        for row in rows:
            user = row.user if row.user_id in known else None
            # Never the address of somebody who gave no name.
            nom = "" if user else row.nom or (row.user.nom or row.user.fonction if row.user else "")
            if row.user and not user:
                plain.append(nom or "une personne sans nom, laissée de côté")
            if user or nom:
                found.append(Pilote(ordre=row.ordre, user=user, nom=nom, fonction=row.fonction))
        self.leave("Pilotes sans compte sur la convention, repris comme simples noms", plain)
        return found

    def _partenaires(self) -> list[Partie]:
        rows = list(self.source.partenaires.select_related("organisation"))
        known = [
            row for row in rows if row.organisation_id is None or row.organisation_id in self.organisations
        ]
        self.leave(
            "Partenaires absents de l’annuaire de la convention", (row for row in rows if row not in known)
        )
        return [
            PartenaireFiche(ordre=row.ordre, organisation_id=row.organisation_id, nom=row.nom, role=row.role)
            for row in known
        ]

    def _money(self) -> list[Partie]:
        """What was planned and asked; never what was spent or obtained."""
        found: list[Partie] = []
        outside = set()
        for ligne in self.source.lignes_budget.all():
            if ligne.annee in self.annees:
                found.append(
                    LigneBudget(
                        ordre=ligne.ordre,
                        annee=ligne.annee,
                        nature=ligne.nature,
                        intitule=ligne.intitule,
                        prevu=ligne.prevu,
                    )
                )
            else:
                outside.add(ligne.annee)
        absent = {}
        for financement in self.source.lignes_financement.select_related("financeur"):
            if financement.annee not in self.annees:
                outside.add(financement.annee)
            elif financement.financeur_id not in self.organisations:
                absent[financement.financeur_id] = financement.financeur
            else:
                found.append(
                    LigneFinancement(
                        ordre=financement.ordre,
                        annee=financement.annee,
                        financeur_id=financement.financeur_id,
                        dispositif_id=financement.dispositif_id,
                        demande=financement.demande,
                    )
                )
        self.leave("Lignes de budget et de financement hors de la période de la convention", sorted(outside))
        self.leave("Financeurs absents de l’annuaire de la convention", absent.values())
        return found


def _copy_piece(piece: PieceJointe, fiche: FicheAction, by: User) -> None:
    """The same file, which is never deleted, under a row of its own."""
    names = ("titre", "date", "nom_fichier", "type_mime", "taille", "sha256")
    fields = {name: getattr(piece, name) for name in names}
    PieceJointe.objects.create(fiche=fiche, auteur=by, fichier=piece.fichier.name, **fields)


@transaction.atomic
def copy_fiche(
    source: FicheAction,
    plan: PlanActions,
    *,
    axe: Axe,
    objectif: Objectif | None,
    after: FicheAction | None,
    intitule: str,
    code: str,
    sections: Collection[str],
    by: User,
    pieces: bool = False,
) -> Copie:
    """A new draft of ``plan``, à venir, tied to its origin; no comment, no journal, no measure, nothing spent.

    ``TransitionError`` when the chosen place is gone.
    """
    PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    tri = Tri(source, plan, sections)
    with pghistory.context(par=by.pk):
        fiche = FicheAction(
            **tri.columns(),
            plan=plan,
            axe=axe,
            objectif=objectif,
            ordre=FicheAction.objects.next_ordre(objectif, axe),
            intitule=intitule,
            code=code or next_code(plan, objectif or axe),
        )
        fiche.save()
        for name, rows in tri.ties().items():
            getattr(fiche, name).set(rows)
        for row in tri.parts():
            row.fiche = fiche
            row.save()
        for piece in source.pieces.courantes() if pieces else ():
            _copy_piece(piece, fiche, by)
        fiche.place(axe, objectif, after=after, by=by)
        LienFiche.tie(fiche, LienFiche.Nature.ISSUE, source, by=by)
    return Copie(fiche, tri.laisses)
