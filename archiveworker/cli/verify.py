"""``archiveworker verify``: says of an archive whether it is what was stamped, check by check."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from archiveworker.domain.errors import ArchiveWorkerError
from archiveworker.domain.evidence import Check, Verdict, VerificationReport
from archiveworker.evidence.verify import verify

_EXIT = {Verdict.GOOD: 0, Verdict.BAD: 1, Verdict.UNKNOWN: 2}
_CLOSING = {
    Verdict.GOOD: "GOOD: the archive is complete, unchanged and stamped by a trusted authority",
    Verdict.BAD: "BAD: the archive is damaged, was changed, or its time-stamp does not hold",
    Verdict.UNKNOWN: "UNKNOWN: nothing wrong was found, but not everything could be told",
}
_EPILOG = """\
Exit status: 0 good, 1 bad, 2 could not tell.

A time-stamp proves who made it only by a certificate that you trust: get the certificate of the time-stamp authority
from the authority itself and name it with --ca. Without --ca the time-stamp's own certificates are used to tell
whether it is sound, and the answer is 2 at best. So it is for an archive without a time-stamp.

The archive's detached time-stamp is taken from the file beside it that has its name and .tsr at the end (X.tar.gz.tsr
or X.tsr), unless --tsr names another one.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to ``parser``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("archive", metavar="ARCHIVE", type=Path, help="a .tar.gz or .zip file, or an unpacked folder")
    parser.add_argument("--tsr", metavar="FILE", type=Path, help="the archive's detached time-stamp (DER)")
    parser.add_argument("--ca", metavar="FILE", type=Path, help="trusted certificates of the authority (PEM)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Verify, print the report, and return the exit status: 0 good, 1 bad, 2 could not tell."""
    try:
        tsr = args.tsr or _beside(args.archive)
        reply = tsr.read_bytes() if tsr is not None else None
        trusted_pem = args.ca.read_bytes() if args.ca is not None else None
        report = verify(args.archive, reply=reply, trusted_pem=trusted_pem)
    except (ArchiveWorkerError, OSError) as exc:
        # Nothing was found out about the archive, and that is status 2, whatever status the error has elsewhere.
        sys.stderr.write(f"archiveworker verify: {exc}\n")
        return _EXIT[Verdict.UNKNOWN]
    sys.stdout.write(_as_json(report) if args.json else _as_text(report))
    return _EXIT[report.verdict]


def _beside(archive: Path) -> Path | None:
    if not archive.is_file():
        return None
    stem = archive.name.removesuffix(".tar.gz").removesuffix(".zip")
    candidates = (archive.with_name(f"{name}.tsr") for name in (archive.name, stem))
    return next((tsr for tsr in candidates if tsr.is_file()), None)


def _as_text(report: VerificationReport) -> str:
    lines = [f"{check.verdict.value:<8}{_number(report, check)}. {_sentence(check)}" for check in report.checks]
    return "\n".join([report.archive, *lines, _CLOSING[report.verdict]]) + "\n"


def _number(report: VerificationReport, check: Check) -> int:
    return report.steps.index(check.name.split(".")[0]) + 1


def _sentence(check: Check) -> str:
    return f"{check.name.replace('_', ' ')}: {check.subject}: {check.message}"


def _as_json(report: VerificationReport) -> str:
    document = {
        "archive": report.archive,
        "verdict": report.verdict.value,
        "file_count": report.file_count,
        "checks": [
            {
                "number": _number(report, check),
                "name": check.name,
                "verdict": check.verdict.value,
                "subject": check.subject,
                "message": check.message,
            }
            for check in report.checks
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
