"""What a process and everything that it started cost: CPU seconds and memory, read from /proc."""

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

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


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds of living processes and of their ended children."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11:15]) * _TICK_S
    return total


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
    _task: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        self.cpu_s = -cpu_s(family(self.root))
        self._began_s = time.monotonic()
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        self.wall_s = time.monotonic() - self._began_s
        self.cpu_s += cpu_s(family(self.root))

    async def _watch(self) -> None:
        while True:
            self.memory.append(await asyncio.to_thread(memory_bytes, family(self.root)))
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
