"""The checks of ``verify`` that follow the reading; each one gets what the pass left behind and adds its findings."""

from collections.abc import Mapping

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence import layout
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.reading import Findings, Scan

_MANIFEST = lists.MANIFEST_NAME.value
_LIST = layout.EVIDENCE_LIST_NAME.value


def check_evidence_list(scan: Scan, findings: Findings) -> frozenset[str]:
    """The list of the evidence matches its own digest and every file it lists; return the names of changed files."""
    raw = scan.kept.get(_LIST)
    if raw is None:
        _missing(scan, findings, "evidence", _LIST)
        return frozenset()
    try:
        listed = {path.value: digest for path, digest in lists.parse_sealed(raw).items()}
    except VerificationError as exc:
        findings.bad("evidence", str(exc), _LIST)
        return frozenset()
    changed = set()
    for name, digest in listed.items():
        if name not in scan.digests:
            _missing(scan, findings, "evidence", name)
        elif scan.digests[name] != digest:
            changed.add(name)
            findings.bad("evidence", "it was changed: the list of the evidence has another digest", name)
    present = [name for name in scan.digests if name.startswith(layout.EVIDENCE_FOLDER) and name != _LIST]
    for name in [*present, _MANIFEST]:
        if name not in listed:
            findings.bad("evidence", "the list of the evidence does not hold it", name)
    if findings.held("evidence"):
        findings.good("evidence", f"undamaged, {len(listed)} files")
    return frozenset(changed)


def check_manifest(scan: Scan, changed: frozenset[str], findings: Findings) -> dict[str, Sha256] | None:
    """The manifest is there and readable; return it."""
    raw = scan.kept.get(_MANIFEST)
    if raw is None:
        _missing(scan, findings, "manifest", _MANIFEST)
        return None
    try:
        listed = {path.value: digest for path, digest in lists.parse(raw).items()}
    except VerificationError as exc:
        findings.bad("manifest", str(exc), _MANIFEST)
        return None
    if _MANIFEST in changed:
        findings.bad("manifest", "it was changed, so it does not tell whether the files were", _MANIFEST)
    elif any(name == _MANIFEST or name.startswith(layout.EVIDENCE_FOLDER) for name in listed):
        findings.bad("manifest", "it lists itself or evidence", _MANIFEST)
    else:
        findings.good("manifest", f"sorted and readable, {len(listed)} files")
    return listed


def check_files(scan: Scan, listed: Mapping[str, Sha256] | None, *, manifest_damaged: bool, findings: Findings) -> None:
    """Every listed file is there with its digest, and every file is listed."""
    if listed is None:
        findings.unknown("files", "there is no manifest to compare the files with")
        return
    # What does not agree with a changed manifest may be right; the manifest itself is reported as bad.
    note = findings.unknown if manifest_damaged else findings.bad
    agreeing = unreached = 0
    for name, digest in listed.items():
        if scan.digests.get(name) == digest:
            agreeing += 1
        elif name in scan.digests:
            note("files", "it was changed: the manifest has another digest", name)
        elif scan.complete:
            note("files", "it is missing: the manifest lists it", name)
        else:
            unreached += 1
    for name in scan.digests:
        if name not in listed and name != _MANIFEST and not name.startswith(layout.EVIDENCE_FOLDER):
            note("files", "the manifest does not list it", name)
    if unreached:
        findings.unknown("files", f"{unreached} files of the manifest were not reached")
    if agreeing == len(listed) and findings.held("files"):
        findings.good("files", f"{agreeing} files agree with the manifest")


def check_sidecars(scan: Scan, listed: Mapping[str, Sha256] | None, findings: Findings) -> None:
    """Each ``<name>.sha256`` holds the digest and the name of the file beside it.

    An archive has sidecars if the worker's own files at the top have; without them, what is called ``.sha256`` below
    ``attempts/`` was handed in.
    """
    sidecars = sidecar_names(scan)
    if not any("/" not in name for name in sidecars):
        findings.good("sidecars", "the archive has no .sha256 files beside its files")
        return
    for name in sidecars:
        beside = name.removesuffix(lists.SIDECAR_SUFFIX)
        # Either will do: a file that was changed is reported as such, not its sidecar.
        expected = {scan.digests[beside], (listed or {}).get(beside)}
        try:
            file_name, digest = lists.parse_sidecar(scan.sidecars.get(name, b""))
        except VerificationError as exc:
            findings.bad("sidecars", str(exc), name)
            continue
        if file_name != beside.rsplit("/", 1)[-1] or digest not in expected:
            findings.bad("sidecars", "it holds another name or digest than the file beside it has", name)
    if findings.held("sidecars"):
        findings.good("sidecars", f"{len(sidecars)} agree with the files beside them")


def sidecar_names(scan: Scan) -> list[str]:
    """Return the names that are a sidecar by form.

    A handed-in ``x.sha256`` is told by having one of its own (see ``layout``).
    """
    suffix = lists.SIDECAR_SUFFIX
    return [
        name
        for name in scan.digests
        if layout.is_content(name)
        and name.endswith(suffix)
        and name.removesuffix(suffix) in scan.digests
        and name + suffix not in scan.digests
    ]


def _missing(scan: Scan, findings: Findings, step: str, name: str) -> None:
    if scan.complete:
        findings.bad(step, "it is missing", name)
    else:
        findings.unknown(step, "it was not reached", name)
