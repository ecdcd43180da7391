"""One task's connection to a plugin of the family: reports, metadata, status, delivery. There are no backups here.

Source: ``classes/external/*.php`` of archivingmod_quiz and archivingmod_assign.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FetchedItem, JobState, Plan, PlannedBackup, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.sources.archivingmod.flavour import Flavour
from archiveworker.sources.archivingmod.inbound import TaskRequest
from archiveworker.sources.moodle import connection
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.conversation import Conversation
from archiveworker.sources.moodle.delivery import Delivery
from archiveworker.sources.moodle.files import FileFetcher
from archiveworker.sources.moodle.upload import Uploader
from archiveworker.sources.moodle.wire import Json, Param, Params

TASK_STATUS: Final[Mapping[JobState, int]] = MappingProxyType(
    {
        JobState.AWAITING_PROCESSING: 40,
        JobState.RUNNING: 100,
        JobState.WAITING_FOR_BACKUP: 200,
        JobState.FINALIZING: 200,
        JobState.CANCELLED: 240,
        JobState.FAILED: 250,
        JobState.TIMEOUT: 251,
    }
)
"""Numbers of local_archiving's ``activity_archiving_task_status``. 220 (finished) is Moodle's to set."""
_LATE: Final = frozenset({"E_TASK_NOT_FOUND", "E_ACCESS_DENIED"})
_COMPLETED: Final = "E_ALREADY_COMPLETED"


class ArchivingmodConnection:
    """Implements ``domain.ports.SourceConnection``.

    Args:
        client: of the task's Moodle.
        flavour: which plugin.
        request: what it posted.
        job_id: None only for probing.
    """

    def __init__(self, client: MoodleClient, flavour: Flavour, request: TaskRequest, job_id: JobId | None) -> None:
        self._client = client
        self._flavour = flavour
        self._request = request
        self._task: dict[str, Param] = {"uuid": job_id or "", "taskid": request.task_id}
        self._talk = Conversation(client, _LATE)
        self._files = FileFetcher(client)
        self._delivery = Delivery(
            client,
            self._talk,
            Uploader(client, request.token),
            flavour.function("process_uploaded_artifact"),
            self._task,
            request.max_upload_bytes,
        )

    async def probe(self) -> None:
        """Find out whether Moodle answers and takes the token; see the port."""
        await connection.probe(self._client, self._flavour.function("update_task_status"))

    async def plan(self, spool: ItemSpool) -> Plan:
        """Ask for the metadata if it is wanted and return all items."""
        flavour, request = self._flavour, self._request
        rows: dict[int, dict[str, str]] = {}
        if request.fetch_metadata:

            def params(batch: Sequence[int]) -> Params:
                return {**self._task, flavour.ids_key: batch}

            function = flavour.function(flavour.metadata_function)
            rows = await connection.metadata(self._talk, function, params, request.item_ids, flavour.id_key)
        return Plan(
            items=tuple(flavour.kind.planned(number, rows.get(number, {})) for number in request.item_ids),
            metadata_columns=connection.columns(flavour.metadata_columns, rows) if request.fetch_metadata else (),
            metadata_name=flavour.metadata_name,
        )

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        """Fetch the report of one attempt or submission and its attachments."""
        flavour, request = self._flavour, self._request
        params: dict[str, Param] = {
            **self._task,
            flavour.id_key: item.lms_id,
            "foldernamepattern": request.foldername_pattern,
            "filenamepattern": request.filename_pattern,
            "sections": request.sections,
        }
        if flavour.attachments_param:
            params["attachments"] = request.fetch_attachments
        answer = await self._talk.ask(flavour.function(flavour.report_function), params)
        answer["attachments"] = self._wanted_attachments(answer)
        base_url = request.site.base_url
        return await connection.fetched_item(answer, item, flavour.kind, self._files, spool, base_url=base_url)

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        """Raise SourceError: this family has no backups."""
        raise SourceError(f"{self._flavour.name} has no backups, but {backup.backup_id!r} was asked for")

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        """Raise SourceError: this family has no backups."""
        raise SourceError(f"{self._flavour.name} has no backups, but {backup.backup_id!r} was asked for")

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        """Tell Moodle the state, as a number. FINISHED is left out: Moodle sets it itself."""
        status = TASK_STATUS.get(state)
        if status is None:
            return
        plain: Params = {**self._task, "status": status}
        candidates = (plain,) if progress_percent is None else ({**plain, "progress": progress_percent}, plain)
        await self._talk.tell_state(
            self._flavour.function("update_task_status"), *candidates, state=state, closed_code=_COMPLETED
        )

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Upload the archive to the draft area; see the port."""
        return await self._delivery.upload(parcel)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make Moodle store what was uploaded; see the port."""
        return await self._delivery.confirm(parcel, ticket, begun_before=begun_before)

    def _wanted_attachments(self, answer: Json) -> list[object]:
        listed = answer.get("attachments")
        if not isinstance(listed, list) or not self._request.fetch_attachments:
            return []
        types = self._request.attachment_types
        return [entry for entry in listed if not isinstance(entry, dict) or types.get(str(entry.get("type")), True)]
