"""Takes the pictures of the worker's own pages for the docs; ``write_pictures`` runs it.

A worker and the demo LMS run for it; the pages are those of two real jobs, one of which the LMS did not take.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.worker import WorkerProcess, stamps_of

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
NAMES = ("ui-jobs", "ui-job", "ui-failed", "ui-verify", "ui-verdict", "ui-docs")
SIZE = {"width": 1100, "height": 720}


async def main() -> None:
    """Run two jobs and look at them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with DemoServer(DemoOptions(seed=7, attempts=8, workdir=folder / "lms")) as lms:
            settings = stamps_of(lms)
            async with WorkerProcess(folder, settings) as worker:
                _, answer = await lms.submit(worker.url, lms.request(7))
                await worker.ended(answer["jobid"])
                lms.faults.order(Fault(FaultKind.STORE_FAILED, "quiz_archiver_process_uploaded_artifact"))
                some = [attempt.attemptid for attempt in lms.course.attempts][:3]
                _, failed = await lms.submit(worker.url, lms.request(7, itemids=some, backups=False))
                await worker.ended(failed["jobid"])
                await _look(worker, answer["jobid"], failed["jobid"], lms.deliveries[0].path)


async def _look(worker: WorkerProcess, job_id: str, failed_id: str, archive: Path) -> None:
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await browser.new_page(viewport=SIZE, locale="en-GB", device_scale_factor=1)
        await page.goto(f"{worker.url}/ui")
        await page.screenshot(path=IMAGES / "ui-jobs.png")
        await page.goto(f"{worker.url}/ui/jobs/{job_id}")
        await page.screenshot(path=IMAGES / "ui-job.png", full_page=True)
        await page.goto(f"{worker.url}/ui/jobs/{failed_id}", wait_until="networkidle")
        await page.screenshot(path=IMAGES / "ui-failed.png", full_page=True)
        await page.goto(f"{worker.url}/docs#post_retry")
        await page.screenshot(path=IMAGES / "ui-docs.png")
        await page.goto(f"{worker.url}/verify")
        await page.screenshot(path=IMAGES / "ui-verify.png")
        await page.locator("#archive").set_input_files(archive)
        evidence = worker.data / "jobs" / job_id / "evidence"
        await page.locator("#stamps").set_input_files(next(evidence.glob("*.tar.gz.tsr")))
        await page.get_by_role("button", name="Verify").click()
        await page.screenshot(path=IMAGES / "ui-verdict.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
