"""Every file of a page has a place of its own, whatever the LMS calls it; pictures are told by their bytes."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.kinds import FileArea, TimeQuality
from archiveworker.domain.peer_review.work import File
from archiveworker.sources.reviewed.placing import Placing, possible
from archiveworker.sources.reviewed.shown import Blob

AT = datetime(2026, 4, 13, tzinfo=UTC)
NAMES = st.sampled_from(
    ["a.pdf", "A.PDF", "../../etc/passwd", "..", "", "con", "x" * 300, "ä\u0308.png", "a\\b", "2_a.pdf"]
)


def file(number: int, name: str = "a.png", **more: object) -> File:
    return File(FileId(str(number)), FileArea.SUBMISSION_INLINE, name, **more)  # type: ignore[arg-type]


def blob(folder: Path, data: bytes) -> Blob:
    path = folder / Sha256.of(data).hex
    path.write_bytes(data)
    return Blob(path, Sha256.of(data), len(data))


@given(st.lists(st.tuples(NAMES, st.sampled_from(["/", "/sub/", "/../", "/SUB/"])), max_size=12))
def test_no_two_files_share_a_place_and_none_leaves_its_folder(names: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one = blob(Path(folder), b"x")
        files = {FileId(str(at)): file(at, name, path=path) for at, (name, path) in enumerate(names)}
        placing = Placing(files, dict.fromkeys(files, one), AT)
        placing.add("files/work", files)
        paths = [placed.path.value for placed in placing.files]
    assert len({path.casefold() for path in paths}) == len(names)
    assert all(path.startswith("files/work/") and ".." not in path.split("/") for path in paths)
    assert set(placing.attachments.links) == set(files)


PICTURES = {
    b"\x89PNG\r\n\x1a\n rest": "data:image/png;base64,",
    b"\xff\xd8\xff rest": "data:image/jpeg;base64,",
    b"GIF89a rest": "data:image/gif;base64,",
    b"RIFF1234WEBP rest": "data:image/webp;base64,",
    b"<svg onload='run()'/>": None,
    b"<html>": None,
    b"": None,
}


@pytest.mark.parametrize(("data", "begin"), PICTURES.items())
def test_a_picture_is_what_its_bytes_are(tmp_path: Path, data: bytes, begin: str | None) -> None:
    files = {FileId("1"): file(1, text_url="https://lms.test/a.png", mimetype="image/png")}
    placing = Placing(files, {FileId("1"): blob(tmp_path, data)}, AT)
    placing.add("files", files)
    shown = placing.attachments.pictures.get(FileId("1"))
    assert shown is None if begin is None else (shown or "").startswith(begin)


def test_only_what_a_text_shows_is_a_picture(tmp_path: Path) -> None:
    files = {FileId("1"): file(1)}
    placing = Placing(files, {FileId("1"): blob(tmp_path, b"\xff\xd8\xff")}, AT)
    placing.add("files", files)
    assert not placing.attachments.pictures


TIMES = [
    (AT, AT),
    (datetime(1, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC)),
    (datetime(9999, 12, 31, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)),
]


@pytest.mark.parametrize(("at", "expected"), TIMES)
def test_times_that_cannot_be(tmp_path: Path, at: datetime, expected: datetime) -> None:
    assert possible(at) == expected
    files = {
        FileId("1"): file(1, modified_at=at, time_quality=TimeQuality.EXACT),
        FileId("2"): file(2, modified_at=at, time_quality=TimeQuality.UNKNOWN),
    }
    one = blob(tmp_path, b"x")
    placing = Placing(files, dict.fromkeys(files, one), AT)
    placing.add("files", files)
    assert [placed.at for placed in placing.files] == [expected, AT]
