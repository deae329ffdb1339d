from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from conventions.operations.reference import (
    REFERENCE_FILE,
    ReferenceFileError,
    load_reference,
    read_reference,
)


class Command(BaseCommand):
    help = "Charge les départements, les EPCI, les communes et les listes ; sans danger deux fois."

    def add_arguments(self, parser):
        parser.add_argument("--file", type=Path, default=REFERENCE_FILE, help="un autre fichier de référence")

    def handle(self, *args, **options):
        try:
            reference = read_reference(options["file"])
            bilan = load_reference(reference)
        except ReferenceFileError as error:
            raise CommandError(str(error)) from error
        if bilan.is_empty:
            self.stdout.write(f"Référence {reference.millesime} déjà en place : rien à changer.")
            return
        self.stdout.write(
            f"Référence {reference.millesime} ({reference.source}) : {bilan.departements} départements, "
            f"{bilan.territoires} EPCI et {bilan.communes} communes écrits, {bilan.rattachements} rattachements "
            f"ajoutés, {bilan.detachements} retirés, {bilan.listes} lignes de listes ajoutées."
        )
