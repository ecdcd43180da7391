"""Files of an LMS that means harm: what is a bomb elsewhere is bytes here, and too many names are refused early."""

import gzip
import io
import time
import zipfile
from typing import Any

import pytest

from archiveworker.domain.errors import LimitExceededError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import PlannedBackup
from archiveworker.sources.moodle.files import BACKUP_TYPE, MAX_ATTACHMENT_COUNT, attachments_in
from tests.contract.sources.posted import backup, quiz_request

BACKUP = PlannedBackup(f"{1:032x}", ArchivePath("backups/backup-1.mbz"))
BOMB_BYTES = 64 * 1024**2


def _gzip_bomb() -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for _ in range(BOMB_BYTES // 1024**2):
            file.write(bytes(1024**2))
    return buffer.getvalue()


def _zip_that_climbs() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../../../../tmp/climbed", b"x")
    return buffer.getvalue()


@pytest.mark.parametrize("make", [_gzip_bomb, _zip_that_climbs, lambda: b"\x1f\x8b not even gzip"])
async def test_a_backup_is_never_unpacked(moodle: Any, connect: Any, spool: Any, make: Any) -> None:
    """It is stored byte for byte: nothing of it is read but to be hashed."""
    content = make()
    moodle.add_file("50/backup/activity/backup-1.mbz", content, BACKUP_TYPE)
    moodle.say("quiz_archiver_get_backup_status", {"status": "SUCCESS"})
    async with connect(quiz_request(7, moodle.base_url, task_moodle_backups=[backup(moodle.base_url)])) as connection:
        assert await connection.backup_is_ready(BACKUP)
        file = await connection.fetch_backup(BACKUP, spool)
    assert file.size_bytes == len(content)
    assert [path.read_bytes() for path in spool.folder.iterdir()] == [content]


def _announced(count: int) -> list[dict[str, Any]]:
    one = {"slot": 1, "filename": "a.txt", "filesize": 1, "contenthash": "0" * 40, "downloadurl": "https://x/y"}
    return [one] * count


def test_many_files_of_one_name_get_names_soon() -> None:
    began_s = time.process_time()
    found = attachments_in(_announced(MAX_ATTACHMENT_COUNT), ArchivePath("attempts/x"))
    assert len({one.path.value.casefold() for one in found}) == MAX_ATTACHMENT_COUNT
    assert found[-1].path.name == f"a ({MAX_ATTACHMENT_COUNT}).txt"
    assert time.process_time() - began_s < 5


def test_more_files_than_anybody_attaches_are_refused() -> None:
    with pytest.raises(LimitExceededError, match="10001 attachments"):
        attachments_in(_announced(MAX_ATTACHMENT_COUNT + 1), ArchivePath("attempts/x"))
