"""A generated course: one quiz with any number of attempts, one assignment, the same for the same seed.

The ids of the first four attempts, the course, the quiz and the contexts are those of a small real Moodle, so that a
request written for that one can be replayed here.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from archiveworker.demo.answers import Response, Sitting, respond
from archiveworker.demo.files import StudentFile, student_file
from archiveworker.demo.people import NAMES
from archiveworker.demo.questions import BANK, Question

FIRST_ATTEMPT_IDS: Final = (33, 32, 34, 35)
_IN_PROGRESS_EVERY: Final = 8
_FIRST_USER_ID: Final = 4


@dataclass(frozen=True, slots=True)
class Student:
    """A made-up person with Moodle's fields."""

    userid: int
    username: str
    firstname: str
    lastname: str
    idnumber: str

    @property
    def fullname(self) -> str:
        """Given name, then family name."""
        return f"{self.firstname} {self.lastname}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One student's way through the quiz.

    Attributes:
        attemptid: Moodle's id.
        student: who.
        number: first, second ... attempt of this student.
        started: begin, UTC, whole seconds.
        finished: end, UTC; None when in progress (Moodle's ``timefinish`` is 0 then).
        responses: one for each question, in the order of the slots.
    """

    attemptid: int
    student: Student
    number: int
    started: datetime
    finished: datetime | None
    responses: tuple[Response, ...]

    @property
    def state(self) -> str:
        """Moodle's word."""
        return "inprogress" if self.finished is None else "finished"

    @property
    def marks(self) -> float:
        """Sum of all marks."""
        return sum(response.mark or 0.0 for response in self.responses)

    @property
    def attachments(self) -> Iterator[tuple[int, StudentFile]]:
        """Slot and file of everything attached."""
        return ((slot, file) for slot, response in enumerate(self.responses, 1) for file in response.files)


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student handed in to the assignment.

    Attributes:
        submissionid: Moodle's id.
        onlinetext: HTML.
        files: submitted files.
        feedback_files: what the teacher gave back.
    """

    submissionid: int
    student: Student
    created: datetime
    modified: datetime
    onlinetext: str
    files: tuple[StudentFile, ...]
    feedback_files: tuple[StudentFile, ...]
    grade: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that the demo LMS knows.

    Attributes:
        seed: what it was made from.
        now: the LMS's own clock: it stands still, so that names with a date are the same every time.
        context_ids: Moodle's context ids of course, quiz and assignment.
        attempts: in the order in which the plugin lists them: not by id.
    """

    seed: int
    now: datetime
    attempts: tuple[Attempt, ...]
    submissions: tuple[Submission, ...]
    questions: tuple[Question, ...] = BANK
    courseid: int = 2
    shortname: str = "ARCH101"
    fullname: str = "Archiving 101: Prüfungen & Peer Review"
    cmid: int = 2
    quizid: int = 2
    quizname: str = "Midterm „Größen“ (all question types) #1"
    assign_cmid: int = 3
    assignid: int = 1
    assignname: str = "Term paper: sources & methods"
    course_context_id: int = 12
    quiz_context_id: int = 50
    assign_context_id: int = 51
    service_userid: int = 3
    service_context_id: int = 11

    @property
    def max_marks(self) -> float:
        """Marks that can be had."""
        return sum(question.max_mark for question in self.questions)

    def attempt(self, attemptid: int) -> Attempt | None:
        """Return the attempt of that id, None if there is none."""
        return next((attempt for attempt in self.attempts if attempt.attemptid == attemptid), None)

    def submission(self, submissionid: int) -> Submission | None:
        """Return the submission of that id, None if there is none."""
        return next((item for item in self.submissions if item.submissionid == submissionid), None)


def generate_course(*, seed: int = 1, attempt_count: int = 12) -> Course:
    """Make a course.

    Args:
        seed: the same seed and count give an equal course.
        attempt_count: 1 or more; the first four have the ids 33, 32, 34 and 35, and 35 is in progress.

    Raises:
        ValueError: ``attempt_count`` is below 1.
    """
    if attempt_count < 1:
        raise ValueError(f"attempt_count must be 1 or more, got {attempt_count}")
    rng = random.Random(seed)  # noqa: S311 - made-up data
    now = datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC) + timedelta(days=seed % 365)
    ids = _attempt_ids(attempt_count, rng)
    attempts = tuple(_attempt(i, attemptid, now, seed) for i, attemptid in enumerate(ids))
    submissions = tuple(_submission(i, now) for i in range(min(attempt_count, 40)))
    return Course(seed=seed, now=now, attempts=attempts, submissions=submissions)


def _attempt_ids(count: int, rng: random.Random) -> list[int]:
    ids = list(FIRST_ATTEMPT_IDS)
    rest = list(range(36, 36 + 2 * count))
    picked = rng.sample(rest, count)
    return (ids + picked)[:count]


def student_of(number: int) -> Student:
    """Return the student of that number, from 0; the same one in every activity."""
    firstname, lastname = NAMES[number % len(NAMES)]
    return Student(
        userid=_FIRST_USER_ID + number,
        username=f"student{number + 1:02d}",
        firstname=firstname,
        lastname=lastname,
        idnumber=f"M{1_000_001 + number}",
    )


def _attempt(index: int, attemptid: int, now: datetime, seed: int) -> Attempt:
    # Every sixth attempt is the second one of the student before: a folder name made of the user alone collides.
    block, place = divmod(index, 6)
    student, second = student_of(5 * block + min(place, 4)), place == 5
    started = now - timedelta(days=3) + timedelta(minutes=10 * index % 1440)
    in_progress = attemptid == FIRST_ATTEMPT_IDS[3] or (index > 4 and index % _IN_PROGRESS_EVERY == 6)
    finished = None if in_progress else started + timedelta(minutes=20 + index % 7)
    sitting = Sitting(random.Random(seed * 100_003 + attemptid), index, started, finished)  # noqa: S311 - made-up data
    responses = tuple(respond(question, slot, sitting) for slot, question in enumerate(BANK, 1))
    return Attempt(attemptid, student, 2 if second else 1, started, finished, responses)


def _submission(index: int, now: datetime) -> Submission:
    created = now - timedelta(days=5, minutes=-7 * index)
    text = (
        f"<h4>Submission of {student_of(index).firstname}</h4><p>Method: \\(\\bar{{x}} = \\frac{{1}}{{n}}\\sum x_i\\). "
        "Quellen: Archivgesetz §3, 国立公文書館, <span dir='rtl' lang='he'>ארכיון המדינה</span>.</p>"
    )
    return Submission(
        submissionid=201 + (index * 7) % 97 + 97 * (index // 97),
        student=student_of(index),
        created=created,
        modified=created + timedelta(hours=4),
        onlinetext=text,
        files=tuple(student_file(index + i, 5000 + index) for i in range(1 + index % 3)),
        feedback_files=(student_file(0, 7000 + index),) if index % 3 == 0 else (),
        grade=None if index % 5 == 4 else 55.0 + (index * 13) % 45,
    )
