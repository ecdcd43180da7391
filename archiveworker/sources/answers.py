"""What every client of an LMS does with an answer, or with none: read it within a limit, say why there was none.

Requests are made by the clients themselves, as each LMS refuses in its own way. Large answers of Moodle, which pass
through a file, are read by its own client.
"""

from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec

from archiveworker.domain.errors import LimitExceededError, RecordError, SourceError, SourceUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import BLOCK_BYTES, STARS, UNTRUSTED, describe_failure, without_secret

_BUSY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_MAX_REFUSAL_BYTES: Final = 64 * 1024
_MAX_QUOTE_CHARS: Final = 200


def is_busy(status: int) -> bool:
    """Tell whether an HTTP status means that the same request may succeed later."""
    return status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR


async def read_json(response: aiohttp.ClientResponse, what: str, max_bytes: int, advice: str) -> object:
    """Return the body of an answer, parsed.

    Args:
        response: whose headers were read already.
        what: begins the sentence of an error.
        max_bytes: of the body.
        advice: ends the sentence when it is no JSON.

    Raises:
        RecordError: it is no JSON.
        LimitExceededError: it is too large.
    """
    buffer = bytearray()
    async for block in response.content.iter_chunked(BLOCK_BYTES):
        buffer += block
        if len(buffer) > max_bytes:
            raise LimitExceededError(
                f"{what} came with more than {max_bytes} bytes; raise ARCHIVEWORKER_MAX_REPORT_BYTES"
            )
    body = bytes(buffer)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        kind = "a web page" if body.lstrip().startswith(b"<") else "something that is no JSON" if body else "nothing"
        raise RecordError(f"{what} came as {kind}; {advice}") from exc


async def read_refusal(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of a refusal, or the beginning of a long one: it is only looked at for words."""
    body = bytearray()
    async for block in response.content.iter_chunked(_MAX_REFUSAL_BYTES):
        body += block
        if len(body) >= _MAX_REFUSAL_BYTES:
            break
    return bytes(body)


def quoted(text: str, secret: Secret) -> str:
    """Return the LMS's own words, shortened, on one line, without ``secret``."""
    return " ".join(text.replace(secret.reveal(), STARS).split())[:_MAX_QUOTE_CHARS]


def unreachable(exc: BaseException, sentence: str, server: str, secret: Secret) -> SourceError:
    """Return the error for a request that got no answer; it is to be raised outside of the handler.

    In the handler, the original error, whose text may show an address or the secret, would be its context.

    Args:
        exc: one of ``runtime.http.NETWORK``.
        sentence: what could not be had, and from where.
        server: to be looked at, e.g. "the LMS".
        secret: that was sent; it is not in the cause either.
    """
    reason = f"{sentence}: {describe_failure(exc)}"
    failure: SourceError
    if isinstance(exc, UNTRUSTED):
        failure = SourceError(f"{reason}; set ARCHIVEWORKER_CA_BUNDLE to a PEM file with the certificate of its CA")
    else:
        failure = SourceUnavailableError(f"{reason}; check that {server} is up and the worker can reach it")
    failure.__cause__ = without_secret(exc, secret)
    return failure
