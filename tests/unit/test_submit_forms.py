"""A job from flags is one that its source takes."""

import argparse
from typing import Any

import pytest

from archiveworker import connectors
from archiveworker.cli import build_parser, submit_forms
from archiveworker.domain.errors import RequestError
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout
from archiveworker.settings import Settings

ENV = {"ARCHIVEWORKER_SUBMIT_TOKEN": "0123456789abcdef0123456789abcdef"}
SETTINGS = Settings(delivery_dirs=("records=/tmp",))
ROUTES = connectors.routes_of(connectors.build_sources(SETTINGS, ["records"]))
KEPT = ["--format", "zip", "--layout", "bagit", "--keep-years", "5", "--legal-basis", "Section 12"]
FORMS = {
    "quiz_archiver": [
        "--moodle",
        "https://m.example",
        "--course",
        "1",
        "--cm",
        "2",
        "--quiz",
        "3",
        "--attempts",
        "4,5",
    ],
    "workshop": ["--moodle", "https://m.example/", "--cm", "2", "--excerpts", "--to", "lms", "--to", "records"],
    "peer_review": ["--lms", "https://l.example/x", "--activity", "assignment:12", "--to", "records", "--pseudonyms"],
    "edx_proctoring": ["--lms", "https://l.example", "--course-key", "course-v1:A+B+C", "--to", "records"],
}


def _args(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(["submit", *words])


@pytest.mark.parametrize("source", FORMS)
def test_a_job_from_flags_is_taken_as_it_was_meant(source: str) -> None:
    body = submit_forms.body_of(_args("--source", source, *FORMS[source], *KEPT, "--name", "exam"), ENV)
    taken = ROUTES[f"/{source}"].parse(body)
    assert taken.options.archive_name == "exam"
    assert taken.options.archive_format is ArchiveFormat.ZIP
    assert taken.options.layout is ArchiveLayout.BAGIT
    assert (taken.options.retention.keep_years, taken.options.retention.legal_basis) == (5, "Section 12")
    assert taken.targets == {"quiz_archiver": ("lms",), "workshop": ("lms", "records")}.get(source, ("records",))


@pytest.mark.parametrize("source", FORMS)
def test_what_was_not_said_is_left_to_the_worker(source: str) -> None:
    body = submit_forms.body_of(_args("--source", source, *FORMS[source]), ENV)
    said: dict[str, Any] = body if source == "quiz_archiver" else body["options"]
    assert not {"archive_format", "archive_layout", "retention"} & set(said)
    assert ROUTES[f"/{source}"].parse(body)


def test_client_credentials_take_the_place_of_a_token() -> None:
    words = ("--source", "edx_proctoring", *FORMS["edx_proctoring"], "--client-id", "archive", "--pseudonyms")
    body = submit_forms.body_of(_args(*words), ENV)
    assert body["lms"]["client_id"] == "archive"
    assert "token" not in body["lms"]
    assert body["options"]["include_pii"] is False


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("quiz_archiver", "--moodle, --course, --cm, --quiz, --attempts"),
        ("workshop", "--moodle, --cm"),
        ("peer_review", "--moodle, --activity"),
        ("edx_proctoring", "--moodle, --course-key"),
    ],
)
def test_what_is_missing_is_named(source: str, missing: str) -> None:
    with pytest.raises(RequestError, match=f"missing: {missing}$"):
        submit_forms.body_of(_args("--source", source), ENV)


def test_a_source_without_flags_wants_a_file() -> None:
    with pytest.raises(RequestError, match="give a JSON file for --source archivingmod_quiz"):
        submit_forms.body_of(_args("--source", "archivingmod_quiz"), ENV)
