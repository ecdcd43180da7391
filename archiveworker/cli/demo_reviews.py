"""The demo's peer reviews: one job each for Moodle Workshop, workUp and Crowdsessment, after the quiz.

The workshop's archive goes to the private files of the account, those of the other two, which no LMS takes back, to a
folder. Each is checked as that of the quiz is.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archiveworker.cli.demo_bridge import demo_bridge
from archiveworker.cli.demo_checks import check, say, unpack
from archiveworker.cli.progress import follow_job
from archiveworker.client import WorkerClient
from archiveworker.demo.server import DemoServer
from archiveworker.demo.workshop_job import workshop_request
from archiveworker.domain.answers import JobView
from archiveworker.domain.errors import VerificationError

FOLDER_TARGET: Final = "directory"
"""The delivery target that the demo's worker has; see ``docs/howto/deliver-elsewhere.md``."""
_ARCHIVES: Final = (".tar.gz", ".zip")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays.

    Attributes:
        lms: the demo's Moodle.
        worker: the worker's API.
        delivered: folder of ``FOLDER_TARGET``.
        work: for databases.
        output: for people.
        authority: folder with the certificates of the time-stamp authority.
    """

    lms: DemoServer
    worker: WorkerClient
    delivered: Path
    work: Path
    output: Path
    authority: Path


async def archive_reviews(stage: Stage) -> int:
    """Archive one activity of each system; return the number of works.

    Raises:
        VerificationError: a job did not finish, or found something else than what was put there.
        ToolError: an archive does not hold.
    """
    count = await _workshop(stage)
    for system in ("workup", "crowdsessment"):
        count += await _legacy(stage, system)
    return count


async def _workshop(stage: Stage) -> int:
    say("\nA Moodle workshop, over core web services; its archive goes to the account's private files")
    options = {"excerpts": True}
    view = await _job(stage, "workshop", workshop_request(stage.lms.state, options=options))
    folder = stage.output / "workshop"
    folder.mkdir()
    for (_, name), file in stage.lms.state.private_files.items():
        shutil.copy(file.path, folder / name)
    await _look(stage, folder)
    return _work_count(view)


async def _legacy(stage: Stage, system: str) -> int:
    async with demo_bridge(system, stage.work / system) as bridge:
        activity = max(bridge.activity_ids, key=lambda one: sum(e.activity_id == one for e in bridge.expected))
        say(f"\n{system}, its database behind the bridge at {bridge.url}; its archive goes to a folder")
        body = {
            "api_version": 1,
            "lms": {"base_url": bridge.url, "token": bridge.token.reveal()},
            "activity": activity,
            "options": {"allow_open": True},
            "delivery": {"to": [FOLDER_TARGET]},
        }
        view = await archive_to_folder(stage, system, "peer_review", body)
    wanted = sorted({one.code for one in bridge.expected if one.activity_id == activity})
    found = _codes(stage.output / system / "unpacked")
    if missing := sorted(set(wanted) - found):
        raise VerificationError(f"the report of {system} does not say {', '.join(missing)}")
    say(f"  {len(wanted)} kinds of irregularities were put into the database, and all are in the report")
    return _work_count(view)


async def archive_to_folder(stage: Stage, name: str, source: str, body: Mapping[str, Any]) -> JobView:
    """Post a job that delivers to ``FOLDER_TARGET``, check its archive, and return the job.

    Args:
        stage: where.
        name: of the folder in the output.
        source: interface of the worker.
        body: of the request.

    Raises:
        VerificationError: the job did not finish.
        ToolError: the archive does not hold.
    """
    view = await _job(stage, source, body)
    [delivered] = _delivered(stage.delivered, view["id"])
    folder = stage.output / name
    shutil.copytree(delivered, folder)
    await _look(stage, folder)
    return view


async def _job(stage: Stage, source: str, body: Mapping[str, Any]) -> JobView:
    job_id = await asyncio.to_thread(stage.worker.submit, source, body)
    view = await follow_job(stage.worker, job_id)
    if view["state"] != "FINISHED":
        raise VerificationError(f"the job ended {view['state']}: {view['reason']}")
    return view


async def _look(stage: Stage, folder: Path) -> None:
    archive = _archive_in(folder)
    await asyncio.to_thread(unpack, archive, folder / "unpacked")
    await check(archive, folder / "unpacked", stage.authority)


def _archive_in(folder: Path) -> Path:
    return next(file for file in sorted(folder.iterdir()) if file.name.endswith(_ARCHIVES))


def _delivered(folder: Path, job_id: str) -> list[Path]:
    return [one for one in folder.iterdir() if job_id in one.name]


def _codes(tree: Path) -> set[str]:
    """Return the codes of the findings in the report of an unpacked archive."""
    [file] = tree.rglob("findings.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    return {result["code"] for result in document["checks"] if result["findings"]}


def _work_count(view: JobView) -> int:
    return sum(item["item"].startswith("work-") for item in view["items"])
