"""One job's connection to the plugin: reports, metadata, backups, status, delivery.

Source: the plugin's ``classes/external/*.php`` of every release. Its functions are called with exactly the parameters
that the API version of the request knows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FetchedItem, JobState, Plan, PlannedBackup, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.sources.moodle import connection
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.connection import ItemKind
from archiveworker.sources.moodle.conversation import Conversation
from archiveworker.sources.moodle.delivery import Delivery
from archiveworker.sources.moodle.files import FileFetcher
from archiveworker.sources.moodle.upload import Uploader
from archiveworker.sources.moodle.wire import Param, Params
from archiveworker.sources.quiz_archiver.inbound import AttemptsTask, QuizRequest

ATTEMPT: Final = ItemKind("attempt", "attempts", ("timefinish", "timestart"))
METADATA_NAME: Final = "attempts_metadata.csv"
METADATA_COLUMNS: Final = (
    *("attemptid", "userid", "username", "firstname", "lastname", "idnumber"),
    *("timestart", "timefinish", "attempt", connection.PATH_COLUMN, "state"),
)
"""The plugin's GDPR export wants the attempt's id first and its folder (``path``) at index 9."""
_PREFIX: Final = "quiz_archiver_"
_READY: Final = "SUCCESS"
_PENDING: Final = "E_BACKUP_PENDING"
_COMPLETED: Final = "E_JOB_ALREADY_COMPLETED"
_STATES: Final[Mapping[JobState, str]] = {state: state.value for state in JobState} | {
    JobState.CANCELLED: JobState.FAILED.value
}


def late_codes(request: QuizRequest) -> frozenset[str]:
    """Return the statuses that may only mean that Moodle has not written the job's row yet.

    Functions without ``jobid`` look the job up by its token, so older versions say "access denied".
    """
    codes = {"E_UPDATE_FAILED", "E_JOB_NOT_FOUND"}
    return frozenset(codes if request.version.metadata_has_job else codes | {"E_ACCESS_DENIED"})


class QuizArchiverConnection:
    """Implements ``domain.ports.SourceConnection``.

    Args:
        client: of the job's Moodle.
        request: what the plugin posted.
        job_id: None only for probing.
    """

    def __init__(self, client: MoodleClient, request: QuizRequest, job_id: JobId | None) -> None:
        self._client = client
        self._request = request
        self._job: Params = {"jobid": job_id or ""}
        self._talk = Conversation(client, late_codes(request))
        self._files = FileFetcher(client)
        self._delivery = Delivery(
            client,
            self._talk,
            Uploader(client, request.token),
            f"{_PREFIX}process_uploaded_artifact",
            self._job,
            request.max_upload_bytes,
        )
        self._backup_urls = {backup.planned.backup_id: backup.url for backup in request.backups}

    async def probe(self) -> None:
        """Find out whether Moodle answers and takes the token; see the port."""
        await connection.probe(self._client, f"{_PREFIX}update_job_status")

    async def plan(self, spool: ItemSpool) -> Plan:
        """Ask for the metadata if it is wanted and return all items and backups."""
        backups = tuple(backup.planned for backup in self._request.backups)
        task = self._request.attempts
        if task is None:
            return Plan(items=(), backups=backups)
        wants_table = task.fetch_metadata and self._request.version.has_metadata
        rows = await self._metadata(task) if wants_table else {}
        return Plan(
            items=tuple(ATTEMPT.planned(number, rows.get(number, {})) for number in task.attempt_ids),
            backups=backups,
            metadata_columns=connection.columns(METADATA_COLUMNS, rows) if wants_table else (),
            metadata_name=METADATA_NAME,
        )

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        """Fetch the report of one attempt and its attachments."""
        answer = await self._talk.ask(f"{_PREFIX}generate_attempt_report", self._report_params(item.lms_id))
        base_url = self._request.site.base_url
        return await connection.fetched_item(answer, item, ATTEMPT, self._files, spool, base_url=base_url)

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        """Ask whether Moodle has finished the backup."""
        answer = await self._talk.ask(
            f"{_PREFIX}get_backup_status",
            {**self._job, "backupid": backup.backup_id},
            expected=frozenset({_READY, _PENDING}),
        )
        return answer["status"] == _READY

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        """Download a backup that is ready."""
        url = self._backup_urls.get(backup.backup_id)
        if url is None:
            raise SourceError(f"the request has no backup {backup.backup_id!r}; post the job again")
        return await self._files.backup(url, backup.path, spool)

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        """Tell Moodle the state. FINISHED is left out: Moodle sets it itself when it has stored the archive."""
        if state is JobState.FINISHED:
            return
        plain: Params = {**self._job, "status": _STATES[state]}
        candidates: tuple[Params, ...] = (plain,)
        if progress_percent is not None and self._request.version.status_extras:
            extras = json.dumps({"progress": progress_percent})
            candidates = ({**plain, "statusextras": extras}, plain)
        await self._talk.tell_state(f"{_PREFIX}update_job_status", *candidates, state=state, closed_code=_COMPLETED)

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Upload the archive to the draft area; see the port."""
        return await self._delivery.upload(parcel)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make Moodle store what was uploaded; see the port."""
        return await self._delivery.confirm(parcel, ticket, begun_before=begun_before)

    def _ids(self) -> dict[str, Param]:
        request = self._request
        return {"courseid": request.course_id, "cmid": request.cm_id, "quizid": request.quiz_id}

    def _report_params(self, attempt_id: int) -> Params:
        task = self._request.attempts or AttemptsTask((attempt_id,))
        known: dict[str, Param] = {
            **self._job,
            "sections": task.sections,
            "attachments": task.sections.get("attachments", False),
            "foldernamepattern": task.foldername_pattern or "",
            "filenamepattern": task.filename_pattern or "",
        }
        taken = {key: known[key] for key in sorted(self._request.version.report_params)}
        return {**self._ids(), "attemptid": attempt_id, **taken}

    async def _metadata(self, task: AttemptsTask) -> dict[int, dict[str, str]]:
        common = {**self._ids(), **(self._job if self._request.version.metadata_has_job else {})}

        def params(batch: Sequence[int]) -> Params:
            return {**common, "attemptids": batch}

        function = f"{_PREFIX}get_attempts_metadata"
        return await connection.metadata(self._talk, function, params, task.attempt_ids, "attemptid")
