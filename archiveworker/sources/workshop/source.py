"""The connector ``workshop``: reads its requests and opens connections. Moodle needs no plugin for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from archiveworker.domain.delivery import LMS
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import SessionFactory, client_session
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.reviewed.connection import ReviewedConnection
from archiveworker.sources.reviewed.request import ReviewedConfig, with_token, without_token
from archiveworker.sources.workshop.inbound import WorkshopRequest, read_request
from archiveworker.sources.workshop.needs import VERDICTS
from archiveworker.sources.workshop.reader import WorkshopReader
from archiveworker.sources.workshop.schema import request_schema


class WorkshopSource:
    """Implements ``domain.ports.Source``.

    Args:
        config: limits and times.
        reviewed: what the administrator set up for all peer reviews.
        session_factory: gives the session of one connection; None makes one from ``config.http``, closed with it.
    """

    name = "workshop"

    def __init__(
        self,
        config: MoodleConfig,
        reviewed: ReviewedConfig | None = None,
        session_factory: SessionFactory | None = None,
    ) -> None:
        self._config = config
        self._reviewed = reviewed or ReviewedConfig()
        self._session_factory = session_factory or (lambda: client_session(config.http))

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        """Check a request's body.

        Raises:
            RequestError: one sentence that names the field and what it must be.
        """
        return self._request(body, read_request(body, (LMS, *self._reviewed.targets)))

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse a stored job's payload again; a target that is gone meanwhile is told when the archive gets there.

        Raises:
            RequestError: this version of the worker does not take it any more.
        """
        body = with_token(payload, token)
        return self._request(body, _read_stored(body))

    def _request(self, body: Mapping[str, object], parsed: WorkshopRequest) -> ArchiveRequest:
        return ArchiveRequest(
            source=self.name,
            payload=without_token(body),
            token=parsed.token,
            lms_base_url=parsed.site.base_url,
            options=parsed.options.archive,
            targets=parsed.targets,
        )

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = _read_stored(with_token(request.payload, request.token))
        async with self._session_factory() as session:
            client = MoodleClient(session, parsed.site, parsed.token, self._config, verdicts=VERDICTS)
            reader = WorkshopReader(client, parsed, job_id)
            yield ReviewedConnection(reader, parsed.site.base_url, parsed.options, self._reviewed.pseudonym_key)

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes, as JSON Schemas."""
        return {"Workshop": request_schema()}

    def accepted_status(self) -> str | int:
        """Return the first status of a job, in words."""
        return JobState.AWAITING_PROCESSING.value


def _read_stored(body: Mapping[str, object]) -> WorkshopRequest:
    """Read a request that was checked when it came. Where it goes is stored with the job, whatever settings say now."""
    return read_request(body, ())
