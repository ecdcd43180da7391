"""A peer-review activity of any size and strategy in which everything is as it should be, for tests and examples."""

from datetime import UTC, datetime, timedelta

from archiveworker.domain.peer_review.base import (
    AllocationId,
    CriterionId,
    FileId,
    Grade,
    OptionId,
    ParticipantId,
    PartId,
    ReviewId,
    SubmissionId,
    Text,
    digest_text,
)
from archiveworker.domain.peer_review.codec import hash_form
from archiveworker.domain.peer_review.form import Criterion, Form, Option
from archiveworker.domain.peer_review.kinds import (
    AllocationOrigin,
    AllocationState,
    CriterionType,
    FileArea,
    ParticipantRole,
    Phase,
    Strategy,
    TextFormat,
    TimeQuality,
)
from archiveworker.domain.peer_review.model import Activity, Announced, Anonymity, MatrixCell, Participant, PeerReview
from archiveworker.domain.peer_review.queue import Counter, Queue
from archiveworker.domain.peer_review.review import Allocation, Answer, Review
from archiveworker.domain.peer_review.work import File, Part, Submission

DAY = timedelta(days=1)
START = datetime(2026, 4, 13, 8, 0, tzinfo=UTC)
FIRST = ("Anna", "Björn", "Chiara", "Đức", "Élise", "Farid", "Grażyna", "Hye-jin", "İpek", "Jean-Baptiste", "Καλλιόπη",
         "Lwazi", "محمد", "Ngozi", "Ólafur", "Priya", "Quentin", "Ренат", "Siobhán", "李")  # fmt: skip
LAST = ("Müller", "Ångström", "Rossi", "Nguyễn", "Lefèvre", "Haddad", "Wiśniewska", "Park", "Yılmaz", "Dupont-Moretti",
        "Παπαδοπούλου", "Dlamini", "علي", "Okafor", "Jónsson", "Raghunathan")  # fmt: skip
CRITERIA = (
    ("Clarity of the argument", "<p>Is there <b>one</b> claim, and is it clear from the first page what it is?</p>"),
    ("Use of evidence", "<p>Sources are cited and bear what they are cited for; figures have an origin.</p>"),
    ("Style and language", "<p>Plain words, whole sentences, <em>no</em> padding. See §&nbsp;4.2 of the guide.</p>"),
)
LEVELS = ("poor: not there, or hard to find", "fair: there, but not carried through", "excellent: there throughout")
COMMENTS = (
    "The claim is stated on page one and kept. I would have liked a sentence on why the two cases can be compared.",
    "Two of the four sources are news articles; the primary report is easy to find and says something else.",
    "Reads well. The last paragraph introduces a new argument, which belongs further up.",
    "Check the unit in table 2 – kWh or kW? The sentence below it uses both.",
    "很清楚的论证，但第二部分的例子太少。",
    "Der Schluss trägt; nur der Übergang zu Abschnitt 3 kommt zu plötzlich.",
)
PARAGRAPHS = (
    "<h3>1. What the measurements show</h3><p>Between 2019 and 2024 the share of households that heat with district "
    "heating rose from 9.7 % to 12.4 %. The rise is not even: it is steep where new mains were laid before 2021, and "
    "flat everywhere else.</p>",
    "<p>Three explanations are usually given: price, rules for new buildings, and what neighbours do. I argue that the "
    "third explains more than the first two together, and that this can be seen in the order in which streets were "
    "connected.</p><ul><li>Price differs by less than 4 % between districts.</li>"
    "<li>Rules are the same in all of them.</li></ul>",
    "<blockquote>“Nobody on our side of the street wanted to be first.” (interview 7)</blockquote><p>If adoption "
    "follows <em>S</em>(<em>t</em>) = 1 / (1 + e<sup>−<em>k</em>(<em>t</em>−<em>t</em><sub>0</sub>)</sup>), then "
    "<em>k</em> should differ between streets with and without a connected neighbour.</p>",
    "<table><thead><tr><th>District</th><th>2019</th><th>2024</th></tr></thead><tbody><tr><td>North</td><td>8.1 %</td>"
    "<td>15.0 %</td></tr><tr><td>South</td><td>11.2 %</td><td>11.9 %</td></tr></tbody></table>",
)


STAFF_ID = ParticipantId("uid-staff")


def person_id(index: int) -> ParticipantId:
    return ParticipantId(f"uid{5000 + index}")


def work_id(index: int) -> SubmissionId:
    return SubmissionId(f"sub{index:05d}")


def people(count: int) -> tuple[Participant, ...]:
    found = []
    for index in range(count):
        first, last = FIRST[index % len(FIRST)], LAST[(index * 7 + index // len(FIRST)) % len(LAST)]
        again = index // (len(FIRST) * 4)
        found.append(
            Participant(
                id=person_id(index),
                display=f"{first} {last}" + (f" {'I' * again}" if again else ""),
                username=f"stud{index:04d}",
                email=f"stud{index:04d}@example.invalid",
                external_id=f"{40210000 + index * 37}",
                group_ids=("1" if index % 2 else "2",),
                active=True,
            )
        )
    staff = Participant(
        STAFF_ID,
        ParticipantRole.STAFF,
        display="Prof. Dr. Ingeborg Lehr-Meister",
        username="lehr",
        email="lehr@example.invalid",
        active=True,
    )
    return (*found, staff)


def _criterion(strategy: Strategy, index: int) -> Criterion:
    title, html = CRITERIA[index]
    base = {
        "id": CriterionId(f"{index + 1}"),
        "position": index,
        "title": title,
        "description": Text(html, TextFormat.HTML),
    }
    match strategy:
        case Strategy.RUBRIC:
            options = tuple(
                Option(OptionId(f"{index * 3 + level + 1}"), Text(LEVELS[level]), level * 3.0) for level in range(3)
            )
            return Criterion(**base, type=CriterionType.RUBRIC, required=True, weight=1, min=0, max=6, options=options)  # type: ignore[arg-type]
        case Strategy.NUMERRORS:
            options = (Option(OptionId("0"), Text("No"), 0.0), Option(OptionId("1"), Text("Yes"), 1.0))
            return Criterion(**base, type=CriterionType.YESNO, required=True, weight=1, min=0, max=1, options=options)  # type: ignore[arg-type]
        case Strategy.COMMENTS:
            return Criterion(**base, type=CriterionType.TEXT, required=True)  # type: ignore[arg-type]
        case Strategy.QUESTIONNAIRE:
            return _question(base, index)
        case _:
            maximum = 5.0 if index == 2 else 10.0
            return Criterion(
                **base,
                type=CriterionType.POINTS,
                required=True,
                weight=2.0 if index == 0 else 1.0,
                min=0,
                max=maximum,  # type: ignore[arg-type]
            )


def _question(base: dict[str, object], index: int) -> Criterion:
    choices = tuple(
        Option(OptionId(f"{n}"), Text(word)) for n, word in enumerate(("title", "abstract", "figures", "sources"))
    )
    kind = (CriterionType.TEXT, CriterionType.MULTI, CriterionType.CHOICE)[index]
    key = CRITERIA[index][0].lower().replace(" ", "_")
    return Criterion(**base, type=kind, required=True, answer_key=key, options=() if index == 0 else choices)  # type: ignore[arg-type]


def form_of(strategy: Strategy) -> Form:
    criteria = tuple(_criterion(strategy, index) for index in range(1 if strategy is Strategy.SCORE else len(CRITERIA)))
    return Form(
        "1", hash_form(strategy, criteria), strategy, criteria, "Review form", None, START - DAY, TimeQuality.EXACT
    )


def _answer(strategy: Strategy, one: Criterion, seed: int) -> Answer:
    comment = Text(COMMENTS[seed % len(COMMENTS)])
    match one.type:
        case CriterionType.RUBRIC:
            level = one.options[seed % 3]
            return Answer(one.id, value=level.value, option_ids=(level.id,))
        case CriterionType.YESNO:
            chosen = one.options[seed % 2]
            return Answer(one.id, value=chosen.value, option_ids=(chosen.id,), comment=comment)
        case CriterionType.TEXT:
            return Answer(one.id, text=comment.body, key=one.answer_key)
        case CriterionType.MULTI:
            return Answer(one.id, option_ids=(one.options[0].id, one.options[2].id), key=one.answer_key)
        case CriterionType.CHOICE:
            return Answer(one.id, option_ids=(one.options[seed % 4].id,), key=one.answer_key)
        case _:
            return Answer(one.id, value=float(seed % int((one.max or 1) + 1)), comment=comment)


def _submission(index: int) -> Submission:
    body = "".join(PARAGRAPHS[: 2 + index % 3]) if index % 5 else "".join(PARAGRAPHS * 2)
    handed_in = START + timedelta(minutes=37 * (index % 300))
    return Submission(
        id=work_id(index),
        author_ids=(person_id(index),),
        title=f"Why streets change together ({index + 1})",
        parts=(Part(PartId(f"part{index:05d}"), Text(body, TextFormat.HTML)),),
        file_ids=(FileId(f"file{index:05d}"),),
        created_at=handed_in,
        modified_at=handed_in + timedelta(minutes=5),
        time_quality=TimeQuality.EXACT,
        late=False,
        published=False,
        grade=Grade(
            raw=60 + index * 7 % 40,
            over=91.5 if index % 9 == 4 else None,
            by=STAFF_ID if index % 9 == 4 else None,
            max=100,
        ),
        staff_feedback=Text("<p>Raised: the third review overlooks the table.</p>", TextFormat.HTML)
        if index % 9 == 4
        else None,
    )


def _file(index: int) -> File:
    name = ("essay.pdf", "Anhang – Tabelle 2.xlsx", "图表.png")[index % 3]
    return File(
        FileId(f"file{index:05d}"),
        FileArea.SUBMISSION_ATTACHMENT,
        name,
        size_bytes=48213 + index,
        mimetype="application/pdf",
        sha256=digest_text(str(index)),
        modified_at=START + timedelta(minutes=37 * (index % 300) + 2),
        time_quality=TimeQuality.EXACT,
    )


def make(count: int = 8, strategy: Strategy = Strategy.ACCUMULATIVE, quota: int = 3) -> PeerReview:
    """Return an activity of ``count`` students (at least 2 * quota + 1), each of whom reviewed ``quota`` works."""
    assert count > 2 * quota
    form = form_of(strategy)
    allocations, reviews = [], []
    for index in range(count):
        for step in range(1, quota + 1):
            number = index * quota + step - 1
            target = (index + step) % count
            made = Allocation(
                id=AllocationId(f"alloc{number:05d}"),
                reviewer_id=person_id(index),
                submission_id=work_id(target),
                origin=AllocationOrigin.RANDOM,
                state=AllocationState.DONE,
                allocated_at=START + 10 * DAY,
                completed_at=START + 11 * DAY + timedelta(minutes=13 * (number % 400)),
                time_quality=TimeQuality.EXACT,
            )
            allocations.append(made)
            reviews.append(_review(form, made, number))
    works = tuple(_submission(index) for index in range(count))
    return PeerReview(
        activity=_activity(form, strategy, quota),
        participants=people(count),
        forms=(form,),
        submissions=works,
        allocations=tuple(allocations),
        reviews=tuple(reviews),
        files=tuple(_file(index) for index in range(count)),
        queue=Queue(counters=tuple(Counter(person_id(index), quota, True) for index in range(count))),
        announced=Announced(
            count + 1, count, len(allocations), len(reviews),
            tuple(MatrixCell(one.reviewer_id or person_id(0), one.submission_id, one.id) for one in allocations),
        ),
    )  # fmt: skip


def _review(form: Form, made: Allocation, number: int) -> Review:
    return Review(
        id=ReviewId(f"rev{number:05d}"),
        allocation_id=made.id,
        form_hash=form.hash,
        answers=tuple(_answer(form.strategy, one, number * 3 + at * 5) for at, one in enumerate(form.criteria)),
        overall_comment=Text(
            f"<p>{COMMENTS[number % len(COMMENTS)]}</p><p>Thank you for the table.</p>", TextFormat.HTML
        ),
        suggested_grade=None if form.strategy is Strategy.QUESTIONNAIRE else float(50 + number * 11 % 50),
        review_grade=Grade(raw=70 + number * 5 % 30, max=100),
        counted=True,
    )


def _activity(form: Form, strategy: Strategy, quota: int) -> Activity:
    return Activity(
        id="17",
        system="moodle_workshop",
        title="Essay and peer review: how cities change",
        course="Urban Studies II – summer 2026",
        instructions=(
            Text(
                "<p>Write an essay of about 1,000 words. Say what you claim, and what speaks against it.</p>",
                TextFormat.HTML,
            ),
            Text(
                "<p>Review three works of others. Be exact, be fair, quote the place you speak of.</p>", TextFormat.HTML
            ),
        ),
        phase=Phase.CLOSED,
        submission_open=START - DAY,
        submission_close=START + 9 * DAY,
        review_open=START + 10 * DAY,
        review_close=START + 20 * DAY,
        time_quality=TimeQuality.EXACT,
        quota_given=quota,
        quota_received=quota,
        anonymity=Anonymity(author_hidden=True, reviewer_hidden=True),
        self_review_allowed=False,
        submit_before_review=True,
        grade_max=80,
        review_grade_max=20,
        form_hash=form.hash,
        redactions=(),
        config_raw={"strategy": strategy.value, "evaluation": "best"},
    )
