"""One browser process of ours: started with nothing of our environment, spoken with over a pipe, ended with its tree.

Which pages it shows, and what is kept between them, is not known here (``contexts``, ``pool``).
"""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from archiveworker.domain.errors import BrowserGoneError, RenderError, ToolError
from archiveworker.rendering.cdp import Connection, Json, Session
from archiveworker.rendering.sandbox import Sandbox
from archiveworker.runtime import child
from archiveworker.runtime.child import Child

_LAUNCH_LIMIT_S = 30.0
_CLOSE_LIMIT_S = 5.0
_COMPLAINT_CHARACTERS = 300
# Where Chromium reads commands, and where it writes answers (``--remote-debugging-pipe``).
_PIPE = (3, 4)
_DISCOVER_PAGES = {"discover": True, "filter": [{"type": "page"}]}


class Browser:
    """A browser that runs. Made by ``Browser.launch``.

    Attributes:
        session: of the browser as a whole.
    """

    def __init__(self, process: Child, connection: Connection, folder: Path) -> None:
        self.session: Session = connection.browser
        self._process = process
        self._connection = connection
        self._folder = folder

    @classmethod
    async def launch(cls, program: Path, arguments: Sequence[str], home: Path, sandbox: Sandbox) -> Self:
        """Start a browser and wait until it answers.

        Args:
            program: Chromium.
            arguments: see ``chromium.arguments``.
            home: a folder for all that it writes.
            sandbox: as whom it runs.

        Raises:
            BrowserGoneError: it did not start.
        """
        folder = Path(await asyncio.to_thread(mkdtemp, dir=home))
        sandbox.hand_over(folder)
        complaints = folder / "stderr.log"
        # Our own environment holds keys and passwords; the browser gets none of it.
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
        argv = [
            *sandbox.prefix,
            str(program),
            *arguments,
            f"--user-data-dir={folder / 'profile'}",
            "--remote-debugging-pipe",
        ]
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = child.start(argv, files=dict.fromkeys(_PIPE, theirs.fileno()), stderr=complaints, env=env)
        except ToolError as exc:
            ours.close()
            raise BrowserGoneError(f"{program} could not be started ({exc})") from exc
        finally:
            theirs.close()
        browser = cls(process, await Connection.open(ours), folder)
        try:
            async with asyncio.timeout(_LAUNCH_LIMIT_S):
                # None is opened (``--block-new-web-contents``); one that is all the same does not stay.
                browser.session.on("Target.targetCreated", browser.close_popup)
                await browser.session.send(
                    "Target.setDiscoverTargets", {"discover": True, "filter": [{"type": "page"}]}
                )
        except (RenderError, TimeoutError) as exc:
            said = await asyncio.to_thread(_beginning_of, complaints)
            await browser.close()
            raise BrowserGoneError(
                f"{program} could not be started ({said or 'it said nothing'}); 'archiveworker doctor' says more"
            ) from exc
        except BaseException:
            await browser.close()
            raise
        return browser

    @property
    def is_connected(self) -> bool:
        """False when its process is gone."""
        return self.session.is_open

    async def attach(self, target_id: str) -> Session:
        """Return a session of a tab.

        Raises:
            RenderError: there is no such tab.
        """
        answer = await self.session.send("Target.attachToTarget", {"targetId": target_id, "flatten": True})
        return self.session.named(answer["sessionId"])

    def close_popup(self, event: Json) -> None:
        """Close a tab that was just opened, if a page opened it."""
        if event["targetInfo"].get("openerId"):
            self.session.tell("Target.closeTarget", {"targetId": event["targetInfo"]["targetId"]})

    async def close(self) -> None:
        """End it, kindly at first, with every process of its tree; remove what it wrote."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    if self.is_connected:
                        self.session.tell("Browser.close")
                    await self.session.wait_until_ended()
        finally:
            self._connection.close()
            await self._process.kill()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _beginning_of(complaints: Path) -> str:
    with contextlib.suppress(OSError):
        return complaints.read_text(errors="replace").strip().partition("\n")[0][:_COMPLAINT_CHARACTERS]
    return ""
