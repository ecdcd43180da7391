"""``archiveworker demo``: a whole job on this machine, from a made-up Moodle to a checked archive.

Starts the demo LMS, its time-stamp authority and a worker on loopback, lets the demo's plugin post one job over the
real HTTP API, follows it, fetches archive and evidence, and checks them with nothing but ``sha256sum`` and ``openssl``.
Peer reviews come after the quiz (``demo_reviews``), and proctored exams after them (``demo_proctoring``).
"""

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from archiveworker import composition
from archiveworker.cli.client import admin_token
from archiveworker.cli.demo_checks import check, say, unpack
from archiveworker.cli.demo_proctoring import archive_proctoring
from archiveworker.cli.demo_reviews import FOLDER_TARGET, Stage, archive_reviews
from archiveworker.cli.progress import follow_job
from archiveworker.client import WorkerClient
from archiveworker.demo.plugin import plugin_for
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.errors import RequestError, SettingsError, VerificationError
from archiveworker.runtime import logging as runtime_logging
from archiveworker.settings import Settings

_MARK = ".archiveworker-demo"
"""Stands in a folder that the demo has filled: only such a one is emptied again."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the demo's job left behind.

    Attributes:
        archive: its file in the output folder.
        tree: the unpacked archive.
        authority: folder with the authority's certificates.
        items: archived.
        pages: of all PDFs.
        took_s: of the quiz, from the post to the last state.
        works: of peer reviews, archived.
        exam_attempts: at proctored exams, archived.
    """

    archive: Path
    tree: Path
    authority: Path
    items: int
    pages: int
    took_s: float
    works: int = 0
    exam_attempts: int = 0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--attempts", type=int, default=12, metavar="N", help="attempts of the demo's quiz (default 12)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another number makes another course (default 1)"
    )
    parser.add_argument(
        "--plugin",
        default="7",
        metavar="VERSION",
        help="API version 1 to 7, 5.x, archivingmod_quiz or archivingmod_assign (default 7)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo-output"), metavar="DIR", help="folder to fill (default demo-output)"
    )
    parser.add_argument("--quiz-only", action="store_true", help="leave peer reviews and proctored exams out")
    parser.add_argument("--zip", action="store_true", help="make a zip instead of a tar.gz")
    parser.add_argument("--verbose", action="store_true", help="show the worker's log")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Run the demo; exit 0 when the job finished and every check held."""
    runtime_logging.configure("INFO" if args.verbose else "ERROR", as_json=False)
    _check_arguments(args)
    _make_room(args.output)
    with tempfile.TemporaryDirectory(prefix="archiveworker-demo-") as folder:
        outcome = asyncio.run(_demo(args, env, Path(folder)))
    further = ""
    if outcome.works:
        further = f", {outcome.works} works of three peer reviews, {outcome.exam_attempts} attempts at proctored exams"
    say(
        f"\nDemo finished: {outcome.items} attempts, {outcome.pages} pages in {outcome.took_s:.1f} s{further}; "
        f"all checks passed. Look at {outcome.tree}/index.html"
    )
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if args.attempts < 1:
        raise RequestError(f"--attempts must be at least 1, got {args.attempts}")
    try:
        plugin_for(args.plugin)
    except LookupError as exc:
        raise RequestError(
            f"--plugin must be 1 to 7, 5.x, archivingmod_quiz or archivingmod_assign, got {args.plugin!r}"
        ) from exc


def _make_room(output: Path) -> None:
    """Empty the folder of an earlier demo, and no other one."""
    try:
        if output.exists() and not (output / _MARK).exists() and any(output.iterdir()):
            raise SettingsError(f"--output {output} is not empty and not of an earlier demo; name another folder")
        if output.exists():
            shutil.rmtree(output)
        output.mkdir(parents=True)
        (output / _MARK).touch()
    except OSError as exc:
        raise SettingsError(f"--output {output} cannot be written ({exc.strerror}); name another folder") from exc


async def _demo(args: argparse.Namespace, env: Mapping[str, str], folder: Path) -> _Outcome:
    output: Path = args.output
    options = DemoOptions(seed=args.seed, attempts=args.attempts, workdir=folder / "lms")
    async with DemoServer(options) as lms:
        authority = output / "authority"
        authority.mkdir()
        for file in (lms.authority.root_pem, lms.authority.tsa_pem):
            shutil.copy(file, authority / file.name)
        settings = _settings(env, folder, lms, args)
        async with composition.running_worker(settings) as worker:
            say(f"Demo Moodle at {lms.base_url}, time-stamp authority at {lms.tsa_url}, worker at {worker.url}")
            with WorkerClient(worker.url, admin_token(env)) as client:
                outcome = await _job(args, lms, client)
                await check(outcome.archive, outcome.tree, outcome.authority)
                if args.quiz_only:
                    return outcome
                stage = Stage(lms, client, folder / "delivered", folder, output, authority)
                works = await archive_reviews(stage)
                return replace(outcome, works=works, exam_attempts=await archive_proctoring(stage))


def _settings(env: Mapping[str, str], folder: Path, lms: DemoServer, args: argparse.Namespace) -> Settings:
    delivered = folder / "delivered"
    delivered.mkdir()
    chosen = {
        "ARCHIVEWORKER_HOST": "127.0.0.1",
        "ARCHIVEWORKER_PORT": "0",
        "ARCHIVEWORKER_DATA_DIR": str(folder / "worker"),
        "ARCHIVEWORKER_TSA_URLS": lms.tsa_url,
        "ARCHIVEWORKER_TSA_CA": str(lms.authority.root_pem),
        "ARCHIVEWORKER_DELIVERY_DIRS": f"{FOLDER_TARGET}={delivered}",
        "ARCHIVEWORKER_BACKUP_POLL_S": "1",
        "ARCHIVEWORKER_POLL_INTERVAL_S": "0.2",
        "ARCHIVEWORKER_ARCHIVE_FORMAT": "zip" if args.zip else "tar.gz",
    }
    return Settings.from_env({**env, **chosen})[0]


async def _job(args: argparse.Namespace, lms: DemoServer, worker: WorkerClient) -> _Outcome:
    output: Path = args.output
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    status, answer = await lms.submit(worker.url, lms.request(args.plugin))
    if "jobid" not in answer:
        raise VerificationError(f"the worker refused the job with HTTP {status}: {answer}")
    job_id = answer["jobid"]
    view = await follow_job(worker, job_id)
    took_s = loop.time() - began_s
    if view["state"] != "FINISHED":
        raise VerificationError(f"the job ended {view['state']}: {view['reason']}")
    for warning in view["warnings"]:
        say(f"Warning: {warning['subject']}: {warning['message']}")
    for name in view["evidence"]:
        await asyncio.to_thread(worker.download_evidence, job_id, name, output / name)
    delivery = lms.deliveries[-1]
    archive = output / delivery.filename
    shutil.copy(delivery.path, archive)
    tree = output / "unpacked"
    await asyncio.to_thread(unpack, archive, tree)
    pages = sum(item["pages"] for item in view["items"])
    return _Outcome(archive, tree, output / "authority", len(view["items"]), pages, took_s)
