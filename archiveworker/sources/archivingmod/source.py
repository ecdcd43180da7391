"""The connectors ``archivingmod_quiz`` and ``archivingmod_assign``: read their requests and open connections."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import SessionFactory, client_session
from archiveworker.sources.archivingmod.connection import TASK_STATUS, ArchivingmodConnection
from archiveworker.sources.archivingmod.flavour import ASSIGN, QUIZ, Flavour
from archiveworker.sources.archivingmod.inbound import API, TOKEN, read_request
from archiveworker.sources.archivingmod.schema import request_schema
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.config import MoodleConfig


class ArchivingmodSource:
    """Implements ``domain.ports.Source`` for one plugin of the family; use one of its subclasses.

    Args:
        config: limits and times.
        session_factory: gives the session of one connection; None makes one from ``config.http``, closed with it.
    """

    flavour: ClassVar[Flavour]

    def __init__(self, config: MoodleConfig, session_factory: SessionFactory | None = None) -> None:
        self._config = config
        self._session_factory = session_factory or (lambda: client_session(config.http))

    @property
    def name(self) -> str:
        """How requests and stored jobs call it."""
        return self.flavour.name

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        """Check a request's body.

        Raises:
            RequestError: one sentence that names the field and what it must be.
        """
        parsed = read_request(body, self.flavour, self._config)
        return ArchiveRequest(
            source=self.name,
            payload={**body, API: {key: value for key, value in _api(body).items() if key != TOKEN}},
            token=parsed.token,
            lms_base_url=parsed.site.base_url,
            options=parsed.options,
            item_count=len(parsed.item_ids),
        )

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse a stored job's payload again.

        Raises:
            RequestError: this version of the worker does not take it any more.
        """
        return self.parse(_with_token(payload, token))

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = read_request(_with_token(request.payload, request.token), self.flavour, self._config)
        async with self._session_factory() as session:
            client = MoodleClient(session, parsed.site, parsed.token, self._config)
            yield ArchivingmodConnection(client, self.flavour, parsed, job_id)

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes, as JSON Schemas."""
        name = "".join(part.capitalize() for part in self.flavour.name.split("_"))
        return {name: request_schema(self.flavour, self._config)}

    def accepted_status(self) -> str | int:
        """Return the task's first status, as a number: the plugins cast it."""
        return TASK_STATUS[JobState.AWAITING_PROCESSING]


class ArchivingmodQuizSource(ArchivingmodSource):
    """Quizzes of local_archiving."""

    flavour = QUIZ


class ArchivingmodAssignSource(ArchivingmodSource):
    """Assignments of local_archiving."""

    flavour = ASSIGN


def _api(body: Mapping[str, object]) -> Mapping[str, object]:
    api = body.get(API)
    if not isinstance(api, dict):
        raise RequestError(f"{API} must be an object")
    return api


def _with_token(payload: Mapping[str, object], token: Secret) -> Mapping[str, object]:
    return {**payload, API: {**_api(payload), TOKEN: token.reveal()}}
