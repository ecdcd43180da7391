"""What ``archiveworker verify`` costs beside what an auditor does by hand: ``tar xzf`` and ``sha256sum -c``.

usage: python tests/tools/bench_verify.py [--mib N] [--rounds N]

One archive, made here: files of 1 MiB, as compressible as what a job packs (PDF and HTML, half of it already
compressed). Both ways take turns over it, each as processes of its own, started anew; pages are in the cache for both.
The ratio of one run is what counts: at most ``ALLOWED``. A second, harder figure leaves out writing the files:
``gzip -t`` in place of ``tar``.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.evidence import layout
from archiveworker.evidence.container import pack
from tests.unit.evidence.golden import MOMENT

ROOT = Path(__file__).parents[2]
ALLOWED = 1.5
_MIB = 1024**2
# A process begins with the resident set of the one that it was forked from, and Linux counts that as its peak: so
# commands are started by a small one.
_LAUNCHER = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=sys.stderr)
"""
_HALF = _MIB // 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of checking took.

    Attributes:
        way: ``verify``, ``by hand`` or ``by hand, nothing written``.
        wall_s: from start to end.
        cpu_s: of all its processes.
        peak_bytes: largest resident set of one of them.
    """

    way: str
    wall_s: float
    cpu_s: float
    peak_bytes: int


def make_archive(folder: Path, size_mib: int) -> Path:
    """Pack ``size_mib`` files of 1 MiB, unstamped."""
    spool = folder / "spool"
    spool.mkdir()
    noise = random.Random(7)
    words = ["".join(noise.choices("abcdefghijklmnopqrstuvwxyz", k=noise.randint(2, 9))) for _ in range(4000)]
    text = " ".join(noise.choices(words, k=400_000)).encode()
    files = []
    for number in range(size_mib):
        at = noise.randrange(len(text) - _HALF)
        data = noise.randbytes(_HALF) + text[at : at + _HALF]
        (spool / f"{number}.bin").write_bytes(data)
        path = ArchivePath(f"attempts/student{number:05}/{number}/attempt.pdf")
        files.append(ArchiveFile(path, f"{number}.bin", Sha256.of(data), len(data), MOMENT))
    contents = layout.with_sidecars(files)
    manifest = layout.manifest_of(contents)
    record = layout.JobRecord(JobId("00000000-0000-4000-8000-000000000000"), MOMENT, "bench", "https://lms.example")
    entries = [*contents, manifest, *layout.evidence_of(manifest, (), record)]
    packed = pack(entries, spool=spool, target=folder / "bench.tar.gz")
    for file in spool.iterdir():
        file.unlink()
    return packed.path


def run(way: str, commands: Sequence[tuple[Sequence[str], Path]], *, expected: int) -> Cost:
    """Run commands one after the other, each in its folder, and return what they took together."""
    began, cpu_s, peak_bytes = time.monotonic(), 0.0, 0
    for argv, folder in commands:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *argv],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        code, command_cpu_s, peak_kib = done.stderr.splitlines()[-1].split()
        if int(code) != expected:
            raise SystemExit(f"{' '.join(argv)} ended with {code}, expected {expected}: {done.stderr}")
        cpu_s += float(command_cpu_s)
        peak_bytes = max(peak_bytes, int(peak_kib) * 1024)
    return Cost(way, time.monotonic() - began, cpu_s, peak_bytes)


def measure(size_mib: int, rounds: int) -> dict[str, Any]:
    """Return the costs of each round and their ratios, the rounds taken together."""
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="archiveworker-bench-") as name:
        folder = Path(name)
        archive = make_archive(folder, size_mib)
        size_bytes = archive.stat().st_size
        for number in range(rounds):
            tree = folder / f"tree{number}"
            tree.mkdir()
            compare = ["sha256sum", "--quiet", "-c", "manifest-sha256.txt"]
            # 2: an archive without a time-stamp is complete and unchanged, and its time is not proved.
            verify = [sys.executable, "-m", "archiveworker", "verify", str(archive)]
            costs.append(run("verify", [(verify, folder)], expected=2))
            costs.append(run("by hand", [(["tar", "xzf", str(archive)], tree), (compare, tree)], expected=0))
            nowhere = [(["gzip", "-t", str(archive)], folder), (compare, tree)]
            costs.append(run("by hand, nothing written", nowhere, expected=0))
            subprocess.run(["rm", "-r", str(tree)], check=True)
    return {
        "size_mib": size_mib,
        "archive_bytes": size_bytes,
        "wall_ratio": _ratio(costs, "by hand", "wall_s"),
        "cpu_ratio": _ratio(costs, "by hand", "cpu_s"),
        "wall_ratio_nothing_written": _ratio(costs, "by hand, nothing written", "wall_s"),
        "cpu_ratio_nothing_written": _ratio(costs, "by hand, nothing written", "cpu_s"),
        "costs": [asdict(cost) for cost in costs],
    }


def _ratio(costs: Sequence[Cost], other: str, what: str) -> float:
    mine = sum(getattr(cost, what) for cost in costs if cost.way == "verify")
    return float(mine / sum(getattr(cost, what) for cost in costs if cost.way == other))


def sentence(found: dict[str, Any]) -> str:
    """Return the figures as one line."""
    mine = [cost for cost in found["costs"] if cost["way"] == "verify"]
    wall_s = sum(cost["wall_s"] for cost in mine) / len(mine)
    peak_mib = max(cost["peak_bytes"] for cost in mine) / _MIB
    return (
        f"Verify: {found['size_mib']} MiB in {wall_s:.1f} s and {peak_mib:.0f} MiB of memory; "
        f"{found['wall_ratio']:.2f} times tar and sha256sum (CPU {found['cpu_ratio']:.2f}; with nothing written "
        f"{found['wall_ratio_nothing_written']:.2f}, CPU {found['cpu_ratio_nothing_written']:.2f}); "
        f"at most {ALLOWED} is allowed"
    )


def main() -> int:
    """Measure and print; 1 when it takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mib", type=int, default=1024, help="size of what is packed")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    found = measure(args.mib, args.rounds)
    sys.stdout.write(sentence(found) + "\n")
    return int(found["wall_ratio"] > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
