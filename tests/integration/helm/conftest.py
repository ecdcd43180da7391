"""Helm itself, built from its Go module by ``tests/tools/get_helm.sh``."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import HELM_MISSING

ROOT = Path(__file__).parents[3]
CHART = ROOT / "docker" / "helm" / "archiveworker"
BUILT = ROOT / "build" / "helm"
NAMESPACE = "exams"

Render = Callable[..., list[dict[str, Any]]]


class HelmRefusedError(Exception):
    """Helm does not take these values; the text is what it says."""


@pytest.fixture(scope="session")
def helm() -> Path:
    """The program."""
    if not (BUILT / ".built").is_file():
        pytest.skip(f"{HELM_MISSING}: tests/tools/get_helm.sh builds it")
    return BUILT / "helm"


@pytest.fixture(scope="session")
def render(helm: Path) -> Render:
    """Return what a release ``exam`` would send to Kubernetes, for a file of values and further ``--set``s."""

    def rendered(values: str, *sets: str) -> list[dict[str, Any]]:
        command = [helm, "template", "exam", CHART, "--namespace", NAMESPACE, "--kube-version", "1.34"]
        command += ["--values", CHART / "ci" / f"{values}-values.yaml"]
        command += [part for one in sets for part in ("--set-json", one)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HelmRefusedError(done.stderr)
        return [document for document in yaml.safe_load_all(done.stdout) if document is not None]

    return rendered
