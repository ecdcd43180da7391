"""The plain way to archive attempts, to compare with: one page at a time, a fixed wait, pypdf, Ghostscript.

What an archiver does that takes every step in turn: fetch the report, load it in a browser, wait a second, print,
compress with pypdf, convert with Ghostscript, and pack everything when the last one is done. ``bench.py`` runs it as a
process of its own: each line on standard input is a batch, each line on standard output says what came of it.
"""

import asyncio
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, async_playwright
from pypdf import PdfWriter

sys.path.insert(0, str(Path(__file__).parents[2]))

from archiveworker.rendering import chromium

FIXED_WAIT_MS = 1_000
_MARGIN = {"top": "12mm", "right": "12mm", "bottom": "12mm", "left": "12mm"}


async def archive(context: BrowserContext, session: aiohttp.ClientSession, url: str, folder: Path) -> None:
    """Turn one report into an HTML file and a PDF/A."""
    async with session.get(url) as answer:
        (folder / "attempt.html").write_bytes(await answer.read())
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_timeout(FIXED_WAIT_MS)
    printed, compressed = folder / "printed.pdf", folder / "compressed.pdf"
    await page.pdf(path=printed, format="A4", print_background=True, margin=_MARGIN)
    await page.close()
    compress(printed, compressed)
    convert(compressed, folder / "attempt.pdf")
    printed.unlink()
    compressed.unlink()


def compress(source: Path, target: Path) -> None:
    """Rewrite a PDF with its streams compressed."""
    writer = PdfWriter(clone_from=source)
    for page in writer.pages:
        page.compress_content_streams()
    writer.write(target)


def convert(source: Path, target: Path) -> None:
    """Make PDF/A-3b of a PDF."""
    options = ("-dPDFA=3", "-dPDFACompatibilityPolicy=1", "-sColorConversionStrategy=RGB", "-sDEVICE=pdfwrite")
    argv = ["gs", "-q", "-dBATCH", "-dNOPAUSE", *options, f"-sOutputFile={target}", str(source)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


async def batch(browser: Browser, urls: list[str]) -> dict[str, Any]:
    """Archive some reports and pack them; returns what it took and how much came out."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "attempts"
        context = await browser.new_context()
        async with aiohttp.ClientSession() as session:
            for number, url in enumerate(urls):
                folder = root / str(number)
                folder.mkdir(parents=True)
                await archive(context, session, url, folder)
        await context.close()
        packed = Path(name) / "attempts.tar.gz"
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(root, "attempts")
        pdf_bytes = sum(path.stat().st_size for path in root.glob("*/attempt.pdf"))
        archive_bytes = packed.stat().st_size
    return {"wall_s": time.monotonic() - began_s, "pdf_bytes": pdf_bytes, "archive_bytes": archive_bytes}


async def main() -> None:
    """Work off batches until standard input ends."""
    async with async_playwright() as playwright:
        found = chromium.find(None)
        browser = await playwright.chromium.launch(executable_path=found.path)
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(await batch(browser, json.loads(line)))
        await browser.close()


def say(answer: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
