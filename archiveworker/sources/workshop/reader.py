"""The workshop's side of a peer-review archive: reads one activity of one Moodle, and takes the archive back to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.ids import JobId
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.work import File
from archiveworker.runtime.digests import Digested
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.files import FileFetcher
from archiveworker.sources.moodle.upload import Uploader
from archiveworker.sources.reviewed.raw import RawAnswers
from archiveworker.sources.workshop import needs
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.asking import Asking
from archiveworker.sources.workshop.filelist import url_of
from archiveworker.sources.workshop.harvest import Harvester
from archiveworker.sources.workshop.inbound import WorkshopRequest
from archiveworker.sources.workshop.mapping import peer_review_of
from archiveworker.sources.workshop.private_files import PrivateFiles, folder_of

_SITE_KEYS: Final = ("sitename", "siteurl", "release", "version", "userid")
"""What is archived of the site. The rest describes the account, and one key of it is a secret."""


class WorkshopReader:
    """Implements ``sources.reviewed.reader.Reader``.

    Args:
        client: of the job's Moodle, with ``needs.VERDICTS``.
        request: what was posted.
        job_id: None only for probing.
    """

    def __init__(self, client: MoodleClient, request: WorkshopRequest, job_id: JobId | None) -> None:
        self._client = client
        self._request = request
        self._files = FileFetcher(client)
        folder = folder_of(job_id)
        self._private = PrivateFiles(client, Uploader(client, request.token, folder), folder)

    async def probe(self) -> None:
        """Find out whether Moodle answers, takes the token, and lets it call what is needed."""
        answer = await self._client.ask(needs.SITE_INFO, {}, timeout_s=self._client.config.probe_timeout_s)
        needs.check_service(Entry(answer, f"Moodle's {needs.SITE_INFO}"), uploads=self._request.uploads)

    async def read(self, raw: RawAnswers) -> PeerReview:
        """Return the whole workshop; see the protocol."""
        site = await self._site()
        needs.check_service(site, uploads=self._request.uploads)
        shown = {key: site.plain[key] for key in _SITE_KEYS if key in site.plain}
        if raw.kept(needs.SITE_INFO, {}) is None:
            raw.keep(needs.SITE_INFO, {}, shown)
        harvest = await Harvester(Asking(self._client, raw), self._request, site).harvest()
        return peer_review_of(harvest)

    async def fetch(self, file: File, target: Path) -> Digested:
        """Download one file; see the protocol."""
        url = url_of(self._request.site.base_url, file)
        what = f"the file {file.filename!r}"
        if url is None:
            raise NotFoundError(f"{what} is not in Moodle itself but at another site")
        return await self._files.listed(url, target, file.size_bytes, what)

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Upload archive and companions to the draft area; see the protocol."""
        site = await self._site()
        needs.check_service(site, uploads=True)
        return await self._private.upload(parcel, site)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Move them to the account's private files; see the protocol."""
        await self._private.confirm(ticket, begun_before=begun_before)
        return None

    async def _site(self) -> Entry:
        async def attempt() -> object:
            return await self._client.ask(needs.SITE_INFO, {})

        answer = await retrying(attempt, self._client.config.retry, what=needs.SITE_INFO)
        return Entry(answer, f"Moodle's {needs.SITE_INFO}")
