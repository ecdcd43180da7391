"""docker/seccomp.json is a profile that container engines read, and no wider than it says."""

import json
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tests.fakes import box, seccomp
from tests.tools.write_seccomp_profile import ADDED, TARGET

PROFILE: Final[dict[str, Any]] = json.loads(TARGET.read_text(encoding="utf-8"))
ACTIONS: Final = ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"]
COMPARISONS: Final = [f"SCMP_CMP_{name}" for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")]
LISTS: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "caps": {"type": "array", "items": {"type": "string", "pattern": "^CAP_[A-Z_]+$"}},
        "arches": {"type": "array", "items": {"type": "string"}},
        "minKernel": {"type": "string"},
    },
}
# The form that Docker documents (https://docs.docker.com/engine/security/seccomp/) and its Go types read.
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["defaultAction", "archMap", "syscalls"],
    "properties": {
        "defaultAction": {"enum": ACTIONS},
        "defaultErrnoRet": {"type": "integer"},
        "archMap": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["architecture"],
                "properties": {"architecture": {"type": "string", "pattern": "^SCMP_ARCH_"}},
            },
        },
        "syscalls": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["names", "action"],
                "properties": {
                    "names": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    "action": {"enum": ACTIONS},
                    "errnoRet": {"type": "integer"},
                    "comment": {"type": "string"},
                    "includes": LISTS,
                    "excludes": LISTS,
                    "args": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["index", "value", "op"],
                            "properties": {
                                "index": {"type": "integer", "minimum": 0, "maximum": 5},
                                "value": {"type": "integer"},
                                "valueTwo": {"type": "integer"},
                                "op": {"enum": COMPARISONS},
                            },
                        },
                    },
                },
            },
        },
    },
}
# Newer than libseccomp 2.5.4 of Debian 12; an engine with an older library leaves out what that does not know.
NEWER: Final = frozenset(
    {
        *("getxattrat", "listmount", "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr"),
        *("mseal", "removexattrat", "riscv_hwprobe", "setxattrat", "statmount", "uretprobe"),
    }
)


def test_it_has_the_form_that_engines_read() -> None:
    jsonschema.validate(PROFILE, SCHEMA)


def test_libseccomp_knows_every_call() -> None:
    names = {name for rule in PROFILE["syscalls"] for name in rule["names"]}
    assert {name for name in names if not seccomp.is_known(name)} <= NEWER


def test_it_forbids_what_it_does_not_name() -> None:
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"


def test_three_calls_are_added_to_dockers_own() -> None:
    added = PROFILE["syscalls"][-1]
    assert added == ADDED
    assert set(added["names"]) == {"chroot", "clone", "unshare"}
    assert "args" not in added


@pytest.mark.parametrize("call", ["mount", "ptrace", "bpf", "setns", "keyctl", "perf_event_open", "init_module"])
def test_nothing_else_is_open_to_a_process_without_capabilities(call: str) -> None:
    rules = [rule for rule in seccomp.rules_without_capabilities(PROFILE) if call in rule["names"]]
    # ptrace of one's own processes is in Docker's profile since kernel 4.8.
    assert [rule.get("includes") for rule in rules] == ([{"minKernel": "4.8"}] if call == "ptrace" else [])


def test_it_compiles() -> None:
    program = seccomp.compiled(PROFILE)
    assert len(program) > 1000
    assert len(program) % 8 == 0  # struct sock_filter of linux/filter.h


@pytest.mark.parametrize(("file", "service"), [("compose.yaml", "archiveworker"), ("compose.cluster.yaml", "worker")])
def test_compose_starts_the_worker_with_it(file: str, service: str) -> None:
    worker = yaml.safe_load((TARGET.parent / file).read_text(encoding="utf-8"))["services"][service]
    assert f"seccomp={TARGET.name}" in worker["security_opt"]
    assert "no-new-privileges:true" in worker["security_opt"]
    assert worker["cap_drop"] == ["ALL"]
    assert worker["read_only"] is True
    assert worker["mem_limit"] == f"{box.MEMORY_BYTES // 1024**3}g"
    assert worker["pids_limit"] == box.PROCESSES
    assert worker["ulimits"]["core"] == 0
