"""Just enough HTTP/1.1 (RFC 9112) to speak as a proxy with our own Chromium. Not a general server.

The only peer is a browser that we started, so what is malformed ends the connection. Bodies of requests are read
within a limit and never sent on.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from http import HTTPStatus

_MAX_HEAD_BYTES = 64 * 1024
_MAX_REQUEST_BODY_BYTES = 4 * 1024**2

STREAM_LIMIT_BYTES = _MAX_HEAD_BYTES
"""Buffer that a connection's StreamReader needs."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the browser.

    Attributes:
        method: upper case.
        target: as on the request line: an absolute URL, a path inside a tunnel, or ``host:port`` of CONNECT.
        headers: names in lower case; of repeated ones the last.
        body: whole; empty when it was longer than the limit.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One whole response.

    Attributes:
        status: of HTTP.
        headers: names and values that are passed on; Content-Length is added when it is written.
        body: without any content coding.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the value of a header, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, lower case."""
        return self.header("Content-Type").partition(";")[0].strip().lower()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request, or None when the browser closed the connection or sent something that is not HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ValueError, OSError):
        return None
    return Request(parts[0].upper(), parts[1], headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        raise ValueError("a chunked request body is not expected from a browser over HTTP/1.1")
    length = int(headers.get("content-length", "0"))
    if length <= _MAX_REQUEST_BODY_BYTES:
        return await reader.readexactly(length)
    while length > 0:
        length -= len(await reader.readexactly(min(length, _MAX_HEAD_BYTES)))
    return b""


async def write_response(writer: asyncio.StreamWriter, response: Response, *, head_only: bool = False) -> None:
    """Write ``response``; ``head_only`` as HEAD wants it.

    Raises:
        OSError: the browser is gone.
    """
    writer.write(encode_head(response))
    if not head_only:
        writer.write(response.body)
    await writer.drain()


def encode_head(response: Response) -> bytes:
    """Return the status line and headers; values that would break out of their line are dropped."""
    with contextlib.suppress(ValueError):
        phrase = HTTPStatus(response.status).phrase
        return _head(response, phrase)
    return _head(response, "Unknown")


def _head(response: Response, phrase: str) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers if not set("\r\n") & set(name + value)]
    if response.status not in (204, 304):
        lines.append(f"Content-Length: {len(response.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")
