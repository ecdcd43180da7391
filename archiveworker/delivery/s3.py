"""Archives to an S3-compatible object store, locked against deletion on request.

The names are those of the folder (``directory``): ``<prefix>/<name>-<job id>-<8 digits of its SHA-256>/<file>``. The
archive goes first, its ``.sha256`` last: where that is, everything is. What is there already, with the same digest, is
not sent again; so a delivery that is repeated goes on where it was, and a locked object gets no second version.

Not for making buckets or their rules. Accepted risk: companions that only the owner may read (``Parcel.private``) lie
beside the archive like the others; who may read the bucket is the bucket's policy.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archiveworker.delivery.names import folder_name, named_places
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import (
    DeliveryError,
    DeliveryUnavailableError,
    SettingsError,
    StoreError,
    StoreUnavailableError,
)
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.digests import Digested, digest_file
from archiveworker.runtime.object_store_url import StoreUrl, open_store, parse_store_url
from archiveworker.runtime.proxies import Proxy

if TYPE_CHECKING:
    from archiveworker.runtime.object_store import ObjectStore

_SETTING: Final = "ARCHIVEWORKER_DELIVERY_S3"
_MODES: Final = ("governance", "compliance")
_MAX_DAYS: Final = 36_500
_LAST: Final = ".sha256"


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """How long nobody may delete what was delivered.

    Attributes:
        mode: ``governance`` (whoever has the right may lift it) or ``compliance`` (nobody may).
        days: from the delivery on.
    """

    mode: str
    days: int


def object_stores(
    entries: Sequence[str], keys: Sequence[Secret], *, ca_bundle: Path | None, proxy: Proxy | None = None
) -> list["ObjectStoreTarget"]:
    """Return the stores that the settings name.

    Args:
        entries: ``NAME=s3://...``, or an address alone; see ``runtime.object_store_url``, and ``lock``, ``lock_days``.
        keys: none (what the machine has), one for all, or one for each, in the same order.
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which requests go; None goes directly.

    Raises:
        SettingsError: the proxy, a name, an address, a key or a lock cannot be used.
    """
    found = named_places(entries, "s3", _SETTING)
    if len(keys) not in (0, 1, len(found)):
        raise SettingsError(
            f"{_SETTING}_KEYS has {len(keys)} entries, {_SETTING} {len(found)}; give one for all, or one for each"
        )
    spread: list[Secret | None] = [*keys] * len(found) if len(keys) == 1 else [*keys]
    if not spread:
        spread = [None] * len(found)
    targets = []
    for (name, place), key in zip(found, spread, strict=True):
        url = parse_store_url(place, _SETTING, ("lock", "lock_days"))
        targets.append(ObjectStoreTarget(name, open_store(url, key, ca_bundle, proxy), _lock_of(url)))
    return targets


class ObjectStoreTarget:
    """Implements ``domain.ports.DeliveryTarget``.

    Args:
        name: how jobs call it.
        store: where archives go.
        lock: on each object; None: none but what the bucket itself prescribes.
        clock: what the lock's end is counted from.
    """

    def __init__(
        self, name: str, store: "ObjectStore", lock: ObjectLock | None = None, clock: Clock | None = None
    ) -> None:
        self._name = name
        self._store = store
        self._lock = lock
        self._clock = clock or SystemClock()

    @property
    def name(self) -> str:
        """How jobs call it."""
        return self._name

    async def deliver(self, parcel: Parcel, job_id: JobId) -> None:
        """Put the archive and its companions there; see the port.

        Raises:
            DeliveryUnavailableError: the store does not answer, has an error or is full.
            DeliveryError: it refuses, something else has the name, or the archive was damaged.
        """
        await asyncio.to_thread(self._deliver, parcel, job_id)

    async def check(self) -> tuple[str, str]:
        """Begin to put something there and give up, which leaves nothing; see the port.

        Raises:
            DeliveryError: it cannot be reached, refuses, or cannot lock.
        """
        return await asyncio.to_thread(self._check)

    def _check(self) -> tuple[str, str]:
        with _translated():
            self._store.check_writable("archiveworker-check", self._locked())
            if self._lock is not None and not self._store.has_object_lock():
                raise DeliveryError(f"{self._store.url} has no object lock; make a bucket that has, or leave out lock=")
        locked = f", locked for {self._lock.days} days ({self._lock.mode})" if self._lock else ""
        in_clear = self._store.url.endpoint.startswith("http://")
        return f"{self._store.url} takes archives{locked}", "archives go there in clear text" if in_clear else ""

    def _deliver(self, parcel: Parcel, job_id: JobId) -> None:
        archive, folder = parcel.archive, folder_name(parcel.archive, job_id)
        with _translated():
            self._put(
                parcel.file, f"{folder}/{archive.name}", Digested(Sha256.from_hex(archive.sha256), archive.size_bytes)
            )
            for companion in sorted(parcel.companions, key=lambda file: file.name.endswith(_LAST)):
                self._put(companion, f"{folder}/{companion.name}", digest_file(companion))

    def _put(self, file: Path, name: str, known: Digested) -> None:
        """Put a file there, unless it is there."""
        there = self._store.head(name)
        if there is not None and there.sha256 == known.sha256.hex and there.size_bytes == known.size_bytes:
            self._lock_if_open(name, is_locked=there.is_locked)
            return
        if there is not None:
            raise DeliveryError(
                f"{name} in {self._store.url} is something else than this file; look at it and move it away"
            )
        self._store.abandon_uploads(name)
        with file.open("rb") as source:
            self._store.put(name, source, known, self._locked())
        if self._lock is not None:
            there = self._store.head(name)
            self._lock_if_open(name, is_locked=there is not None and there.is_locked)

    def _lock_if_open(self, name: str, *, is_locked: bool) -> None:
        """Lock what a store has not locked by itself, as some do with what came in parts."""
        if self._lock is not None and not is_locked:
            self._store.retain(name, self._locked())

    def _locked(self) -> dict[str, Any]:
        if self._lock is None:
            return {}
        until = self._clock.now() + timedelta(days=self._lock.days)
        return {"ObjectLockMode": self._lock.mode.upper(), "ObjectLockRetainUntilDate": until}


def _lock_of(url: StoreUrl) -> ObjectLock | None:
    options = url.others or {}
    mode, days = options.get("lock", ""), options.get("lock_days", "")
    if not mode and not days:
        return None
    if mode not in _MODES or not days.isdecimal() or not 1 <= int(days) <= _MAX_DAYS:
        raise SettingsError(
            f"{_SETTING}: a lock is lock=governance or lock=compliance together with lock_days=1..{_MAX_DAYS}"
        )
    return ObjectLock(mode, int(days))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as exc:
        raise DeliveryUnavailableError(str(exc)) from exc
    except StoreError as exc:
        raise DeliveryError(str(exc)) from exc
    except OSError as exc:
        raise DeliveryError(f"the archive cannot be read from the spool ({exc.strerror or exc})") from exc
