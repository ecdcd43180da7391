"""A job's working files in an object store: ``<prefix>/<first folder>/<job id>/<rest>``; what is local is a copy.

Work is done in folders of this machine, which are the spool's cache. What an item has made is put to the store at its
end, with the digests that the engine stores; whoever packs streams it back and compares. Folders that belong to the
whole job (``collected``, ``companions``, ``package``, ``evidence``) are kept with an index of names, sizes and digests,
written last: what it does not name was never kept, what it names and is not there is an error. The first folder stands
in front of the job's id, so that jobs with working files can be listed without asking for each job there ever was.

Accepted risk: the index of a folder lies in the same store. Who may write there can change what a job has collected
before it is archived, as on a shared folder; what items and archives are is compared with the engine's database.
"""

import asyncio
import contextlib
import errno
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import SpoolFullError, StoreChangedError
from archiveworker.domain.ids import JobId
from archiveworker.domain.ports import Readable
from archiveworker.runtime.clock import Clock
from archiveworker.runtime.digests import CHUNK_BYTES, Digested, digest_file, hashed_file
from archiveworker.runtime.spool import COLLECTED, FULL_ERRNOS, LocalItemSpool, LocalSpool

if TYPE_CHECKING:
    from archiveworker.runtime.object_store import ObjectStore

_INDEX: Final = ".kept.json"
_MARK: Final = ".archiveworker-spool"
_AT_ONCE: Final = 8
_IDLE_S: Final = 600.0


T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True):
    """A file of a folder that was kept: its digest (hex) and size."""

    sha256: str
    size_bytes: int


_Index = dict[str, _Entry]
"""By name, relative to the folder. It is stored as JSON; new keys must be optional."""


class ObjectStoreSpool:
    """Implements ``domain.ports.Spool`` in an object store.

    Args:
        store: shared with the other executors.
        cache: of this process alone.
        clock: says how long a copy has not been used.
    """

    def __init__(self, store: "ObjectStore", cache: LocalSpool, clock: Clock) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._locks: defaultdict[JobId, asyncio.Lock] = defaultdict(asyncio.Lock)

    def __str__(self) -> str:
        return f"ARCHIVEWORKER_SPOOL_URL: {self._store.url}"

    def job_folder(self, job_id: JobId) -> Path:
        """Return the folder of a job on this machine; it may not exist yet."""
        return self._cache.job_folder(job_id)

    def item(self, job_id: JobId, name: str) -> LocalItemSpool:
        """Make (or empty) the folder ``name`` of a job on this machine and return it."""
        return self._cache.item(job_id, name)

    def shared(self, job_id: JobId) -> LocalItemSpool:
        """Make the folder ``collected`` of a job on this machine, unless it is there, and return it."""
        return self._cache.shared(job_id)

    def companions(self, job_id: JobId) -> tuple[Path, ...]:
        """Return the files that go beside the archive of a job; ``fetch`` brings them."""
        return self._cache.companions(job_id)

    def path_of(self, job_id: JobId, spooled: str) -> Path:
        """Return the place of a file on this machine; see the port."""
        return self._cache.path_of(job_id, spooled)

    def opened(self, job_id: JobId, spooled: str) -> Readable:
        """Open this machine's copy of a spooled file, or else the object; see the port.

        Raises:
            FileNotFoundError: it is gone.
        """
        with contextlib.suppress(FileNotFoundError):
            return self._cache.opened(job_id, spooled)
        try:
            return self._store.open(_key(job_id, spooled))
        except StoreChangedError as exc:
            raise FileNotFoundError(errno.ENOENT, str(exc)) from exc

    def names(self, job_id: JobId, name: str) -> tuple[str, ...]:
        """Return the names of the files that were kept of a folder."""
        index = self._index(job_id, name)[0]
        return tuple(sorted(file for file in index if "/" not in file and not file.startswith(".")))

    def place(self, job_id: JobId, name: str) -> str:
        """Say where a folder of a job is kept."""
        return f"{self._store.url} in {_key(job_id, name)}"

    def mark(self, job_id: JobId, name: str) -> bool:
        """Leave a mark; return True when it was there already."""
        key = _key(job_id, name)
        if self._store.head(key) is not None:
            return True
        self._store.put_bytes(key, b"")
        return False

    async def fetch(self, job_id: JobId, *names: str) -> None:
        """Bring folders here, unless this machine has them as they were last kept; see the port.

        Raises:
            StoreError: they cannot be had, or are not what was kept.
            SpoolFullError: there is no room on this machine.
        """
        async with self._locks[job_id]:
            for name in names:
                await asyncio.to_thread(self._fetch, job_id, name)

    async def keep(self, job_id: JobId, *names: str) -> None:
        """Put what has changed in folders to the store, then their index; see the port.

        Raises:
            StoreError: it cannot be done.
        """
        async with self._locks[job_id]:
            for name in names:
                await asyncio.to_thread(self._keep, job_id, name)

    async def keep_files(self, job_id: JobId, files: Sequence[ArchiveFile]) -> None:
        """Put files to the store; those of ``collected`` are there since it was kept. See the port.

        Raises:
            StoreError: it cannot be done, or a file is not what it was.
        """
        mine = [file for file in files if not file.spooled.startswith(f"{COLLECTED}/")]
        await asyncio.to_thread(self._put_files, job_id, mine)

    def jobs_with_files(self, *, besides: frozenset[str] = frozenset()) -> list[JobId]:
        """Return the jobs that have more in the store than the folders named in ``besides``."""
        found: set[str] = set()
        for first in self._store.folders(""):
            if first not in besides:
                found.update(self._store.folders(f"{first}/"))
        return [JobId(name) for name in sorted(found)]

    def idle_copies(self) -> list[JobId]:
        """Return the jobs of which this machine has copies that nobody has changed or fetched for ten minutes."""
        now_s = self._clock.now().timestamp()
        return [
            job_id
            for job_id in self._cache.jobs_with_files()
            if all(now_s - at_s > _IDLE_S for at_s in _times(self._cache.job_folder(job_id)))
        ]

    def drop_copy(self, job_id: JobId) -> None:
        """Remove this machine's copy of a job's files."""
        self._cache.discard(job_id)
        self._locks.pop(job_id, None)

    def free_bytes(self) -> int:
        """Return how much room is left on this machine."""
        return self._cache.free_bytes()

    def discard(self, job_id: JobId, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove a job's folders in the store except those named in ``keep``, and this machine's copy of all."""
        for first in self._store.folders(""):
            if first not in keep:
                self._store.delete_all(f"{first}/{job_id}/")
        self.drop_copy(job_id)

    def read_mark(self) -> str:
        """Return the mark by which workers know a spool that they share, or nothing."""
        return (self._store.get_bytes(_MARK) or b"").decode("ascii", errors="replace")

    def write_mark(self, text: str) -> None:
        """Leave that mark, unless there is one."""
        if not self.read_mark():
            self._store.put_bytes(_MARK, text.encode())

    def _put_files(self, job_id: JobId, files: Sequence[ArchiveFile]) -> None:
        def put(file: ArchiveFile) -> None:
            with self._cache.opened(job_id, file.spooled) as source:
                self._store.put(_key(job_id, file.spooled), source, Digested(file.sha256, file.size_bytes))

        _at_once(put, files)

    def _keep(self, job_id: JobId, name: str) -> None:
        folder = self._cache.job_folder(job_id) / name
        before, _ = self._index(job_id, name)
        now = {file: digest_file(folder / file) for file in _files_in(folder)}

        def put(file: str) -> None:
            with (folder / file).open("rb") as source:
                self._store.put(_key(job_id, f"{name}/{file}"), source, now[file])

        index = {file: _Entry(known.sha256.hex, known.size_bytes) for file, known in now.items()}
        _at_once(put, [file for file, entry in index.items() if before.get(file) != entry])
        data = msgspec.json.encode(index)
        self._store.put_bytes(_key(job_id, f"{name}/{_INDEX}"), data)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / _INDEX).write_bytes(data)
        # Marks are in no index; a folder that was made anew has none.
        for key in list(self._store.names(_key(job_id, f"{name}/"))):
            if key.removeprefix(_key(job_id, f"{name}/")) not in {*before, *index, _INDEX}:
                self._store.delete_all(key)

    def _fetch(self, job_id: JobId, name: str) -> None:
        folder = self._cache.job_folder(job_id) / name
        index, data = self._index(job_id, name)
        here = folder / _INDEX
        if data is None or (here.is_file() and here.read_bytes() == data):
            return
        mine = msgspec.json.decode(here.read_bytes(), type=_Index) if here.is_file() else {}
        try:
            _at_once(
                lambda file: self._get(job_id, f"{name}/{file}", index[file]),
                [file for file, entry in index.items() if mine.get(file) != entry],
            )
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            here.write_bytes(data)
        except OSError as exc:
            if exc.errno in FULL_ERRNOS:
                raise SpoolFullError(f"There is no room on this machine for {name} of job {job_id}; make some") from exc
            raise

    def _get(self, job_id: JobId, spooled: str, entry: _Entry) -> None:
        target = self._cache.job_folder(job_id) / spooled
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.closing(self._store.open(_key(job_id, spooled))) as source, hashed_file(target) as writer:
            while data := source.read(CHUNK_BYTES):
                writer.write(data)
            seen = writer.finish()
            if (seen.sha256, seen.size_bytes) != (Sha256.from_hex(entry.sha256), entry.size_bytes):
                raise StoreChangedError(
                    f"{spooled} of job {job_id} is not what was kept in {self._store.url}: its SHA-256 differs; look "
                    "who writes there, then post the job again"
                )

    def _index(self, job_id: JobId, name: str) -> tuple[Mapping[str, _Entry], bytes | None]:
        """Return what was kept of a folder, and the bytes that say so; None when nothing was."""
        data = self._store.get_bytes(_key(job_id, f"{name}/{_INDEX}"))
        return ({}, None) if data is None else (msgspec.json.decode(data, type=_Index), data)


def _key(job_id: JobId, spooled: str) -> str:
    first, slash, rest = spooled.partition("/")
    return f"{first}/{job_id}{slash}{rest}"


def _files_in(folder: Path) -> Iterator[str]:
    """Yield what a folder holds, by names relative to it; unfinished files are not part of it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != _INDEX and file.suffix != ".part":
            yield file.relative_to(folder).as_posix()


def _at_once(work: Callable[[T], None], things: Sequence[T]) -> None:
    """Do ``work`` for each of ``things``, some at a time; raise what the first of them raised."""
    if len(things) < 2:
        for thing in things:
            work(thing)
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for _ in threads.map(work, things):
            pass


def _times(folder: Path) -> Iterator[float]:
    """Yield when a job's folder and those in it were last changed."""
    with contextlib.suppress(FileNotFoundError):
        yield folder.stat().st_mtime
        for child in folder.iterdir():
            yield child.stat().st_mtime
