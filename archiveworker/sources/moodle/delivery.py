"""Makes Moodle store an uploaded archive, exactly once, even when an answer was lost.

After success Moodle deletes the token and closes the job, so a repeated call can only be told "not expected" or
"invalid token". That is success if an earlier call may have got through, and an error if not.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from archiveworker.domain.errors import SourceError, SourceUnavailableError
from archiveworker.domain.job import FinishedArchive
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.conversation import Conversation
from archiveworker.sources.moodle.upload import COUNT, TICKET_FIELDS
from archiveworker.sources.moodle.wire import Params

log = structlog.get_logger(__name__)
ALREADY_THERE: Final = frozenset(
    {
        "invalidtoken",
        "E_JOB_ALREADY_COMPLETED",
        "E_NO_ARTIFACT_UPLOAD_EXPECTED",
        "E_ALREADY_COMPLETED",
        "E_NO_UPLOAD_EXPECTED",
    }
)
"""What Moodle says to a second delivery."""
_CONCLUDED: Final = (
    "Moodle answered {} to a repeated delivery, which means that the first one arrived; "
    "check in Moodle that the archive is there"
)


def artifact_params(archive: FinishedArchive, ticket: Mapping[str, str], *, may_count: bool) -> tuple[Params, ...]:
    """Return the candidates for the ``artifact_...`` parameters.

    ``artifact_count`` is sent for an archive in parts. Of the plugins that know parts, some releases demand it always:
    they get it when they refuse to go without.

    Args:
        archive: what was uploaded.
        ticket: from the upload.
        may_count: the plugin knows parts.
    """
    params = {f"artifact_{key}": ticket[key] for key in TICKET_FIELDS} | {"artifact_sha256sum": archive.sha256}
    if COUNT in ticket:
        return (params | {"artifact_count": ticket[COUNT]},)
    return (params, params | {"artifact_count": "1"}) if may_count else (params,)


async def confirm(
    client: MoodleClient,
    conversation: Conversation,
    function: str,
    candidates: tuple[Params, ...],
    *,
    begun_before: bool,
) -> str | None:
    """Make Moodle store the archive.

    Args:
        client: for its limits.
        conversation: of the job.
        function: ``..._process_uploaded_artifact``.
        candidates: whole parameter sets.
        begun_before: an earlier call may have got through.

    Returns:
        None, or a warning when success was concluded and not said.

    Raises:
        SourceError: Moodle did not store it.
    """
    may_be_there = begun_before

    async def attempt() -> str | None:
        nonlocal may_be_there
        try:
            await conversation.ask_once(function, *candidates, timeout_s=client.config.transfer_timeout_s)
        except SourceUnavailableError as exc:
            may_be_there = may_be_there or exc.lms_code is None
            raise
        except SourceError as exc:
            if not may_be_there or exc.lms_code not in ALREADY_THERE:
                raise
            log.warning("delivery_concluded", lms_code=exc.lms_code)
            return _CONCLUDED.format(exc.lms_code)
        return None

    return await retrying(attempt, client.config.retry, what=function)
