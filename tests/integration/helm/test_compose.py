"""The compose files, held against the schema of the compose specification."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from archiveworker.settings import Settings, variable
from tests.integration.helm.conftest import BUILT, ROOT

FILES = sorted((ROOT / "docker").glob("compose*.yaml"))


@pytest.fixture(scope="module")
def validator(helm: Path) -> Validator:
    schema = json.loads((BUILT / "compose-spec.json").read_text())
    return validator_for(schema)(schema)


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_it_is_a_compose_file(validator: Validator, file: Path) -> None:
    compose = yaml.safe_load(file.read_text())
    assert [error.message for error in validator.iter_errors(compose)] == []
    next(iter(compose["services"].values()))["restrat"] = "always"
    assert "restrat" in str([error.message for error in validator.iter_errors(compose)]), "it would have been found"


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_what_it_names_is_there(file: Path) -> None:
    compose: dict[str, Any] = yaml.safe_load(file.read_text())
    known = {variable(name) for name in Settings.__dataclass_fields__}
    for service in compose["services"].values():
        assert {name for name in service.get("environment", {}) if name.startswith("ARCHIVEWORKER_")} <= known
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"]
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"]
