"""What workUp's back end lets happen, as data: each irregularity says which findings it must lead to.

They are those that were seen in the running application (reviews before the due date, third and fourth reviews, reviews
without an upload, self-review and duplicates on open review, orphans of replaced uploads, swapped forms, odd keys), and
files, times and grades that cannot be.
"""

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from archiveworker.demo.legacy import ExpectedFinding, about
from archiveworker.demo.legacy_workup import (
    METADATA,
    ODD_ANSWERS,
    ODD_FORM,
    PROCESS_START,
    REVIEWED,
    SWAPPED_FORM,
    SchoolClass,
    WorkupSchool,
    at,
)

_SECRET = b"nobody may read this through an upload folder"


def fill_irregular(engine: sa.Engine, folder: Path) -> tuple[ExpectedFinding, ...]:
    """Make a database with every irregularity, beside one assignment that has none.

    Returns:
        The findings that it must lead to; there are no others.
    """
    school = WorkupSchool(folder)
    school.regular_class()
    blind = school.regular_class(9)
    _blind(school, blind)
    _lost(school, blind)
    _files(school, school.regular_class(7))
    _open(school, school.regular_class(open_peer_review=True))
    _swapped(school, school.regular_class())
    _odd_keys(school, school.regular_class(form=ODD_FORM, answers=ODD_ANSWERS))
    school.script.write(engine, METADATA)
    return tuple(school.script.expected)


def _three(review: int, upload: int) -> tuple[str, ...]:
    return (f"review:{review}", f"allocation:{review}", f"submission:{upload}")


def _blind(school: WorkupSchool, where: SchoolClass) -> None:
    """What the back end does not prevent when works are handed out at random."""
    people, uploads, expect = where.people, where.uploads, school.script.expect
    works = [uploads[one] for one in people]

    what = "an allocation that is still pending, with the wrong time of such rows"
    pending = where.comments[people[0], works[2]]
    school.change("comment", pending, pending=True, comment=None, timestamp=PROCESS_START)
    expect(where.id, what, "pending-allocation", f"allocation:{pending}", f"submission:{works[2]}")
    expect(where.id, what, "reviewer-below-quota", f"participant:{people[0]}")
    expect(where.id, what, "submission-under-reviewed", f"submission:{works[2]}")

    what = "a review before the due date"
    early = where.comments[people[1], works[2]]
    school.change("comment", early, timestamp=at("2026-05-04 12:00:00"))
    expect(where.id, what, "review-before-open", *_three(early, works[2]))

    what = "a third and a fourth review"
    school.review(where, people[4], works[0])
    school.review(where, people[4], works[1])
    expect(where.id, what, "above-quota", f"participant:{people[4]}")
    expect(where.id, what, "over-reviewed", f"submission:{works[0]}")
    expect(where.id, what, "over-reviewed", f"submission:{works[1]}")

    what = "a review by a student without an upload"
    lazy = school.person()
    school.script.add("enrollment", user_id=lazy, turma_id=where.turma)
    alone = school.review(where, lazy, works[3])
    expect(where.id, what, "review-without-own-submission", f"participant:{lazy}", f"allocation:{alone}")
    expect(where.id, what, "no-submission", f"participant:{lazy}")
    expect(where.id, what, "over-reviewed", f"submission:{works[3]}")


def _lost(school: WorkupSchool, where: SchoolClass) -> None:
    """What reviews lose when works, answers and people go."""
    people, uploads, expect = where.people, where.uploads, school.script.expect
    works = [uploads[one] for one in people]

    what = "an upload that was replaced after a review"
    orphan = where.comments[people[4], works[5]]
    school.change("comment", orphan, file_id=9000 + orphan)
    expect(where.id, what, "review-of-unknown-submission", *_three(orphan, 9000 + orphan))
    expect(where.id, what, "submission-under-reviewed", f"submission:{works[5]}")

    what = "a review that is no JSON"
    plain = where.comments[people[6], works[7]]
    school.change("comment", plain, comment="Very nice, I liked it.")
    expect(where.id, what, "review-incomplete", f"review:{plain}", "criterion:1", "criterion:3")

    what = "a student who left the class"
    gone = people[8]
    rows = school.script.rows["enrollment"]
    rows.remove(next(row for row in rows if row["user_id"] == gone))
    reviews = [number for (person, _), number in where.comments.items() if person == gone]
    expect(where.id, what, "reviewer-not-participant", f"participant:{gone}", *about("allocation", reviews))
    expect(where.id, what, "author-not-participant", f"participant:{gone}", f"submission:{uploads[gone]}")


def _files(school: WorkupSchool, where: SchoolClass) -> None:
    """Files, times and grades that cannot be."""
    people, expect = where.people, school.script.expect
    works = [where.uploads[one] for one in people]

    (school.folder / school.stored_name(works[0])).unlink()
    expect(where.id, "a file that is gone", "file-missing", f"file:upload-{works[0]}")

    outside = school.folder.parent / "secret.txt"
    outside.write_bytes(_SECRET)
    link = school.folder / school.stored_name(works[1])
    link.unlink()
    link.symlink_to(outside)
    expect(where.id, "a symbolic link out of the folder", "file-refused", f"file:upload-{works[1]}")

    school.change("upload", works[2], filename="../secret.txt")
    expect(where.id, "a name that leads out of the folder", "file-refused", f"file:upload-{works[2]}")

    school.change("upload", works[3], timestamp=at("2026-05-05 00:01:00"))
    expect(where.id, "an upload after the due date", "late", f"submission:{works[3]}")

    what = "times that are missing or cannot be"
    school.change("upload", works[4], timestamp=None)
    school.change("upload", works[5], timestamp=at("1000-01-01 00:00:00"))
    expect(where.id, what, "time-unknown", *about("submission", works[4:6]))
    # Two sentences: the work has the time as that of handing in and as that of the last change.
    for _ in range(2):
        expect(where.id, what, "redacted-at-source", f"activity:{where.id}")

    school.script.add("assignment_grade", upload_id=works[6], grade=-3.0, user_id=school.teacher)
    expect(where.id, "a grade below zero", "grade-out-of-range", f"submission:{works[6]}")


def _open(school: WorkupSchool, where: SchoolClass) -> None:
    """What open review lets happen."""
    people, expect = where.people, school.script.expect
    works = [where.uploads[one] for one in people]

    what = "a review of the own work"
    own = school.review(where, people[0], works[0])
    expect(where.id, what, "self-review", *_three(own, works[0]))
    expect(where.id, what, "above-quota", f"participant:{people[0]}")
    expect(where.id, what, "over-reviewed", f"submission:{works[0]}")

    first = where.comments[people[1], works[3]]
    second = school.review(where, people[1], works[3])
    pair = about("allocation", (first, second))
    expect(where.id, "two reviews of one work", "duplicate-pair", *pair, f"submission:{works[3]}")


def _swapped(school: WorkupSchool, where: SchoolClass) -> None:
    """Another form was put in the place of the one that reviews answer."""
    what = "a form that was swapped after the reviews"
    form = school.form(SWAPPED_FORM, REVIEWED + timedelta(days=3))
    school.change("assignment", where.id, peer_review_form_id=form)
    for review in where.comments.values():
        school.script.expect(where.id, what, "form-drift-unknown-answer-key", f"review:{review}")
        school.script.expect(where.id, what, "form-changed-after-review", f"review:{review}", f"form:{form}")
        school.script.expect(where.id, what, "review-incomplete", f"review:{review}", "criterion:0")


def _odd_keys(school: WorkupSchool, where: SchoolClass) -> None:
    """Questions whose answers cannot be told apart."""
    form = next(row for row in school.script.rows["assignment"] if row["id"] == where.id)["peer_review_form_id"]
    for what, criteria in (("two questions with one key", (0, 1)), ("questions whose key is empty", (2, 3))):
        school.script.expect(where.id, what, "ambiguous-answer-key", f"form:{form}", *about("criterion", criteria))
    for review in where.comments.values():
        school.script.expect(where.id, "answers to them", "form-drift-unknown-answer-key", f"review:{review}")
