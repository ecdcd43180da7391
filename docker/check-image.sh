#!/usr/bin/env bash
# Checks everything of the image that can be checked without a container engine: scripts, copied files, compose file,
# health check, and that the wheel which the image installs has all it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python="$PWD/$venv/bin/python"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for script in docker/*.sh; do bash -n "$script"; done

grep -E '^COPY ' Dockerfile | while read -r _ rest; do
    for source in ${rest% *}; do
        [ -e "$source" ] || { echo "Dockerfile copies $source, which is not there" >&2; exit 1; }
    done
done

"$python" - <<'PY'
import re, sys, yaml
from pathlib import Path
service = yaml.safe_load(Path("docker/compose.yaml").read_text())["services"]["archiveworker"]
dockerfile = Path("Dockerfile").read_text()
port = re.search(r"^EXPOSE (\d+)$", dockerfile, re.M).group(1)
if not any(str(p).endswith(f":{port}") for p in service["ports"]):
    sys.exit("compose.yaml does not publish the port that the image exposes")
if not any(str(v).endswith(":" + re.search(r"^VOLUME (\S+)$", dockerfile, re.M).group(1)) for v in service["volumes"]):
    sys.exit("compose.yaml does not keep the image's volume")
if not re.search(r"^USER (?!root|0)", dockerfile, re.M):
    sys.exit("the image runs as root")
PY

"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$work" .
"$python" -m zipfile -e "$work"/archiveworker-*.whl "$work/site"
for needed in archiveworker/_res/archive/index.html.j2 archiveworker/composition.py; do
    [ -e "$work/site/$needed" ] || { echo "the wheel lacks $needed" >&2; exit 1; }
done
# From the wheel alone, not from the checkout: a file that only the checkout has would be missed here.
(cd "$work/site" && "$python" -P -c "
import sys; sys.path.insert(0, '.')
import archiveworker, pathlib
from archiveworker.runtime import resources
assert pathlib.Path(archiveworker.__file__).is_relative_to(pathlib.Path.cwd()), archiveworker.__file__
assert resources.root().name == '_res'
from archiveworker.cli import build_parser
build_parser()
")
if ARCHIVEWORKER_PORT=1 "$python" docker/healthcheck.py 2>/dev/null; then
    echo "the health check says yes where nothing answers" >&2
    exit 1
fi
echo "Scripts, compose file, health check and wheel: in order (no image was built)."
