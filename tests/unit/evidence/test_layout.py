import hashlib
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.evidence import layout, manifest
from archiveworker.evidence.entries import InlineFile
from tests.unit.evidence import golden, strategies


def test_a_sidecar_stands_beside_every_file() -> None:
    contents = dict(golden.CONTENTS) | {"backups/quiz.mbz": b"backup"}
    names = [entry.path.value for entry in layout.with_sidecars(golden.inline(contents))]
    assert set(names) - set(contents) == {f"{name}.sha256" for name in contents}


def test_sidecars_can_be_turned_off() -> None:
    assert list(layout.with_sidecars(golden.inline(), include_filehashes=False)) == golden.inline()


def test_a_handed_in_file_named_like_a_sidecar_is_kept() -> None:
    contents = {"attempts/1/a.pdf": b"a", "attempts/1/a.pdf.SHA256": b"mine"}
    entries = {e.path.value: e for e in layout.with_sidecars(golden.inline(contents))}
    assert sorted(entries) == ["attempts/1/a.pdf", "attempts/1/a.pdf.SHA256", "attempts/1/a.pdf.SHA256.sha256"]


@given(st.dictionaries(strategies.paths, st.binary(max_size=5), max_size=5))
def test_the_manifest_holds_every_content_and_no_evidence(contents: dict[ArchivePath, bytes]) -> None:
    entries = [InlineFile(path, data, golden.MOMENT) for path, data in contents.items()]
    made = layout.manifest_of(entries)
    assert manifest.parse(made.data) == {path: Sha256.of(data) for path, data in contents.items()}


def test_the_same_job_twice_gives_the_same_manifest_and_other_evidence() -> None:
    other = replace(
        golden.RECORD,
        job_id=JobId("00000000-0000-4000-8000-000000000002"),
        archived_at=golden.RECORD.archived_at + timedelta(days=1),
    )
    first = {e.path.value: e for e in golden.all_entries()}
    second = {e.path.value: e for e in golden.all_entries(record=other)}
    differing = {name for name in first if first[name].sha256 != second[name].sha256}
    assert first["manifest-sha256.txt"] == second["manifest-sha256.txt"]
    assert differing == {"evidence/job.txt", "evidence/evidence-sha256.txt"}


def test_the_list_of_the_evidence_covers_all_of_it_and_the_manifest() -> None:
    entries = {e.path.value: e for e in golden.all_entries()}
    listed = entries["evidence/evidence-sha256.txt"]
    assert isinstance(listed, InlineFile)
    found = {path.value: digest for path, digest in manifest.parse_sealed(listed.data).items()}
    expected = {n: e.sha256 for n, e in entries.items() if n.startswith("evidence/") or n == "manifest-sha256.txt"}
    del expected["evidence/evidence-sha256.txt"]
    assert found == expected


def test_an_unstamped_archive_says_so() -> None:
    entries = {e.path.value: e for e in golden.all_entries()}
    verify, job = entries["evidence/VERIFY.txt"], entries["evidence/job.txt"]
    assert isinstance(verify, InlineFile)
    assert isinstance(job, InlineFile)
    assert b"bears NO time-stamp" in verify.data
    assert b"openssl" not in verify.data
    assert b"Time-Stamp: none\n" in job.data
    assert "evidence/manifest-sha256.txt.tsr" not in entries


def test_a_line_break_in_a_record_cannot_forge_a_field() -> None:
    record = replace(golden.RECORD, lms="https://lms.example\nTime-Stamp: yesterday")
    (job,) = (e for e in golden.all_entries(record=record) if e.path.value == "evidence/job.txt")
    assert isinstance(job, InlineFile)
    assert job.data.count(b"\nTime-Stamp:") == 1


def test_an_archive_without_contents_has_an_empty_manifest() -> None:
    made = layout.manifest_of([])
    assert made.data == b""
    assert made.sha256.hex == hashlib.sha256().hexdigest()
