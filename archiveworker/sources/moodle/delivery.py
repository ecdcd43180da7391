"""Makes Moodle store an uploaded archive, exactly once, even when an answer was lost.

After success Moodle deletes the token and closes the job, so a repeated call can only be told "not expected" or
"invalid token". That is success if an earlier call may have got through, and an error if not.

Accepted risk: an earlier call that Moodle refused (a full disk) closes the job and deletes the token as well. When that
answer is the one that was lost, or the token expired meanwhile, nobody can tell: Moodle answers nothing else without a
token. So such a job is finished with a warning, and the worker keeps the archive as if it had failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import SourceError, SourceUnavailableError
from archiveworker.domain.job import FinishedArchive
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.conversation import Conversation
from archiveworker.sources.moodle.upload import COUNT, TICKET_FIELDS, Uploader
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
    "Moodle answered {} to a repeated delivery, as it does when the first one arrived; check in Moodle that the "
    "archive is there: until then GET /jobs/<id>/archive has it, for ARCHIVEWORKER_KEEP_FAILED_DAYS"
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


def check_file(archive: FinishedArchive, file: Path) -> None:
    """Check that the file to upload is the archive that was packed.

    Raises:
        SourceError: it has another size.
    """
    size_bytes = file.stat().st_size
    if size_bytes != archive.size_bytes:
        raise SourceError(
            f"the archive on the spool has {size_bytes} bytes instead of {archive.size_bytes}; "
            "retry the job to have it packed again"
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a job's archive gets to Moodle; the two last methods of ``SourceConnection``, the same for all plugins.

    Attributes:
        client: for its limits.
        conversation: of the job.
        uploader: with the job's token.
        function: ``..._process_uploaded_artifact``.
        job: parameters that name the job.
        max_upload_bytes: as the plugin said; None if it knows no parts.
    """

    client: MoodleClient
    conversation: Conversation
    uploader: Uploader
    function: str
    job: Params
    max_upload_bytes: int | None

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Upload the archive to the draft area, in parts when the plugin says how large one may be.

        Raises:
            SourceError: Moodle does not take it, or the file is not the archive.
        """
        check_file(parcel.archive, parcel.file)
        archive = parcel.archive
        return await self.uploader.upload(parcel.file, archive.name, archive.size_bytes, self.max_upload_bytes)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make Moodle store the archive; see the port.

        Raises:
            SourceError: Moodle did not store it.
        """
        artifacts = artifact_params(parcel.archive, ticket, may_count=self.max_upload_bytes is not None)
        candidates = tuple({**self.job, **artifact} for artifact in artifacts)
        may_be_there = begun_before

        async def attempt() -> str | None:
            nonlocal may_be_there
            limit_s = self.client.config.transfer_timeout_s
            try:
                await self.conversation.ask_once(self.function, *candidates, timeout_s=limit_s)
            except SourceUnavailableError as exc:
                may_be_there = may_be_there or exc.lms_code is None
                raise
            except SourceError as exc:
                if not may_be_there or exc.lms_code not in ALREADY_THERE:
                    raise
                log.warning("delivery_concluded", lms_code=exc.lms_code)
                return _CONCLUDED.format(exc.lms_code)
            return None

        return await retrying(attempt, self.client.config.retry, what=self.function)
