"""Write example pages of peer reviews (every strategy, 30 and 300 people, a copy).

usage: python tests/tools/write_peer_review_examples.py DIR
"""

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.copies import author_copy
from archiveworker.domain.peer_review.kinds import AllocationState, Strategy
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.redaction import scan
from archiveworker.reports.peer_review.pages import render_copy, render_overview, render_work
from archiveworker.reports.peer_review.report import ActivityReport
from tests.fakes import peer_review as fake

PICTURES = {
    "peer-review-work": ("work-rubric", 1),
    "peer-review-reviews": ("work-rubric", 2),
    "peer-review-matrix-30": ("overview-accumulative", 3),
    "peer-review-matrix-300": ("overview-300", 3),
    "peer-review-people": ("overview-300", 4),
    "peer-review-author-copy": ("author-copy", 2),
}
"""Pictures of the docs (``write_pictures``): name, page, and the sheet of it that is shown."""


def with_irregularities(record: PeerReview) -> PeerReview:
    """Leave some reviews unfinished, some uncounted, and let one person review an own work."""
    allocations, reviews = list(record.allocations), list(record.reviews)
    for at in range(4, len(allocations), 17):
        allocations[at] = replace(allocations[at], state=AllocationState.PENDING, completed_at=None)
    allocations[9] = replace(allocations[9], submission_id=fake.work_id(3))
    reviews[1] = replace(reviews[1], counted=False)
    unfinished = {one.id for one in allocations if one.state is AllocationState.PENDING}
    kept = tuple(one for one in reviews if one.allocation_id not in unfinished)
    return replace(record, allocations=tuple(allocations), reviews=kept)


def write_pages(folder: Path) -> None:
    """Write all pages into ``folder``."""
    for strategy in Strategy:
        record = with_irregularities(fake.make(30, strategy))
        report = ActivityReport(record, check_all(record))
        (folder / f"work-{strategy.value}.html").write_bytes(render_work(report, fake.work_id(4)))
        (folder / f"overview-{strategy.value}.html").write_bytes(render_overview(report, scan(record)))
    many = with_irregularities(fake.make(300))
    (folder / "overview-300.html").write_bytes(render_overview(ActivityReport(many, check_all(many)), scan(many)))
    copy = author_copy(many, fake.person_id(4)).peer_review
    report = ActivityReport(copy, is_copy=True)
    reader = report.name(fake.person_id(4))
    (folder / "author-copy.html").write_bytes(render_copy(report, [fake.work_id(4)], "Author's copy", reader))


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    write_pages(Path(sys.argv[1]))
