"""What the doors note about the request at hand, for the journal and the faults around them."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(slots=True)
class Notes:
    """One request's notes.

    Attributes:
        parameters: for the journal; an upload adds what was in its body.
        faults: what went wrong on order.
        file: the file that is being sent, if it is one on disk.
    """

    parameters: dict[str, str] = field(default_factory=dict, repr=False)
    faults: list[str] = field(default_factory=list)
    file: Path | None = None


NOTES: Final[ContextVar[Notes]] = ContextVar("demo_notes")
"""Set for each request by the outermost middleware; handlers run in the same context."""
