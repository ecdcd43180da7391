"""Tells from an image's head how many pixels it would unpack to: a few kilobytes may become gigabytes.

Only the head is read, by Pillow; nothing is unpacked. Accepted risks: a file that Pillow cannot read at all is passed
on, because Chromium may know better; images that a page's own scripts or style sheets bring along are not seen. What
these take is bounded by the memory that a page may take (``memory_limit``).
"""

import io

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
"""What Chromium unpacks. (Its icons are of 256 x 256 pixels at most.)"""
NOTE_TYPE = "image/svg+xml"
_NOTE = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='60'><rect width='299' height='59' fill='none' "
    "stroke='gray'/><text x='8' y='25' font-size='13'>Image left out:</text><text x='8' y='45' font-size='13'>"
    "more than {limit} pixels</text></svg>"
)
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")
_BOX = b"ftyp"


class TooManyPixelsError(Exception):
    """This image may not be unpacked."""


def looks_like_image(data: bytes) -> bool:
    """Tell whether ``data`` begins as one of ``FORMATS`` does; Chromium does not go by what a server calls it."""
    return data.startswith(_BEGINNINGS) or data[4:8] == _BOX


def opened(data: bytes, max_image_px: int) -> Image.Image:
    """Return an image that may be unpacked; it is not yet.

    Args:
        data: the file.
        max_image_px: width times height.

    Raises:
        TooManyPixelsError: it has more.
        OSError, ValueError, SyntaxError, EOFError: it cannot be read.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise TooManyPixelsError from exc
    if image.width * image.height > max_image_px:
        image.close()
        raise TooManyPixelsError
    return image


def has_too_many(data: bytes, max_image_px: int) -> bool:
    """Tell whether ``data`` is an image of more pixels than that. CPU work where the head is long: use a thread."""
    try:
        opened(data, max_image_px).close()
    except TooManyPixelsError:
        return True
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        return False
    return False


def note(max_image_px: int) -> bytes:
    """Return a small SVG that stands where the image would be."""
    return _NOTE.format(limit=max_image_px).encode()


def remark(max_image_px: int) -> str:
    """Return the same for the item's record."""
    return f"left out: more than {max_image_px} pixels"
