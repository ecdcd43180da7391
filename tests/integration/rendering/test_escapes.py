"""Pages that try to reach something else than their LMS: a canary beside it hears TCP and UDP, and must hear nothing.

Not only what arrives counts: Chromium's own log of the network says which addresses it opened sockets to, and which
names it wanted to look up. What a page leaves behind for the next one is tried in ``test_hostile``. In ``make test``
all attempts of a kind are in one page; with ``--soak`` each has its own.
"""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import async_playwright

from archiveworker.domain.document import RenderedDocument, RenderOptions
from archiveworker.domain.errors import RenderError
from archiveworker.rendering import chromium
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, page, running_lms, running_renderer, text_of
from tests.integration.rendering.escapes import COUNT, DISGUISES, SCRIPTS, SERVICES, aimed, batches, script

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

_REAL_MIN_COUNT = 100
_REAL = {
    "markup": {"img", "redirected-img", "script", "iframe", "csp-header"},
    "links and styles": {"link-preload-font", "import", "background"},
    "scripts": {"fetch", "beacon", "ws", "worker-blob"},
}
"""Attempts that every Chromium of the last years lets through when nobody stops it, by page."""


@dataclass
class Canary:
    """Listens on one port of 127.0.0.1 and ::1, TCP and UDP; remembers the first words of each visit."""

    port: int = 0
    heard: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append("a connection without words")
        place = len(self.heard) - 1
        with contextlib.suppress(OSError):
            self.heard[place] = (await reader.read(4096)).split(b"\r\n")[0].decode("latin-1")
            self.changed.set()
            writer.write(
                b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        writer.close()

    @property
    def names(self) -> set[str]:
        """The attempts that got through, by name."""
        return {match[1] for one in self.heard if (match := re.match(r"[A-Z]+ /([^ ?#]*)", one))}

    async def wait_for(self, names: set[str], limit_s: float) -> None:
        """Return when all of ``names`` were heard, or after the limit."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not names <= self.names:
                    self.changed.clear()
                    await self.changed.wait()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, canary: Canary) -> None:
        self._canary = canary

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._canary.heard.append(f"a datagram of {len(data)} bytes")


@pytest_asyncio.fixture(loop_scope="module")
async def canary() -> AsyncIterator[Canary]:
    bird, loop = Canary(), asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(await asyncio.start_server(bird.on_connection, "127.0.0.1", 0))
        bird.port = first.sockets[0].getsockname()[1]
        await stack.enter_async_context(await asyncio.start_server(bird.on_connection, "::1", bird.port))
        for host in ("127.0.0.1", "::1"):
            transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(bird), (host, bird.port))
            stack.callback(transport.close)
        yield bird


@pytest_asyncio.fixture(loop_scope="module")
async def lms(canary: Canary) -> AsyncIterator[Lms]:
    """An LMS that helps the attacker: redirects, headers that report, documents that embed."""
    async with running_lms() as server:
        away = f"http://127.0.0.1:{canary.port}"

        async def redirect(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{away}/{request.path.rpartition('/')[2]}")

        for name in ("frame", "img", "script", "style", "fetch"):
            server.routes[f"/redirect/redirected-{name}"] = redirect
        server.routes["/redirect/ws-page-origin"] = redirect
        server.serve(
            "/framed-headers",
            "<p>framed<img src=/x>",
            **{
                "Content-Security-Policy": f"img-src 'none'; report-uri {away}/csp-header",
                "Content-Security-Policy-Report-Only": "default-src 'none'; report-to away",
                "Reporting-Endpoints": f'away="{away}/reporting"',
                "Report-To": json.dumps({"group": "away", "max_age": 9, "endpoints": [{"url": f"{away}/report-to"}]}),
                "NEL": '{"report_to": "away", "max_age": 9, "success_fraction": 1}',
                "Link": f"<{away}/link-header>; rel=preload; as=image, <{away}/link-next>; rel=prefetch",
                "Alt-Svc": f'h3=":{canary.port}"; ma=9, h2=":{canary.port}"',
                "SourceMap": f"{away}/source-map",
                "Speculation-Rules": f'"{away}/speculation-header"',
            },
        )
        server.serve("/refreshing", "<p>refreshing", Refresh=f"0;url={away}/refresh-header")
        server.serve("/worker.js", f"importScripts('{away}/service-worker')", "text/javascript")
        styled = f"<?xml-stylesheet type='text/css' href='{away}/xml-style'?><a><b>styled</b></a>"
        server.serve("/styled.xml", styled, "application/xml")
        entity = f"<!DOCTYPE svg [<!ENTITY x SYSTEM '{away}/entity'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
        entity += "<svg xmlns='http://www.w3.org/2000/svg'><text y='9'>&x;&f;</text></svg>"
        server.serve("/entity.svg", entity, "image/svg+xml")
        yield server


def _event(line: str) -> dict[str, Any] | None:
    """Read one event of Chromium's log, an event a line; a browser that was ended did not finish its last one."""
    with contextlib.suppress(ValueError):
        found = json.loads(line.rstrip(",").removesuffix("]"))
        return found if isinstance(found, dict) and "type" in found else None
    return None


class LoggedBrowser:
    """A renderer whose Chromium writes down what it does with the network, a file for each process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "chromium"
        found = chromium.find(None).path
        self.program.write_text(f'#!/bin/sh\nexec "{found}" "$@" --log-net-log="{folder}/net-$$.json"\n')
        self.program.chmod(0o755)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ChromiumRenderer]:
        config = RendererConfig(self.program, browser_count=1, ready_limit_s=15, render_limit_s=60, stuck_s=0.8)
        async with running_renderer(config) as renderer:
            yield renderer

    def targets(self) -> tuple[set[str], set[str]]:
        """Return the addresses to which sockets were opened, and the names that were looked up."""
        addresses, names = set(), set()
        for log in self.folder.glob("net-*.json"):
            head, *lines = log.read_text().splitlines()
            types = json.loads(head.rstrip(",") + "}")["constants"]["logEventTypes"]
            kinds = {number: name for name, number in types.items()}
            for event in filter(None, map(_event, lines)):
                kind, given = kinds[event["type"]], event.get("params", {})
                if kind == "TCP_CONNECT_ATTEMPT" and "address" in given:
                    addresses.add(given["address"])
                # A UDP socket that is connected and sends nothing only asks the system whether there is IPv6.
                if kind == "UDP_BYTES_SENT":
                    addresses.add("UDP")
                if kind == "HOST_RESOLVER_MANAGER_JOB" and "host" in given:
                    names.add(given["host"])
        return addresses, names


async def attempt(renderer: ChromiumRenderer, html: str, lms: Lms, folder: Path) -> RenderedDocument:
    folder.mkdir()
    return await renderer.render(page(html, lms.base_url), RenderOptions(), folder)


def alone(attempts: dict[str, str]) -> dict[str, str]:
    return {name: f"<p>the attempt itself</p>{script({name: body})}" for name, body in attempts.items()}


async def test_nothing_gets_out(
    canary: Canary, lms: Lms, tmp_path: Path, public_folder: Path, request: pytest.FixtureRequest
) -> None:
    pages = batches()
    if request.config.getoption("--soak"):
        pages |= alone({**SCRIPTS, **DISGUISES})
    assert COUNT >= 60
    browser, shown, warnings = LoggedBrowser(public_folder), [], []
    async with browser.running() as renderer:
        while pages:
            name, html = pages.popitem()
            try:
                result = await attempt(renderer, aimed(html, canary.port), lms, tmp_path / name.replace(" ", "-"))
            except RenderError:
                # It ended its page, which is its own loss, but that of the others in it, too: once more, one by one.
                assert name == "services" or name in SERVICES or name.startswith("away"), name
                pages |= alone(SERVICES) if name == "services" else {}
            else:
                shown.append(await text_of(result.pdf))
                warnings += result.warnings
            assert canary.heard == [], f"{name}: {canary.heard}"
    assert not any("root:" in text for text in shown)
    # The gateway was asked and said no: these attempts are not just broken.
    for name in ("img", "redirected-img", "fetch", "import", "disguise-0"):
        assert any(re.search(rf"/{name}: the host is not one of the allowed", one) for one in warnings), name
    addresses, names = browser.targets()
    # Chromium spoke with its proxy; with nobody else, by no protocol, and it asked for no name.
    assert addresses
    assert {one.rpartition(":")[0] for one in addresses} == {"127.0.0.1"}
    assert f"127.0.0.1:{canary.port}" not in addresses
    assert {one.rpartition("//")[2].rpartition(":")[0] or one for one in names} <= {"127.0.0.1"}


async def test_the_attempts_are_real(canary: Canary, lms: Lms) -> None:
    """A Chromium without the gateway lets them through: the canary hears, and what it hears is what is tried."""
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=str(chromium.find(None).path), args=arguments)
        for name, html in batches().items():
            lms.serve("/page", f"<!DOCTYPE html><html><body>{aimed(html, canary.port)}</body></html>")
            tab = await browser.new_page()
            with contextlib.suppress(PlaywrightError):
                await tab.goto(f"{lms.base_url}/page", wait_until="domcontentloaded", timeout=5000)
                await tab.wait_for_load_state("load", timeout=2000)
            await canary.wait_for(_REAL.get(name, set()), 10)
            await tab.close()
        await browser.close()
    assert len(canary.names) >= _REAL_MIN_COUNT, sorted(canary.names)
    assert any("datagram" in one for one in canary.heard)
    for expected in _REAL.values():
        assert expected <= canary.names
