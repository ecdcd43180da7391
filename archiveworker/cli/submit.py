"""``archiveworker submit``: post a job from a JSON file, or from flags, and follow it."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from archiveworker.cli.client import WorkerClient, add_worker_argument, admin_token
from archiveworker.cli.progress import follow
from archiveworker.domain.errors import AccessDeniedError, RequestError

NAME = "submit"
HELP = "Post a job from a JSON file (or from flags) to a running worker and follow it."

SECTIONS: Final = (
    "header", "quiz_feedback", "quiz_grade", "question", "question_correctness", "question_marks",
    "question_feedback", "general_feedback", "rightanswer", "history", "attachments",
)  # fmt: skip
"""Report sections of quiz_archiver 4.1.0 and later (contracts: every section of the plugin must be named)."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_worker_argument(parser)
    parser.add_argument("--source", default="quiz_archiver", help="path below /archive (default quiz_archiver)")
    parser.add_argument("--no-follow", action="store_true", help="print the job's id and end")
    parser.add_argument("file", nargs="?", type=Path, help="JSON body of the job; - for standard input")
    flags = parser.add_argument_group("without a file: a job for Moodle's quiz_archiver 4.1 (API version 7)")
    configure_moodle(flags)
    flags.add_argument("--paper", default="A4", help="paper format (default A4)")
    flags.add_argument("--name", default="quiz-archive", help="file name of the archive, without extension")
    flags.add_argument("--html", action="store_true", help="keep HTML files too")


def configure_moodle(flags: "argparse._ArgumentGroup") -> None:
    """Add the arguments that name a quiz of a Moodle and its token."""
    flags.add_argument("--moodle", help="address of Moodle, e.g. https://moodle.example.org")
    flags.add_argument("--token-file", type=Path, help="file with the web-service token (ARCHIVEWORKER_SUBMIT_TOKEN)")
    flags.add_argument("--course", type=int, help="course id")
    flags.add_argument("--cm", type=int, help="course module id of the quiz")
    flags.add_argument("--quiz", type=int, help="quiz id")
    flags.add_argument("--attempts", help="attempt ids, comma-separated")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Post and follow; exit 0 when the job FINISHED, 1 when it did not."""
    body = _from_file(args.file) if args.file else body_from_flags(args, env)
    return asyncio.run(_submit(args, body, admin_token(env)))


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        body = json.loads(text)
    except OSError as exc:
        raise RequestError(f"{file} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise RequestError(f"{file} is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise RequestError(f"{file} must hold a JSON object")
    return body


def body_from_flags(args: argparse.Namespace, env: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a job for quiz_archiver 4.1.

    Raises:
        RequestError: a flag is missing.
    """
    needed = {"--moodle": args.moodle, "--course": args.course, "--cm": args.cm, "--quiz": args.quiz}
    missing = [flag for flag, value in {**needed, "--attempts": args.attempts}.items() if value is None]
    if missing:
        raise RequestError(f"give a JSON file, or {', '.join(missing)} as well")
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
            "paper_format": getattr(args, "paper", "A4"),
            "keep_html_files": getattr(args, "html", False),
            "foldername_pattern": "${username}/${attemptid}",
            "filename_pattern": "attempt-${attemptid}-${username}",
            "image_optimize": False,
        },
        "task_moodle_backups": None,
        "archive_filename": getattr(args, "name", "doctor"),
    }


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as exc:
        raise RequestError(f"--attempts must be whole numbers with commas between, got {text!r}") from exc


def _token(args: argparse.Namespace, env: Mapping[str, str]) -> str:
    if args.token_file is not None:
        try:
            return str(args.token_file.read_text(encoding="utf-8").strip())
        except OSError as exc:
            raise RequestError(f"--token-file {args.token_file} cannot be read: {exc.strerror}") from exc
    token = env.get("ARCHIVEWORKER_SUBMIT_TOKEN", "")
    if not token:
        raise RequestError("the token is missing: give --token-file, or set ARCHIVEWORKER_SUBMIT_TOKEN")
    return token


async def _submit(args: argparse.Namespace, body: dict[str, Any], admin: str | None) -> int:
    async with WorkerClient(args.worker, admin) as worker:
        answer = await worker.post(f"/archive/{args.source}", body)
        job_id = answer["jobid"]
        sys.stdout.write(f"{job_id}\n")
        sys.stdout.flush()
        if args.no_follow:
            return 0
        try:
            view = await follow(lambda: worker.get(f"/jobs/{job_id}"))
        except AccessDeniedError as exc:
            raise AccessDeniedError(f"the job {job_id} runs, but cannot be followed: {exc}") from exc
    if view["state"] == "FINISHED":
        archive = view["archive"]
        sys.stderr.write(f"{archive['name']}: {archive['size_bytes']} bytes, sha256 {archive['sha256']}\n")
        return 0
    sys.stderr.write(f"{view['state']}: {view['reason']}\n")
    return 1
