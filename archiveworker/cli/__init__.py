"""The command line: one module a command, each with ``configure`` and ``run``.

The only place that reads the process's environment, and the only one that turns errors into exit codes. A command's
module is imported when it is asked for: most of them need neither the engine nor a browser, and should not wait for
their libraries.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NoReturn, Protocol, cast

from archiveworker import __version__
from archiveworker.domain.errors import ArchiveWorkerError

_USAGE: Final = 64
_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141
_EPILOG: Final = (
    "archiveworker COMMAND --help says more about each. Settings are environment variables (ARCHIVEWORKER_...)."
)


class _Parser(argparse.ArgumentParser):
    """Ends with EX_USAGE of sysexits.h: argparse's 2 is what ``verify`` says when it could not tell."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end."""
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: error: {message}\n")


class Command(Protocol):
    """What every command module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        ...

    def run(self, args: argparse.Namespace, env: Mapping[str, str]) -> int:
        """Do it and return the exit code."""
        ...


COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Run the worker: take jobs over HTTP and archive them.",
    "demo": "Run one whole job on this machine, with a made-up Moodle and time-stamp authority, and check the archive.",
    "submit": "Post a job from a JSON file (or from flags) to a running worker and follow it.",
    "jobs": "List, show, retry, redeliver or cancel jobs of a running worker.",
    "verify": "Check an archive (tar.gz, zip or an unpacked folder) and its time-stamps.",
    "evidence": "Hand out single files with proof of their time, renew time-stamps, list what needs renewing.",
    "bridge": "Give the database of a legacy LMS a read-only web API (peer-review exchange API); make its tokens.",
    "keys": "Make, list and change the keys that seal tokens at rest.",
    "render": "Render one HTML file to PDF/A, to try things.",
    "doctor": "Check this machine (Chromium, fonts, disk, time-stamps) and, if asked, an LMS; say what to type.",
}
"""Every command, which is also the name of its module, and what it does."""


def build_parser(wanted: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Args:
        wanted: commands whose arguments are needed; the others are only named.
    """
    parser = _Parser(
        prog="archiveworker",
        description="Archives exams of a learning management system: rendered, hashed, time-stamped, checkable.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"archiveworker {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in wanted:
            command = cast(Command, importlib.import_module(f"{__name__}.{name}"))
            command.configure(sub)
            sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is shown escaped: no reason to end with a traceback.
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if argv is None else argv
    args = build_parser([word for word in given if not word.startswith("-")][:1]).parse_args(given)
    try:
        code: int = args.run(args, os.environ)  # noqa: TID251 - the edge that hands the environment on
        sys.stdout.flush()
    except ArchiveWorkerError as exc:
        sys.stderr.write(f"archiveworker {args.command}: {' '.join(str(exc).split())}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    return code
