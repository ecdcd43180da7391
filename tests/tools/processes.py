"""What a process and everything that it started cost: CPU seconds and memory, read from /proc.

Accepted error: what an orphan used between the last look at it and its end is not counted.
"""

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def family(root: int) -> list[int]:
    """Return ``root`` and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


class CpuCount:
    """Counts the CPU seconds of a process tree, also of those whose parent ended before them.

    The time of a process that ends is in that of the parent that waited for it. When a browser is killed, its renderers
    are nobody's children any more: what no parent has got is counted as it was last seen.

    Args:
        root: the first process.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[int, _Times] = {}
        self._orphans_s = 0.0

    def look(self) -> float:
        """Return the seconds since the root began; to be called often."""
        living = {pid: times for pid in family(self._root) if (times := _times(pid)) is not None}
        ended_s = sum(seen.own_s + seen.children_s for pid, seen in self._seen.items() if pid not in living)
        inherited_s = sum(
            times.children_s - self._seen[pid].children_s for pid, times in living.items() if pid in self._seen
        )
        self._orphans_s += max(0.0, ended_s - inherited_s)
        self._seen = living
        return self._orphans_s + sum(times.own_s + times.children_s for times in living.values())


class _Times(NamedTuple):
    """CPU seconds of a process, and of the children that it has waited for."""

    own_s: float
    children_s: float


def _times(pid: int) -> _Times | None:
    """Return the times of a process; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    user, system, children_user, children_system = (int(field) * _TICK_S for field in fields[11:15])
    return _Times(user + system, children_user + children_system)


def memory_bytes(pids: list[int]) -> int:
    """Return the sum of proportional set sizes: shared pages count once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total


@dataclass
class Meter:
    """Measures a process tree while its ``async with`` lasts.

    Attributes:
        root: its first process.
        interval_s: between two looks at the memory.
        wall_s: how long it lasted.
        cpu_s: what the tree used meanwhile.
        memory: bytes at each look.
    """

    root: int
    interval_s: float = 2.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory: list[int] = field(default_factory=list)
    _began_s: float = 0.0
    _count: CpuCount = field(init=False, repr=False)
    _task: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        self._count = CpuCount(self.root)
        self.cpu_s = -self._count.look()
        self._began_s = time.monotonic()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        self.wall_s = time.monotonic() - self._began_s
        self.cpu_s += self._count.look()

    async def _watch(self) -> None:
        while True:
            self.memory.append(await asyncio.to_thread(memory_bytes, family(self.root)))
            self._count.look()
            await asyncio.sleep(self.interval_s)

    @property
    def peak_bytes(self) -> int:
        """The largest amount seen."""
        return max(self.memory, default=0)

    @property
    def growth(self) -> float:
        """Mean memory of the last quarter over that of the second: 1 is flat."""
        quarter = len(self.memory) // 4
        if not quarter:
            return 1.0
        return sum(self.memory[-quarter:]) / sum(self.memory[quarter : 2 * quarter])
