"""Every kind of place for archives, in one form, and a parcel to bring there."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from hashlib import sha256, shake_128
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.delivery.directory import DirectoryTarget
from archiveworker.delivery.s3 import ObjectStoreTarget
from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.domain.ports import DeliveryTarget
from archiveworker.domain.secret import Secret
from archiveworker.runtime.object_store import ObjectStore
from archiveworker.runtime.object_store_url import parse_store_url
from tests.fakes.receiver import SECRET, Fault, receiving
from tests.fakes.s3 import KEY, S3Server

JOB = JobId("895e0a1f-bcd5-4930-9e69-9f8ea501ad07")
OTHER_JOB = JobId("be17a92f-fbe7-4325-b61c-019a61d2e341")
Files = dict[str, bytes]


@dataclass
class Place:
    """A target, and what can be done to it from its other side.

    Attributes:
        target: to be tested.
        stored: returns the files of each archive that has arrived.
        refuse: makes it refuse the next archive of ``JOB`` for good.
        lose: makes it unreachable.
    """

    target: DeliveryTarget
    stored: Callable[[], list[Files]]
    refuse: Callable[[Parcel], None]
    lose: Callable[[], None]


def make_parcel(folder: Path, seed: int = 1) -> Parcel:
    """Return an archive of some blocks with a name that is not ASCII, and companions."""
    folder.mkdir(parents=True)
    data = shake_128(str(seed).encode()).digest(11_200_001)
    file = folder / "archive.tar.gz"
    file.write_bytes(data)
    archive = FinishedArchive("Prüfung 1 (a;b).tar.gz", "package/archive.tar.gz", sha256(data).hexdigest(), len(data))
    companions = []
    for name in (f"{archive.name}.sha256", f"{archive.name}.tsr", "report.html", "empty.crl"):
        companion = folder / name
        companion.write_bytes(b"" if name == "empty.crl" else f"{seed}: {name}\n".encode())
        companions.append(companion)
    return Parcel(archive, file, tuple(companions))


def contents(parcel: Parcel) -> Files:
    """Return what must arrive."""
    companions = {file.name: file.read_bytes() for file in parcel.companions}
    return {parcel.archive.name: parcel.file.read_bytes(), **companions}


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return make_parcel(tmp_path / "spool")


@pytest_asyncio.fixture(params=["directory", "webhook", "s3", "s3-in-parts"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "directory":
        yield _directory(tmp_path / "archives")
        return
    if request.param.startswith("s3"):
        yield _store(request.getfixturevalue("s3"), in_parts=request.param == "s3-in-parts")
        return
    async with receiving() as receiver:
        options = WebhookOptions(Secret(receiver.url), Secret(SECRET), stall_limit_s=5)
        target = WebhookTarget("webhook", options)
        yield Place(
            target,
            stored=lambda: list(receiver.stored.values()),
            refuse=lambda _: receiver.faults.append(Fault.FORBIDDEN_403),
            lose=lambda: setattr(target, "_url", target._url.with_port(9)),
        )


def _directory(folder: Path) -> Place:
    folder.mkdir()

    def stored() -> list[Files]:
        return [{file.name: file.read_bytes() for file in one.iterdir()} for one in sorted(folder.iterdir())]

    def refuse(parcel: Parcel) -> None:
        stem = parcel.archive.name.removesuffix(".tar.gz")
        (folder / f"{stem}-{JOB}-{parcel.archive.sha256[:8]}").mkdir()

    return Place(DirectoryTarget("directory", folder), stored, refuse, lambda: folder.rename(folder.with_name("away")))


def _store(server: S3Server, *, in_parts: bool) -> Place:
    bucket = server.make_bucket()
    url = parse_store_url(server.url(bucket), "S3")
    # The archive has 11.2 MB; stores take no parts below 5 MiB.
    store = ObjectStore(url, KEY, part_bytes=(5 if in_parts else 16) * 1024**2)

    def stored() -> list[Files]:
        found: dict[str, Files] = {}
        for key, data in server.objects(bucket).items():
            _, folder, name = key.split("/")
            found.setdefault(folder, {})[name] = data
        return list(found.values())

    def refuse(parcel: Parcel) -> None:
        stem = parcel.archive.name.removesuffix(".tar.gz")
        key = f"exams/{stem}-{JOB}-{parcel.archive.sha256[:8]}/{parcel.archive.name}"
        server.client.put_object(Bucket=bucket, Key=key, Body=b"something else")

    def lose() -> None:
        target._store = ObjectStore(replace(url, endpoint="http://127.0.0.1:9"), KEY)

    target = ObjectStoreTarget("s3", store)
    return Place(target, stored, refuse, lose)
