"""How the two plugins of the family differ: one table."""

from dataclasses import dataclass
from typing import Final

from archiveworker.sources.moodle.connection import PATH_COLUMN, ItemKind


@dataclass(frozen=True, slots=True)
class Flavour:
    """One plugin.

    Attributes:
        name: of the connector, and prefix of the plugin's functions.
        kind: of its items.
        report_function: makes the page of one item.
        metadata_function: gives rows for many.
        ids_key: in the request and in the metadata function.
        metadata_name: file in the archive.
        metadata_columns: ``path`` at index 9 as in the older plugin, whose readers look there.
        attachments_param: the report function takes ``attachments`` (0/1).
        default_pattern: for folders and files when the plugin sends none.
    """

    name: str
    kind: ItemKind
    report_function: str
    metadata_function: str
    ids_key: str
    metadata_name: str
    metadata_columns: tuple[str, ...]
    attachments_param: bool
    default_pattern: str

    @property
    def id_key(self) -> str:
        """Of one item, e.g. ``attemptid``."""
        return self.ids_key.removesuffix("s")

    def function(self, short_name: str) -> str:
        """Return the full name of a function of the web service."""
        return f"{self.name}_{short_name}"


QUIZ: Final = Flavour(
    name="archivingmod_quiz",
    kind=ItemKind("attempt", "attempts", ("timefinish", "timestart")),
    report_function="generate_attempt_report",
    metadata_function="get_attempts_metadata",
    ids_key="attemptids",
    metadata_name="attempts_metadata.csv",
    metadata_columns=(
        *("attemptid", "userid", "username", "firstname", "lastname", "idnumber"),
        *("timestart", "timefinish", "attempt", PATH_COLUMN, "state"),
    ),
    attachments_param=True,
    default_pattern="attempt-${attemptid}",
)

ASSIGN: Final = Flavour(
    name="archivingmod_assign",
    kind=ItemKind("submission", "submissions", ("timemodified", "timecreated", "timestarted")),
    report_function="generate_submission_report",
    metadata_function="get_submissions_metadata",
    ids_key="submissionids",
    metadata_name="submissions_metadata.csv",
    metadata_columns=(
        *("submissionid", "userid", "username", "firstname", "lastname", "idnumber"),
        *("timecreated", "timemodified", "attemptnumber", PATH_COLUMN, "status", "timestarted"),
    ),
    attachments_param=False,
    default_pattern="submission-${submissionid}",
)
