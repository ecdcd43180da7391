"""The check of ``verify`` that looks at names alone: whether unpacking can surprise anyone.

What a name says to a person, to a file system that ignores case or normalises Unicode, and to Windows must be one and
the same. The work on a name is bounded by its length.
"""

from collections.abc import Iterable

from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence.reading import UNSEEN, Findings, Limits


def check_names(names: Iterable[str], limits: Limits, findings: Findings) -> None:
    """Names are safe to unpack anywhere, and stay different where case does not count."""
    seen: dict[str, str] = {}
    for name in names:
        if fault := _fault(name, limits):
            findings.bad("names", fault, name)
        if (other := seen.setdefault(name.casefold(), name)) != name:
            findings.bad("names", f"where case does not count it has the same name as {other!r}", name)
    _check_files_as_folders(seen, findings)
    if findings.held("names"):
        findings.good("names", "all are safe and different")


def _fault(name: str, limits: Limits) -> str | None:
    if len(name.encode(errors="replace")) > limits.max_name_bytes:
        return f"the name has more than {limits.max_name_bytes} bytes"
    if UNSEEN.search(name):
        return "the name holds a character that is not seen or changes the order of others"
    try:
        ArchivePath(name)
    except ValueError as exc:
        return f"the name is not safe: {exc}"
    return None


def _check_files_as_folders(seen: dict[str, str], findings: Findings) -> None:
    """Sorted with the slash before all else, what lies in a folder follows directly on a file of the folder's name."""
    file = None
    for key in sorted(seen, key=lambda key: key.replace("/", "\0")):
        if file is not None and key.startswith(f"{file}/"):
            findings.bad("names", "a file has the name of one of its folders", seen[key])
        else:
            file = key
