"""The mapping language: what is wrong is said with its key, before any database is asked."""

import dataclasses
from pathlib import Path

import pytest

from archiveworker.bridge import mapping
from archiveworker.bridge.fields import RECORDS
from archiveworker.bridge.plan import make_plan
from archiveworker.domain.errors import MappingError
from archiveworker.domain.peer_review.form import Form
from archiveworker.domain.peer_review.model import Activity, MatrixCell, Participant
from archiveworker.domain.peer_review.queue import Counter, Lock, QueueItem
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import File, Submission

HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "connect-a-legacy-lms.md"
SMALL = """
mapping_version = 1
system = "tiny"
[activity]
kind = "course"
from = "course"
key = "course.id"
[activity.fields]
id = "course.id"
title = "course.name"
"""
PEOPLE = """
[[participants]]
from = "person"
key = "person.id"
[participants.fields]
id = "person.id"
"""


@pytest.mark.parametrize("name", mapping.PRESETS)
def test_the_presets_are_right(name: str) -> None:
    plan = make_plan(mapping.load(name))
    assert plan.mapping.system == name
    assert len(plan.queries) > 10


def test_a_small_mapping_is_enough() -> None:
    plan = make_plan(mapping.parse(SMALL + PEOPLE, "small"))
    assert plan.activity.columns == ("course.id", "course.name")


def test_a_mapping_can_change_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('extends = "crowdsessment"\n[activity.fields]\nquota_given = 3\nquota_received = 3\n')
    plan = make_plan(mapping.load(str(path)))
    assert plan.activity.single["quota_given"].value({}) == 3
    assert plan.collections["reviews"] == make_plan(mapping.load("crowdsessment")).collections["reviews"]


WRONG = [
    ("mapping_version = 1", "mapping_version = 2", "mapping_version must be 1, got 2"),
    ('system = "tiny"', "", "missing required field `system`"),
    ('kind = "course"', "", "missing required field `kind`"),
    ('kind = "course"', 'kind = "course"\ncolour = "red"', "unknown field `colour`"),
    ('title = "course.name"', "", "activity.fields lacks title"),
    ('title = "course.name"', 'titel = "course.name"', "activity.fields.titel is not a field that is known"),
    ('title = "course.name"', 'title = "name"', "activity.fields.title must be a column like upload.id, got 'name'"),
    ('title = "course.name"', 'title = "other.name"', "of a table that the query does not name"),
    ('title = "course.name"', 'title = "course.name; DROP TABLE x"', "must be a column like"),
    ('title = "course.name"', 'title = { from = "course.a", value = "b" }', "a table with one of: from, first"),
    ('title = "course.name"', 'title = { sql = "1" }', "unknown field `sql`"),
    (
        'title = "course.name"',
        'title = "course.name"\nphase = { value = "late" }',
        "fields.phase must be a word",
    ),
    (
        'title = "course.name"',
        'title = "course.name"\nquota_given = { value = "x" }',
        "must be a whole number",
    ),
    ('title = "course.name"', 'title = "course.name"\ninstructions = "course.name"', "instructions must be a list"),
    (
        'title = "course.name"',
        'title = "course.name"\nreview_open = { from = "course.t", read = "magic" }',
        "review_open.read must be time or end_of_day or epoch, got 'magic'",
    ),
    ('title = "course.name"', 'title = { from = "course.name", format = "html" }', "format is for texts with a format"),
    ('key = "person.id"', 'key = "person.id"\nwhere = { "person.x" = { is = "nothing" } }', "must be null or not null"),
    ('key = "person.id"', 'key = "person.id"\nwhere = { "person.x" = "@nowhere.id" }', "nowhere.id is of a table"),
    (
        'key = "person.id"',
        'key = "person.id"\njoin = [{ table = "person", on = { id = "person.id" } }]',
        "there twice",
    ),
    (SMALL, "a = = b", "is no TOML"),
    (SMALL, 'extends = "moodle"', "extends must be crowdsessment or workup"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[one[2] for one in WRONG])
def test_what_is_wrong_is_named(old: str, new: str, message: str) -> None:
    text = SMALL + PEOPLE
    assert old in text
    with pytest.raises(MappingError) as caught:
        make_plan(mapping.parse(text.replace(old, new), "small"))
    assert message in str(caught.value)


def test_a_file_that_cannot_be_a_mapping(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * 300_000)
    with pytest.raises(MappingError, match="larger than 262144 bytes"):
        mapping.load(str(huge))
    with pytest.raises(MappingError, match="cannot be read"):
        mapping.load(str(tmp_path))


def test_fields_are_those_of_the_model() -> None:
    """Besides those that the language flattens, every field is one of the record's, and every record's can be said."""
    records = {
        "activity": Activity, "participants": Participant, "forms": Form, "submissions": Submission,
        "allocations": Allocation, "reviews": Review, "files": File, "queue_items": QueueItem, "locks": Lock,
        "counters": Counter, "matrix": MatrixCell,
    }  # fmt: skip
    flattened = {
        "activity": {"author_hidden", "reviewer_hidden"},
        "submissions": {"grade_raw", "grade_over", "grade_by", "grade_max"},
        "reviews": {"grade_raw", "grade_over", "grade_by", "grade_max", "form"},
        "files": {"stored"},
    }
    made_by_the_bridge = {
        "activity": {"system", "anonymity", "form_hash", "redactions", "config_raw"},
        "participants": {"pseudonym"},
        "forms": {"hash", "file_ids"},
        "submissions": {"grade", "kind", "content_hash"},
        "reviews": {"review_grade", "form_hash"},
        "files": {"path", "size_bytes", "mimetype", "sha256", "status", "text_url"},
        "matrix": {"allocation_id"},
    }
    for name, record in records.items():
        said = set(RECORDS[name]) - flattened.get(name, set())
        assert said | made_by_the_bridge.get(name, set()) == {one.name for one in dataclasses.fields(record)}, name


def test_the_page_has_every_key_and_field() -> None:
    text = HOWTO.read_text(encoding="utf-8")
    parts = (mapping.Mapping, mapping.ActivityQuery, mapping.Query, mapping.Join, mapping.Condition, mapping.Expression)
    keys = {name for part in (*parts, mapping.Counts) for name in part.__struct_encode_fields__}
    fields = {name for record in RECORDS.values() for name in record}
    assert {one for one in keys | fields if f"`{one}`" not in text} == set()
