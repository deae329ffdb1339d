"""What ties the fiches of a plan together, and the files attached to them."""

from typing import Any

from actions.models import LienFiche, PieceJointe
from conventions.models import Habilitation
from ctg_portal.demo.conventions import Conventions
from ctg_portal.demo.reader import cells

Role = Habilitation.Role


class Travail(Conventions):
    def write_work(self, code: str, rows: list[dict[str, Any]]) -> None:
        """``liens``: lines of (nature, number of the other fiche); ``pieces``: lines of (title, date, words of the page)."""
        by = self.person(code, Role.COORDINATION)
        for row in rows:
            fiche = self.fiches[code, row["code"]]
            for nature, autre in row.get("liens", []):
                LienFiche.tie(fiche, nature, self.fiches[code, autre], by=by)
            for cell in row.get("pieces", []):
                titre, date, contenu = cells(cell, 3)
                piece = PieceJointe.objects.deposit(
                    self.draw(code, titre, contenu), by=by, fiche=fiche, titre=titre, date=self.day(date)
                )
                piece.full_clean()
