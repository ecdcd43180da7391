"""What a job makes of a course: files that go in as they are, and pages, each from a small file of its own.

Planning writes everything below ``collected``; making a page reads one file, so the pages of a course of any size need
no more memory than one page.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.proctoring import codec, schema
from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.model import PairFile, Proctoring, ProctoringFile
from archiveworker.reports.proctoring import wording
from archiveworker.reports.proctoring.pages import render_course, render_exam, render_pair
from archiveworker.reports.proctoring.report import CourseReport
from archiveworker.reports.proctoring.tables import all_tables
from archiveworker.runtime import resources

RECORD_NAME: Final = "proctoring.json"
_PAGES: Final = "pages"
_PLAN: Final = "plan.json"
_FILES: Final = "files"
_STEM: Final = "proctoring"
_OVERVIEW: Final = "overview"
_FIRST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2099, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, ready to be printed.

    Attributes:
        html: the whole page.
        title: for the PDF.
        folder: in the archive.
        stem: of its files.
        at: time of the data.
    """

    html: str
    title: str
    folder: ArchivePath
    stem: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is stored of a page beside its records or its HTML.

    Attributes:
        key: of the item.
        title: for people.
        folder: in the archive.
        stem: of its files.
        at: time of the data.
        facts: for the index.
    """

    key: str
    title: str
    folder: str
    stem: str
    at: datetime
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A page on the spool: records of one person at one exam, or finished HTML."""

    entry: _Entry
    pair: PairFile | None = None
    html: str = ""


def is_made(folder: Path) -> bool:
    """Whether ``make`` has finished here."""
    return (folder / _PLAN).exists()


def make(record: Proctoring, folder: Path) -> None:
    """Write the files and pages of a course below ``folder``; the plan comes last, so half a course is never read."""
    report = CourseReport(record, check_all(record))
    pages, files = folder / _PAGES, folder / _FILES
    for made in (pages, files / "tables", files / "course"):
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, table in all_tables(report).items():
        (files / "tables" / name).write_bytes(table)
    (files / "course" / RECORD_NAME).write_bytes(codec.encode(ProctoringFile(record)))
    (files / "course" / "proctoring.schema.json").write_bytes(resources.data(schema.RESOURCE))
    entries = []
    for stored in _pages(report):
        (pages / f"{stored.entry.key}.json").write_bytes(codec.encode(stored))
        entries.append(stored.entry)
    part = folder / f".{_PLAN}.part"
    part.write_bytes(codec.encode(entries))
    part.replace(folder / _PLAN)


def items(folder: Path) -> tuple[PlannedItem, ...]:
    """Return the items that ``make`` left, in the order of the archive."""
    entries = codec.decode((folder / _PLAN).read_bytes(), list[_Entry])
    return tuple(
        PlannedItem(key=ItemKey(one.key), lms_id=number, title=one.title, facts=one.facts | {"itemid": str(number)})
        for number, one in enumerate(entries, 1)
    )


def files(folder: Path) -> tuple[tuple[ArchivePath, Path], ...]:
    """Return place in the archive and place on the spool of what goes in as it is."""
    root = folder / _FILES
    return tuple((ArchivePath(one.relative_to(root).as_posix()), one) for one in sorted(root.rglob("*.*")))


def page(folder: Path, key: str) -> Page:
    """Return one page, made from its own file.

    Raises:
        NotFoundError: it is not on the spool any more.
    """
    try:
        stored = codec.decode((folder / _PAGES / f"{key}.json").read_bytes(), _Stored)
    except FileNotFoundError as exc:
        raise NotFoundError("the course is no longer on the spool; post the job again") from exc
    html = stored.html if stored.pair is None else render_pair(stored.pair).decode("utf-8")
    one = stored.entry
    return Page(html, one.title, ArchivePath(one.folder), one.stem, one.at)


def _pages(report: CourseReport) -> Iterator[_Stored]:
    course = report.record.course
    read_at = _possible(course.read_at)
    names = {one.id: f"{one.id}_{one.name}".replace("/", "_") for one in report.exams}
    taken: set[str] = set()
    for number, (person, exam_id) in enumerate(report.pairs, 1):
        folder = _free(ArchivePath.sanitised("exams", names.get(exam_id, exam_id), person.replace("/", "_")), taken)
        yield _of_person(report.page_of(person, exam_id), f"person-{number:06d}", folder)
    people = Counter(exam_id for _, exam_id in report.pairs)
    for exam in report.exams:
        facts = {"kind": "exam", "examid": exam.id, "exam": exam.name, "people": str(people[exam.id])}
        folder = ArchivePath.sanitised("overviews", names[exam.id]).value
        for sheet, html in render_exam(report, exam.id):
            key, title, stem = f"exam-{exam.id}", f"Overview: {exam.name}", _OVERVIEW
            if sheet.first > 1:
                key, title, stem = f"{key}-{sheet.first}", f"{sheet.span}: {exam.name}", f"people_{sheet.first:06d}"
            yield _Stored(_Entry(key, title, folder, stem, read_at, facts), html=html.decode("utf-8"))
    entry = _Entry("course", f"Overview of the course {course.id}", "course", _OVERVIEW, read_at, {"kind": "course"})
    yield _Stored(entry, html=render_course(report).decode("utf-8"))


def _of_person(pair: PairFile, key: str, folder: str) -> _Stored:
    """Return the page of one person at one exam."""
    record = pair.record
    attempts, exam, person = record.attempts, record.exams[0], record.people[0]
    facts = {
        "kind": "person",
        "userid": person.lms_user_id or "",
        "username": person.id,
        "examid": exam.id,
        "exam": exam.name,
        "attempts": str(len(attempts)),
        "result": wording.state(attempts[-1]) if attempts else "no attempt",
    }
    at = max((one.modified_at for one in attempts), default=record.course.read_at)
    return _Stored(_Entry(key, f"{person.id}: {exam.name}", folder, _STEM, _possible(at), facts), pair)


def _free(path: ArchivePath, taken: set[str]) -> str:
    """Return ``path``, with a number at its end when somebody has it already; case does not tell two apart."""
    free, number = path.value, 1
    while free.casefold() in taken:
        number += 1
        free = f"{path.value}_{number}"
    taken.add(free.casefold())
    return free


def _possible(at: datetime) -> datetime:
    """Return ``at``, or the nearest time that every container and PDF can say."""
    return min(max(at, _FIRST), _LAST).replace(microsecond=0)
