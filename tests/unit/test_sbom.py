"""The bill of materials: valid CycloneDX, and it lists what the package needs. ``make sbom`` asks the same tool."""

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the environment of the tests, which holds that of the worker."""
    file = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    options = [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        "--validate",
        "--of",
        "JSON",
        "-o",
        str(file),
    ]
    argv = [sys.executable, "-m", "cyclonedx_py", "environment", *options, sys.executable]
    subprocess.run(argv, check=True, timeout=1200)
    return file.read_text(encoding="utf-8")


def extras_of_the_image() -> frozenset[str]:
    found = re.search(r"pip install .*'\.\[(.*)\]'", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert found is not None
    return frozenset(found[1].split(","))


def needed() -> dict[str, str]:
    """Return names and versions of all that the image installs of the package, as this machine has it."""
    found: dict[str, str] = {}
    todo = [("archiveworker", extras_of_the_image())]
    while todo:
        name, extras = todo.pop()
        for text in metadata.requires(name) or []:
            one = Requirement(text)
            if one.marker is not None and not any(one.marker.evaluate({"extra": e}) for e in ("", *extras)):
                continue
            if canonicalize_name(one.name) not in found:
                found[canonicalize_name(one.name)] = metadata.version(one.name)
                todo.append((one.name, frozenset(one.extras)))
    return found


def test_it_is_cyclonedx(bill: str) -> None:
    """That it fits the schema is what ``--validate`` has found: the tool fails otherwise."""
    assert json.loads(bill)["bomFormat"] == "CycloneDX"


def test_it_lists_all_that_is_needed(bill: str) -> None:
    components: list[dict[str, Any]] = json.loads(bill)["components"]
    listed = {canonicalize_name(one["name"]): one["version"] for one in components}
    wanted = needed()
    assert len(wanted) > 30
    assert wanted.items() <= listed.items()


def test_it_names_the_package_itself(bill: str) -> None:
    about = json.loads(bill)["metadata"]["component"]
    assert (about["name"], about["version"]) == ("archiveworker", metadata.version("archiveworker"))


def test_the_bill_is_that_of_the_image() -> None:
    """``sbom.sh`` reads the extras where the image has them."""
    script = (ROOT / "docker" / "sbom.sh").read_text(encoding="utf-8")
    line = next(line for line in script.splitlines() if line.startswith("extras="))
    shown = subprocess.run(
        ["bash", "-c", f'{line}; echo "$extras"'], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert frozenset(shown.stdout.strip().split(",")) == extras_of_the_image() == {"bridge", "s3"}


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"vulns": [{"id": "x"}]}', 0, ""),
        (b"<html>blocked", 75, "what answers is not OSV"),
        (b"[]", 75, "what answers is not OSV"),
        (b"{}", 75, "it does not know what it should"),
        (None, 75, "Connection refused"),
    ],
)
def test_an_audit_that_cannot_be_made_says_so(body: bytes | None, code: int, said: str) -> None:
    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Osv) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        if body is None:
            server.server_close()
        thread = Thread(target=server.handle_request)
        if body is not None:
            thread.start()
        done = subprocess.run(
            [sys.executable, str(ROOT / "docker" / "osv_answers.py"), url], capture_output=True, text=True, timeout=120
        )
        if body is not None:
            thread.join()
    assert done.returncode == code
    assert said in done.stderr
