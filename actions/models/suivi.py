"""What the page and the document of a fiche say of its steps, its money and its indicators; everything from loaded rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from actions.models.fiche import FicheAction


@dataclass(frozen=True)
class Suivi:
    """Facts of one fiche as ``for_screen()`` or ``for_page()`` load it: no query."""

    fiche: "FicheAction"

    @property
    def annees_sans_bilan(self) -> list[int]:
        """Years of the convention that have begun and have no bilan."""
        written = {bilan.annee for bilan in self.fiche.bilans.all()}
        this_year = timezone.localdate().year
        return [
            annee for annee in self.fiche.convention.annees if annee <= this_year and annee not in written
        ]
