"""The documents of the peer-review exchange API: pages, the activity, errors; and a whole activity as one file.

The description for those who build a server is ``docs/reference/peer-review-exchange.md``; the JSON Schema is the
resource ``peer_review/exchange.schema.json``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, TypeVar

from archiveworker.domain.peer_review.base import Record
from archiveworker.domain.peer_review.form import Form
from archiveworker.domain.peer_review.model import Activity, Announced, Participant, PeerReview
from archiveworker.domain.peer_review.queue import Queue
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import File, Submission

API_VERSION: Final = 1
PREFIX: Final = "/peer-review/v1"
MAX_PAGE_SIZE: Final = 1000
DEFAULT_PAGE_SIZE: Final = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Record, Generic[T]):
    """One page of a collection.

    Attributes:
        items: records, in an order that stays the same from page to page.
        next_page_token: to be sent as ``page_token`` for the next page; None on the last one.
        total_count: records of the whole collection; None when the server does not count them.
        api_version: of the exchange API.
    """

    items: tuple[T, ...]
    next_page_token: str | None = None
    total_count: int | None = None
    api_version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class ActivityDocument(Record):
    """The answer for one activity.

    Attributes:
        activity: the activity.
        announced: what the server counts itself, to compare with what was received.
        api_version: of the exchange API.
    """

    activity: Activity
    announced: Announced = field(default_factory=Announced)
    api_version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Problem(Record):
    """Why a request was refused.

    Attributes:
        code: one word for machines.
        message: a sentence: what, why, what to do.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ProblemDocument(Record):
    """The answer to a request that was refused.

    Attributes:
        error: why.
        api_version: of the exchange API.
    """

    error: Problem
    api_version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class PeerReviewFile(Record):
    """``peer_review.json`` of an archive: one whole activity.

    Attributes:
        peer_review: the activity.
        format_version: of this file; a reader refuses one that it does not know.
    """

    peer_review: PeerReview
    format_version: Literal[1] = 1


PAGES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "activities": Page[Activity],
        "participants": Page[Participant],
        "forms": Page[Form],
        "submissions": Page[Submission],
        "allocations": Page[Allocation],
        "reviews": Page[Review],
        "queue": Page[Queue],
        "files": Page[File],
    }
)
"""Name of the collection in the URL, and what a page of it is."""

OF_AN_ACTIVITY: Final = tuple(name for name in PAGES if name != "activities")


def merge_queue(slices: Sequence[Queue]) -> Queue | None:
    """Join the slices of a queue that came on several pages; no slice means that the system has no queue."""
    if not slices:
        return None
    return Queue(
        items=tuple(item for one in slices for item in one.items),
        locks=tuple(lock for one in slices for lock in one.locks),
        counters=tuple(counter for one in slices for counter in one.counters),
    )


def assemble(document: ActivityDocument, collections: Mapping[str, Sequence[Any]]) -> PeerReview:
    """Return the whole activity.

    Args:
        document: of the activity.
        collections: for each name of ``OF_AN_ACTIVITY`` its records, of all pages.
    """
    return PeerReview(
        activity=document.activity,
        participants=tuple(collections["participants"]),
        forms=tuple(collections["forms"]),
        submissions=tuple(collections["submissions"]),
        allocations=tuple(collections["allocations"]),
        reviews=tuple(collections["reviews"]),
        files=tuple(collections["files"]),
        queue=merge_queue(collections["queue"]),
        announced=document.announced,
    )
