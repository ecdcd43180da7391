"""What a webhook receives: a multipart form whose first part describes, and whose headers sign, all that follows.

The first part, ``parcel``, is a small JSON text with name, length and SHA-256 of every file. The signature is an HMAC
over the time and the bytes of that part. So a receiver knows who speaks before it has stored anything, and checks each
file while it streams by. Sources: RFC 7578 (form), RFC 2104 (HMAC). docs/howto/deliver-elsewhere.md tells receivers.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import read_range

FORMAT: Final = 1
TIMESTAMP_HEADER: Final = "Archiveworker-Timestamp"
SIGNATURE_HEADER: Final = "Archiveworker-Signature"
KEY_HEADER: Final = "Idempotency-Key"
_KEY_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of the form.

    Attributes:
        field: ``archive`` or ``companion``.
        name: for the receiver.
        source: where its bytes are.
        size_bytes: their number.
        sha256: their digest, in hex.
    """

    field: str
    name: str
    source: Path
    size_bytes: int
    sha256: str


def files_of(parcel: Parcel) -> tuple[FormFile, ...]:
    """Return the files in the order in which they are sent. Blocking: the companions are read.

    Raises:
        DeliveryError: the archive on the spool is not the one that was packed.
    """
    archive = parcel.archive
    size_bytes = parcel.file.stat().st_size
    if size_bytes != archive.size_bytes:
        raise DeliveryError(
            f"the archive on the spool has {size_bytes} bytes instead of {archive.size_bytes}; "
            "retry the job to have it packed again"
        )
    companions = []
    for file in parcel.companions:
        data = file.read_bytes()
        companions.append(FormFile("companion", file.name, file, len(data), hashlib.sha256(data).hexdigest()))
    return (FormFile("archive", archive.name, parcel.file, archive.size_bytes, archive.sha256), *companions)


def idempotency_key(parcel: Parcel, job_id: JobId) -> str:
    """Return what stays the same however often this archive of this job is sent."""
    return f"{job_id}-{parcel.archive.sha256[:_KEY_DIGITS]}"


def describe(files: tuple[FormFile, ...], job_id: JobId, key: str) -> bytes:
    """Return the bytes of the part ``parcel``: UTF-8 JSON."""
    listed = [
        {"field": file.field, "name": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in files
    ]
    text = {"format": FORMAT, "job_id": job_id, "idempotency_key": key, "files": listed}
    return json.dumps(text, ensure_ascii=False).encode()


def signature(secret: Secret, timestamp_s: int, description: bytes) -> str:
    """Return the value of the signature's header: HMAC-SHA256 over ``<timestamp>.<bytes of the part parcel>``."""
    signed = str(timestamp_s).encode() + b"." + description
    return "v1=" + hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()


class Form:
    """The body of one request, streamed from disk with its exact length; to be closed, as a receiver may hang up.

    Args:
        boundary: between the parts.
        description: bytes of the part ``parcel``.
        files: what follows.
        on_block: is called before each block.
    """

    def __init__(
        self, boundary: str, description: bytes, files: tuple[FormFile, ...], on_block: Callable[[], None]
    ) -> None:
        self._files = files
        self._on_block = on_block
        self._first = _head(boundary, "parcel", "parcel.json", "application/json") + description + b"\r\n"
        self._heads = [_head(boundary, file.field, file.name, "application/octet-stream") for file in files]
        self._last = f"--{boundary}--\r\n".encode()
        self._source: BinaryIO | None = None
        self.failure: DeliveryError | None = None
        """Why the body broke off, when it is this side's fault."""
        self.is_sent = False
        """True when only the last boundary may still be on its way."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole body."""
        around = sum(len(head) + len(b"\r\n") for head in self._heads)
        return len(self._first) + around + sum(file.size_bytes for file in self._files) + len(self._last)

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yield the body.

        Raises:
            DeliveryError: a file is not what was described; it breaks off before the receiver could take it for whole.
        """
        try:
            yield self._counted(self._first)
            for head, file in zip(self._heads, self._files, strict=True):
                yield self._counted(head)
                async for block in self._checked(file):
                    yield self._counted(block)
                yield self._counted(b"\r\n")
            self.is_sent = True
            yield self._counted(self._last)
        except DeliveryError as exc:
            self.failure = exc
            raise

    def close(self) -> None:
        """Close the file that is being sent, if any."""
        if self._source is not None:
            self._source.close()

    def _opened(self, file: FormFile) -> BinaryIO:
        # Here and not in a thread: a request that is cancelled meanwhile would leave the file to nobody.
        self._source = file.source.open("rb")
        return self._source

    def _counted(self, block: bytes) -> bytes:
        self._on_block()
        return block

    async def _checked(self, file: FormFile) -> AsyncIterator[bytes]:
        """Yield a file's bytes, the last block only when the digest is right."""
        running, held = hashlib.sha256(), b""
        try:
            async for block in read_range(self._opened(file), 0, file.size_bytes):
                await asyncio.to_thread(running.update, block)
                if held:
                    yield held
                held = block
            self.close()
        except OSError as exc:
            raise DeliveryError(f"{file.name} cannot be read from the spool ({exc.strerror or exc})") from exc
        if running.hexdigest() != file.sha256:
            raise DeliveryError(
                f"{file.name} on the spool is not what was packed (its SHA-256 differs); look at the worker's disk, "
                "then retry the job"
            )
        yield held


def _head(boundary: str, field: str, filename: str, content_type: str) -> bytes:
    """Return what goes before a part (RFC 7578 4.2), names in UTF-8 like a browser's."""
    safe = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{safe}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    ).encode()
