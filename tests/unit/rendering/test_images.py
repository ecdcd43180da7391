"""Shrinking what is inside a page, and leaving alone what would suffer."""

import base64
import io
import re

import pytest
from PIL import Image, ImageChops, ImageOps

from archiveworker.domain.document import ImageLimit
from archiveworker.rendering import images

LIMIT = ImageLimit(100, 80, 85)
MAX_PX = 10_000_000


def encoded(image: Image.Image, kind: str, **options: object) -> str:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(size, 90).convert("RGB")


def decoded(html: str) -> Image.Image:
    match = re.search(r"base64,([A-Za-z0-9+/=]+)", html)
    assert match is not None
    return Image.open(io.BytesIO(base64.b64decode(match[1])))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_large_images_fit_into_the_box_and_keep_their_kind(kind: str) -> None:
    result = images.shrink(f'<img src="{encoded(noise((800, 400)), kind)}">', LIMIT, MAX_PX)
    image = decoded(result.html)
    assert (image.size, image.format) == ((100, 50), kind)
    assert (result.shrunk_count, result.warnings) == (1, ())


def test_small_images_and_other_text_stay_byte_for_byte() -> None:
    html = (
        f"<p>a &amp; b</p><img src='{encoded(noise((100, 80)), 'JPEG')}'><img src='data:image/svg+xml;base64,PHN2Zy8+'>"
    )
    assert images.shrink(html, LIMIT, MAX_PX).html == html


def test_css_and_repeated_images_are_shrunk_once() -> None:
    uri = encoded(noise((300, 300)), "PNG")
    result = images.shrink(f"<i style='background:url({uri})'></i><img src='{uri}'>", LIMIT, MAX_PX)
    assert result.shrunk_count == 1
    assert uri not in result.html


def test_transparency_survives() -> None:
    image = noise((400, 400)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((400, 400)))
    small = decoded(images.shrink(encoded(image, "PNG"), LIMIT, MAX_PX).html)
    assert small.mode == "RGBA"
    assert small.getchannel("A").getextrema() == pytest.approx((0, 255), abs=3)


def test_a_turned_photograph_is_turned_for_good() -> None:
    image = Image.new("RGB", (800, 400), "red")
    image.paste("blue", (0, 0, 400, 400))
    image.paste(noise((200, 400)), (300, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by 90 degrees
    small = decoded(images.shrink(encoded(image, "JPEG", exif=exif), LIMIT, MAX_PX).html)
    assert small.size == (40, 80)
    assert small.getexif().get(0x0112, 1) == 1
    red, _, blue = small.convert("RGB").getpixel((20, 4))
    assert blue > 200 > red


def test_a_colour_profile_is_kept() -> None:
    profile = b"made up" * 50
    small = decoded(images.shrink(encoded(noise((400, 400)), "JPEG", icc_profile=profile), LIMIT, MAX_PX).html)
    assert small.info["icc_profile"] == profile


def test_what_cannot_be_shrunk_faithfully_is_left_alone_and_named() -> None:
    frames = [noise((300, 300)), noise((300, 300))]
    cases = {
        "animated": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "colour model I;16": encoded(Image.new("I;16", (300, 300), 999), "PNG", compress_level=0),
        "not readable as an image": "data:image/png;base64," + base64.b64encode(b"no picture" * 40).decode(),
    }
    for reason, uri in cases.items():
        result = images.shrink(f"<img src='{uri}'>", LIMIT, MAX_PX)
        assert uri in result.html
        assert result.warnings == (f"1 image(s) kept their size: {reason}",)


@pytest.mark.parametrize("limit", [LIMIT, None])
@pytest.mark.parametrize("side_px", [4_000, 10_000, 20_000])
def test_a_bomb_is_replaced_by_a_note(side_px: int, limit: ImageLimit | None) -> None:
    bomb = encoded(Image.new("1", (side_px, side_px)), "PNG")
    result = images.shrink(f"<img src='{bomb}'>", limit, MAX_PX)
    assert result.warnings == ("1 image(s) left out: more than 10000000 pixels",)
    assert result.shrunk_count == 0
    match = re.fullmatch(r"<img src='data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)'>", result.html)
    assert match is not None
    assert b"Image left out" in base64.b64decode(match[1])


def test_without_a_box_everything_else_stays_byte_for_byte() -> None:
    broken = "data:image/png;base64," + base64.b64encode(b"no picture" * 40).decode()
    html = f"<img src='{encoded(noise((800, 800)), 'JPEG')}'><img src='{broken}'>"
    assert images.shrink(html, None, MAX_PX) == images.ShrunkPage(html, 0, ())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_done_for_good(orientation: int) -> None:
    image = Image.new("RGB", (640, 480), "white")
    image.paste("red", (0, 0, 320, 240))
    image.paste(noise((320, 240)), (320, 240))
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = decoded(images.shrink(encoded(image, "JPEG", exif=exif), LIMIT, MAX_PX).html).convert("RGB")
    seen = ImageOps.exif_transpose(decoded(encoded(image, "JPEG", exif=exif))).resize(small.size)
    assert small.getexif().get(0x0112, 1) == 1
    for corner in ((5, 5), (small.width - 6, 5), (5, small.height - 6)):
        is_red = [pixel.getpixel(corner)[1] < 128 < pixel.getpixel(corner)[0] for pixel in (small, seen)]
        assert is_red[0] == is_red[1]


@pytest.mark.parametrize("profile", [None, b"no profile at all" * 20])
def test_a_picture_for_printing_becomes_one_for_the_screen(profile: bytes | None) -> None:
    image = Image.new("CMYK", (400, 400), (0, 255, 255, 0))
    image.paste(noise((200, 400)).convert("CMYK"), (200, 0))
    small = decoded(images.shrink(encoded(image, "JPEG", icc_profile=profile), LIMIT, MAX_PX).html)
    assert small.mode == "RGB"
    assert "icc_profile" not in small.info
    assert small.getpixel((10, 40)) == pytest.approx((255, 0, 0), abs=12)


def test_a_truncated_photograph_is_left_alone() -> None:
    uri = encoded(noise((800, 800)), "JPEG")
    cut = uri[: len(uri) // 8 * 4]
    assert images.shrink(f"<img src='{cut}'>", LIMIT, MAX_PX).warnings != ()


def test_an_image_is_never_made_larger() -> None:
    flat = Image.new("P", (120, 120))
    uri = encoded(flat, "PNG")
    html = f"<img src='{uri}'>"
    assert len(images.shrink(html, LIMIT, MAX_PX).html) <= len(html)


def test_the_picture_stays_the_same_picture() -> None:
    image = Image.linear_gradient("L").resize((500, 400)).convert("RGB")
    small = decoded(images.shrink(encoded(image, "PNG"), LIMIT, MAX_PX).html).convert("RGB")
    extrema = ImageChops.difference(small, image.resize(small.size, Image.Resampling.LANCZOS)).getextrema()
    assert max(high for _, high in extrema) < 6
