"""Made-up workshops, one for each grading strategy and one that is still open; the same for the same seed.

What is in them on purpose: pictures in texts and in criteria, attachments, a scale and a criterion without a grade,
overridden grades, allocations that nobody answered, self-assessments, weights, a suspended author, separate groups, an
activity in which names are hidden from the service account, examples with practice, markup in titles.
Source of the shapes: the tables of Moodle's mod/workshop (db/install.xml) and of its four grading strategies.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from archiveworker.demo.course import Course, Student, student_of
from archiveworker.demo.files import StudentFile, student_file

STUDENT_COUNT: Final = 30
SUSPENDED: Final = 28
"""Number of the student whose enrolment was suspended after handing in."""
TEACHER_ID: Final = 2
WORKSHOP_GRADE: Final = 80
GRADING_GRADE: Final = 20
_FIRST_CONTEXT: Final = 60
_PICTURE: Final = StudentFile("Foto (1).png", "image/png", "png", 77)
_COMMENTS: Final = (
    "Die Quellen tragen; nur Abschnitt 3 ist zu knapp 👍",
    "Check the unit in table 2 – kWh or kW?<br />The sentence below it uses both.",  # noqa: RUF001 - as people type
    "很清楚的论证，但第二部分的例子太少。",  # noqa: RUF001 - as people type
    "Formula \\(a^2 + b^2 = c^2\\) is right, the sign is not.",
)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A criterion.

    Attributes:
        id: Moodle's.
        description: HTML; pictures are written as ``@@PLUGINFILE@@/name``.
        weight: relative.
        grade: accumulative only: best points; minus the id of a scale; 0 for a comment alone.
        scale: its items, with commas between them.
        labels: numerrors only: for "no" and "yes".
        levels: rubric only: id, grade, definition.
        files: pictures of the description.
    """

    id: int
    description: str
    weight: int = 1
    grade: int = 0
    scale: str | None = None
    labels: tuple[str, str] = ("", "")
    levels: tuple[tuple[int, float, str], ...] = ()
    files: tuple[StudentFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a reviewer gave for one dimension: a row of ``workshop_grades``."""

    dimension_id: int
    grade: float
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A row of ``workshop_assessments``; pending when it has no grade and was never saved."""

    id: int
    submission_id: int
    reviewer_id: int
    created_s: int
    weight: int = 1
    modified_s: int = 0
    grade: float | None = None
    grading_grade: float | None = None
    over: float | None = None
    to_author: str = ""
    to_reviewer: str = ""
    files: tuple[StudentFile, ...] = ()
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """A row of ``workshop_submissions``."""

    id: int
    author_id: int
    created_s: int
    title: str
    content: str
    is_example: bool = False
    is_late: bool = False
    is_published: bool = False
    grade: float | None = None
    over: float | None = None
    feedback: str = ""
    inline: tuple[StudentFile, ...] = ()
    attached: tuple[StudentFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Workshop:
    """One activity.

    Attributes:
        id: of the instance.
        cmid: of the course module.
        context_id: of its files.
        strategy: Moodle's word.
        phase: 10 to 50.
        groupmode: 0 none, 1 separate, 2 visible.
        hidden: capabilities that the service account has everywhere but here.
        error_grades: numerrors only: weighted number of errors to percent.
    """

    id: int
    cmid: int
    context_id: int
    name: str
    strategy: str
    dimensions: tuple[Dimension, ...]
    phase: int = 50
    groupmode: int = 0
    hidden: frozenset[str] = frozenset()
    error_grades: tuple[tuple[int, int], ...] = ()
    works: tuple[Work, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    examples: tuple[Work, ...] = field(default=())
    practice: tuple[Assessment, ...] = ()

    def work(self, number: int) -> Work | None:
        """Return a work or an example."""
        return next((one for one in (*self.works, *self.examples) if one.id == number), None)

    def assessment(self, number: int) -> Assessment | None:
        """Return an assessment of a work or of an example."""
        return next((one for one in (*self.assessments, *self.practice) if one.id == number), None)


def students() -> tuple[Student, ...]:
    """Return everybody who takes part."""
    return tuple(student_of(number) for number in range(STUDENT_COUNT))


def groups_of(user_id: int) -> tuple[int, ...]:
    """Return the group of a student: A (1) or B (2), turn by turn; nobody else has one."""
    numbers = {one.userid: number for number, one in enumerate(students())}
    return (1 + numbers[user_id] % 2,) if user_id in numbers else ()


def generate_workshops(course: Course) -> tuple[Workshop, ...]:
    """Make all workshops of a course."""
    rng = random.Random(course.seed * 7919)  # noqa: S311 - made-up data
    accumulative = Workshop(1, 11, _FIRST_CONTEXT, "Essay ✍ & review", "accumulative", _accumulative())
    comments = Workshop(2, 12, _FIRST_CONTEXT + 1, "Poster: comments only", "comments", _plain(20))
    numerrors = Workshop(
        *(3, 13, _FIRST_CONTEXT + 2, "Lab report: checklist", "numerrors", _assertions()),
        hidden=frozenset({"viewauthornames", "viewreviewernames"}),
        error_grades=((1, 75), (2, 50), (4, 0)),
    )
    rubric = Workshop(4, 14, _FIRST_CONTEXT + 3, "Programming task: rubric", "rubric", _rubric(), groupmode=1)
    open_one = Workshop(5, 15, _FIRST_CONTEXT + 4, "Still running", "accumulative", _plain(50, grade=10), phase=30)
    made = [_filled(one, course, rng) for one in (accumulative, comments, numerrors, rubric, open_one)]
    made[1] = _with_examples(made[1], course)
    return tuple(made)


def _accumulative() -> tuple[Dimension, ...]:
    return (
        Dimension(2, "<p>Clarity of the argument</p>", weight=2, grade=10),
        Dimension(
            *(1, '<p>Evidence: as in <img src="@@PLUGINFILE@@/Foto%20(1).png" alt="the sample"/> — Belege</p>', 1, -3),
            scale="poor, fair,very good",
            files=(_PICTURE,),
        ),
        Dimension(3, "Anything else?\nTwo sentences are enough.", weight=0, grade=0),
    )


def _plain(first: int, grade: int = 0) -> tuple[Dimension, ...]:
    texts = ("<p>What works well?</p>", "<p>What should change?</p>")
    return tuple(Dimension(first + number, text, grade=grade) for number, text in enumerate(texts))


def _assertions() -> tuple[Dimension, ...]:
    texts = ("All axes have units", "Errors are estimated", "The conclusion follows")
    return tuple(
        Dimension(30 + number, f"<p>{text}</p>", weight=1 + number // 2, labels=("Nein", "Ja"))
        for number, text in enumerate(texts)
    )


def _rubric() -> tuple[Dimension, ...]:
    words = ("poor", "fair", "excellent <b>work</b>")
    return tuple(
        Dimension(
            40 + number,
            f"<p>{text}</p>",
            levels=tuple((400 + 10 * number + level, 3.0 * level, word) for level, word in enumerate(words)),
        )
        for number, text in enumerate(("Correctness", "Style & language 文体"))
    )


def _filled(workshop: Workshop, course: Course, rng: random.Random) -> Workshop:
    """Let all but two students hand in, and each work be allocated to the three who sit next."""
    people = students()
    authors = [one for number, one in enumerate(people) if number not in (7, 19)]
    works = [_work(workshop, course, number, one) for number, one in enumerate(authors)]
    assessments: list[Assessment] = []
    for number, work in enumerate(works):
        reviewers = [authors[(number + step) % len(authors)].userid for step in (1, 2, 3)]
        if workshop.groupmode:
            reviewers = [authors[(number + step) % len(authors)].userid for step in (2, 4, 6)]
        if number % 9 == 4:
            reviewers.append(work.author_id)
        for reviewer in reviewers:
            assessments.append(_assessment(workshop, work, reviewer, len(assessments), rng))
    graded = tuple(_graded(one, assessments) if workshop.phase >= 40 else one for one in works)
    return replace(workshop, works=graded, assessments=tuple(assessments))


def _work(workshop: Workshop, course: Course, number: int, author: Student) -> Work:
    number_of_work = workshop.id * 1000 + number
    handed_in = course.now - timedelta(days=20, minutes=-number)
    inline = (replace(_PICTURE, seed=number_of_work),) if number % 3 == 0 else ()
    picture = '<p><img src="@@PLUGINFILE@@/Foto%20(1).png" alt="measured" /></p>' if inline else ""
    return Work(
        id=number_of_work,
        author_id=author.userid,
        created_s=int(handed_in.timestamp()),
        title=f"Work of {author.firstname} – «Titel» & <i>x</i> 😀",  # noqa: RUF001 - as people type
        content=f"<p>Text of {author.fullname}. \\(E=mc^2\\) 日本語 العربية</p>{picture}",
        is_late=number == 5,
        is_published=number == 0,
        inline=inline,
        attached=tuple(student_file(number + step, number_of_work) for step in range(number % 3)),
    )


def _assessment(workshop: Workshop, work: Work, reviewer: int, number: int, rng: random.Random) -> Assessment:
    created_s = work.created_s + 5 * 86_400
    made = Assessment(workshop.id * 10_000 + number, work.id, reviewer, created_s, weight=0 if number == 11 else 1)
    if number % 17 == 16 or (workshop.phase < 40 and number % 2):
        return made
    given = tuple(_given(workshop.strategy, one, number, rng) for one in workshop.dimensions)
    is_graded = workshop.phase >= 40
    return replace(
        made,
        modified_s=created_s + 86_400 + 60 * number,
        grade=suggested_grade(workshop, given),
        grading_grade=float(60 + rng.randrange(41)) if is_graded else None,
        over=90.0 if is_graded and number == 3 else None,
        to_author="<p>Overall: solid. \\(a^2\\)</p>",
        to_reviewer="<p>Thorough, thank you.</p>" if is_graded and number == 3 else "",
        files=(StudentFile("review.txt", "text/plain", "txt", number),) if number % 6 == 0 else (),
        given=given,
    )


def _given(strategy: str, one: Dimension, number: int, rng: random.Random) -> Given:
    comment = _COMMENTS[number % len(_COMMENTS)]
    match strategy:
        case "accumulative" if one.grade > 0:
            return Given(one.id, float(rng.randrange(one.grade + 1)), comment)
        case "accumulative" if one.grade < 0:
            return Given(one.id, float(1 + rng.randrange(3)), comment)
        case "numerrors":
            return Given(one.id, float(rng.random() < 0.7), comment)
        case "rubric":
            return Given(one.id, one.levels[rng.randrange(len(one.levels))][1])
        case _:
            return Given(one.id, 100.0, comment)


def suggested_grade(workshop: Workshop, given: tuple[Given, ...]) -> float:
    """Return 0 to 100, as the four strategies compute it."""
    by_id = {one.dimension_id: one.grade for one in given}
    match workshop.strategy:
        case "accumulative":
            parts = [(one, limits_of(one)) for one in workshop.dimensions if one.weight]
            share = sum(one.weight * (by_id[one.id] - low) / (high - low) for one, (low, high) in parts)
            return round(100 * share / sum(one.weight for one, _ in parts), 5)
        case "numerrors":
            errors = sum(one.weight for one in workshop.dimensions if by_id[one.id] < 1)
            return float(next((grade for count, grade in reversed(workshop.error_grades) if count <= errors), 100))
        case "rubric":
            return round(100 * sum(by_id.values()) / sum(one.levels[-1][1] for one in workshop.dimensions), 5)
        case _:
            return 100.0


def limits_of(one: Dimension) -> tuple[float, float]:
    """Return least and best score of a dimension with points, a scale or levels."""
    if one.levels:
        return one.levels[0][1], one.levels[-1][1]
    if one.grade < 0:
        return 1.0, float(len((one.scale or "").split(",")))
    return 0.0, float(one.grade)


def _graded(work: Work, assessments: list[Assessment]) -> Work:
    """Return the work with the weighted mean of its assessments; some are overridden."""
    counted = [one for one in assessments if one.submission_id == work.id and one.grade is not None and one.weight]
    weight = sum(one.weight for one in counted)
    grade = round(sum((one.grade or 0) * one.weight for one in counted) / weight, 5) if weight else None
    if work.id % 1000 != 3:
        return replace(work, grade=grade)
    return replace(work, grade=grade, over=75.5, feedback="<p>Teacher: the second source is a good find.</p>")


def _with_examples(workshop: Workshop, course: Course) -> Workshop:
    """Add an example and what four students made of it."""
    made_s = int((course.now - timedelta(days=30)).timestamp())
    example = Work(9001, TEACHER_ID, made_s, "Example: last year's poster", "<p>A sample to practise on.</p>", True)
    practice = tuple(
        Assessment(
            *(9100 + number, example.id, one.userid, made_s),
            weight=0,
            modified_s=made_s + 3600 * (1 + number),
            grade=100.0,
            grading_grade=80.0,
            to_author="<p>Practice.</p>",
            given=tuple(Given(one.id, 100.0, "practised") for one in workshop.dimensions),
        )
        for number, one in enumerate(students()[:4])
    )
    return replace(workshop, examples=(example,), practice=practice)
