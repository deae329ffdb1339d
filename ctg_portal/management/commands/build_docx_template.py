from django.conf import settings
from django.core.management.base import BaseCommand

from ctg_portal.modele_word import build_template

MODELE = settings.BASE_DIR / "templates" / "conventions" / "docx" / "convention.docx"


class Command(BaseCommand):
    help = "Refait le modèle Word des conventions et des avenants (ctg_portal/modele_word.py)."

    def handle(self, *args, **options):
        MODELE.parent.mkdir(parents=True, exist_ok=True)
        MODELE.write_bytes(build_template())
        self.stdout.write(f"{MODELE.relative_to(settings.BASE_DIR)} : {MODELE.stat().st_size} octets")
