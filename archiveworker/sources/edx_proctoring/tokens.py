"""Tokens for the LMS: one that came with the job, or such as the worker gets for its client credentials.

Source: edX documentation; ``POST {lms}/oauth2/access_token`` with ``grant_type=client_credentials&token_type=jwt``.
Such a token lives for an hour and cannot be renewed: another one is asked for.
"""

import asyncio
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp
import msgspec
from yarl import URL

from archiveworker.domain.errors import SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import NETWORK
from archiveworker.sources.answers import is_busy, unreachable
from archiveworker.sources.edx_proctoring.config import EdxConfig

TOKEN_PATH: Final = "/oauth2/access_token"  # noqa: S105 - an address
_MAX_ANSWER_BYTES: Final = 64 * 1024


class Tokens(Protocol):
    """Where tokens come from."""

    async def current(self) -> Secret:
        """Return a token that is believed to be good."""
        ...

    async def renewed(self, refused: Secret) -> Secret | None:
        """Return a token in place of one that the LMS refused; None when there can be no other."""
        ...


class GivenToken:
    """The one token that came with the job.

    Args:
        token: a JWT.
    """

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def current(self) -> Secret:
        """Return it."""
        return self._token

    async def renewed(self, refused: Secret) -> Secret | None:
        """Return None: nobody else can make one."""
        return None


class _Answer(msgspec.Struct):
    """What the LMS says to client credentials."""

    access_token: str


class ClientCredentials:
    """Tokens for client credentials (RFC 6749, 4.4).

    Args:
        session: from ``runtime.http.client_session``.
        base_url: of the LMS.
        client_id: of the worker.
        client_secret: of the worker.
        config: limits and times.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, client_id: str, client_secret: Secret, config: EdxConfig
    ) -> None:
        self._session = session
        self._url = URL(base_url + TOKEN_PATH, encoded=True)
        self._client_id = client_id
        self._client_secret = client_secret
        self._timeout = aiohttp.ClientTimeout(total=config.call_timeout_s)
        self._token: Secret | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> Secret:
        """Return the last token, or the first one.

        Raises:
            TokenRefusedError: the LMS does not know the client.
            SourceUnavailableError: it does not answer.
        """
        async with self._asking:
            if self._token is None:
                self._token = await self._ask()
            return self._token

    async def renewed(self, refused: Secret) -> Secret | None:
        """Return a new token, unless somebody else has asked for one meanwhile; errors are those of ``current``."""
        async with self._asking:
            if self._token is None or self._token.reveal() == refused.reveal():
                self._token = await self._ask()
            return self._token

    async def _ask(self) -> Secret:
        form = {
            "grant_type": "client_credentials",
            "token_type": "jwt",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
        }
        try:
            async with self._session.post(
                self._url, data=form, allow_redirects=False, timeout=self._timeout
            ) as response:
                status, body = response.status, await response.content.read(_MAX_ANSWER_BYTES)
        except NETWORK as exc:
            failure = unreachable(exc, "the LMS gave no token", "the LMS", self._client_secret)
        else:
            return _token_in(status, body)
        # Outside of the handler, so that the original error, whose text may show an address, is not its context.
        raise failure


def _token_in(status: int, body: bytes) -> Secret:
    if is_busy(status):
        raise SourceUnavailableError(f"the LMS gave no token and answered with HTTP {status}; look at its log")
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise TokenRefusedError(
            f"the LMS gives no token for these client credentials (HTTP {status}); check client_id and client_secret "
            "in its Django admin (OAuth toolkit, applications), and that the client's grant type is client credentials"
        )
    if status != HTTPStatus.OK:
        raise SourceError(f"the LMS gave no token and answered with HTTP {status}; is lms.base_url that of the LMS?")
    try:
        return Secret(msgspec.json.decode(body, type=_Answer).access_token)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise SourceError(
            "the LMS answered the request for a token with something else; is lms.base_url right?"
        ) from exc
