#!/usr/bin/env bash
# Puts the judges of the tests (veraPDF, DSS) into build/judges. Needs Java and Maven; ends with status 1 and says so
# where they are missing. Does nothing when they are there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target="$here/../../../build/judges"

newer=$(find "$here" -type f -newer "$target/.built" 2>/dev/null || true)
if [ -e "$target/.built" ] && [ -z "$newer" ]; then
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
mkdir -p "$target/dss"
mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$target"
mvn --batch-mode --quiet --file "$here/dss-pom.xml" dependency:copy-dependencies "-DoutputDirectory=$target/dss"
libraries=$(find "$target/dss" -name '*.jar' | tr '\n' ':')
java -cp "$libraries" org.eclipse.jdt.internal.compiler.batch.Main -17 -cp "$libraries" -d "$target/dss" \
    "$here/EvidenceRecords.java"
touch "$target/.built"
echo "Judges: $(find "$target" -name '*.jar' | wc -l) libraries in build/judges."
