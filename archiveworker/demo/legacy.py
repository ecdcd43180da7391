"""What the made-up databases of legacy LMSs have in common: rows to insert, and the findings that they must lead to."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class ExpectedFinding:
    """A finding that a database must lead to.

    Attributes:
        activity_id: in which activity.
        irregularity: what was done to the data, for a person.
        code: of the finding.
        subjects: what it is about, each as ``kind:id``.
    """

    activity_id: str
    irregularity: str
    code: str
    subjects: frozenset[str]


@dataclass(slots=True)
class Script:
    """Rows in the order in which they are thought of, and what is expected of them.

    Attributes:
        rows: by table.
        expected: findings.
    """

    rows: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    expected: list[ExpectedFinding] = field(default_factory=list)

    def add(self, table: str, **values: Any) -> int:
        """Add a row and return its id, which is the next one of its table unless it is given."""
        last = self.rows[table][-1]["id"] if self.rows[table] else 0
        number: int = values.setdefault("id", last + 1)
        self.rows[table].append(values)
        return number

    def link(self, table: str, **values: Any) -> None:
        """Add a row to a table without ids of its own."""
        self.rows[table].append(values)

    def expect(self, activity_id: int, irregularity: str, code: str, *subjects: str) -> None:
        """Say what must be found."""
        self.expected.append(ExpectedFinding(str(activity_id), irregularity, code, frozenset(subjects)))

    def write(self, engine: sa.Engine, metadata: sa.MetaData) -> None:
        """Make the tables and insert the rows; parents before children."""
        metadata.create_all(engine)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                rows = self.rows.get(table.name, [])
                names = {name for row in rows for name in row}
                if rows:
                    connection.execute(sa.insert(table), [dict.fromkeys(names) | row for row in rows])


def about(kind: str, ids: Iterable[int | str]) -> tuple[str, ...]:
    """Return subjects of one kind."""
    return tuple(f"{kind}:{one}" for one in ids)
