"""The two layouts of an archive: as Moodle's plugins read it, or a bag (RFC 8493, BagIt 1.0).

In both the manifest is called ``manifest-sha256.txt``, is what ``sha256sum -c`` reads beside it, and is what gets
time-stamped. A bag's manifest may list nothing but the payload (RFC 8493, 2.1.3), so ``bag-info.txt``, where the
retention stands, would be outside of what is stamped. Therefore the payload holds a list of the digests of
``bagit.txt`` and ``bag-info.txt``, whose size is known before they are written::

    exam/bagit.txt, bag-info.txt        <- listed in data/tag-files-sha256.txt
    exam/data/...                       <- listed in manifest-sha256.txt
    exam/manifest-sha256.txt            <- time-stamped
    exam/evidence/...                   the time-stamp, and what else differs from job to job
    exam/tagmanifest-sha256.txt         <- lists everything but the payload; made last, so it may differ as well

Names must not hold a percent sign: the RFC wants it encoded in manifests, ``sha256sum`` knows no encoding, and
``bagit.py`` takes it as it stands; ``jobs.package`` sees to that. CR and LF cannot occur (``ArchivePath``).
Not here: ``fetch.txt``, other digests than SHA-256.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.ustar import shortened_folder

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DECLARATION_NAME: Final = ArchivePath("bagit.txt")
INFO_NAME: Final = ArchivePath("bag-info.txt")
TAG_MANIFEST_NAME: Final = ArchivePath("tagmanifest-sha256.txt")
TAG_LIST_NAME: Final = ArchivePath("data/tag-files-sha256.txt")
"""The payload file that brings the tag files under the time-stamp; run ``sha256sum -c`` on it in the bag's folder."""
TAG_NAMES: Final = (DECLARATION_NAME.value, INFO_NAME.value, TAG_MANIFEST_NAME.value)
"""Files of a bag that neither the manifest nor the list of the evidence holds."""
PAYLOAD_FOLDER: Final = "data/"
BASE_MAX_BYTES: Final = 50
"""Of the bag's folder: with ``data/`` and an item's folder it has to fit into a USTAR header."""

_TAG_LIST_BYTES: Final = sum(64 + 2 + len(name.value) + 1 for name in (DECLARATION_NAME, INFO_NAME))


@dataclass(frozen=True, slots=True)
class PayloadSize:
    """RFC 8493, 2.2.2, ``Payload-Oxum``.

    Attributes:
        octet_count: bytes of all payload files.
        stream_count: payload files.
    """

    octet_count: int
    stream_count: int


@dataclass(frozen=True, slots=True)
class Package:
    """Everything that goes into an archive, but for the manifest and the evidence.

    Attributes:
        listed: what the manifest lists.
        tags: the other tag files of a bag.
        base: the bag's folder; empty in the plugins' layout.
    """

    listed: tuple[Entry, ...]
    tags: tuple[InlineFile, ...] = ()
    base: str = ""

    def completed(self, manifest: InlineFile, evidence: Sequence[InlineFile]) -> tuple[Entry, ...]:
        """Return the whole archive.

        Args:
            manifest: over ``listed``.
            evidence: everything below ``evidence/``.
        """
        if not self.base:
            return (*self.listed, manifest, *evidence)
        tags = (*self.tags, manifest, *evidence)
        data = lists.render({file.path: file.sha256 for file in tags})
        tag_manifest = InlineFile(TAG_MANIFEST_NAME, data, max(file.modified_at for file in tags))
        return tuple(_below(f"{self.base}/", entry) for entry in (*self.listed, *tags, tag_manifest))


def bagged(
    contents: Sequence[Entry], *, archive_name: str, at: datetime, info: Callable[[PayloadSize], bytes]
) -> Package:
    """Put ``contents`` into a bag.

    Args:
        contents: what was archived, paths without ``data/``.
        archive_name: file name of the archive without extension.
        at: time of the tag files.
        info: makes ``bag-info.txt``.
    """
    payload = [_below(PAYLOAD_FOLDER, entry) for entry in contents]
    size = PayloadSize(sum(entry.size_bytes for entry in payload) + _TAG_LIST_BYTES, len(payload) + 1)
    tags = (InlineFile(DECLARATION_NAME, DECLARATION, at), InlineFile(INFO_NAME, info(size), at))
    tag_list = InlineFile(TAG_LIST_NAME, lists.render({tag.path: tag.sha256 for tag in tags}), at)
    return Package((*payload, tag_list), tags, base_folder(archive_name))


def is_manifest_of_bag(manifest: bytes) -> bool:
    """Tell whether a manifest that the worker wrote is a bag's."""
    return f"  {TAG_LIST_NAME.value}\n".encode() in manifest


def base_folder(archive_name: str) -> str:
    """Return the bag's folder: the archive's name, shortened where it must be (RFC 8493, 4, item 2: SHOULD)."""
    return shortened_folder(ArchivePath.sanitised(archive_name.replace("%", "_")), limit_bytes=BASE_MAX_BYTES).value


def _below(folder: str, entry: Entry) -> Entry:
    return replace(entry, path=ArchivePath(f"{folder}{entry.path.value}"))
