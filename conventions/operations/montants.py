"""A CTG and the contracts that share its plan, read side by side."""

from dataclasses import dataclass

from django.db.models import Sum

from conventions.models import Convention, Financement, Montants
from conventions.permissions import all_roles
from ctg_portal.models import User


@dataclass(frozen=True)
class MontantsContrat:
    """``total`` is ``None`` when the person may not open the contract: it is named, its money is not."""

    contrat: Convention
    total: Montants | None


@dataclass(frozen=True)
class MontantsContrats:
    lignes: list[MontantsContrat]
    total: Montants

    @property
    def caches(self) -> int:
        """Contracts whose money is not in the total."""
        return sum(ligne.total is None for ligne in self.lignes)


def montants_par_contrat(*, convention: Convention, user: User) -> MontantsContrats | None:
    """What the CTG and each contract under it bring, all years together; ``None`` for a CTG alone.

    Two queries, besides the person's roles (read once a request).
    """
    contrats = list(convention.contrats_lies.select_related("territoire").order_by("debut", "pk"))
    if not contrats:
        return None
    roles = all_roles(user)
    ouverts = [contrat.pk for contrat in contrats if contrat.pk in roles]
    sums = {
        row["convention"]: Montants(row["p"], row["n"], row["v"])
        for row in Financement.objects.filter(convention__in=[convention.pk, *ouverts])
        .order_by()
        .values("convention")
        .annotate(p=Sum("prevu"), n=Sum("notifie"), v=Sum("verse"))
    }
    lignes = [
        MontantsContrat(contrat, sums.get(contrat.pk, Montants()) if is_open else None)
        for contrat, is_open in [(convention, True), *((row, row.pk in ouverts) for row in contrats)]
    ]
    total = sum((ligne.total for ligne in lignes if ligne.total), Montants())
    return MontantsContrats(lignes, total)
