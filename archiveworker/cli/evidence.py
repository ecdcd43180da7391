"""``archiveworker evidence``: proof for single files, renewal of time-stamps, and what needs renewing."""

import argparse
import asyncio
import importlib
import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import RequestError
from archiveworker.evidence.due import Due, survey
from archiveworker.evidence.extract import extract
from archiveworker.evidence.renewal import Renewed, renew
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime.clock import Clock, SystemClock

_UNITS: Final = {"d": 1, "w": 7, "m": 30, "y": 365}
_NAMES_OTHERS: Final = re.compile(
    r"(manifest-sha256\.txt|(data/)?(index\.html|errors\.csv|findings\.csv|[^/]+_metadata\.csv|backups?[./].*))"
    r"(\.sha256)?\Z"
)
_DUE_EPILOG: Final = """\
Exit status: 0 nothing is due, 1 something is (or cannot be judged). For cron: it prints nothing when nothing is due.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "Write a zip with files of an archive and proof of when they existed, and nothing about anyone else."
    one = commands.add_parser("extract", help=text, description=text)
    one.add_argument("archive", metavar="ARCHIVE", type=Path, help="a .tar.gz or .zip file, or an unpacked folder")
    one.add_argument("paths", metavar="PATH", nargs="*", help="a file or folder, as manifest-sha256.txt calls it")
    one.add_argument("--person", metavar="ID", help="everything of this user id, user name or ID number (or userid=7)")
    one.add_argument("-o", "--output", metavar="OUT.zip", type=Path, help="default: ARCHIVE.proof.zip, here")
    text = "Have archives stamped anew, by one time-stamp for all, and keep that beside them."
    two = commands.add_parser("renew", help=text, description=text, epilog="Authorities: ARCHIVEWORKER_TSA_URLS.")
    two.add_argument("archives", metavar="ARCHIVE", type=Path, nargs="+", help="a .tar.gz or .zip file, or a folder")
    two.add_argument(
        "--hash", choices=[a.value for a in HashAlgorithm], help="digest from now on; another one makes new hash trees"
    )
    text = "List the archives below a folder whose newest time-stamp ages soon."
    three = commands.add_parser("due", help=text, description=text, epilog=_DUE_EPILOG)
    three.add_argument("folder", metavar="DIR", type=Path, help="folder with archives, or one archive")
    three.add_argument("--within", metavar="TIME", default="90d", help="such as 90d, 12w, 6m, 1y (default 90d)")
    three.add_argument(
        "--digest-ends", metavar="HASH=DATE", action="append", default=[], help="such as sha256=2035-01-01"
    )
    three.add_argument("--json", action="store_true", help="print all archives as JSON")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do it and return the exit status."""
    if args.action == "extract":
        return _extract(args)
    if args.action == "renew":
        return asyncio.run(_renew(args, env))
    return _due(args, SystemClock())


def _extract(args: argparse.Namespace) -> int:
    target = args.output or Path(
        f"{args.archive.resolve().name.removesuffix('.zip').removesuffix('.tar.gz')}.proof.zip"
    )
    done = extract(args.archive, target, paths=args.paths, person=args.person)
    for name in done.names:
        if _NAMES_OTHERS.match(name):
            sys.stderr.write(f"archiveworker evidence: warning: {name} is about everybody in the archive\n")
        sys.stdout.write(f"{name}\n")
    sys.stdout.write(f"{done.path}: {len(done.names)} files, proved for {_moment(done.proved.proved_at)}\n")
    return 0


async def _renew(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    # The rest of the command needs neither the settings nor a network, and should not wait for their libraries.
    timestamping = importlib.import_module("archiveworker.timestamping")
    runtime_logging.configure("ERROR", as_json=False)
    settings, notes = importlib.import_module("archiveworker.settings").Settings.from_env(env)
    for note in notes:
        sys.stderr.write(f"archiveworker evidence: {note}\n")
    async with timestamping.open_timestamper(settings) as timestamper:
        if timestamper is None:
            raise RequestError(
                "there is nobody to stamp: set ARCHIVEWORKER_TSA_URLS to a time-stamp authority (RFC 3161)"
            )
        algorithm = HashAlgorithm(args.hash) if args.hash else None
        for one in await renew(args.archives, timestamper, algorithm=algorithm):
            sys.stdout.write(_renewed(one))
    return 0


def _renewed(one: Renewed) -> str:
    kind = "new hash tree and time-stamp" if one.is_hash_tree else "new time-stamp"
    newest = one.proved.stamps[-1]
    lines = [
        f"{one.archive}: {kind} of {_moment(newest.stamp.generated_at)} by {newest.stamp.tsa_name}, "
        f"certificates valid until {newest.expires_at:%Y-%m-%d}; kept in {one.folder}\n"
    ]
    if len(one.proved.stamps) > 1 and one.proved.stamps[-2].late:
        lines.append(f"{one.archive}: it came late: the certificate of the time-stamp before had expired already\n")
    return "".join(lines)


def _due(args: argparse.Namespace, clock: Clock) -> int:
    if not args.folder.exists():
        raise RequestError(f"there is no folder {str(args.folder)!r}; check the path")
    before = clock.now() + _span(args.within)
    found = list(survey(args.folder, dict(_digest_end(text) for text in args.digest_ends)))
    due = [one for one in found if one.is_due(before)]
    if args.json:
        document = {"before": before.isoformat(timespec="seconds"), "archives": [_as_json(o, before) for o in found]}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(_sentence(one) for one in due)
    return 1 if due else 0


def _sentence(one: Due) -> str:
    if one.end is None:
        return f"{one.archive}: {one.problem}\n"
    return f"{one.archive}: renew before {one.end.at:%Y-%m-%d}: {one.end.why}\n"


def _as_json(one: Due, before: datetime) -> dict[str, Any]:
    return {
        "archive": str(one.archive),
        "due": one.is_due(before),
        "renew_before": one.end.at.isoformat() if one.end else None,
        "why": one.end.why if one.end else one.problem,
        "stamped_at": one.stamped_at.isoformat() if one.stamped_at else None,
        "digest_algorithm": one.algorithm.value if one.algorithm else None,
    }


def _span(text: str) -> timedelta:
    found = re.match(r"([0-9]{1,5})([dwmy])\Z", text)
    if not found:
        raise RequestError(f"--within is a number with d, w, m or y behind it, such as 90d; got {text!r}")
    return timedelta(days=int(found[1]) * _UNITS[found[2]])


def _digest_end(text: str) -> tuple[HashAlgorithm, datetime]:
    name, _, day = text.partition("=")
    try:
        return HashAlgorithm(name), datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise RequestError(f"--digest-ends is a digest and a day, such as sha256=2035-01-01; got {text!r}") from exc


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
