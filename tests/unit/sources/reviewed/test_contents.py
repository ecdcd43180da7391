"""Whatever an LMS gives, every item has a page; what pages share is looked up once."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.reports.peer_review.markup import Attachments
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.sources.reviewed.collect import Collected
from archiveworker.sources.reviewed.contents import Contents
from archiveworker.sources.reviewed.shown import shown
from tests.fakes import peer_review as fake
from tests.unit.domain.peer_review import strategies

KEY = b"0123456789abcdef"


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(strategies.record(PeerReview))
def test_whatever_comes_every_item_has_a_page(record: PeerReview) -> None:
    for key in (None, KEY):
        made = Contents(shown(Collected(record, {}, ()), key), excerpts=True)
        numbers = [item.lms_id for item in made.items]
        assert numbers == sorted(set(numbers))
        assert len({item.key for item in made.items}) == len(numbers)
        for item in made.items:
            page = made.page(item.key)
            assert page.html.startswith("<!DOCTYPE html>")
            assert 1980 <= page.at.year < 2100
            assert 'href="files/' not in page.printed
        works = {one.id for one in record.submissions} | {one.submission_id for one in record.allocations}
        gone = sum(item.facts["kind"] in ("work", "example", "gone") for item in made.items)
        assert gone >= len({one.id for one in record.submissions})
        assert gone <= len(works)


def test_pages_share_what_was_looked_up() -> None:
    record = fake.make(8)
    record = replace(
        record, allocations=(*record.allocations, replace(record.allocations[0], id=fake.AllocationId("a")))
    )
    report = ActivityReport(record, check_all(record)).prepared()
    assert report.findings
    other = report.showing(Attachments())
    assert other.findings is report.findings
    assert other.people is report.people
    assert other.allocations_of is report.allocations_of
    assert other.facts is report.facts
