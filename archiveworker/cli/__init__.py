"""The command line: one module a command, each with ``NAME``, ``HELP``, ``configure`` and ``run``.

The only place that reads the process's environment, and the only one that turns errors into exit codes.
"""

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from archiveworker import __version__
from archiveworker.cli import demo, doctor, jobs, render, serve, submit, verify
from archiveworker.domain.errors import ArchiveWorkerError

_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141
_EPILOG: Final = (
    "archiveworker COMMAND --help says more about each. Settings are environment variables (ARCHIVEWORKER_...)."
)


class Command(Protocol):
    """What every command module offers."""

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        ...

    def run(self, args: argparse.Namespace, env: Mapping[str, str]) -> int:
        """Do it and return the exit code."""
        ...


COMMANDS: Final = (serve, demo, submit, jobs, verify, render, doctor)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="archiveworker",
        description="Archives exams of a learning management system: rendered, hashed, time-stamped, checkable.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"archiveworker {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        command.configure(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is shown escaped: no reason to end with a traceback.
            stream.reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
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
