from django.core.management.base import BaseCommand, CommandError

from conventions.models import Convention
from ctg_portal.exports import dump_convention


class Command(BaseCommand):
    help = "Écrit tout ce que le portail sait d’une convention (docs/export.md)."

    def add_arguments(self, parser):
        parser.add_argument("code", help="celui de l’adresse de la convention")
        parser.add_argument("--format", choices=["json"], default="json")

    def handle(self, *args, code, **options):
        try:
            convention = Convention.objects.select_related("territoire__departement").get(code=code)
        except Convention.DoesNotExist as error:
            known = ", ".join(Convention.objects.order_by("code").values_list("code", flat=True)) or "aucune"
            raise CommandError(f"Aucune convention « {code} ». Conventions connues : {known}.") from error
        self.stdout.write(dump_convention(convention), ending="")
