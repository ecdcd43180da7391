"""Images of every kind look the same whether they were shrunk before printing or not; dangerous ones do no harm."""

import base64
import io
import struct
import zlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from archiveworker.domain.document import ImageLimit, RenderedDocument, RenderOptions
from tests.integration.rendering.conftest import Lms, Render, text_of
from tests.integration.rendering.test_paper import pages_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

SIZE = (480, 360)
LIMIT = ImageLimit(160, 160, 90)


def picture() -> Image.Image:
    """Four corners of different colours, and a slope between them."""
    slope = Image.linear_gradient("L").resize(SIZE)
    image = Image.merge("RGB", (slope, slope.transpose(Image.Transpose.ROTATE_180), slope.point(lambda _: 90)))
    for colour, place in (("red", (0, 0)), ("lime", (360, 0)), ("blue", (0, 270)), ("black", (360, 270))):
        image.paste(colour, (*place, place[0] + 120, place[1] + 90))
    return image


def in_mode(mode: str) -> Image.Image:
    if mode in ("RGBA", "LA"):
        image = picture().convert("RGB" if mode == "RGBA" else "L").convert(mode)
        image.putalpha(Image.radial_gradient("L").resize(SIZE))
        return image
    return picture().convert(mode)


def uri(image: Image.Image, kind: str, **options: object) -> str:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def wide_gamut() -> bytes:
    """An sRGB profile whose red and green are exchanged: whoever ignores it shows other colours."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.find(b"rXYZ"), profile.find(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


CASES: dict[str, str] = {
    **{f"png-{mode}": uri(in_mode(mode), "PNG") for mode in ("L", "LA", "P", "RGB", "RGBA")},
    **{f"jpeg-{mode}": uri(in_mode(mode), "JPEG") for mode in ("L", "RGB", "CMYK")},
    **{f"jpeg-turned-{o}": uri(picture(), "JPEG", exif=turned(o)) for o in range(1, 9)},
    "png-turned": uri(picture(), "PNG", exif=turned(6)),
    "webp-turned": uri(picture(), "WEBP", exif=turned(6)),
    "webp": uri(picture(), "WEBP"),
    "webp-alpha": uri(in_mode("RGBA"), "WEBP"),
    "gif": uri(in_mode("P"), "GIF"),
    "gif-transparent": uri(in_mode("P"), "GIF", transparency=in_mode("P").getpixel((20, 20))),
    "jpeg-profile": uri(picture(), "JPEG", icc_profile=wide_gamut()),
    "png-profile": uri(picture(), "PNG", icc_profile=wide_gamut()),
    "webp-profile": uri(picture(), "WEBP", icc_profile=wide_gamut()),
    "png-transparent-colour": uri(picture(), "PNG", transparency=(255, 0, 0)),
}


async def drawn(result: RenderedDocument) -> Image.Image:
    [page] = await pages_of(result.pdf)
    return page


@pytest.mark.parametrize("name", CASES)
async def test_a_shrunk_picture_looks_as_before(render: Render, name: str) -> None:
    html = f"<body style='background: #fd8'><p>x</p><img style='width: 320px' src='{CASES[name]}'></body>"
    before, after = await render(html), await render(html, RenderOptions(image_limit=LIMIT))
    assert after.warnings == ()
    assert _largest_side(after.pdf) == 160
    assert _largest_side(before.pdf) >= 240
    difference = ImageChops.difference(await drawn(before), await drawn(after))
    assert max(ImageStat.Stat(difference).mean) < 1.0
    blurred = difference.resize((difference.width // 8, difference.height // 8), Image.Resampling.BOX)
    assert max(high for _, high in blurred.getextrema()) < 60


def _largest_side(file: Path) -> int:
    with pikepdf.open(file) as pdf:
        return max(
            max(int(image.Width), int(image.Height))
            for image in pdf.objects
            if isinstance(image, pikepdf.Stream) and image.get("/Subtype") == "/Image"
        )


async def test_an_animation_shows_its_first_picture(render: Render) -> None:
    frames = [Image.new("RGB", SIZE, "red"), Image.new("RGB", SIZE, "blue")]
    animation = uri(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=60_000)
    result = await render(f"<p>x</p><img src='{animation}'>", RenderOptions(image_limit=LIMIT))
    assert result.warnings == ("1 image(s) kept their size: animated",)
    red, _, blue = (await drawn(result)).getpixel((120, 140))
    assert red > 200 > 50 > blue


@pytest.mark.parametrize("limit", [None, LIMIT])
async def test_a_bomb_costs_a_note(render: Render, limit: ImageLimit | None) -> None:
    bomb = uri(Image.new("1", (30_000, 30_000)), "PNG")
    result = await render(f"<p>text</p><img src='{bomb}'>", RenderOptions(image_limit=limit, keep_html=True))
    assert result.warnings == ("1 image(s) left out: more than 89478485 pixels",)
    assert result.raw_html is not None
    assert bomb not in result.raw_html.read_text()


def bomb(side_px: int) -> bytes:
    """A PNG of one bit a pixel, all white: a few hundred kilobytes that unpack to gigabytes."""
    row = b"\0" + b"\xff" * (side_px // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row * 500) for _ in range(side_px // 500)) + packer.flush()
    head = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


async def test_a_bomb_by_address_never_reaches_the_browser(lms: Lms, render: Render) -> None:
    data = bomb(50_000)
    assert len(data) < 1_000_000
    lms.serve("/bomb.png", data, "image/png")
    lms.serve("/bomb", data, "application/octet-stream")
    html = "<p>text</p><img src='/bomb.png'><div style='background: url(/bomb); height: 70px'></div>"
    result = await render(html, RenderOptions(keep_html=True))
    left_out = [warning for warning in result.warnings if "left out: more than 89478485 pixels" in warning]
    assert [warning.split(": ")[0].rpartition("/")[2] for warning in left_out] == ["bomb.png", "bomb"]
    assert "Image left out" in await text_of(result.pdf)
    assert result.frozen_html is not None
    assert base64.b64encode(data[:300]).decode() not in result.frozen_html.read_text()


async def test_a_large_picture_by_address_is_drawn(lms: Lms, render: Render) -> None:
    lms.serve("/large.png", bomb(8_000), "image/png")
    result = await render("<p>text</p><img width=300 src='/large.png'>")
    assert result.warnings == ()
    assert _largest_side(result.pdf) == 8_000


async def test_a_broken_picture_is_named(render: Render) -> None:
    cut = uri(Image.effect_noise(SIZE, 90), "PNG")[:20_000]
    html = f"<p>text</p><img src='{cut}'><img src='data:image/png;base64,{'QUJD' * 100}'>"
    result = await render(html, RenderOptions(image_limit=LIMIT))
    assert "2 image(s) kept their size: not readable as an image" in result.warnings
    assert "1 image(s) could not be shown" in result.warnings
