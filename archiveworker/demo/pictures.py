"""Pictures drawn on demand: the same seed gives the same bytes with the same Pillow.

They stand for what students paste into answers: photographs far larger than a page needs, small diagrams, portraits.
Nothing is read from disk and nothing is a photograph of anything.
"""

import io
import random
from functools import lru_cache

from PIL import Image, ImageDraw

MAP_WIDTH_PX = 520
MAP_HEIGHT_PX = 240
_INK = ((15, 108, 191), (200, 85, 61), (60, 140, 90), (120, 80, 160), (220, 170, 40))


def _encode(image: Image.Image, fmt: str) -> bytes:
    out = io.BytesIO()
    if fmt == "JPEG":
        image.save(out, "JPEG", quality=88)
    else:
        image.save(out, "PNG")
    return out.getvalue()


@lru_cache(maxsize=16)
def photo(seed: int, width_px: int, height_px: int) -> bytes:
    """Return a JPEG with enough grain to be as heavy as a phone's photograph."""
    rng = random.Random(seed)  # noqa: S311 - decoration
    low, high = rng.choice(_INK), (235, 240, 250)
    sky = Image.linear_gradient("L").resize((width_px, height_px))
    image = Image.composite(Image.new("RGB", sky.size, low), Image.new("RGB", sky.size, high), sky)
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.randrange(width_px), rng.randrange(height_px // 3, height_px)
        r = rng.randrange(height_px // 24, height_px // 7)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.choice(_INK))
    grain = Image.frombytes("L", (256, 256), rng.randbytes(256 * 256)).resize(sky.size, Image.Resampling.BICUBIC)
    return _encode(Image.blend(image, Image.merge("RGB", (grain, grain, grain)), 0.12), "JPEG")


@lru_cache(maxsize=64)
def diagram(seed: int) -> bytes:
    """Return a PNG of a small bar chart, 420 x 220 pixels."""
    rng = random.Random(seed)  # noqa: S311 - decoration
    image = Image.new("RGB", (420, 220), "white")
    draw = ImageDraw.Draw(image)
    for i in range(7):
        height = rng.randrange(30, 180)
        draw.rectangle((40 + i * 52, 200 - height, 76 + i * 52, 200), fill=_INK[i % len(_INK)])
    draw.line((30, 200, 410, 200), fill="black", width=2)
    draw.line((30, 10, 30, 200), fill="black", width=2)
    return _encode(image, "PNG")


@lru_cache(maxsize=256)
def portrait(seed: int) -> bytes:
    """Return a PNG of a stylised head, 100 x 100 pixels, as Moodle's ``f1`` user pictures are."""
    rng = random.Random(seed)  # noqa: S311 - decoration
    image = Image.new("RGB", (100, 100), rng.choice(_INK))
    draw = ImageDraw.Draw(image)
    skin = rng.choice(((240, 210, 180), (200, 150, 110), (140, 95, 65), (250, 225, 200)))
    draw.ellipse((15, 62, 85, 140), fill=(245, 245, 245))
    draw.ellipse((30, 20, 70, 68), fill=skin)
    return _encode(image, "PNG")


@lru_cache(maxsize=1)
def island_map() -> bytes:
    """Return the PNG behind the two drag-and-drop-onto-image questions."""
    image = Image.new("RGB", (MAP_WIDTH_PX, MAP_HEIGHT_PX), (200, 225, 240))
    draw = ImageDraw.Draw(image)
    draw.polygon([(60, 180), (110, 60), (230, 40), (330, 90), (460, 70), (480, 170), (300, 210)], fill=(215, 205, 160))
    draw.polygon([(180, 130), (220, 65), (260, 130)], fill=(130, 120, 110))
    draw.ellipse((330, 110, 410, 160), fill=(110, 170, 220))
    draw.line([(260, 130), (300, 150), (330, 140)], fill=(110, 170, 220), width=5)
    return _encode(image, "PNG")
