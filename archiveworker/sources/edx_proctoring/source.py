"""The connector ``edx_proctoring``: reads its requests and opens connections."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.proctoring.export import without_secrets
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import SessionFactory, client_session
from archiveworker.sources.edx_proctoring.bridge import BridgeClient
from archiveworker.sources.edx_proctoring.client import EdxClient
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.edx_proctoring.connection import EdxConnection
from archiveworker.sources.edx_proctoring.inbound import (
    BRIDGE,
    CLIENT_ID,
    CLIENT_SECRET,
    EXPORT,
    SECRETS,
    EdxRequest,
    read_request,
)
from archiveworker.sources.edx_proctoring.reader import CourseReader
from archiveworker.sources.edx_proctoring.schema import request_schema
from archiveworker.sources.edx_proctoring.tokens import ClientCredentials, GivenToken, Tokens
from archiveworker.sources.reviewed.request import LMS_KEY, TOKEN, ReviewedConfig, lms_of


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
        known = self._shared.places("docs/howto/deliver-elsewhere.md")
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
        payload = {**body, LMS_KEY: _without_secrets(lms_of(body))}
        if parsed.export is not None:
            payload[EXPORT] = without_secrets(parsed.export)
        return ArchiveRequest(
            source=self.name,
            payload=payload,
            token=_secret_of(parsed),
            lms_base_url=parsed.base_url,
            further_urls=() if parsed.bridge is None else (parsed.bridge.base_url,),
            options=parsed.options,
            targets=parsed.targets,
        )

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = _read_stored(_with_secret(request.payload, request.token))
        async with self._session_factory() as session:
            client = EdxClient(session, parsed.base_url, self._tokens(session, parsed), self._config)
            bridge = None if parsed.bridge is None else BridgeClient(session, parsed.bridge, self._config)
            yield EdxConnection(CourseReader(client, parsed), parsed, bridge, self._shared.pseudonym_key)

    def _tokens(self, session: aiohttp.ClientSession, parsed: EdxRequest) -> Tokens:
        if parsed.token is not None:
            return GivenToken(parsed.token)
        secret = parsed.client_secret or Secret("")
        return ClientCredentials(session, parsed.base_url, parsed.client_id, secret, self._config)

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes, as JSON Schemas."""
        return {"EdxProctoring": request_schema()}

    def accepted_status(self) -> str | int:
        """Return the job's first state."""
        return JobState.AWAITING_PROCESSING.value


def _read_stored(body: Mapping[str, object]) -> EdxRequest:
    """Read a request that was checked when it came."""
    return read_request(body, default_targets=(LMS,))


def _without_secrets(lms: Mapping[str, object]) -> dict[str, object]:
    """Return ``lms`` without its secrets and those of the bridge in it."""
    kept = {key: value for key, value in lms.items() if key not in SECRETS}
    bridge = lms.get(BRIDGE)
    return kept | {BRIDGE: _without_secrets(bridge)} if isinstance(bridge, dict) else kept


def _secret_of(parsed: EdxRequest) -> Secret:
    """Return the one secret that is kept: that of the LMS and, after a space, that of the bridge; none has a space."""
    lms = parsed.token or parsed.client_secret or Secret("")
    return lms if parsed.bridge is None else Secret(f"{lms.reveal()} {parsed.bridge.token.reveal()}")


def _with_secret(payload: Mapping[str, object], secret: Secret) -> Mapping[str, object]:
    """Return a stored payload with the secret that was kept apart; see ``_secret_of``.

    Raises:
        RequestError: a new secret came without that of the bridge.
    """
    lms = dict(lms_of(payload))
    key = CLIENT_SECRET if CLIENT_ID in lms else TOKEN
    bridge = lms.get(BRIDGE)
    if not isinstance(bridge, dict):
        return {**payload, LMS_KEY: {**lms, key: secret.reveal()}}
    of_lms, _, of_bridge = secret.reveal().partition(" ")
    if not of_bridge:
        raise RequestError("a new token for this job must be that of the LMS and that of the bridge, a space between")
    return {**payload, LMS_KEY: {**lms, key: of_lms, BRIDGE: {**bridge, TOKEN: of_bridge}}}
