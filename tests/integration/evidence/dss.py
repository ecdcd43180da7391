"""Asks DSS, the European Commission's library, about evidence records, and reads its answer strictly.

``make judges`` puts it into ``build/judges/dss``. Its start takes seconds, so one process judges all records of a test.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

JUDGE = Path(__file__).resolve().parents[3] / "build" / "judges" / "dss"
_LIMIT_S = 300
_COLUMNS = 6


class ReportError(Exception):
    """DSS did not say what it has to say."""


@dataclass(frozen=True)
class Verdict:
    """What DSS says about one record.

    Attributes:
        indication: ``PASSED``, ``FAILED`` or ``INDETERMINATE``.
        sub_indication: why, e.g. ``SIGNED_DATA_NOT_FOUND``; None when it passed.
        passed_count: time-stamps that hold.
        count: of all time-stamps.
        stamped_at: time of the first one, ISO 8601.
        messages: whatever it has against the record.
    """

    indication: str
    sub_indication: str | None
    passed_count: int
    count: int
    stamped_at: str
    messages: str

    @property
    def is_accepted(self) -> bool:
        return self.indication == "PASSED" and self.passed_count == self.count > 0 and not self.messages


def need_dss() -> None:
    """Skip the test where the judge cannot be asked."""
    if shutil.which("java") is None or not (JUDGE / "EvidenceRecords.class").is_file():
        pytest.skip("needs Java: DSS is not in build/judges ('make judges' builds it)")


async def judge(pairs: Sequence[tuple[Path, Path]], roots: Sequence[Path], crls: Sequence[Path] = ()) -> list[Verdict]:
    """Return a verdict for each record and its file.

    Args:
        pairs: record and file.
        roots: certificates that are trusted, PEM.
        crls: lists of revoked certificates that are not in the records, DER, called ``.crl``.

    Raises:
        ReportError: DSS did not judge every record.
    """
    process = await asyncio.create_subprocess_exec(
        "java", "-Xshare:auto", "-cp", f"{JUDGE}:{JUDGE}/*", "EvidenceRecords", *map(str, [*roots, *crls]),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    lines = "".join(f"{record.resolve()}\t{file.resolve()}\n" for record, file in pairs)
    async with asyncio.timeout(_LIMIT_S):
        out, err = await process.communicate(lines.encode())
    if process.returncode != 0:
        raise ReportError(f"DSS ended with status {process.returncode}: {err.decode()[-1500:]}")
    return read_report(out.decode(), len(pairs))


def read_report(text: str, count: int) -> list[Verdict]:
    """Read what the judge printed.

    Raises:
        ReportError: it is not one line for each of ``count`` records, or a line lacks something.
    """
    rows = [line.split("\t") for line in text.splitlines()]
    if len(rows) != count or any(len(row) != _COLUMNS for row in rows):
        raise ReportError(f"{count} records were to be judged, the report is {text!r}")
    return [_verdict(row) for row in rows]


def _verdict(row: Sequence[str]) -> Verdict:
    indication, sub_indication, passed, count, at, messages = row
    if indication not in ("PASSED", "FAILED", "INDETERMINATE") or (sub_indication == "null") != (
        indication == "PASSED"
    ):
        raise ReportError(f"this is no verdict of DSS: {row}")
    return Verdict(
        indication, None if sub_indication == "null" else sub_indication, int(passed), int(count), at, messages
    )
