"""What may be chosen inside one convention, read once and shared by the rows of a formset."""

from itertools import groupby

from django.db.models import Exists, OuterRef, Q

from actions.models import FicheAction
from conventions.models import Organisation, Partenaire, Signataire

CHOISIR = ("", "Choisir…")


def fiches_of(convention, user):
    """Fiches of the convention that ``user`` may see, in the order of the plan."""
    return (
        FicheAction.objects.visible_to(user)
        .filter(plan__convention=convention)
        .select_related("axe")
        .in_plan_order()
    )


def fiche_choices(fiches, label=str):
    """Choices grouped by axe."""
    return [
        (str(axe), [(fiche.pk, label(fiche)) for fiche in rows])
        for axe, rows in groupby(fiches, key=lambda fiche: fiche.axe)
    ]


def fiche_with_avancement(fiche):
    return f"{fiche} ({fiche.get_avancement_display().lower()})"


def organisations_of(convention):
    """Organisations that may sit in an instance: signatories, partners, and those of the département."""
    territoire = convention.territoire
    signs = Exists(Signataire.objects.filter(convention=convention, organisation=OuterRef("pk")))
    takes_part = Exists(Partenaire.objects.filter(convention=convention, organisation=OuterRef("pk")))
    return (
        Organisation.objects.annotate(signe=signs, participe=takes_part)
        .filter(
            Q(signe=True)
            | Q(participe=True)
            | Q(departement=territoire.departement_id)
            | Q(commune__departement=territoire.departement_id)
            | Q(territoire__departement=territoire.departement_id)
        )
        .order_by("nom", "pk")
    )


def organisation_choices(organisations):
    """Choices grouped by what ties the organisation to the convention."""
    groups = {"Signataires": [], "Partenaires": [], "Dans le département": []}
    for organisation in organisations:
        tie = (
            "Signataires"
            if organisation.signe
            else "Partenaires"
            if organisation.participe
            else "Dans le département"
        )
        groups[tie].append((organisation.pk, str(organisation)))
    return [CHOISIR, *((title, rows) for title, rows in groups.items() if rows)]
