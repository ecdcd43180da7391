"""The answers of an LMS as they came: kept while a job reads, so that nothing is asked for twice, and archived.

One JSON Lines file (jsonlines.org) for each function, a line ``{"answer": ..., "request": ...}`` for each call. Only
what is read stays in memory: where each line stands. A request never holds the token.
"""

import contextlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,80}\Z")
_SUFFIX: Final = ".jsonl"


@dataclass(slots=True)
class _Lines:
    """One file, and where the line of each request begins."""

    file: Path
    starts: dict[bytes, int] = field(default_factory=dict)
    end: int = 0


class RawAnswers:
    """Answers by function and request. Calls are quick and not safe for threads; one task at a time may use it.

    Args:
        folder: for the files; made when the first answer comes. What an earlier, interrupted run left is read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = {file.name.removesuffix(_SUFFIX): _reopened(file) for file in sorted(folder.glob(f"*{_SUFFIX}"))}

    def keep(self, name: str, request: Mapping[str, object], answer: object) -> None:
        """Remember an answer.

        Args:
            name: of the function; becomes a file name: lower-case letters, digits, ``_``.
            request: what was asked, without the token: JSON values.
            answer: JSON value, as it came.

        Raises:
            ValueError: the name cannot be that of a file.
        """
        if not _NAME.match(name):
            raise ValueError(f"not a name for raw answers: {name!r}")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = self._lines.setdefault(name, _Lines(self._folder / f"{name}{_SUFFIX}"))
        line = msgspec.json.encode({"answer": answer, "request": dict(request)}, order="sorted") + b"\n"
        with lines.file.open("ab") as target:
            target.write(line)
        lines.starts[_key(request)] = lines.end
        lines.end += len(line)

    def kept(self, name: str, request: Mapping[str, object]) -> Any | None:
        """Return the answer to this request, or None when there is none yet."""
        lines = self._lines.get(name)
        start = None if lines is None else lines.starts.get(_key(request))
        if lines is None or start is None:
            return None
        with lines.file.open("rb") as source:
            source.seek(start)
            return msgspec.json.decode(source.readline())["answer"]

    def export(self, folder: Path) -> None:
        """Write the files as they are archived: sorted by request, so that the order of answers does not matter."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, lines in self._lines.items():
            part = folder / f".{name}.part"
            with lines.file.open("rb") as source, part.open("wb") as target:
                for _, start in sorted(lines.starts.items()):
                    source.seek(start)
                    target.write(source.readline())
            part.replace(folder / f"{name}{_SUFFIX}")

    def forget_one(self, name: str) -> bool:
        """Discard the answers of one function; return whether there were any."""
        lines = self._lines.pop(name, None)
        if lines is None:
            return False
        lines.file.unlink(missing_ok=True)
        return True

    def forget(self) -> None:
        """Discard everything."""
        self._lines = {}
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)


def _key(request: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(dict(request), order="sorted")


def _reopened(file: Path) -> _Lines:
    """Find the lines of an earlier run; the last one may have been cut off by a crash."""
    lines = _Lines(file)
    with file.open("r+b") as source:
        for line in source:
            if not line.endswith(b"\n"):
                source.truncate(lines.end)
                break
            lines.starts[_key(msgspec.json.decode(line)["request"])] = lines.end
            lines.end += len(line)
    return lines
