"""Sends requests to one Moodle with one token, and understands what comes back.

Functions of the web service are called by POST, the token in the body. Files are fetched by GET with the token in the
query: that is the only way seen to work on a real Moodle (``webservice/pluginfile.php``); the address stays out of logs
and errors, but Moodle's own web server writes it to its log, where the token is worthless once the job has ended. No
redirect is ever followed. Every method makes a single attempt; ``retrying`` is the caller's.
"""

import asyncio
import mmap
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import structlog
from yarl import URL

from archiveworker.domain.errors import LimitExceededError, SourceError, SourceUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.http import BLOCK_BYTES, NETWORK, STARS
from archiveworker.sources.answers import read_refusal, unreachable
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.failures import of_status, refused
from archiveworker.sources.moodle.site import MoodleSite
from archiveworker.sources.moodle.verdicts import Verdict
from archiveworker.sources.moodle.wire import Json, NotJsonError, Params, Refusal, first_json, flatten, refusal_in

T = TypeVar("T")
log = structlog.get_logger(__name__)


class MoodleClient:
    """One Moodle, seen with one token.

    Args:
        session: from ``runtime.http.client_session``.
        site: addresses.
        token: of the web service.
        config: limits and times.
        clock: for ``Retry-After`` dates and the log.
        verdicts: what codes mean where no plugin is asked; they go before the table.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        site: MoodleSite,
        token: Secret,
        config: MoodleConfig,
        clock: Clock | None = None,
        verdicts: Mapping[str, Verdict] | None = None,
    ) -> None:
        self._session = session
        self._token = token
        self._clock = clock or SystemClock()
        self._verdicts = verdicts or {}
        self.site = site
        self.config = config

    async def call(self, function: str, params: Params, *, timeout_s: float | None = None) -> Json:
        """Call a function of the web service and return its answer, an object; see ``ask``."""
        answer = await self.ask(function, params, timeout_s=timeout_s)
        if not isinstance(answer, dict):
            raise SourceUnavailableError(f"Moodle's {function} did not answer with an object; update the plugin")
        return answer

    async def ask(self, function: str, params: Params, *, timeout_s: float | None = None) -> object:
        """Call a function of the web service and return its answer, any JSON value: core functions give lists and null.

        Raises:
            TokenRefusedError: the token is not accepted for this function.
            SourceUnavailableError: no answer, a broken one, or one that says "later".
            SourceError: Moodle refuses.
            LimitExceededError: the answer is too large.
        """
        what = f"Moodle's {function}"
        form = {
            "wstoken": self._token.reveal(),
            "wsfunction": function,
            "moodlewsrestformat": "json",
            **dict(flatten(params)),
        }

        async def read(response: aiohttp.ClientResponse) -> object:
            return await self._json(response, what)

        log.debug("lms_call", function=function)
        limit_s = timeout_s or self.config.call_timeout_s
        return await self.exchange("POST", URL(self.site.ws_url), read, what=what, limits=(limit_s, None), data=form)

    async def post_file(self, body: Callable[[], AsyncIterator[bytes]], headers: dict[str, str], what: str) -> object:
        """Send a multipart body to the upload script and return its answer, whatever that is.

        Args:
            body: yields the whole body; it is streamed.
            headers: type and length of the body.
            what: begins the sentence of an error.

        Raises:
            SourceUnavailableError: no answer, or a broken one.
            SourceError: the web server refuses.
        """

        async def read(response: aiohttp.ClientResponse) -> object:
            return await self._json(response, what, refusals=False)

        limits = (self.config.transfer_timeout_s, self.config.call_timeout_s)
        url = URL(self.site.upload_url)
        return await self.exchange("POST", url, read, what=what, limits=limits, data=body(), headers=headers)

    async def file(
        self, method: str, url: str, handle: Callable[[aiohttp.ClientResponse], Awaitable[T]], what: str
    ) -> T:
        """Ask for a file (``GET``) or its headers (``HEAD``) with the token, and return what ``handle`` makes of it.

        Args:
            method: GET or HEAD.
            url: trusted already: on this Moodle.
            handle: reads the response; its network errors are translated like all others.
            what: begins the sentence of an error.

        Raises:
            SourceError: Moodle refuses; or one of its subclasses, see ``call``.
        """
        query = {"token": self._token.reveal()} | ({"forcedownload": "1"} if method == "GET" else {})
        limits = (self.config.transfer_timeout_s, self.config.http.answer_timeout_s)
        return await self.exchange(method, URL(url).extend_query(query), handle, what=what, limits=limits)

    def refusal(self, answer: object, what: str, verdict: Verdict | None = None) -> SourceError | None:
        """Return the error that ``answer`` means, the token starred out of Moodle's own words; None for success."""
        refusal = refusal_in(answer)
        if refusal is None:
            return None
        meant = verdict or self._verdicts.get(refusal.code)
        return refused(what, Refusal(self._starred(refusal.code), self._starred(refusal.message)), meant)

    async def exchange(
        self,
        method: str,
        url: URL,
        handle: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        *,
        what: str,
        limits: tuple[float, float | None],
        **request: Any,
    ) -> T:
        """Send one request, check the HTTP status, return what ``handle`` makes of the response.

        Args:
            method: of HTTP.
            url: may hold the token; it appears nowhere.
            handle: reads the body.
            what: begins the sentence of an error.
            limits: seconds for everything, and without a byte.
            request: body and headers, for aiohttp.
        """
        if self._session.closed:
            raise SourceError(f"{what} was not asked any more, as the job has ended meanwhile")
        started_s = self._clock.monotonic_s()
        timeout = aiohttp.ClientTimeout(
            total=limits[0], sock_connect=self.config.http.connect_timeout_s, sock_read=limits[1]
        )
        try:
            async with self._session.request(
                method, url, allow_redirects=False, timeout=timeout, **request
            ) as response:
                status = response.status
                await self._check_status(response, what)
                result = await handle(response)
        except NETWORK as exc:
            failure = unreachable(exc, f"{what} did not answer at {self.site.origin}", "Moodle", self._token)
        else:
            took_s = round(self._clock.monotonic_s() - started_s, 3)
            log.debug("lms_request", script=_script(url), method=method, status=status, took_s=took_s)
            return result
        # Outside of the handler, so that the original error, whose text may show an address, is not its context.
        raise failure

    async def _check_status(self, response: aiohttp.ClientResponse, what: str) -> None:
        failure = of_status(what, response, self._clock)
        if failure is None:
            return
        if response.status >= HTTPStatus.BAD_REQUEST and isinstance(failure, SourceError):
            text = (await read_refusal(response)).decode(errors="replace")
            failure = self._refusal_in_text(text, what) or failure
        raise failure

    def _refusal_in_text(self, text: str, what: str) -> SourceError | None:
        try:
            return self.refusal(first_json(text), what)
        except NotJsonError:
            return None

    async def _json(self, response: aiohttp.ClientResponse, what: str, *, refusals: bool = True) -> object:
        """Read the first JSON value of the body, through a temporary file when it is large.

        The content type is ignored: upload.php answers ``text/plain``.
        """
        text = ""
        try:
            text = await self._text(response, what)
            answer = await asyncio.to_thread(first_json, text) if len(text) > BLOCK_BYTES else first_json(text)
        except NotJsonError as exc:
            kind = "a web page" if text.lstrip().startswith("<") else "a broken answer" if text else "nothing"
            raise SourceUnavailableError(
                f"{what} answered with {kind} instead of JSON; look at Moodle's error log, and at any login or proxy "
                "in front of it"
            ) from exc
        if refusals and (failure := self.refusal(answer, what)):
            raise failure
        return answer

    async def _text(self, response: aiohttp.ClientResponse, what: str) -> str:
        with tempfile.SpooledTemporaryFile(max_size=self.config.large_answer_bytes) as body:
            size_bytes = 0
            async for block in response.content.iter_chunked(BLOCK_BYTES):
                size_bytes += len(block)
                if size_bytes > self.config.max_answer_bytes:
                    raise LimitExceededError(
                        f"{what} answered with more than {self.config.max_answer_bytes} bytes; raise "
                        "ARCHIVEWORKER_MAX_REPORT_BYTES, or make the images in the questions smaller"
                    )
                body.write(block)
            return _decoded(body, size_bytes <= self.config.large_answer_bytes)

    def _starred(self, text: str) -> str:
        return text.replace(self._token.reveal(), STARS)


def _script(url: URL) -> str:
    """Return which of Moodle's scripts is asked: the rest of the address may hold names of files, or the token."""
    return next((part for part in url.parts if part.endswith(".php")), "?")


def _decoded(body: tempfile.SpooledTemporaryFile[bytes], in_memory: bool) -> str:
    try:
        if in_memory:
            body.seek(0)
            return body.read().decode()
        body.flush()
        # Decoded straight from the page cache: the bytes never are in memory beside the text.
        with mmap.mmap(body.fileno(), 0, access=mmap.ACCESS_READ) as view:
            return str(view, "utf-8")
    except UnicodeDecodeError as exc:
        reason = exc.reason
    # Not from within the handler: that error carries the whole body along.
    raise NotJsonError(f"not UTF-8: {reason}")
