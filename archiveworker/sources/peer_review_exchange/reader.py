"""Reads one activity over the exchange API, page by page; implements ``sources.reviewed.reader.Reader``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import IntegrityError, LimitExceededError, RecordError, SourceError
from archiveworker.domain.peer_review.codec import from_plain
from archiveworker.domain.peer_review.exchange import OF_AN_ACTIVITY, PAGES, ActivityDocument, Page, assemble
from archiveworker.domain.peer_review.kinds import SubmissionKind
from archiveworker.domain.peer_review.model import Announced, PeerReview
from archiveworker.domain.peer_review.work import File
from archiveworker.runtime.http import SavedBody
from archiveworker.runtime.retry import retrying
from archiveworker.sources.peer_review_exchange.client import BAD_REQUEST, ExchangeClient
from archiveworker.sources.reviewed.raw import RawAnswers
from archiveworker.sources.reviewed.reader import refuse_open

_COUNTED: Final = {
    "participants": "participant_count",
    "submissions": "submission_count",
    "allocations": "allocation_count",
    "reviews": "review_count",
}
"""Collections whose size is compared by the check ``totalcount-mismatch``, and where it stands in ``Announced``."""
_NO_UPLOAD: Final = "the exchange API only reads; name another delivery target"


class ExchangeReader:
    """One activity of one server.

    Args:
        client: of the server.
        activity: the server's id.
        allow_open: read it although works or reviews still change.
    """

    def __init__(self, client: ExchangeClient, activity: str, *, allow_open: bool) -> None:
        self._client = client
        self._activity = activity
        self._allow_open = allow_open

    async def probe(self) -> None:
        """Ask for the activity once, and refuse what ``read`` would refuse."""
        timeout_s = self._client.config.probe_timeout_s
        self._checked(await self._client.document(("activities", self._activity), {}, timeout_s))

    async def read(self, raw: RawAnswers) -> PeerReview:
        """Return the whole activity; see the port."""
        document = self._checked(await self._asked(raw, "activity", ("activities", self._activity), {}))
        found: dict[str, Sequence[Any]] = {}
        totals: dict[str, int] = {}
        for name in OF_AN_ACTIVITY:
            found[name], total = await self._collection(raw, name)
            if total is not None:
                totals[name] = total
        record = assemble(document, found)
        return replace(record, announced=_announced(record, totals))

    def _checked(self, answer: object) -> ActivityDocument:
        document = from_plain(answer, ActivityDocument)
        if document.activity.id != self._activity:
            raise RecordError(f"the server was asked for another activity than it gave; asked for {self._activity!r}")
        refuse_open(document.activity, allow_open=self._allow_open)
        return document

    async def _collection(self, raw: RawAnswers, name: str) -> tuple[list[Any], int | None]:
        try:
            return await self._pages(raw, name)
        except SourceError as exc:
            # A page token is good as long as the bearer token that it was given with: a retry may have a new one.
            if exc.lms_code != BAD_REQUEST or not raw.forget_one(name):
                raise
        return await self._pages(raw, name)

    async def _pages(self, raw: RawAnswers, name: str) -> tuple[list[Any], int | None]:
        """Return all records of a collection, and how many the server says there are."""
        records: list[Any] = []
        token: str | None = None
        seen: set[str] = set()
        while True:
            query = {"page_size": str(self._client.config.page_size)} | ({} if token is None else {"page_token": token})
            answer = await self._asked(raw, name, ("activities", self._activity, name), query)
            page: Page[Any] = from_plain(answer, PAGES[name])
            records += page.items
            if len(records) > self._client.config.max_record_count:
                raise RecordError(f"the server gives more than {self._client.config.max_record_count} {name}")
            token = page.next_page_token
            if token is None:
                return records, page.total_count
            if token in seen:
                raise RecordError(f"the pages of {name} have no end: the server gave the same page token twice")
            seen.add(token)

    async def _asked(self, raw: RawAnswers, name: str, path: tuple[str, ...], query: Mapping[str, str]) -> object:
        """Return an answer: the one that an earlier try got, or a new one, which is kept when it is in the format."""
        request = {"activity": self._activity, **query}
        answer = raw.kept(name, request)
        if answer is None:
            answer = await retrying(lambda: self._client.document(path, query), self._client.config.retry, what=name)
            raw.keep(name, request, answer)
        return answer

    async def fetch(self, file: File, target: Path) -> SavedBody:
        """Write one file's bytes to ``target``; see the port."""
        limit_bytes = self._client.config.max_file_bytes
        if (file.size_bytes or 0) > limit_bytes:
            raise LimitExceededError(
                f"file {file.id} has {file.size_bytes} bytes, more than the {limit_bytes} that the worker takes; raise "
                "ARCHIVEWORKER_MAX_ATTACHMENT_BYTES"
            )

        async def attempt() -> SavedBody:
            path = ("activities", self._activity, "files", file.id, "content")
            saved = await self._client.file(path, target)
            _compare(file, saved)
            return saved

        return await retrying(attempt, self._client.config.retry, what="file")

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Raise SourceError: the API only reads."""
        raise SourceError(f"{parcel.archive.name} cannot be brought to the LMS: {_NO_UPLOAD}")

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Raise SourceError: the API only reads."""
        raise SourceError(f"{parcel.archive.name} cannot be brought to the LMS: {_NO_UPLOAD}")


def _compare(file: File, saved: SavedBody) -> None:
    """Compare what arrived with what was announced: the digest, or else the size."""
    is_other = file.sha256 is not None and file.sha256 != saved.sha256.hex
    if is_other or (file.sha256 is None and file.size_bytes not in (None, saved.size_bytes)):
        raise IntegrityError(
            f"file {file.id} arrived with other bytes than the LMS announced; it changed meanwhile or something "
            "between the LMS and the worker damages files"
        )


def _announced(record: PeerReview, totals: Mapping[str, int]) -> Announced:
    """Return what is announced, filled up by the totals of the pages; examples are no works.

    Raises:
        RecordError: forms, files or the queue are not as many as the server says: no check would see it.
    """
    for name, count in {"forms": len(record.forms), "files": len(record.files)}.items():
        if totals.get(name, count) != count:
            raise RecordError(f"the server says that there are {totals[name]} {name} and gives {count}")
    chosen: dict[str, int | None] = {}
    for name, field in _COUNTED.items():
        received, total = len(getattr(record, name)), totals.get(name)
        if name == "submissions":
            examples = sum(one.kind is SubmissionKind.EXAMPLE for one in record.submissions)
            received, total = received - examples, None if total is None else total - examples
        said = [count for count in (getattr(record.announced, field), total) if count is not None]
        # Of two announcements that differ, the one that does not fit what came is the one to be looked at.
        chosen[field] = next(iter([count for count in said if count != received] or said), None)
    return replace(
        record.announced,
        participant_count=chosen["participant_count"],
        submission_count=chosen["submission_count"],
        allocation_count=chosen["allocation_count"],
        review_count=chosen["review_count"],
    )
