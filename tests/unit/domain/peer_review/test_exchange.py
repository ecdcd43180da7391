"""Records, JSON and JSON Schema agree: what one makes, the others take, and what one refuses, so do the others."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review import codec, exchange, schema
from archiveworker.domain.peer_review.base import Record
from archiveworker.domain.peer_review.exchange import ActivityDocument, PeerReviewFile, ProblemDocument
from archiveworker.domain.peer_review.model import Activity, PeerReview
from archiveworker.domain.peer_review.queue import Lock, Queue, QueueItem
from archiveworker.domain.peer_review.work import Submission
from archiveworker.runtime import resources
from tests.unit.domain.peer_review import strategies

DOCUMENTS = {f"{name}_page": kind for name, kind in exchange.PAGES.items()} | {
    "activity": ActivityDocument,
    "problem": ProblemDocument,
    "peer_review_file": PeerReviewFile,
}
SLOW_TO_MAKE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def validator(name: str) -> jsonschema.Draft202012Validator:
    whole = json.loads(resources.text(schema.RESOURCE))
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]}, format_checker=jsonschema.FormatChecker()
    )


VALIDATORS = {name: validator(name) for name in DOCUMENTS}


def test_the_schema_that_ships_is_that_of_the_records() -> None:
    assert resources.data(schema.RESOURCE) == schema.render(), "run tests/tools/write_schemas.py"
    jsonschema.Draft202012Validator.check_schema(schema.build())


def test_every_field_of_the_schema_is_described() -> None:
    for name, part in schema.build()["$defs"].items():
        for field, described in part.get("properties", {}).items():
            assert described.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=12, suppress_health_check=SLOW_TO_MAKE)
@given(data=st.data())
def test_every_document_fits_the_schema_and_comes_back_the_same(name: str, data: st.DataObject) -> None:
    document = data.draw(strategies.record(DOCUMENTS[name]))
    raw = codec.encode(document)
    VALIDATORS[name].validate(json.loads(raw))
    assert codec.decode(raw, DOCUMENTS[name]) == document
    assert codec.from_plain(codec.to_plain(document), DOCUMENTS[name]) == document
    assert codec.encode(codec.decode(raw, DOCUMENTS[name])) == raw


REFUSED: list[tuple[str, Any, str]] = [
    ("activities_page", {"items": [{"id": "", "system": "x", "title": "t"}]}, "id must be a text"),
    ("activities_page", {"items": [{"id": "a\x00", "system": "x", "title": "t"}]}, "id must be a text"),
    ("activities_page", {"items": [{"id": 7, "system": "x", "title": "t"}]}, r"\$\.items\[0\]\.id"),
    ("activities_page", {"items": [{"id": "7", "system": "x"}]}, "missing required field `title`"),
    ("activities_page", {"items": [], "api_version": 2}, "api_version"),
    ("activities_page", {}, "missing required field `items`"),
    ("activities_page", {"items": [{"id": "7", "system": "x", "title": "t", "phase": "over"}]}, "phase"),
    ("submissions_page", {"items": [{"id": "7", "created_at": "2026-01-02T03:04:05"}]}, "must be in UTC"),
    ("submissions_page", {"items": [{"id": "7", "created_at": "2026-01-02T03:04:05+01:00"}]}, "must be in UTC"),
    ("submissions_page", {"items": [{"id": "7", "created_at": 1767323045}]}, "created_at"),
    ("submissions_page", {"items": [{"id": "7", "late": "no"}]}, "late"),
    ("submissions_page", {"items": [{"id": "7", "grade": {"raw": "80"}}]}, r"grade\.raw"),
    ("reviews_page", {"items": [{"id": "7", "allocation_id": "1", "form_hash": "abc"}]}, "form_hash must be 64"),
    ("files_page", {"items": [{"id": "1", "area": "form", "filename": "f", "sha256": "A" * 64}]}, "sha256 must be 64"),
    ("peer_review_file", {"peer_review": {"activity": None}}, "activity"),
    ("problem", {"error": {"code": "expired"}}, "message"),
]


@pytest.mark.parametrize(("name", "document", "why"), REFUSED, ids=[f"{n}-{w}" for n, _, w in REFUSED])
def test_what_is_no_document_is_refused_by_reader_and_schema(name: str, document: Any, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        codec.from_plain(document, DOCUMENTS[name])
    with pytest.raises(RecordError, match=why):
        codec.decode(json.dumps(document), DOCUMENTS[name])
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS[name].validate(document)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"<html>login</html>", b'{"items": [NaN]}', b'{"items":[]}{}'])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(RecordError, match="is not in the peer-review exchange format"):
        codec.decode(raw, exchange.PAGES["forms"])


def test_a_field_of_a_later_version_is_ignored() -> None:
    page = codec.decode(b'{"items": [{"id": "1", "colour": "blue"}], "took_ms": 3}', exchange.PAGES["submissions"])
    assert page.items == (Submission(id="1"),)


def test_numbers_that_are_none_are_refused_when_made() -> None:
    with pytest.raises(ValueError, match="grade_max must be a finite number"):
        Activity(id="1", system="x", title="t", grade_max=float("nan"))
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Activity(id="1", system="x", title="\ud800")


def test_an_activity_is_put_together_from_its_pages() -> None:
    activity = Activity(id="1", system="x", title="t")
    work = Submission(id="5")
    nothing: dict[str, list[Record]] = {name: [] for name in exchange.OF_AN_ACTIVITY}
    assert exchange.assemble(ActivityDocument(activity), nothing) == PeerReview(activity)
    first = Queue(items=(QueueItem("5", 2),))
    second = Queue(locks=(Lock("9"),))
    whole = exchange.assemble(ActivityDocument(activity), nothing | {"submissions": [work], "queue": [first, second]})
    assert whole.submissions == (work,)
    assert whole.queue == Queue(items=first.items, locks=second.locks)


def test_the_reference_page_names_every_collection_and_record() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "peer-review-exchange.md").read_text(encoding="utf-8")
    for name in exchange.OF_AN_ACTIVITY:
        assert f"`/activities/{{id}}/{name}`" in page
    for limit in (exchange.MAX_PAGE_SIZE, exchange.DEFAULT_PAGE_SIZE):
        assert str(limit) in page
