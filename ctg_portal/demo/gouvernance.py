"""Instances, meetings and decisions."""

from typing import Any

from actions.models import Transition
from conventions.models import Habilitation
from ctg_portal.demo.etat import Etat, pick, text
from ctg_portal.demo.reader import cells
from governance.models import Instance, MembreInstance, PointOrdreDuJour, Reunion
from governance.operations import EffetDemande, record_decision

Role = Habilitation.Role


class Gouvernance(Etat):
    def write_governance(self, code: str, row: dict[str, Any]) -> None:
        instances: dict[str, Instance] = {}
        for ordre, line in enumerate(row.get("instances", [])):
            instance = Instance(
                convention=self.conventions[code],
                ordre=ordre,
                **pick(line, "nature", "intitule", "role", "minimum_annuel", "quorum"),
            )
            instance.full_clean()
            instance.save()
            instances[line["cle"]] = instance
            for rank, cell in enumerate(line.get("membres", [])):
                organisation, fonction, voix, compte, email, qualite = cells(cell, 6)
                self.batch.add(
                    MembreInstance(
                        instance=instance,
                        ordre=rank,
                        organisation=self.organisations[organisation],
                        fonction=fonction,
                        nom=self.titulaires.get((organisation, fonction), ""),
                        voix=voix or MembreInstance.Voix.DELIBERATIVE,
                        qualite=qualite or MembreInstance.Qualite.TITULAIRE,
                        email=email,
                        user=self.person(code, compte) if compte else None,
                    )
                )
        self.batch.write()
        meetings = sorted(
            row.get("reunions", []), key=lambda line: self.day(line["date"]) or self.calendar.today
        )
        for line in meetings:
            self.write_reunion(code, instances[line["instance"]], line)

    def write_reunion(self, code: str, instance: Instance, row: dict[str, Any]) -> None:
        day = self.day(row["date"])
        statut = row["statut"]
        reunion = Reunion(
            instance=instance,
            debut=self.moment(day, row.get("heure", 14)),
            **pick(row, "duree", "lieu", "president", "secretaire", "notes"),
            # Decisions are written on a meeting held; its minutes go out afterwards.
            statut=Reunion.Statut.TENUE if statut == Reunion.Statut.DIFFUSEE else statut,
        )
        reunion.full_clean()
        reunion.save()
        if statut == Reunion.Statut.CONVOQUEE:
            self.convoked.append((reunion, code))
            if "reponses" in row:
                self.repondus.append((reunion, code, row["reponses"]))
        points = []
        for ordre, cell in enumerate(row.get("points", [])):
            intitule, visee, duree, rapporteur, contenu, fiches = cells(cell, 6)
            point = PointOrdreDuJour(
                reunion=reunion,
                ordre=ordre,
                intitule=intitule,
                visee=visee,
                duree=duree or None,
                rapporteur=rapporteur,
                texte=text(contenu),
            )
            points.append(self.batch.add(point))
            self.batch.link(point, "fiches", [self.fiches[code, numero] for numero in fiches or []])
        self.batch.write()
        coordination = self.person(code, Role.COORDINATION)
        for line in row.get("decisions", []):
            decision = record_decision(
                reunion=reunion,
                by=coordination,
                nature=line["nature"],
                texte=text(line["texte"]),
                point=points[line["point"] - 1] if "point" in line else None,
                responsable=line.get("responsable", ""),
                echeance=self.day(line.get("echeance")),
                effets=[
                    EffetDemande(self.fiches[code, numero], effet, self.day(echeance))
                    for numero, effet, echeance in (cells(cell, 3) for cell in line.get("effets", []))
                ],
            )
            Transition.objects.filter(
                fiche__in=decision.fiches.all(), motif__startswith=f"Décision {decision.numero} "
            ).update(created_at=reunion.fin)
            if realisee_le := self.day(line.get("realisee_le")):
                decision.realisee_le = realisee_le
                decision.save(update_fields=["realisee_le", "updated_at"])
        if statut == Reunion.Statut.DIFFUSEE:
            reunion.move_to(statut, by=coordination)
