"""A report page in a real browser: it gets ready, it is complete, and it tries to leave for the login page."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from archiveworker.demo import assets
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture
async def demo() -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(lms=LmsOptions(row_delay_s=0.0))) as server:
        yield server


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


async def test_the_page_gets_ready_and_is_complete(demo: DemoServer, page: Page) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    await page.goto(f"{demo.base_url}/demo/report/33?login_trap=0")
    await page.wait_for_function("M.util.pending_js.length === 0 && M.util.complete_js.length > 5", timeout=15_000)
    broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)"
    assert await page.evaluate(broken) == []
    assert await page.locator(".ddarea [data-x]:visible").count() == 5
    assert await page.evaluate("document.fonts.ready.then(() => document.fonts.check('15px \"Demo Sans\"'))")
    assert problems == []


@pytest.mark.skipif(not assets.MATHJAX_DIR.is_dir(), reason="libjs-mathjax is not installed")
async def test_mathjax_draws_the_formulas(demo: DemoServer, page: Page) -> None:
    await page.goto(f"{demo.base_url}/demo/report/33?login_trap=0")
    await page.wait_for_function("M.util.pending_js.length === 0 && M.util.complete_js.length > 5", timeout=15_000)
    await page.evaluate("new Promise(done => MathJax.Hub.Queue(() => done()))")
    assert await page.locator(".MathJax").count() >= 10
    assert "\\frac" not in await page.inner_text("#region-main")


async def test_moodles_script_leaves_for_the_login_page(demo: DemoServer, page: Page) -> None:
    await page.goto(f"{demo.base_url}/demo/report/33", wait_until="commit")
    await page.wait_for_url("**/login/index.php", timeout=15_000)
    assert await page.locator("form#login input[type=password]").count() == 1


async def test_blocked_from_the_login_page_the_report_stays(demo: DemoServer, page: Page) -> None:
    # 204 is the answer after which a browser stays where it is.
    await page.route("**/login/**", lambda route: route.fulfill(status=204))
    await page.goto(f"{demo.base_url}/demo/report/33")
    await page.wait_for_function("M.util.pending_js.length === 0 && M.util.complete_js.length > 5", timeout=15_000)
    assert page.url.endswith("/demo/report/33")
    assert await page.locator(".que").count() == 18
