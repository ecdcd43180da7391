"""What stands in a job's archive beside the rendered items: metadata table, bag-info, index page, errors.

The same items give the same bytes, whenever and wherever they are packed (DESIGN D7): nothing here reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archiveworker.domain.document import ArchiveFile, PdfProfile
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import ArchiveRequest, ItemRecord, Plan, PlannedItem
from archiveworker.evidence import layout, leaves
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.jobs.paths import metadata_path, placed
from archiveworker.jobs.results import ItemResults
from archiveworker.reports.bag_info import render_bag_info
from archiveworker.reports.index import IndexItem, IndexPage, index_files, render_index
from archiveworker.reports.tables import render_csv

_NO_TIME: Final = datetime(1980, 1, 1, tzinfo=UTC)
_TIMES: Final = {"timestart": "started", "timefinish": "finished", "timecreated": "created", "timemodified": "changed"}
_LABELS: Final = {"attempt": "attempt", "state": "state", "status": "state", "idnumber": "ID number"}


@dataclass(frozen=True, slots=True)
class PackageInput:
    """Everything that decides what an archive holds.

    Attributes:
        request: of the job.
        plan: what there was to do.
        results: what came of it.
        backups: files that the LMS made itself.
        software: name and version of the worker.
        profile: what the PDFs claim to be.
    """

    request: ArchiveRequest
    plan: Plan
    results: ItemResults
    backups: tuple[ArchiveFile, ...]
    software: str
    profile: PdfProfile


def package_contents(given: PackageInput) -> tuple[Entry, ...]:
    """Return every file of the archive except sidecars, manifest and evidence."""
    flatten = given.request.options.flatten
    records = placed(given.results.records.values(), flatten=flatten)
    backups = tuple(_flat_backup(file) for file in given.backups) if flatten else given.backups
    files: list[Entry] = [*(file for record in records for file in record.files), *backups]
    at = max((file.modified_at for file in files), default=_NO_TIME)
    made = {ArchivePath("bag-info.txt"): _bag_info(given, records, files)}
    if given.plan.metadata_columns:
        made[ArchivePath(given.plan.metadata_name)] = _metadata(given.plan, records, flatten=flatten)
    if given.results.failures:
        made[ArchivePath("errors.csv")] = _errors(given.results)
    others = [(file.path, file.size_bytes) for file in backups] + [(path, len(data)) for path, data in made.items()]
    made[ArchivePath("index.html")] = _index(given, records, others)
    return (*files, *(InlineFile(path, data, at) for path, data in made.items()))


def describe_tree(contents: Sequence[Entry], seed: bytes) -> tuple[bytes, bytes]:
    """Return the note on the hash tree of all files, and the tree's root.

    Args:
        contents: every file but manifest and evidence.
        seed: 32 random bytes.
    """
    tables = {e.path.value: e.data for e in contents if isinstance(e, InlineFile) and leaves.is_table(e.path.value)}
    note = leaves.new_note(tables, seed)
    chosen = {name: tables[name] for name in note.tables}
    return note.render(), leaves.first_leaves(layout.manifest_of(contents).data, chosen).tree(seed).root


def _flat_backup(file: ArchiveFile) -> ArchiveFile:
    return ArchiveFile(
        ArchivePath(f"backup.{file.path.name}"), file.spooled, file.sha256, file.size_bytes, file.modified_at
    )


def _metadata(plan: Plan, records: Sequence[ItemRecord], *, flatten: bool) -> bytes:
    by_key = {record.key: record for record in records}
    rows = [
        {**item.facts, "path": metadata_path(by_key[item.key], flatten=flatten)}
        for item in plan.items
        if item.key in by_key
    ]
    return render_csv(plan.metadata_columns, rows)


def _errors(results: ItemResults) -> bytes:
    rows = [
        {"item": f.key, "code": f.code, "message": f.message}
        for f in sorted(results.failures.values(), key=lambda f: f.key)
    ]
    return render_csv(("item", "code", "message"), rows)


def _bag_info(given: PackageInput, records: Sequence[ItemRecord], files: Sequence[Entry]) -> bytes:
    request = given.request
    fields = [
        ("Source-System", request.lms_base_url),
        ("Source-Interface", request.source),
        ("External-Description", request.options.archive_name),
        ("Bag-Software-Agent", given.software),
        ("Item-Count", str(len(records))),
        ("Failed-Item-Count", str(len(given.results.failures))),
        ("Page-Count", str(sum(record.page_count for record in records))),
        ("Backup-Count", str(len(given.backups))),
        ("File-Count", str(len(files))),
        ("Size-Bytes", str(sum(file.size_bytes for file in files))),
        ("Pdf-Profile", "none" if given.profile is PdfProfile.OFF else f"PDF/A-{given.profile}"),
    ]
    for key in ("courseid", "cmid", "quizid", "taskid"):
        if key in request.payload:
            fields.append((f"External-Identifier-{key}", str(request.payload[key])))
    return render_bag_info(fields)


def _index(given: PackageInput, records: Sequence[ItemRecord], others: Sequence[tuple[ArchivePath, int]]) -> bytes:
    planned = {item.key: item for item in given.plan.items}
    page = IndexPage(
        title=given.request.options.archive_name,
        about=(
            ("Source", f"{given.request.lms_base_url} ({given.request.source})"),
            ("Items", f"{len(records)} of {len(given.plan.items)}"),
            ("Pages", str(sum(record.page_count for record in records))),
            ("Backups", str(len(given.backups))),
            ("Software", given.software),
        ),
        items=tuple(_index_item(planned[record.key], record) for record in _by_number(records, planned)),
        others=index_files(sorted(others)),
        failures=tuple((f.key, f.message) for f in sorted(given.results.failures.values(), key=lambda f: f.key)),
    )
    return render_index(page)


def _by_number(records: Sequence[ItemRecord], planned: dict[ItemKey, PlannedItem]) -> list[ItemRecord]:
    return sorted(records, key=lambda record: planned[record.key].lms_id)


def _index_item(item: PlannedItem, record: ItemRecord) -> IndexItem:
    facts = item.facts
    name = " ".join(facts[part] for part in ("firstname", "lastname") if facts.get(part))
    shown = [(label, facts[key]) for key, label in _LABELS.items() if facts.get(key)]
    shown += [(label, _moment(facts[key])) for key, label in _TIMES.items() if facts.get(key, "0") not in ("", "0")]
    return IndexItem(
        title=item.title,
        person=name,
        facts=tuple(shown),
        files=index_files([(file.path, file.size_bytes) for file in record.files]),
        warnings=record.warnings,
    )


def _moment(epoch_s: str) -> str:
    return f"{datetime.fromtimestamp(int(epoch_s), UTC):%Y-%m-%d %H:%M:%S} UTC" if epoch_s.isdecimal() else epoch_s
