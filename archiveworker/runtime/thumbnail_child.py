"""The process that draws the first page of one PDF: run as a script, never imported; see ``thumbnail``.

It reads the PDF from descriptor 3 until its end, and writes width, height (big-endian, two bytes each) and the pixels
(RGB) there. Before it reads the first byte it gives up every right that drawing does not need: with no room for another
descriptor it can open no file, no socket and nobody else's memory, and it can start no process. Only the standard
library and pypdfium2 are imported, so that it starts in a tenth of a second.
"""

import ctypes
import os
import resource
import socket
import struct
import sys
from typing import Final

import pypdfium2

_CONNECTION: Final = 3
_NICE: Final = 5
"""After what jobs need, but not so far that nothing is left while the machine is full of them."""
_NOBODY_ID: Final = 65531
"""Nobody's: what root becomes. The same as of browsers (``rendering.sandbox``), which end before they could meet."""
_LIMITS: Final = {
    resource.RLIMIT_AS: 768 * 1024**2,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_CPU: 5,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 0,
    resource.RLIMIT_NPROC: 0,
}
_PR_SET_NO_NEW_PRIVS: Final = 38
"""Source: prctl(2), linux/prctl.h."""
_CHUNK_BYTES: Final = 1024**2


def main() -> None:
    """Draw what comes; the arguments are the largest width and height in pixels."""
    width_px, height_px = (int(argument) for argument in sys.argv[1:])
    connection = socket.socket(fileno=_CONNECTION)
    _give_up_rights()
    pdf = bytearray()
    while chunk := connection.recv(_CHUNK_BYTES):
        pdf += chunk
    connection.sendall(_drawn(bytes(pdf), width_px, height_px))


def _give_up_rights() -> None:
    """Keep the open descriptors, some memory and some time; hard limits cannot be raised again."""
    os.nice(_NICE)
    for limit, most in _LIMITS.items():
        resource.setrlimit(limit, (most, most))
    if os.geteuid() == 0:  # root may raise what it likes
        os.setgroups([])
        os.setresgid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
        os.setresuid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _drawn(pdf: bytes, width_px: int, height_px: int) -> bytes:
    """Return the first page as wide as asked for; of one that is too long the upper part."""
    page = pypdfium2.PdfDocument(pdf)[0]
    width, height = page.get_size()
    scale = width_px / width
    bitmap = page.render(scale=scale, crop=(0, max(0, height - height_px / scale), 0, 0), rev_byteorder=True)
    rows = memoryview(bitmap.buffer)
    # Rows are filled up to a multiple of four bytes; rounding may have made one pixel more than there is room for.
    shown_px, lines_px = min(bitmap.width, width_px), min(bitmap.height, height_px)
    lines = (rows[line * bitmap.stride :][: 3 * shown_px] for line in range(lines_px))
    return struct.pack(">HH", shown_px, lines_px) + b"".join(lines)


if __name__ == "__main__":
    main()
