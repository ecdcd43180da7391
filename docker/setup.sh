#!/usr/bin/env bash
# Sets up a checkout: system packages, virtual environment, the package with its test tools.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}

"$python" - <<'PY'
import sqlite3, sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}; say make PYTHON=python3.12")
if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
    sys.exit(f"Python 3.12 and later need SQLite 3.42, this has {sqlite3.sqlite_version}; say make PYTHON=python3.11")
PY
bash docker/install-system.sh --test
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "Python's venv module is missing; apt install python3-venv" >&2
    exit 1
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --editable '.[bridge,docs,test]'
echo "Python packages: installed in $venv."
if ! "$venv/bin/python" -m archiveworker doctor; then
    echo "The doctor found problems; see above." >&2
    exit 1
fi
