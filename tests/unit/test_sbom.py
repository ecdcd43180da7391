"""The bill of materials: valid CycloneDX, and it lists what the package needs. ``make sbom`` asks the same tool."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
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


def needed() -> dict[str, str]:
    """Return names and versions of all that ``pip install archiveworker[bridge]`` installs, as this machine has it."""
    found: dict[str, str] = {}
    todo = [("archiveworker", frozenset({"bridge"}))]
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
