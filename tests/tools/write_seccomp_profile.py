"""Writes docker/seccomp.json: Docker's default profile, and the three calls with which Chromium locks itself in.

    go mod download github.com/moby/profiles/seccomp@v0.2.3
    cd "$(go env GOMODCACHE)/github.com/moby/profiles/seccomp@v0.2.3"
    python .../tests/tools/write_seccomp_profile.py default.json

Source: default.json of the Go module github.com/moby/profiles/seccomp (Apache License 2.0).
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

TARGET: Final = Path(__file__).resolve().parents[2] / "docker" / "seccomp.json"
ADDED: Final[dict[str, Any]] = {
    "names": ["chroot", "clone", "unshare"],
    "action": "SCMP_ACT_ALLOW",
    "comment": "Chromium's sandbox: user namespaces of its own, and an empty root folder inside of them.",
}


def with_namespaces(profile: dict[str, Any]) -> dict[str, Any]:
    """Return ``profile`` with what Chromium's sandbox needs; nothing that is there is changed."""
    return {**profile, "syscalls": [*profile["syscalls"], ADDED]}


if __name__ == "__main__":
    default = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TARGET.write_text(json.dumps(with_namespaces(default), indent="\t") + "\n", encoding="utf-8")
