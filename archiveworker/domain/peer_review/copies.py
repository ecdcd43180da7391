"""What may be handed to one person: an author's copy (reviewers are R1, R2) and a reviewer's copy (works are W1, W2).

Blindness survives: of the other side there is no name, id, time, file name or file digest. The numbers R1, R2 follow
the content of the reviews, which the reader has anyway, so they say nothing of ids or of who was first; the same
reviewer of two works has two numbers. Free text is searched for names (``redaction``). What attached files say inside,
and how somebody writes, is not looked at: ``Copy.files`` names those that a person should look at first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.peer_review.base import FileId, ParticipantId, SubmissionId, Text
from archiveworker.domain.peer_review.blind import (
    Pair,
    blind_pair,
    blind_work,
    own_pair,
    own_work,
    review_digest,
    work_digest,
)
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.filenames import Renamer
from archiveworker.domain.peer_review.identity import Identifiers
from archiveworker.domain.peer_review.kinds import AllocationRole, ParticipantRole
from archiveworker.domain.peer_review.model import Participant, PeerReview
from archiveworker.domain.peer_review.redaction import IdentityFlag, redact
from archiveworker.domain.peer_review.review import Allocation
from archiveworker.domain.peer_review.texts import Place, rewrite
from archiveworker.domain.peer_review.work import Submission

AUTHOR_COPY: Final = (
    "This is an author's copy: it has the reader's own work and its reviews, and no reviewer's identity."
)
REVIEWER_COPY: Final = (
    "This is a reviewer's copy: it has the reader's own reviews and their works, and no author's identity."
)
SOMEBODY: Final = "[name removed]"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy for one person, and what staff should know before it is handed out.

    Attributes:
        peer_review: what the person gets.
        flags: identifiers in free text, with the source's own ids; not for the person.
        files: for each file of the other side its id in the copy and in the source; its bytes were not looked into.
    """

    peer_review: PeerReview
    flags: tuple[IdentityFlag, ...] = ()
    files: Mapping[FileId, FileId] = field(default_factory=lambda: MappingProxyType({}))


def author_copy(peer_review: PeerReview, person: ParticipantId) -> Copy:
    """Return the works of ``person`` with all finished reviews of them; for many people use ``CopyMaker``."""
    return CopyMaker(peer_review).author_copy(person)


def reviewer_copy(peer_review: PeerReview, person: ParticipantId) -> Copy:
    """Return the finished reviews by ``person``, each with its work; for many people use ``CopyMaker``."""
    return CopyMaker(peer_review).reviewer_copy(person)


class CopyMaker:
    """Makes the copies of one activity; what all of them need is looked up once.

    Args:
        peer_review: the whole activity.
    """

    def __init__(self, peer_review: PeerReview) -> None:
        self._record = peer_review
        self._facts = Facts(peer_review)
        self._identifiers = Identifiers(peer_review.participants)
        self._names = {one.id: SOMEBODY for one in peer_review.participants if one.role is not ParticipantRole.STAFF}
        self._url_of = {one.id: one.text_url for one in peer_review.files if one.text_url}
        self._by_reviewer: defaultdict[ParticipantId, list[Allocation]] = defaultdict(list)
        self._by_work: defaultdict[SubmissionId, list[Allocation]] = defaultdict(list)
        for allocation, _ in self._facts.finished_reviews:
            self._by_work[allocation.submission_id].append(allocation)
            if allocation.reviewer_id is not None:
                self._by_reviewer[allocation.reviewer_id].append(allocation)

    def author_copy(self, person: ParticipantId) -> Copy:
        """Return the works of ``person`` with all finished reviews of them.

        Raises:
            NotFoundError: there is no such participant.
        """
        reader = self._reader(person)
        work_ids = self._facts.works_of.get(person, ())
        reviewed = [one for work in work_ids for one in self._by_work.get(work, ())]
        picked, flags = self._picked(work_ids, reviewed, person)
        files = Renamer(self._record.files)
        people: dict[str, Participant] = {person: reader}
        works = [self._own(work, person, people, files) for work in picked.submissions]
        pairs = []
        ordered = sorted(_pairs(picked), key=lambda pair: (pair.allocation.submission_id, self._digest(pair)))
        for number, pair in enumerate(ordered, 1):
            if pair.allocation.reviewer_id == person:
                files.keep(pair.review.file_ids)
                pairs.append(own_pair(pair, f"R{number}", {one.id: one.id for one in works}))
                continue
            staff = pair.allocation.role in (AllocationRole.STAFF, AllocationRole.REFERENCE)
            people[f"R{number}"] = _stranger(f"R{number}", ParticipantRole.STAFF if staff else ParticipantRole.STUDENT)
            pairs.append(blind_pair(pair, f"R{number}", files))
        return self._finished(picked, tuple(people.values()), works, pairs, (AUTHOR_COPY, files, flags))

    def reviewer_copy(self, person: ParticipantId) -> Copy:
        """Return the finished reviews by ``person``, each with the work that it is about.

        Raises:
            NotFoundError: there is no such participant.
        """
        reader = self._reader(person)
        mine = self._by_reviewer.get(person, [])
        picked, flags = self._picked(dict.fromkeys(one.submission_id for one in mine), mine, person)
        files = Renamer(self._record.files)
        people: dict[str, Participant] = {person: reader}
        there = {work.id: work for work in picked.submissions}
        order = sorted({one.submission_id for one in mine}, key=lambda one: self._work_digest(there.get(one)))
        labels = {work_id: f"W{number}" for number, work_id in enumerate(order, 1)}
        works = []
        for work_id in order:
            work = there.get(work_id)
            if work is not None and person in work.author_ids:
                labels[work_id] = work_id
                works.append(self._own(work, person, people, files))
            elif work is not None:
                works.append(blind_work(work, labels[work_id], files))
        pairs = sorted(
            _pairs(picked), key=lambda pair: (order.index(pair.allocation.submission_id), self._digest(pair))
        )
        for pair in pairs:
            files.keep(pair.review.file_ids)
        own = [own_pair(pair, f"A{number}", labels) for number, pair in enumerate(pairs, 1)]
        return self._finished(picked, tuple(people.values()), works, own, (REVIEWER_COPY, files, flags))

    def _reader(self, person: ParticipantId) -> Participant:
        if person not in self._facts.people:
            raise NotFoundError(f"there is no participant {person} in this activity")
        return self._facts.people[person]

    def _picked(
        self, works: Iterable[SubmissionId], allocations: Sequence[Allocation], person: ParticipantId
    ) -> tuple[PeerReview, tuple[IdentityFlag, ...]]:
        """Return the records of the copy with the names in their texts removed, still under the source's ids."""
        reviews = tuple(self._facts.review_of[one.id] for one in allocations)
        hashes = {one.form_hash for one in reviews}
        part = PeerReview(
            activity=replace(self._record.activity, config_raw={}),
            forms=tuple(form for form in self._record.forms if form.hash in hashes),
            submissions=tuple(self._facts.submissions[one] for one in works if one in self._facts.submissions),
            allocations=tuple(allocations),
            reviews=reviews,
        )
        names = {one: stand_in for one, stand_in in self._names.items() if one != person}
        return redact(part, self._identifiers, names)

    def _own(
        self, work: Submission, person: ParticipantId, people: dict[str, Participant], files: Renamer
    ) -> Submission:
        files.keep(work.file_ids)
        co_authors = [f"C{number}" for number in range(1, len(set(work.author_ids) - {person}) + 1)]
        people |= {one: _stranger(one, ParticipantRole.STUDENT) for one in co_authors}
        return own_work(work, (person, *map(ParticipantId, co_authors)))

    def _digest(self, pair: Pair) -> str:
        return review_digest(pair, [self._url_of[one] for one in pair.review.file_ids if one in self._url_of])

    def _work_digest(self, work: Submission | None) -> str:
        file_ids = () if work is None else work.file_ids
        return work_digest(work, [self._url_of[one] for one in file_ids if one in self._url_of])

    def _finished(
        self,
        picked: PeerReview,
        people: tuple[Participant, ...],
        works: Sequence[Submission],
        pairs: Sequence[Pair],
        rest: tuple[str, Renamer, tuple[IdentityFlag, ...]],
    ) -> Copy:
        sentence, files, flags = rest
        for form in picked.forms:
            files.keep(form.file_ids)
        made = PeerReview(
            activity=replace(picked.activity, redactions=(*(picked.activity.redactions or ()), sentence)),
            participants=people,
            forms=picked.forms,
            submissions=tuple(works),
            allocations=tuple(pair.allocation for pair in pairs),
            reviews=tuple(pair.review for pair in pairs),
            files=files.kept,
        )

        def readdressed(_: Place, text: Text) -> Text:
            return files.readdressed(text)

        return Copy(rewrite(made, readdressed), flags, MappingProxyType(files.origins))


def _pairs(picked: PeerReview) -> list[Pair]:
    return [Pair(one, review) for one, review in zip(picked.allocations, picked.reviews, strict=True)]


def _stranger(label: str, role: ParticipantRole) -> Participant:
    return Participant(ParticipantId(label), role, display=label, pseudonym=label)
