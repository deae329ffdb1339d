# shellcheck shell=bash
# Shared by the commands of this folder: each sources it first and then stands in the project's folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONUNBUFFERED=1

# One sentence for the person at the terminal, and no more.
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Path of the first Python that is recent enough.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "Python 3.11 ou plus récent est introuvable : installez-le (par exemple « apt-get install python3 ») puis relancez."
}

# Every command keeps what it makes in .venv and var/.
need_writable_folder() {
  { mkdir -p var/log && : >>var/setup.lock && [ -w . ]; } 2>/dev/null ||
    die "Impossible d’écrire dans $PWD : donnez-vous le droit d’y écrire (ou libérez de la place) puis relancez."
}

# A variable that neither the environment nor .env sets.
default() {
  if [ -z "${!1+set}" ] && ! grep -qsE "^(export +)?$1=" .env; then
    export "$1=$2"
  fi
}

# DATABASE_URL of the embedded server (started when needed), unless another server is named.
use_database() {
  if [ -z "${DATABASE_URL:-}" ] && ! grep -qsE '^(export +)?DATABASE_URL=' .env; then
    DATABASE_URL=$(.venv/bin/python -m ctg_portal.embedded_postgres start "$@")
    export DATABASE_URL
  fi
}

# A key made once for this folder. Production sets its own SECRET_KEY.
use_secret_key() {
  if [ ! -s var/secret_key ]; then
    mkdir -p var
    (umask 077 && .venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))' >var/secret_key)
  fi
  default SECRET_KEY "$(cat var/secret_key)"
}
