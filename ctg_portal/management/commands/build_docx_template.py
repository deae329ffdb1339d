from django.conf import settings
from django.core.management.base import BaseCommand

from ctg_portal.modele_word import MODELES


class Command(BaseCommand):
    help = "Refait les modèles Word (ctg_portal/modele_word.py)."

    def handle(self, *args, **options):
        for name, build in MODELES.items():
            modele = settings.BASE_DIR / "templates" / name
            modele.parent.mkdir(parents=True, exist_ok=True)
            modele.write_bytes(build())
            self.stdout.write(f"{modele.relative_to(settings.BASE_DIR)} : {modele.stat().st_size} octets")
