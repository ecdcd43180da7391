"""The first page of a PDF as a small picture, drawn by a process that lives for this one and can do nothing else.

A PDF of an item is made by a browser of ours, and holds foreign bytes all the same: a photo stays the JPEG that it was.
So what parses it (PDFium) is taken for something that may be taken over: it gets the bytes and a connection to hand
pixels back, and nothing of ours (``thumbnail_child``). What comes back is read up to the size of the picture and made a
picture here. Accepted risk: a process that was taken over runs as the user of the worker, and may send that user's
processes signals, until its time is over.
"""

import asyncio
import io
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from archiveworker.domain.errors import ToolError
from archiveworker.runtime import child

MEDIA_TYPE: Final = "image/webp"
WIDTH_PX: Final = 256
HEIGHT_MAX_PX: Final = 362
PDF_MAX_BYTES: Final = 32 * 1024**2
_LIMIT_S: Final = 30.0
_QUALITY: Final = 70
_CHUNK_BYTES: Final = 64 * 1024
_CONNECTION: Final = 3
_HEAD: Final = struct.Struct(">HH")
_ANSWER_MAX_BYTES: Final = _HEAD.size + 3 * WIDTH_PX * HEIGHT_MAX_PX
_INSTEAD: Final = "; look at the PDF itself, in the archive"
_PROGRAM: Final = Path(__file__).with_name("thumbnail_child.py")


async def draw(pdf: bytes) -> bytes:
    """Return the first page of a PDF as a picture of type ``MEDIA_TYPE``.

    It is ``WIDTH_PX`` wide and at most ``HEIGHT_MAX_PX`` high; of a longer page it is the upper part.

    Raises:
        ToolError: it could not be drawn within 30 seconds, or the PDF is larger than ``PDF_MAX_BYTES``.
    """
    if len(pdf) > PDF_MAX_BYTES:
        raise ToolError(f"a PDF of {len(pdf)} bytes is not drawn, at most {PDF_MAX_BYTES}{_INSTEAD}")
    # -P: the folder of the script is no place to import from; our environment, which could name others, stays here.
    argv = [sys.executable, "-P", str(_PROGRAM), str(WIDTH_PX), str(HEIGHT_MAX_PX)]
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        with theirs:
            files = {_CONNECTION: theirs.fileno()}
            process = child.start(argv, files=files, stderr=Path(os.devnull), env={"LANG": "C.UTF-8"})
        try:
            async with asyncio.timeout(_LIMIT_S):
                answer = await _asked(ours, pdf)
        except (OSError, TimeoutError) as exc:
            raise ToolError(f"the first page of a PDF could not be drawn: its process gave up{_INSTEAD}") from exc
        finally:
            await process.kill()
    return await asyncio.to_thread(_encoded, answer)


async def _asked(connection: socket.socket, pdf: bytes) -> bytes:
    """Return what is answered to ``pdf``, and never much more than a picture."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, pdf)
    connection.shutdown(socket.SHUT_WR)
    answer = bytearray()
    while len(answer) <= _ANSWER_MAX_BYTES and (chunk := await loop.sock_recv(connection, _CHUNK_BYTES)):
        answer += chunk
    return bytes(answer)


def _encoded(answer: bytes) -> bytes:
    """Return the pixels as a picture.

    Raises:
        ToolError: they are none.
    """
    width_px, height_px = _HEAD.unpack(answer[: _HEAD.size]) if len(answer) >= _HEAD.size else (0, 0)
    fits = 0 < width_px <= WIDTH_PX and 0 < height_px <= HEIGHT_MAX_PX
    if not fits or len(answer) != _HEAD.size + 3 * width_px * height_px:
        raise ToolError(
            f"the first page of a PDF could not be drawn: it is damaged, or too much for its limits{_INSTEAD}"
        )
    target = io.BytesIO()
    Image.frombytes("RGB", (width_px, height_px), answer[_HEAD.size :]).save(target, "WEBP", quality=_QUALITY)
    return target.getvalue()
