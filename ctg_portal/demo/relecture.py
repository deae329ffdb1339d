"""What the CAF and the territoires say to each other: answers in threads, sections asked for, avis and their réserves."""

from typing import Any

from actions.models import Avis, Reserve
from conventions.models import Habilitation
from ctg_portal.demo.etat import Etat, text
from ctg_portal.demo.reader import cells

Role = Habilitation.Role


class Relecture(Etat):
    def write_relecture(self, rows: dict[str, Any]) -> None:
        """After the plans: threads and demands are written, and have their keys."""
        for commentaire, reponse, person in self.answers:
            commentaire.reply(by=person, texte=text(reponse))
        for line in rows["complements"]:
            demande = self.fiches[line["convention"], line["fiche"]].dernier_renvoi
            if demande is None:
                raise ValueError(f"Nothing is asked of {line['fiche']}.")
            for section in line["rubriques"]:
                demande.sections_demandees.create(section=section, par=demande.by)
        self.a_signer: list[tuple[Avis, str, str]] = []
        self.suites: list[tuple[Reserve, str, str, str]] = []
        for line in rows["avis"]:
            self.write_avis(line)

    def write_avis(self, line: dict[str, Any]) -> None:
        code = line["convention"]
        fiche = self.fiches[code, line["fiche"]]
        avis = fiche.plan.avis.ask(
            fiche.plan,
            fiche=fiche,
            by=self.person(code, Role.COORDINATION),
            echeance=self.day(line["echeance"]),
        )
        if "sens" not in line:
            return
        avis.sens, avis.texte = line["sens"], text(line["texte"])
        avis.save()
        for ordre, cell in enumerate(line.get("reserves", [])):
            texte, reponse, conclusion = cells(cell, 3)
            reserve = avis.reserves.create(texte=text(texte), ordre=ordre)
            self.suites.append((reserve, code, reponse, conclusion))
        self.a_signer.append((avis, code, line["fonction"]))

    def write_suites(self) -> None:
        """Once the avis are signed."""
        for reserve, code, reponse, conclusion in self.suites:
            if reponse:
                reserve.answer(by=self.person(code, Role.COORDINATION), texte=text(reponse))
            if conclusion:
                reserve.lift(by=self.person(code, Role.RELECTURE), texte=text(conclusion))
