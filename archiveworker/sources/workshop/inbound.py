"""Reads a request for a workshop (``POST /archive/workshop``). Nothing in it is trusted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from archiveworker.domain.delivery import LMS
from archiveworker.domain.secret import Secret
from archiveworker.sources import checks
from archiveworker.sources.fields import Fields
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.site import UPLOAD_PATH, WS_PATH, MoodleSite
from archiveworker.sources.reviewed.request import LMS_KEY, TOKEN, ReviewedOptions, read_options, read_targets

_VERSIONS: Final = range(1, 2)
_KEYS: Final = frozenset({"api_version", LMS_KEY, "workshop", "options", "delivery"})


@dataclass(frozen=True, slots=True)
class WorkshopRequest:
    """A whole request, checked.

    Attributes:
        site: the Moodle.
        token: of its web service.
        cm_id: number in the activity's address; None when the instance is named.
        workshop_id: of the instance; None when ``cm_id`` is given.
        course_id: of the course; None when ``cm_id`` is given.
        options: choices that have nothing to do with Moodle.
        targets: where the archive goes.
    """

    site: MoodleSite
    token: Secret
    cm_id: int | None
    workshop_id: int | None
    course_id: int | None
    options: ReviewedOptions
    targets: tuple[str, ...]

    @property
    def uploads(self) -> bool:
        """Whether the archive goes back to this Moodle."""
        return LMS in self.targets


def read_request(body: Mapping[str, object], known_targets: Collection[str]) -> WorkshopRequest:
    """Check a request.

    Args:
        body: of the request.
        known_targets: names of delivery targets that a job may name; empty for a stored job.

    Raises:
        RequestError: one sentence that names the first wrong field and what it must be.
    """
    fields = Fields(body)
    checks.api_version(fields, _VERSIONS)
    fields.refuse_unknown(_KEYS, "a request has")
    lms = fields.inner(LMS_KEY)
    token = request.token(lms, TOKEN)
    base_url = lms.text("base_url").rstrip("/")
    addresses = {"ws": f"{base_url}{WS_PATH}", "upload": f"{base_url}{UPLOAD_PATH}"}
    site = request.site(lms.beside("ws", addresses["ws"]).beside("upload", addresses["upload"]), "base_url", *addresses)
    workshop = fields.inner("workshop")
    cm_id = workshop.integer("cmid") if "cmid" in workshop else None
    by_instance = cm_id is None
    if by_instance and "workshopid" not in workshop:
        raise workshop.wrong("cmid", "must be given, or workshopid and courseid")
    return WorkshopRequest(
        site=site,
        token=token,
        cm_id=cm_id,
        workshop_id=workshop.integer("workshopid") if by_instance else None,
        course_id=workshop.integer("courseid") if by_instance else None,
        options=read_options(fields, f"workshop-cm{cm_id}" if cm_id else f"workshop-{workshop.integer('workshopid')}"),
        targets=read_targets(fields, known_targets, default=(LMS,)),
    )
