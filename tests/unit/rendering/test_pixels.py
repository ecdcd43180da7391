"""An image's size is told from its head, whatever it is called and however it is packed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archiveworker.rendering import pixels


def encoded(kind: str, size: tuple[int, int], **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", pixels.FORMATS)
def test_every_format_that_chromium_unpacks_is_measured(kind: str) -> None:
    data = encoded(kind, (120, 50))
    assert pixels.looks_like_image(data)
    assert not pixels.has_too_many(data, 6_000)
    assert pixels.has_too_many(data, 5_999)


def test_a_photograph_with_a_long_head_is_measured() -> None:
    assert pixels.has_too_many(encoded("JPEG", (120, 50), icc_profile=b"made up" * 100_000), 5_999)


def test_what_pillow_itself_refuses_is_refused() -> None:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    assert pixels.has_too_many(out.getvalue(), 10**12)


def test_only_the_head_is_needed() -> None:
    assert pixels.has_too_many(encoded("PNG", (1_000, 1_000))[:100], 999_999)


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF", b"BM", b"\0\0\0\x1cftypavif"]),
    st.binary(),
)
def test_what_cannot_be_read_is_not_called_too_large(head: bytes, rest: bytes) -> None:
    assert pixels.looks_like_image(head + rest)
    assert pixels.has_too_many(head + rest[:3], 10**6) is False


@pytest.mark.parametrize("data", [b"", b"B", b"body { color: red }", b"<svg xmlns='x'/>", b"%PDF-1.7", b"wOF2"])
def test_what_is_no_image_is_not_looked_into(data: bytes) -> None:
    assert not pixels.looks_like_image(data)


def test_the_note_says_why() -> None:
    assert b"more than 5 pixels" in pixels.note(5)
    assert pixels.remark(5) == "left out: more than 5 pixels"
