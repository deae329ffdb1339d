"""Writes the five territories of the demonstration: conventions, diagnostics, plans, meetings and people."""

import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Greatest
from django.utils import timezone

from actions.models import Commentaire, FicheAction, Imputation, Note
from conventions.models import Convention, Habilitation
from ctg_portal.demo.conventions import Conventions
from ctg_portal.demo.convocations import Convocations
from ctg_portal.demo.diagnostics import Diagnostics
from ctg_portal.demo.gouvernance import Gouvernance
from ctg_portal.demo.histoire import Histoire
from ctg_portal.demo.notifications import tell_news
from ctg_portal.demo.plans import Plans
from ctg_portal.demo.reader import read, read_conventions
from ctg_portal.demo.relecture import Relecture
from ctg_portal.demo.territoires import Territoires
from ctg_portal.demo.travail import Travail
from governance.avis import sign_avis, version_lue
from governance.diagnostic import validate_diagnostic
from governance.documents import issue_dossier

Role = Habilitation.Role


def is_loaded() -> bool:
    return Convention.objects.filter(code__in=[row["code"] for row in read_conventions()]).exists()


def load() -> None:
    """Write the demonstration whole, or nothing of it. The reference data must be there."""
    with transaction.atomic():
        Loader(timezone.localdate()).run()


def count_rows() -> None:
    """Tell PostgreSQL how many rows there are now: what it believed of empty tables makes every later query crawl."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class Loader(
    Territoires, Travail, Conventions, Diagnostics, Plans, Relecture, Gouvernance, Convocations, Histoire
):
    """Writes the files in the order in which they name one another."""

    def run(self) -> None:
        rows = list(read_conventions())
        lists = read("territoires.toml")
        self.write_territoires(lists["territoires"])
        self.write_organisations(lists["organisations"])
        self.write_equipements(read("equipements.toml"))
        self.write_mandats(lists["mandats"])
        for row in rows:
            self.write_convention(row)
        self.write_accounts()
        count_rows()
        for row in rows:
            documents = self.write_documents(row["code"], row.get("documents", []))
            self.write_avenants(row["code"], row.get("avenants", []), documents)
        self.write_chiffres(read("chiffres.toml"))
        self.write_contents(rows)
        count_rows()
        self.write_modeles(read("modeles.toml")["modeles"])
        for row in rows:
            self.write_governance(row["code"], row)
        count_rows()
        self.date_news()
        self.write_histoire()
        tell_news(self.calendar.today)
        for reunion, code in self.convoked:
            self.issued(issue_dossier(reunion, by=self.person(code, Role.COORDINATION)))
        for reunion, code, reponses in self.repondus:
            self.write_convocation(reunion, code, reponses)
        for avis, code, fonction in self.a_signer:
            signataire = self.person(code, Role.RELECTURE)
            self.issued(sign_avis(avis, by=signataire, fonction=fonction, lu=version_lue(avis)))
        self.write_suites()
        for diagnostic in self.a_valider:
            code = diagnostic.convention.code
            self.issued(validate_diagnostic(diagnostic, by=self.person(code, Role.COORDINATION)))

    def write_contents(self, rows: list[dict[str, Any]]) -> None:
        """Diagnostics and plans, and what ties money and comments to them."""
        for row in rows:
            if "diagnostic" in row:
                self.write_diagnostic(row["code"], row["diagnostic"])
        for row in rows:
            if "plan" in row:
                self.write_plan(row["code"], row)
        for financement, fiche in self.imputations:
            self.batch.add(Imputation(financement=financement, fiche=self.fiches[fiche]))
        self.batch.write()
        for row in rows:
            self.write_work(row["code"], row.get("fiches", []))
        for comment, moment in zip(self.comments, self.written, strict=True):
            comment.created_at = moment
        Commentaire.tous.bulk_update(self.comments, ["created_at"])
        self.write_relecture(read("relecture.toml"))

    def date_news(self) -> None:
        """Loading is no news: a note dates from its day, and a fiche from the last thing that happened to it."""
        notes = list(Note.objects.filter(fiche__in=self.fiches.values()))
        for note in notes:
            note.created_at = self.moment(note.date, 12)
        Note.objects.bulk_update(notes, ["created_at"])
        fiches = list(
            FicheAction.objects.filter(pk__in=[fiche.pk for fiche in self.fiches.values()])
            .select_related("plan__convention")
            .annotate(heard=Greatest(Max("notes__created_at"), Max("journal__created_at")))
        )
        for fiche in fiches:
            written = min(fiche.plan.convention.debut, self.calendar.today - datetime.timedelta(days=30))
            fiche.updated_at = fiche.heard or self.moment(written)
        FicheAction.objects.bulk_update(fiches, ["updated_at"])

    # Places and bodies
