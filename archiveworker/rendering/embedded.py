"""The pages that a page embeds: asked in their own worlds, because those of other origins can be asked nowhere else.

A frame of another site may live in a process of its own (not in the headless shell), and has a session of its own then;
it gets the same scripts as the page itself before it runs any of its own. What frames answer is theirs: a frame's
scripts may have replaced everything. A frame that goes away, or does not answer, has no answer; it never costs more
than its share of time.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from archiveworker.domain.errors import RenderError
from archiveworker.rendering.cdp import Json, Session

_MAX_COUNT = 40
_LIMIT_S = 5.0
_SET_ATTRIBUTE = "function (name, value) { this.setAttribute(name, value); }"
_ATTACH = {
    "autoAttach": True,
    "waitForDebuggerOnStart": True,
    "flatten": True,
    # A worker (MathJax 4 computes in one) would wait for a debugger, too, and for ever if it is not attached to.
    "filter": [{"type": "iframe"}, {"type": "worker"}],
}


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame, and how to speak with it.

    Attributes:
        frame_id: Chromium's.
        url: of its document.
        around: session of the process in which the element of the frame is.
        own: its own session; None when it lives in the process around it.
    """

    frame_id: str
    url: str
    around: Session
    own: Session | None

    async def evaluate(self, script: str, argument: object) -> Any:
        """Call a JavaScript function in the frame's own world.

        Raises:
            RenderError: the frame is gone, or the script failed.
        """
        expression = f"({script})({json.dumps(argument)})"
        how = {"awaitPromise": True, "returnByValue": True}
        if self.own is not None:
            answer = await self.own.send("Runtime.evaluate", {"expression": expression, **how})
        else:
            # A function is called in the world of the object that it is called on.
            document = await self._document()
            call = {"functionDeclaration": f"function () {{ return {expression}; }}", "objectId": document, **how}
            answer = await self.around.send("Runtime.callFunctionOn", call)
        if "exceptionDetails" in answer:
            raise RenderError("a script of the renderer failed in an embedded page")
        return answer["result"].get("value")

    async def set_attribute(self, name: str, value: str) -> None:
        """Set an attribute of the frame's element.

        Raises:
            RenderError: the frame is gone.
        """
        element = await self._resolved(await self._element())
        arguments = [{"value": name}, {"value": value}]
        call = {"functionDeclaration": _SET_ATTRIBUTE, "objectId": element, "arguments": arguments}
        await self.around.send("Runtime.callFunctionOn", call)

    async def _element(self) -> int:
        answer = await self.around.send("DOM.getFrameOwner", {"frameId": self.frame_id})
        return int(answer["backendNodeId"])

    async def _document(self) -> str:
        answer = await self.around.send("DOM.describeNode", {"backendNodeId": await self._element()})
        document = answer["node"].get("contentDocument")
        if document is None:
            raise RenderError("an embedded page is gone")
        return await self._resolved(document["backendNodeId"])

    async def _resolved(self, backend_node_id: int) -> str:
        answer = await self.around.send("DOM.resolveNode", {"backendNodeId": backend_node_id})
        return str(answer["object"]["objectId"])


@dataclass(frozen=True, slots=True)
class EmbeddedPage:
    """One of them.

    Attributes:
        mark: value of the attribute that its element was given.
    """

    mark: str
    _frame: _Frame

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function there; None when there is no answer in time."""
        with contextlib.suppress(RenderError, TimeoutError):
            async with asyncio.timeout(_LIMIT_S):
                return await self._frame.evaluate(script, argument)
        return None


@dataclass(frozen=True, slots=True)
class _Apart:
    """A frame of another site: its session, and the one of the process around it."""

    own: Session
    around: Session


class EmbeddedPages:
    """Those of one page, at any depth; of very many the first ones.

    Args:
        session: of the page.
        prepare: gives a session what every page gets.
    """

    def __init__(self, session: Session, prepare: Callable[[Session], Awaitable[None]]) -> None:
        self._session = session
        self._prepare = prepare
        self._apart: list[_Apart] = []
        self._loading: set[str] = set()
        self._changes = 0
        self._asked: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(self) -> None:
        """Be told of frames of other sites from now on."""
        await self._watch(self._session)

    @property
    def is_loading(self) -> bool:
        """Whether a document is on its way into one of them (or into the page): what is there now will go."""
        return bool(self._loading)

    @property
    def changes(self) -> int:
        """How many documents and frames have come so far: an answer of before a change is that of another document."""
        return self._changes

    async def count(self) -> int:
        """Return how many there are now."""
        return len(await self._all())

    async def evaluate(self, script: str, argument: object = None) -> tuple[int, list[object]]:
        """Call a JavaScript function in all of them, without a time limit of its own.

        Returns:
            How many there are, and the answers there were.
        """
        frames = await self._all()
        asked = (self._ask(frame, script, argument) for frame in frames[:_MAX_COUNT])
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return len(frames), [answer for answer in answers if not isinstance(answer, BaseException)]

    async def _ask(self, frame: _Frame, script: str, argument: object) -> object:
        """Return the frame's answer; ask again when its document is replaced: nobody answers for one that is gone.

        What waits in an ``about:blank`` that becomes a document is forgotten by Chromium without a word.
        """
        while True:
            replaced = asyncio.get_running_loop().create_future()
            self._asked[frame.frame_id].add(replaced)
            answer = asyncio.ensure_future(frame.evaluate(script, argument))
            try:
                await asyncio.wait((answer, replaced), return_when=asyncio.FIRST_COMPLETED)
                if answer.done():
                    return answer.result()
            finally:
                self._asked[frame.frame_id].discard(replaced)
                answer.cancel()

    def _navigated(self, event: Json) -> None:
        self._changes += 1
        for replaced in self._asked[event["frame"]["id"]]:
            if not replaced.done():
                replaced.set_result(None)

    async def mark(self, attribute: str) -> list[EmbeddedPage]:
        """Give the element of each its own value of ``attribute``; those that could not be loaded are left out."""
        marked: list[EmbeddedPage] = []
        for index, frame in enumerate((await self._all())[:_MAX_COUNT]):
            if frame.url.startswith("chrome-error:"):
                continue
            with contextlib.suppress(RenderError, TimeoutError):
                async with asyncio.timeout(_LIMIT_S):
                    await frame.set_attribute(attribute, str(index))
                marked.append(EmbeddedPage(str(index), frame))
        return marked

    async def _all(self) -> list[_Frame]:
        tree = await self._session.send("Page.getFrameTree")
        found = _inner(tree["frameTree"], self._session)
        for apart in [one for one in self._apart if one.own.is_open]:
            with contextlib.suppress(RenderError, TimeoutError):
                async with asyncio.timeout(_LIMIT_S):
                    tree = await apart.own.send("Page.getFrameTree")
                frame = tree["frameTree"]["frame"]
                found.append(_Frame(frame["id"], frame["url"], apart.around, apart.own))
                found += _inner(tree["frameTree"], apart.own)
        return found

    async def _watch(self, session: Session) -> None:
        session.on("Page.frameNavigated", self._navigated)
        session.on("Page.frameStartedLoading", lambda event: self._loading.add(event["frameId"]))
        session.on("Page.frameStoppedLoading", lambda event: self._loading.discard(event["frameId"]))
        session.on("Page.frameDetached", self._detached)
        session.on("Target.attachedToTarget", lambda event: self._attached(session, event))
        await session.send("Target.setAutoAttach", _ATTACH)

    def _detached(self, event: Json) -> None:
        # One that goes to a process of its own ("swap") is for a moment in no tree, and goes on loading there.
        if event.get("reason") != "swap":
            self._loading.discard(event["frameId"])

    def _attached(self, around: Session, event: Json) -> None:
        self._changes += 1
        own = around.named(event["sessionId"])
        if event["targetInfo"]["type"] != "iframe":
            own.tell("Runtime.runIfWaitingForDebugger")
            return
        task = asyncio.create_task(self._begin(own, around))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, own: Session, around: Session) -> None:
        with contextlib.suppress(RenderError):
            begun = asyncio.gather(self._watch(own), self._prepare(own), return_exceptions=True)
            self._apart.append(_Apart(own, around))
            await begun
            await own.send("Runtime.runIfWaitingForDebugger")


def _inner(tree: Json, session: Session) -> list[_Frame]:
    """Return the frames below the root of ``tree`` that live in its process."""
    found: list[_Frame] = []
    for child in tree.get("childFrames", ()):
        found.append(_Frame(child["frame"]["id"], child["frame"]["url"], session, None))
        found += _inner(child, session)
    return found
