"""What ``verify`` does for a bag (RFC 8493) beside its other checks; ``evidence.bagit`` says how one is built.

The bag's folder is taken off the names while they are read, so that the other checks see a bag as they see an archive
in the plugins' layout: the manifest and ``evidence/`` at the root. The tag files, which the manifest cannot list, are
set aside for ``check``; ``payload_of`` gives the payload as it would stand in the plugins' layout. Fails closed: an
archive that only looks like a bag has to be a whole one. Not here: bags of other makers, which may have other
manifests, ``fetch.txt`` and encoded names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence import bagit, layout
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.reading import Findings, Member, Scan

STEP = "bag"
"""How reports call this check; only a bag has it."""

_DECLARATION = bagit.DECLARATION_NAME.value
_INFO = bagit.INFO_NAME.value
_TAG_MANIFEST = bagit.TAG_MANIFEST_NAME.value
_TAG_LIST = bagit.TAG_LIST_NAME.value
_EVIDENCE_LIST = layout.EVIDENCE_LIST_NAME.value
_TAGS = bagit.TAG_NAMES
_OXUM = re.compile(rb"^Payload-Oxum: (.*)$", re.M)

KEPT_NAMES = frozenset({_DECLARATION, _INFO, _TAG_MANIFEST, _TAG_LIST})
"""Files whose contents the checks need."""


def without_base(members: Iterator[Member], scan: Scan, findings: Findings) -> Iterator[Member]:
    """Yield the members under their names in the bag; an archive is a bag by its first file, which comes by name."""
    base: str | None = None
    for member in members:
        folder, _, name = member.name.rpartition("/")
        if base is None:
            scan.base = base = f"{folder}/" if folder and "/" not in folder and name in (_INFO, _DECLARATION) else ""
        if base and not member.name.startswith(base):
            findings.bad(STEP, f"it lies outside of the bag's folder {base!r}", member.name)
            yield member
            continue
        shown = member.name.removeprefix(base)
        yield Member(shown, _counted(member.chunks, scan) if shown.startswith(bagit.PAYLOAD_FOLDER) else member.chunks)


def _counted(chunks: Iterator[bytes], scan: Scan) -> Iterator[bytes]:
    for chunk in chunks:
        scan.payload_bytes += len(chunk)
        yield chunk


def plain(name: str) -> str:
    """Return how ``name`` would be called in the plugins' layout."""
    return name.removeprefix(bagit.PAYLOAD_FOLDER)


def set_aside(scan: Scan) -> dict[str, Sha256] | None:
    """Take the tag files that no manifest lists off ``scan``; None when it is no bag."""
    if not (scan.base or _DECLARATION in scan.digests or _TAG_MANIFEST in scan.digests):
        return None
    return {name: scan.digests.pop(name) for name in _TAGS if name in scan.digests}


def payload_of(
    scan: Scan, listed: Mapping[str, Sha256] | None, tags: Mapping[str, Sha256] | None
) -> tuple[Scan, Mapping[str, Sha256] | None]:
    """Return the scan and what the manifest lists as they would be in the plugins' layout."""
    if tags is None:
        return scan, listed
    view = replace(
        scan,
        digests={plain(name): digest for name, digest in scan.digests.items()},
        sizes_bytes={plain(name): size for name, size in scan.sizes_bytes.items()},
        kept={plain(name): data for name, data in scan.kept.items()},
        sidecars={plain(name): data for name, data in scan.sidecars.items()},
    )
    return view, None if listed is None else {plain(name): digest for name, digest in listed.items()}


def check(scan: Scan, tags: Mapping[str, Sha256] | None, findings: Findings) -> None:
    """The tag files are there, whole, and say what is so; to be called after the check of the files.

    Args:
        scan: without the tag files.
        tags: as ``set_aside`` returned them.
        findings: takes what is found.
    """
    if tags is None:
        return
    if scan.archive_digest is not None and not scan.base:
        findings.bad(STEP, "a packed bag must lie below one folder (RFC 8493, 4)")
    missing = [name for name in _TAGS if name not in tags]
    for name in missing:
        _absent(scan, findings, name, "it is missing")
    if _DECLARATION in tags and scan.kept.get(_DECLARATION) != bagit.DECLARATION:
        findings.bad(STEP, "it is not the declaration of BagIt 1.0 in UTF-8", _DECLARATION)
    sound = _check_tag_list(scan, tags, findings) | _sound_evidence(scan)
    if _TAG_MANIFEST in tags:
        _check_tag_manifest(scan, tags, sound, findings)
    if _INFO in tags and scan.complete and findings.held("files"):
        _check_size(scan, findings)
    if not missing and findings.held(STEP):
        findings.good(STEP, f"BagIt 1.0, {scan.payload_bytes} bytes of payload, tag files undamaged")


def _absent(scan: Scan, findings: Findings, name: str, message: str) -> None:
    (findings.bad if scan.complete else findings.unknown)(STEP, message, name)


def _sound_evidence(scan: Scan) -> set[str]:
    """Return the evidence, and the manifest, that the list of the evidence vouches for."""
    try:
        listed = lists.parse_sealed(scan.kept.get(_EVIDENCE_LIST, b""))
    except VerificationError:
        return set()
    return {path.value for path, digest in listed.items() if scan.digests.get(path.value) == digest} | {_EVIDENCE_LIST}


def _check_tag_list(scan: Scan, tags: Mapping[str, Sha256], findings: Findings) -> set[str]:
    """The stamped list of tag files agrees with them; return the names that it vouches for."""
    raw = scan.kept.get(_TAG_LIST)
    if raw is None:
        _absent(scan, findings, _TAG_LIST, "it is missing")
        return set()
    try:
        listed = {path.value: digest for path, digest in lists.parse(raw).items()}
    except VerificationError as exc:
        findings.bad(STEP, str(exc), _TAG_LIST)
        return set()
    if set(listed) != {_DECLARATION, _INFO}:
        findings.bad(STEP, f"it must list {_DECLARATION} and {_INFO}", _TAG_LIST)
    sound = {name for name, digest in listed.items() if tags.get(name) == digest}
    for name in sorted({_DECLARATION, _INFO} & set(tags) - sound):
        findings.bad(STEP, f"it was changed: {_TAG_LIST} has another digest", name)
    return sound


def _check_tag_manifest(scan: Scan, tags: Mapping[str, Sha256], sound: set[str], findings: Findings) -> None:
    try:
        listed = {path.value: digest for path, digest in lists.parse(scan.kept.get(_TAG_MANIFEST, b"")).items()}
    except VerificationError as exc:
        findings.bad(STEP, str(exc), _TAG_MANIFEST)
        return
    there = {name: digest for name, digest in {**scan.digests, **tags}.items() if name != _TAG_MANIFEST}
    for name in sorted(there):
        if name in listed or name.startswith(bagit.PAYLOAD_FOLDER):
            continue
        if name in sound:
            findings.bad(STEP, f"it was changed: it does not list {name!r}", _TAG_MANIFEST)
        else:
            findings.bad(STEP, f"{_TAG_MANIFEST} does not list it", name)
    for name, digest in listed.items():
        if name.startswith(bagit.PAYLOAD_FOLDER):
            findings.bad(STEP, f"it lists {name!r}, which is payload", _TAG_MANIFEST)
        elif name not in there:
            _absent(scan, findings, name, f"it is missing: {_TAG_MANIFEST} lists it")
        elif there[name] != digest and name in sound:
            findings.bad(STEP, f"it was changed: its digest of {name!r} is not that of the file", _TAG_MANIFEST)
        elif there[name] != digest:
            findings.bad(STEP, f"it was changed: {_TAG_MANIFEST} has another digest", name)


def _check_size(scan: Scan, findings: Findings) -> None:
    said = _OXUM.findall(scan.kept.get(_INFO, b""))
    stream_count = sum(name.startswith(bagit.PAYLOAD_FOLDER) for name in scan.digests)
    if said != [f"{scan.payload_bytes}.{stream_count}".encode()]:
        findings.bad(
            STEP,
            f"its Payload-Oxum is not {scan.payload_bytes}.{stream_count}, which is what there is",
            _INFO,
        )
