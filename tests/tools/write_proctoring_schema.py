"""Write the JSON Schema of proctoring.json: python tests/tools/write_proctoring_schema.py."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from archiveworker.domain.proctoring import schema

if __name__ == "__main__":
    target = ROOT / "res" / schema.RESOURCE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(schema.render())
