"""The upload folder: files in it, and nothing that a name or a link could lead to."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.bridge.uploads import UploadFolder
from archiveworker.domain.errors import AccessDeniedError, NotFoundError, SettingsError

SECRET = b"secret"


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    root = tmp_path / "uploads"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"in the folder")
    (root / "sub" / "b.txt").write_bytes(b"below it")
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "c.txt").write_bytes(SECRET)
    (root / "inner").symlink_to("a.txt")
    (root / "link").symlink_to("../secret.txt")
    (root / "absolute").symlink_to(tmp_path / "secret.txt")
    (root / "door").symlink_to("../outside")
    (root / "gone").symlink_to("nothing")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return UploadFolder(root)


def test_files_in_the_folder(folder: UploadFolder) -> None:
    for name, content in (("a.txt", b"in the folder"), ("sub/b.txt", b"below it"), ("inner", b"in the folder")):
        with folder.open(name) as file:
            assert file.read() == content
    found = folder.look("a.txt")
    assert (found.status.value, found.size_bytes) == ("ok", 13)


REFUSED = ["link", "absolute", "door/c.txt", "../secret.txt", "sub/../../secret.txt", "/etc/passwd", "pipe", "sub", ".",
           "loop", "a.txt\x00", "x" * 300]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(folder: UploadFolder, name: str) -> None:
    with pytest.raises(AccessDeniedError):
        folder.open(name)
    assert folder.look(name).status.value == "refused"


@pytest.mark.parametrize("name", [None, "", "nothing", "gone", "a.txt/x", "nowhere/a.txt"])
def test_what_is_missing(folder: UploadFolder, name: str | None) -> None:
    with pytest.raises(NotFoundError):
        folder.open(name)
    assert folder.look(name).status.value == "missing"


def test_a_link_that_is_put_there_after_the_look_is_not_followed(folder: UploadFolder, tmp_path: Path) -> None:
    root = tmp_path / "uploads"
    (root / "sub" / "b.txt").unlink()
    (root / "sub").rmdir()
    (root / "sub").symlink_to("../outside")
    with pytest.raises(AccessDeniedError):
        folder._open_real(("sub", "c.txt"))
    with pytest.raises(AccessDeniedError):
        folder._open_real(("link",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "sub", "door", "link", "secret.txt", "c.txt", "a.txt", "b.txt", "", "~"])))
def test_no_name_leads_to_what_is_outside(folder: UploadFolder, parts: list[str]) -> None:
    try:
        with folder.open("/".join(parts)) as file:
            assert file.read() != SECRET
    except (AccessDeniedError, NotFoundError):
        pass


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ARCHIVEWORKER_BRIDGE_UPLOAD_DIR"):
        UploadFolder(tmp_path / "nowhere")
    assert UploadFolder(None).look("a.txt").status.value == "missing"
