"""The portfolio of one adviser over 5 conventions and over all of them, in one run: times, queries, ratio.

    DATABASE_URL=…/ctg_benchmark DEMO=true python benchmarks/portfolio.py [--runs N]

on a database filled by ``manage.py seed_benchmark``. Fails when the number of queries is not the same.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctg_portal.settings")

import django  # noqa: E402 - the settings come first

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from conventions.models import Convention, Habilitation, Organisation  # noqa: E402
from ctg_portal.demo.benchmark import CAF_NATIONALE, CAF_PETITE, CONSEILLER, MARQUE  # noqa: E402
from ctg_portal.models import User  # noqa: E402

PAGES = {
    "page d’accueil": "/",
    "page 3": "/?page=3",
    "filtre : COPIL à tenir": "/?copil=on",
    "filtre : fiches en retard": "/?en_retard=on",
    "tri : versé": "/?tri=-verse",
    "tri : en retard": "/?tri=-en_retard",
    "tri : dernière nouvelle": "/?tri=nouvelle",
    "tri : COPIL": "/?tri=copil",
    "tri : alertes": "/?tri=-alertes",
    "liste des conventions": "/conventions/",
    "classeur .xlsx": "/portefeuille.xlsx",
}
SMALL_ONLY_FIRST = {"page 3"}
"""With five conventions there is no third page: the first is measured."""


def measure(client, path):
    """Milliseconds of one request, and the status."""
    start = time.perf_counter()
    response = client.get(path)
    spent = (time.perf_counter() - start) * 1000
    assert response.status_code == 200, (path, response.status_code)
    return spent


def count(client, path):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    if MARQUE not in connection.settings_dict["NAME"]:
        sys.exit("Donnez une base de mesure, remplie par seed_benchmark.")
    settings.DEBUG = False
    # Addresses of static files without their manifest: nothing has to be collected for a measure.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    adviser = User.objects.get(email=CONSEILLER)
    role = Habilitation.objects.get(user=adviser)
    cafs = {
        "small": Organisation.objects.get(nom=CAF_PETITE),
        "large": Organisation.objects.get(nom=CAF_NATIONALE),
    }
    client = Client(HTTP_HOST="localhost")
    client.force_login(adviser, backend="allauth.account.auth_backends.AuthenticationBackend")

    times = {(name, size): [] for name in PAGES for size in cafs}
    queries = {}
    numbers = {}
    try:
        # The two sizes take turns, so that what else the machine does weighs on both.
        for turn in range(runs + 1):
            for size, caf in cafs.items():
                Habilitation.objects.filter(pk=role.pk).update(organisation=caf)
                numbers[size] = Convention.objects.visible_to(adviser).count()
                for name, path in PAGES.items():
                    address = "/" if size == "small" and name in SMALL_ONLY_FIRST else path
                    if turn == 0:  # the first turn warms caches and templates, and counts
                        queries[name, size] = count(client, address)
                    else:
                        times[name, size].append(measure(client, address))
    finally:
        Habilitation.objects.filter(pk=role.pk).update(organisation=cafs["large"])

    print(f"{numbers['small']} et {numbers['large']} conventions, médianes de {runs} tours\n")
    print(
        f"| | requêtes | {numbers['small']} (ms) | {numbers['large']} (ms) | rapport |\n|---|---|---|---|---|"
    )
    differ = []
    for name in PAGES:
        small, large = (statistics.median(times[name, size]) for size in ("small", "large"))
        asked = queries[name, "small"], queries[name, "large"]
        if asked[0] != asked[1]:
            differ.append(name)
        said = str(asked[0]) if asked[0] == asked[1] else f"{asked[0]} ≠ {asked[1]}"
        print(f"| {name} | {said} | {small:.0f} | {large:.0f} | {large / small:.1f} |")
    if differ:
        sys.exit(f"Le nombre de requêtes change : {', '.join(differ)}.")


if __name__ == "__main__":
    main()
