"""The form of a webhook: its length is known beforehand, whatever the names and sizes are."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.delivery.form import Form, FormFile, describe, signature
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret

NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\\\x00"), min_size=1, max_size=40)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.tuples(NAMES, st.binary(max_size=300)), min_size=1, max_size=4))
async def test_the_length_is_the_one_that_was_told(files: list[tuple[str, bytes]], tmp_path: Path) -> None:
    made = []
    for number, (name, data) in enumerate(files):
        source = tmp_path / str(number)
        source.write_bytes(data)
        made.append(FormFile("companion", name, source, len(data), hashlib.sha256(data).hexdigest()))
    blocks = 0

    def count() -> None:
        nonlocal blocks
        blocks += 1

    description = describe(tuple(made), JobId("j"), "key")
    form = Form("boundary", description, tuple(made), count)
    parts = [block async for block in form.blocks()]
    body = b"".join(parts)
    assert len(body) == form.size_bytes
    assert blocks == len(parts)
    assert form.is_sent
    assert body.count(b"--boundary\r\nContent-Disposition: form-data; ") >= len(files) + 1
    assert body.endswith(b"\r\n--boundary--\r\n")
    assert description in body
    assert all(data in body for _, data in files)


@pytest.mark.parametrize(
    ("secret", "at", "description", "expected"),
    [
        # Made with: printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        ("key", 1700000000, b"{}", "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"),
        # Made with: printf '0.' | openssl dgst -sha256 -hmac "made-up secret"
        ("made-up secret", 0, b"", "2ab155168985b655e2990a8208716846590425d2d1652bebf8a4486249a8e361"),
    ],
)
def test_the_signature_is_the_one_of_openssl(secret: str, at: int, description: bytes, expected: str) -> None:
    assert signature(Secret(secret), at, description) == f"v1={expected}"
