"""A page for everybody: choose an archive and its time-stamps, see the verdict.

The archive is written to the disk, verified as ``archiveworker verify`` does it, and deleted, whatever happens.
Accepted risk: whoever may reach the page can make the worker read that many bytes; size, number at once and number a
minute are limited, and 0 as the size closes the page.
"""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog
from aiohttp import BodyPartReader, web

from archiveworker.domain.errors import (
    LimitExceededError,
    NotFoundError,
    QueueFullError,
    RateLimitedError,
    RequestError,
)
from archiveworker.domain.evidence import VerificationReport
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence.verify import verify
from archiveworker.reports.index import human_size
from archiveworker.reports.verification import LANGUAGES, Occasion, render_html, render_json
from archiveworker.runtime.clock import Clock
from archiveworker.web.body import DAMAGED_FORM
from archiveworker.web.gate import GATE
from archiveworker.web.openapi import VERIFICATION
from archiveworker.web.operations import Body, Group, Operation, Sent
from archiveworker.web.pages import LANG, page
from archiveworker.web.ui import for_people, wants_json

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 2
_STAMPS_MAX: Final = 8
_STAMP_MAX_BYTES: Final = 1024**2
_PARTS_MAX: Final = 16
_CHUNK_BYTES: Final = 1024**2
# Without types: in a form everything is bytes, and one file looks like a list of one. Source: OpenAPI 3.1,
# "Considerations for File Uploads".
_FILE: Final = {"contentMediaType": "application/octet-stream"}
_FORM: Final = {
    "type": "object",
    "required": ["archive"],
    "properties": {
        "archive": {**_FILE, "description": "A .tar.gz or .zip file."},
        "stamps": {"items": _FILE, "maxItems": _STAMPS_MAX, "description": "Its .tsr files."},
        "lang": {"type": "string", "enum": list(LANGUAGES), "description": "Of the page."},
    },
}
# The report has its own policy inside, which allows its one style by digest.
_REPORT_HEADERS: Final = {
    "Content-Security-Policy": "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class VerifyDesk:
    """What the page works with.

    Attributes:
        folder: for archives while they are verified; emptied by ``open``.
        max_bytes: of one archive; 0 closes the page.
        trusted_pem: certificates that are believed for time-stamps; None when none are configured.
        software: name and version, for the report.
        clock: the time, for the report.
        places: how many more may be verified now.
    """

    folder: Path
    max_bytes: int
    trusted_pem: bytes | None
    software: str
    clock: Clock
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def open(self) -> None:
        """Remove what a crash left, and make the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)


@dataclass(slots=True)
class _Upload:
    """What came with the form."""

    archive: Path | None = None
    name: str = ""
    replies: list[bytes] = field(default_factory=list)
    lang: str = "en"


DESK: web.AppKey[VerifyDesk] = web.AppKey("verify desk", VerifyDesk)


@Operation(Group.VERIFYING, ("text/html",), errors=(NotFoundError,), query=LANG, is_page=True)
@for_people
async def get_verify(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    return _form(request, _desk(request))


@Operation(
    Group.VERIFYING,
    VERIFICATION,
    errors=(NotFoundError, QueueFullError, RateLimitedError),
    sent=Sent(Body.FILES, _FORM),
    is_page=True,
)
@for_people
async def post_verify(request: web.Request) -> web.StreamResponse:
    """Verify what was chosen and show the report: as a page, or as JSON to who asks for that (Accept)."""
    desk = _desk(request)
    request.app[GATE].count(request)
    if not request.content_type.startswith("multipart/form-data"):
        raise RequestError("This address takes a form with files (multipart/form-data): archive, stamps, lang.")
    if desk.places.locked():
        raise QueueFullError("Other archives are being verified now; try again in a minute.")
    async with desk.places:
        with TemporaryDirectory(dir=desk.folder) as folder:
            try:
                upload = await _read_form(request, desk, Path(folder))
                report = await asyncio.to_thread(_verified, upload, desk)
            except (RequestError, LimitExceededError) as exc:
                if wants_json(request):
                    raise
                return _form(request, desk, status=exc.http_status, sentence=str(exc))
    log.info("archive_verified_for_visitor", verdict=report.verdict.value, files=report.file_count)
    occasion = Occasion(desk.software, desk.clock.now())
    if wants_json(request):
        return web.Response(text=render_json(report, occasion), content_type="application/json")
    html = render_html(report, occasion, lang=upload.lang)
    return web.Response(text=html, content_type="text/html", headers=_REPORT_HEADERS)


def _desk(request: web.Request) -> VerifyDesk:
    desk = request.app[DESK]
    if desk.max_bytes == 0:
        raise NotFoundError("Archives are not verified here; use archiveworker verify on your own machine.")
    return desk


def _form(request: web.Request, desk: VerifyDesk, *, status: int = 200, sentence: str = "") -> web.Response:
    size, trusts = human_size(desk.max_bytes), desk.trusted_pem is not None
    return page(request, "verify", status=status, sentence=sentence, max_size=size, trusts=trusts)


async def _read_form(request: web.Request, desk: VerifyDesk, folder: Path) -> _Upload:
    """Read the form, see ``_received``; one that is damaged is a mistake of whoever sent it.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        return await _received(request, desk, folder)
    except DAMAGED_FORM as exc:
        raise RequestError("The form cannot be read; send archive, stamps and lang as multipart/form-data.") from exc


async def _received(request: web.Request, desk: VerifyDesk, folder: Path) -> _Upload:
    """Write the archive to ``folder`` and read the rest.

    Raises:
        RequestError: there is no archive, or something else than the form's fields.
        LimitExceededError: something is too large.
    """
    upload, count = _Upload(), 0
    async for part in await request.multipart():
        count += 1
        if count > _PARTS_MAX:
            raise RequestError(f"The form has more than {_PARTS_MAX} parts; send archive, stamps and lang alone.")
        if not isinstance(part, BodyPartReader):
            raise RequestError("The form holds a form inside of itself; send archive, stamps and lang alone.")
        if part.name == "archive" and upload.archive is None:
            upload.name = ArchivePath.sanitised((part.filename or "archive").replace("/", "_")).value
            upload.archive = folder / "archive"
            await _write(part, upload.archive, desk.max_bytes)
        elif part.name == "stamps" and len(upload.replies) < _STAMPS_MAX:
            # A browser sends an empty part for a field without files.
            if reply := await _small(part):
                upload.replies.append(reply)
        elif part.name == "lang":
            upload.lang = (await _small(part)).decode(errors="replace")
            if upload.lang not in LANGUAGES:
                raise RequestError(f"There is no report in that language; lang is one of {', '.join(LANGUAGES)}.")
        else:
            raise RequestError("The form may hold one archive, up to 8 stamps and lang, and nothing else.")
    if upload.archive is None or upload.archive.stat().st_size == 0:
        raise RequestError("Choose an archive: a .tar.gz or .zip file that is not empty.")
    return upload


async def _write(part: BodyPartReader, target: Path, max_bytes: int) -> None:
    size_bytes = 0
    with target.open("wb") as out:
        while chunk := await part.read_chunk(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise LimitExceededError(
                    f"The archive is larger than {human_size(max_bytes)} (ARCHIVEWORKER_VERIFY_MAX_BYTES); verify it "
                    "with archiveworker verify on your own machine."
                )
            await asyncio.to_thread(out.write, chunk)


async def _small(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > _STAMP_MAX_BYTES:
            raise LimitExceededError("A time-stamp is never that large; choose the files that end with .tsr.")
    return bytes(data)


def _verified(upload: _Upload, desk: VerifyDesk) -> VerificationReport:
    assert upload.archive is not None  # noqa: S101 - for the type checker; ``_received`` has raised otherwise
    return verify(upload.archive, reply=upload.replies, trusted_pem=desk.trusted_pem, name=upload.name)
