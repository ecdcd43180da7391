"""``archiveworker doctor``: what is wrong on this machine, and what to type.

Looks at what a job will need: settings, data folder, Chromium, fonts, time-stamp authorities, and, with ``--moodle``
and a token, the LMS. Each check is a line; exit 0 when all hold, 1 when one does not.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from archiveworker import __version__, composition
from archiveworker.cli.submit import body_from_flags, configure_moodle
from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import Document, RenderOptions
from archiveworker.domain.errors import ArchiveWorkerError, RequestError, SettingsError, SourceError, ToolError
from archiveworker.domain.job import FinishedArchive
from archiveworker.rendering import chromium
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime import process
from archiveworker.settings import Settings

NAME = "doctor"
HELP = "Check this machine (Chromium, fonts, disk, time-stamps) and, if asked, an LMS: what is wrong, what to type."

_LOW_DISK_BYTES = 2 * 1024**3
_FONTS = (("zh", "Chinese, Japanese, Korean", "fonts-noto-cjk"), ("und-zsye", "emoji", "fonts-noto-color-emoji"))
_PAGE = "<!DOCTYPE html><html lang=en><title>doctor</title><p>archiveworker doctor: Prüfung 试卷 امتحان</p></html>"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        ok: True good, False bad, None a warning.
        about: what was looked at.
        message: what was seen, or what to type.
    """

    ok: bool | None
    about: str
    message: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    configure_moodle(parser.add_argument_group("to check a Moodle as well"))
    parser.add_argument(
        "--try-upload-mib", type=int, metavar="N", help="also upload N MiB into Moodle's draft area, to find its limits"
    )


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Look at everything; exit 0 when nothing is bad."""
    runtime_logging.configure("ERROR", as_json=False)
    return asyncio.run(_run(args, env))


async def _run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    bad = 0
    async for finding in _findings(args, env):
        mark = {True: "ok  ", False: "BAD ", None: "warn"}[finding.ok]
        sys.stdout.write(f"{mark}  {finding.about}: {finding.message}\n")
        sys.stdout.flush()
        bad += finding.ok is False
    sys.stdout.write(f"{bad} problem{'' if bad == 1 else 's'} found.\n" if bad else "Everything is in order.\n")
    return 1 if bad else 0


async def _findings(args: argparse.Namespace, env: Mapping[str, str]) -> AsyncIterator[Finding]:
    yield Finding(True, "version", f"archiveworker {__version__}, Python {sys.version.split()[0]}")
    try:
        settings, notes = Settings.from_env(env)
    except SettingsError as exc:
        yield Finding(False, "settings", str(exc))
        return
    for note in notes:
        yield Finding(None, "settings", note)
    yield _disk(settings)
    yield await _guarded("Chromium", lambda: _chromium(settings))
    yield await _guarded("rendering", lambda: _rendering(settings))
    for language, name, package in _FONTS:
        yield await _guarded("fonts", lambda wanted=(language, name, package): _font(*wanted))  # type: ignore[misc]
    yield _mathjax(settings)
    yield await _guarded("time-stamps", lambda: _timestamps(settings))
    if args.moodle:
        yield await _guarded("Moodle", lambda: _moodle(args, env, settings))


async def _guarded(about: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await check()
    except ArchiveWorkerError as exc:
        return Finding(False, about, str(exc))


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as exc:
        return Finding(False, "data folder", f"{folder} cannot be written ({exc.strerror}); set ARCHIVEWORKER_DATA_DIR")
    shown = f"{folder} has {free / 1024**3:.1f} GiB free"
    if free < _LOW_DISK_BYTES:
        return Finding(False, "data folder", f"{shown}; a job needs about twice the size of its archive")
    return Finding(True, "data folder", shown)


async def _chromium(settings: Settings) -> Finding:
    found = await composition.find_chromium(settings)
    return Finding(True, "Chromium", f"{await chromium.version(found)}, {found.path} ({found.origin})")


async def _rendering(settings: Settings) -> Finding:
    document = Document(
        html=_PAGE,
        base_url="http://doctor.invalid",
        title="doctor",
        created_at=datetime(1980, 1, 1, tzinfo=UTC),
        must_contain=("archiveworker doctor",),
    )
    with tempfile.TemporaryDirectory() as folder:
        async with composition.build_renderer(settings) as renderer:
            rendered = await renderer.render(document, RenderOptions(profile=settings.pdf_profile), Path(folder))
            size = rendered.pdf.stat().st_size
    if rendered.warnings:
        return Finding(None, "rendering", "; ".join(rendered.warnings))
    return Finding(True, "rendering", f"a test page became a PDF of {size} bytes")


async def _font(language: str, name: str, package: str) -> Finding:
    try:
        completed = await process.run(["fc-list", f":lang={language}", "family"], timeout_s=10)
    except ToolError:
        return Finding(None, "fonts", "fc-list is missing (apt install fontconfig); fonts cannot be listed")
    families = sorted({line.split(",")[0] for line in completed.stdout.decode(errors="replace").splitlines() if line})
    if not families:
        return Finding(None, "fonts", f"none for {name}; such characters become boxes: apt install {package}")
    return Finding(True, "fonts", f"{name}: {families[0]}")


def _mathjax(settings: Settings) -> Finding:
    folder = settings.mathjax_dir
    if folder is not None and (folder / "MathJax.js").is_file():
        return Finding(True, "MathJax", f"served from {folder} in place of the usual CDNs")
    return Finding(None, "MathJax", "no local copy; formulas need the internet, or: apt install libjs-mathjax")


async def _timestamps(settings: Settings) -> Finding:
    async with aiohttp.ClientSession() as session:
        timestamper = composition.build_timestamper(settings, session)
        if timestamper is None:
            return Finding(None, "time-stamps", "none; set ARCHIVEWORKER_TSA_URLS to have archives stamped (RFC 3161)")
        stamp = await timestamper.stamp(Sha256.of(b"archiveworker doctor"))
    proof = stamp.proof
    return Finding(True, "time-stamps", f"{stamp.tsa_url} ({proof.tsa_name}), trust: {proof.trust.value}")


async def _moodle(args: argparse.Namespace, env: Mapping[str, str], settings: Settings) -> Finding:
    body = body_from_flags(args, env)
    source = composition.routes_of(composition.build_sources(settings))["/quiz_archiver"]
    request = source.parse(body)
    async with source.connect(request, None) as connection:
        await connection.probe()
        if not args.try_upload_mib:
            return Finding(True, "Moodle", f"{args.moodle} answers and takes the token")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "doctor.bin"
            size = args.try_upload_mib * 1024**2
            if size < 1:
                raise RequestError("--try-upload-mib must be at least 1")
            with file.open("wb") as out:
                out.truncate(size)
            archive = FinishedArchive("archiveworker-doctor.bin", file.name, Sha256.of(b"").hex, size)
            try:
                await connection.upload(archive, file)
            except SourceError as exc:
                return Finding(
                    False, "Moodle", f"takes the token, but not an upload of {args.try_upload_mib} MiB: {exc}"
                )
    return Finding(True, "Moodle", f"{args.moodle} takes the token and an upload of {args.try_upload_mib} MiB")
