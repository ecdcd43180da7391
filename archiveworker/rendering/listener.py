"""The proxy port of one browser context: what comes in is handed to the page that is open there now.

A context has one page at a time, so every request is known to belong to that page: its budget, its record and its
ready signal need no guessing. When the page is over, every connection is cut, so that nothing of it arrives later.

Accepted risk: another local user who finds the port can load, without any right of ours, what the page could load.
"""

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from archiveworker.rendering import wire
from archiveworker.rendering.wire import Response

if TYPE_CHECKING:
    from archiveworker.rendering.gateway import PageSession

_CLOSE_LIMIT_S = 2.0


class Listener:
    """A proxy on a free port of 127.0.0.1.

    Args:
        tls: how https is answered.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._session: PageSession | None = None
        self._was_called_by_nobody = False
        self._is_closed = False

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: no port could be had.
        """
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0, limit=wire.STREAM_LIMIT_BYTES)

    @property
    def proxy_url(self) -> str:
        """What Chromium is told to use as its proxy."""
        if self._server is None or not self._server.sockets:
            return "http://127.0.0.1:9"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def was_called_by_nobody(self) -> bool:
        """Whether a request came while no page was open: something of an earlier page is still alive."""
        return self._was_called_by_nobody

    def attach(self, session: "PageSession") -> None:
        """Hand what comes from now on to ``session``."""
        self._session = session

    async def detach(self) -> None:
        """Cut every connection; what comes from now on is nobody's and gets no answer."""
        self._session = None
        for task in tuple(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(tuple(self._connections), timeout=_CLOSE_LIMIT_S)

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        self._is_closed = True
        if self._server is not None:
            await _close_server(self._server)
        await self.detach()
        # Connections that were cut are only gone after one more turn of the loop, which may be about to end.
        await asyncio.sleep(0)

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_closed:
            writer.transport.abort()  # it was accepted just before
            return
        # Known from its first moment: a task that is cancelled before it began never comes to its end.
        task = asyncio.create_task(self._serve_until_closed(reader, writer))
        self._connections.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._connections.discard(task)
            writer.transport.abort()

        task.add_done_callback(ended)

    async def _serve_until_closed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The browser closed its side, or the page is over: either way there is nobody to tell.
        with contextlib.suppress(OSError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        prefix = ""
        while (request := await wire.read_request(reader)) is not None:
            session = self._session
            if session is None:
                self._was_called_by_nobody = True
                return
            if request.method == "CONNECT":
                await wire.write_response(writer, Response(200, (("Connection", "keep-alive"),)), head_only=True)
                # Plain ws:// comes through CONNECT as well; it fails here, and that is meant.
                await writer.start_tls(self._tls, ssl_handshake_timeout=_CLOSE_LIMIT_S)
                prefix = "https://" + request.target.removesuffix(":443")
                continue
            with session.counted():
                response = await session.answer(prefix + request.target, request)
                await wire.write_response(writer, response, head_only=request.method == "HEAD")


async def _close_server(server: asyncio.Server) -> None:
    """Stop accepting, then close: Python 3.11 forgets, open, a connection that it has accepted right before."""
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    try:
        await asyncio.sleep(0)
    finally:
        server.close()
