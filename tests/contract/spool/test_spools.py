"""What every spool has to keep to: what one executor keeps another finds, whole, until it is discarded."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import NotFoundError, StoreChangedError, VerificationError
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.domain.ports import Spool
from archiveworker.evidence.container import pack
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.object_store import ObjectStore
from archiveworker.runtime.object_store_spool import ObjectStoreSpool
from archiveworker.runtime.object_store_url import parse_store_url
from archiveworker.runtime.spool import LocalSpool
from tests.fakes.s3 import KEY, S3Server

JOB = JobId("c0199590-e54a-11f1-9fb7-02fc00000001")
OTHER_JOB = JobId("c0199590-e54a-11f1-9fb7-02fc00000002")


class Executors:
    """Makes the spool of one executor after another; whoever has a store has no disk in common.

    Attributes:
        bucket: of the store; empty for a shared folder.
    """

    def __init__(self, folder: Path, s3: S3Server | None) -> None:
        self._folder = folder
        self._s3 = s3
        self._count = 0
        self.bucket = "" if s3 is None else s3.make_bucket()

    def new(self) -> Spool:
        """Return the spool of one more executor."""
        self._count += 1
        if self._s3 is None:
            return LocalSpool(self._folder / "shared")
        store = ObjectStore(parse_store_url(self._s3.url(self.bucket), "S3"), KEY)
        return ObjectStoreSpool(store, LocalSpool(self._folder / f"cache-{self._count}"), SystemClock())


@pytest.fixture(params=["directory", "s3"])
def executors(request: pytest.FixtureRequest, tmp_path: Path) -> Executors:
    return Executors(tmp_path, request.getfixturevalue("s3") if request.param == "s3" else None)


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def read(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(".")
    }


async def archived_item(spool: Spool, name: str = "items/attempt-1@a", data: bytes = b"pdf") -> ArchiveFile:
    """Make an item's file and keep it."""
    item = spool.item(JOB, name)
    write(item.folder, {"rendered/x.pdf": data})
    made = ArchiveFile(
        ArchivePath("attempts/Ünal.pdf"),
        item.relative(item.folder / "rendered/x.pdf"),
        Sha256.of(data),
        len(data),
        datetime(2026, 1, 2, tzinfo=UTC),
    )
    await spool.keep_files(JOB, [made])
    return made


async def test_whoever_packs_reads_what_others_have_rendered(executors: Executors, tmp_path: Path) -> None:
    ours, theirs = executors.new(), executors.new()
    mine = await archived_item(ours, data=b"mine" * 1_000_000)
    entries = [mine]
    packed = pack(entries, spool=lambda name: theirs.opened(JOB, name), target=tmp_path / "a.tar.gz")
    again = pack(entries, spool=lambda name: ours.opened(JOB, name), target=tmp_path / "b.tar.gz")
    assert packed.sha256 == again.sha256


async def test_a_file_that_is_gone_is_named(executors: Executors, tmp_path: Path) -> None:
    file = await archived_item(executors.new())
    executors.new().discard(JOB)
    other = executors.new()
    with pytest.raises(VerificationError, match=r"'attempts/Ünal.pdf' is gone from the spool"):
        pack([file], spool=lambda name: other.opened(JOB, name), target=tmp_path / "a.tar.gz")


async def test_a_folder_is_found_as_it_was_last_kept(executors: Executors) -> None:
    ours, theirs = executors.new(), executors.new()
    files = {"a.json": b"{}", "deep/b.bin": bytes(range(256)), "empty": b""}
    write(ours.shared(JOB).folder, files)
    await ours.keep(JOB, "collected")
    for _ in range(2):
        await theirs.fetch(JOB, "collected", "companions")
        assert read(theirs.shared(JOB).folder) == files
    write(theirs.shared(JOB).folder, {"a.json": b"[]"})
    await theirs.keep(JOB, "collected")
    await ours.fetch(JOB, "collected")
    assert read(ours.shared(JOB).folder) == files | {"a.json": b"[]"}


async def test_what_was_never_kept_is_no_error(executors: Executors) -> None:
    spool = executors.new()
    await spool.fetch(JOB, "collected", "evidence")
    assert spool.names(JOB, "package") == ()
    assert spool.companions(JOB) == ()
    with pytest.raises(NotFoundError, match="no longer on the spool"):
        spool.path_of(JOB, "package/archive.tar.gz")


async def test_a_mark_is_seen_by_whoever_goes_on(executors: Executors) -> None:
    ours, theirs = executors.new(), executors.new()
    write(ours.item(JOB, "package").folder, {"archive.tar.gz": b"x"})
    await ours.keep(JOB, "package")
    assert not ours.mark(JOB, "package/confirm-begun")
    assert theirs.mark(JOB, "package/confirm-begun")
    assert theirs.names(JOB, "package")[0] == "archive.tar.gz"
    write(theirs.item(JOB, "package").folder, {"archive.tar.gz": b"y"})
    await theirs.keep(JOB, "package")
    assert not ours.mark(JOB, "package/confirm-begun"), "another archive has no call behind it"


async def test_discarding_keeps_what_is_named(executors: Executors) -> None:
    ours, theirs = executors.new(), executors.new()
    await archived_item(ours)
    write(ours.item(JOB, "evidence").folder, {"a.tsr": b"stamp"})
    write(ours.item(OTHER_JOB, "package").folder, {"archive.zip": b"x"})
    await ours.keep(JOB, "evidence")
    await ours.keep(OTHER_JOB, "package")
    assert theirs.jobs_with_files(besides=frozenset({"evidence"})) == [JOB, OTHER_JOB]
    theirs.discard(JOB, keep=frozenset({"evidence"}))
    assert theirs.jobs_with_files(besides=frozenset({"evidence"})) == [OTHER_JOB]
    await theirs.fetch(JOB, "evidence")
    assert theirs.path_of(JOB, "evidence/a.tsr").read_bytes() == b"stamp"
    theirs.discard(JOB)
    theirs.discard(JOB)
    assert theirs.jobs_with_files() == [OTHER_JOB]


async def test_what_changed_in_the_store_is_not_taken(s3: S3Server, tmp_path: Path) -> None:
    executors = Executors(tmp_path, s3)
    ours, theirs = executors.new(), executors.new()
    file = await archived_item(ours, data=b"right")
    write(ours.shared(JOB).folder, {"a.json": b"right"})
    await ours.keep(JOB, "collected")
    for key, data in s3.objects(executors.bucket).items():
        if data == b"right":
            s3.client.put_object(Bucket=executors.bucket, Key=key, Body=b"wrong")
    with pytest.raises(VerificationError, match=r"'attempts/Ünal.pdf' changed on the spool"):
        pack([file], spool=lambda name: theirs.opened(JOB, name), target=tmp_path / "a.tar.gz")
    with pytest.raises(StoreChangedError, match=r"collected/a.json of job .* is not what was kept"):
        await theirs.fetch(JOB, "collected")
    assert read(theirs.shared(JOB).folder) == {}, "nothing of it is left"


async def test_a_file_that_changed_before_it_was_kept_is_refused(s3: S3Server, tmp_path: Path) -> None:
    executors = Executors(tmp_path, s3)
    spool = executors.new()
    file = await archived_item(spool)
    spool.path_of(JOB, file.spooled).write_bytes(b"other")
    with pytest.raises(StoreChangedError, match="is not what it was"):
        await spool.keep_files(JOB, [file])
    assert b"other" not in s3.objects(executors.bucket).values()


async def test_a_copy_that_nobody_uses_can_be_dropped(s3: S3Server, tmp_path: Path) -> None:
    executors = Executors(tmp_path, s3)
    spool = executors.new()
    write(spool.shared(JOB).folder, {"a.json": b"{}"})
    await spool.keep(JOB, "collected")
    assert spool.idle_copies() == [], "it was used just now"
    spool.drop_copy(JOB)
    assert not spool.job_folder(JOB).exists()
    await spool.fetch(JOB, "collected")
    assert read(spool.shared(JOB).folder) == {"a.json": b"{}"}
