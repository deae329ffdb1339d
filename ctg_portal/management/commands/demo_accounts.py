from django.core.management.base import BaseCommand, CommandError

from ctg_portal.demo.accounts import demo_accounts
from ctg_portal.models import User

OTHER_ACCOUNTS = 3


class Command(BaseCommand):
    help = (
        "Affiche un compte de démonstration par rôle. Échoue quand la démonstration n’est pas chargée : "
        f"code {OTHER_ACCOUNTS} quand la base contient d’autres comptes, 1 sinon."
    )

    # The checks load every page and its libraries: two seconds of each start of the demonstration.
    requires_system_checks = []

    def handle(self, *args, **options):
        accounts = demo_accounts()
        if not accounts:
            raise CommandError(
                "La démonstration n’est pas chargée : lancez « bin/manage load_demo ».",
                returncode=OTHER_ACCOUNTS if User.objects.exists() else 1,
            )
        first_of_each_role = {account["role_label"]: account for account in reversed(accounts)}
        accounts = [account for account in accounts if first_of_each_role[account["role_label"]] is account]
        keys = ("role_label", "email", "password")
        widths = [max(len(account[key]) for account in accounts) for key in keys]
        for account in accounts:
            line = "  ".join(account[key].ljust(width) for key, width in zip(keys, widths, strict=True))
            self.stdout.write(f"  {line}  {account['description']}".rstrip())
