"""What the connections of all Moodle plugins share: items from reports, metadata in batches, the way of the archive."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archiveworker.domain.document import ArchiveFile, Document
from archiveworker.domain.errors import SourceError, SourceUnavailableError
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import FetchedItem, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.conversation import WRONG_PARAMETERS, Conversation
from archiveworker.sources.moodle.files import EPOCH, FileFetcher, attachments_in
from archiveworker.sources.moodle.wire import Json, Params, language_of, text_of

BATCH_SIZE: Final = 100
"""Attempts in one call for metadata; PHP reads at most 1000 form fields (max_input_vars)."""
PATH_COLUMN: Final = "path"
_NOT_IN_KEYS: Final = re.compile(r"[^a-z0-9-]")


@dataclass(frozen=True, slots=True)
class ItemKind:
    """How a plugin calls what it archives.

    Attributes:
        noun: e.g. ``attempt``: begins keys, titles, and names where Moodle gives none.
        folder: of the archive, for all items.
        times: metadata columns that may hold the item's time, the best first.
    """

    noun: str
    folder: str
    times: tuple[str, ...]

    def planned(self, lms_id: int, facts: Mapping[str, str]) -> PlannedItem:
        """Return the item that Moodle calls ``lms_id``."""
        key = ItemKey(_NOT_IN_KEYS.sub("-", f"{self.noun}-{lms_id}"))
        return PlannedItem(key=key, lms_id=lms_id, title=f"{self.noun.capitalize()} {lms_id}", facts=facts)

    def created_at(self, facts: Mapping[str, str]) -> datetime:
        """Return the time of the data, never before 1980, which stands for "unknown"."""
        for column in self.times:
            text = facts.get(column, "")
            if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**33:
                return max(EPOCH, datetime.fromtimestamp(int(text), UTC))
        return EPOCH


async def probe(client: MoodleClient, function: str) -> None:
    """Find out whether Moodle takes the token for ``function``.

    A function without its parameters is refused for that alone when the token is good.

    Raises:
        TokenRefusedError: it does not.
        SourceUnavailableError: no answer in ``probe_timeout_s``.
        SourceError: something else is wrong, e.g. the plugin is missing.
    """
    try:
        await client.call(function, {}, timeout_s=client.config.probe_timeout_s)
    except SourceError as exc:
        if exc.lms_code != WRONG_PARAMETERS:
            raise


async def metadata(
    conversation: Conversation, function: str, params: Callable[[Sequence[int]], Params], ids: Sequence[int], key: str
) -> dict[int, dict[str, str]]:
    """Ask for the metadata of all ``ids``, in batches, and return a row of text for each that Moodle knows.

    Args:
        conversation: of the job.
        function: of the web service; answers with a list ``<noun>s`` of rows.
        params: makes the parameters for a batch.
        ids: of the items.
        key: column that holds the id, e.g. ``attemptid``; the list is called ``attempts``.

    Raises:
        SourceError: Moodle refuses, or its rows have no ``key``.
    """
    rows: dict[int, dict[str, str]] = {}
    for start in range(0, len(ids), BATCH_SIZE):
        answer = await conversation.ask(function, params(ids[start : start + BATCH_SIZE]))
        listed = answer.get(key.removesuffix("id") + "s")
        if not isinstance(listed, list) or any(not _has_id(row, key) for row in listed):
            raise SourceError(f"Moodle's {function} answered without rows that have {key}; update the plugin")
        for row in listed:
            rows[int(row[key])] = {name: text_of(value) for name, value in row.items()}
    return rows


def _has_id(row: object, key: str) -> bool:
    text = str(row.get(key)) if isinstance(row, dict) else ""
    return text.isdecimal() and len(text) < 20


def columns(known: tuple[str, ...], rows: Mapping[int, Mapping[str, str]]) -> tuple[str, ...]:
    """Return the columns of the metadata table: the known ones, then what a newer plugin gives beyond, sorted."""
    extra = {name for row in rows.values() for name in row} - set(known)
    return known + tuple(sorted(extra))


async def fetched_item(
    answer: Json, item: PlannedItem, kind: ItemKind, fetcher: FileFetcher, spool: ItemSpool, *, base_url: str
) -> FetchedItem:
    """Make an item of a report's answer and download its attachments.

    Args:
        answer: of the report function; folder and file name may be missing in old releases.
        item: as planned.
        kind: of the item.
        fetcher: downloads.
        spool: of the item.
        base_url: of the Moodle.

    Raises:
        SourceUnavailableError: the report is empty.
        SourceError: an attachment cannot be had.
    """
    html = answer.get("report")
    if not isinstance(html, str) or not html.strip():
        raise SourceUnavailableError(f"Moodle gave an empty report for {item.title}; look at its error log")
    default = f"{kind.noun}-{item.lms_id}"
    folder = ArchivePath.sanitised(kind.folder, str(answer.get("foldername") or default))
    stem = ArchivePath.sanitised(str(answer.get("filename") or default).replace("/", "_")).value
    at = kind.created_at(item.facts)
    listed = answer.get("attachments") or []
    attachments = attachments_in(listed if isinstance(listed, list) else [listed], folder)
    files: list[ArchiveFile] = []
    for number, attachment in enumerate(attachments, start=1):
        files.append(await fetcher.attachment(attachment, spool.folder / f"attachment-{number:04d}", spool, at))
    document = Document(html=html, base_url=base_url, title=_title(item), created_at=at, language=language_of(html))
    return FetchedItem(document, folder, stem, tuple(files))


def _title(item: PlannedItem) -> str:
    name = " ".join(item.facts[key] for key in ("firstname", "lastname") if item.facts.get(key))
    return f"{item.title}, {name}" if name else item.title
