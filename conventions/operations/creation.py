"""A new convention with its signatories, its partners and who coordinates it: all of it, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pghistory
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conventions.models import (
    Commune,
    Convention,
    Departement,
    Domaine,
    Habilitation,
    Organisation,
    Partenaire,
    Signataire,
    Territoire,
)
from conventions.models.convention import convention_code
from conventions.operations.noms import de_departement, de_lieu
from conventions.permissions import coordinates_creation
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

Nature = Organisation.Nature
INSTITUTIONS = (Nature.CAF, Nature.MSA, Nature.DEPARTEMENT, Nature.ETAT)


@dataclass(frozen=True)
class Candidat:
    """Who may sign: ``organisation`` has no key when the directory does not hold it yet."""

    cle: str
    organisation: Organisation

    @property
    def libelle(self) -> str:
        return str(self.organisation) if self.organisation.pk else f"{self.organisation} (à inscrire)"


@dataclass(frozen=True)
class Candidats:
    """``proposes``: keys of those who nearly always sign, the intercommunalité and the only CAF."""

    institutions: list[Candidat]
    communes: list[Candidat]
    proposes: list[str] = field(default_factory=list)

    def by_key(self) -> dict[str, Organisation]:
        return {row.cle: row.organisation for row in (*self.institutions, *self.communes)}


def candidates(territoire: Territoire) -> Candidats:
    """The bodies that usually sign on ``territoire``, known or made from the reference data; three queries."""
    known = list(
        Organisation.objects.actives().filter(departement=territoire.departement_id, nature__in=INSTITUTIONS)
    )
    epci = Organisation.objects.actives().filter(territoire=territoire).first() or _epci(territoire)
    institutions = [_candidat(epci, "nouvelle-epci")]
    proposes = [institutions[0].cle]
    for nature in INSTITUTIONS:
        rows = [row for row in known if row.nature == nature] or [
            _institution(nature, territoire.departement)
        ]
        found = [_candidat(row, f"nouvelle-{nature.value}") for row in rows]
        institutions += found
        if nature == Nature.CAF and len(found) == 1:
            proposes.append(found[0].cle)
    communes = [
        _candidat(_of_commune(commune) or _commune(commune), f"commune-{commune.code}")
        for commune in territoire.communes.select_related("organisation")
    ]
    return Candidats(institutions, communes, proposes)


def _candidat(organisation: Organisation, cle: str) -> Candidat:
    return Candidat(f"organisation-{organisation.pk}" if organisation.pk else cle, organisation)


def _of_commune(commune: Commune) -> Organisation | None:
    return getattr(commune, "organisation", None)


def _epci(territoire: Territoire) -> Organisation:
    nature = Nature.SYNDICAT if territoire.nature == Territoire.Nature.SYNDICAT else Nature.EPCI
    return Organisation(
        nom=territoire.nom,
        nature=nature,
        siren=territoire.siren,
        territoire=territoire,
        departement=territoire.departement,
    )


def _institution(nature: str, departement: Departement) -> Organisation:
    de = de_departement(departement)
    noms = {
        Nature.CAF: f"CAF {de}",
        Nature.MSA: f"MSA {de}",
        Nature.DEPARTEMENT: f"Département {de}",
        Nature.ETAT: f"État – Préfecture {de}",
    }
    return Organisation(nom=noms[Nature(nature)], nature=nature, departement=departement)


def _commune(commune: Commune) -> Organisation:
    return Organisation(
        nom=f"Commune {de_lieu(commune.nom)}",
        nature=Nature.COMMUNE,
        siren=commune.siren,
        commune=commune,
        departement_id=commune.departement_id,
    )


def same_convention(convention: Convention) -> Convention | None:
    """The contract that ``convention`` would write a second time: same territoire, nature, period, title and number."""
    return (
        Convention.objects.filter(
            territoire=convention.territoire_id,
            nature=convention.nature,
            debut=convention.debut,
            fin=convention.fin,
            intitule=convention.intitule,
            numero=convention.numero,
            statut=Convention.Statut.PREPARATION,
        )
        .select_related("territoire")
        .first()
    )


@transaction.atomic
def create_convention(
    *,
    convention: Convention,
    signataires: Sequence[Organisation],
    partenaires: Iterable[Organisation] = (),
    domaines: Iterable[Domaine] = (),
    by: User,
) -> Convention:
    """Write ``convention`` (not saved yet) and all around it; organisations without a key enter the directory.

    Sent twice, the same contract is written once: the one that exists is given back. Raise ``TransitionError``
    when the database refuses it, or when ``by`` could not open it afterwards.
    """
    # One creation at a time in a département: neither the contract nor its CAF is written twice.
    departement = convention.territoire.departement_id
    Departement.objects.select_for_update(no_key=True).get(pk=departement)
    if existing := same_convention(convention):
        return _opened(existing, by)
    convention.code = _free_code(convention)
    try:
        convention.full_clean()
        with transaction.atomic(), pghistory.context(par=by.pk):
            convention.save(force_insert=True)
            convention.domaines.set(domaines)
            Signataire.objects.bulk_create(
                Signataire(convention=convention, organisation=_written(organisation), ordre=ordre)
                for ordre, organisation in enumerate(signataires)
            )
            Partenaire.objects.bulk_create(
                Partenaire(convention=convention, organisation=organisation, ordre=ordre)
                for ordre, organisation in enumerate(partenaires)
            )
            if coordinates_creation(by, convention.territoire, convention.principale):
                Habilitation.objects.create(
                    user=by, role=Habilitation.Role.COORDINATION, convention=convention
                )
    except ValidationError as error:
        raise TransitionError(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise TransitionError(
            "Une autre personne vient d’écrire une convention ou une organisation semblable : recommencez."
        ) from error
    return _opened(convention, by)


def _opened(convention: Convention, by: User) -> Convention:
    if not Convention.objects.visible_to(by).filter(pk=convention.pk).exists():
        raise TransitionError(
            "Cette convention ne vous serait pas ouverte : cochez votre CAF parmi les signataires."
        )
    return convention


def _free_code(convention: Convention) -> str:
    base = convention_code(convention.territoire, convention.nature, convention.debut)
    taken = set(Convention.objects.filter(code__startswith=base).values_list("code", flat=True))
    return next(
        code for code in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if code not in taken
    )


def _written(organisation: Organisation) -> Organisation:
    """The row of the directory: one that was written meanwhile is taken as it is."""
    if organisation.pk:
        return organisation
    known = Organisation.objects.actives()
    if organisation.commune_id:
        found = known.filter(commune=organisation.commune_id).first()
    elif organisation.territoire_id:
        found = known.filter(territoire=organisation.territoire_id).first()
    else:
        found = known.filter(nature=organisation.nature, departement=organisation.departement_id).first()
    if found is None:
        organisation.full_clean()
        organisation.save()
        return organisation
    return found
