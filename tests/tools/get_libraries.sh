#!/usr/bin/env bash
# Fetches the JavaScript libraries that pages of an LMS use, for the tests that render with the real ones, into
# build/libraries. No script of theirs runs here. Without npm the tests that want them are skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=build/libraries
libraries=(mathjax2@npm:mathjax@2.7.9 mathjax3@npm:mathjax@3.2.2 mathjax4@npm:mathjax@4.1.3
           jsxgraph@1.13.3 ace-builds@1.45.2 h5p-standalone@3.8.2 axe-core@4.14.1
           @fortawesome/fontawesome-free@6.7.2)

wanted="${libraries[*]}"
if [ "$(cat "$folder/.fetched" 2>/dev/null)" = "$wanted" ]; then
    echo "JavaScript libraries for the tests: all there."
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "There is no npm; what is rendered with the real MathJax, JSXGraph, Ace and H5P is not tested." >&2
    exit 1
fi
mkdir -p "$folder"
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error "${libraries[@]}" >/dev/null
printf '%s' "$wanted" >"$folder/.fetched"
echo "JavaScript libraries for the tests: fetched."
