"""The command line: one module a command, each with ``NAME``, ``HELP``, ``configure`` and ``run``.

The only place that reads the process's environment, and the only one that turns errors into exit codes.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from archiveworker import __version__
from archiveworker.cli import demo, doctor, jobs, render, serve, submit, verify
from archiveworker.domain.errors import ArchiveWorkerError


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
    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args, os.environ)  # noqa: TID251 - the edge that hands the environment on
    except ArchiveWorkerError as exc:
        sys.stderr.write(f"archiveworker {args.command}: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    return code
