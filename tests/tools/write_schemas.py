"""Write the JSON Schemas of the exchange API and of proctoring.json: python tests/tools/write_schemas.py."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from archiveworker.domain.peer_review import schema as peer_review
from archiveworker.domain.proctoring import schema as proctoring

if __name__ == "__main__":
    for schema in (peer_review, proctoring):
        (ROOT / "res" / schema.RESOURCE).write_bytes(schema.render())
