"""Brings an archive into Moodle's draft area: in one piece, or in parts when the plugin says how large one may be.

Source: Moodle's ``webservice/upload.php``. The file is streamed from disk, with its exact length in the header, as many
web servers hand no body of unknown length to PHP.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archiveworker.domain.errors import IntegrityError, SourceError, SourceUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import open_file, read_range
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.failures import refused
from archiveworker.sources.moodle.verdicts import UPLOAD_TOO_LARGE_FOR_POST
from archiveworker.sources.moodle.wire import Refusal

TICKET_FIELDS: Final = ("component", "contextid", "userid", "filearea", "filename", "filepath", "itemid")
COUNT: Final = "count"
"""Key of a ticket that says in how many parts the archive was uploaded; missing when it was one piece."""
_FORM_ROOM_BYTES: Final = 16 * 1024
_WHAT: Final = "the upload of the archive"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file.

    Attributes:
        name: under which it is uploaded.
        start: offset in bytes.
        length: in bytes.
    """

    name: str
    start: int
    length: int


def parts_of(name: str, size_bytes: int, max_upload_bytes: int | None) -> tuple[Part, ...]:
    """Cut a file into parts that Moodle takes.

    PHP's ``post_max_size`` counts the form around the file too, so a part stays a little smaller than allowed.

    Args:
        name: of the file.
        size_bytes: of the file.
        max_upload_bytes: as the plugin said; None or nonsense never cuts.
    """
    if max_upload_bytes is None or max_upload_bytes <= 0:
        return (Part(name, 0, size_bytes),)
    room = max_upload_bytes - _FORM_ROOM_BYTES if max_upload_bytes > 4 * _FORM_ROOM_BYTES else max_upload_bytes
    if size_bytes <= room:
        return (Part(name, 0, size_bytes),)
    return tuple(
        Part(f"{name}.chunk{number:09d}.bin", start, min(room, size_bytes - start))
        for number, start in enumerate(range(0, size_bytes, room))
    )


class Uploader:
    """Uploads to one Moodle with one token.

    Args:
        client: of that Moodle.
        token: goes into the form.
        folder: of the draft area, with ``/`` at both ends.
    """

    def __init__(self, client: MoodleClient, token: Secret, folder: str = "/") -> None:
        self._client = client
        self._token = token
        self._folder = folder

    async def upload(self, file: Path, name: str, size_bytes: int, max_upload_bytes: int | None) -> Mapping[str, str]:
        """Upload ``file`` as ``name`` and return where Moodle has put it (``TICKET_FIELDS``, and ``COUNT`` for parts).

        Raises:
            SourceError: Moodle refuses; the message names the setting to change.
            SourceUnavailableError: it did not work within the budget.
        """
        first, *others = parts_of(name, size_bytes, max_upload_bytes)
        ticket = await retrying(lambda: self._post(file, first, "0"), self._client.config.retry, what="upload")
        for part in others:
            await self._add_part(file, part, ticket["itemid"])
        if others:
            # Moodle cleans names, so the archive's name is what it made of the first part's.
            ticket["filename"] = ticket["filename"].removesuffix(first.name.removeprefix(name))
            ticket[COUNT] = str(len(others) + 1)
        return ticket

    async def add(self, file: Path, name: str, size_bytes: int, item_id: str) -> str:
        """Upload one more file into the draft area of an earlier upload; return what Moodle calls it.

        Raises:
            SourceError: see ``upload``.
        """
        return await self._add_part(file, Part(name, 0, size_bytes), item_id)

    async def _add_part(self, file: Path, part: Part, item_id: str) -> str:
        """Send one more part, again if need be; a repeated part may find that its first try had arrived."""
        unsure = False

        async def attempt() -> str:
            nonlocal unsure
            try:
                return (await self._post(file, part, item_id))["filename"]
            except SourceUnavailableError:
                unsure = True
                raise
            except SourceError as exc:
                if not (unsure and exc.lms_code == "filenameexist"):
                    raise
                return part.name

        return await retrying(attempt, self._client.config.retry, what="upload_part")

    async def _post(self, file: Path, part: Part, item_id: str) -> dict[str, str]:
        boundary = secrets.token_hex(16)
        fields = {"token": self._token.reveal(), "filepath": self._folder, "itemid": item_id}
        head, tail = _form(boundary, fields, part.name)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + part.length + len(tail)),
        }

        with await open_file(file, "rb") as source:

            async def body() -> AsyncIterator[bytes]:
                yield head
                async for block in read_range(source, part.start, part.length):
                    yield block
                yield tail

            answer = await self._client.post_file(body, headers, _WHAT)
        return self._ticket(answer, part.length)

    def _ticket(self, answer: object, length: int) -> dict[str, str]:
        if isinstance(answer, dict):
            raise self._refused(answer)
        if not isinstance(answer, list) or not answer:
            raise refused(_WHAT, Refusal("[]", "an empty list"), UPLOAD_TOO_LARGE_FOR_POST)
        entry = answer[0]
        if failure := self._client.refusal(entry, _WHAT):
            raise failure
        if not isinstance(entry, dict) or any(key not in entry for key in TICKET_FIELDS):
            raise SourceError(f"{_WHAT} was answered without {', '.join(TICKET_FIELDS)}; look at Moodle's error log")
        if "filesize" in entry and entry["filesize"] != length:
            raise IntegrityError(f"{_WHAT} arrived with {entry['filesize']} bytes instead of {length}; send it again")
        return {key: str(entry[key]) for key in TICKET_FIELDS}

    def _refused(self, answer: dict[str, object]) -> SourceError:
        verdict = UPLOAD_TOO_LARGE_FOR_POST if answer.get("errorcode") == "missingparam" else None
        failure = self._client.refusal(answer, _WHAT, verdict)
        return failure or SourceError(
            f"{_WHAT} was answered with an object instead of a list; look at Moodle's error log"
        )


def _form(boundary: str, fields: Mapping[str, str], filename: str) -> tuple[bytes, bytes]:
    """Return what goes before and after the file in a multipart form (RFC 7578), names in UTF-8 like a browser's."""
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    safe = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    text += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file_1"; filename="{safe}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return text.encode(), f"\r\n--{boundary}--\r\n".encode()
