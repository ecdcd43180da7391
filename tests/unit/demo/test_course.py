"""The generated course: the same for a seed, complete, and as awkward as promised."""

import io
import unicodedata

import pytest
from PIL import Image

from archiveworker.demo import names, pictures, report
from archiveworker.demo.course import generate_course

CORE_TYPES = {
    *("multichoice", "truefalse", "shortanswer", "numerical", "essay", "match", "calculated", "calculatedmulti"),
    *("calculatedsimple", "multianswer", "ddwtos", "ddimageortext", "ddmarker", "gapselect", "ordering"),
    *("description", "randomsamatch"),
}


def test_same_seed_gives_equal_course_and_equal_pages() -> None:
    one, two = generate_course(seed=7, attempt_count=20), generate_course(seed=7, attempt_count=20)
    assert one == two
    assert [_page(one, i) for i in range(20)] == [_page(two, i) for i in range(20)]
    assert generate_course(seed=8, attempt_count=20) != one


def _page(course, index: int) -> str:
    return report.attempt_report(course, course.attempts[index], base_url="http://lms")


@pytest.mark.parametrize("count", [1, 4, 12, 300])
def test_any_number_of_attempts_with_unique_ids_in_odd_order(count: int) -> None:
    attempts = generate_course(attempt_count=count).attempts
    ids = [attempt.attemptid for attempt in attempts]
    assert len(set(ids)) == count
    assert ids[:4] == [33, 32, 34, 35][:count]
    if count > 4:
        assert ids != sorted(ids)


def test_a_course_has_at_least_one_attempt() -> None:
    with pytest.raises(ValueError, match="attempt_count must be 1 or more, got 0"):
        generate_course(attempt_count=0)


def test_attempt_35_and_some_others_are_in_progress() -> None:
    course = generate_course(attempt_count=30)
    running = [attempt.attemptid for attempt in course.attempts if attempt.state == "inprogress"]
    assert 35 in running
    assert 2 <= len(running) <= 6
    assert names.unix_s(course.attempts[3].finished) == 0


def test_every_core_question_type_is_there() -> None:
    course = generate_course()
    assert {question.qtype for question in course.questions} == CORE_TYPES
    single, many = (q.many for q in course.questions if q.qtype == "multichoice")
    assert (single, many) == (False, True)


def test_names_need_cjk_rtl_emoji_and_quotes() -> None:
    text = "".join(attempt.student.fullname for attempt in generate_course(attempt_count=40).attempts)
    directions = {unicodedata.bidirectional(char) for char in text}
    assert {"AL", "R", "L"} <= directions
    assert any(unicodedata.name(char, "").startswith("CJK") for char in text)
    assert "🦊" in text
    assert "'" in text
    assert "ü" in text


def test_attachments_have_odd_names_and_several_types() -> None:
    files = [file for attempt in generate_course(attempt_count=40).attempts for _, file in attempt.attachments]
    assert len({file.mimetype for file in files}) >= 5
    assert any("  " in file.filename and "ü" in file.filename for file in files)
    assert all(file.content for file in files)


def test_some_inline_pictures_are_large_and_some_are_by_url() -> None:
    html = _page(generate_course(), 0)
    assert "data:image/jpeg;base64," in html
    assert "data:image/png;base64," in html
    assert 'src="http://lms/pluginfile.php/50/question/response_answer/33/7/' in html
    with Image.open(io.BytesIO(pictures.photo(0, 2600, 1800))) as image:
        assert image.size == (2600, 1800)


@pytest.mark.parametrize("off", ["header", "question", "history", "rightanswer", "attachments", "question_marks"])
def test_a_section_that_is_off_is_not_on_the_page(off: str) -> None:
    marks = {
        "header": "quizreviewsummary",
        "question": 'class="que ',
        "history": "Response history",
        "rightanswer": "The correct answer is:",
        "attachments": "Answer files",
        "question_marks": "out of 10.00</div>",
    }
    course = generate_course()
    attempt = course.attempts[1]
    page = report.attempt_report(course, attempt, base_url="http://lms", off={off})
    assert marks[off] in report.attempt_report(course, attempt, base_url="http://lms")
    assert marks[off] not in page


def test_names_follow_the_pattern_and_the_standing_clock() -> None:
    course = generate_course()
    variables = names.attempt_variables(course, course.attempts[0])
    expanded = names.expand("${username}/${ attemptid }-${date}_${time}", variables, folder=True)
    assert expanded == "student01/33-2026-03-03_09-30-15"
    assert names.expand("${nobody}", variables, folder=False) is None
    assert names.expand("a/${attemptid}", variables, folder=False) is None
