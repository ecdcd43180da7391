"""A string that never shows itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A token or password. ``str`` and ``repr`` show stars; only ``reveal`` gives the value.

    Attributes:
        _value: the clear text.
    """

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the clear text, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)
