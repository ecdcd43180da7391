"""Activities as they were when a token first asked for them: read once, kept until the token ends.

A reader fetches an activity in many requests; between them the LMS goes on. So the whole activity is read in one
transaction, written as JSON into a file that has no name (nothing is left behind when the process dies), and pages
are cut from that. Memory holds a few numbers for each record. A new token reads anew; so does one whose snapshot had to
make room, and then a page that begins after a record that is gone is refused.
Accepted risk: what a token may read lies on the disk of the bridge until the token ends.
"""

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from archiveworker.bridge.reading import ActivityReading, Legacy
from archiveworker.bridge.tokens import Bearer
from archiveworker.domain.errors import BusyError, NotFoundError, RequestError
from archiveworker.domain.peer_review import codec
from archiveworker.domain.peer_review.exchange import OF_AN_ACTIVITY
from archiveworker.runtime.clock import Clock

MAX_PAGE_BYTES: Final = 4 * 1024**2
_KEPT_COUNT: Final = 16


@dataclass(slots=True)
class Listing:
    """Where the records of one collection lie.

    Attributes:
        ids: of the records, in their order; slices of the queue have their number.
        ends: end of each record in the file.
        start: begin of the first.
    """

    ids: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    start: int = 0


@dataclass(frozen=True, slots=True)
class PageSlice:
    """A part of a collection.

    Attributes:
        items: JSON of each record.
        after: number and id of the last one; None when no page follows.
        total_count: records of the whole collection.
    """

    items: tuple[bytes, ...]
    after: tuple[int, str] | None
    total_count: int


class Snapshot:
    """One activity at one moment.

    Args:
        reading: is done here, from its begin to its end.

    Raises:
        OutOfScopeError: there is no such activity.
        MappingError: the database does not fit the mapping.
        RecordError: a row cannot be a record.
        BusyError: the database does not answer, or there is no room on the disk.
    """

    def __init__(self, reading: ActivityReading) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - kept open; it has no name
        self._listings = {name: Listing() for name in OF_AN_ACTIVITY}
        try:
            self._fill(reading)
        except OSError as exc:
            self.close()
            raise BusyError(f"the activity cannot be kept ({exc.strerror}); make room for temporary files") from exc
        except BaseException:
            self.close()
            raise
        self.activity = reading.document.activity
        self.document = codec.encode(reading.document)
        self._stored = reading.stored

    def _fill(self, reading: ActivityReading) -> None:
        written, current = 0, ""
        for name, record in reading.records():
            listing = self._listings[name]
            if name != current:
                current, listing.start = name, written
            written += self._file.write(codec.encode(record))
            listing.ids.append(str(getattr(record, "id", len(listing.ids))))
            listing.ends.append(written)
        self._file.flush()

    def page(self, name: str, after: tuple[int, str] | None, size: int) -> PageSlice:
        """Return up to ``size`` records of a collection, fewer when they are large.

        Args:
            name: of the collection.
            after: number and id of the last record of the page before; None for the first page.
            size: at least 1.

        Raises:
            RequestError: that record is gone.
        """
        listing = self._listings[name]
        begin = 0 if after is None else _place(listing.ids, *after) + 1
        end, first = begin, listing.ends[begin - 1] if begin else listing.start
        while end < len(listing.ids) and end - begin < size:
            if end > begin and listing.ends[end] - first > MAX_PAGE_BYTES:
                break
            end += 1
        raw = os.pread(self._file.fileno(), listing.ends[end - 1] - first, first) if end > begin else b""
        items, left = [], first
        for stop in listing.ends[begin:end]:
            items.append(raw[left - first : stop - first])
            left = stop
        last = (end - 1, listing.ids[end - 1]) if end < len(listing.ids) else None
        return PageSlice(tuple(items), last, len(listing.ids))

    def stored_name(self, file_id: str) -> str | None:
        """Return where a file lies in the upload folder.

        Raises:
            NotFoundError: the activity has no such file.
        """
        if file_id not in self._stored:
            raise NotFoundError("the activity has no such file")
        return self._stored[file_id]

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()


def _place(ids: list[str], number: int, wanted: str) -> int:
    """Return where a record is; in another snapshot it can have another number. Ids can be there twice."""
    if number < len(ids) and ids[number] == wanted:
        return number
    if ids.count(wanted) == 1:
        return ids.index(wanted)
    raise RequestError("the activity was read anew and has changed; begin again with the first page")


class Snapshots:
    """Snapshots by token and activity.

    Args:
        legacy: where activities are read.
        clock: for the end of tokens.
        readings_count: activities that are read at once; more are told to come back.
    """

    def __init__(self, legacy: Legacy, clock: Clock, readings_count: int) -> None:
        self._legacy = legacy
        self._clock = clock
        self._readings_count = readings_count
        self._reading: dict[tuple[str, str], asyncio.Task[Snapshot]] = {}
        self._kept: OrderedDict[tuple[str, str], tuple[Snapshot, int]] = OrderedDict()

    async def get(self, bearer: Bearer, activity_id: str) -> Snapshot:
        """Return the activity as this token sees it.

        Raises:
            BusyError: as many activities are read as may be.
            OutOfScopeError: there is no such activity.
            MappingError: the database does not fit the mapping.
            RecordError: a row cannot be a record.
        """
        self._forget_ended()
        key = (bearer.id, activity_id)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        if key not in self._reading:
            if len(self._reading) >= self._readings_count:
                raise BusyError("the bridge reads as many activities as it may; come back in a few seconds")
            task = self._reading[key] = asyncio.create_task(self._read(key, bearer.expires_at_s))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # A caller that goes away does not take the reading from the others.
        return await asyncio.shield(self._reading[key])

    async def _read(self, key: tuple[str, str], expires_at_s: int) -> Snapshot:
        try:
            snapshot = await asyncio.to_thread(Snapshot, ActivityReading(self._legacy, key[1]))
        finally:
            del self._reading[key]
        self._kept[key] = (snapshot, expires_at_s)
        while len(self._kept) > _KEPT_COUNT:
            self._kept.popitem(last=False)[1][0].close()
        return snapshot

    def _forget_ended(self) -> None:
        now = self._clock.now().timestamp()
        for key in [key for key, (_, end) in self._kept.items() if end <= now]:
            self._kept.pop(key)[0].close()

    async def close(self) -> None:
        """Wait for what is being read and forget everything."""
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        for snapshot, _ in self._kept.values():
            snapshot.close()
        self._kept.clear()


def page_json(page: PageSlice, next_page_token: str | None) -> Iterator[bytes]:
    """Yield the document of a page."""
    yield b'{"api_version":1,"items":['
    for number, item in enumerate(page.items):
        yield b"," + item if number else item
    token = codec.encode(next_page_token).decode()
    yield f'],"next_page_token":{token},"total_count":{page.total_count}}}'.encode()
