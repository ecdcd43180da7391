"""The connector ``peer_review``: reads its requests and opens connections."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from archiveworker.domain.delivery import LMS
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.ports import SourceConnection
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import SessionFactory, client_session
from archiveworker.sources.peer_review_exchange.client import ExchangeClient
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.peer_review_exchange.inbound import ExchangeRequest, read_request
from archiveworker.sources.peer_review_exchange.reader import ExchangeReader
from archiveworker.sources.peer_review_exchange.schema import request_schema
from archiveworker.sources.reviewed.connection import ReviewedConnection
from archiveworker.sources.reviewed.request import ReviewedConfig, with_token, without_token


class PeerReviewExchangeSource:
    """Implements ``domain.ports.Source``.

    Args:
        config: limits and times.
        reviewed: what holds for all peer-review sources.
        session_factory: gives the session of one connection; None makes one from ``config.http``, closed with it.
    """

    name = "peer_review"

    def __init__(
        self,
        config: ExchangeConfig,
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
        known = self._reviewed.places("docs/howto/archive-a-peer-review.md")
        return self._request(body, read_request(body, known, self._reviewed.default_targets))

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse a stored job's payload again; a target that is gone meanwhile is the delivery's to report.

        Raises:
            RequestError: this version of the worker does not take it any more.
        """
        body = with_token(payload, token)
        return self._request(body, _read_stored(body))

    def _request(self, body: Mapping[str, object], parsed: ExchangeRequest) -> ArchiveRequest:
        return ArchiveRequest(
            source=self.name,
            payload=without_token(body),
            token=parsed.token,
            lms_base_url=parsed.base_url,
            options=parsed.options.archive,
            targets=parsed.targets,
        )

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        parsed = _read_stored(with_token(request.payload, request.token))
        async with self._session_factory() as session:
            client = ExchangeClient(session, parsed.base_url, parsed.token, self._config)
            reader = ExchangeReader(client, parsed.activity, allow_open=parsed.options.allow_open)
            yield ReviewedConnection(reader, parsed.base_url, parsed.options, self._reviewed.pseudonym_key)

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes, as JSON Schemas."""
        return {"PeerReview": request_schema()}

    def accepted_status(self) -> str | int:
        """Return the job's first state."""
        return JobState.AWAITING_PROCESSING.value


def _read_stored(body: Mapping[str, object]) -> ExchangeRequest:
    """Read a request that was checked when it came. Where it goes is stored with the job, whatever settings say now."""
    return read_request(body, default_targets=(LMS,))
