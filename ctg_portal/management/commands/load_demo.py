from io import StringIO

from django.core.management import call_command
from django.core.management.base import BaseCommand

from actions.models import FicheAction
from conventions.models import Commune, Convention
from ctg_portal.demo.loader import is_loaded, load


class Command(BaseCommand):
    help = "Charge la démonstration : cinq territoires, leurs conventions et un compte par rôle ; sans danger deux fois."

    def handle(self, *args, **options):
        if is_loaded():
            self.stdout.write("La démonstration est déjà là : rien à changer.")
            return
        if not Commune.objects.exists():
            call_command("load_reference", stdout=StringIO())
        load()
        self.stdout.write(
            f"Démonstration chargée : {Convention.objects.count()} conventions, "
            f"{FicheAction.objects.count()} fiches action."
        )
