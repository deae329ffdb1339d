from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from conventions.operations.reference import REFERENCE_FILE, ReferenceFileError, read_package, write_reference


class Command(BaseCommand):
    help = "Fait le fichier de référence à partir du paquet npm @etalab/decoupage-administratif (voir conventions/data/README.md)."

    def add_arguments(self, parser):
        parser.add_argument("dossier", type=Path, help="le dossier du paquet, où est package.json")
        parser.add_argument(
            "--millesime", type=int, required=True, help="l’année du découpage, 2026 pour 6.0.0"
        )
        parser.add_argument("--out", type=Path, default=REFERENCE_FILE)

    def handle(self, *args, **options):
        try:
            reference = read_package(options["dossier"], millesime=options["millesime"])
        except ReferenceFileError as error:
            raise CommandError(str(error)) from error
        write_reference(reference, options["out"])
        self.stdout.write(
            f"{options['out']} : {len(reference.departements)} départements, {len(reference.epci)} EPCI, "
            f"{len(reference.communes)} communes, {options['out'].stat().st_size // 1000} ko."
        )
