"""What a student answered, and what Moodle's question engine made of it (states, marks, history)."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archiveworker.demo.files import StudentFile, student_file
from archiveworker.demo.questions import Question

_SENTENCES: Final = (
    "An archive that nobody can check is a rumour with a file name.",
    "Die Prüfungsordnung verlangt die Aufbewahrung der Unterlagen über mehrere Jahre.",
    "Formulas must survive as well, e.g. \\(x^2 + y^2 = z^2\\) and $$\\sum_{n=0}^{\\infty} \\frac{1}{n!} = e$$",
    "漢字とかな、それに絵文字 😀 も残らなければならない。",
    "<span dir='rtl' lang='ar'>يجب أن تبقى الإجابة مقروءة بعد عشر سنوات.</span>",
    "What was shown to the examiner must be what is kept: pictures, tables, attached files.",
    "A time-stamp says when; a digest says what; a signature says who.",
    "Two copies in one building are one copy.",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a response history.

    Attributes:
        at: when, UTC.
        action: e.g. ``Saved: Jupiter``.
        state: e.g. ``Answer saved``.
        mark: what the line gave, None for nothing.
    """

    at: datetime
    action: str
    state: str
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What stands in one slot of an attempt.

    Attributes:
        answers: numbers of the ticked choices, or what stands in each part; empty strings for nothing.
        state: Moodle's word for it, e.g. ``Partially correct``.
        css: Moodle's class for it, e.g. ``partiallycorrect``.
        mark: None when there is none.
        html: an essay's text.
        pictures: seeds of pictures in the essay; the first is large.
        files: attached files.
        comment: a teacher's comment, HTML.
        history: from the start to the last mark.
    """

    answers: tuple[str, ...]
    state: str
    css: str
    mark: float | None
    html: str
    pictures: tuple[int, ...]
    files: tuple[StudentFile, ...]
    comment: str
    history: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Sitting:
    """When somebody sat where.

    Attributes:
        rng: the attempt's own source of chance.
        index: number of the attempt in the course, from 0.
        started: begin, UTC.
        finished: end, UTC; None when still in progress.
    """

    rng: random.Random
    index: int
    started: datetime
    finished: datetime | None


def respond(question: Question, slot: int, sitting: Sitting) -> Response:
    """Return what the student of ``sitting`` did with ``question``."""
    if question.qtype == "description":
        return _response(sitting, state="", css="complete", mark=None)
    if question.qtype == "essay":
        return _essay(slot, sitting)
    answers = _answers(question, sitting)
    if not any(answers):
        return _response(sitting, state="Not answered", css="notanswered", mark=None)
    fraction = _fraction(question, answers)
    if sitting.finished is None:
        return _response(sitting, answers=answers, saved=", ".join(answers), state="Answer saved", css="answersaved")
    state, css = _GRADES[0 if fraction == 0 else 2 if fraction == 1 else 1]
    mark = round(fraction * question.max_mark, 2)
    saved = _summary(question, answers)
    return _response(sitting, answers=answers, saved=saved, state=state, css=css, mark=mark)


_GRADES: Final = (("Incorrect", "incorrect"), ("Partially correct", "partiallycorrect"), ("Correct", "correct"))


def _answers(question: Question, sitting: Sitting) -> tuple[str, ...]:
    rng = sitting.rng
    unanswered_ratio = 0.5 if sitting.finished is None else 0.06
    if rng.random() < unanswered_ratio:
        return ()
    if question.choices:
        if question.many:
            ticked = [i for i, choice in enumerate(question.choices) if choice.right == (rng.random() < 0.8)]
            return tuple(str(i) for i in ticked)
        right = next(i for i, choice in enumerate(question.choices) if choice.right)
        return (str(right if rng.random() < 0.65 else rng.randrange(len(question.choices))),)
    if question.layout == "ordering":
        order = [part.right for part in question.parts]
        if rng.random() < 0.6:
            rng.shuffle(order)
        return tuple(order)
    return tuple(_fill(part.right, part.options, question, rng) for part in question.parts)


def _fill(right: str, options: tuple[str, ...], question: Question, rng: random.Random) -> str:
    if rng.random() < 0.65:
        return right
    if question.qtype == "ddmarker":
        return f"{rng.randrange(20, 500)},{rng.randrange(20, 220)}"
    return rng.choice(options) if options else rng.choice(("1,5", "Kater", "42", "weiß nicht", "???"))


def _fraction(question: Question, answers: tuple[str, ...]) -> float:
    if question.choices:
        right = {str(i) for i, choice in enumerate(question.choices) if choice.right}
        hits = len(right & set(answers)) - len(set(answers) - right)
        return max(0.0, hits / len(right))
    return sum(part.right == answer for part, answer in zip(question.parts, answers, strict=True)) / len(question.parts)


def _summary(question: Question, answers: tuple[str, ...]) -> str:
    if question.choices:
        return "; ".join(question.choices[int(i)].html for i in answers)
    return "; ".join(answers)


def _essay(slot: int, sitting: Sitting) -> Response:
    rng, index = sitting.rng, sitting.index
    paragraphs = [rng.sample(_SENTENCES, 4) for _ in range(2 + index % 3)]
    html = "".join(f"<p>{' '.join(sentences)}</p>" for sentences in paragraphs)
    html += "<table border='1'><tr><th>Year</th><th>Kept</th></tr><tr><td>2026</td><td>100 %</td></tr></table>"
    files = tuple(student_file(index + i, index * 100 + slot) for i in range(index % 4))
    pictures = (index,) if index % 2 == 0 else ()
    saved = f"{paragraphs[0][0]} [...]" + (f" Attachments: {', '.join(f.filename for f in files)}" if files else "")
    if sitting.finished is None:
        graded, state, css, comment = None, "Answer saved", "answersaved", ""
    elif index % 5 == 4:
        graded, state, css, comment = None, "Requires grading", "requiresgrading", ""
    else:
        graded, state, css = float(rng.randrange(4, 11)), "Complete", "complete"
        comment = "<p>Sound reasoning; see also \\(a + b\\).</p>"
    return _response(
        sitting,
        saved=saved,
        state=state,
        css=css,
        mark=graded,
        html=html,
        pictures=pictures,
        files=files,
        comment=comment,
    )


def _response(  # noqa: PLR0913 - a builder with defaults for one dataclass
    sitting: Sitting,
    *,
    state: str,
    css: str,
    answers: tuple[str, ...] = (),
    saved: str = "",
    mark: float | None = None,
    html: str = "",
    pictures: tuple[int, ...] = (),
    files: tuple[StudentFile, ...] = (),
    comment: str = "",
) -> Response:
    steps = [Step(sitting.started, "Started", "Not yet answered" if state else "")]
    if saved:
        middle = sitting.started + ((sitting.finished or sitting.started) - sitting.started) / 2
        steps.append(Step(middle, f"Saved: {saved}", "Answer saved"))
    if sitting.finished is not None:
        steps.append(Step(sitting.finished, "Attempt finished", state, mark))
    return Response(answers, state, css, mark, html, pictures, files, comment, tuple(steps))
