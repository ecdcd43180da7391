"""A reader of peer reviews that has its activity in memory, and counts what it is asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Sha1, Sha256
from archiveworker.domain.errors import NotFoundError, SourceError
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.codec import from_plain, to_plain
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.work import File
from archiveworker.runtime.http import SavedBody
from archiveworker.sources.reviewed.raw import RawAnswers


@dataclass
class MemoryReader:
    """Implements ``sources.reviewed.reader.Reader``: the whole activity is one answer.

    Attributes:
        record: the activity.
        contents: bytes of its files; others are gone.
        faults: error to be raised instead of a file, or under ``""`` instead of the activity; each once.
        asked: names of the answers and ids of the files that were asked for.
    """

    record: PeerReview
    contents: Mapping[FileId, bytes] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def probe(self) -> None:
        """Be there."""

    async def read(self, raw: RawAnswers) -> PeerReview:
        request = {"activity": self.record.activity.id}
        answer = raw.kept("whole", request)
        if answer is None:
            self.asked.append("whole")
            answer = to_plain(self.record)
            raw.keep("whole", request, answer)
        if "" in self.faults:
            raise self.faults.pop("")
        return from_plain(answer, PeerReview)

    async def fetch(self, file: File, target: Path) -> SavedBody:
        self.asked.append(file.id)
        if file.id in self.faults:
            raise self.faults.pop(file.id)
        if file.id not in self.contents:
            raise NotFoundError(f"file {file.id} is gone")
        data = self.contents[file.id]
        target.write_bytes(data)
        return SavedBody(Sha256.of(data), Sha1(hashlib.sha1(data).hexdigest()), len(data))

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        raise SourceError(f"{parcel.archive.name} is not taken here")

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        raise SourceError(f"{parcel.archive.name} is not taken here")
