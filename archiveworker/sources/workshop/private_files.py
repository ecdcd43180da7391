"""Takes an archive and what belongs to it back to Moodle without a plugin: to the private files of the token's account.

Source: Moodle's ``webservice/upload.php``, ``core_user_add_user_private_files`` and, of ``lib/filelib.php``,
``file_merge_files_from_draft_area_into_filearea`` and ``file_save_draft_area_files``. A file of the same name and
folder is overwritten, so every job has a folder of its own and a repetition is no second copy. Files that would exceed
the quota are not stored, and Moodle answers as if they were: so the folder is listed afterwards, and only what stands
there counts.
"""

import json
from collections.abc import Mapping
from typing import Final

import structlog

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import JobId
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.delivery import check_file
from archiveworker.sources.moodle.upload import Uploader
from archiveworker.sources.moodle.wire import Params
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.needs import ADD_PRIVATE_FILES, GET_FILES

log = structlog.get_logger(__name__)
_FILES: Final = "files"


class PrivateFiles:
    """Stores archives as private files of one account.

    Args:
        client: of the Moodle.
        uploader: into ``folder_of(job)`` of the draft area.
        folder: of the job.
    """

    def __init__(self, client: MoodleClient, uploader: Uploader, folder: str) -> None:
        self._client = client
        self._uploader = uploader
        self._folder = folder

    async def upload(self, parcel: Parcel, site: Entry) -> Mapping[str, str]:
        """Upload archive and companions to one draft area.

        Args:
            parcel: what is to be uploaded.
            site: answer of ``core_webservice_get_site_info``, for the limits.

        Raises:
            SourceError: Moodle does not take it; the message names the setting.
        """
        check_file(parcel.archive, parcel.file)
        companions = [(file, file.stat().st_size) for file in parcel.companions]
        _check_limits(site, parcel.archive.size_bytes, sum(size for _, size in companions))
        archive = parcel.archive
        ticket = dict(await self._uploader.upload(parcel.file, archive.name, archive.size_bytes, None))
        stored = {ticket["filename"]: archive.size_bytes}
        for file, size_bytes in companions:
            stored[await self._uploader.add(file, file.name, size_bytes, ticket["itemid"])] = size_bytes
        return {**ticket, _FILES: json.dumps(stored)}

    async def confirm(self, ticket: Mapping[str, str], *, begun_before: bool) -> None:
        """Move the draft area to the private files, and look whether everything is there.

        Raises:
            SourceError: something is missing afterwards.
        """
        if begun_before and not await self._missing(ticket):
            log.info("delivery_was_complete", folder=self._folder)
            return
        await self._ask(ADD_PRIVATE_FILES, {"draftid": int(ticket["itemid"])})
        missing = await self._missing(ticket)
        if missing:
            raise SourceError(
                f"Moodle did not store {', '.join(missing)} in the private files of the service account, without "
                "saying why: most likely its quota is used up; make room there, raise userquota (Site administration > "
                "Security > Site security settings), or give its role moodle/user:ignoreuserquota",
                lms_code="userquotalimit",
            )

    async def _missing(self, ticket: Mapping[str, str]) -> list[str]:
        """Return the names of files that are not there, or not with their size."""
        params: Params = {
            "contextid": int(ticket["contextid"]),
            "component": "user",
            "filearea": "private",
            "itemid": 0,
            "filepath": self._folder,
            "filename": "",
        }
        answer = Entry(await self._ask(GET_FILES, params), f"Moodle's {GET_FILES}")
        there = {one.text("filename"): one.count("filesize") for one in answer.entries("files")}
        wanted: dict[str, int] = json.loads(ticket[_FILES])
        # Moodle before 3.0 lists no sizes.
        return [name for name, size in wanted.items() if name not in there or there[name] not in (None, size)]

    async def _ask(self, function: str, params: Params) -> object:
        async def attempt() -> object:
            return await self._client.ask(function, params, timeout_s=self._client.config.transfer_timeout_s)

        return await retrying(attempt, self._client.config.retry, what=function)


def folder_of(job_id: JobId | None) -> str:
    """Return the folder of a job in the private files."""
    return f"/archiveworker/{job_id or 'probe'}/"


def _check_limits(site: Entry, archive_bytes: int, companion_bytes: int) -> None:
    """Refuse before sending what Moodle says it does not take.

    Raises:
        SourceError: the archive is too large.
    """
    most_bytes, quota_bytes = site.number("usermaxuploadfilesize"), site.number("userquota")
    elsewhere = "or name another target in delivery.to"
    if most_bytes is not None and 0 < most_bytes < archive_bytes:
        raise SourceError(
            f"the archive has {archive_bytes} bytes, more than the {most_bytes:.0f} that Moodle takes in one upload; "
            "raise maxbytes (Site administration > Security > Site security settings) and PHP's upload_max_filesize "
            f"and post_max_size, {elsewhere}",
            lms_code="fileoversized",
        )
    total_bytes = archive_bytes + companion_bytes
    if quota_bytes is not None and 0 < quota_bytes < total_bytes:
        raise SourceError(
            f"the archive and its evidence have {total_bytes} bytes, more than the quota of {quota_bytes:.0f} for the "
            "private files of the service account; raise userquota (Site administration > Security > Site security "
            f"settings), give its role moodle/user:ignoreuserquota, {elsewhere}",
            lms_code="userquotalimit",
        )
