"""``archiveworker jobs list|show|retry|cancel``: look at the jobs of a running worker and steer them."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archiveworker.cli.client import WorkerClient, add_worker_argument, admin_token
from archiveworker.cli.progress import follow
from archiveworker.domain.errors import RequestError

NAME = "jobs"
HELP = "List, show, retry or cancel jobs of a running worker."


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="newest jobs first")
    listing.add_argument("--limit", type=int, default=20, help="how many (default 20)")
    show = actions.add_parser("show", help="the whole story of one job")
    retry = actions.add_parser("retry", help="run again what failed; finished items are not made again")
    retry.add_argument("--token-file", type=Path, help="file with a new web-service token, if the old one is gone")
    retry.add_argument("--no-follow", action="store_true", help="do not wait for the job")
    cancel = actions.add_parser("cancel", help="stop a job and tell the LMS")
    for sub in (show, retry, cancel):
        sub.add_argument("job_id", metavar="ID")
    for sub in (listing, show):
        sub.add_argument("--json", action="store_true", help="for machines")
    for sub in (listing, show, retry, cancel):
        add_worker_argument(sub)


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do it; exit 0, or the error's code."""
    return asyncio.run(_run(args, admin_token(env)))


async def _run(args: argparse.Namespace, token: str | None) -> int:
    async with WorkerClient(args.worker, token) as worker:
        if args.action == "list":
            _print_list(await worker.get(f"/jobs?limit={args.limit}"), as_json=args.json)
        elif args.action == "show":
            _print_job(await worker.get(f"/jobs/{args.job_id}"), as_json=args.json)
        elif args.action == "cancel":
            await worker.post(f"/jobs/{args.job_id}/cancel")
            sys.stdout.write(f"{args.job_id} is cancelled.\n")
        else:
            return await _retry(worker, args)
    return 0


async def _retry(worker: WorkerClient, args: argparse.Namespace) -> int:
    body: dict[str, Any] = {}
    if args.token_file is not None:
        try:
            body["token"] = args.token_file.read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise RequestError(f"--token-file {args.token_file} cannot be read: {exc.strerror}") from exc
    await worker.post(f"/jobs/{args.job_id}/retry", body)
    sys.stdout.write(f"{args.job_id} runs again.\n")
    if args.no_follow:
        return 0
    view = await follow(lambda: worker.get(f"/jobs/{args.job_id}"))
    return 0 if view["state"] == "FINISHED" else 1


def _print_list(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
        return
    for job in answer["jobs"]:
        items = "-" if job["items_total"] is None else str(job["items_total"])
        about = job["reason"] or job["archive"] or ""
        sys.stdout.write(
            f"{job['id']}  {job['state']:<19} {job['accepted_at'][:19]}  {items:>5} items  {job['lms']}  {about}\n"
        )
    if not answer["jobs"]:
        sys.stdout.write("No jobs.\n")


def _print_job(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(view, indent=2, ensure_ascii=False) + "\n")
        return
    progress = view["progress"]
    rows = [
        ("Job", view["id"]),
        ("State", view["state"]),
        ("Reason", view["reason"]),
        ("Source", f"{view['source']} at {view['lms']}"),
        ("Accepted", view["accepted_at"]),
        ("Items", f"{progress['items_done']} of {progress['items_total']} done, {progress['items_failed']} failed"),
        ("Archive", _archive(view["archive"])),
        ("Evidence", ", ".join(view["evidence"])),
        *(("Since", f"{entry['at'][:19]}  {entry['state']}") for entry in view["history"]),
        *(("Failed", f"{entry['item']}: {entry['message']}") for entry in view["failures"]),
        *(("Warning", f"{entry['subject']}: {entry['message']}") for entry in view["warnings"]),
    ]
    for label, value in rows:
        if value:
            sys.stdout.write(f"{label + ':':<10}{value}\n")


def _archive(archive: dict[str, Any] | None) -> str:
    return f"{archive['name']} ({archive['size_bytes']} bytes, sha256 {archive['sha256']})" if archive else ""
