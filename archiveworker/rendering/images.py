"""Shrinks the images inside a page before it is rendered: this saves the browser the time, and the PDF the bytes.

Only data URIs of JPEG, PNG, WebP and GIF are touched, and only when they are larger than the box. What cannot be
shrunk faithfully (animations, unusual colour models, broken files) is left alone and named in a warning. An image with
so many pixels that unpacking it would take the machine's memory is replaced by a note, whether images are to be shrunk
or not (the gateway does the same to those that a page loads by address).
"""

import base64
import binascii
import contextlib
import io
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from PIL import ExifTags, Image, ImageCms, ImageOps

from archiveworker.domain.document import ImageLimit
from archiveworker.rendering import pixels

# Only its beginning ignores case: where all of it does, the search takes several times as long.
_DATA_URI = re.compile(
    r"(?i:data:image/(?:jpe?g|png|webp|gif|avif|bmp);base64,)([A-Za-z0-9+/=%\s]{200,}+)(?=[\"')&<>]|\Z)",
)
_SHRUNK_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "GIF"})
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"})
_REDUCING_GAP = 2.0
_UNREADABLE = "not readable as an image"
_TURNED_FORMATS = frozenset({"JPEG", "PNG"})
"""Chromium does not turn the others, whatever their EXIF says."""
_TURNS = frozenset({5, 6, 7, 8})
"""Values of EXIF's orientation with which an image lies on its side."""


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
    limit: ImageLimit | None
    max_image_px: int
    shrunk_count: int = 0
    left: dict[str, int] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Note that something happened to one more image."""
        self.left[what] = self.left.get(what, 0) + 1


class _LeftAloneError(Exception):
    """This image stays as it is; the message says why."""


def shrink(html: str, limit: ImageLimit | None, max_image_px: int) -> ShrunkPage:
    """Return ``html`` with its inline images shrunk. CPU work: call it outside the event loop.

    Args:
        html: the page.
        limit: the box, and the quality of what is written anew; None shrinks nothing.
        max_image_px: an image of more pixels (width times height) is replaced by a note.
    """
    work = _Work(limit, max_image_px)
    result = _DATA_URI.sub(lambda match: _replacement(match, work), html)
    warnings = tuple(f"{count} image(s) {what}" for what, count in work.left.items())
    return ShrunkPage(result, work.shrunk_count, warnings)


def _replacement(match: re.Match[str], work: _Work) -> str:
    whole = match[0]
    if whole in work.known:
        return work.known[whole]
    try:
        data = base64.b64decode(b"".join(unquote_to_bytes(match[1]).split()), validate=True)
        smaller = shrunk_image(data, work.limit, work.max_image_px)
    except pixels.TooManyPixelsError:
        work.count(pixels.remark(work.max_image_px))
        smaller = pixels.NOTE_TYPE, pixels.note(work.max_image_px)
        work.shrunk_count -= 1
    except (_LeftAloneError, binascii.Error) as exc:
        if work.limit is not None:
            work.count(f"kept their size: {exc if isinstance(exc, _LeftAloneError) else _UNREADABLE}")
        smaller = None
    result = whole
    if smaller is not None:
        work.shrunk_count += 1
        media_type, body = smaller
        result = f"data:{media_type};base64,{base64.b64encode(body).decode()}"
    work.known[whole] = result
    return result


def shrunk_image(data: bytes, limit: ImageLimit | None, max_image_px: int) -> tuple[str, bytes] | None:
    """Return media type and bytes of a smaller image, or None when ``data`` is small enough already.

    Raises:
        pixels.TooManyPixelsError: it may not be unpacked.
        _LeftAloneError: it cannot be shrunk faithfully.
    """
    try:
        with pixels.opened(data, max_image_px) as image:
            if limit is None or image.format not in _SHRUNK_FORMATS:
                return None
            if image.width <= limit.width_px and image.height <= limit.height_px:
                return None
            _refuse_unsuitable(image)
            media_type, body = _encoded(_resized(image, limit), image, limit)
    except (OSError, ValueError, SyntaxError, EOFError) as exc:
        raise _LeftAloneError(_UNREADABLE) from exc
    return (media_type, body) if len(body) < len(data) else None


def _refuse_unsuitable(image: Image.Image) -> None:
    if getattr(image, "is_animated", False):
        raise _LeftAloneError("animated")
    if image.mode not in _MODES:
        raise _LeftAloneError(f"colour model {image.mode}")


def _resized(image: Image.Image, limit: ImageLimit) -> Image.Image:
    # The browser turns a photograph as its EXIF says: its box is measured after that, and the turn is done here for
    # good.
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if image.format in _TURNED_FORMATS else 1
    turned = orientation in _TURNS
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
    return _in_rgb(ImageOps.exif_transpose(work) if orientation != 1 else work)


def _in_rgb(image: Image.Image) -> Image.Image:
    """Return a picture made for printing (CMYK) as one for the screen; by its own colour profile, if it has one."""
    if image.mode != "CMYK":
        return image
    profile = image.info.pop("icc_profile", None)
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                converted.info.pop("icc_profile", None)
                return converted
    return image.convert("RGB")


def _encoded(small: Image.Image, original: Image.Image, limit: ImageLimit) -> tuple[str, bytes]:
    # Half of a pixel's neighbours may be transparent after shrinking, which GIF cannot say.
    kind = "PNG" if original.format == "GIF" and small.mode == "RGBA" else original.format or "PNG"
    out = io.BytesIO()
    # A profile of CMYK colours says nothing about what these have become.
    profile = None if original.mode == "CMYK" else original.info.get("icc_profile")
    match kind:
        case "JPEG":
            small.save(out, "JPEG", quality=limit.quality, optimize=True, icc_profile=profile)
        case "WEBP":
            small.save(out, "WEBP", quality=limit.quality, icc_profile=profile)
        case "GIF":
            small.quantize(method=Image.Quantize.FASTOCTREE).save(out, "GIF")
        case _:
            small.save(out, "PNG", optimize=True, icc_profile=profile)
    return Image.MIME[kind], out.getvalue()
