"""What a page, or a machine, may do to the browser: it costs one page its time limit at most."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from archiveworker.domain.document import RenderOptions
from archiveworker.domain.errors import BrowserGoneError, RenderError, RenderTimeoutError, ToolError
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, Render, page, running_renderer, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]


def descendants(root: int) -> dict[int, list[str]]:
    """Command lines of the processes that this test's process started, by id."""
    parents: dict[int, int] = {}
    commands: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            commands[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if stat[0] != "Z":
            parents[int(entry.name)] = int(stat[1])

    def is_ours(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == root:
                return True
        return False

    return {pid: commands[pid] for pid in parents if is_ours(pid)}


def living() -> set[int]:
    """Ids of all processes that have not ended."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(int(entry.name))
    return found


def browsers() -> list[int]:
    """Ids of our own browsers' main processes."""
    return [
        pid
        for pid, command in descendants(os.getpid()).items()
        if any("--remote-debugging-pipe" in part for part in command)
        and not any("--type=" in part for part in command)
        and not command[0].endswith("/sh")
    ]


def renderers() -> list[int]:
    """Ids of the processes in which our own browsers' pages live."""
    return [
        pid for pid, command in descendants(os.getpid()).items() if any("--type=renderer" in part for part in command)
    ]


async def test_an_endless_loop_costs_one_page_its_limit(render: Render) -> None:
    config = RendererConfig(browser_count=1, ready_limit_s=1.0)
    async with running_renderer(config) as own:
        with pytest.raises(RenderTimeoutError, match="hangs"):
            await render("<p>x</p><script>addEventListener('load', () => { for (;;); })</script>", by=own)
        assert "after it" in await text_of((await render("<p>after it</p>", by=own)).pdf)


async def test_a_loop_while_the_page_loads_is_ended_too(render: Render) -> None:
    config = RendererConfig(browser_count=1, ready_limit_s=1.0, render_limit_s=5.0)
    async with running_renderer(config) as own:
        with pytest.raises(RenderTimeoutError, match=r"hangs|not rendered in"):
            await render("<p>x</p><script>for (;;);</script>", by=own)
        await render("<p>after it</p>", by=own, must_contain=("after it",))


async def test_a_page_that_never_rests_is_printed_with_a_warning(render: Render) -> None:
    config = RendererConfig(browser_count=1, ready_limit_s=1.0)
    html = "<p id=p>x</p><script>setInterval(() => { document.getElementById('p').textContent += '.' }, 5)</script>"
    async with running_renderer(config) as own:
        result = await render(html, by=own)
    assert any("keeps changing" in warning for warning in result.warnings)


async def test_an_endless_stream_of_requests_is_cut_off(lms: Lms, render: Render) -> None:
    config = RendererConfig(browser_count=1, ready_limit_s=2.0, gateway=GatewayConfig(max_request_count=50))
    html = "<p>x</p><script>let n = 0; const go = () => fetch('/n' + n++).then(go, go); go();</script>"
    async with running_renderer(config) as own:
        result = await render(html, by=own)
    assert any("more requests than allowed" in warning for warning in result.warnings)
    assert 40 <= len(lms.requests) <= 50


async def test_too_large_answers_are_refused(lms: Lms, render: Render) -> None:
    lms.serve("/big.css", "p { color: red }" + " " * 5_000, "text/css")
    config = RendererConfig(browser_count=1, gateway=GatewayConfig(max_response_bytes=1_000))
    async with running_renderer(config) as own:
        result = await render("<link rel=stylesheet href='/big.css'><p>x</p>", by=own)
    assert any("/big.css: larger than 1000 bytes" in warning for warning in result.warnings)


@pytest.mark.parametrize("victim", [browsers, renderers])
async def test_a_killed_process_costs_what_it_was_rendering(lms: Lms, render: Render, victim: object) -> None:
    begun = asyncio.Event()

    async def hold(_request: object) -> object:
        begun.set()
        await asyncio.Event().wait()

    lms.routes["/hold.png"] = hold
    config = RendererConfig(browser_count=1)
    async with running_renderer(config) as own:
        task = asyncio.create_task(render("<p>x</p><img src='/hold.png'>", by=own))
        await begun.wait()
        assert callable(victim)
        for pid in victim():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(BrowserGoneError, match="the browser"):
            await asyncio.wait_for(task, 10)
        assert "after it" in await text_of((await render("<p>after it</p>", by=own)).pdf)


async def test_nothing_is_left_after_stop(lms: Lms, tmp_path: Path) -> None:
    before = set(descendants(os.getpid()))
    async with running_renderer(RendererConfig(browser_count=2)) as own:

        async def one(index: int) -> None:
            folder = tmp_path / str(index)
            folder.mkdir()
            await own.render(page("<p>x</p>", lms.base_url), RenderOptions(), folder)

        await asyncio.gather(one(0), one(1))
        assert len(browsers()) >= 2
    async with asyncio.timeout(5):
        while set(descendants(os.getpid())) - before:
            await asyncio.sleep(0.05)


KEEPS_A_BROWSER = """
import asyncio, sys
from pathlib import Path
from archiveworker.rendering import chromium
from archiveworker.rendering.browser import Browser
from archiveworker.rendering.sandbox import Sandbox

async def main():
    arguments = chromium.arguments("", sandbox=False)
    program = chromium.find(None).path
    browser = await Browser.launch(program, arguments, Path(sys.argv[1]), Sandbox(is_on=False))
    print("it runs", flush=True)
    await browser.session.wait_until_ended()

asyncio.run(main())
"""


async def test_a_browser_whose_worker_is_killed_ends_by_itself(tmp_path: Path) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KEEPS_A_BROWSER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 30) == b"it runs\n"
    tree = set(descendants(worker.pid))
    assert len(tree) >= 2
    worker.kill()
    await worker.wait()
    async with asyncio.timeout(10):
        while tree & living():
            await asyncio.sleep(0.05)


async def test_a_cancelled_page_leaves_its_place_to_the_next(lms: Lms, render: Render) -> None:
    begun = asyncio.Event()

    async def hold(_request: object) -> object:
        begun.set()
        await asyncio.Event().wait()

    lms.routes["/hold.png"] = hold
    async with running_renderer(RendererConfig(browser_count=1)) as own:
        task = asyncio.create_task(render("<p>x</p><img src='/hold.png'>", by=own))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await render("<p>after it</p>", by=own, must_contain=("after it",))


async def test_a_browser_that_is_none_is_an_error_that_says_so(tmp_path: Path) -> None:
    renderer = ChromiumRenderer(RendererConfig(chromium=tmp_path / "none"))
    with pytest.raises(ToolError, match="ARCHIVEWORKER_CHROMIUM"):
        await renderer.start()


async def test_a_browser_that_does_not_start_is_an_error_that_says_so(lms: Lms, render: Render) -> None:
    async with running_renderer(RendererConfig(chromium=Path("/bin/false"), browser_count=1)) as own:
        with pytest.raises(BrowserGoneError, match="/bin/false could not be started"):
            await render("<p>x</p>", by=own)


async def test_an_address_that_is_none_is_an_error(render: Render, tmp_path: Path) -> None:
    async with running_renderer(RendererConfig(browser_count=1)) as own:
        with pytest.raises(RenderError, match="base address"):
            await own.render(page("<p>x</p>", "ftp://x"), RenderOptions(), tmp_path)
