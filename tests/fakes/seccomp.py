"""A seccomp profile in Docker's form as a kernel filter, compiled by libseccomp, as a container engine would do it.

Source of the form: https://docs.docker.com/engine/security/seccomp/ and the OCI runtime specification, config-linux.md.
"""

import platform
import tempfile
from typing import Any, Final

import pyseccomp

_COMPARISONS: Final = {
    "SCMP_CMP_NE": pyseccomp.NE,
    "SCMP_CMP_LT": pyseccomp.LT,
    "SCMP_CMP_LE": pyseccomp.LE,
    "SCMP_CMP_EQ": pyseccomp.EQ,
    "SCMP_CMP_GE": pyseccomp.GE,
    "SCMP_CMP_GT": pyseccomp.GT,
    "SCMP_CMP_MASKED_EQ": pyseccomp.MASKED_EQ,
}
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """Return this machine's architecture in Docker's words; empty when the tests do not know it."""
    return _ARCHITECTURES.get(platform.machine(), "")


def rules_without_capabilities(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules that hold for a process of this machine without any capability (``cap_drop: ALL``)."""
    return [rule for rule in profile["syscalls"] if _holds(rule)]


def compiled(profile: dict[str, Any]) -> bytes:
    """Return the profile as a BPF program for a process without any capability.

    Raises:
        OSError: libseccomp does not take a rule.
    """
    own = pyseccomp.SyscallFilter(_action(profile["defaultAction"], profile.get("defaultErrnoRet")))
    for rule in rules_without_capabilities(profile):
        action = _action(rule["action"], rule.get("errnoRet"))
        arguments = [_argument(one) for one in rule.get("args") or ()]
        for name in rule["names"]:
            # An older libseccomp does not know the newest calls; an engine leaves them out as well.
            if is_known(name):
                own.add_rule(action, name, *arguments)
    with tempfile.TemporaryFile() as file:
        own.export_bpf(file)
        file.seek(0)
        return file.read()


def is_known(name: str) -> bool:
    """Return whether libseccomp knows a system call of this name, of any architecture."""
    try:
        return bool(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) != -1)
    except ValueError:
        return False


def _holds(rule: dict[str, Any]) -> bool:
    wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
    if wanted.get("caps") or architecture() in unwanted.get("arches", ()):
        return False
    # minKernel is 4.8 where it is there: every kernel with the rest has that.
    return architecture() in wanted.get("arches", (architecture(),))


def _action(name: str, errno: int | None) -> Any:
    if name == "SCMP_ACT_ALLOW":
        return pyseccomp.ALLOW
    assert name == "SCMP_ACT_ERRNO", name
    return pyseccomp.ERRNO(1 if errno is None else errno)


def _argument(one: dict[str, Any]) -> Any:
    comparison = _COMPARISONS[one["op"]]
    # Docker leaves out what is 0; of a masked comparison the first value is the mask.
    values = (one["value"], one.get("valueTwo", 0)) if comparison == pyseccomp.MASKED_EQ else (one["value"],)
    return pyseccomp.Arg(one["index"], comparison, *values)
