#!/usr/bin/env bash
# All checks of the project, cheapest first; the last line says what happened.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${VENV:-.venv}/bin
step() { printf '\n== %s\n' "$1"; }
# As many files of tests at once as there are cores, up to four; whoever is free takes the next, long ones first.
at_once=(-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)

step "style";   "$bin/ruff" check . && "$bin/ruff" format --check .
step "types";   "$bin/mypy"
step "imports"; "$bin/lint-imports"
step "image";   bash docker/check-image.sh
step "JavaScript libraries"
# Without them the tests that render with the real ones are skipped, which CI does not accept.
bash tests/tools/get_libraries.sh || true
# Helm is built beside the unit tests; where it takes too long its tests are skipped.
helm_said=$(mktemp)
timeout 480 bash tests/tools/get_helm.sh >"$helm_said" 2>&1 &
helm=$!
step "unit tests, without a network"
# A network namespace of its own proves that these tests need none; where that is not allowed they run as they are.
if unshare --net true 2>/dev/null; then
    unshare --net bash -c "ip link set lo up 2>/dev/null || true; exec $bin/python -m pytest tests/unit -q ${at_once[*]}"
else
    "$bin/python" -m pytest tests/unit -q "${at_once[@]}"
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
"$bin/python" -m pytest tests/acceptance tests/integration tests/contract -q "${at_once[@]}" --require-everything --durations=30
printf '\nAll checks passed%s.\n' "$judged"
