#!/usr/bin/env bash
# Writes build/sbom.cdx.json: a bill of materials (CycloneDX) of the Python packages that the image installs, taken from
# a fresh environment in which nothing else is. The system's packages are not in it: dpkg-query lists those of an image.
# usage: sbom.sh [--audit]     --audit also asks OSV (https://osv.dev) for known vulnerabilities of them
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
fresh=build/sbom-env
bill=build/sbom.cdx.json

if [ ! -e "$fresh/.built" ] || [ pyproject.toml -nt "$fresh/.built" ]; then
    rm -rf "$fresh"
    "$python" -m venv "$fresh"
    "$fresh/bin/pip" install --quiet --disable-pip-version-check '.[bridge]'
    touch "$fresh/.built"
fi
"$venv/bin/python" -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible --of JSON -o "$bill" "$fresh/bin/python"
echo "Bill of materials: $bill, $(grep -c '"purl"' "$bill") packages."
[ "${1:-}" = "--audit" ] || exit 0

if ! "$python" - <<'PY'
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen("https://api.osv.dev/", timeout=10)
except urllib.error.HTTPError:
    pass  # it answers, and that is what was asked
except OSError as exc:
    sys.exit(f"api.osv.dev cannot be reached ({exc})")
PY
then
    echo "Not audited. Run this where it can be, or give $bill to a scanner of your own." >&2
    exit 75
fi
audit=build/audit-env
[ -e "$audit/bin/pip-audit" ] || { "$python" -m venv "$audit"; "$audit/bin/pip" install --quiet --disable-pip-version-check 'pip-audit>=2.10'; }
"$audit/bin/pip-audit" --vulnerability-service osv --path "$(echo "$fresh"/lib/python3*/site-packages)"
