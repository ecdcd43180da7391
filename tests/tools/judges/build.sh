#!/usr/bin/env bash
# Puts the judges of the tests (veraPDF) into build/judges. Needs Java and Maven; ends with status 1 and says so
# where they are missing. Does nothing when they are there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target="$here/../../../build/judges"

if [ -e "$target/.built" ] && [ ! "$here/pom.xml" -nt "$target/.built" ]; then
    echo "Judges: all there."
    exit 0
fi
for tool in java mvn; do
    if ! command -v "$tool" >/dev/null; then
        echo "Judges: not built, because there is no '$tool' (apt install default-jre-headless maven)." >&2
        exit 1
    fi
done
rm -rf "$target"
mkdir -p "$target"
mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$target"
touch "$target/.built"
echo "Judges: $(find "$target" -name '*.jar' | wc -l) libraries in build/judges."
