"""``ro-crate-metadata.json``: what the archive is, who made it with what, and each file, for machines (RO-Crate 1.3).

Says nothing about a person that the names of the files do not say. It lists what was archived and the worker's own
pages and tables; not the ``.sha256`` files, the manifest and the evidence, which are made after it. ``index.html`` is
the page for people; it is no ``ro-crate-preview.html``, because that would have to repeat all of this in a script.

Source: https://w3id.org/ro/crate/1.3; terms are schema.org's. Keys are in a fixed order, nothing reads a clock.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from archiveworker.domain.digest import Sha256
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.retention import Retention

METADATA_NAME: Final = ArchivePath("ro-crate-metadata.json")

_VERSION: Final = "https://w3id.org/ro/crate/1.3"
_LICENCE: Final = {
    "@id": "https://rightsstatements.org/vocab/InC/1.0/",
    "@type": "CreativeWork",
    "name": "In Copyright",
    "description": "Examination records with personal data, not for publication. No licence is granted; who may see "
    "them is for the organization that archived them to say.",
}
# Not Python's table of types, which differs between versions and machines.
_TYPES: Final = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "mbz": "application/vnd.moodle.backup",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "py": "text/x-python",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webm": "video/webm",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
# What may stand in a path of an IRI as it is (RFC 3987, 2.2); letters of all scripts are added below.
_IRI_SAFE: Final = "/-._~!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class CrateFile:
    """A file of the crate.

    Attributes:
        path: relative to the crate's folder.
        sha256: digest.
        size_bytes: length.
        modified_at: time of the data, UTC.
        description: what it is; empty for what was archived.
    """

    path: ArchivePath
    sha256: Sha256
    size_bytes: int
    modified_at: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class CrateFolder:
    """A folder that holds one item's files, so that they are found together.

    Attributes:
        path: relative to the crate's folder; None when the files lie among all others.
        name: e.g. ``Attempt 33``; never a person's name.
        files: all of them.
    """

    path: ArchivePath | None
    name: str
    files: tuple[CrateFile, ...]


@dataclass(frozen=True, slots=True)
class Crate:
    """Everything that the document says.

    Attributes:
        name: the archive's.
        description: a sentence.
        at: time of the newest data, UTC.
        lms: address of the LMS.
        software: name and version of the worker, with a space between.
        organization: who archives; empty when it is not said.
        organization_url: its page or its ROR id (``https://ror.org/...``); empty when it is not said.
        contact_email: whom to ask; empty when it is not said.
        retention: how long it is kept.
        folders: one an item.
        files: those that belong to no item.
    """

    name: str
    description: str
    at: datetime
    lms: str
    software: str
    organization: str
    organization_url: str
    contact_email: str
    retention: Retention
    folders: tuple[CrateFolder, ...]
    files: tuple[CrateFile, ...]


def render_ro_crate(crate: Crate) -> bytes:
    """Return the document, UTF-8."""
    makers, maker_ids = _makers(crate)
    rules = _rules(crate.retention)
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": crate.name,
        "description": crate.description,
        "datePublished": crate.at.date().isoformat(),
        "license": {"@id": _LICENCE["@id"]},
        "isBasedOn": {"@id": crate.lms},
        "mentions": {"@id": "#archiving"},
        **maker_ids,
    }
    if rules:
        root["usageInfo"] = {"@id": "#retention"}
    if crate.retention.keep_until:
        root["expires"] = crate.retention.keep_until.isoformat()
    parts, entities = _parts(crate)
    root["hasPart"] = _one_or_many(parts)
    descriptor = {
        "@id": METADATA_NAME.value,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _VERSION},
        "name": "RO-Crate metadata",
    }
    graph = [descriptor, root, _LICENCE, *makers, *_provenance(crate, maker_ids), *rules, *entities]
    document = {"@context": f"{_VERSION}/context", "@graph": graph}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def iri(path: str) -> str:
    """Return ``path`` as a relative IRI: letters of all scripts stay, what has a meaning in an IRI is encoded."""
    return "".join(c if ord(c) >= 0xA0 else quote(c, safe=_IRI_SAFE) for c in path)


def media_type(path: ArchivePath) -> str:
    """Return the media type that the name's ending tells."""
    return _TYPES.get(path.name.rpartition(".")[2].casefold(), "application/octet-stream")


def _parts(crate: Crate) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the ids of the root's parts, and all entities below it."""
    parts: list[str] = []
    entities: list[dict[str, Any]] = []
    for folder in crate.folders:
        files = [_file(file, f"of {folder.name}") for file in folder.files]
        ids = [file["@id"] for file in files]
        if folder.path is None:
            parts += ids
        else:
            folder_id = f"{iri(folder.path.value)}/"
            parts.append(folder_id)
            entities.append(
                {
                    "@id": folder_id,
                    "@type": "Dataset",
                    "name": folder.name,
                    "description": f"All files of {folder.name}",
                    "hasPart": _one_or_many(ids),
                }
            )
        entities += files
    others = [_file(file, "as the LMS made it") for file in crate.files]
    return parts + [file["@id"] for file in others], entities + others


def _file(file: CrateFile, whose: str) -> dict[str, Any]:
    return {
        "@id": iri(file.path.value),
        "@type": "File",
        "name": file.path.name,
        "description": file.description or f"{file.path.name}, {whose}",
        "contentSize": str(file.size_bytes),
        "encodingFormat": media_type(file.path),
        "sha256": file.sha256.hex,
        "dateModified": f"{file.modified_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _makers(crate: Crate) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    if not crate.organization:
        return [], {}
    identifier = crate.organization_url or "#organization"
    organization: dict[str, Any] = {"@id": identifier, "@type": "Organization", "name": crate.organization}
    if crate.organization_url:
        organization["url"] = crate.organization_url
    makers = [organization]
    if crate.contact_email:
        contact = f"mailto:{crate.contact_email}"
        organization["contactPoint"] = {"@id": contact}
        makers.append(
            {
                "@id": contact,
                "@type": "ContactPoint",
                "name": crate.contact_email,
                "email": crate.contact_email,
                "contactType": "archive",
            }
        )
    return makers, {"publisher": {"@id": identifier}}


def _provenance(crate: Crate, maker_ids: dict[str, Any]) -> list[dict[str, Any]]:
    name, _, version = crate.software.partition(" ")
    action: dict[str, Any] = {
        "@id": "#archiving",
        "@type": "CreateAction",
        "name": "Archiving",
        "description": "When this was done is in evidence/job.txt and in the time-stamps.",
        "instrument": {"@id": "#software"},
        "object": {"@id": crate.lms},
        "result": {"@id": "./"},
    }
    if "publisher" in maker_ids:
        action["agent"] = maker_ids["publisher"]
    return [
        action,
        # No SoftwareApplication: RO-Crate wants that to have a page on the web, and this need not last as long.
        {"@id": "#software", "@type": "WebApplication", "name": name, "softwareVersion": version},
        {"@id": crate.lms, "@type": "WebSite", "name": "LMS", "url": crate.lms},
    ]


def _rules(retention: Retention) -> list[dict[str, Any]]:
    values = [
        {"@id": f"#{label.lower()}", "@type": "PropertyValue", "name": label, "value": value}
        for label, value in retention.labels
    ]
    if not values:
        return []
    rule: dict[str, Any] = {
        "@id": "#retention",
        "@type": "CreativeWork",
        "name": "Retention",
        "description": "; ".join(f"{label}: {value}" for label, value in retention.labels),
        "additionalProperty": _one_or_many([str(value["@id"]) for value in values]),
    }
    return [rule, *values]


def _one_or_many(ids: Sequence[str]) -> Any:
    """RO-Crate 1.3 wants a single value not to stand in a list."""
    return {"@id": ids[0]} if len(ids) == 1 else [{"@id": part} for part in ids]
