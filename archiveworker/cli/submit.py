"""``archiveworker submit``: post a job from a JSON file, or from flags, and follow it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from archiveworker.cli.client import WorkerClient, add_worker_argument, admin_token, job_path, read_token
from archiveworker.cli.progress import follow, tell_end
from archiveworker.domain.errors import AccessDeniedError, NotFoundError, RequestError, SourceUnavailableError

SECTIONS: Final = (
    "header", "quiz_feedback", "quiz_grade", "question", "question_correctness", "question_marks",
    "question_feedback", "general_feedback", "rightanswer", "history", "attachments",
)  # fmt: skip
"""Report sections of quiz_archiver 4.1.0 and later (contracts: every section of the plugin must be named)."""

_FLAGS_SOURCE: Final = "quiz_archiver"
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
        "--source", default=_FLAGS_SOURCE, help="path below /archive: quiz_archiver (default), peer_review, ..."
    )
    parser.add_argument("--no-follow", action="store_true", help="print the job's id and end")
    flags = parser.add_argument_group("without a file: a job for Moodle's quiz_archiver 4.1 (API version 7)")
    configure_moodle(flags)
    flags.add_argument("--paper", default="A4", help="paper format (default A4)")
    flags.add_argument(
        "--name", default="quiz-archive", help="file name of the archive, without extension (default quiz-archive)"
    )
    flags.add_argument("--html", action="store_true", help="keep HTML files too")


def configure_moodle(flags: "argparse._ArgumentGroup") -> None:
    """Add the arguments that name a quiz of a Moodle and its token."""
    flags.add_argument("--moodle", metavar="URL", help="address of Moodle, e.g. https://moodle.example.org")
    flags.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the web-service token; or set ARCHIVEWORKER_SUBMIT_TOKEN"
    )
    flags.add_argument("--course", type=int, metavar="ID", help="course id")
    flags.add_argument("--cm", type=int, metavar="ID", help="course module id of the quiz")
    flags.add_argument("--quiz", type=int, metavar="ID", help="quiz id")
    flags.add_argument("--attempts", metavar="ID,ID...", help="attempt ids, comma-separated")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Post and follow; exit 0 when the job FINISHED, 1 when it did not."""
    body = _with_token(_from_file(args.file), args, env) if args.file else _from_flags(args, env)
    return asyncio.run(_submit(args, body, admin_token(env)))


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
    return {**body, "lms": {**lms, "token": _token(args, env)}}


def _from_flags(args: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    if args.source != _FLAGS_SOURCE:
        raise RequestError(f"flags make a job for {_FLAGS_SOURCE}; give a JSON file for --source {args.source}")
    needed = {"--moodle": args.moodle, "--course": args.course, "--cm": args.cm, "--quiz": args.quiz}
    missing = [flag for flag, value in {**needed, "--attempts": args.attempts}.items() if value is None]
    if missing:
        raise RequestError(f"give a JSON file, or a job by flags; missing: {', '.join(missing)}")
    return body_from_flags(args, env)


def body_from_flags(args: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a job for quiz_archiver 4.1.

    Args:
        args: every argument of ``configure`` but those of the worker.
        env: may hold the token.

    Raises:
        RequestError: the token is missing, or the attempts are no numbers.
    """
    base = args.moodle.rstrip("/")
    return {
        "api_version": 7,
        "moodle_base_url": base,
        "moodle_ws_url": f"{base}/webservice/rest/server.php",
        "moodle_upload_url": f"{base}/webservice/upload.php",
        "wstoken": _token(args, env),
        "courseid": args.course,
        "cmid": args.cm,
        "quizid": args.quiz,
        "task_archive_quiz_attempts": {
            "attemptids": _ids(args.attempts),
            "fetch_metadata": True,
            "sections": dict.fromkeys(SECTIONS, "1"),
            "paper_format": args.paper,
            "keep_html_files": args.html,
            "foldername_pattern": "${username}/${attemptid}",
            "filename_pattern": "attempt-${attemptid}-${username}",
            "image_optimize": False,
        },
        "task_moodle_backups": None,
        "archive_filename": args.name,
    }


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as exc:
        raise RequestError(f"--attempts must be whole numbers with commas between, got {text!r}") from exc


def _token(args: argparse.Namespace, env: Mapping[str, str]) -> str:
    if args.token_file is not None:
        return read_token(args.token_file)
    token = env.get("ARCHIVEWORKER_SUBMIT_TOKEN", "").strip()
    if not token:
        raise RequestError("the token is missing: give --token-file, or set ARCHIVEWORKER_SUBMIT_TOKEN")
    return token


async def _submit(args: argparse.Namespace, body: dict[str, Any], admin: str | None) -> int:
    async with WorkerClient(args.worker, admin) as worker:
        job_id = await _post(worker, args.source, body)
        sys.stdout.write(f"{job_id}\n")
        sys.stdout.flush()
        if args.no_follow:
            return 0
        again = f"look at it with: archiveworker jobs show {job_id}"
        try:
            view = await follow(lambda: worker.get(job_path(job_id)))
        except (AccessDeniedError, SourceUnavailableError) as exc:
            raise type(exc)(f"the job {job_id} was taken, but cannot be followed: {exc}; {again}") from exc
        except asyncio.CancelledError:
            sys.stderr.write(f"\nThe job goes on; {again}\n")
            raise
    return tell_end(view)


async def _post(worker: WorkerClient, source: str, body: dict[str, Any]) -> str:
    try:
        answer = await worker.post(f"/archive/{quote(source, safe='')}", body)
        return str(answer["jobid"])
    except NotFoundError as exc:
        raise RequestError(f"--source {source}: the worker has no /archive/{source}") from exc
    except KeyError as exc:
        raise RequestError(f"{worker.url} took the job, but is not an archiveworker: it gave no job id") from exc
