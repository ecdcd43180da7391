"""A place in an S3-compatible object store: one bucket, one prefix; objects are put, read back and deleted there.

Every object carries the SHA-256 of its bytes (metadata ``sha256``); the store compares what arrives with an MD5 that
goes with each request, which every kind of store does and object lock asks for. Large files go up in parts, and appear
as a whole or not at all. All of it blocks: async code calls it by ``asyncio.to_thread``.

Not for names that come from outside: who calls says which. Accepted risk: whoever may write to the bucket can change an
object together with its metadata; what must be believed is compared with a digest that is kept elsewhere.

Source: Amazon S3 API reference (PutObject, UploadPart, GetObject, ListObjectsV2), signed by botocore.
"""

import base64
import contextlib
import hashlib
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import StoreChangedError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.digests import Digested
from archiveworker.runtime.object_store_client import BROKEN, make_client, translated
from archiveworker.runtime.object_store_url import StoreUrl
from archiveworker.runtime.proxies import Proxy

PART_BYTES: Final = 16 * 1024**2
"""Files up to this size go up in one request; of larger ones this much is held in memory at a time."""
_MAX_PARTS: Final = 10_000
_READ_TRIES: Final = 4
_AT_ONCE: Final = 16
_SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of an object.

    Attributes:
        size_bytes: its length.
        sha256: digest that was noted when it was put, in hex; empty when somebody else put it.
        is_locked: it has an object lock.
    """

    size_bytes: int
    sha256: str
    is_locked: bool = False


class ObjectStore:
    """One prefix of one bucket.

    Args:
        url: where.
        key: ``ACCESS_KEY_ID:SECRET_ACCESS_KEY``; None: what the machine has (web identity, instance profile).
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which requests go; None goes directly.
        part_bytes: see ``PART_BYTES``; stores take no less than 5 MiB.

    Raises:
        SettingsError: botocore is not installed, or the key, the bundle or the proxy cannot be used.
    """

    def __init__(
        self,
        url: StoreUrl,
        key: Secret | None,
        ca_bundle: Path | None = None,
        proxy: Proxy | None = None,
        *,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.url = url
        self._client = make_client(url, key, ca_bundle, proxy)
        self._part_bytes = part_bytes

    def __repr__(self) -> str:
        return f"ObjectStore({self.url})"

    def put(self, name: str, source: BinaryIO, known: Digested, extra: Mapping[str, Any] | None = None) -> None:
        """Store what ``source`` holds, unless it is something else than ``known``.

        Args:
            name: below the prefix.
            source: open at its beginning.
            known: its digest and size.
            extra: further arguments of PutObject and CreateMultipartUpload (object lock).

        Raises:
            StoreChangedError: the bytes are not those that are ``known``; nothing is stored.
            StoreError: the store refuses, or cannot be reached.
        """
        arguments = {"Metadata": {_SHA256: known.sha256.hex}, **(extra or {})}
        if known.size_bytes > self._part_bytes:
            self._put_in_parts(name, source, known, arguments)
            return
        data = source.read(known.size_bytes + 1)
        _compare(name, Digested(Sha256.of(data), len(data)), known)
        with translated(self.url):
            self._client.put_object(**self._at(name), Body=data, ContentMD5=_md5(data), **arguments)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Store a small object.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        with translated(self.url):
            metadata = {_SHA256: Sha256.of(data).hex}
            self._client.put_object(**self._at(name), Body=data, ContentMD5=_md5(data), Metadata=metadata)

    def head(self, name: str) -> StoredObject | None:
        """Return what the store says of an object, None when there is none.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        with translated(self.url, missing_is_fine=True):
            answer = self._client.head_object(**self._at(name))
            sha256 = answer.get("Metadata", {}).get(_SHA256, "")
            return StoredObject(answer["ContentLength"], sha256, is_locked="ObjectLockMode" in answer)
        return None

    def get_bytes(self, name: str) -> bytes | None:
        """Return a small object, None when there is none.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        try:
            with contextlib.closing(self.open(name)) as source:
                return source.read()
        except StoreChangedError:
            return None

    def open(self, name: str) -> "StoreReader":
        """Return an object's bytes as they come; to be closed.

        Raises:
            StoreChangedError: there is no such object.
            StoreError: the store refuses, or cannot be reached.
        """
        return StoreReader(self, name)

    def names(self, below: str) -> Iterator[str]:
        """Yield the names of all objects that begin with ``below``.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        for page in self._pages(below):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(self.url.prefix)

    def folders(self, below: str) -> Iterator[str]:
        """Yield what stands between ``below`` and the next slash, of all objects.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        for page in self._pages(below, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"].removeprefix(self.url.prefix + below).rstrip("/")

    def delete_all(self, below: str) -> None:
        """Delete every object that begins with ``below``; no error when there is none.

        One request each, some at a time: not every kind of store knows the request that deletes a thousand.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(self._delete, list(self.names(below))):
                pass

    def abandon_uploads(self, name: str) -> None:
        """Throw away the parts that a crash left of ``name``.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        key = self.url.prefix + name
        with translated(self.url):
            found = self._client.list_multipart_uploads(Bucket=self.url.bucket, Prefix=key)
            for upload in found.get("Uploads", ()):
                if upload["Key"] == key:
                    self._client.abort_multipart_upload(**self._at(name), UploadId=upload["UploadId"])

    def check_writable(self, name: str, extra: Mapping[str, Any] | None = None) -> None:
        """Begin an upload of ``name`` and give it up, which stores nothing.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        with translated(self.url):
            begun = self._client.create_multipart_upload(**self._at(name), **(extra or {}))
            self._client.abort_multipart_upload(**self._at(name), UploadId=begun["UploadId"])

    def retain(self, name: str, lock: Mapping[str, Any]) -> None:
        """Lock an object that is there.

        Args:
            name: of the object.
            lock: ``ObjectLockMode`` and ``ObjectLockRetainUntilDate``.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        retention = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": lock["ObjectLockRetainUntilDate"]}
        with translated(self.url):
            self._client.put_object_retention(**self._at(name), Retention=retention)

    def has_object_lock(self) -> bool:
        """Return True when the bucket was made with object lock.

        Raises:
            StoreError: the store refuses, or cannot be reached.
        """
        with translated(self.url, missing_is_fine=True):
            answer = self._client.get_object_lock_configuration(Bucket=self.url.bucket)
            return bool(answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")
        return False

    def read_from(self, name: str, start: int, etag: str | None) -> Mapping[str, Any]:
        """Return GetObject's answer, from byte ``start`` on, of the version that has ``etag``.

        Raises:
            StoreChangedError: there is no such object (any more).
            StoreError: the store refuses, or cannot be reached.
        """
        arguments = {"Range": f"bytes={start}-"} if start else {}
        if etag is not None:
            arguments["IfMatch"] = etag
        with translated(self.url, missing_is_fine=True):
            answer: Mapping[str, Any] = self._client.get_object(**self._at(name), **arguments)
            return answer
        raise StoreChangedError(f"{name} is gone from {self.url}; look who deletes there")

    def _put_in_parts(self, name: str, source: BinaryIO, known: Digested, arguments: Mapping[str, Any]) -> None:
        at, seen, size_bytes = self._at(name), hashlib.sha256(), 0
        part_bytes = max(self._part_bytes, math.ceil(known.size_bytes / _MAX_PARTS))
        with translated(self.url):
            upload = self._client.create_multipart_upload(**at, **arguments)["UploadId"]
            try:
                parts: list[dict[str, Any]] = []
                while data := source.read(part_bytes):
                    seen.update(data)
                    size_bytes += len(data)
                    number = len(parts) + 1
                    answer = self._client.upload_part(
                        **at, UploadId=upload, PartNumber=number, Body=data, ContentMD5=_md5(data)
                    )
                    parts.append({"PartNumber": number, "ETag": answer["ETag"]})
                _compare(name, Digested(Sha256(seen.digest()), size_bytes), known)
                self._client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
            except BaseException:
                with contextlib.suppress(*BROKEN):
                    self._client.abort_multipart_upload(**at, UploadId=upload)
                raise

    def _delete(self, name: str) -> None:
        with translated(self.url, missing_is_fine=True):
            self._client.delete_object(**self._at(name))

    def _pages(self, below: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        with translated(self.url):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.url.bucket, Prefix=self.url.prefix + below, **arguments)

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.url.bucket, "Key": self.url.prefix + name}


class StoreReader:
    """The bytes of one object; a connection that breaks is taken up again where it broke.

    Args:
        store: where it is.
        name: of the object.

    Attributes:
        sha256: digest that was noted when it was put, in hex; empty when somebody else put it.
    """

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._position = 0
        answer = store.read_from(name, 0, None)
        self._body, self._etag = answer["Body"], answer["ETag"]
        self.sha256: str = answer.get("Metadata", {}).get(_SHA256, "")

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end.

        Raises:
            StoreChangedError: the object was replaced meanwhile.
            StoreError: the store cannot be reached any more.
        """
        for tries in range(1, _READ_TRIES + 1):
            try:
                data = bytes(self._body.read(None if size < 0 else size))
            except BROKEN as exc:
                self._body.close()
                if tries == _READ_TRIES:
                    with translated(self._store.url):
                        raise exc
                self._body = self._store.read_from(self._name, self._position, self._etag)["Body"]
            else:
                self._position += len(data)
                return data
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _compare(name: str, seen: Digested, known: Digested) -> None:
    if seen.sha256 != known.sha256 or seen.size_bytes != known.size_bytes:
        raise StoreChangedError(
            f"{name} is not what it was: {seen.size_bytes} bytes instead of {known.size_bytes}, or its SHA-256 "
            "differs; look at the worker's disk"
        )


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
