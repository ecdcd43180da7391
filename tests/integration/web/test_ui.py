"""The worker's own pages in a real Chromium: what administrators see and do, what everybody may verify, and axe."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.worker import WorkerProcess, stamps_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

AXE = Path(__file__).resolve().parents[3] / "build" / "libraries" / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "made-up-admin-token"
SECRET = "made-up-post-secret-0123456789"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(seed=7, attempts=6, workdir=tmp_path_factory.mktemp("lms"))) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    settings = {
        **stamps_of(lms),
        "ADMIN_TOKEN": TOKEN,
        "POST_SECRET": SECRET,
        "VERIFY_MAX_BYTES": str(64 * 1024**2),
    }
    async with WorkerProcess(tmp_path_factory.mktemp("worker"), settings) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def archive(lms: DemoServer, worker: WorkerProcess) -> Path:
    """Return a delivered archive; its detached time-stamp is beside it."""
    status, answer = await lms.submit(f"{worker.url}/{SECRET}", lms.request(7, itemids=_ids(lms, 2)))
    assert status == 200, answer
    async with asyncio.timeout(120):
        while (view := await _view(worker, answer["jobid"]))["state"] != "FINISHED":
            await asyncio.sleep(0.2)
    [delivery] = [d for d in lms.deliveries if d.jobid == view["id"]]
    folder = worker.folder / "downloaded"
    folder.mkdir()
    shutil.copy(delivery.path, folder / view["archive"]["name"])
    name = f"{view['archive']['name']}.tsr"
    shutil.copy(worker.data / "jobs" / view["id"] / "evidence" / name, folder / name)
    return folder / view["archive"]["name"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        await found.close()


async def _view(worker: WorkerProcess, job_id: str) -> dict[str, Any]:
    status, view, _ = await worker.request("GET", f"/jobs/{job_id}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200, view
    return dict(view)


def _ids(lms: DemoServer, count: int) -> list[int]:
    return [attempt.attemptid for attempt in lms.course.attempts][:count]


async def _axe(page: Page) -> None:
    """Fail with every violation that axe-core finds on the page."""
    if not AXE.is_file():
        pytest.skip("needs npm: tests/tools/get_libraries.sh fetches the libraries")
    # By the debugger, because the page's own policy lets no foreign script in.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("async (rules) => (await axe.run(document, rules)).violations", RULES)
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == []


async def _log_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/ui")
    await page.get_by_label("Admin token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{url}/ui")


@pytest.mark.parametrize("prefix", ["", f"/{SECRET}"])
async def test_an_administrator_logs_in_looks_and_logs_out(
    prefix: str, browser: Browser, worker: WorkerProcess, archive: Path
) -> None:
    url = worker.url + prefix
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{url}/ui")
    assert page.url == f"{url}/ui/login"
    await _log_in(page, url)
    await page.get_by_role("link", name=archive.name).click()
    await page.get_by_text("2 of 2 items").wait_for()
    text = await page.inner_text("main")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in text
    assert "Finished" in text
    assert await page.locator("tbody tr").count() == 2
    await page.get_by_text("Evidence").first.wait_for()
    await page.locator("summary").click()
    async with page.expect_navigation():
        await page.get_by_role("link", name="report.html").click()
    assert "GOOD" in await page.inner_text("main")
    await page.goto(f"{url}/ui")
    await page.get_by_role("button", name="Log out").click()
    await page.goto(f"{url}/ui")
    assert page.url == f"{url}/ui/login"
    await context.close()
    assert errors == []


async def test_a_wrong_token_and_a_forged_cookie_do_not_log_in(browser: Browser, worker: WorkerProcess) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{worker.url}/ui/login")
    await page.get_by_label("Admin token").fill("something else")
    await page.get_by_role("button", name="Log in").click()
    assert "not the admin token" in await page.inner_text("[role=alert]")
    for value in ("99999999999.00", "99999999999." + "0" * 64, "x", ".", "999"):
        await context.add_cookies([{"name": "archiveworker_session", "value": value, "url": worker.url}])
        await page.goto(f"{worker.url}/ui")
        assert page.url.endswith("/ui/login")
    await context.close()


async def test_a_page_of_another_site_can_do_nothing_with_the_session(browser: Browser, worker: WorkerProcess) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await _log_in(page, worker.url)
    cookies = {c["name"]: c for c in await context.cookies()}
    session = cookies["archiveworker_session"]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
    cookie = {"Cookie": f"archiveworker_session={session['value']}"}
    assert (await worker.request("GET", "/jobs", headers=cookie))[0] == 200
    job = "00000000-0000-0000-0000-000000000000"
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        for path in (f"/jobs/{job}/cancel", f"/ui/jobs/{job}/cancel"):
            assert (await worker.request("POST", path, headers={**cookie, **foreign}))[0] == 403, foreign
    assert (await worker.request("POST", f"/jobs/{job}/cancel", headers={**cookie, "Origin": worker.url}))[0] == 404
    await context.close()


async def test_a_running_job_is_followed_and_cancelled(
    browser: Browser, worker: WorkerProcess, lms: DemoServer
) -> None:
    lms.faults.order(Fault(FaultKind.SLOW, "quiz_archiver_generate_attempt_report", seconds=4))
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    try:
        await _log_in(page, worker.url)
        _, answer = await lms.submit(f"{worker.url}/{SECRET}", lms.request(7, itemids=_ids(lms, 6), backups=False))
        # Nobody loads the page again: its script does.
        await page.get_by_role("link", name=answer["jobid"]).wait_for(timeout=20_000)
        await page.get_by_role("link", name=answer["jobid"]).click()
        await page.get_by_text("of 6 items").wait_for(timeout=20_000)
        await _axe(page)
        await page.get_by_role("button", name="Cancel the job").click()
        await page.get_by_text("Cancelled").first.wait_for(timeout=20_000)
        lms.faults.clear()
        # The worker has erased the token: without a new one it says so, with one the job goes on.
        async with asyncio.timeout(90):
            said = "still being ended"
            while "still being ended" in said:
                await page.get_by_role("button", name="Try again").click()
                said = await page.inner_text("[role=alert]")
                await page.goto(f"{worker.url}/ui/jobs/{answer['jobid']}")
        assert "token was erased" in said
        await _axe(page)
        await page.get_by_label("New token of the LMS").fill(lms.request(7)["wstoken"])
        await page.get_by_role("button", name="Try again").click()
        await page.wait_for_url(f"{worker.url}/ui/jobs/{answer['jobid']}")
        assert (await _view(worker, answer["jobid"]))["state"] not in ("CANCELLED", "FAILED")
    finally:
        lms.faults.clear()
        await context.close()


async def test_the_pages_work_without_script(browser: Browser, worker: WorkerProcess, archive: Path) -> None:
    context = await browser.new_context(locale="de-DE", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{worker.url}/ui")
    await page.get_by_label("Admin-Token").fill(TOKEN)
    await page.get_by_role("button", name="Anmelden").click()
    await page.get_by_role("link", name=archive.name).click()
    assert "Fertig" in await page.inner_text("main")
    await page.goto(f"{worker.url}/verify")
    await page.get_by_label("Archiv", exact=True).set_input_files(archive)
    await page.get_by_label("Zeitstempel").set_input_files(f"{archive}.tsr")
    await page.get_by_role("button", name="Prüfen").click()
    assert await page.get_attribute("html", "lang") == "de"
    assert "GUT" in (await page.inner_text("main")).upper()
    await context.close()


async def test_everybody_can_verify_an_archive(
    browser: Browser, worker: WorkerProcess, archive: Path, tmp_path: Path
) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()

    async def verdict(file: Path, *stamps: Path) -> str:
        await page.goto(f"{worker.url}/verify")
        await page.get_by_label("Archive", exact=True).set_input_files(file)
        if stamps:
            await page.get_by_label("time-stamps").set_input_files(list(stamps))
        await page.get_by_role("button", name="Verify").click()
        return str(await page.inner_text("main"))

    stamp = archive.with_name(f"{archive.name}.tsr")
    good = await verdict(archive, stamp)
    assert "GOOD" in good
    assert archive.name in good
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.tar.gz"
    changed.write_bytes(data)
    assert "BAD" in await verdict(changed)
    assert "BAD" in await verdict(changed, stamp)
    text = tmp_path / "letter.zip"
    text.write_text("<script>alert(1)</script>")
    assert "BAD" in await verdict(text)
    empty = tmp_path / "empty.zip"
    empty.touch()
    assert "not empty" in await verdict(empty)
    large = tmp_path / "large.zip"
    large.write_bytes(b"\0" * (64 * 1024**2 + 1))
    assert "ARCHIVEWORKER_VERIFY_MAX_BYTES" in await verdict(large)
    assert list((worker.data / "verify").iterdir()) == [], "nothing of it stays"
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "de"])
async def test_axe_finds_nothing(
    scheme: str, lang: str, browser: Browser, worker: WorkerProcess, archive: Path
) -> None:
    context = await browser.new_context(locale="en-GB", color_scheme=scheme)
    page = await context.new_page()
    await page.goto(f"{worker.url}/ui/login?lang={lang}")
    assert await page.get_attribute("html", "lang") == lang
    await _axe(page)
    await page.locator("#token").fill(TOKEN)
    await page.locator("main button").click()
    await page.wait_for_url(f"{worker.url}/ui")
    assert await page.get_attribute("html", "lang") == lang, "the choice is remembered"
    await _axe(page)
    await page.get_by_role("link", name=archive.name).click()
    await _axe(page)
    await page.locator("summary").click()
    await _axe(page)
    await page.goto(f"{worker.url}/verify")
    await _axe(page)
    await page.goto(f"{worker.url}/docs")
    # Not all of them: axe would look at thousands of rows that are made alike.
    for name in ("post_archive_workshop", "post_retry", "get_job"):
        await page.locator(f"section[aria-labelledby={name}] details").evaluate_all(
            "(all) => { for (const one of all) one.open = true; }"
        )
    await _axe(page)
    await page.goto(f"{worker.url}/ui/jobs/00000000-0000-0000-0000-000000000000")
    assert await page.locator("[role=alert]").count() == 1
    await _axe(page)
    await page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/ui", "/docs"):
        await page.goto(f"{worker.url}{path}")
        await _axe(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= 320"), (
            f"WCAG 1.4.10: no scrolling in two directions on {path}"
        )
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def failed(lms: DemoServer, worker: WorkerProcess) -> str:
    """Return a job whose archive the LMS did not take: what it has made is still on the worker."""
    lms.faults.order(Fault(FaultKind.STORE_FAILED, "quiz_archiver_process_uploaded_artifact"))
    try:
        request = lms.request(7, itemids=_ids(lms, 3), backups=False)
        status, answer = await lms.submit(f"{worker.url}/{SECRET}", request)
        assert status == 200, answer
        async with asyncio.timeout(120):
            while (view := await _view(worker, answer["jobid"]))["state"] != "FAILED":
                await asyncio.sleep(0.2)
    finally:
        lms.faults.clear()
    assert len(view["items"]) == 3
    return str(view["id"])


SEEN = """async () => Promise.all([...document.querySelectorAll("img.thumbnail")].map(async (one) => {
    one.scrollIntoView();
    if (!one.complete || !one.naturalWidth)
        await new Promise((done) => ["load", "error"].map((end) => one.addEventListener(end, done)));
    return [one.naturalWidth, one.alt];
}))"""


async def test_first_pages_are_shown_while_the_files_are_there(
    browser: Browser, worker: WorkerProcess, failed: str
) -> None:
    folders = [item["folder"] for item in (await _view(worker, failed))["items"]]
    for lang, words, none in (("en", "First page of", "no pictures"), ("de", "Erste Seite von", "gibt es nicht")):
        context = await browser.new_context(locale="en-GB")
        page = await context.new_page()
        errors: list[str] = []
        page.on("console", lambda message, errors=errors: errors.append(message.text))  # type: ignore[misc]
        await _log_in(page, worker.url)
        await page.goto(f"{worker.url}/ui/jobs/{failed}?lang={lang}")
        assert await page.evaluate(SEEN) == [[256, f"{words} {folder}"] for folder in folders]
        assert none not in await page.inner_text("main")
        await _axe(page)
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth <= 320"), "WCAG 1.4.10"
        await _axe(page)
        assert errors == []
        await context.close()


async def test_pictures_need_no_script_and_an_administrator(
    browser: Browser, worker: WorkerProcess, failed: str
) -> None:
    context = await browser.new_context(locale="en-GB", java_script_enabled=False)
    page = await context.new_page()
    shown: list[tuple[int, str]] = []
    page.on(
        "response",
        lambda answer: (
            shown.append((answer.status, answer.headers["content-type"])) if answer.url.endswith("/thumbnail") else None
        ),
    )
    await _log_in(page, worker.url)
    await page.goto(f"{worker.url}/ui/jobs/{failed}", wait_until="networkidle")
    assert shown == [(200, "image/webp")] * 3
    address = await page.locator("img.thumbnail").first.get_attribute("src")
    await context.clear_cookies()
    # Not from the browser's cache either.
    answer = await page.goto(f"{worker.url}/{str(address).removeprefix('../../')}")
    assert answer is not None
    assert answer.status == 403
    await context.close()


async def test_when_the_files_are_gone_nothing_is_broken(browser: Browser, worker: WorkerProcess, failed: str) -> None:
    context = await browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 120})
    page = await context.new_page()
    await _log_in(page, worker.url)
    asked = asyncio.Event()

    async def late(route: Route) -> None:
        """The files go between the page and its pictures."""
        shutil.rmtree(worker.data / "jobs" / failed / "items", ignore_errors=True)
        asked.set()
        await route.continue_()

    await context.route("**/thumbnail", late)
    await page.goto(f"{worker.url}/ui/jobs/{failed}")
    assert [width for width, _ in await page.evaluate(SEEN)] == [256, 256, 256], "an empty page, no broken picture"
    assert asked.is_set()
    await page.reload()
    assert await page.locator("img").count() == 0
    assert "There are no pictures of pages" in await page.inner_text("main")
    await _axe(page)
    await context.close()
