"""What stands in a job's archive beside the rendered items: metadata table, bag-info, index page, errors, RO-Crate.

The same items give the same bytes, whenever and wherever they are packed (DESIGN D7): nothing here reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from archiveworker.domain.document import ArchiveFile, PdfProfile
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import ArchiveLayout, ArchiveRequest, ItemRecord, Plan, PlannedItem
from archiveworker.domain.retention import Retention, RetentionRule
from archiveworker.evidence import layout, leaves
from archiveworker.evidence.bagit import INFO_NAME, PAYLOAD_FOLDER, Package, PayloadSize, bagged, base_folder
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.layout import with_sidecars
from archiveworker.jobs.paths import bag_path, metadata_path, placed, unique_paths, without_percent
from archiveworker.jobs.results import ItemResults
from archiveworker.reports.bag_info import render_bag_info
from archiveworker.reports.index import IndexItem, IndexPage, human_size, index_files, render_index
from archiveworker.reports.ro_crate import METADATA_NAME, Crate, CrateFile, CrateFolder, render_ro_crate
from archiveworker.reports.tables import render_csv

_NO_TIME: Final = datetime(1980, 1, 1, tzinfo=UTC)
_TIMES: Final = {
    "timestart": "started",
    "timefinish": "finished",
    "timecreated": "created",
    "timemodified": "changed",
    "created": "handed in",
    "modified": "changed",
}
_IDENTIFIERS: Final = ("courseid", "cmid", "quizid", "taskid", "activity")
_ABOUT_FILES: Final = {
    "bag-info.txt": "From where, how much, how long to keep",
    "errors.csv": "What is missing, and why",
    "index.html": "What is in the archive, for a person",
}
_LABELS: Final = {
    "attempt": "attempt",
    "state": "state",
    "status": "state",
    "idnumber": "ID number",
    "reviews": "reviews",
    "grade": "grade",
}


@dataclass(frozen=True, slots=True)
class PackageInput:
    """Everything that decides what an archive holds.

    Attributes:
        request: of the job.
        plan: what there was to do.
        results: what came of it.
        backups: files that the archive takes in as they are: those of the plan, and backups.
        software: name and version of the worker.
        profile: what the PDFs claim to be.
        layout: where things stand.
        retention: how long it is to be kept; the job's rule over that of the settings.
        organization: who archives; empty when it is not said.
        organization_url: its page or its ROR id; empty when it is not said.
        contact_email: whom to ask; empty when it is not said.
    """

    request: ArchiveRequest
    plan: Plan
    results: ItemResults
    backups: tuple[ArchiveFile, ...]
    software: str
    profile: PdfProfile
    layout: ArchiveLayout = ArchiveLayout.PLUGIN
    retention: RetentionRule = field(default_factory=RetentionRule)
    organization: str = ""
    organization_url: str = ""
    contact_email: str = ""

    @property
    def is_bag(self) -> bool:
        """True for the BagIt layout."""
        return self.layout is ArchiveLayout.BAGIT

    @property
    def backup_count(self) -> int:
        """Number of files that the LMS made itself."""
        return len(self.backups) - len(self.plan.files)

    @property
    def applied_retention(self) -> Retention:
        """The rule with its day, counted from the newest item whose time is known."""
        times = [file.modified_at for record in self.results.records.values() for file in record.files]
        return self.retention.applied(max((at for at in times if at > _NO_TIME), default=None))


@dataclass(frozen=True, slots=True)
class _Placed:
    """What was archived, where it will stand (in a bag: below ``data/``)."""

    records: tuple[ItemRecord, ...]
    backups: tuple[ArchiveFile, ...]

    @property
    def files(self) -> tuple[ArchiveFile, ...]:
        return (*(file for record in self.records for file in record.files), *self.backups)

    @property
    def at(self) -> datetime:
        """Time of everything that the worker makes itself: that of the newest file."""
        return max((file.modified_at for file in self.files), default=_NO_TIME)


def make_package(given: PackageInput) -> Package:
    """Return the archive but for its manifest and its evidence."""
    there = _placed(given)
    contents = _contents(given, there)
    sidecars = given.request.options.file_hashes
    if not given.is_bag:
        return Package(with_sidecars(contents, include_filehashes=sidecars))
    return bagged(
        with_sidecars(contents, include_filehashes=sidecars),
        archive_name=given.request.options.archive_name,
        at=there.at,
        info=lambda size: render_bag_info([*_bag_fields(given, there, size), *_fields(given, there)]),
    )


def _placed(given: PackageInput) -> _Placed:
    flatten = given.request.options.flatten
    records, backups, below = tuple(given.results.records.values()), given.backups, ""
    if given.is_bag:
        records = tuple(without_percent(record) for record in records)
        backups = unique_paths(replace(file, path=bag_path(file.path)) for file in backups)
        below = f"{base_folder(given.request.options.archive_name)}/{PAYLOAD_FOLDER}"
    if flatten:
        backups = tuple(_flat_backup(file) for file in backups)
    return _Placed(placed(records, flatten=flatten, below=below), backups)


def _contents(given: PackageInput, there: _Placed) -> tuple[Entry, ...]:
    flatten = given.request.options.flatten
    made: dict[ArchivePath, bytes] = {}
    if not given.is_bag:
        made[INFO_NAME] = render_bag_info(_fields(given, there))
    if given.plan.metadata_columns:
        made[ArchivePath(given.plan.metadata_name)] = _metadata(given.plan, there.records, flatten=flatten)
    if given.results.failures:
        made[ArchivePath("errors.csv")] = _errors(given.results)
    others = [(file.path, file.size_bytes) for file in there.backups]
    others += [(path, len(data)) for path, data in made.items()]
    made[ArchivePath("index.html")] = _index(given, there.records, others)
    worker_files = [InlineFile(path, data, there.at) for path, data in made.items()]
    crate = InlineFile(METADATA_NAME, _ro_crate(given, there, worker_files), there.at)
    return (*there.files, *worker_files, crate)


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


def _fields(given: PackageInput, there: _Placed) -> list[tuple[str, str]]:
    """Return the fields of ``bag-info.txt`` that both layouts have."""
    request = given.request
    fields = [
        ("Source-System", request.lms_base_url),
        ("Source-Interface", request.source),
        ("External-Description", request.options.archive_name),
        ("Bag-Software-Agent", given.software),
        ("Item-Count", str(len(there.records))),
        ("Failed-Item-Count", str(len(given.results.failures))),
        ("Page-Count", str(sum(record.page_count for record in there.records))),
        ("Backup-Count", str(given.backup_count)),
        ("File-Count", str(len(there.files))),
        ("Size-Bytes", str(sum(file.size_bytes for file in there.files))),
        ("Pdf-Profile", "none" if given.profile is PdfProfile.OFF else f"PDF/A-{given.profile}"),
    ]
    fields += [(f"External-Identifier-{key}", value) for key, value in _identifiers(given)]
    if not given.is_bag:
        fields += _organization(given)
    return fields + list(given.applied_retention.labels)


def _bag_fields(given: PackageInput, there: _Placed, size: PayloadSize) -> list[tuple[str, str]]:
    """Return the reserved fields of a bag (RFC 8493, 2.2.2).

    The date is that of the data: when it was packed differs from run to run and is in ``evidence/job.txt``.
    """
    identifiers = " ".join(f"{key}={value}" for key, value in _identifiers(given))
    return [
        *_organization(given),
        ("Bagging-Date", there.at.date().isoformat()),
        ("External-Identifier", f"{given.request.lms_base_url} {given.request.source} {identifiers}"),
        ("Bag-Size", human_size(size.octet_count)),
        ("Payload-Oxum", f"{size.octet_count}.{size.stream_count}"),
    ]


def _organization(given: PackageInput) -> list[tuple[str, str]]:
    return [("Source-Organization", given.organization), ("Contact-Email", given.contact_email)]


def _identifiers(given: PackageInput) -> list[tuple[str, str]]:
    return [(key, str(given.request.payload[key])) for key in _IDENTIFIERS if key in given.request.payload]


def _ro_crate(given: PackageInput, there: _Placed, worker_files: Sequence[InlineFile]) -> bytes:
    planned = {item.key: item for item in given.plan.items}
    folders = [
        CrateFolder(
            path=None if given.request.options.flatten else record.folder,
            name=planned[record.key].title,
            files=tuple(_crate_file(file) for file in record.files),
        )
        for record in _by_number(there.records, planned)
    ]
    others = [*(_crate_file(file) for file in there.backups)]
    for file in worker_files:
        about = _ABOUT_FILES.get(file.path.value, "One row an item, as the LMS gave it")
        others.append(replace(_crate_file(file), description=about))
    crate = Crate(
        name=given.request.options.archive_name,
        description=f"{len(there.records)} of {len(given.plan.items)} items and {given.backup_count} backups from "
        f"{given.request.lms_base_url} ({given.request.source})",
        at=there.at,
        lms=given.request.lms_base_url,
        software=given.software,
        organization=given.organization,
        organization_url=given.organization_url,
        contact_email=given.contact_email,
        retention=given.applied_retention,
        folders=tuple(folders),
        files=tuple(sorted(others, key=lambda file: file.path)),
    )
    return render_ro_crate(crate)


def _crate_file(file: Entry) -> CrateFile:
    return CrateFile(file.path, file.sha256, file.size_bytes, file.modified_at)


def _index(given: PackageInput, records: Sequence[ItemRecord], others: Sequence[tuple[ArchivePath, int]]) -> bytes:
    planned = {item.key: item for item in given.plan.items}
    page = IndexPage(
        title=given.request.options.archive_name,
        about=(
            ("Source", f"{given.request.lms_base_url} ({given.request.source})"),
            ("Items", f"{len(records)} of {len(given.plan.items)}"),
            ("Pages", str(sum(record.page_count for record in records))),
            ("Backups", str(given.backup_count)),
            ("Software", given.software),
            *((label.replace("-", " "), value) for label, value in given.applied_retention.labels),
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
    name = name or facts.get("name") or facts.get("authors", "")
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
