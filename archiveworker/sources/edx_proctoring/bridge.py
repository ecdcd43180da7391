"""Asks a bridge beside the LMS's database for what REST does not give: one GET, one document; and a HEAD before.

The bridge is ``archiveworker bridge`` with the preset ``edx_proctoring``, or whatever else serves the same; it is not
trusted: its document is read strictly, and masked once more before it is kept.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
import structlog
from aiohttp import hdrs
from yarl import URL

from archiveworker.domain.errors import SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.proctoring.export import EXPORT_PATH, Export, read_export, without_secrets
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.http import NETWORK, retry_after_s
from archiveworker.runtime.retry import retrying
from archiveworker.sources.answers import is_busy, read_json, unreachable
from archiveworker.sources.edx_proctoring.client import part
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.reviewed.raw import RawAnswers

log = structlog.get_logger(__name__)

_NAME: Final = "export"
_WHAT: Final = "the export of the bridge"
_NO_JSON: Final = "check lms.bridge.base_url, and any login or proxy before it"
_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_KNOWS_NO_HEAD: Final = (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


@dataclass(frozen=True, slots=True)
class BridgeAddress:
    """Where a bridge is.

    Attributes:
        base_url: its origin, without a slash at the end.
        token: bearer token for the course, or for all.
    """

    base_url: str
    token: Secret


class BridgeClient:
    """One bridge.

    Args:
        session: from ``runtime.http.client_session``.
        address: of the bridge.
        config: limits and times.
        clock: for ``Retry-After`` dates.
    """

    def __init__(
        self, session: aiohttp.ClientSession, address: BridgeAddress, config: EdxConfig, clock: Clock | None = None
    ) -> None:
        self._session = session
        self._address = address
        self._config = config
        self._clock = clock or SystemClock()

    async def probe(self, course_id: str) -> None:
        """Find out whether the token is good for this course; the bridge reads nothing for it.

        A bridge that does not answer, or that knows no HEAD, is found out by the job.

        Raises:
            TokenRefusedError: the token is refused, or is not for this course.
            SourceError: this is no such bridge.
        """
        try:
            await self._once(hdrs.METH_HEAD, course_id, self._config.probe_timeout_s)
        except SourceUnavailableError as exc:
            log.info("bridge_not_probed", reason=str(exc))

    async def export(self, course_id: str, raw: RawAnswers) -> Export:
        """Return the export of a course: the one that an earlier try got, or a new one, which is kept.

        Raises:
            TokenRefusedError: the token is refused, or is not for this course.
            SourceUnavailableError: no answer, or one that says "later".
            SourceError: the bridge refuses.
            RecordError: the answer is no export.
            LimitExceededError: it is too large.
        """
        kept = raw.kept(_NAME, {})
        if kept is not None:
            return read_export(kept)
        answer = await retrying(lambda: self._read(course_id), self._config.retry, what=_NAME)
        masked = without_secrets(read_export(answer))
        raw.keep(_NAME, {}, masked)
        return read_export(masked)

    async def _read(self, course_id: str) -> object:
        return await self._once(hdrs.METH_GET, course_id, self._config.call_timeout_s)

    async def _once(self, method: str, course_id: str, timeout_s: float) -> object:
        """Return the document of an answer to GET, None for one to HEAD."""
        url = URL(f"{self._address.base_url}{EXPORT_PATH}/{part(course_id)}", encoded=True)
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=self._config.http.connect_timeout_s)
        headers = {"Authorization": f"Bearer {self._address.token.reveal()}", "Accept": "application/json"}
        try:
            asked = self._session.request(method, url, headers=headers, allow_redirects=False, timeout=limits)
            async with asked as response:
                if method == hdrs.METH_HEAD and response.status in (HTTPStatus.OK, *_KNOWS_NO_HEAD):
                    return None
                if response.status != HTTPStatus.OK:
                    raise self._refused(response)
                return await read_json(response, _WHAT, self._config.max_answer_bytes, _NO_JSON)
        except NETWORK as exc:
            sentence = f"{_WHAT} could not be had from {LmsOrigin.of(self._address.base_url)}"
            failure = unreachable(exc, sentence, "the bridge", self._address.token)
        # Outside of the handler, so that the original error, whose text may show an address, is not its context.
        raise failure

    def _refused(self, response: aiohttp.ClientResponse) -> SourceError:
        status = response.status
        sentence = f"{_WHAT} was refused with HTTP {status}"
        if is_busy(status):
            later = f"{sentence}: the bridge is busy or has an error; look at its log"
            return SourceUnavailableError(later, retry_after_s=retry_after_s(response, self._clock))
        if status in _REFUSED:
            return TokenRefusedError(
                f"{sentence}: its token has expired, or is not for this course; post the job again with a new one "
                "(archiveworker bridge token --scope course:KEY)",
                lms_code="bridge_token",
            )
        return SourceError(
            f"{sentence}: check that lms.bridge.base_url is that of a bridge with the preset edx_proctoring"
        )
