"""Chromium locks its processes in: here, and in a box under our filter of system calls, which allows what it must."""

import copy
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web

from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.sandbox import NOBODY_ID, Sandbox
from archiveworker.runtime.process import Completed
from tests.fakes import box, seccomp
from tests.fakes.box import Box
from tests.fakes.locked import Lock, renderers
from tests.integration.rendering.conftest import Lms, Render, running_renderer
from tests.tools.write_seccomp_profile import ADDED, TARGET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

PROFILE: Final[dict[str, Any]] = json.loads(TARGET.read_text(encoding="utf-8"))
PAGE: Final = "<!DOCTYPE html><html lang=en><title>A page</title><p>A page</p></html>"


def without(*calls: str) -> bytes:
    """Return our filter without some of the calls that it allows in addition to Docker's."""
    profile = copy.deepcopy(PROFILE)
    profile["syscalls"][-1]["names"] = [name for name in ADDED["names"] if name not in calls]
    return seccomp.compiled(profile)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walled() -> AsyncIterator[Box]:
    async with box.open_box() as made:
        (made.data / "page.html").write_text(PAGE)
        yield made


async def rendered(walled: Box, program: bytes) -> Completed:
    argv = [sys.executable, "-m", "archiveworker", "render", str(box.DATA / "page.html"), "--out", str(box.DATA)]
    (walled.data / "page.pdf").unlink(missing_ok=True)
    return await walled.run(argv, program, limit_s=300)


async def locks_while_rendering(lms: Lms, render: Render, *, sandbox: bool) -> list[Lock]:
    """Return how the processes are locked in that parse a page, seen while they do."""
    seen: list[Lock] = []

    async def look(_request: web.Request) -> web.Response:
        seen.extend(renderers(os.getpid()).values())
        return web.Response(status=404)

    lms.routes["/picture.png"] = look
    async with running_renderer(RendererConfig(browser_count=1, sandbox=sandbox)) as own:
        await render(f"<p>x</p><img src='{lms.base_url}/picture.png'>", by=own)
    return seen


async def test_what_parses_a_page_is_locked_in(lms: Lms, render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    assert await Sandbox.chosen(wanted=True).is_possible(), "found out by trying"
    ours = Lock.of("self")
    locks = await locks_while_rendering(lms, render, sandbox=True)
    assert locks
    for lock in locks:
        assert lock.namespace_depth > ours.namespace_depth
        assert lock.filters > ours.filters
        assert lock.is_bound
        assert lock.capabilities == 0
        assert lock.user_id == (NOBODY_ID if os.geteuid() == 0 else os.geteuid())


async def test_off_means_off(lms: Lms, render: Render) -> None:
    """Also shows that the test above can fail."""
    ours = Lock.of("self")
    locks = await locks_while_rendering(lms, render, sandbox=False)
    assert locks
    assert all(lock.namespace_depth == ours.namespace_depth and lock.filters == ours.filters for lock in locks)


async def test_chromium_starts_under_our_filter(walled: Box) -> None:
    done = await rendered(walled, without())
    assert done.returncode == 0, done.stderr.decode()
    assert (walled.data / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("call", ADDED["names"])
async def test_each_call_that_it_adds_is_needed(walled: Box, call: str) -> None:
    done = await rendered(walled, without(call))
    assert done.returncode != 0
    assert not (walled.data / "page.pdf").exists()


async def test_under_dockers_own_filter_the_error_says_what_to_do(walled: Box) -> None:
    done = await rendered(walled, without(*ADDED["names"]))
    said = done.stderr.decode()
    assert done.returncode == 69, said
    assert "--security-opt seccomp=docker/seccomp.json" in said
    assert "ARCHIVEWORKER_CHROMIUM_SANDBOX=off" in said
