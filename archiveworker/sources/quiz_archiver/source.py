"""The connector ``quiz_archiver``: reads its requests and opens connections."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import SessionFactory, client_session
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver.connection import QuizArchiverConnection
from archiveworker.sources.quiz_archiver.inbound import TOKEN, read_request
from archiveworker.sources.quiz_archiver.schema import request_schemas


class QuizArchiverSource:
    """Implements ``domain.ports.Source``.

    Args:
        config: limits and times.
        session_factory: gives the session of one connection; None makes one from ``config.http``, closed with it.
    """

    name = "quiz_archiver"

    def __init__(self, config: MoodleConfig, session_factory: SessionFactory | None = None) -> None:
        self._config = config
        self._session_factory = session_factory or (lambda: client_session(config.http))

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        """Check a request's body.

        Raises:
            RequestError: one sentence that names the field and what it must be.
        """
        parsed = read_request(body, self._config)
        return ArchiveRequest(
            source=self.name,
            payload={key: value for key, value in body.items() if key != TOKEN},
            token=parsed.token,
            lms_base_url=parsed.site.base_url,
            options=parsed.options,
            item_count=len(parsed.attempts.attempt_ids) if parsed.attempts else 0,
        )

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse a stored job's payload again.

        Raises:
            RequestError: this version of the worker does not take it any more.
        """
        return self.parse({**payload, TOKEN: token.reveal()})

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = read_request({**request.payload, TOKEN: request.token.reveal()}, self._config)
        async with self._session_factory() as session:
            client = MoodleClient(session, parsed.site, parsed.token, self._config)
            yield QuizArchiverConnection(client, parsed, job_id)

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes, as JSON Schemas."""
        return request_schemas(self._config)

    def accepted_status(self) -> str | int:
        """Return what the plugin stores as the job's first status."""
        return JobState.AWAITING_PROCESSING.value
