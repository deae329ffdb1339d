"""The convocation of a meeting that left from the portal, and what people answered."""

import datetime
from typing import Any

from django.utils import timezone

from conventions.models import Habilitation
from ctg_portal.demo.etat import Etat
from ctg_portal.demo.reader import cells
from governance.convocations import issue_convocation, prepare_presences
from governance.envois import create_recipients, departure_of, recipients_of, told_facts
from governance.models import Destinataire, Envoi, Presence, Reunion
from governance.objets import subject_of

AVANT = datetime.timedelta(days=6)
"""How long ago it left."""


class Convocations(Etat):
    def write_convocation(self, reunion: Reunion, code: str, reponses: list[list[Any]]) -> None:
        """``reponses``: the function of who answers, what, and to whom a pouvoir is given."""
        by = self.person(code, Habilitation.Role.COORDINATION)
        prepare_presences(reunion)
        left = timezone.now() - AVANT
        envoi = self.sent(reunion, Envoi.Nature.CONVOCATION, by=by, left=left)
        document = issue_convocation(reunion, by=by)
        self.issued(document)
        envoi.documents.add(document)
        seats = {row.fonction: row for row in reunion.presences.all()}
        for rank, cell in enumerate(reponses):
            fonction, reponse, porteur, mot, notee = cells(cell, 5)
            seats[fonction].respond(
                reponse, pouvoir_a=seats[porteur] if porteur else None, mot=mot, by=by if notee else None
            )
            day = timezone.localdate(left) + datetime.timedelta(days=1 + rank // 2)
            answered = self.moment(day, 9 + rank)
            Presence.objects.filter(pk=seats[fonction].pk).update(repondu_le=answered)
        rappel = Envoi(
            reunion=reunion,
            nature=Envoi.Nature.RAPPEL,
            portee=Envoi.Portee.SANS_REPONSE,
            objet=subject_of(reunion, Envoi.Nature.RAPPEL),
            jours_avant=3,
            statut=Envoi.Statut.PROGRAMME,
            auteur=by,
        )
        rappel.part_le = departure_of(rappel)
        rappel.full_clean()
        rappel.save()

    def sent(self, reunion: Reunion, nature: str, *, by: Any, left: datetime.datetime) -> Envoi:
        envoi = Envoi(
            reunion=reunion,
            nature=nature,
            objet=subject_of(reunion, nature),
            statut=Envoi.Statut.PARTI,
            part_le=left,
            parti_le=left,
            auteur=by,
        )
        envoi.faits = told_facts(envoi, by=by)
        envoi.full_clean()
        envoi.save()
        create_recipients(envoi, recipients_of(envoi))
        waiting = envoi.destinataires.filter(statut=Destinataire.Statut.ATTENTE)
        waiting.update(statut=Destinataire.Statut.ENVOYE, envoye_le=left)
        return envoi
