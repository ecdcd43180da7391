"""A process that holds secrets shows its memory to nobody."""

import sys

from archiveworker.runtime import process

ASKS = """
import ctypes, resource
{first}
print(resource.getrlimit(resource.RLIMIT_CORE)[1], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
SHOWS = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[1])"
HARDENED = "from archiveworker.runtime.hardening import keep_memory_private; keep_memory_private()"


async def answer_of(first: str) -> list[str]:
    """Return the limit of cores and what PR_GET_DUMPABLE (prctl(2)) says, of a Python that did ``first``."""
    done = await process.run([sys.executable, "-c", ASKS.format(first=first)], timeout_s=60)
    return done.stdout.decode().split()


async def test_no_core_is_written_and_nobody_may_look() -> None:
    assert await answer_of(HARDENED) == ["0", "0"]
    assert (await answer_of(""))[1] == "1"


async def test_what_it_starts_writes_no_core_either() -> None:
    child = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {SHOWS!r}])"
    assert (await answer_of(f"{HARDENED}; {child}"))[0] == "0"
