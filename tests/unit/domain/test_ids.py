"""Names and addresses."""

import unicodedata
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.ids import ArchivePath, LmsOrigin


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_whatever_comes_a_sanitised_path_is_a_safe_one(parts: list[str]) -> None:
    path = ArchivePath.sanitised(*parts)
    assert ArchivePath(path.value) == path
    assert all(len(part.encode()) <= 200 for part in path.value.split("/"))
    assert unicodedata.normalize("NFC", path.value) == path.value


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "/a",
        "a//b",
        "../a",
        "a/..",
        "a/./b",
        "a\\b",
        "a\x00",
        "C:a",
        "nul",
        "a/CON.txt",
        "a ",
        " a",
        "a.",
        "e\u0301",
    ],
)
def test_an_unsafe_path_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="path|form C"):
        ArchivePath(bad)


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("student01/32-2026", "student01/32-2026"),
        ("../../etc/passwd", "_/_/etc/passwd"),
        ("a\\b:c", "a_b_c"),
        ("CON", "_CON"),
        ("Quellen  Notizen – ü.txt", "Quellen  Notizen – ü.txt"),
        ("李/小龙", "李/小龙"),
        ("a\u202eb", "a_b"),
        ("...", "_"),
        ("notes\xa0. .", "notes"),
    ],
)
def test_sanitising_changes_only_what_is_unsafe(raw: str, safe: str) -> None:
    assert ArchivePath.sanitised(raw).value == safe


@given(st.text(min_size=150, max_size=400), st.text(min_size=150, max_size=400))
def test_a_shortened_name_keeps_its_ending(head: str, tail: str) -> None:
    assert ArchivePath.sanitised(f"x{head}{tail}y.pdf".replace("/", "")).value.endswith(".pdf")


def test_origins_are_compared_as_origins() -> None:
    assert LmsOrigin.of("https://Moodle.Example.org/sub?x") == LmsOrigin.of("https://moodle.example.org:443")
    assert LmsOrigin.of("http://a") != LmsOrigin.of("https://a")
    assert str(LmsOrigin.of("http://[::1]:8080/x")) == "http://[::1]:8080"


@pytest.mark.parametrize("bad", ["ftp://a", "a", "http://", "http://u:p@a/", "http://a:99999/", "//a"])
def test_a_bad_origin_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="URL|Port"):
        LmsOrigin.of(bad)


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "con.txt", "Nul .txt", "aux.tar.gz", "COM1", "lpt9.pdf", "COM¹.txt", "LPT³", "CONIN$", "conout$.log"),
        *("a" * 300, "ü" * 200, "\U0001f9d1\u200d\U0001f3eb" * 60 + ".pdf", "x" * 4096 + "/" + "y" * 4096),
        *("invoice\u202efdp.exe", "\u2066a\u2069", "a\u200bb", "\ufeffa", "a\u00adb", "\u2028", "a\ud800b"),
        *(
            "../../../etc/passwd",
            "..\\..\\windows",
            "/etc/passwd",
            "C:\\x",
            "\\\\host\\share",
            "a/../../b",
            "....//....//x",
        ),
        *(
            "a\x00.pdf",
            "a\r\nSet-Cookie: x",
            "a\x1b[2J",
            "-rf",
            "~root",
            "$(id)",
            "`id`",
            "a|b",
            "%2e%2e%2fx",
            "．．／x",
            "‥/x",
        ),
    ],
)
def test_no_name_is_more_than_a_name(name: str) -> None:
    path = ArchivePath.sanitised(name)
    parts = path.value.split("/")
    assert ".." not in parts
    assert "." not in parts
    assert not path.value.startswith("/")
    assert all(0 < len(part.encode()) <= 200 for part in parts)
    assert not any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in '\\:|<>"?*' for char in path.value
    )
    assert not any(PureWindowsPath(part).is_reserved() for part in parts)
