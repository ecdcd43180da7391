"""workUp's database and upload folder, made up, without anything irregular (that is in ``legacy_workup_faults``).

Tables and columns are those of Siequnu/workUp with its flask-* modules, as Flask-SQLAlchemy names them (app/models.py;
those that peer review does not touch are left out). Nothing here is shared with the bridge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from archiveworker.demo.legacy import Script
from archiveworker.demo.people import NAMES

METADATA: Final = sa.MetaData()
_NAME: Final = sa.String(140)
at: Final = datetime.fromisoformat  # wall-clock times without a zone, as the application stores them
DUE: Final = date(2026, 5, 4)
UPLOADED: Final = at("2026-05-03 18:00:00")
REVIEWED: Final = at("2026-05-06 09:30:00")
PROCESS_START: Final = at("2026-01-07 03:11:09")


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, METADATA, sa.Column("id", sa.Integer, primary_key=True), *columns)


def _ref(name: str, target: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{target}.id"))


_table(
    "turma",
    sa.Column("turma_number", _NAME),
    sa.Column("turma_label", sa.String(280)),
    sa.Column("turma_term", _NAME),
    sa.Column("turma_year", sa.Integer),
)
_table(
    "user",
    sa.Column("username", sa.String(64), unique=True),
    sa.Column("email", sa.String(120), unique=True),
    sa.Column("password_hash", sa.String(128)),
    sa.Column("student_number", sa.String(12)),
    sa.Column("is_admin", sa.Boolean),
)
_table("enrollment", _ref("user_id", "user"), _ref("turma_id", "turma"))
_table("class_management", _ref("user_id", "user"), _ref("turma_id", "turma"))
_table(
    "peer_review_form",
    sa.Column("title", _NAME),
    sa.Column("description", sa.String(280)),
    sa.Column("serialised_form_data", sa.String(4000)),
    _ref("created_by_id", "user"),
    sa.Column("timestamp", sa.DateTime),
)
_FILE: Final = ("original_filename", "filename")
_table(
    "assignment_task_file", *(sa.Column(name, _NAME) for name in _FILE), sa.Column("timestamp", sa.DateTime),
    _ref("user_id", "user"),
)  # fmt: skip
_table(
    "assignment",
    sa.Column("title", _NAME),
    sa.Column("description", sa.String(1000)),
    sa.Column("due_date", sa.Date),
    _ref("created_by_id", "user"),
    _ref("target_turma_id", "turma"),
    sa.Column("timestamp", sa.DateTime),
    sa.Column("peer_review_necessary", sa.Boolean),
    sa.Column("open_peer_review", sa.Boolean),
    _ref("peer_review_form_id", "peer_review_form"),
    _ref("assignment_task_file_id", "assignment_task_file"),
)
_table(
    "upload", *(sa.Column(name, _NAME) for name in _FILE), sa.Column("timestamp", sa.DateTime), _ref("user_id", "user"),
    _ref("assignment_id", "assignment"),
)  # fmt: skip
_table(
    "comment",
    sa.Column("comment", sa.String(5000)),
    sa.Column("timestamp", sa.DateTime),
    _ref("user_id", "user"),
    sa.Column("file_id", sa.Integer),  # no foreign key, as in the application
    sa.Column("pending", sa.Boolean),
    _ref("assignment_id", "assignment"),
)
_table(
    "comment_file_upload", *(sa.Column(name, _NAME) for name in _FILE), sa.Column("timestamp", sa.DateTime),
    _ref("user_id", "user"), _ref("comment_id", "comment"),
)  # fmt: skip
_table("assignment_grade", _ref("upload_id", "upload"), sa.Column("grade", sa.Float), _ref("user_id", "user"))
_table("download", sa.Column("filename", _NAME), sa.Column("timestamp", sa.DateTime), _ref("user_id", "user"))


def _question(title: str, kind: str, *choices: str, required: bool = True) -> dict[str, Any]:
    listed = [{"title": one.title(), "value": one, "checked": False} for one in choices]
    return {"title": title, "type": f"element-{kind}", "required": required, "position": 0, "choices": listed}


FORM: Final = [
    {"title": "The text", "type": "element-section-break", "required": False, "description": "Read it twice."},
    _question("Is the claim clear?", "paragraph-text"),
    _question("What is well done", "checkboxes", "structure", "sources", "style", required=False),
    _question("Overall", "multiple-choice", "poor", "fair", "good"),
    _question("Pages", "number", required=False),
]
ANSWERS: Final = {
    "_csrf_token": "IjU1YzQ4",
    "is_the_claim_clear?": "Yes, from the first page on. <script>alert(1)</script>",
    "what_is_well_done_0": "structure",
    "what_is_well_done_2": "style",
    "overall": "good",
    "pages": "12",
}
SWAPPED_FORM: Final = [_question("Grammar", "single-line-text"), _question("Remarks", "paragraph-text", required=False)]
ODD_FORM: Final = [
    _question("Really?", "single-line-text", required=False),
    _question("REALLY?", "single-line-text", required=False),
    _question("优点", "paragraph-text", required=False),
    _question("缺点", "paragraph-text", required=False),
    _question("Plain", "single-line-text"),
]
ODD_ANSWERS: Final = {"_csrf_token": "x", "really?": "Which one?", "": "逻辑清楚", "plain": "yes"}


@dataclass(slots=True)
class SchoolClass:
    """An assignment with a class in which everybody does what they should: each reviews the next two.

    Attributes:
        id: of the assignment.
        turma: of the class.
        people: students.
        uploads: work of each student.
        comments: for each reviewer and work the id of the row.
    """

    id: int
    turma: int
    people: list[int]
    uploads: dict[int, int]
    comments: dict[tuple[int, int], int]


class WorkupSchool:
    """A school that uses workUp.

    Args:
        folder: upload folder; is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file_count = 0
        self.script = Script()
        folder.mkdir(parents=True, exist_ok=True)
        self.teacher = self.person(is_admin=True)

    def regular_class(
        self, count: int = 5, *, form: Sequence[dict[str, Any]] = FORM, answers: dict[str, str] = ANSWERS, **about: Any
    ) -> SchoolClass:
        """Add a class in which everything is as it should be."""
        add = self.script.add
        turma = add("turma", turma_number="XM2", turma_label="Schreiben", turma_term="Spring", turma_year=2026)
        add("class_management", user_id=self.teacher, turma_id=turma)
        form_id = self.form(form, at("2026-04-01 08:00:00"))
        task = add("assignment_task_file", **self._file("task.pdf"), timestamp=UPLOADED, user_id=self.teacher)
        values = {"peer_review_necessary": True, "open_peer_review": False, **about}
        number = add(
            "assignment", title=f"Essay {form_id}", description="Write.\n<b>Review</b> two others.", due_date=DUE,
            created_by_id=self.teacher, target_turma_id=turma, timestamp=at("2026-04-02 08:00:00"),
            peer_review_form_id=form_id, assignment_task_file_id=task, **values,
        )  # fmt: skip
        made = SchoolClass(number, turma, [], {}, {})
        for _ in range(count):
            person = self.person()
            add("enrollment", user_id=person, turma_id=turma)
            made.people.append(person)
            self.upload(made, person)
        for place, person in enumerate(made.people):
            for step in (1, 2):
                self.review(made, person, made.uploads[made.people[(place + step) % count]], answers)
        first = made.uploads[made.people[0]]
        comment = self.review(made, self.teacher, first, answers)
        add("comment_file_upload", **self._file("marked.pdf"), timestamp=REVIEWED, user_id=1, comment_id=comment)
        add("assignment_grade", upload_id=first, grade=86.5, user_id=self.teacher)
        return made

    def upload(self, where: SchoolClass, person: int, **values: Any) -> int:
        """Add a work with its file and return its id."""
        given = {**self._file("essay Entwürfe.docx"), "timestamp": UPLOADED, **values}
        number = self.script.add("upload", user_id=person, assignment_id=where.id, **given)
        where.uploads[person] = number
        return number

    def review(
        self, where: SchoolClass, person: int, upload: int, answers: dict[str, str] | str = ANSWERS, **values: Any
    ) -> int:
        """Add a finished review and return its id."""
        text = answers if isinstance(answers, str) else json.dumps(answers, ensure_ascii=False)
        given = {"comment": text, "timestamp": REVIEWED, "pending": False, **values}
        number = self.script.add("comment", user_id=person, file_id=upload, assignment_id=where.id, **given)
        where.comments[person, upload] = number
        return number

    def change(self, table: str, number: int, **values: Any) -> None:
        """Change a row that was added."""
        next(row for row in self.script.rows[table] if row["id"] == number).update(values)

    def stored_name(self, upload: int) -> str:
        """Return the name of a work's file in the folder."""
        return str(next(row for row in self.script.rows["upload"] if row["id"] == upload)["filename"])

    def person(self, *, is_admin: bool = False) -> int:
        """Add a person and return the id."""
        number = len(self.script.rows["user"]) + 1
        first, last = NAMES[number % len(NAMES)]
        return self.script.add(
            "user", username=f"{first} {last} {number}", email=f"u{number}@example.invalid",
            student_number=f"2026{number:05d}", is_admin=is_admin,
        )  # fmt: skip

    def form(self, fields: Sequence[dict[str, Any]], changed: datetime) -> int:
        """Add a review form and return its id."""
        text = json.dumps({"title": "Review", "description": "", "fields": list(fields)}, ensure_ascii=False)
        return self.script.add(
            "peer_review_form", title="Review form", description="Be fair.", serialised_form_data=text,
            created_by_id=self.teacher, timestamp=changed,
        )  # fmt: skip

    def _file(self, name: str) -> dict[str, str]:
        self._file_count += 1
        number = self._file_count
        stored = f"{number:08d}-5f0e-4d3c-8d47-9b0f3c1d2e4a{Path(name).suffix}"
        (self.folder / stored).write_bytes(f"{name} {number}\n".encode() * 50)
        return {"original_filename": name, "filename": stored}


def fill_clean(engine: sa.Engine, folder: Path, students: int = 5) -> tuple[str, ...]:
    """Make a database in which nothing is irregular; return the ids of its assignments."""
    school = WorkupSchool(folder)
    made = school.regular_class(students)
    school.script.write(engine, METADATA)
    return (str(made.id),)
