"""Nothing of another person is in a copy: not in a field, not in a text, not in an order, whatever was written."""

import html
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.domain.errors import NotFoundError, RequestError
from archiveworker.domain.peer_review import codec, copies, pseudonyms, texts
from archiveworker.domain.peer_review.base import Grade, Text
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.copies import Copy, CopyMaker
from archiveworker.domain.peer_review.identity import IdentifierKind, Identifiers
from archiveworker.domain.peer_review.kinds import (
    AllocationRole,
    AllocationState,
    ParticipantRole,
    Strategy,
    TextFormat,
)
from archiveworker.domain.peer_review.model import Participant, PeerReview
from archiveworker.domain.peer_review.redaction import WITHHELD, Treatment, scan
from archiveworker.domain.peer_review.review import Allocation
from archiveworker.domain.pseudonyms import Pseudonyms
from tests.fakes import peer_review as fake
from tests.unit.domain.peer_review import strategies
from tests.unit.domain.peer_review.test_checks import shuffled

SLOW_TO_MAKE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
KEY = b"sixteen bytes or more"
RECORD = fake.make(12)
ME = fake.person_id(3)


def traces(record: PeerReview, person: str) -> Iterator[str]:
    """Yield everything that would tell ``person`` who somebody else is."""
    mine = {one.id for one in record.submissions if person in one.author_ids}
    my_allocations = {one.id for one in record.allocations if one.reviewer_id == person}
    my_files = {file for one in record.submissions if one.id in mine for file in one.file_ids}
    for one in record.participants:
        if one.id != person:
            yield from (text for text in (one.id, one.display, one.username, one.email, one.external_id) if text)
    for work in record.submissions:
        if work.id not in mine:
            yield from (work.id, *(part.id for part in work.parts))
            yield from (written(time) for time in (work.created_at, work.modified_at) if time)
    yield from (one.id for one in record.allocations)
    yield from (one.id for one in record.reviews)
    for allocation in record.allocations:
        if allocation.id not in my_allocations and allocation.completed_at:
            yield written(allocation.completed_at)
    for file in record.files:
        if file.id not in my_files:
            yield from (text for text in (file.id, file.filename, file.sha256, file.text_url) if text)


def written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def unique_times(record: PeerReview) -> PeerReview:
    """Give every file its own name, and leave no time that two people share."""
    files = tuple(
        replace(
            one, filename=f"thesis-of-{one.id}.PDF", text_url=f"https://lms.invalid/pluginfile.php/{one.id}/a&b.png"
        )
        for one in record.files
    )
    works = tuple(
        replace(one, parts=(replace(one.parts[0], text=picture(one.parts[0].text, files[n].text_url or "")),))
        for n, one in enumerate(record.submissions)
    )
    return replace(record, files=files, submissions=works)


def picture(text: Text, url: str) -> Text:
    return replace(text, body=f'{text.body}<img src="{html.escape(url)}" alt="chart"><a href="{url}">chart</a>')


UNIQUE = unique_times(RECORD)


def assert_blind(record: PeerReview, copy: Copy, person: str) -> None:
    raw = codec.encode(copy.peer_review).decode()
    for trace in traces(record, person):
        assert trace not in raw, f"{trace!r} is in the copy"


@pytest.mark.parametrize("strategy", Strategy)
def test_no_field_of_a_copy_says_who_somebody_else_is(strategy: Strategy) -> None:
    record = unique_times(fake.make(12, strategy))
    maker = CopyMaker(record)
    for index in range(12):
        person = fake.person_id(index)
        assert_blind(record, maker.author_copy(person), person)
        assert_blind(record, maker.reviewer_copy(person), person)


def test_an_authors_copy_has_the_work_and_its_reviews() -> None:
    copy = copies.author_copy(UNIQUE, ME)
    made = copy.peer_review
    assert [one.id for one in made.submissions] == [fake.work_id(3)]
    assert made.submissions[0].grade.final == UNIQUE.submissions[3].grade.final
    assert [one.display for one in made.participants] == [UNIQUE.participants[3].display, "R1", "R2", "R3"]
    assert [(one.id, one.reviewer_id, one.submission_id) for one in made.allocations] == [
        (f"R{n}", f"R{n}", fake.work_id(3)) for n in (1, 2, 3)
    ]
    theirs = {one.id for one in UNIQUE.allocations if one.submission_id == fake.work_id(3)}
    written_there = {one.answers for one in UNIQUE.reviews if one.allocation_id in theirs}
    assert {one.answers for one in made.reviews} == written_there
    assert all(one.review_grade == Grade() and one.form_hash for one in made.reviews)
    assert made.forms == UNIQUE.forms
    assert made.queue is None
    assert made.activity.config_raw == {}
    assert copies.AUTHOR_COPY in (made.activity.redactions or ())


def test_a_reviewers_copy_has_the_reviews_and_their_works() -> None:
    copy = copies.reviewer_copy(UNIQUE, ME)
    made = copy.peer_review
    assert [one.id for one in made.submissions] == ["W1", "W2", "W3"]
    assert all(one.author_ids == () and one.grade == Grade() and not one.staff_feedback for one in made.submissions)
    assert {one.title for one in made.submissions} == {UNIQUE.submissions[n].title for n in (4, 5, 6)}
    assert [one.display for one in made.participants] == [UNIQUE.participants[3].display]
    grades = {one.review_grade.raw for one in made.reviews}
    assert grades == {UNIQUE.reviews[n].review_grade.raw for n in (9, 10, 11)}
    assert {one.id: old for one, old in zip(made.files, copy.files.values(), strict=True)}.keys() == copy.files.keys()
    assert all(f"file-of-copy:{one.file_ids[0]}" in one.parts[0].text.body for one in made.submissions)
    assert [one.filename for one in made.files] == ["W1-file1.pdf", "W2-file1.pdf", "W3-file1.pdf"]


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_numbers_follow_neither_ids_nor_times_nor_the_order_of_records(dice: random.Random) -> None:
    """Give the same texts to other people, under other ids and at other times: the copy is the same."""
    places = dice.sample(range(10**6), len(RECORD.participants) + len(RECORD.allocations))
    shift = {one.id: f"uid-{places.pop():06d}" for one in RECORD.participants if one.id != ME}
    numbers = {one.id: f"number-{places.pop():06d}" for one in RECORD.allocations}
    times = [one.completed_at for one in RECORD.allocations]
    dice.shuffle(times)
    allocations = tuple(
        replace(
            one, id=numbers[one.id], reviewer_id=shift.get(one.reviewer_id or "", one.reviewer_id), completed_at=time
        )
        for one, time in zip(RECORD.allocations, times, strict=True)
    )
    reviews = tuple(
        replace(one, id=f"r-{numbers[one.allocation_id]}", allocation_id=numbers[one.allocation_id])
        for one in RECORD.reviews
    )
    people = tuple(replace(one, id=shift.get(one.id, one.id)) for one in RECORD.participants)
    other = shuffled(replace(RECORD, participants=people, allocations=allocations, reviews=reviews), dice)
    assert copies.author_copy(other, ME).peer_review == copies.author_copy(RECORD, ME).peer_review


def test_the_same_reviewer_of_two_works_has_two_numbers() -> None:
    second = replace(RECORD.submissions[3], id="sub-second", parts=())
    again = replace(RECORD.allocations[0], id="alloc-x", submission_id="sub-second")
    review = replace(RECORD.reviews[0], id="rev-x", allocation_id="alloc-x")
    record = replace(
        RECORD,
        submissions=(*RECORD.submissions, second),
        allocations=(*RECORD.allocations, again),
        reviews=(*RECORD.reviews, review),
    )
    made = copies.author_copy(record, ME).peer_review
    assert len(made.allocations) == len({one.reviewer_id for one in made.allocations}) == 4


def test_pending_reviews_of_others_are_not_told() -> None:
    pending = replace(RECORD.allocations[0], id="x", reviewer_id=fake.person_id(9), submission_id=fake.work_id(3),
                      state=AllocationState.PENDING)  # fmt: skip
    record = replace(RECORD, allocations=(*RECORD.allocations, pending))
    assert copies.author_copy(record, ME).peer_review == copies.author_copy(RECORD, ME).peer_review


def test_an_own_review_of_the_own_work_stays_ones_own() -> None:
    mine = Allocation("alloc-x9", ME, fake.work_id(3), role=AllocationRole.SELF, state=AllocationState.DONE)
    record = replace(
        UNIQUE,
        allocations=(*UNIQUE.allocations, mine),
        reviews=(*UNIQUE.reviews, replace(UNIQUE.reviews[0], id="rev-y9", allocation_id="alloc-x9")),
    )
    assert ME in {one.reviewer_id for one in copies.author_copy(record, ME).peer_review.allocations}
    reviewed = copies.reviewer_copy(record, ME).peer_review
    assert fake.work_id(3) in {one.id for one in reviewed.submissions}
    assert_blind(record, copies.author_copy(record, ME), ME)
    assert_blind(record, copies.reviewer_copy(record, ME), ME)


def test_staff_and_co_authors_have_no_id_either() -> None:
    works = list(UNIQUE.submissions)
    works[3] = replace(works[3], author_ids=(fake.person_id(8), ME), grade=Grade(50, 60, fake.STAFF_ID, 100))
    by_staff = Allocation(
        "alloc-x9", fake.STAFF_ID, fake.work_id(3), role=AllocationRole.STAFF, state=AllocationState.DONE
    )
    record = replace(
        UNIQUE,
        submissions=tuple(works),
        allocations=(*UNIQUE.allocations, by_staff),
        reviews=(*UNIQUE.reviews, replace(UNIQUE.reviews[0], id="rev-y9", allocation_id="alloc-x9")),
    )
    copy = copies.author_copy(record, ME)
    assert copy.peer_review.submissions[0].author_ids == (ME, "C1")
    roles = [one.role for one in copy.peer_review.participants]
    assert roles.count(ParticipantRole.STAFF) == 1
    assert_blind(record, copy, ME)


def test_a_person_who_is_not_there_has_no_copy() -> None:
    for make in (copies.author_copy, copies.reviewer_copy):
        with pytest.raises(NotFoundError, match="no participant nobody"):
            make(RECORD, "nobody")


# What people write

OTHER = RECORD.participants[2]
SPELLINGS = [
    "{display}",
    "{upper}",
    "by {display}.",
    "mail me: {email}!",
    "<p>Best,<br>{display}</p>",
    '<a href="mailto:{email}">me</a>',
    "<b>{first}</b>&nbsp;<i>{last}</i>",
    "<b>{first_letter}</b>{first_rest} {last}",
    "{entities}",
    "{last}, {first}",
    "I am {username}",
    "number {number}",
    "see https://lms.invalid/user?name={first}%20{last}",
    "{first}\u200b {last}",
    "{decomposed}",
]


def spelt(pattern: str, person: Participant) -> str:
    display = person.display or ""
    first, _, last = display.rpartition(" ")
    return pattern.format(
        display=display,
        upper=display.upper(),
        email=person.email,
        username=person.username,
        number=person.external_id,
        first=first,
        last=last,
        first_letter=first[0],
        first_rest=first[1:],
        entities="".join(f"&#{ord(char)};" for char in display),
        decomposed=unicodedata.normalize("NFD", display),
    )


def plainly(copy: PeerReview) -> str:
    """Return all texts of a copy as a person would read them."""
    body = " ".join(text.body for _, text in texts.collect(copy))
    seen = unquote(html.unescape(re.sub(r"<[^>]*>", "", body))).replace("\u200b", "").replace("\u00a0", " ")
    return body + unicodedata.normalize("NFC", seen).casefold()


@pytest.mark.parametrize("pattern", SPELLINGS)
@pytest.mark.parametrize("index", [0, 2, 6, 12, 19], ids=lambda n: fake.people(20)[n].display or "")
def test_a_name_in_a_text_is_taken_out_however_it_is_spelt(pattern: str, index: int) -> None:
    record = fake.make(20)
    other = record.participants[index]
    author = fake.person_id((index + 1) % 20)
    number = index * 3
    text = Text(f"Good work. {spelt(pattern, other)} Thanks.", TextFormat.HTML)
    reviews = list(record.reviews)
    reviews[number] = replace(reviews[number], overall_comment=text)
    copy = copies.author_copy(replace(record, reviews=tuple(reviews)), author)
    seen = plainly(copy.peer_review)
    for trace in (other.display, other.email, other.username, other.external_id):
        assert trace is not None
        assert trace.casefold() not in seen.casefold()
    mine = [flag for flag in copy.flags if flag.place.subject.id == reviews[number].id]
    done = [flag for flag in mine if flag.treatment in (Treatment.REPLACED, Treatment.WITHHELD)]
    assert {flag.person for flag in done} == {other.id}


def test_a_first_name_alone_is_flagged_and_left() -> None:
    """It may be anybody, or an everyday word."""
    reviews = list(RECORD.reviews)
    reviews[6] = replace(reviews[6], overall_comment=Text("As Chiara says, short sentences."))
    copy = copies.author_copy(replace(RECORD, reviews=tuple(reviews)), ME)
    assert any(one.overall_comment == reviews[6].overall_comment for one in copy.peer_review.reviews)
    (flag,) = [one for one in copy.flags if one.place.field == "overall_comment"]
    assert (flag.person, flag.kind, flag.treatment) == (OTHER.id, IdentifierKind.NAME_PART, Treatment.FLAGGED)


def test_the_readers_own_name_and_staff_may_be_named() -> None:
    reviews = list(RECORD.reviews)
    me, staff = RECORD.participants[3].display, RECORD.participants[-1].display
    reviews[6] = replace(reviews[6], overall_comment=Text(f"Dear {me}, as {staff} says: good."))
    copy = copies.author_copy(replace(RECORD, reviews=tuple(reviews)), ME)
    assert any(one.overall_comment == reviews[6].overall_comment for one in copy.peer_review.reviews)


def test_what_cannot_be_taken_out_is_withheld() -> None:
    reviews = list(RECORD.reviews)
    name = OTHER.display or ""
    reviews[6] = replace(reviews[6], overall_comment=Text(f"<b>{name[:2]}</b>{name[2:]}", TextFormat.HTML))
    copy = copies.author_copy(replace(RECORD, reviews=tuple(reviews)), ME)
    assert Text(WITHHELD) in {one.overall_comment for one in copy.peer_review.reviews}


@settings(max_examples=15, suppress_health_check=SLOW_TO_MAKE)
@given(strategies.record(PeerReview), st.data())
def test_whatever_comes_a_copy_is_made_and_names_nobody(record: PeerReview, data: st.DataObject) -> None:
    person = Participant("reader-7f3a", display="Reader")
    victim = Participant("victim-9c41", display="Xaverina Quastenhuber", username="xq_1979", email="xq@quasten.invalid")
    where = data.draw(st.sampled_from([" before {} after", " {}", "a\n{}\n<b>b</b>", "<i>{}</i>"]))
    named = texts.rewrite(record, lambda _, text: replace(text, body=text.body + where.format(victim.display)))
    works = tuple(replace(one, author_ids=(person.id, victim.id)) for one in named.submissions)
    allocations = tuple(replace(one, reviewer_id=victim.id) for one in named.allocations)
    whole = replace(named, participants=(person, victim), submissions=works, allocations=allocations)
    made = CopyMaker(whole)
    for copy in (made.author_copy(person.id), made.reviewer_copy(person.id), pseudonyms.pseudonymised(whole, KEY)):
        raw = codec.encode(copy.peer_review).decode()
        for trace in ("victim-9c41", "Xaverina", "Quastenhuber", "xq_1979"):
            assert trace not in raw


def test_every_text_of_the_model_is_looked_at() -> None:
    """A field that is added to the model and forgotten in ``texts`` would carry names out."""
    record = fake.make(8, Strategy.RUBRIC)
    marked = texts.rewrite(record, lambda _, text: Text("✓", text.format))
    body = codec.encode(
        replace(marked, participants=(), files=(), activity=replace(marked.activity, config_raw={}))
    ).decode()
    for word in ("street", "argument", "Review form", "essay", "Urban", "poor", "overlooks", "Thank", "cited"):
        assert word not in body


# Research sets


def test_pseudonyms_are_stable_and_depend_on_the_key() -> None:
    first = pseudonyms.pseudonymised(RECORD, KEY).peer_review
    assert first == pseudonyms.pseudonymised(RECORD, KEY).peer_review
    assert first == pseudonyms.pseudonymised(shuffled(RECORD, random.Random(7)), KEY).peer_review
    other = pseudonyms.pseudonymised(RECORD, KEY + b"x").peer_review
    assert not {one.id for one in first.participants} & {one.id for one in other.participants}
    with pytest.raises(RequestError, match="at least 16 bytes"):
        pseudonyms.pseudonymised(RECORD, b"short")


@pytest.mark.parametrize("strategy", Strategy)
def test_a_research_set_names_nobody_and_says_the_same(strategy: Strategy) -> None:
    record = unique_times(fake.make(12, strategy))
    made = pseudonyms.pseudonymised(record, KEY).peer_review
    raw = codec.encode(made).decode()
    for one in record.participants:
        for trace in (one.id, one.display, one.username, one.email, one.external_id):
            assert trace is None or trace not in raw
    for file in record.files:
        for trace in (file.id, file.filename, file.sha256, file.text_url):
            assert trace is None or trace not in raw
    for one_id in (record.submissions[0].id, record.allocations[0].id, record.reviews[0].id):
        assert one_id not in raw
    before = {one.code: (one.outcome, len(one.findings)) for one in check_all(record)}
    after = {one.code: (one.outcome, len(one.findings)) for one in check_all(made)}
    del before["redacted-at-source"], after["redacted-at-source"]
    assert after == before
    assert len(made.participants) == len({one.id for one in made.participants}) == len(record.participants)


def test_names_in_texts_become_pseudonyms() -> None:
    reviews = (replace(RECORD.reviews[0], overall_comment=Text(f"Ask {OTHER.display}!")), *RECORD.reviews[1:])
    copy = pseudonyms.pseudonymised(replace(RECORD, reviews=reviews), KEY)
    stand_in = Pseudonyms(KEY).of("person", OTHER.id)
    assert Text(f"Ask [{stand_in}]!") in {one.overall_comment for one in copy.peer_review.reviews}
    assert [(flag.person, flag.treatment) for flag in copy.flags] == [(OTHER.id, Treatment.REPLACED)]


# What the scan says


def test_the_scan_says_who_is_named_where_and_changes_nothing() -> None:
    assert scan(RECORD) == ()
    body = f"{OTHER.display} ({OTHER.email}), number {OTHER.external_id}, login {OTHER.username}"
    works = (replace(RECORD.submissions[0], title=body), *RECORD.submissions[1:])
    flags = scan(replace(RECORD, submissions=works))
    assert {flag.kind for flag in flags} == set(IdentifierKind) - {IdentifierKind.NAME_PART}
    assert {(flag.person, flag.place.field, flag.treatment) for flag in flags} == {(OTHER.id, "title", Treatment.SEEN)}


@pytest.mark.parametrize("text", ["annals of a müllerei", "uid2", "stud00021", "x40210074", "Rossini, chiaroscuro"])
def test_a_part_of_a_word_is_no_name(text: str) -> None:
    people = [Participant("1", display="Anna Müller", username="stud0002", external_id="40210074")]
    people.append(Participant("2", display="Chiara Rossi"))
    assert list(Identifiers(people).in_plain(text)) == []


def test_a_name_without_spaces_around_it_is_found_in_scripts_that_have_none() -> None:
    people = Identifiers([Participant("1", display="李 小龙")])
    assert [match.identifier.kind for match in people.in_plain("我觉得李小龙很好")] == [IdentifierKind.NAME]
