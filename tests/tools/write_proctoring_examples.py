"""Write example pages of proctored exams.

usage: python tests/tools/write_proctoring_examples.py DIR
"""

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.model import Gap, Proctoring
from archiveworker.domain.proctoring.pseudonyms import pseudonymised
from archiveworker.domain.proctoring.reading import NOT_BY_REST
from archiveworker.reports.proctoring.pages import render_course, render_exam, render_pair
from archiveworker.reports.proctoring.report import CourseReport
from tests.fakes import proctoring as fake

PICTURES = {
    "proctoring-person": ("person-resumed", 1),
    "proctoring-person-2": ("person-resumed", 2),
    "proctoring-pseudonyms": ("person-pseudonym", 1),
    "proctoring-exam": ("exam", 1),
    "proctoring-course": ("course", 1),
}
"""Pictures of the docs (``write_pictures``): name, page, and the sheet of it that is shown."""


def pages() -> dict[str, bytes]:
    """Return one page of each kind."""
    gaps = tuple(Gap(kind, sentence) for kind, sentence in NOT_BY_REST.items())
    rest = replace(fake.as_rest_gives_it(fake.troubled()), gaps=gaps)
    report, plain = report_of(fake.troubled()), report_of(rest)
    hidden = pseudonymised(fake.troubled(), b"k" * 32)
    [person] = [one.person_id for one in hidden.attempts if one.is_resumed and one.remaining_s]
    return {
        "person-resumed": render_pair(report.page_of(fake.person_id(1), fake.MIDTERM)),
        "person-sensitive": render_pair(plain.page_of(fake.person_id(2), fake.MIDTERM)),
        "person-no-attempt": render_pair(plain.page_of(fake.person_id(17), fake.FINAL)),
        "person-over": render_pair(plain.page_of(fake.person_id(6), fake.MIDTERM)),
        "person-pseudonym": render_pair(report_of(hidden).page_of(person, fake.MIDTERM)),
        "exam": next(render_exam(plain, fake.MIDTERM))[1],
        "course": render_course(plain),
        "course-clean": render_course(report_of(fake.clean())),
    }


def report_of(record: Proctoring) -> CourseReport:
    """Return the course with its findings."""
    return CourseReport(record, check_all(record))


def write_pages(folder: Path) -> None:
    """Write all pages into ``folder``."""
    for name, page in pages().items():
        (folder / f"{name}.html").write_bytes(page)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    write_pages(Path(sys.argv[1]))
