"""What the schemas promise is read, and what is posted today is promised: schema and reader side by side."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import best_match

from archiveworker.domain.errors import RequestError
from archiveworker.domain.ports import Source
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.quiz_archiver.versions import API_VERSIONS
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource
from tests.contract.sources.posted import backup, quiz_request, quiz_task, task_request
from tests.unit.sources.test_requests import WRONG, changed

BASE = "https://moodle.example.org/learn"
CONFIG = MoodleConfig(max_items=50, max_backups=3)
REVIEWED = ReviewedConfig(("directory", "records-2", "lms"), default_targets=("directory",))
SOURCES: list[Source] = [
    QuizArchiverSource(CONFIG),
    ArchivingmodQuizSource(CONFIG),
    ArchivingmodAssignSource(CONFIG),
    WorkshopSource(CONFIG, REVIEWED),
    PeerReviewExchangeSource(ExchangeConfig(), REVIEWED),
    EdxProctoringSource(EdxConfig(), REVIEWED),
]
SCHEMAS = [(source, name, schema) for source in SOURCES for name, schema in source.request_schemas().items()]
RETENTION = {"keep_until": "2090-12-31", "legal_basis": "Section 12", "deletion_class": "P-5", "keep_years": None}
PACKAGING = {"archive_format": "zip", "archive_layout": "bagit", "retention": RETENTION}
OPTIONS = {
    "allow_open": True,
    "excerpts": "1",
    "archive_filename": "Übung",
    "paper_format": "Letter",
    "on_item_error": "report",
    **PACKAGING,
}
EXPORT = {
    "users": {"7": "learner7"},
    "reviews": [{"id": 1, "created": "2026-01-02T03:04:05Z", "review_status": "Clean", "attempt_code": "A" * 36}],
    "comments": [{"review_id": 1, "start_time": 1, "stop_time": 2.5, "comment": "x", "status": "Suspicious"}],
}
EDX = {
    "api_version": 1,
    "lms": {"base_url": "https://lms.example.org/x", "token": "a.b.c", "bridge": None},
    "course_id": "course-v1:Lab+EXAM101+2026",
    "exam_ids": [2, 3],
    "usernames": ["learner1", "Ümit"],
    "export": EXPORT,
    "options": {"include_pii": False, "keep_until": "2090-01-01"},
    "delivery": {"to": ["directory", "records-2"]},
}
TOKEN = "0123456789abcdef0123456789abcdef"
LMS = {"base_url": "https://lms.example.org:8443/x", "token": TOKEN}
REVIEW = {
    "api_version": 1,
    "lms": LMS,
    "activity": "assignment:12",
    "options": OPTIONS,
    "delivery": {"to": ["directory"]},
}
WORKSHOP = {**REVIEW, "workshop": {"cmid": 3, "courseid": "4", "workshopid": 5}}
del WORKSHOP["activity"]
NEWER = {"moodle_max_upload_bytes": "5000000", "flatten_archive": True, "include_filehashes": 0}
BODIES: dict[str, list[dict[str, Any]]] = {
    "quiz_archiver": [
        *(quiz_request(version, BASE) for version in API_VERSIONS),
        *(quiz_request(v, BASE, task_moodle_backups=[backup(BASE), backup(BASE, 2)]) for v in API_VERSIONS),
        quiz_request(7, BASE, task_archive_quiz_attempts=None, task_moodle_backups=[backup(BASE)], **PACKAGING),
        quiz_request(7, BASE, task_archive_quiz_attempts={**quiz_task(7), **NEWER}, **NEWER, a_key_of_the_future=[1]),
    ],
    "archivingmod_quiz": [task_request("quiz", BASE), task_request("quiz", BASE, archive_flatten=1)],
    "archivingmod_assign": [task_request("assign", BASE), task_request("assign", BASE, foldername_pattern=None)],
    "workshop": [WORKSHOP, {**WORKSHOP, "workshop": {"workshopid": 1, "courseid": 2}, "delivery": None}],
    "peer_review": [REVIEW, {key: REVIEW[key] for key in ("api_version", "lms", "activity")}],
    "edx_proctoring": [EDX, {**EDX, "lms": {**LMS, "token": None, "client_id": "a", "client_secret": "b"}}],
}
BEYOND_A_SCHEMA = re.compile(
    r"same host|must be different from the names|same backupid twice|not on the job's own Moodle|"
    r"not an address that can be used|names a target that this worker does not have"
)
"""What only the reader can tell: relations between fields, what the administrator set up, what no address can be."""


def _pattern(_validator: Any, pattern: str, text: object, _schema: Any) -> Iterator[ValidationError]:
    """Read ``$`` as JSON Schema does (ECMA-262): the text ends there. For Python a line's end may follow."""
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), text):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    validator: Draft202012Validator = _Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return validator


VALIDATORS = {source.name: [_validator(s) for s in source.request_schemas().values()] for source in SOURCES}


def _is_promised(source: Source, body: Any) -> bool:
    return any(validator.is_valid(body) for validator in VALIDATORS[source.name])


def _refusal(source: Source, body: Any) -> str:
    try:
        source.parse(body)
    except RequestError as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize(("source", "name", "schema"), SCHEMAS, ids=[name for _, name, _ in SCHEMAS])
def test_the_example_is_valid_and_taken(source: Source, name: str, schema: dict[str, Any]) -> None:
    [example] = schema["examples"]
    assert best_match(_validator(schema).iter_errors(example)) is None
    assert _refusal(source, example) == ""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_is_posted_today_is_promised(source: Source) -> None:
    for body in BODIES[source.name]:
        assert _refusal(source, body) == ""
        assert _is_promised(source, body), [best_match(v.iter_errors(body)) for v in VALIDATORS[source.name]]


@pytest.mark.parametrize("version", API_VERSIONS)
def test_each_version_is_promised_its_own_schema_alone(version: int) -> None:
    names = list(SOURCES[0].request_schemas())
    valid = [
        n for n, v in zip(names, VALIDATORS["quiz_archiver"], strict=True) if v.is_valid(quiz_request(version, BASE))
    ]
    assert valid == [f"QuizArchiverV{version}"]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_what_is_refused_is_not_promised(path: str, value: Any, sentence: str) -> None:
    body = changed(quiz_request(7, BASE), path, value)
    refused = _refusal(SOURCES[0], body)
    if refused and not BEYOND_A_SCHEMA.search(refused) and value != 1.0:  # for JSON Schema 1.0 is the same as 1
        assert not _is_promised(SOURCES[0], body)


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from _places(node[key], (*path, key))


def _replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed_node = copy.copy(node)
    changed_node[path[0]] = _replaced(node[path[0]], path[1:], value)
    return changed_node


def _without(node: Any, path: tuple[Any, ...]) -> Any:
    if len(path) > 1:
        return _replaced(node, path[:1], _without(node[path[0]], path[1:]))
    rest = copy.copy(node)
    del rest[path[0]]
    return rest


ODD_TEXTS = [
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "a\nb",
        "x\n",
        "\x1c",
        "\x85",
        "\u2028",
        ".",
        "..",
        " . ",
        "a/b",
        "a:b",
        "é",
        "𝄞",
        "1",
        "0",
        "007",
    ),
    *("9" * 18, "9" * 19, "9" * 20, "-1", "1.0", "2090-02-30", "2090-2-3", "http://", "http://a b", "https://x:99999"),
    *(
        "https://x?y",
        "https://x#y",
        "https://user@x",
        "https://x/\\",
        "ftp://x",
        "HTTPS://X",
        "a+b+c",
        "a/b/c",
        "a+b/c",
    ),
    *("true", "A4", "a4", "zip", "lms", "-x", "x" * 5000, "https://moodle.example.org/webservice/pluginfile.php/1"),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([2**63 - 1, 2**63, 100, 101, 1.5, 7.5, -1]),
    st.sampled_from(ODD_TEXTS),
    st.text(max_size=6),
    st.sampled_from([[], {}, [1, 1], [1, 2], [0], ["a"], ["a", "a"], [None], {"": 1}, {"x": "1"}, {"keep_years": 5}]),
    st.sampled_from([{"cmid": 1}, {"to": []}, {"to": ["x"]}, {"width": 1, "height": "2", "quality": "0"}]),
)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_the_schema_promises_is_taken(source: Source, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(BODIES[source.name]))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([place for place in _places(body) if place]))
        body = _without(body, path) if data.draw(st.booleans()) and isinstance(path[-1], str) else body
        if not any(place == path for place in _places(body)):
            continue
        body = _replaced(body, path, data.draw(ODD))
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # such a body is refused before a source sees it
    refused = _refusal(source, body)
    if _is_promised(source, body) and not BEYOND_A_SCHEMA.search(refused):
        assert refused == ""
