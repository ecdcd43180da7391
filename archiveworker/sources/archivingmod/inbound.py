"""Reads a request of the family (``POST /archive/archivingmod_...``). Nothing in it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from archiveworker.domain.document import RenderOptions
from archiveworker.domain.job import ArchiveOptions
from archiveworker.domain.secret import Secret
from archiveworker.sources import checks
from archiveworker.sources.archivingmod.flavour import Flavour
from archiveworker.sources.fields import Fields
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.site import MoodleSite

API: Final = "moodle_api"
TOKEN: Final = "wstoken"  # noqa: S105 - the name of a field
_VERSIONS: Final = range(1, 2)


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A whole request, checked.

    Attributes:
        site: the Moodle.
        token: of its web service.
        task_id: Moodle's number of the archiving task.
        item_ids: attempts or submissions, sorted.
        fetch_metadata: ask for the metadata table.
        fetch_attachments: ask for attached files at all.
        attachment_types: which kinds of attached files to take; those not listed are taken.
        sections: of the report, under the very names that came.
        foldername_pattern: for Moodle.
        filename_pattern: for Moodle.
        options: the choices that have nothing to do with Moodle.
        max_upload_bytes: of one upload; None when the plugin does not say.
    """

    site: MoodleSite
    token: Secret
    task_id: int
    item_ids: tuple[int, ...]
    fetch_metadata: bool
    fetch_attachments: bool
    attachment_types: Mapping[str, bool]
    sections: Mapping[str, bool]
    foldername_pattern: str
    filename_pattern: str
    options: ArchiveOptions
    max_upload_bytes: int | None


def read_request(body: Mapping[str, object], flavour: Flavour, config: MoodleConfig) -> TaskRequest:
    """Check a request.

    Raises:
        RequestError: one sentence that names the first wrong field and what it must be.
    """
    fields = Fields(body)
    checks.api_version(fields, _VERSIONS)
    task_id = fields.integer("taskid")
    api = fields.inner(API)
    token = request.token(api, TOKEN)
    site = request.site(api, "base_url", "webservice_url", "upload_url")
    job = fields.inner("job")
    types = _attachment_types(job)
    return TaskRequest(
        site=site,
        token=token,
        task_id=task_id,
        item_ids=job.ids(flavour.ids_key, config.max_items),
        fetch_metadata=job.flag("fetch_metadata", default=True),
        fetch_attachments=job.flag("fetch_attachments", default=any(types.values()) if types else True),
        attachment_types=types,
        sections=MappingProxyType(job.flags("report_sections")),
        foldername_pattern=_pattern(job, "foldername_pattern", flavour),
        filename_pattern=_pattern(job, "filename_pattern", flavour),
        options=checks.packaging(fields, _options(job)),
        max_upload_bytes=request.max_upload_bytes(api, "max_upload_bytes"),
    )


def _pattern(job: Fields, key: str, flavour: Flavour) -> str:
    """Some releases of archivingmod_assign send null."""
    return job.text(key) if key in job else flavour.default_pattern


def _attachment_types(job: Fields) -> Mapping[str, bool]:
    """Return the kinds of files that archivingmod_assign may leave out; its releases differ in the key."""
    for key in ("attachments", "attachment_types"):
        if key in job:
            return MappingProxyType(job.flags(key))
    return MappingProxyType({})


def _options(job: Fields) -> ArchiveOptions:
    return ArchiveOptions(
        checks.archive_name(job, "archive_filename"),
        render=RenderOptions(
            paper=checks.paper(job, "paper_format"),
            keep_html=job.flag("keep_html_files"),
            image_limit=checks.image_limit(job, "image_optimize"),
        ),
        flatten=job.flag("archive_flatten", default=False),
        file_hashes=job.flag("archive_filehashes", default=True),
    )
