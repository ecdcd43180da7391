"""The time of a process tree is counted whole, whoever of it ends first."""

import subprocess
import sys
import time
from pathlib import Path

from tests.tools.processes import CpuCount, family

BURNT_S = 0.4
BURN = f"import time\nwhile time.process_time() < {BURNT_S}: pass"
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1] + "\\nprint('burnt', flush=True)\\ninput()"])
{after}
"""


def _started(after: str) -> "subprocess.Popen[str]":
    """Start a process (whose parent is this one's child) that has one that burns time, says so and waits for a line."""
    top = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], stdin=0); input()"
    command = [sys.executable, "-c", top, PARENT.format(after=after), BURN]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _wait_for_end_of(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)


def test_a_child_that_was_waited_for_and_one_that_nobody_waits_for_are_counted_once() -> None:
    for after, waits in (("child.wait()", True), ("sys.stdin.readline()", False)):
        with _started(after) as top:
            assert top.stdin is not None
            assert top.stdout is not None
            assert top.stdout.readline() == "burnt\n"
            count = CpuCount(top.pid)
            with_all_living_s = count.look()
            _, parent, _ = family(top.pid)
            if waits:
                top.stdin.write("go on\n")
                top.stdin.flush()
            else:
                subprocess.run(["kill", "-KILL", str(parent)], check=True)
            _wait_for_end_of(parent)
            after_s = count.look()
            assert with_all_living_s >= BURNT_S
            assert with_all_living_s <= after_s < with_all_living_s + BURNT_S
            assert count.look() == after_s, "looking again counts nothing twice"
            top.stdin.close()
