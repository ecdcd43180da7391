"""Chrome's DevTools Protocol, as far as one needs it to speak with a browser of one's own over a pipe.

Messages are JSON, each ended by a zero byte; what belongs to a tab or to an embedded page carries the id of its
session ("flattened" sessions). Commands are answered in any order, events come in between. There is no time limit
here: who waits sets one. What the browser never answers, because it or a page's process is gone, ends with an error.

Source: https://chromedevtools.github.io/devtools-protocol/, and content/browser/devtools/devtools_pipe_handler.cc of
Chromium.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Self

from archiveworker.domain.errors import BrowserGoneError, RenderError

Json = dict[str, Any]
Listener = Callable[[Json], None]

_END = b"\0"
_encode = json.JSONEncoder(separators=(",", ":")).encode
_SHOWN_CHARACTERS = 300
# Nobody listens to what pages write to the console, and a page may write without end.
_UNHEARD = b'{"method":"Runtime.'


class Session:
    """What is said to the browser as a whole, to one tab, or to one embedded page.

    Args:
        connection: that carries it.
        session_id: empty for the browser as a whole.

    Attributes:
        is_open: until the browser, the tab or its process is gone.
    """

    def __init__(self, connection: "Connection", session_id: str) -> None:
        self.is_open = True
        self._connection = connection
        self._id = session_id
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._listeners: dict[str, Listener] = {}
        self._ended = asyncio.Event()

    def on(self, event: str, listener: Listener) -> None:
        """Call ``listener`` with the parameters of each such event; one listener an event."""
        self._listeners[event] = listener

    def send(self, method: str, params: Json | None = None) -> asyncio.Future[Json]:
        """Give a command at once; the future has what the browser answers.

        Its errors: BrowserGoneError, when the browser or the page is gone; RenderError, when the browser refuses.
        """
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        if not self.is_open:
            answer.set_exception(_gone("it was closed"))
            return answer
        number = self._connection.write(self._id, method, params or {})
        self._waiting[number] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        return answer

    def tell(self, method: str, params: Json | None = None) -> None:
        """Give a command whose answer nobody needs, not even when it is an error."""
        self.send(method, params).add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    def named(self, session_id: str) -> "Session":
        """Return the session of an id that the browser has named here."""
        return self._connection.session(session_id)

    async def wait_until_ended(self) -> None:
        """Return once the browser, the tab or its process is gone."""
        await self._ended.wait()

    def receive(self, message: Json) -> None:
        """Take an answer or an event; called by the connection."""
        if (number := message.get("id")) is not None:
            answer = self._waiting.get(number)
            if answer is not None and not answer.done():
                if "error" in message:
                    answer.set_exception(_refused(message["error"]))
                else:
                    answer.set_result(message.get("result", {}))
        elif (listener := self._listeners.get(message["method"])) is not None:
            listener(message["params"])

    def end(self, reason: str) -> None:
        """Fail whatever waits for an answer; called by the connection."""
        self.is_open = False
        self._ended.set()
        for answer in tuple(self._waiting.values()):
            if not answer.done():
                answer.set_exception(_gone(reason))


class Connection(asyncio.Protocol):
    """The pipe to one browser. Made by ``Connection.open``.

    Attributes:
        browser: the session of the browser as a whole.
    """

    def __init__(self) -> None:
        self.browser = Session(self, "")
        self._sessions = {"": self.browser}
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._last_number = 0

    @classmethod
    async def open(cls, ours: socket.socket) -> Self:
        """Speak with the browser that has the other end of ``ours``."""
        _, connection = await asyncio.get_running_loop().create_unix_connection(cls, sock=ours)
        return connection

    def close(self) -> None:
        """Hang up; a browser that was started for one pipe ends then."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, session_id: str, method: str, params: Json) -> int:
        """Write a command; return the number that its answer will have. Only for sessions."""
        self._last_number += 1
        message: Json = {"id": self._last_number, "method": method, "params": params}
        if session_id:
            message["sessionId"] = session_id
        if self._transport is not None:
            self._transport.write(_encode(message).encode() + _END)
        return self._last_number

    def session(self, session_id: str) -> Session:
        """Return the session of that id, which the browser has just named."""
        return self._sessions.setdefault(session_id, Session(self, session_id))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (``asyncio.Protocol``)."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Put messages together (``asyncio.Protocol``)."""
        *whole, rest = data.split(_END)
        for part in whole:
            message = b"".join([*self._parts, part])
            self._parts.clear()
            if not message.startswith(_UNHEARD):
                self._dispatch(json.loads(message))
        if rest:
            self._parts.append(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """End every session (``asyncio.Protocol``)."""
        for session in self._sessions.values():
            session.end("the browser ended")
        self._sessions.clear()

    def _dispatch(self, message: Json) -> None:
        session = self._sessions.get(message.get("sessionId", ""))
        if session is None:
            return
        method = message.get("method")
        if method == "Inspector.targetCrashed":
            session.end("its process ended")
        session.receive(message)
        if method == "Target.detachedFromTarget":
            ended = self._sessions.pop(message["params"]["sessionId"], None)
            if ended is not None:
                ended.end("it was closed")


def _gone(reason: str) -> BrowserGoneError:
    return BrowserGoneError(f"the browser lost the page ({reason}); render it again")


def _refused(error: Json) -> RenderError:
    what = str(error.get("message", "unknown")).partition("\n")[0][:_SHOWN_CHARACTERS]
    return RenderError(f"Chromium could not render the page ({what})")
