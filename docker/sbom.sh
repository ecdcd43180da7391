#!/usr/bin/env bash
# Writes build/sbom.cdx.json: a bill of materials (CycloneDX) of the Python packages that the image installs, taken from
# a fresh environment in which nothing else is. The system's packages are not in it: dpkg-query lists those of an image.
# usage: sbom.sh [--audit]     --audit also asks OSV (https://osv.dev) for known vulnerabilities of them
# exit:  0 none known, 1 some are, or pip-audit failed: it says which; 75 OSV or pip-audit cannot be had (make says "Error 75")
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
fresh=build/sbom-env
bill=build/sbom.cdx.json
extras=$(sed -n "s/^RUN pip install .*'\.\[\(.*\)\]'.*/\1/p" Dockerfile)

if [ ! -e "$fresh/.built" ] || [ pyproject.toml -nt "$fresh/.built" ] || [ Dockerfile -nt "$fresh/.built" ]; then
    rm -rf "$fresh"
    "$python" -m venv "$fresh"
    "$fresh/bin/pip" install --quiet --disable-pip-version-check ".[$extras]"
    touch "$fresh/.built"
fi
"$venv/bin/python" -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible --of JSON -o "$bill" "$fresh/bin/python"
echo "Bill of materials: $bill, $(grep -c '"purl"' "$bill") packages."
[ "${1:-}" = "--audit" ] || exit 0

not_audited() {
    echo "Not audited. Run this where it can be, or give $bill to a scanner of your own." >&2
    exit 75
}
"$python" docker/osv_answers.py || not_audited
audit=build/audit-env
[ -e "$audit/bin/pip-audit" ] || { "$python" -m venv "$audit"; "$audit/bin/pip" install --quiet --disable-pip-version-check 'pip-audit>=2.10'; } || not_audited
"$audit/bin/pip-audit" --vulnerability-service osv --path "$(echo "$fresh"/lib/python3*/site-packages)"
