"""WSGI entry point: gunicorn serves ``ctg_portal.wsgi``."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctg_portal.settings")

application = get_wsgi_application()

# Every module is read before gunicorn forks (--preload), not by the first request of each worker: they share its memory.
get_resolver().url_patterns  # noqa: B018 - read for the modules it imports
gc.collect()
gc.freeze()
