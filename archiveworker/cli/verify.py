"""``archiveworker verify``: says of an archive whether it is what was stamped, check by check."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from archiveworker import __version__
from archiveworker.domain.errors import ArchiveWorkerError, VerificationError
from archiveworker.domain.evidence import Verdict, VerificationReport
from archiveworker.evidence import evidence_names
from archiveworker.evidence.verify import verify
from archiveworker.runtime.clock import SystemClock

_EXIT: Final = {Verdict.GOOD: 0, Verdict.BAD: 1, Verdict.UNKNOWN: 2}
_CLOSING: Final = {
    Verdict.GOOD: "GOOD: the archive is complete, unchanged and stamped by a trusted authority",
    Verdict.BAD: "BAD: the archive is damaged, was changed, contradicts itself, or its time-stamp does not hold",
    Verdict.UNKNOWN: "UNKNOWN: nothing wrong was found, but not everything could be told",
}
_BAD_INPUT: Final = 65
_NO_INPUT: Final = 66
_NOT_WRITTEN: Final = 73
_MAX_GIVEN_BYTES: Final = 16 * 1024**2
_EPILOG: Final = """\
Exit status: 0 good, 1 bad, 2 could not tell; without a verdict: 64 wrong arguments, 65 --ca or --tsr is no such
file, 66 something cannot be read, 73 the report cannot be written.

A time-stamp proves who made it only by a certificate that you trust: get the certificate of the time-stamp authority
from the authority itself and name it with --ca. Without --ca the time-stamp's own certificates are used to tell
whether it is sound, and the answer is 2 at best. So it is for an archive without a time-stamp.

The archive's detached time-stamps are taken from the files beside it that have its name and .tsr, .2.tsr ... at the end
(X.tar.gz.tsr or X.tsr), unless --tsr names others.
"""


class _PrintSchema(argparse.Action):
    """Prints the schema and ends, like ``--version``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from archiveworker.reports.verification import json_schema  # slow to load; see _rendered

        sys.stdout.write(json_schema())
        parser.exit()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to ``parser``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("archive", metavar="ARCHIVE", type=Path, help="a .tar.gz or .zip file, or an unpacked folder")
    parser.add_argument(
        "--tsr", metavar="FILE", type=Path, action="append", help="the archive's detached time-stamp (DER); repeatable"
    )
    parser.add_argument("--ca", metavar="FILE", type=Path, help="trusted certificates of the authority (PEM)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a report for people, to read or print")
    parser.add_argument("--lang", choices=("en", "de"), default="en", help="language of the HTML report (en)")
    parser.add_argument("--json-schema", action=_PrintSchema, nargs=0, help="print the JSON Schema of --json and end")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Verify, print the report, and return the exit status: 0 good, 1 bad, 2 could not tell."""
    try:
        replies = [_given(tsr) for tsr in args.tsr or _beside(args.archive)]
        trusted_pem = _given(args.ca) if args.ca is not None else None
        report = verify(args.archive, reply=replies, trusted_pem=trusted_pem)
    except VerificationError as exc:
        # Nothing was found out about the archive: not status 1, whatever status the error has elsewhere.
        return _failed(str(exc), _BAD_INPUT)
    except ArchiveWorkerError as exc:
        return _failed(str(exc), exc.exit_code)
    except OSError as exc:
        return _failed(str(exc), _NO_INPUT)
    if args.html is not None:
        try:
            _write(args.html, _rendered(report, "html", args.lang))
        except OSError as exc:
            return _failed(f"the report cannot be written: {exc}", _NOT_WRITTEN)
    sys.stdout.write(_rendered(report, "json", args.lang) if args.json else _as_text(report))
    return _EXIT[report.verdict]


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"archiveworker verify: {message}\n")
    return code


def _given(file: Path) -> bytes:
    """Read a certificate or a time-stamp.

    Raises:
        VerificationError: it is too large to be one.
    """
    with file.open("rb") as source:
        data = source.read(_MAX_GIVEN_BYTES + 1)
    if len(data) > _MAX_GIVEN_BYTES:
        raise VerificationError(f"{file} has more than {_MAX_GIVEN_BYTES} bytes; it is no certificate or time-stamp")
    return data


def _write(file: Path, text: str) -> None:
    """Write ``text`` so that no half of it is ever seen under the name."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _beside(archive: Path) -> list[Path]:
    """Return the archive's detached time-stamps: the first one, and those with a number."""
    if not archive.is_file():
        return []
    stem = archive.name.removesuffix(".tar.gz").removesuffix(".zip")
    found = (evidence_names.replies_beside(archive.parent, name) for name in (archive.name, stem))
    return next((files for files in found if files), [])


def _rendered(report: VerificationReport, kind: str, lang: str) -> str:
    # The template engine is slow to load, and most calls want the text alone.
    from archiveworker.reports.verification import Occasion, render_html, render_json

    occasion = Occasion(f"archiveworker {__version__}", SystemClock().now())
    return render_json(report, occasion) if kind == "json" else render_html(report, occasion, lang=lang)


def _as_text(report: VerificationReport) -> str:
    lines = [
        f"{c.verdict.value:<8}{report.number_of(c)}. {c.name.replace('_', ' ')}: {c.subject}: {c.message}"
        for c in report.checks
    ]
    return "\n".join([report.archive, *lines, _CLOSING[report.verdict]]) + "\n"
