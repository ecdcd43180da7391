"""The mapping language: which table and column of a legacy database is which field of the peer-review model.

A mapping is a TOML file. It says *where* things stand, not how to compute them: columns, constants, a value for a
value, text with columns in it, and a closed list of named readers for what no column can say (``readers``). It holds no
SQL and no code, so that an administrator can write one and nobody can do harm with one. Every key is described in
``docs/howto/connect-a-legacy-lms.md``; why it is like this in ``docs/adr/0012``.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from archiveworker.domain.errors import MappingError
from archiveworker.runtime import resources

PRESETS: Final = ("crowdsessment", "workup")
COLUMN: Final = re.compile(r"@?[A-Za-z_]\w*\.[A-Za-z_]\w*\Z")
_MAX_BYTES: Final = 256 * 1024


class Expression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a value is made; exactly one of the first four says from what.

    Attributes:
        from_: a column, ``table.column``; with ``@`` before it a column of the activity's own row.
        first: columns; the first that is not NULL.
        value: a constant.
        template: text with ``{table.column}`` in it; NULL when one of these is.
        read: name of a reader for times (``values.TIMES``), forms or answers (``readers``).
        map: what stands in the column (``true``, ``false``, ``null`` or its text) and what is meant by it.
        default: constant in place of NULL.
        format: of a text: plain, html or markdown.
    """

    from_: str | None = msgspec.field(default=None, name="from")
    first: tuple[str, ...] = ()
    value: str | int | float | bool | None = None
    template: str | None = None
    read: str | None = None
    map: dict[str, str | int | float | bool] = {}
    default: str | int | float | bool | None = None
    format: str | None = None


Value: TypeAlias = str | int | float | bool | Expression
"""A column, a constant that is no text, or an expression."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition that is no equality.

    Attributes:
        is_: ``null`` or ``not null``.
        not_: what must not stand there; NULL is something else.
        value: a text that must stand there.
    """

    is_: str | None = msgspec.field(default=None, name="is")
    not_: str | int | bool | None = msgspec.field(default=None, name="not")
    value: str | None = None


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further table.

    Attributes:
        table: its name.
        on: its columns, and the columns (``table.column``) that they are equal to.
        as_: name under which it is spoken of, when it stands in the query twice.
        required: whether rows without a partner are left out.
    """

    table: str
    on: dict[str, str]
    as_: str | None = msgspec.field(default=None, name="as")
    required: bool = False


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of the database.

    Attributes:
        from_: the table.
        key: the column, or columns, that tell records apart; rows with the same key are one record.
        join: further tables.
        where: columns and what must stand in them.
        fields: of the record, each with where it comes from; lists have an entry for each row.
    """

    from_: str = msgspec.field(name="from")
    key: str | tuple[str, ...]
    join: tuple[Join, ...] = ()
    where: dict[str, str | int | bool | Condition] = {}
    fields: dict[str, Any] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key."""
        return (self.key,) if isinstance(self.key, str) else self.key


class ActivityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where activities stand.

    Attributes:
        kind: word for an activity in the scope of a token.
        from_: the table.
        key: the column with the id.
        fields: of the record.
        join: further tables.
        where: columns and what must stand in them, to leave out what is no peer review.
        form: column with the id of the form in force.
        config: columns that are archived for machines.
    """

    kind: str
    from_: str = msgspec.field(name="from")
    key: str
    fields: dict[str, Any]
    join: tuple[Join, ...] = ()
    where: dict[str, str | int | bool | Condition] = {}
    form: str | None = None
    config: tuple[str, ...] = ()

    @property
    def query(self) -> Query:
        """The rows of all activities."""
        return Query(self.from_, self.key, self.join, self.where, self.fields)


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the system counts itself; what is left out is counted by the bridge.

    Attributes:
        submissions: works.
        matrix: pairs of reviewer and work, in the system's own report.
        matrix_is_complete: whether that report has every pair.
    """

    submissions: Query | None = None
    matrix: Query | None = None
    matrix_is_complete: bool = True


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping file.

    Attributes:
        mapping_version: of the language; this one is 1.
        system: name of the system in the archive.
        activity: where activities stand.
        participants: where people stand; each list may have several queries.
        forms: review forms.
        submissions: works.
        allocations: who reviews what.
        reviews: what was written.
        files: names of files, and where they lie in the upload folder.
        queue_items: works that wait.
        locks: works that somebody has taken.
        counters: the system's own counts.
        announced: what is compared with what was read.
    """

    mapping_version: int
    system: str
    activity: ActivityQuery
    participants: tuple[Query, ...] = ()
    forms: tuple[Query, ...] = ()
    submissions: tuple[Query, ...] = ()
    allocations: tuple[Query, ...] = ()
    reviews: tuple[Query, ...] = ()
    files: tuple[Query, ...] = ()
    queue_items: tuple[Query, ...] = ()
    locks: tuple[Query, ...] = ()
    counters: tuple[Query, ...] = ()
    announced: Counts = Counts()

    @property
    def has_queue(self) -> bool:
        """Whether the system hands out work from a queue."""
        return bool(self.queue_items or self.locks or self.counters)


COLLECTIONS: Final = (
    "participants", "forms", "submissions", "allocations", "reviews", "files", "queue_items", "locks", "counters",
)  # fmt: skip


def load(name: str) -> Mapping:
    """Return a mapping.

    Args:
        name: of a preset, or the path of a TOML file.

    Raises:
        MappingError: there is none, or it does not say what a mapping has to say; the sentence names the key.
    """
    return parse(_text(name), name)


def parse(text: str, name: str) -> Mapping:
    """Return the mapping that stands in ``text``.

    Args:
        text: TOML; ``extends = "PRESET"`` takes over everything of a preset that is not said here.
        name: for messages.

    Raises:
        MappingError: it is none; the sentence names the key.
    """
    content = _toml(text, name)
    base = content.pop("extends", None)
    if base is not None:
        if base not in PRESETS:
            raise MappingError(f"{name}: extends must be {' or '.join(PRESETS)}, got {base!r}")
        content = _merged(_toml(_text(base), base), content)
    try:
        mapping = msgspec.convert(content, Mapping)
    except msgspec.ValidationError as exc:
        raise MappingError(f"the mapping {name} is wrong: {exc}") from exc
    if mapping.mapping_version != 1:
        raise MappingError(f"{name}: mapping_version must be 1, got {mapping.mapping_version}")
    return mapping


def _text(name: str) -> str:
    if name in PRESETS:
        return resources.text(f"bridge/{name}.toml")
    path = Path(name)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise MappingError(f"the mapping {name} is larger than {_MAX_BYTES} bytes; it cannot be meant")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise MappingError(
            f"the mapping {name} cannot be read ({type(exc).__name__}); name a preset ({', '.join(PRESETS)}) or a "
            "TOML file"
        ) from exc


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise MappingError(f"the mapping {name} is no TOML: {exc}") from exc


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with what ``over`` says in its place: tables key by key, anything else as a whole."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
