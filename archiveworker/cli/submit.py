"""``archiveworker submit``: post a job from a JSON file, or from flags, and follow it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from archiveworker.cli import submit_forms
from archiveworker.cli.client import add_worker_argument, client_of
from archiveworker.cli.progress import follow_job, tell_end
from archiveworker.client import WorkerClient, WorkerNotFoundError, WorkerUnavailableError, WrongTokenError
from archiveworker.domain.errors import RequestError

_DEFAULT_SOURCE: Final = "quiz_archiver"
_EPILOG: Final = (
    "Moodle's plugin knows the jobs that it posted itself, and takes no archive of any other: post one that it waits "
    "for. Exit status: 0 the job FINISHED, 1 it did not, others: it was not posted or could not be followed."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="JOB.json",
        help="body of the job, as the plugin posts it; - for standard input",
    )
    add_worker_argument(parser)
    parser.add_argument(
        "--source", default=_DEFAULT_SOURCE, help="path below /archive: quiz_archiver (default), peer_review, ..."
    )
    parser.add_argument(
        "--priority", type=int, metavar="N", help="-10 to 10, higher is sooner (default 0); for administrators"
    )
    parser.add_argument("--no-follow", action="store_true", help="print the job's id and end")
    submit_forms.configure(parser)


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Post and follow; exit 0 when the job FINISHED, 1 when it did not."""
    body = _with_token(_from_file(args.file), args, env) if args.file else submit_forms.body_of(args, env)
    with client_of(args, env) as worker:
        job_id = _post(worker, args.source, args.priority, body)
        sys.stdout.write(f"{job_id}\n")
        sys.stdout.flush()
        return 0 if args.no_follow else asyncio.run(_follow(worker, job_id))


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        body = json.loads(text)
    except OSError as exc:
        raise RequestError(f"{file} cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise RequestError(f"{file} is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise RequestError(f"{file} must hold a JSON object")
    return body


def _with_token(body: dict[str, Any], args: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """Put the token into a job that has neither one nor client credentials, so that it need not stand in its file."""
    lms = body.get("lms")
    if not isinstance(lms, dict) or "token" in lms or "client_id" in lms:
        return body
    return {**body, "lms": {**lms, "token": submit_forms.token_of(args, env)}}


async def _follow(worker: WorkerClient, job_id: str) -> int:
    again = f"look at it with: archiveworker jobs show {job_id}"
    try:
        view = await follow_job(worker, job_id)
    except (WrongTokenError, WorkerUnavailableError) as exc:
        raise type(exc)(f"the job {job_id} was taken, but cannot be followed: {exc}; {again}") from exc
    except asyncio.CancelledError:
        sys.stderr.write(f"\nThe job goes on; {again}\n")
        raise
    return tell_end(view)


def _post(worker: WorkerClient, source: str, priority: int | None, body: dict[str, Any]) -> str:
    try:
        return worker.submit(source, body, priority=priority)
    except WorkerNotFoundError as exc:
        raise RequestError(f"--source {source}: the worker has no /archive/{source}") from exc
