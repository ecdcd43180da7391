"""Executors of two versions with the same form of workflows share jobs, in both directions: an older commit and this.

The real engines on PostgreSQL, with items that do nothing. What happens when the form differs is tested in
``tests/acceptance/cluster``.
"""

import asyncio
import contextlib
import io
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from dbos import DBOSClient

from tests.conftest import HISTORY_MISSING
from tests.fakes.postgres import PostgresServer

ROOT = Path(__file__).parents[3]
EXECUTOR = ROOT / "tests" / "tools" / "executor.py"
OLD_COMMIT = "f77318a"
"""The last one whose jobs had no priority and no budget."""
SIZES = (40, 40, 40, 5)
"""Three jobs of unknown size run at once; the fourth waits."""
LIMIT_S = 600.0


@pytest.fixture(scope="module")
def old_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = ["git", "-C", ROOT, "archive", OLD_COMMIT, "archiveworker", "res", "tests"]
    packed = subprocess.run(command, capture_output=True, check=False)
    if packed.returncode != 0:
        pytest.skip(f"{HISTORY_MISSING}: {OLD_COMMIT} is not in this checkout")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


class Database:
    """What executors share, and what stands in it.

    Args:
        url: of an empty database.
        folder: for the spool.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.key = url, folder, Fernet.generate_key().decode()

    @contextlib.asynccontextmanager
    async def executor(self, tree: Path, name: str, *sizes: int) -> AsyncIterator[list[str]]:
        """Run an executor that posts jobs of these sizes; it is killed at the end. Yields their ids."""
        command = [sys.executable, str(EXECUTOR), str(tree), self.url, name, str(self.folder), self.key]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, *map(str, sizes), stdout=asyncio.subprocess.PIPE, stderr=log, cwd=self.folder
            )
        assert process.stdout is not None
        try:
            lines: list[str] = []
            async with asyncio.timeout(LIMIT_S):
                while not lines or lines[-1] != "ready":
                    line = (await process.stdout.readline()).decode().strip()
                    assert line, (self.folder / f"{name}.log").read_text()[-2000:]
                    lines += [line] if line == "ready" or line.count("-") == 4 else []
            yield lines[:-1]
        finally:
            process.kill()
            await process.wait()

    def count(self, name: str, status: str) -> int:
        """Return how many workflows of a name are in a state of the engine."""
        with psycopg.connect(self.url) as connection:
            query = "SELECT count(*) FROM dbos.workflow_status WHERE name = %s AND status = %s"
            row = connection.execute(query, (name, status)).fetchone()
        assert row is not None
        return int(row[0])

    async def until(self, name: str, status: str, count: int) -> None:
        """Wait until so many are."""
        async with asyncio.timeout(LIMIT_S):
            while self.count(name, status) < count:
                await asyncio.sleep(0.1)

    def workflows(self, name: str) -> list[Any]:
        """Return all workflows of a name with their outputs."""
        client = DBOSClient(system_database_url=self.url)
        try:
            return client.list_workflows(name=name)
        finally:
            client.destroy()


@pytest.fixture
def database(postgres: PostgresServer, tmp_path: Path) -> Database:
    return Database(postgres.create_database(f"versions_{tmp_path.name}"), tmp_path)


@pytest.mark.parametrize("old_posts", [True, False], ids=["old posts, new finishes", "new posts, old finishes"])
async def test_either_version_finishes_what_the_other_began(
    database: Database, old_tree: Path, old_posts: bool
) -> None:
    trees = (old_tree, ROOT) if old_posts else (ROOT, old_tree)
    async with database.executor(trees[0], "poster", *SIZES) as posted:
        await database.until("archive_item", "SUCCESS", 3)
        assert database.count("archive_job", "ENQUEUED") == 1, "one waits"
    assert database.count("archive_job", "SUCCESS") < len(SIZES), "it was killed before the end"
    async with database.executor(trees[1], "finisher"):
        await database.until("archive_job", "SUCCESS", len(SIZES))
    jobs = {job.workflow_id: job for job in database.workflows("archive_job")}
    assert set(jobs) == set(posted)
    assert {job.output["state"] for job in jobs.values()} == {"FINISHED"}
    items = database.workflows("archive_item")
    assert len(items) == sum(SIZES)
    assert all("record" in item.output for item in items)
    assert any(item.executor_id == "finisher" for item in items)


async def test_both_versions_work_on_one_job(database: Database, old_tree: Path) -> None:
    async with database.executor(old_tree, "old"), database.executor(ROOT, "new", 150) as (job_id,):
        await database.until("archive_job", "SUCCESS", 1)
    (job,) = database.workflows("archive_job")
    assert (job.workflow_id, job.output["state"]) == (job_id, "FINISHED")
    assert {item.executor_id for item in database.workflows("archive_item")} == {"old", "new"}
