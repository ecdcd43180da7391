"""Every trap of Moodle's answers, one by one: what it becomes in the records, and which finding says so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review.base import Grade
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.kinds import (
    AllocationRole,
    AllocationState,
    FileArea,
    FileStatus,
    ParticipantRole,
    Phase,
    SubmissionKind,
    TextFormat,
    TimeQuality,
)
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.filelist import url_of
from archiveworker.sources.workshop.harvested import Practice
from archiveworker.sources.workshop.mapping import peer_review_of
from tests.unit.sources.workshop import answers as a


def codes(record: PeerReview) -> set[str]:
    return {finding.code for result in check_all(record) for finding in result.findings}


def test_a_plain_workshop_has_no_findings_but_those_of_its_pairs():
    record = peer_review_of(a.harvest())

    assert codes(record) == {"reciprocal-pair"}
    assert (record.activity.title, record.activity.course) == ("Essay & review", "Prüfungen & Peer Review")
    assert (record.activity.phase, record.activity.grade_max, record.activity.review_grade_max) == (
        Phase.CLOSED,
        80,
        20,
    )
    assert [text.body for text in record.activity.instructions] == ["<p>Write.</p>", "<p>Read.</p>"]
    assert record.activity.redactions == ()
    assert record.announced.submission_count == 2


def test_trap_1_a_total_that_does_not_fit_is_found():
    assert "totalcount-mismatch" in codes(peer_review_of(a.harvest(submission_count=3)))


def test_trap_2_no_grade_and_never_saved_is_pending_and_has_no_review():
    record = peer_review_of(a.harvest(assessments=[a.assessment(21, 11, 5), a.pending(22, 12, 4)]))

    assert [one.state for one in record.allocations] == [AllocationState.DONE, AllocationState.PENDING]
    assert record.allocations[1].allocated_at is not None
    assert record.allocations[1].completed_at is None
    assert [review.id for review in record.reviews] == ["21"]
    assert "pending-allocation" in codes(record)


def test_trap_2_a_review_without_a_grade_that_was_saved_is_a_review():
    record = peer_review_of(a.harvest(assessments=[a.assessment(21, 11, 5, grade=None), a.assessment(22, 12, 4)]))

    assert record.allocations[0].state is AllocationState.DONE
    assert record.reviews[0].counted is False


def test_trap_3_grades_are_the_raw_ones_of_0_to_100_with_overrides():
    work = a.submission(11, 4, grade=62.5, gradeover=75.5, gradeoverby=9, feedbackauthor="<p>Well.</p>")
    review = a.assessment(21, 11, 5, gradinggrade=61.4038, gradinggradeover=18, gradinggradeoverby=9, weight=0)
    record = peer_review_of(a.harvest(submissions=[work, a.submission(12, 5)], assessments=[review]))

    assert record.submissions[0].grade == Grade(raw=62.5, over=75.5, by="9", max=100.0)
    assert record.reviews[0].review_grade == Grade(raw=61.4038, over=18.0, by="9", max=100.0)
    assert record.reviews[0].suggested_grade == 70.0
    assert record.reviews[0].counted is False
    assert record.allocations[0].weight == 0.0
    # Staff wrote why for the work, and nothing for the review.
    [finding] = [one for r in check_all(record) for one in r.findings if one.code == "teacher-override-without-reason"]
    assert finding.subjects[0].id == "21"


def test_trap_4_a_suspended_author_is_missing_in_the_report_and_that_is_no_mismatch():
    record = peer_review_of(a.harvest(report=[a.row(5)], active_ids=frozenset({5, 9})))

    assert {person.id: person.active for person in record.participants} == {"4": False, "5": True, "9": True}
    assert "matrix-mismatch" not in codes(record)


def test_trap_4_a_pair_of_active_people_that_the_report_lacks_is_found():
    assert "matrix-mismatch" in codes(peer_review_of(a.harvest(report=[a.row(4), a.row(5, (4, 22, 12))])))


def test_a_pair_that_only_the_report_has_is_found_twice():
    record = peer_review_of(a.harvest(assessments=[a.assessment(21, 11, 5)]))

    assert "matrix-mismatch" in codes(record)
    assert record.activity.redactions == ("Moodle's report has assessments that it did not give with the works: 22.",)


def test_trap_5_a_picture_of_a_criterion_is_found_by_its_session_link():
    form = a.points(1)
    link = f"{a.BASE}/pluginfile.php/51/workshopform_accumulative/description/1/a%20(1).png"
    form["fields"][1]["value"] = f'<p>As in <img src="{link}?forcedownload=0"></p>'
    form["descriptionfiles"] = [
        a.file("51/workshopform_accumulative/description/1/a%20%281%29.png", filename="a (1).png")
    ]
    record = peer_review_of(a.harvest(assessments=[a.assessment(21, 11, 5)], forms={21: form}))

    [picture] = record.files
    assert (picture.area, picture.filename, picture.text_url) == (FileArea.FORM, "a (1).png", link)
    assert url_of(a.BASE, picture) == form["descriptionfiles"][0]["fileurl"]
    assert record.forms[0].file_ids == (picture.id,)


def test_trap_6_limits_are_joined_by_id_and_not_by_place():
    form = a.points(7)
    form["dimensionsinfo"] = [{"id": 3, "min": 0, "max": 1, "weight": "9"}, *form["dimensionsinfo"]]
    [criterion] = peer_review_of(a.harvest(forms={21: form})).forms[0].criteria

    assert (criterion.id, criterion.min, criterion.max, criterion.weight) == ("7", 0.0, 10.0, 1.0)


def test_trap_7_who_is_0_is_hidden_and_nobody():
    record = peer_review_of(
        a.harvest(
            submissions=[a.submission(11, 0)],
            assessments=[a.assessment(21, 11, 0)],
            report=[a.row(4, (0, 21, 11))],
            people=None,
            omissions=("Moodle hid who reviewed.",),
        )
    )

    assert record.submissions[0].author_ids == ()
    assert record.allocations[0].reviewer_id is None
    assert record.announced.matrix == ()
    assert [person.id for person in record.participants] == ["4"]
    assert {"identity-hidden", "redacted-at-source"} <= codes(record)


def test_trap_8_a_form_that_changed_while_it_was_read_has_two_versions():
    record = peer_review_of(a.harvest(forms={21: a.points(1), 22: a.points(1, best=5)}))

    assert len(record.forms) == 2
    assert {review.form_hash for review in record.reviews} == {form.hash for form in record.forms}
    assert "form-changed-after-review" in codes(record)


def test_trap_8_a_grade_of_a_removed_criterion_is_missed():
    assert "criterion-without-score" in codes(peer_review_of(a.harvest(forms={21: a.points(1, given=None)})))


def test_trap_9_practice_on_examples_is_apart_from_all_counts():
    example = Entry(a.submission(31, 9, example=True, title="Sample"), "example")
    listed = Entry({"id": 31, "title": "Sample", "assessmentid": 41, "grade": 90, "gradinggrade": 80}, "plan")
    unseen = Entry({"id": 31, "title": "Sample", "assessmentid": 42, "grade": 60, "gradinggrade": None}, "plan")
    told = Entry(a.assessment(41, 31, 4, weight=0), "assessment")
    record = peer_review_of(
        a.harvest(
            examples={31: example},
            practice=(Practice(4, listed, told), Practice(5, unseen)),
            forms={21: a.points(1), 22: a.points(1), 41: a.points(1)},
        )
    )

    assert [one.kind for one in record.submissions].count(SubmissionKind.EXAMPLE) == 1
    practice = [one for one in record.allocations if one.role is AllocationRole.EXAMPLE]
    assert [(one.reviewer_id, one.submission_id) for one in practice] == [("4", "31"), ("5", "31")]
    assert {one.id: one.counted for one in record.reviews if one.id in ("41", "42")} == {"41": False, "42": False}
    assert "example-excluded" in codes(record)
    assert "totalcount-mismatch" not in codes(record)


def test_trap_10_what_moodle_gives_only_later_is_not_known():
    work = a.submission(11, 4)
    for key in ("grade", "gradeover", "gradeoverby", "feedbackauthor"):
        del work[key]
    record = peer_review_of(a.harvest(submissions=[work, a.submission(12, 5)], workshop=a.workshop(phase=30)))

    assert record.submissions[0].grade == Grade(max=100.0)
    assert record.submissions[0].staff_feedback is None
    assert record.activity.phase is Phase.ASSESSMENT


def test_roles_of_reviewers_and_people():
    assessments = [a.assessment(21, 11, 4), a.assessment(22, 12, 9), a.assessment(23, 12, 4)]
    people = [a.person(4), a.person(5, "guild-member"), a.person(9, "editingteacher"), a.person(10, "guild-member")]
    report = [a.row(4, (4, 21, 11)), a.row(5, (4, 23, 12))]
    record = peer_review_of(a.harvest(assessments=assessments, people=people, report=report))

    assert [one.role for one in record.allocations] == [AllocationRole.SELF, AllocationRole.STAFF, AllocationRole.PEER]
    assert {one.id: one.role for one in record.participants} == {
        "4": ParticipantRole.STUDENT,
        "5": ParticipantRole.STUDENT,
        "9": ParticipantRole.STAFF,
        "10": ParticipantRole.OTHER,
    }


def test_people_who_left_the_course_are_still_people():
    others = (Entry({"id": 5, "fullname": "Left Early"}, "user"),)
    work = a.submission(11, 4, gradeover=1, gradeoverby=77, feedbackauthor="why")
    record = peer_review_of(
        a.harvest(people=[a.person(4)], others=others, submissions=[work, a.submission(12, 5)], report=[])
    )

    assert [(one.id, one.role, one.display, one.active) for one in record.participants] == [
        ("4", ParticipantRole.STUDENT, "Person 4", None),
        ("5", ParticipantRole.STUDENT, "Left Early", None),
        ("77", ParticipantRole.STAFF, None, None),
    ]


def test_files_of_a_text_and_beside_it():
    place = "51/mod_workshop/submission_content/11/Skizze%20%E5%9B%B3.png"
    address = f"{a.BASE}/webservice/pluginfile.php/51/mod_workshop/submission_content/11/Skizze%20図.png"
    work = a.submission(
        11,
        4,
        content=f"<img alt=x src='{address}'>",
        contentfiles=[a.file(place, filename="Skizze 図.png")],
        attachmentfiles=[
            a.file("51/mod_workshop/submission_attachment/11/a.pdf", filepath="/old/"),
            a.file("", fileurl="https://drive.test/x?key=1", filename="cloud.pdf", isexternalfile=True),
        ],
    )
    record = peer_review_of(a.harvest(submissions=[work, a.submission(12, 5)], total_file_bytes=31))

    inline, attached, cloud = record.files
    assert (inline.text_url, inline.status) == (address, FileStatus.OK)
    assert url_of(a.BASE, inline) == f"{a.BASE}/webservice/pluginfile.php/{place}"
    assert (attached.text_url, attached.path) == (None, "/old/")
    assert (cloud.status, cloud.id, url_of(a.BASE, cloud)) == (FileStatus.REFUSED, "https://drive.test/x", None)
    assert record.submissions[0].file_ids == (inline.id, attached.id, cloud.id)
    assert {"file-refused", "redacted-at-source"} <= codes(record)
    assert "31 bytes" in (record.activity.redactions or ("",))[0]


def test_texts_keep_their_format():
    texts = {0: "line\nline", 1: "<p>a</p>", 2: "a < b", 4: "*a*"}
    works = [a.submission(10 + code, 4, content=body, contentformat=code) for code, body in texts.items()]
    record = peer_review_of(a.harvest(submissions=works))

    assert [one.parts[0].text.format for one in record.submissions] == [
        TextFormat.PLAIN,
        TextFormat.HTML,
        TextFormat.PLAIN,
        TextFormat.MARKDOWN,
    ]


def test_a_time_that_cannot_be_is_not_believed():
    work = a.submission(11, 4, timecreated=2**40)
    record = peer_review_of(a.harvest(submissions=[work, a.submission(12, 5)]))

    assert record.submissions[0].time_quality is TimeQuality.UNKNOWN
    assert record.submissions[0].created_at is None
    assert "time-unknown" in codes(record)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"grade": "much"}, "no grade that is a number"),
        ({"id": None}, "no id that is an id"),
        ({"authorid": -3}, "no authorid that is an id"),
        ({"title": ["x"]}, "no title that is a text"),
        ({"late": "perhaps"}, "no late that is true or false"),
        ({"contentfiles": {"a": 1}}, "contentfiles is not a list"),
        ({"title": "\ud800"}, "no record can have"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_names_the_place(change: dict[str, Any], says: str):
    with pytest.raises(RecordError, match=says):
        peer_review_of(a.harvest(submissions=[a.submission(11, 4, **change)]))


_NUMBERS = st.integers(min_value=1, max_value=9)


@given(st.lists(st.tuples(_NUMBERS, _NUMBERS, st.booleans()), max_size=12, unique_by=lambda one: one[:2]))
def test_no_pair_is_lost_or_made_up(pairs: list[tuple[int, int, bool]]):
    works = [a.submission(100 + author, author) for author in range(1, 10)]
    assessments = [
        (a.pending if is_pending else a.assessment)(200 + number, 100 + author, reviewer)
        for number, (author, reviewer, is_pending) in enumerate(pairs)
    ]
    by_author = {
        author: [(who, 200 + n, 100 + author) for n, (one, who, _) in enumerate(pairs) if one == author]
        for author in range(1, 10)
    }
    report = [a.row(author, *reviews) for author, reviews in by_author.items()]
    record = peer_review_of(a.harvest(submissions=works, assessments=assessments, report=report))

    assert {(one.reviewer_id, one.submission_id) for one in record.allocations} == {
        (str(reviewer), str(100 + author)) for author, reviewer, _ in pairs
    }
    assert len(record.reviews) == sum(not is_pending for *_, is_pending in pairs)
    assert not codes(record) & {"matrix-mismatch", "totalcount-mismatch", "duplicate-id"}
