"""What the kernel says of how far a process is locked in; readable for everybody, whoever it belongs to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.tools.processes import family


@dataclass(frozen=True, slots=True)
class Lock:
    """Of one process. Source: proc_pid_status(5).

    Attributes:
        command: its command line.
        user_id: as whom it runs.
        namespace_depth: process namespaces around it, as seen from here.
        filters: of system calls that it has to pass.
        is_bound: it can gain no rights by starting something.
        capabilities: a mask, inside of its own user namespace.
    """

    command: str
    user_id: int
    namespace_depth: int
    filters: int
    is_bound: bool
    capabilities: int

    @classmethod
    def of(cls, pid: int | str) -> Self:
        """Read it; ``self`` is ourselves."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        return cls(
            command=Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"),
            user_id=int(status["Uid"][1]),
            namespace_depth=len(status["NSpid"]),
            filters=int(status["Seccomp_filters"][0]),
            is_bound=status["NoNewPrivs"] == ["1"],
            capabilities=int(status["CapEff"][0], 16),
        )


def renderers(root: int) -> dict[int, Lock]:
    """Return the locks of the processes below ``root`` that parse pages, by process id.

    One that has just begun has not locked itself in yet, and has no page before it has.
    """
    found = {}
    for pid in family(root):
        try:
            lock = Lock.of(pid)
        except OSError:
            continue  # it has ended meanwhile
        if "--type=renderer" in lock.command:
            found[pid] = lock
    return found
