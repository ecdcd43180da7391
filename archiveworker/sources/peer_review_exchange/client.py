"""Asks one server of the exchange API with one token. No redirect is ever followed, and every answer has a limit.

Every method makes a single attempt; ``retrying`` is the caller's. The token goes into the header alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
import structlog
from yarl import URL

from archiveworker.domain.errors import (
    NotFoundError,
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.peer_review.exchange import PREFIX, ProblemDocument
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.digests import Digested
from archiveworker.runtime.http import NETWORK, retry_after_s, save_body
from archiveworker.sources.answers import is_busy, quoted, read_json, read_refusal, unreachable
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig

T = TypeVar("T")
log = structlog.get_logger(__name__)

BAD_REQUEST: Final = "bad_request"
_FILE_SETTING: Final = "ARCHIVEWORKER_MAX_ATTACHMENT_BYTES"
_NO_JSON: Final = (
    "look whether lms.base_url is the address below which the exchange API is, and at any login or proxy in front of it"
)
_ADVICE: Final = {
    HTTPStatus.UNAUTHORIZED: "the token is unknown or has expired; make a new one, and post or retry the job with it",
    HTTPStatus.FORBIDDEN: "the token may not read this activity, or there is none of this id; make one with its scope",
    HTTPStatus.NOT_FOUND: "there is no such thing below lms.base_url; the address, or the server, is not the right one",
}


class ExchangeClient:
    """One server of the exchange API.

    Args:
        session: from ``runtime.http.client_session``.
        base_url: of the LMS.
        token: for the API.
        config: limits and times.
        clock: for ``Retry-After`` dates.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: Secret,
        config: ExchangeConfig,
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._base = base_url + PREFIX
        self._origin = LmsOrigin.of(base_url)
        self._token = token
        self._clock = clock or SystemClock()
        self.config = config

    async def document(self, path: tuple[str, ...], query: Mapping[str, str], timeout_s: float | None = None) -> object:
        """Return one JSON document, parsed.

        Args:
            path: below the API's prefix; each part is percent-encoded.
            query: parameters.
            timeout_s: for everything; None takes the setting.

        Raises:
            TokenRefusedError: the token is unknown, has expired, or is not for this.
            SourceUnavailableError: no answer, a broken one, or one that says "later".
            SourceError: the server refuses.
            RecordError: the answer is no JSON.
            LimitExceededError: it is too large.
        """
        what = _named(path)

        async def read(response: aiohttp.ClientResponse) -> object:
            return await read_json(response, what, self.config.max_answer_bytes, _NO_JSON)

        limit_s = timeout_s or self.config.call_timeout_s
        return await self._exchange(path, query, read, (limit_s, None))

    async def file(self, path: tuple[str, ...], target: Path) -> Digested:
        """Write a file's bytes to ``target``.

        Raises:
            NotFoundError: the server does not have them.
            LimitExceededError: they are too many.
            SourceError: see ``document``.
        """

        async def read(response: aiohttp.ClientResponse) -> Digested:
            return await save_body(
                response, target, max_bytes=self.config.max_file_bytes, what=_named(path), setting=_FILE_SETTING
            )

        limits = (self.config.transfer_timeout_s, self.config.http.answer_timeout_s)
        try:
            return await self._exchange(path, {}, read, limits)
        except SourceError as exc:
            if exc.lms_code != "not_found":
                raise
            raise NotFoundError(str(exc)) from exc

    async def _exchange(
        self,
        path: tuple[str, ...],
        query: Mapping[str, str],
        handle: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        limits: tuple[float, float | None],
    ) -> T:
        what = _named(path)
        if self._session.closed:
            raise SourceError(f"{what} was not asked for any more, as the job has ended meanwhile")
        url = URL(self._base + "".join(f"/{quote(part, safe='')}" for part in path), encoded=True).with_query(query)
        timeout = aiohttp.ClientTimeout(
            total=limits[0], sock_connect=self.config.http.connect_timeout_s, sock_read=limits[1]
        )
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/json"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False, timeout=timeout) as response:
                if response.status != HTTPStatus.OK:
                    raise await self._refused(response, what)
                return await handle(response)
        except NETWORK as exc:
            sentence = f"{what} could not be had from {self._origin}"
            failure = unreachable(exc, sentence, "the server", self._token)
        # Outside of the handler, so that the original error, whose text may show an address, is not its context.
        raise failure

    async def _refused(self, response: aiohttp.ClientResponse, what: str) -> SourceError:
        """Return the error that an answer other than 200 means."""
        status = response.status
        if status < HTTPStatus.BAD_REQUEST:
            return SourceError(
                f"{what} was answered with HTTP {status}; the worker does not follow a redirect with a token: give the "
                "address where the API is as lms.base_url"
            )
        code, said = await self._problem(response)
        sentence = f"{what} was refused with HTTP {status}"
        if is_busy(status):
            later = f"{sentence}{said}: the server is busy or has an error; look at its log"
            return SourceUnavailableError(later, lms_code=code, retry_after_s=retry_after_s(response, self._clock))
        advice = next((text for known, text in _ADVICE.items() if known == status), "look at the server's log")
        kind = TokenRefusedError if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else SourceError
        if status == HTTPStatus.NOT_FOUND:
            code = "not_found"
        return kind(f"{sentence}{said}: {advice}", lms_code=code)

    async def _problem(self, response: aiohttp.ClientResponse) -> tuple[str | None, str]:
        """Return the server's own code, and its words in brackets, shortened, without the token."""
        body = await read_refusal(response)
        try:
            error = msgspec.json.decode(body, type=ProblemDocument).error
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            return None, ""
        return error.code, f" ({quoted(f'{error.code}: {error.message}', self._token)})"


def _named(path: tuple[str, ...]) -> str:
    """Return how sentences call what is asked for: what kind it is and, of a file, which; never a whole address."""
    if len(path) > 3:
        return f"file {path[3]}"
    return path[2] if len(path) > 2 else "the activity"
