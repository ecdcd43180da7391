"""Temporary folders of processes that were killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from archiveworker.runtime.temporary import OwnedFolder, remove_leftovers

_MAKE_ONE = """
import sys, time
from archiveworker.runtime.temporary import OwnedFolder
one = OwnedFolder("chromium")
(one.path / "profile").mkdir()
print(one.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_stays_as_long_as_its_process(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", _MAKE_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdin is not None
    theirs = Path(other.stdout.readline().decode().strip())
    with OwnedFolder("gateway") as mine:
        assert remove_leftovers() == []
        assert (theirs / "profile").is_dir()
        other.kill()
        other.wait()
        assert remove_leftovers() == [theirs.name]
        assert mine.path.is_dir()
        assert mine.path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []
    other.stdin.close()
    other.stdout.close()


def test_what_has_no_owner_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "archiveworker-chromium-old" / "profile").mkdir(parents=True)
    (tmp_path / "archiveworker-file").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "owner").touch()
    (tmp_path / "archiveworker-link").symlink_to(tmp_path / "elsewhere")
    assert remove_leftovers() == []
    assert len(list(tmp_path.iterdir())) == 4


def test_the_lock_is_not_handed_to_children(tmp_path: Path) -> None:
    """Chromium may live on for a moment; it must not keep its folder from being removed."""
    with OwnedFolder("chromium") as mine:
        held = subprocess.run(
            [sys.executable, "-c", "import os; print(*os.listdir('/proc/self/fd'))"], capture_output=True, check=True
        )
        assert not os.get_inheritable(mine._lock)
        assert str(mine._lock) not in held.stdout.decode().split()[3:]
