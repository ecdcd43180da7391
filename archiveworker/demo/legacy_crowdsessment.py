"""Crowdsessment's database, made up: a clean one, and one with everything that its back end lets happen.

Tables and columns are those of HamsterSpb/CroudAssessment (app/models.py), as Flask-SQLAlchemy names them;
CHECK_BY_USER is 1. The system keeps no times but those of locks, so that ``time-unknown`` is found in every database.
Nothing here is shared with the bridge.
"""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from archiveworker.demo.legacy import ExpectedFinding, Script, about

METADATA: Final = sa.MetaData()
LOCKED_AT_S: Final = 1_777_900_000
NO_TIMES: Final = "the system keeps no times"
_TASKS: Final = ("What is a lemma?", "Give <em>one</em> example.")


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, METADATA, sa.Column("id", sa.Integer, primary_key=True), *columns)


def _ref(target: str, name: str | None = None) -> sa.Column[Any]:
    return sa.Column(name or f"{target}_id", sa.Integer, sa.ForeignKey(f"{target}.id"), nullable=False)


def _pair(name: str, first: str, second: str) -> sa.Table:
    columns = [
        sa.Column(f"{one}_id", sa.Integer, sa.ForeignKey(f"{one}.id"), primary_key=True) for one in (first, second)
    ]
    return sa.Table(name, METADATA, *columns)


_table("project", sa.Column("name", sa.String(128)))
_table(
    "user", sa.Column("email", sa.String(256)), sa.Column("group", sa.String(128)), _ref("project"),
    sa.Column("is_admin", sa.Boolean),
)  # fmt: skip
_table(
    "week", sa.Column("num", sa.Integer), sa.Column("descr", sa.Text), sa.Column("is_active", sa.Boolean),
    _ref("project"),
)  # fmt: skip
_table("task", _ref("week"), sa.Column("num", sa.Integer), sa.Column("descr", sa.Text))
_table("answer", _ref("user"), _ref("task"), sa.Column("answer", sa.Text))
_table("alock", _ref("user"), sa.Column("lock_time", sa.Integer))
_table("assqt", _ref("week"), _ref("user"), sa.Column("checks_left", sa.Integer))
_pair("assqt_helper", "answer", "assqt")
_pair("assqt_checked", "user", "assqt")
_pair("assqt_locked", "alock", "assqt")
_table(
    "assessment", _ref("answer"), _ref("user", "assessed_by_id"), sa.Column("score", sa.Integer),
    sa.Column("descr", sa.Text),
)  # fmt: skip
_table("applic", _ref("user"), _ref("week"), sa.Column("is_all_done", sa.Boolean))
_table("check", _ref("user"), _ref("week"), sa.Column("checks_count", sa.Integer), sa.Column("is_all_done", sa.Boolean))


@dataclass(slots=True)
class _Week:
    """A week of a project.

    Attributes:
        id: of the week.
        project: of the project.
        people: students.
        answers: of each student.
        assessments: for each reviewer and author the ids, one for each answer.
    """

    id: int
    project: int
    people: list[int]
    answers: dict[int, list[int]]
    assessments: dict[tuple[int, int], list[int]]


class CrowdSchool:
    """A school that uses Crowdsessment."""

    def __init__(self) -> None:
        self.script = Script()

    def regular_week(self, count: int = 4, skipped: tuple[int, ...] = ()) -> _Week:
        """Add a project with one week in which each person checks the next; those at the places ``skipped`` do not."""
        add = self.script.add
        project = add("project", name=f"Logic {len(self.script.rows['project']) + 1}")
        week = _Week(add("week", num=1, descr="Answer both.", is_active=True, project_id=project), project, [], {}, {})
        tasks = [add("task", week_id=week.id, num=number, descr=text) for number, text in enumerate(_TASKS, start=1)]
        for _ in range(count):
            person = self.person(week)
            week.people.append(person)
            week.answers[person] = [
                add("answer", user_id=person, task_id=task, answer=f"Answer {person} to {task}: a ⇒ b")
                for task in tasks
            ]
            add("applic", user_id=person, week_id=week.id, is_all_done=True)
        for place, person in enumerate(week.people):
            if place not in skipped:
                self.assess(week, person, week.people[(place + 1) % count])
                add("check", user_id=person, week_id=week.id, checks_count=1, is_all_done=True)
        return week

    def person(self, week: _Week) -> int:
        """Add a student."""
        number = len(self.script.rows["user"]) + 1
        return self.script.add(
            "user", email=f"user{number}@example.invalid", group="OXTY", project_id=week.project, is_admin=False
        )

    def assess(self, week: _Week, reviewer: int, author: int) -> list[int]:
        """Add an assessment of each answer of a work and return their ids."""
        made = [
            self.script.add("assessment", answer_id=answer, assessed_by_id=reviewer, score=7, descr="Clear enough.")
            for answer in week.answers[author]
        ]
        week.assessments[reviewer, author] = made
        return made

    def queue(self, week: _Week, author: int, checks_left: int) -> int:
        """Add a work to the queue and return the row's id."""
        number = self.script.add("assqt", week_id=week.id, user_id=author, checks_left=checks_left)
        for answer in week.answers[author]:
            self.script.link("assqt_helper", answer_id=answer, assqt_id=number)
        return number

    def lock(self, person: int, assqt: int | None) -> int:
        """Lock a work for somebody, or nothing, and return the lock's id."""
        number = self.script.add("alock", user_id=person, lock_time=LOCKED_AT_S)
        if assqt is not None:
            self.script.link("assqt_locked", alock_id=number, assqt_id=assqt)
        return number

    def expect_no_times(self, week: _Week) -> None:
        """Say that neither works nor reviews have times."""
        answers = {answer for several in week.answers.values() for answer in several}
        done = [row["id"] for row in self.script.rows["assessment"] if row["answer_id"] in answers]
        self.script.expect(week.id, NO_TIMES, "time-unknown", *about("submission", week.answers))
        self.script.expect(week.id, NO_TIMES, "time-unknown", *about("allocation", done))


def fill_clean(engine: sa.Engine, students: int = 4) -> tuple[ExpectedFinding, ...]:
    """Make a database in which nothing is irregular.

    Returns:
        What is found all the same: that the system keeps no times.
    """
    school = CrowdSchool()
    school.expect_no_times(school.regular_week(students))
    school.script.write(engine, METADATA)
    return tuple(school.script.expected)


def fill_irregular(engine: sa.Engine, *, gone_answers: bool | None = None) -> tuple[ExpectedFinding, ...]:
    """Make a database with every irregularity, beside a week that has none.

    Args:
        engine: is filled.
        gone_answers: also assessments of answers that are gone. Only where foreign keys are not enforced, which is
            SQLite; None: where that is so.

    Returns:
        The findings that it must lead to; there are no others.
    """
    school = CrowdSchool()
    school.expect_no_times(school.regular_week())
    week = school.regular_week(9, skipped=(0, 8))
    _queue(school, week)
    _people(school, week)
    _scores(school, week)
    school.expect_no_times(week)
    if engine.dialect.name == "sqlite" if gone_answers is None else gone_answers:
        gone = school.regular_week()
        _gone(school, gone)
    school.script.write(engine, METADATA)
    return tuple(school.script.expected)


def _queue(school: CrowdSchool, week: _Week) -> None:
    people, expect = week.people, school.script.expect

    what = "a work that waits in the queue, locked by somebody who never came back"
    lock = school.lock(people[8], school.queue(week, people[0], 1))
    expect(week.id, what, "submission-without-review", f"submission:{people[0]}")
    expect(week.id, what, "reviewer-below-quota", f"participant:{people[8]}")
    expect(week.id, what, "locked-allocation", f"allocation:lock-{lock}", f"submission:{people[0]}")

    what = "a queue row that is gone though nobody has checked the work"
    expect(week.id, what, "queue-count-mismatch", f"submission:{people[1]}")
    expect(week.id, what, "submission-without-review", f"submission:{people[1]}")
    expect(week.id, what, "reviewer-below-quota", f"participant:{people[0]}")

    what = "a lock that holds nothing any more"
    expect(week.id, what, "orphan-lock", f"lock:{school.lock(people[2], None)}")

    what = "a queue row and a lock that stayed after the check"
    stale = school.queue(week, people[3], 1)
    lock = school.lock(people[2], stale)
    school.script.link("assqt_checked", user_id=people[2], assqt_id=stale)
    expect(week.id, what, "queue-count-mismatch", f"submission:{people[3]}")
    expect(week.id, what, "orphan-lock", f"lock:{lock}", f"submission:{people[3]}")
    expect(week.id, what, "locked-allocation", f"allocation:lock-{lock}", f"submission:{people[3]}")

    what = "a pair of the queue that no assessment knows of"
    school.script.link("assqt_checked", user_id=people[6], assqt_id=stale)
    expect(week.id, what, "matrix-mismatch", f"submission:{people[3]}", f"participant:{people[6]}")


def _people(school: CrowdSchool, week: _Week) -> None:
    people, expect, rows = week.people, school.script.expect, school.script.rows

    what = "a hand-made link: one person checks a work twice"
    first = week.assessments[people[4], people[5]]
    again = school.assess(week, people[4], people[5])
    for pair in zip(first, again, strict=True):
        expect(week.id, what, "duplicate-pair", *about("allocation", pair), f"submission:{people[5]}")
    _check_of(rows, week, people[4])["checks_count"] = 2
    expect(week.id, what, "counter-mismatch", f"participant:{people[4]}")

    what = "a hand-made link: somebody checks who has not submitted"
    lazy = school.person(week)
    made = school.assess(week, lazy, people[7])
    school.script.add("check", user_id=lazy, week_id=week.id, checks_count=1, is_all_done=True)
    expect(week.id, what, "review-without-own-submission", f"participant:{lazy}", *about("allocation", made))
    expect(week.id, what, "no-submission", f"participant:{lazy}")
    expect(week.id, what, "over-reviewed", f"submission:{people[7]}")

    what = "somebody who is marked as having submitted and has not"
    school.script.add("applic", user_id=lazy, week_id=week.id, is_all_done=True)
    expect(week.id, what, "totalcount-mismatch", f"activity:{week.id}")

    what = "a mark for being done that is not set"
    _check_of(rows, week, people[5])["is_all_done"] = False
    expect(week.id, what, "done-flag-mismatch", f"participant:{people[5]}")


def _scores(school: CrowdSchool, week: _Week) -> None:
    rows = {row["id"]: row for row in school.script.rows["assessment"]}
    null, high = week.assessments[week.people[2], week.people[3]]
    rows[null]["score"] = None
    rows[high]["score"] = 11
    for what, code, review in (
        ("a score that is missing, which the system counts as 0", "criterion-without-score", null),
        ("a score above the best one", "grade-out-of-range", high),
    ):
        school.script.expect(week.id, what, code, f"review:{review}", "criterion:score")


def _gone(school: CrowdSchool, week: _Week) -> None:
    """One answer was deleted; its assessment stayed, and is only known by who wrote it."""
    what = "an assessment of an answer that is gone"
    answer = week.answers[week.people[1]].pop()
    school.script.rows["answer"] = [row for row in school.script.rows["answer"] if row["id"] != answer]
    review = next(row["id"] for row in school.script.rows["assessment"] if row["answer_id"] == answer)
    work = f"of answer {answer}"
    school.script.expect(
        week.id, what, "review-of-unknown-submission", f"review:{review}", f"allocation:{review}", f"submission:{work}"
    )
    school.script.expect(week.id, what, "above-quota", f"participant:{week.people[0]}")
    school.script.expect(week.id, what, "counter-mismatch", f"participant:{week.people[0]}")
    done = [one for made in week.assessments.values() for one in made]
    school.script.expect(week.id, NO_TIMES, "time-unknown", *about("submission", week.answers))
    school.script.expect(week.id, NO_TIMES, "time-unknown", *about("allocation", done))


def _check_of(rows: dict[str, list[dict[str, Any]]], week: _Week, person: int) -> dict[str, Any]:
    return next(row for row in rows["check"] if row["user_id"] == person and row["week_id"] == week.id)
