"""What a process that holds secrets does first: no copy of its memory is written anywhere, and none is shown.

A core dump would hold tokens and pages; so would what another process of the same user reads from ``/proc/<pid>/mem``,
and that other may be a browser that a page has taken over. Root still sees everything. Only Linux knows the second.
"""

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""Source: prctl(2), linux/prctl.h."""


def keep_memory_private() -> None:
    """Write no core dumps, of this process and of all that it starts; let no process of the same user look into it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
