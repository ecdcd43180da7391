"""``archiveworker demo``: a whole job on this machine, from a made-up Moodle to a checked archive.

Starts the demo LMS, its time-stamp authority and a worker on loopback, lets the demo's plugin post one job over the
real HTTP API, follows it, fetches archive and evidence, and checks them with nothing but ``sha256sum`` and ``openssl``.
"""

import argparse
import asyncio
import shlex
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archiveworker import composition
from archiveworker.cli.client import WorkerClient, admin_token, job_path
from archiveworker.cli.progress import follow
from archiveworker.demo.plugin import plugin_for
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.errors import RequestError, SettingsError, ToolError, VerificationError
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime import process
from archiveworker.settings import Settings

_TOOL_TIMEOUT_S = 60.0
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
        took_s: from the post to the last state.
    """

    archive: Path
    tree: Path
    authority: Path
    items: int
    pages: int
    took_s: float


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
    parser.add_argument("--zip", action="store_true", help="make a zip instead of a tar.gz")
    parser.add_argument("--verbose", action="store_true", help="show the worker's log")


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Run the demo; exit 0 when the job finished and every check held."""
    runtime_logging.configure("INFO" if args.verbose else "ERROR", as_json=False)
    _check_arguments(args)
    _make_room(args.output)
    with tempfile.TemporaryDirectory(prefix="archiveworker-demo-") as folder:
        outcome = asyncio.run(_demo(args, env, Path(folder)))
    _say(
        f"\nDemo finished: {outcome.items} attempts, {outcome.pages} pages in {outcome.took_s:.1f} s; "
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
            _say(f"Demo Moodle at {lms.base_url}, time-stamp authority at {lms.tsa_url}, worker at {worker.url}")
            outcome = await _job(args, lms, WorkerClient(worker.url, admin_token(env)))
        await _check(outcome, lms.authority.root_pem.name, lms.authority.tsa_pem.name)
    return outcome


def _settings(env: Mapping[str, str], folder: Path, lms: DemoServer, args: argparse.Namespace) -> Settings:
    chosen = {
        "ARCHIVEWORKER_HOST": "127.0.0.1",
        "ARCHIVEWORKER_PORT": "0",
        "ARCHIVEWORKER_DATA_DIR": str(folder / "worker"),
        "ARCHIVEWORKER_TSA_URLS": lms.tsa_url,
        "ARCHIVEWORKER_TSA_CA": str(lms.authority.root_pem),
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
    async with worker:
        view = await follow(lambda: worker.get(job_path(job_id)))
        took_s = loop.time() - began_s
        if view["state"] != "FINISHED":
            raise VerificationError(f"the job ended {view['state']}: {view['reason']}")
        for warning in view["warnings"]:
            _say(f"Warning: {warning['subject']}: {warning['message']}")
        for name in view["evidence"]:
            _write(output / name, await worker.get_bytes(job_path(job_id, "evidence", name)))
    delivery = lms.deliveries[-1]
    archive = output / delivery.filename
    shutil.copy(delivery.path, archive)
    tree = output / "unpacked"
    await asyncio.to_thread(_unpack, archive, tree)
    pages = sum(item["pages"] for item in view["items"])
    return _Outcome(archive, tree, output / "authority", len(view["items"]), pages, took_s)


def _unpack(archive: Path, tree: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as container:
            container.extractall(tree)  # noqa: S202 - made by us just now
    else:
        with tarfile.open(archive) as container:
            container.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python has none yet
            container.extractall(tree)  # noqa: S202 - made by us just now


async def _check(outcome: _Outcome, root_name: str, tsa_name: str) -> None:
    """Run what an auditor would run, on the archive and on its manifest, and show what it said."""
    name, output = outcome.archive.name, outcome.archive.parent
    await _tool(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], outcome.tree, "every file is as listed")
    await _tool(["sha256sum", "-c", f"{name}.sha256"], output)
    for folder, stem, data in (
        (output, name, name),
        (outcome.tree / "evidence", "manifest-sha256.txt", "../manifest-sha256.txt"),
    ):
        # Relative, because openssl takes a space after -untrusted for the end of a file name.
        authority = Path("../.." if folder != output else ".") / outcome.authority.name
        trust = ["-CAfile", str(authority / root_name), "-untrusted", str(authority / tsa_name)]
        reply = ["-in", f"{stem}.tsr", *trust]
        await _tool(["openssl", "ts", "-verify", "-data", data, *reply], folder)
        await _tool(["openssl", "ts", "-verify", "-queryfile", f"{stem}.tsq", *reply], folder)


async def _tool(argv: list[str], folder: Path, silent_means: str = "") -> None:
    completed = await process.run(argv, timeout_s=_TOOL_TIMEOUT_S, cwd=folder)
    good = completed.returncode == 0
    # openssl also tells on stderr which configuration it reads: noise, as long as all is well.
    said = (completed.stdout if good else completed.stdout + completed.stderr).decode(errors="replace").strip()
    _say(f"$ {shlex.join(argv)}\n  {said or silent_means}")
    if not good:
        raise ToolError(f"{argv[0]} ended with {completed.returncode}; the demo's archive does not hold")


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
