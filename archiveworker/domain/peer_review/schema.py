"""JSON Schema of the exchange documents; ``tests/tools/write_schemas.py`` writes the file that is shipped."""

from typing import Any, Final

from archiveworker.domain import record_schema
from archiveworker.domain.peer_review.base import Record
from archiveworker.domain.peer_review.exchange import PAGES, ActivityDocument, PeerReviewFile, ProblemDocument

RESOURCE: Final = "peer_review/exchange.schema.json"


def render() -> bytes:
    """Return the schema as it is shipped."""
    return record_schema.render(build())


def build() -> dict[str, Any]:
    """Return the schema: every document of the API is valid; ``$defs`` has each kind and each record for itself."""
    documents: dict[str, Any] = {f"{name}_page": kind for name, kind in PAGES.items()}
    documents |= {"activity": ActivityDocument, "problem": ProblemDocument, "peer_review_file": PeerReviewFile}
    return record_schema.build(
        "urn:archiveworker:peer-review-exchange:1", "Peer-review exchange API, version 1", documents, Record
    )
