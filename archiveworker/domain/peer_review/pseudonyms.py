"""A research set: every id, name and file name is a pseudonym, stable as long as the key is (HMAC-SHA-256).

The same person has the same pseudonym in every activity that is made with the same key, so sets can be joined; without
the key nobody can go back, or test a guess. The key is never part of the archive. Times stay, because research needs
them: who has the LMS's own log can still tell people by them, so this is pseudonymous data (GDPR, article 4(5)), not
anonymous.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar, cast

from archiveworker.domain.peer_review.base import FileId, Grade, Text
from archiveworker.domain.peer_review.copies import Copy
from archiveworker.domain.peer_review.filenames import Renamer
from archiveworker.domain.peer_review.identity import Identifiers
from archiveworker.domain.peer_review.model import Announced, MatrixCell, Participant, PeerReview
from archiveworker.domain.peer_review.queue import Lock, Queue
from archiveworker.domain.peer_review.redaction import redact
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.texts import Place, rewrite
from archiveworker.domain.peer_review.work import Submission
from archiveworker.domain.pseudonyms import Pseudonyms

RESEARCH_SET: Final = "People, ids and file names are pseudonyms; free text was searched for names."

_Id = TypeVar("_Id", bound=str)
_Named = TypeVar("_Named", Participant, Submission, Allocation, Review, Lock)


def pseudonymised(peer_review: PeerReview, key: bytes) -> Copy:
    """Return the whole activity with pseudonyms.

    Args:
        peer_review: the activity.
        key: secret, at least 16 bytes; the same key gives the same pseudonyms.

    Raises:
        RequestError: the key is too short.
    """
    made = Pseudonyms(key)
    identifiers = Identifiers(peer_review.participants)
    stand_ins = {one.id: f"[{made.person(one.id)}]" for one in peer_review.participants}
    clean, flags = redact(peer_review, identifiers, stand_ins)
    files = Renamer(clean.files)
    new_names = {one.id: made.of("file", one.id) for one in clean.files}
    renamed = {old: files.rename([old], lambda _, new=new: new)[0] for old, new in new_names.items()}  # type: ignore[misc]
    mapped = _Mapped(made, lambda old: renamed.get(old) or FileId(made.of("file", old)))
    activity = clean.activity
    result = PeerReview(
        activity=replace(activity, config_raw={}, redactions=(*(activity.redactions or ()), RESEARCH_SET)),
        participants=_sorted(mapped.participant(one) for one in clean.participants),
        forms=tuple(replace(one, file_ids=mapped.files(one.file_ids)) for one in clean.forms),
        submissions=_sorted(mapped.submission(one) for one in clean.submissions),
        allocations=_sorted(mapped.allocation(one) for one in clean.allocations),
        reviews=_sorted(mapped.review(one) for one in clean.reviews),
        files=files.kept,
        queue=None if clean.queue is None else mapped.queue(clean.queue),
        announced=mapped.announced(clean.announced),
    )

    def readdressed(_: Place, text: Text) -> Text:
        return files.readdressed(text)

    return Copy(rewrite(result, readdressed), flags, files.origins)


class _Mapped:
    """Records with every id replaced."""

    def __init__(self, made: Pseudonyms, file_id: Callable[[FileId], FileId]) -> None:
        self._made = made
        self._file_id = file_id

    def _id(self, kind: str, old: _Id) -> _Id:
        return cast("_Id", self._made.of(kind, old))

    def _known(self, kind: str, old: _Id | None) -> _Id | None:
        return None if old is None else self._id(kind, old)

    def files(self, file_ids: Iterable[FileId]) -> tuple[FileId, ...]:
        """Return the new ids of files, listed or not."""
        return tuple(self._file_id(one) for one in file_ids)

    def grade(self, grade: Grade) -> Grade:
        return replace(grade, by=self._known("person", grade.by))

    def participant(self, one: Participant) -> Participant:
        new = self._made.person(one.id)
        return Participant(
            id=new,
            role=one.role,
            pseudonym=new,
            group_ids=tuple(sorted(self._id("group", group) for group in one.group_ids)),
            active=one.active,
        )

    def submission(self, one: Submission) -> Submission:
        return replace(
            one,
            id=self._id("work", one.id),
            author_ids=tuple(sorted(self._id("person", author) for author in one.author_ids)),
            parts=tuple(replace(part, id=self._id("part", part.id)) for part in one.parts),
            file_ids=self.files(one.file_ids),
            content_hash=None,
            grade=self.grade(one.grade),
        )

    def allocation(self, one: Allocation) -> Allocation:
        return replace(
            one,
            id=self._id("allocation", one.id),
            reviewer_id=self._known("person", one.reviewer_id),
            submission_id=self._id("work", one.submission_id),
            part_id=self._known("part", one.part_id),
        )

    def review(self, one: Review) -> Review:
        return replace(
            one,
            id=self._id("review", one.id),
            allocation_id=self._id("allocation", one.allocation_id),
            answers=tuple(replace(answer, raw=None) for answer in one.answers),
            file_ids=self.files(one.file_ids),
            review_grade=self.grade(one.review_grade),
        )

    def queue(self, queue: Queue) -> Queue:
        return Queue(
            items=tuple(
                sorted(
                    (replace(one, submission_id=self._id("work", one.submission_id)) for one in queue.items),
                    key=lambda one: one.submission_id,
                )
            ),
            locks=_sorted(
                replace(
                    one,
                    id=self._id("lock", one.id),
                    participant_id=self._known("person", one.participant_id),
                    submission_id=self._known("work", one.submission_id),
                )
                for one in queue.locks
            ),
            counters=tuple(
                sorted(
                    (replace(one, participant_id=self._id("person", one.participant_id)) for one in queue.counters),
                    key=lambda one: one.participant_id,
                )
            ),
        )

    def announced(self, announced: Announced) -> Announced:
        if announced.matrix is None:
            return announced
        cells = (
            MatrixCell(
                reviewer_id=self._id("person", cell.reviewer_id),
                submission_id=self._id("work", cell.submission_id),
                allocation_id=self._known("allocation", cell.allocation_id),
            )
            for cell in announced.matrix
        )
        return replace(announced, matrix=tuple(sorted(cells, key=lambda one: (one.reviewer_id, one.submission_id))))


def _sorted(records: Iterable[_Named]) -> tuple[_Named, ...]:
    return tuple(sorted(records, key=lambda one: one.id))
