"""The connector ``edx_proctoring``: reads its requests and opens connections."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.proctoring.export import without_secrets
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import client_session
from archiveworker.sources.edx_proctoring.client import EdxClient
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.edx_proctoring.connection import EdxConnection
from archiveworker.sources.edx_proctoring.inbound import (
    CLIENT_ID,
    CLIENT_SECRET,
    EXPORT,
    LMS_KEY,
    SECRETS,
    TOKEN,
    EdxRequest,
    read_request,
)
from archiveworker.sources.edx_proctoring.reader import CourseReader
from archiveworker.sources.edx_proctoring.tokens import ClientCredentials, GivenToken, Tokens
from archiveworker.sources.reviewed.request import ReviewedConfig

SessionFactory = Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]]


class EdxProctoringSource:
    """Implements ``domain.ports.Source``.

    Args:
        config: limits and times.
        shared: delivery targets and the key of pseudonyms, as for all sources without a plugin.
        session_factory: gives the session of one connection; None makes one from ``config.http``, closed with it.
    """

    name = "edx_proctoring"

    def __init__(
        self,
        config: EdxConfig,
        shared: ReviewedConfig | None = None,
        session_factory: SessionFactory | None = None,
    ) -> None:
        self._config = config
        self._shared = shared or ReviewedConfig()
        self._session_factory = session_factory or (lambda: client_session(config.http))

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        """Check a request's body.

        Raises:
            RequestError: one sentence that names the field and what it must be.
        """
        known = tuple(name for name in self._shared.targets if name != LMS)
        if not known:
            raise RequestError(
                "this worker has no place for archives of an LMS that takes none itself; set up a delivery target, see "
                "docs/howto/deliver-elsewhere.md"
            )
        return self._request(body, read_request(body, known, self._shared.default_targets))

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse a stored job's payload again; a target that is gone meanwhile is the delivery's to report.

        Raises:
            RequestError: this version of the worker does not take it any more.
        """
        body = _with_secret(payload, token)
        return self._request(body, _read_stored(body))

    def _request(self, body: Mapping[str, object], parsed: EdxRequest) -> ArchiveRequest:
        """Return the request; what is stored of it has no token, no client secret and no code of an attempt."""
        payload = {**body, LMS_KEY: {key: value for key, value in _lms(body).items() if key not in SECRETS}}
        if parsed.export is not None:
            payload[EXPORT] = without_secrets(parsed.export)
        return ArchiveRequest(
            source=self.name,
            payload=payload,
            token=parsed.token or parsed.client_secret or Secret(""),
            lms_base_url=parsed.base_url,
            options=parsed.options,
            targets=parsed.targets,
        )

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = _read_stored(_with_secret(request.payload, request.token))
        async with self._session_factory() as session:
            client = EdxClient(session, parsed.base_url, self._tokens(session, parsed), self._config)
            yield EdxConnection(CourseReader(client, parsed), parsed, self._shared.pseudonym_key)

    def _tokens(self, session: aiohttp.ClientSession, parsed: EdxRequest) -> Tokens:
        if parsed.token is not None:
            return GivenToken(parsed.token)
        secret = parsed.client_secret or Secret("")
        return ClientCredentials(session, parsed.base_url, parsed.client_id, secret, self._config)

    def accepted_status(self) -> str | int:
        """Return the job's first state."""
        return JobState.AWAITING_PROCESSING.value


def _lms(body: Mapping[str, object]) -> Mapping[str, object]:
    lms = body.get(LMS_KEY)
    if not isinstance(lms, dict):
        raise RequestError(f"{LMS_KEY} must be an object")
    return lms


def _read_stored(body: Mapping[str, object]) -> EdxRequest:
    """Read a request that was checked when it came."""
    return read_request(body, default_targets=(LMS,))


def _with_secret(payload: Mapping[str, object], secret: Secret) -> Mapping[str, object]:
    """Return a stored payload with the one secret that was kept apart: a token, or that of the client."""
    lms = _lms(payload)
    key = CLIENT_SECRET if CLIENT_ID in lms else TOKEN
    return {**payload, LMS_KEY: {**lms, key: secret.reveal()}}
