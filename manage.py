#!/usr/bin/env python
"""Django command line; bin/manage runs it with its environment and database up."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctg_portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
