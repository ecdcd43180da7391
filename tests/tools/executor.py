"""An executor of this or another version of the project, with items that do nothing: for tests of rolling upgrades.

usage: python tests/tools/executor.py TREE DATABASE_URL NAME FOLDER KEY [ITEMS...]

TREE is a checkout, FOLDER has the spool that all executors share. Posts a job of each number of items, prints their
ids and ``ready``, and works until it is killed.
"""

import asyncio
import sys
from pathlib import Path

tree = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(tree))

import archiveworker
from archiveworker.domain.secret import Secret
from tests.tools.bench_engine import Nothing, _engine

assert Path(archiveworker.__file__).is_relative_to(tree), archiveworker.__file__


async def main() -> None:
    """Post and work."""
    url, name, folder, key, *sizes = sys.argv[2:]
    async with _engine(Secret(url), name, Path(folder), key) as engine:
        for size in sizes:
            sys.stdout.write(f"{await engine.submit(Nothing().parse({'items': int(size)}))}\n")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main())
