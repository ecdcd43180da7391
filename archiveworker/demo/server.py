"""Both demo servers at once, on loopback, with a folder of their own: ``async with DemoServer() as demo: ...``."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from archiveworker.demo import plugin
from archiveworker.demo.authority import Authority
from archiveworker.demo.course import Course, generate_course
from archiveworker.demo.edx_api import Edx
from archiveworker.demo.faults import Fault, FaultBook
from archiveworker.demo.journal import Journal
from archiveworker.demo.lms import make_app
from archiveworker.demo.state import Delivery, LmsOptions, LmsState
from archiveworker.demo.tsa import DemoTsa, TsaFault
from archiveworker.demo.tsa_server import RunningTsa, TsaOptions, listen, origin, running_tsa

_SHUTDOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to start.

    Attributes:
        seed: of the course.
        attempts: how many.
        host: to listen on; the demo trusts everybody, so loopback.
        port: of the LMS, 0 for any.
        tsa_port: of the TSA, 0 for any.
        public_url: origin under which others reach the LMS, when it is not ``http://host:port``.
        tsa: what the TSA does beside stamping; host, port and faults are those of here.
        workdir: kept afterwards; None makes a temporary one and removes it.
    """

    seed: int = 1
    attempts: int = 12
    host: str = "127.0.0.1"
    port: int = 0
    tsa_port: int = 0
    public_url: str | None = None
    lms: LmsOptions = field(default_factory=LmsOptions)
    faults: Sequence[Fault] = ()
    tsa_faults: Sequence[TsaFault] = ()
    tsa: TsaOptions = field(default_factory=TsaOptions)
    workdir: Path | None = None


class DemoServer:
    """The demo LMS and the demo TSA, running between ``__aenter__`` and ``__aexit__``.

    Args:
        options: what to start.

    Raises:
        OSError: a port is taken.
    """

    def __init__(self, options: DemoOptions | None = None) -> None:
        self.options = options or DemoOptions()
        self._temporary = self.options.workdir is None
        self.workdir = self.options.workdir or Path(tempfile.mkdtemp(prefix="archiveworker-demo-"))
        course = generate_course(seed=self.options.seed, attempt_count=self.options.attempts)
        faults = FaultBook(self.options.faults)
        self.state = LmsState(course=course, workdir=self.workdir, options=self.options.lms, faults=faults)
        self.edx = Edx()
        self._stack = AsyncExitStack()
        self._tsa: RunningTsa | None = None

    @property
    def base_url(self) -> str:
        """Origin of the LMS."""
        return self.state.base_url

    @property
    def course(self) -> Course:
        """What there is to archive."""
        return self.state.course

    @property
    def journal(self) -> Journal:
        """What was asked."""
        return self.state.journal

    @property
    def faults(self) -> FaultBook:
        """What goes wrong; order more at any time."""
        return self.state.faults

    @property
    def deliveries(self) -> list[Delivery]:
        """Archives that were accepted, in order."""
        return self.state.deliveries

    @property
    def tsa(self) -> DemoTsa:
        """The time-stamp authority.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._tsa is None:
            raise RuntimeError("the demo server does not run; use it in `async with`")
        return self._tsa.tsa

    @property
    def tsa_url(self) -> str:
        """Where the time-stamp authority is; empty when the server does not run."""
        return "" if self._tsa is None else self._tsa.url

    @property
    def authority(self) -> Authority:
        """The TSA's certificates, as files."""
        return self.tsa.authority

    async def __aenter__(self) -> Self:
        options = self.options
        lms_socket = listen(options.host, options.port)
        self.state.base_url = (options.public_url or origin(lms_socket)).rstrip("/")
        tsa = replace(options.tsa, host=options.host, port=options.tsa_port, faults=options.tsa_faults)
        self._tsa = await self._stack.enter_async_context(running_tsa(self.workdir, tsa))
        runner = web.AppRunner(make_app(self.state, self.edx), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        self._stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.SockSite(runner, lms_socket).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        if self._temporary:
            shutil.rmtree(self.workdir, ignore_errors=True)

    def request(self, api_version: int | str = 7, **form: Any) -> dict[str, Any]:
        """Return the archive request that a plugin would post, with a new token.

        Args:
            api_version: see ``plugin.plugin_for``.
            form: fields of ``plugin.JobOptions``.
        """
        which = plugin.plugin_for(api_version)
        options = plugin.JobOptions(**{"taskid": self.state.next_number(), **form})
        token = self.state.create_token(which)
        return plugin.build_request(self.base_url, self.course, plugin=which, token=token, options=options)

    async def submit(self, worker_url: str, request: dict[str, Any]) -> tuple[int, Any]:
        """Post ``request`` to the worker as the plugin does; see ``plugin.submit``."""
        return await plugin.submit(self.state, worker_url, request)
