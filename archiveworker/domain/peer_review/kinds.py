"""The closed lists of the peer-review model. The values are those of the exchange API, so none is ever renamed."""

from enum import StrEnum


class TimeQuality(StrEnum):
    """How far the times of a record can be believed."""

    EXACT = "exact"
    """An instant: the system stores UTC or seconds since 1970."""
    NAIVE = "naive"
    """The system stores wall-clock time without a zone; it was taken for UTC, so it can be off by up to 14 hours."""
    UNKNOWN = "unknown"
    """No time, or one that is known to be wrong; nothing is concluded from it."""


class Phase(StrEnum):
    """Where an activity stands. Source: Moodle mod/workshop/locallib.php, phases 10 to 50."""

    SETUP = "setup"
    SUBMISSION = "submission"
    ASSESSMENT = "assessment"
    EVALUATION = "evaluation"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class ParticipantRole(StrEnum):
    """What a person is in the activity."""

    STUDENT = "student"
    STAFF = "staff"
    OTHER = "other"


class Strategy(StrEnum):
    """How a review is graded; the first four are Moodle's (mod/workshop/form)."""

    ACCUMULATIVE = "accumulative"
    COMMENTS = "comments"
    NUMERRORS = "numerrors"
    RUBRIC = "rubric"
    QUESTIONNAIRE = "questionnaire"
    """A form of questions without a grade (workUp)."""
    SCORE = "score"
    """One number and a text (Crowdsessment)."""
    OTHER = "other"


class CriterionType(StrEnum):
    """How a criterion is answered."""

    POINTS = "points"
    SCALE = "scale"
    YESNO = "yesno"
    RUBRIC = "rubric"
    CHOICE = "choice"
    MULTI = "multi"
    TEXT = "text"
    NUMBER = "number"
    SECTION = "section"
    """A heading; it has no answer."""


class TextFormat(StrEnum):
    """How a text has to be read. HTML is foreign and never shown without being cleaned."""

    HTML = "html"
    PLAIN = "plain"
    MARKDOWN = "markdown"


class SubmissionKind(StrEnum):
    """Whose work it is."""

    WORK = "work"
    EXAMPLE = "example"
    """A sample of the staff, to practise on; it is not counted as anybody's work."""


class AllocationRole(StrEnum):
    """As what the reviewer reviews."""

    PEER = "peer"
    SELF = "self"
    STAFF = "staff"
    EXAMPLE = "example"
    """A participant's practice on an example."""
    REFERENCE = "reference"
    """The staff's own assessment of an example."""


class AllocationOrigin(StrEnum):
    """How the pair came to be."""

    RANDOM = "random"
    MANUAL = "manual"
    QUEUE = "queue"
    LINK = "link"
    OPEN = "open"
    """The reviewer chose it among open works."""
    UNKNOWN = "unknown"


class AllocationState(StrEnum):
    """How far the review is."""

    PENDING = "pending"
    LOCKED = "locked"
    DONE = "done"
    CANCELLED = "cancelled"


class FileArea(StrEnum):
    """What a file belongs to."""

    ACTIVITY = "activity"
    """Task sheets and pictures of the instructions."""
    SUBMISSION_INLINE = "submission_inline"
    SUBMISSION_ATTACHMENT = "submission_attachment"
    REVIEW_INLINE = "review_inline"
    REVIEW_ATTACHMENT = "review_attachment"
    FORM = "form"
    """Pictures in the descriptions of criteria."""


class FileStatus(StrEnum):
    """Whether the file's bytes can be had."""

    OK = "ok"
    MISSING = "missing"
    """The system lists it and does not have it."""
    REFUSED = "refused"
    """It was not fetched: not allowed, outside the LMS, or larger than the limit."""
