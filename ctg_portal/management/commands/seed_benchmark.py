import time

from django.core.management.base import BaseCommand, CommandError

from ctg_portal.demo.benchmark import refusal, seed


class Command(BaseCommand):
    help = (
        "Remplit une base de mesure (son nom contient « benchmark ») : une CTG de 30 fiches sur chaque "
        "intercommunalité. Jamais hors DEBUG ou DEMO."
    )

    def add_arguments(self, parser):
        parser.add_argument("--number", type=int, help="nombre d’intercommunalités (toutes par défaut)")

    def handle(self, *args, **options):
        if refus := refusal():
            raise CommandError(refus)
        start = time.monotonic()
        written = seed(options["number"])
        self.stdout.write(f"{written} conventions écrites en {time.monotonic() - start:.0f} s.")
