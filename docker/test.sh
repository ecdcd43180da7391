#!/usr/bin/env bash
# All checks of the project, cheapest first; the last line says what happened.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
step() { printf '\n== %s\n' "$1"; }

step "style";   "$bin/ruff" check . && "$bin/ruff" format --check .
step "types";   "$bin/mypy"
step "imports"; "$bin/lint-imports"
step "image";   bash docker/check-image.sh
step "JavaScript libraries"
# Without them the tests that render with the real ones are skipped, which CI does not accept.
bash tests/tools/get_libraries.sh || true
step "unit tests, without a network"
# A network namespace of its own proves that these tests need none; where that is not allowed they run as they are.
if unshare --net true 2>/dev/null; then
    unshare --net bash -c "ip link set lo up 2>/dev/null || true; exec $bin/python -m pytest tests/unit -q"
else
    "$bin/python" -m pytest tests/unit -q
fi
step "judges"
# Without them the tests that need them are skipped, which CI does not accept.
bash tests/tools/judges/crates.sh
judged=", PDF/A by veraPDF and evidence records by DSS included"
bash tests/tools/judges/build.sh || judged="; PDF/A and evidence records were not judged, because the judges could not be built here"
step "contract, integration and acceptance tests"
# Two at once, for two cores. Those that need no browser run beside the judging of PDFs, which no neighbour disturbs; by the
# time that limits of time are tested they are done.
browser=(tests/integration/pdfa tests/integration/web tests/integration/rendering tests/integration/docs)
beside=$(mktemp)
"$bin/python" -m pytest tests/contract tests/integration "${browser[@]/#/--ignore=}" -q --require-everything >"$beside" 2>&1 &
failed=0
"$bin/python" -m pytest "${browser[@]}" tests/acceptance -q --require-everything || failed=1
wait $! || failed=1
echo "Beside them:"
cat "$beside"
rm -f "$beside"
[ $failed = 0 ]
printf '\nAll checks passed%s.\n' "$judged"
