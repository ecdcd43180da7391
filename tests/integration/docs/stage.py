"""Where the documentation's commands are run: a demo LMS, a worker, a bridge's database, and a folder for each page.

A page's addresses, ids and absolute paths are made-up; ``Stage.real`` puts those of the stage in their place.
Everything else of a command is run as it stands there, by bash.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archiveworker.cli.demo_bridge import DemoBridge, demo_bridge
from archiveworker.demo.edx_course import EVERYTHING
from archiveworker.demo.edx_tokens import CLIENT_ID
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.workshop_job import workshop_request
from tests.fakes.worker import WorkerProcess, free_port
from tests.integration.docs.shown import ROOT, Shown

ATTEMPTS = 3
_LIMIT_S = 300
_REMEMBERS = (
    'cd "$(cat {state}/cwd)"; . {state}/env; {command}\nended=$?; pwd >{state}/cwd; export -p >{state}/env; exit $ended'
)


@dataclass(slots=True)
class Stage:
    """Attributes:
    folder: of everything that the commands touch.
    lms: Moodle, Open edX and time-stamp authority.
    worker: serves; delivers to ``folder/srv/archives`` as ``directory``.
    bridge: of workUp, over ``folder/workup``.
    archive: of a quiz, with its evidence beside it.
    values: made-up text of a page -> that of the stage, page by page and for all ("").
    """

    folder: Path
    lms: DemoServer
    worker: WorkerProcess
    bridge: DemoBridge
    archive: Path
    values: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def real(self, page: str, text: str) -> str:
        """Return a text of a page with what is real here."""
        for made_up, real in [*self.values.get(page, []), *self.values[""]]:
            text = text.replace(made_up, real)
        return text

    def home(self, page: str) -> Path:
        """Return the folder of a page, filled at its first use."""
        folder = self.folder / "pages" / page.replace("/", "-")
        if not folder.exists():
            state = folder / ".state"
            state.mkdir(parents=True)
            (state / "cwd").write_text(str(folder))
            (state / "env").touch()
            for file in [*self.archive.parent.iterdir(), self.lms.authority.root_pem, ROOT / "config.env.example"]:
                shutil.copy(file, folder / ("root.pem" if file.suffix == ".pem" and "root" in file.name else file.name))
            shutil.copytree(ROOT / "docker", folder / "docker")
        return folder

    def run(self, shown: Shown) -> subprocess.CompletedProcess[str]:
        """Run a command in its page's folder; what an earlier one exported, and where it went, still holds."""
        home, command = self.home(shown.page), self.real(shown.page, shown.command)
        script = _REMEMBERS.format(state=home / ".state", command=command)
        return subprocess.run(
            ["bash", "-c", script], env=self.environment(shown), capture_output=True, text=True, timeout=_LIMIT_S,
            check=False,
        )  # fmt: skip

    def environment(self, shown: Shown) -> dict[str, str]:
        """Return what a command sees: the settings that the page shows before it, where they belong to the command."""
        settings = shown.settings if "bridge" in shown.command else ()
        given = dict(self.real(shown.page, one).split("=", 1) for one in settings)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "DOCS_WORKER": self.worker.url, **given}

    async def failed_delivery(self) -> str:
        """Post a job whose place is away until it has failed; put the place back; return the job's id."""
        place, away = self.folder / "srv" / "archives", self.folder / "srv" / "away"
        place.rename(away)
        status, answer, _ = await self.worker.request("POST", "/archive/edx_proctoring", json=self.edx_job())
        assert status == 200, answer
        view = await self.worker.ended(answer["jobid"])
        away.rename(place)
        assert view["state"] == "FAILED", view
        assert view["kept_until"], view
        return str(answer["jobid"])

    async def cancelled_job(self) -> str:
        """Post a job of a peer review and cancel it; return its id."""
        body = {"api_version": 1, "lms": {"base_url": self.bridge.url, "token": self.bridge.token.reveal()},
                "activity": self.bridge.activity_ids[0], "options": {"allow_open": True, "excerpts": True},
                "delivery": {"to": ["directory"]}}  # fmt: skip
        status, answer, _ = await self.worker.request("POST", "/archive/peer_review", json=body)
        assert status == 200, answer
        await self.worker.request("POST", f"/jobs/{answer['jobid']}/cancel")
        return str(answer["jobid"])

    def edx_job(self) -> dict[str, Any]:
        """Return the body of a small job for the Open edX."""
        course = self.lms.edx.course(EVERYTHING)
        body = self.lms.edx.request(self.lms.base_url, ["directory"])
        return {**body, "usernames": [course.attempts[0]["user"]["username"]]}


@asynccontextmanager
async def prepared_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start everything, and archive one quiz."""
    _make_programs(folder / "bin")
    place = folder / "srv" / "archives"
    for one in (place, folder / "etc" / "archiveworker", folder / "etc" / "systemd" / "system", folder / "run"):
        one.mkdir(parents=True)
    (folder / "etc" / "archiveworker" / "bridge.url").write_text(f"sqlite:///{folder / 'workup' / 'app.db'}")
    (folder / "etc" / "archiveworker" / "bridge.key").write_text(secrets.token_hex(32))
    options = DemoOptions(attempts=ATTEMPTS, workdir=folder / "lms")
    async with DemoServer(options) as lms, demo_bridge("workup", folder / "workup") as bridge:
        settings = {"TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem), "ADMIN_TOKEN": "",
                    "DELIVERY_DIRS": str(place), "DELIVERY_RETRY_S": "0"}  # fmt: skip
        worker = WorkerProcess(folder / "worker", {name: value for name, value in settings.items() if value})
        await worker.start()
        try:
            archive = await _archived_quiz(folder / "exam", lms, worker)
            stage = Stage(folder, lms, worker, bridge, archive)
            stage.values = _values(stage)
            shutil.copy(archive, place)
            yield stage
        finally:
            await worker.stop()


async def _archived_quiz(folder: Path, lms: DemoServer, worker: WorkerProcess) -> Path:
    """Archive a quiz under the names that the pages use; return its archive, its evidence beside it."""
    folder.mkdir()
    names = {"foldername_pattern": "${username}/${attemptid}", "filename_pattern": "attempt-${attemptid}-${username}"}
    request = lms.request(7, **names, archive_filename="exam", backups=False)
    _, answer = await lms.submit(worker.url, request)
    view = await worker.ended(answer["jobid"])
    assert view["state"] == "FINISHED", view
    for name in view["evidence"]:
        shutil.copy(worker.data / "jobs" / answer["jobid"] / "evidence" / name, folder / name)
    return Path(shutil.copy(lms.deliveries[-1].path, folder / "exam.tar.gz"))


def _make_programs(folder: Path) -> None:
    """Put the command of this checkout on the path, and a ``sudo`` that asks for nothing."""
    folder.mkdir(parents=True)
    to_worker = 'case "$1" in submit|jobs) set -- "$@" --worker "$DOCS_WORKER";; esac'
    programs = {
        "archiveworker": f'{to_worker}\nPYTHONPATH={ROOT} exec {sys.executable} -m archiveworker "$@"',
        "sudo": '[ "$1" = -u ] && shift 2\nexec "$@"',
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)


def _values(stage: Stage) -> dict[str, list[tuple[str, str]]]:
    """Return what stands in the pages, and what it is here."""
    folder, lms = stage.folder, stage.lms
    everywhere = [
        ("https://moodle.example.org", lms.base_url),
        ("https://lms.example.org", lms.base_url),
        ("https://tsa.example.org/", lms.tsa_url),
        ("http://127.0.0.1:8080", stage.worker.url),
        ("/etc/archiveworker/tsa-ca.pem", str(lms.authority.root_pem)),
        ("/opt/archiveworker/bin/archiveworker", str(folder / "bin" / "archiveworker")),
        ("/srv/workup/uploads", str(folder / "workup" / "uploads")),
        ("/srv/archives", str(folder / "srv" / "archives")),
        ("/etc/", f"{folder}/etc/"),
        ("/run/secrets", str(folder / "run")),
        ("/var/lib/archiveworker", str(folder / "var")),
        ("--port 8085", f"--port {free_port()}"),
        ("--try-upload-mib 500", "--try-upload-mib 1"),
    ]
    client = [
        ("client_id=...", f"client_id={CLIENT_ID}"),
        ("client_secret=...", f"client_secret={lms.edx.tokens.client_secret}"),
    ]
    return {"": everywhere, "docs/howto/archive-proctored-exams.md": client}


def write_token(stage: Stage, page: str, token: str) -> None:
    """Put a token where the page's commands look for it."""
    for name in ("token", "token.txt", "new-token"):
        (stage.home(page) / name).write_text(token)


def write_job(stage: Stage, shown: Shown, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the document that the page shows, if it shows one, as ``job.json``, with the ids that there are."""
    if not shown.document:
        return
    job, _ = json.JSONDecoder().raw_decode(stage.real(shown.page, shown.document))  # its command may follow at once
    change(job)
    (stage.home(shown.page) / "job.json").write_text(json.dumps(job))


def workshop_token(stage: Stage) -> tuple[str, int]:
    """Return a token of Moodle for workshops, and the number of the smallest workshop that is closed."""
    smallest = min((one for one in stage.lms.state.workshops if one.id != 5), key=lambda one: len(one.works))
    body = workshop_request(stage.lms.state, smallest.id)
    return str(body["lms"]["token"]), int(body["workshop"]["cmid"])
