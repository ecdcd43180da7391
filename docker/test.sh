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
# Helm is built while one core has nothing to do; where it takes too long its tests are skipped.
helm_said=$(mktemp)
timeout 240 bash tests/tools/get_helm.sh >"$helm_said" 2>&1 &
helm=$!
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
step "Helm"
wait $helm || true
cat "$helm_said"
rm -f "$helm_said"
step "contract, integration and acceptance tests"
# Two at once, for two cores: whole jobs wait most of their time, printing and judging pages does not.
beside=$(mktemp)
"$bin/python" -m pytest tests/contract tests/integration -q --require-everything --durations=15 >"$beside" 2>&1 &
failed=0
"$bin/python" -m pytest tests/acceptance -q --require-everything --durations=15 || failed=1
wait $! || failed=1
echo "Beside them:"
cat "$beside"
rm -f "$beside"
[ $failed = 0 ]
printf '\nAll checks passed%s.\n' "$judged"
