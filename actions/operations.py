"""What ties a row of ``conventions`` to a fiche: it is done from above."""

from django.db import transaction

from actions.models import FicheAction, Imputation
from conventions.models import Financement


@transaction.atomic
def impute(*, financement: Financement, fiche: FicheAction | None) -> None:
    """Say that ``financement`` pays ``fiche``, or no fiche any more. A line pays one fiche at most."""
    if fiche is None:
        Imputation.objects.filter(financement=financement).delete()
    else:
        Imputation.objects.update_or_create(financement=financement, defaults={"fiche": fiche})
