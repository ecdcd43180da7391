"""Shrinks the images inside a page before it is rendered: this saves the browser the time, and the PDF the bytes.

Only data URIs of JPEG, PNG, WebP and GIF are touched, and only when they are larger than the box. What cannot be
shrunk faithfully (animations, unusual colour models, broken or enormous files) is left alone and named in a warning.
"""

import base64
import binascii
import io
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from PIL import Image, ImageOps, UnidentifiedImageError

from archiveworker.domain.document import ImageLimit

_DATA_URI = re.compile(
    r"data:image/(jpe?g|png|webp|gif);base64,([A-Za-z0-9+/=%\s]{200,}?)(?=[\"')&<>]|\Z)", re.IGNORECASE
)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
_REDUCING_GAP = 2.0


@dataclass(frozen=True, slots=True)
class ShrunkPage:
    """A page whose images fit into their box.

    Attributes:
        html: the page.
        shrunk_count: images that were made smaller.
        warnings: images that were left alone, each kind once.
    """

    html: str
    shrunk_count: int
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    limit: ImageLimit
    max_image_px: int
    shrunk_count: int = 0
    left: dict[str, int] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)


class _LeftAloneError(Exception):
    """This image stays as it is; the message says why."""


def shrink(html: str, limit: ImageLimit, max_image_px: int) -> ShrunkPage:
    """Return ``html`` with its inline images shrunk. CPU work: call it outside the event loop.

    Args:
        html: the page.
        limit: the box, and the quality of what is written anew.
        max_image_px: an image of more pixels (width times height) is not unpacked.
    """
    work = _Work(limit, max_image_px)
    result = _DATA_URI.sub(lambda match: _replacement(match, work), html)
    warnings = tuple(f"{count} image(s) kept their size: {reason}" for reason, count in work.left.items())
    return ShrunkPage(result, work.shrunk_count, warnings)


def _replacement(match: re.Match[str], work: _Work) -> str:
    whole = match[0]
    if whole in work.known:
        return work.known[whole]
    try:
        data = base64.b64decode(b"".join(unquote_to_bytes(match[2]).split()), validate=True)
        smaller = shrunk_image(data, work.limit, work.max_image_px)
    except (_LeftAloneError, binascii.Error) as exc:
        reason = str(exc) if isinstance(exc, _LeftAloneError) else "not readable as an image"
        work.left[reason] = work.left.get(reason, 0) + 1
        smaller = None
    result = whole
    if smaller is not None:
        work.shrunk_count += 1
        media_type, body = smaller
        result = f"data:{media_type};base64,{base64.b64encode(body).decode()}"
    work.known[whole] = result
    return result


def shrunk_image(data: bytes, limit: ImageLimit, max_image_px: int) -> tuple[str, bytes] | None:
    """Return media type and bytes of a smaller image, or None when ``data`` is small enough already.

    Raises:
        _LeftAloneError: it cannot be shrunk faithfully.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width <= limit.width_px and image.height <= limit.height_px:
                return None
            _refuse_unsuitable(image, max_image_px)
            media_type = Image.MIME[image.format or "PNG"]
            body = _encoded(_resized(image, limit), image, limit)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise _LeftAloneError("more pixels than allowed") from exc
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as exc:
        raise _LeftAloneError("not readable as an image") from exc
    return (media_type, body) if len(body) < len(data) else None


def _refuse_unsuitable(image: Image.Image, max_image_px: int) -> None:
    if image.width * image.height > max_image_px:
        raise _LeftAloneError("more pixels than allowed")
    if getattr(image, "is_animated", False):
        raise _LeftAloneError("animated")
    if image.mode not in _MODES:
        raise _LeftAloneError(f"colour model {image.mode}")


def _resized(image: Image.Image, limit: ImageLimit) -> Image.Image:
    # The browser turns a photograph as its EXIF says: its box is measured after that, and the turn is done here for
    # good.
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    box = (limit.height_px, limit.width_px) if turned else (limit.width_px, limit.height_px)
    image.draft(None, box)
    if image.mode in ("P", "PA", "1"):
        transparent = image.mode == "PA" or "transparency" in image.info
        work = image.convert("RGBA" if transparent else "L" if image.mode == "1" else "RGB")
    elif "transparency" in image.info:
        work = image.convert("RGBA")
    else:
        work = image.copy()
    work.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    return ImageOps.exif_transpose(work) if turned or image.getexif().get(0x0112, 1) != 1 else work


def _encoded(small: Image.Image, original: Image.Image, limit: ImageLimit) -> bytes:
    out = io.BytesIO()
    profile = original.info.get("icc_profile")
    match original.format:
        case "JPEG":
            small.save(out, "JPEG", quality=limit.quality, optimize=True, icc_profile=profile)
        case "WEBP":
            small.save(out, "WEBP", quality=limit.quality, icc_profile=profile)
        case "GIF":
            small.quantize(method=Image.Quantize.FASTOCTREE).save(out, "GIF")
        case _:
            small.save(out, "PNG", optimize=True, icc_profile=profile)
    return out.getvalue()
