"""Asks edx-proctoring, by GET and nothing else, for the addresses that change nothing. No redirect is followed.

``attempt/course_id`` is not among them: reading it turns an expired attempt into a timed-out one. Every method makes a
single attempt, and a second one with a new token; ``retrying`` is the caller's.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import structlog
from yarl import URL

from archiveworker.domain.errors import (
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.http import NETWORK, retry_after_s
from archiveworker.sources.answers import is_busy, quoted, read_json, read_refusal, unreachable
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.edx_proctoring.tokens import Tokens

log = structlog.get_logger(__name__)

PREFIX: Final = "/api/edx_proctoring/v1"
NOT_THERE: Final = "not_there"
"""``lms_code`` of a thing that the interface knows and the course does not have: 404 or 400 with words in JSON."""
_STAFF_WORDS: Final = "staff"
_NO_JSON: Final = "check lms.base_url, and any login or proxy before it"


class EdxClient:
    """One Open edX.

    Args:
        session: from ``runtime.http.client_session``.
        base_url: of the LMS.
        tokens: where tokens come from.
        config: limits and times.
        clock: for ``Retry-After`` dates.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        tokens: Tokens,
        config: EdxConfig,
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._base = base_url + PREFIX
        self._origin = LmsOrigin.of(base_url)
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self.config = config

    async def get(self, path: str, query: Mapping[str, str], what: str, *, timeout_s: float | None = None) -> object:
        """Return one answer, parsed.

        Args:
            path: below the interface's prefix, with a slash before it; percent-encoded already (``part``).
            query: parameters.
            what: begins the sentence of an error.
            timeout_s: for everything; None takes the setting.

        Raises:
            TokenRefusedError: the token is refused, and there is no other, or its user may not read this.
            SourceUnavailableError: no answer, a broken one, or one that says "later".
            SourceError: the LMS refuses; ``lms_code`` is ``NOT_THERE`` when the course does not have it.
            RecordError: the answer is no JSON.
            LimitExceededError: it is too large.
        """
        token = await self._tokens.current()
        try:
            return await self._once(token, path, query, what, timeout_s)
        except TokenRefusedError as exc:
            other = None if exc.lms_code == _STAFF_WORDS else await self._tokens.renewed(token)
            if other is None:
                raise
            log.info("token_renewed", what=what)
        return await self._once(other, path, query, what, timeout_s)

    async def _once(
        self, token: Secret, path: str, query: Mapping[str, str], what: str, timeout_s: float | None
    ) -> object:
        if self._session.closed:
            raise SourceError(f"{what} was not asked for any more, as the job has ended meanwhile")
        url = URL(self._base + path + (f"?{urlencode(query)}" if query else ""), encoded=True)
        limits = aiohttp.ClientTimeout(
            total=timeout_s or self.config.call_timeout_s, sock_connect=self.config.http.connect_timeout_s
        )
        headers = {"Authorization": f"JWT {token.reveal()}", "Accept": "application/json"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False, timeout=limits) as response:
                if response.status != HTTPStatus.OK:
                    raise await self._refused(response, what, token)
                return await read_json(response, what, self.config.max_answer_bytes, _NO_JSON)
        except NETWORK as exc:
            failure = unreachable(exc, f"{what} could not be had from {self._origin}", "the LMS", token)
        # Outside of the handler, so that the original error, whose text may show an address, is not its context.
        raise failure

    async def _refused(self, response: aiohttp.ClientResponse, what: str, token: Secret) -> SourceError:
        """Return the error that an answer other than 200 means. There is no 401: a bad token gives 403, too."""
        status = response.status
        if status < HTTPStatus.BAD_REQUEST:
            return SourceError(
                f"{what} was answered with HTTP {status}; the worker does not follow a redirect with a token: give the "
                "LMS's own address as lms.base_url"
            )
        detail = await _detail(response, token)
        sentence = f"{what} was refused with HTTP {status}{detail and f' ({detail})'}"
        if is_busy(status):
            later = f"{sentence}: the LMS is busy or has an error; look at its log"
            return SourceUnavailableError(later, retry_after_s=retry_after_s(response, self._clock))
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return _forbidden(sentence, detail)
        if detail:
            return SourceError(
                f"{sentence}: the course does not have it, or the LMS's plugin is older", lms_code=NOT_THERE
            )
        return SourceError(
            f"{sentence}: there is no such page; check lms.base_url, and that the LMS has edx-proctoring (3.8 or newer)"
        )


def part(text: str) -> str:
    """Return ``text`` as a part of a path; a course's key may hold slashes, plus signs and colons."""
    return quote(text, safe="/:+@")


def _forbidden(sentence: str, detail: str) -> TokenRefusedError:
    if _STAFF_WORDS in detail.casefold():
        return TokenRefusedError(
            f"{sentence}: the token's user must be staff of the course; add the user to the course team",
            lms_code=_STAFF_WORDS,
        )
    return TokenRefusedError(
        f"{sentence}: the token has expired or is not one of this LMS; post or retry the job with a new one, or give "
        "client_id and client_secret, so that the worker can get one itself",
        lms_code="token",
    )


async def _detail(response: aiohttp.ClientResponse, token: Secret) -> str:
    """Return the LMS's own words, shortened, without the token; nothing for a web page."""
    body = await read_refusal(response)
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    detail = said.get("detail") if isinstance(said, dict) else None
    return quoted(detail if isinstance(detail, str) else "no words", token)
