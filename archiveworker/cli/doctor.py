"""``archiveworker doctor``: what is wrong on this machine, and what to type.

Looks at what a job will need: settings, data folder, Chromium, fonts, time-stamp authorities, places for archives, and,
with ``--moodle`` and a token, the LMS. Each check is a line; exit 0 when all hold, 1 when one does not.
"""

import argparse
import asyncio
import errno
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from archiveworker import __version__, composition, connectors, printing, timestamping
from archiveworker.cli.submit_forms import configure_moodle, quiz_body
from archiveworker.client import WorkerClient, WorkerError
from archiveworker.domain.checkup import Line
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Digest, Sha256
from archiveworker.domain.document import Document, RenderOptions
from archiveworker.domain.errors import ArchiveWorkerError, RequestError, SettingsError, SourceError, ToolError
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.job import FinishedArchive
from archiveworker.domain.ports import DeliveryTarget
from archiveworker.domain.revocation import RevocationState
from archiveworker.rendering import chromium
from archiveworker.reports.index import human_size
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime import process
from archiveworker.runtime.object_store_url import open_store, parse_store_url
from archiveworker.runtime.sealed import parse_keys
from archiveworker.settings import Settings
from archiveworker.storage import KEY_FILE

_SUBMIT_TOKEN = "ARCHIVEWORKER_SUBMIT_TOKEN"  # noqa: S105 - the name of a variable
_LOW_DISK_BYTES = 2 * 1024**3
_FONTS = (("zh", "Chinese, Japanese, Korean", "fonts-noto-cjk"), ("und-zsye", "emoji", "fonts-noto-color-emoji"))
_PAGE = "<!DOCTYPE html><html lang=en><title>doctor</title><p>archiveworker doctor: Prüfung 试卷 امتحان</p></html>"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = "Exit status: 0 nothing is bad, 1 something is."
    group = parser.add_argument_group("to check a Moodle as well (--moodle and a token are enough)")
    configure_moodle(group)
    group.add_argument(
        "--try-upload-mib", type=int, metavar="N", help="also upload N MiB into Moodle's draft area, to find its limits"
    )
    # Only what a job needs and a look at Moodle does not: nothing is asked for these numbers.
    parser.set_defaults(course=1, cm=1, quiz=1, attempts="1", paper="A4", html=False, name="doctor")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Look at everything; exit 0 when nothing is bad."""
    runtime_logging.configure("ERROR", as_json=False)
    return asyncio.run(_run(args, env))


async def _run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    bad = 0
    async for line in _lines(args, env):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        bad += line.ok is False
    sys.stdout.write(f"{bad} problem{'' if bad == 1 else 's'} found.\n" if bad else "Everything is in order.\n")
    return 1 if bad else 0


async def _lines(args: argparse.Namespace, env: Mapping[str, str]) -> AsyncIterator[Line]:
    yield Line(True, "version", f"archiveworker {__version__}, Python {sys.version.split()[0]}")
    try:
        settings, notes = Settings.from_env({name: value for name, value in env.items() if name != _SUBMIT_TOKEN})
    except SettingsError as exc:
        yield Line(False, "settings", str(exc))
        return
    for note in notes:
        yield Line(None, "settings", note)
    yield await _guarded("data folder", lambda: _disk(settings))
    yield await _guarded("keys", lambda: _keys(settings))
    yield await _guarded("address", lambda: _address(settings))
    yield await _guarded("Chromium", lambda: _chromium(settings))
    yield await _guarded("rendering", lambda: _rendering(settings))
    for language, name, package in _FONTS:
        yield await _guarded("fonts", lambda wanted=(language, name, package): _font(*wanted))  # type: ignore[misc]
    if settings.spool_url:
        yield await _guarded("spool", lambda: _store(settings))
    yield _mathjax(settings)
    yield await _guarded("time-stamps", lambda: _timestamps(settings))
    async for line in _deliveries(settings):
        yield line
    if args.moodle:
        yield await _guarded("Moodle", lambda: _moodle(args, env, settings))


async def _guarded(about: str, check: Callable[[], Awaitable[Line]]) -> Line:
    try:
        return await check()
    except ArchiveWorkerError as exc:
        return Line(False, about, str(exc))
    except OSError as exc:
        return Line(False, about, f"{exc.filename or 'a file'}: {exc.strerror}; run the doctor as the worker's user")


async def _disk(settings: Settings) -> Line:
    folder = settings.data_dir
    # A folder that is not there yet is made by serve: whether it can be is seen where it would be made.
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as exc:
        return Line(False, "data folder", f"{folder} cannot be written ({exc.strerror}); set ARCHIVEWORKER_DATA_DIR")
    shown = f"{folder} has {human_size(free)} free"
    if free < _LOW_DISK_BYTES:
        return Line(False, "data folder", f"{shown}; a job needs about twice the size of its archive")
    return Line(True, "data folder", shown)


async def _store(settings: Settings) -> Line:
    url = parse_store_url(settings.spool_url, "ARCHIVEWORKER_SPOOL_URL")
    store = open_store(url, settings.spool_key, settings.ca_bundle, settings.route)
    await asyncio.to_thread(store.check_writable, "archiveworker-check")
    return Line(True, "spool", f"{url} can be written")


async def _keys(settings: Settings) -> Line:
    if settings.secret_key is None:
        place = settings.data_dir / KEY_FILE
        if not place.exists():
            return Line(True, "keys", f"tokens will be sealed with a key that is made in {place}")
        parse_keys(place.read_text(encoding="ascii", errors="replace"), str(place))
        return Line(True, "keys", f"tokens are sealed with the key in {place}")
    keys = parse_keys(settings.secret_key.reveal(), "ARCHIVEWORKER_SECRET_KEY")
    return Line(True, "keys", f"tokens are sealed with the first of {len(keys)} in ARCHIVEWORKER_SECRET_KEY")


async def _address(settings: Settings) -> Line:
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise SettingsError(
                f"{host} port {port} cannot be listened on ({exc.strerror}); set ARCHIVEWORKER_HOST, ARCHIVEWORKER_PORT"
            ) from exc
        return await _who_listens(host, port)
    return Line(True, "address", f"{host} port {port} is free")


async def _who_listens(host: str, port: int) -> Line:
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    try:
        with WorkerClient(f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}") as worker:
            version = (await asyncio.to_thread(worker.info))["version"]
    except WorkerError:
        return Line(False, "address", f"{host} port {port} is taken by another program; set ARCHIVEWORKER_PORT")
    return Line(True, "address", f"a worker ({version}) serves at {host} port {port}")


async def _chromium(settings: Settings) -> Line:
    found = printing.find_chromium(settings)
    return Line(True, "Chromium", f"{await chromium.version(found)}, {found.path} ({found.origin})")


async def _rendering(settings: Settings) -> Line:
    document = Document(
        html=_PAGE,
        base_url="http://doctor.invalid",
        title="doctor",
        created_at=datetime(1980, 1, 1, tzinfo=UTC),
        must_contain=("archiveworker doctor",),
    )
    with tempfile.TemporaryDirectory() as folder:
        async with printing.build_renderer(settings) as renderer:
            rendered = await renderer.render(document, RenderOptions(profile=settings.pdf_profile), Path(folder))
            size = rendered.pdf.stat().st_size
    if rendered.warnings:
        return Line(None, "rendering", "; ".join(rendered.warnings))
    return Line(True, "rendering", f"a test page became a PDF of {size} bytes")


async def _font(language: str, name: str, package: str) -> Line:
    try:
        completed = await process.run(["fc-list", f":lang={language}", "family"], timeout_s=10)
    except ToolError:
        return Line(None, "fonts", "fc-list is missing (apt install fontconfig); fonts cannot be listed")
    families = sorted({line.split(",")[0] for line in completed.stdout.decode(errors="replace").splitlines() if line})
    if not families:
        return Line(None, "fonts", f"none for {name}; such characters become boxes: apt install {package}")
    return Line(True, "fonts", f"{name}: {families[0]}")


def _mathjax(settings: Settings) -> Line:
    folder = settings.mathjax_dir
    if folder is not None and (folder / "MathJax.js").is_file():
        return Line(True, "MathJax", f"served from {folder} in place of the usual CDNs")
    return Line(None, "MathJax", "no local copy; formulas need the internet, or: apt install libjs-mathjax")


async def _timestamps(settings: Settings) -> Line:
    async with timestamping.open_timestamper(settings) as timestamper:
        if timestamper is None:
            return Line(None, "time-stamps", "none; set ARCHIVEWORKER_TSA_URLS to have archives stamped (RFC 3161)")
        algorithm = timestamper.algorithm
        made = await timestamper.stamp_each(Digest(algorithm, algorithm.of(b"archiveworker doctor")))
    doubts = [stamp.revocation.verdict.reason for stamp in made.stamps if stamp.revocation and _is_doubtful(stamp)]
    problems = [problem for problem in (made.shortfall, *doubts) if problem]
    said = ", ".join(
        f"{stamp.tsa_url} ({stamp.proof.tsa_name}), {algorithm}, trust: {stamp.proof.trust.value}"
        for stamp in made.stamps
    )
    return Line(None if problems else True, "time-stamps", "; ".join((said, *problems)))


def _is_doubtful(stamp: Timestamp) -> bool:
    return stamp.revocation is None or stamp.revocation.verdict.state is not RevocationState.GOOD


async def _deliveries(settings: Settings) -> AsyncIterator[Line]:
    """Look at each place for archives besides the LMS."""
    try:
        targets = composition.build_targets(settings)
    except SettingsError as exc:
        yield Line(False, "delivery", str(exc))
        return
    for name, target in targets.items():
        yield await _guarded(f"delivery to {name}", lambda place=target: _delivery(place))  # type: ignore[misc]


async def _delivery(target: DeliveryTarget) -> Line:
    seen, doubt = await target.check()
    return Line(None if doubt else True, f"delivery to {target.name}", "; ".join(filter(None, (seen, doubt))))


async def _moodle(args: argparse.Namespace, env: Mapping[str, str], settings: Settings) -> Line:
    body = quiz_body(args, env)
    source = connectors.routes_of(connectors.build_sources(settings))["/quiz_archiver"]
    request = source.parse(body)
    async with source.connect(request, None) as connection:
        await connection.probe()
        if not args.try_upload_mib:
            return Line(True, "Moodle", f"{args.moodle} answers and takes the token")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "doctor.bin"
            size = args.try_upload_mib * 1024**2
            if size < 1:
                raise RequestError("--try-upload-mib must be at least 1")
            with file.open("wb") as out:
                out.truncate(size)
            archive = FinishedArchive("archiveworker-doctor.bin", file.name, Sha256.of(b"").hex, size)
            try:
                await connection.upload(Parcel(archive, file))
            except SourceError as exc:
                return Line(False, "Moodle", f"takes the token, but not an upload of {args.try_upload_mib} MiB: {exc}")
    return Line(True, "Moodle", f"{args.moodle} takes the token and an upload of {args.try_upload_mib} MiB")
