"""What reviewers were asked: forms, criteria, choices."""

from dataclasses import dataclass
from datetime import datetime

from archiveworker.domain.peer_review.base import CriterionId, FileId, FormHash, OptionId, Record, Text
from archiveworker.domain.peer_review.kinds import CriterionType, Strategy, TimeQuality


@dataclass(frozen=True, slots=True)
class Option(Record):
    """A choice of a criterion: a level of a rubric, an entry of a scale, a box to tick.

    Attributes:
        id: unique in its criterion.
        label: what the reviewer read.
        value: points for it; None when it gives none.
    """

    id: OptionId
    label: Text
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Criterion(Record):
    """One thing that reviewers were asked.

    Attributes:
        id: unique in its form.
        position: order on the form, from 0.
        title: short, for tables; may be empty.
        type: how it is answered.
        description: what the reviewer read.
        required: whether an answer had to be given; None when the source does not say.
        weight: relative to the other criteria.
        min: least score.
        max: best score.
        answer_key: name under which the source stores the answer, when that is not the id.
        options: choices, in their order.
    """

    id: CriterionId
    position: int
    title: str
    type: CriterionType
    description: Text | None = None
    required: bool | None = None
    weight: float | None = None
    min: float | None = None
    max: float | None = None
    answer_key: str | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Form(Record):
    """A review form, in one version.

    Attributes:
        id: the source's id of the form.
        hash: digest of its questions (``codec.hash_form``); two versions of a form differ in it.
        strategy: how it is graded.
        criteria: in the order of the form.
        title: for people.
        description: what stands above the questions.
        modified_at: last change of the form, UTC.
        time_quality: of that time.
        file_ids: pictures of the descriptions.
    """

    id: str
    hash: FormHash
    strategy: Strategy
    criteria: tuple[Criterion, ...]
    title: str = ""
    description: Text | None = None
    modified_at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN
    file_ids: tuple[FileId, ...] = ()
