"""Jobs from flags: what ``archiveworker submit`` posts when no JSON file is given, for each interface."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from archiveworker.cli.client import read_token
from archiveworker.domain.errors import RequestError
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout

Body = dict[str, Any]

SECTIONS: Final = (
    "header", "quiz_feedback", "quiz_grade", "question", "question_correctness", "question_marks",
    "question_feedback", "general_feedback", "rightanswer", "history", "attachments",
)  # fmt: skip
"""Report sections of quiz_archiver 4.1.0 and later (contracts: every section of the plugin must be named)."""
_QUIZ_NAME: Final = "quiz-archive"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that make a job."""
    quiz = parser.add_argument_group("without a file: a job for Moodle's quiz_archiver 4.1 (API version 7)")
    configure_moodle(quiz)
    quiz.add_argument("--paper", default="A4", help="paper format (default A4)")
    quiz.add_argument(
        "--name", help=f"file name of the archive, without extension (default {_QUIZ_NAME}, or what it is about)"
    )
    quiz.add_argument("--html", action="store_true", help="keep HTML files too; the other sources always do")
    others = parser.add_argument_group(
        "without a file, with --source workshop (--moodle, --cm), peer_review (--lms, --activity) or edx_proctoring "
        "(--lms, --course-key)"
    )
    others.add_argument("--activity", metavar="ID", help="peer_review: the LMS's id of the activity")
    others.add_argument("--course-key", metavar="KEY", help="edx_proctoring: e.g. course-v1:Org+Course+Run")
    others.add_argument(
        "--client-id", metavar="ID", help="edx_proctoring: the token is the secret of this client, and brings new ones"
    )
    others.add_argument("--allow-open", action="store_true", help="also while works or reviews still change")
    others.add_argument("--excerpts", action="store_true", help="a copy for each author and reviewer")
    others.add_argument("--pseudonyms", action="store_true", help="no names; the key is delivered beside the archive")
    others.add_argument(
        "--to", action="append", default=[], metavar="NAME", help="a delivery target (more than once: several)"
    )
    _configure_packaging(parser.add_argument_group("for every source; without them, as the worker's settings say"))


def configure_moodle(flags: "argparse._ArgumentGroup") -> None:
    """Add the arguments that name a quiz of a Moodle and its token."""
    flags.add_argument("--moodle", "--lms", metavar="URL", help="address of the LMS, e.g. https://moodle.example.org")
    flags.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the web-service token; or set ARCHIVEWORKER_SUBMIT_TOKEN"
    )
    flags.add_argument("--course", type=int, metavar="ID", help="course id")
    flags.add_argument("--cm", type=int, metavar="ID", help="course module id of the quiz or workshop")
    flags.add_argument("--quiz", type=int, metavar="ID", help="quiz id")
    flags.add_argument("--attempts", metavar="ID,ID...", help="attempt ids, comma-separated")


def _configure_packaging(flags: "argparse._ArgumentGroup") -> None:
    flags.add_argument("--format", choices=list(ArchiveFormat), help="container")
    flags.add_argument("--layout", choices=list(ArchiveLayout), help="where things stand in it")
    flags.add_argument("--keep-until", metavar="YYYY-MM-DD", help="last day on which the archive must exist")
    flags.add_argument("--keep-years", type=int, metavar="N", help="the same in years after the newest attempt")
    flags.add_argument("--legal-basis", metavar="TEXT", help="why it is kept")
    flags.add_argument("--deletion-class", metavar="TEXT", help="how it is to be destroyed")


def body_of(args: argparse.Namespace, env: Mapping[str, str]) -> Body:
    """Return the body of the job that the flags describe.

    Raises:
        RequestError: the source has no flags, or some are missing.
    """
    form = _FORMS.get(args.source)
    if form is None:
        raise RequestError(
            f"flags make a job for {', '.join(sorted(_FORMS))}; give a JSON file for --source {args.source}"
        )
    return form(args, env)


def quiz_body(args: argparse.Namespace, env: Mapping[str, str]) -> Body:
    """Return the body of a job for quiz_archiver 4.1.

    Args:
        args: every argument of ``configure``; of those that package, also none.
        env: may hold the token.

    Raises:
        RequestError: something is missing, or the attempts are no numbers.
    """
    _need(args, "moodle", "course", "cm", "quiz", "attempts")
    base = args.moodle.rstrip("/")
    return {
        "api_version": 7,
        "moodle_base_url": base,
        "moodle_ws_url": f"{base}/webservice/rest/server.php",
        "moodle_upload_url": f"{base}/webservice/upload.php",
        "wstoken": token_of(args, env),
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
        "archive_filename": args.name or _QUIZ_NAME,
        **_packaging(args),
    }


def _workshop_body(args: argparse.Namespace, env: Mapping[str, str]) -> Body:
    _need(args, "moodle", "cm")
    return {**_frame(args, {"token": token_of(args, env)}, _review_options(args)), "workshop": {"cmid": args.cm}}


def _peer_review_body(args: argparse.Namespace, env: Mapping[str, str]) -> Body:
    _need(args, "moodle", "activity")
    return {**_frame(args, {"token": token_of(args, env)}, _review_options(args)), "activity": args.activity}


def _edx_body(args: argparse.Namespace, env: Mapping[str, str]) -> Body:
    _need(args, "moodle", "course_key")
    secret = token_of(args, env)
    credentials = {"client_id": args.client_id, "client_secret": secret} if args.client_id else {"token": secret}
    return {**_frame(args, credentials, {"include_pii": not args.pseudonyms}), "course_id": args.course_key}


_FORMS: Final[Mapping[str, Callable[[argparse.Namespace, Mapping[str, str]], Body]]] = {
    "quiz_archiver": quiz_body,
    "workshop": _workshop_body,
    "peer_review": _peer_review_body,
    "edx_proctoring": _edx_body,
}


def _frame(args: argparse.Namespace, credentials: Mapping[str, str], options: Mapping[str, Any]) -> Body:
    """Return what the requests without a plugin have in common."""
    chosen = {"paper_format": args.paper, **options, **_packaging(args)}
    if args.name:
        chosen["archive_filename"] = args.name
    delivery = {"delivery": {"to": args.to}} if args.to else {}
    return {
        "api_version": 1,
        "lms": {"base_url": args.moodle.rstrip("/"), **credentials},
        "options": chosen,
        **delivery,
    }


def _review_options(args: argparse.Namespace) -> Body:
    return {"allow_open": args.allow_open, "excerpts": args.excerpts, "pseudonyms": args.pseudonyms}


def _packaging(args: argparse.Namespace) -> Body:
    """Return what was said of container, layout and retention, and nothing that was not."""
    names = ("keep_until", "keep_years", "legal_basis", "deletion_class")
    retention = {name: value for name in names if (value := getattr(args, name, None)) is not None}
    said = {"archive_format": getattr(args, "format", None), "archive_layout": getattr(args, "layout", None)}
    return {**{name: value for name, value in said.items() if value}, **({"retention": retention} if retention else {})}


def _need(args: argparse.Namespace, *names: str) -> None:
    missing = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) is None]
    if missing:
        raise RequestError(f"give a JSON file, or a job by flags; missing: {', '.join(missing)}")


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as exc:
        raise RequestError(f"--attempts must be whole numbers with commas between, got {text!r}") from exc


def token_of(args: argparse.Namespace, env: Mapping[str, str]) -> str:
    """Return the token of the LMS.

    Raises:
        RequestError: there is none.
    """
    if args.token_file is not None:
        return read_token(args.token_file)
    token = env.get("ARCHIVEWORKER_SUBMIT_TOKEN", "").strip()
    if not token:
        raise RequestError("the token is missing: give --token-file, or set ARCHIVEWORKER_SUBMIT_TOKEN")
    return token
