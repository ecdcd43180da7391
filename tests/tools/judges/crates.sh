#!/usr/bin/env bash
# Puts the judge of RO-Crates (rocrate-validator) into build/crate-judge, an environment of its own. Does nothing when
# it is there already.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/tools/judges
target=build/crate-judge
python=${VENV:-.venv}/bin/python

if [ -e "$target/.built" ] && [ ! "$here/crates-requirements.txt" -nt "$target/.built" ]; then
    echo "Judge of RO-Crates: there."
    exit 0
fi
rm -rf "$target"
"$python" -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/crates-requirements.txt"
touch "$target/.built"
echo "Judge of RO-Crates: installed in $target."
