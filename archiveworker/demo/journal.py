"""What was asked of the demo LMS and what came back, for tests and for the curious. Never holds a token in clear."""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

_LIMIT: Final = 50_000
_SECRET_KEYS: Final = frozenset({"wstoken", "token"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Attributes:
        seq: number of the request, from 1.
        method: HTTP method.
        path: without the query.
        where: web service function, or the door's name (``pluginfile.php``, ``upload.php``), or empty.
        parameters: as they came, values of a repeated key joined by commas; a token is
            ``sha256:`` and 12 digits of its digest.
        status: HTTP status, 0 when the connection was dropped.
        fault: what went wrong on order, empty for nothing.
    """

    seq: int
    method: str
    path: str
    where: str
    parameters: dict[str, str]
    status: int
    fault: str


class Journal:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_LIMIT)
        self._seq = 0

    def add(
        self, *, method: str, path: str, where: str, parameters: Mapping[str, str], status: int, fault: str
    ) -> None:
        """Write one request down."""
        self._seq += 1
        hidden = {key: redact(value) if key in _SECRET_KEYS else value for key, value in parameters.items()}
        self._entries.append(Entry(self._seq, method, path, where, hidden, status, fault))

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, where: str) -> list[Entry]:
        """Return the requests to one function or door."""
        return [entry for entry in self._entries if entry.where == where]

    def as_json(self) -> list[dict[str, Any]]:
        """Return everything as plain data."""
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget everything; the numbers go on."""
        self._entries.clear()


def redact(token: str) -> str:
    """Return what may be shown of a token: enough to tell two apart."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:12]}"
