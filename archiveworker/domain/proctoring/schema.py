"""JSON Schema of ``proctoring.json``; ``tests/tools/write_schemas.py`` writes the file that is shipped."""

from typing import Any, Final

from archiveworker.domain import record_schema
from archiveworker.domain.proctoring.base import Record
from archiveworker.domain.proctoring.model import ProctoringFile

RESOURCE: Final = "proctoring/proctoring.schema.json"


def render() -> bytes:
    """Return the schema as it is shipped."""
    return record_schema.render(build())


def build() -> dict[str, Any]:
    """Return the schema of the file, with each record for itself in ``$defs``."""
    documents = {"proctoring_file": ProctoringFile}
    return record_schema.build("urn:archiveworker:proctoring:1", "Proctored exams, version 1", documents, Record)
