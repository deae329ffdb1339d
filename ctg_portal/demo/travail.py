"""What ties the fiches of a plan together, the files attached to them, and the models they may start from."""

from typing import Any

from actions.models import LienFiche, ModeleFiche, PieceJointe
from actions.models.modeles import REPRIS
from conventions.models import Habilitation
from ctg_portal.demo.conventions import Conventions
from ctg_portal.demo.etat import pick
from ctg_portal.demo.reader import cells

Role = Habilitation.Role


MODELE = ("intitule", "usage", *REPRIS, "etapes", "indicateurs", "postes")


class Travail(Conventions):
    def write_modeles(self, rows: list[dict[str, Any]]) -> None:
        """Without ``organisation``, a model is national."""
        for row in rows:
            holder = self.organisations[row["organisation"]] if "organisation" in row else None
            modele = ModeleFiche(organisation=holder, **pick(row, *MODELE))
            modele.full_clean()
            modele.save()
            modele.domaines.set([self.domaines[name] for name in row.get("domaines", [])])

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
