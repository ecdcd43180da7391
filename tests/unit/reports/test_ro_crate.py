"""``ro-crate-metadata.json``: what stands in it; the judge of its form is in tests/acceptance."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.retention import Retention
from archiveworker.reports.ro_crate import Crate, CrateFile, CrateFolder, iri, media_type, render_ro_crate

AT = datetime(2026, 2, 28, 9, 50, 15, tzinfo=UTC)


def _file(path: str) -> CrateFile:
    return CrateFile(ArchivePath(path), Sha256.of(b"x"), 1, AT)


CRATE = Crate(
    name="exam",
    description="an exam",
    at=AT,
    lms="https://moodle.example.org",
    software="archiveworker 0.1.0",
    organization="",
    organization_url="",
    contact_email="",
    retention=Retention(),
    folders=(CrateFolder(ArchivePath("attempts/a b"), "Attempt 1", (_file("attempts/a b/ü #1.pdf"),)),),
    files=(_file("index.html"),),
)


def _graph(crate: Crate) -> dict[str, dict[str, Any]]:
    return {entity["@id"]: entity for entity in json.loads(render_ro_crate(crate))["@graph"]}


def test_every_file_has_digest_size_and_type() -> None:
    graph = _graph(CRATE)
    pdf = graph["attempts/a%20b/ü%20%231.pdf"]
    assert pdf["sha256"] == Sha256.of(b"x").hex
    assert (pdf["contentSize"], pdf["encodingFormat"]) == ("1", "application/pdf")
    assert pdf["dateModified"] == "2026-02-28T09:50:15Z"
    assert graph["./"]["hasPart"] == [{"@id": "attempts/a%20b/"}, {"@id": "index.html"}]
    assert graph["attempts/a%20b/"]["hasPart"] == {"@id": "attempts/a%20b/ü%20%231.pdf"}


def test_flattened_files_belong_to_the_root() -> None:
    flat = replace(CRATE, folders=(CrateFolder(None, "Attempt 1", (_file("attempt_1.a.pdf"),)),))
    assert _graph(flat)["./"]["hasPart"] == [{"@id": "attempt_1.a.pdf"}, {"@id": "index.html"}]


def test_what_is_not_said_is_not_there() -> None:
    graph = _graph(CRATE)
    assert "publisher" not in graph["./"]
    assert "agent" not in graph["#archiving"]
    assert not {"#retention", "#organization"} & set(graph)


def test_who_archived_and_how_long_it_is_kept() -> None:
    told = replace(
        CRATE,
        organization="Example University",
        organization_url="https://ror.org/0123abc45",
        contact_email="archive@example.org",
        retention=Retention(date(2031, 2, 28), 5, "§ 12", "P-5"),
    )
    graph = _graph(told)
    assert graph["./"]["publisher"] == graph["#archiving"]["agent"] == {"@id": "https://ror.org/0123abc45"}
    assert graph["./"]["expires"] == "2031-02-28"
    assert graph["#keep-until"]["value"] == "2031-02-28"
    assert graph["#retention"]["description"] == (
        "Keep-Until: 2031-02-28; Keep-Years: 5; Legal-Basis: § 12; Deletion-Class: P-5"
    )
    assert len(graph["#retention"]["additionalProperty"]) == 4


def test_every_reference_leads_somewhere_or_to_the_web() -> None:
    graph = _graph(replace(CRATE, organization="X", retention=Retention(legal_basis="§")))

    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for inner in value for found in references(inner)]
        if isinstance(value, dict):
            return [value["@id"]] if set(value) == {"@id"} else references(list(value.values()))
        return []

    wanted = {found for entity in graph.values() for found in references(list(entity.values()))}
    assert {name for name in wanted if name not in graph} == {"https://w3id.org/ro/crate/1.3"}


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("a b/c", "a%20b/c"),
        ("100%", "100%25"),
        ("é試", "é試"),
        ("a#?[]{}^`", "a%23%3F%5B%5D%7B%7D%5E%60"),
        ("~-._", "~-._"),
    ],
)
def test_paths_become_iris(path: str, encoded: str) -> None:
    assert iri(path) == encoded


def test_types_do_not_depend_on_the_machine() -> None:
    assert media_type(ArchivePath("a.PDF")) == "application/pdf"
    assert media_type(ArchivePath("a.mbz")) == "application/vnd.moodle.backup"
    assert media_type(ArchivePath("a.unknown")) == "application/octet-stream"
