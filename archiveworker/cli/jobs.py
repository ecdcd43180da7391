"""``archiveworker jobs list|show|retry|redeliver|cancel``: look at the jobs of a running worker and steer them."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from archiveworker.cli.client import add_worker_argument, client_of, read_token
from archiveworker.cli.progress import follow_job, shown_archive, tell_end
from archiveworker.client import WorkerClient
from archiveworker.domain.answers import DeliveryView, JobLine, JobView, Progress

_EPILOG = (
    "A worker that has an admin token wants it from here too: set ARCHIVEWORKER_ADMIN_TOKEN or "
    "ARCHIVEWORKER_ADMIN_TOKEN_FILE. One that has none answers to its own machine alone."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = {
        "list": "List the newest jobs, newest first.",
        "show": "Tell the whole story of one job: states, items, failures, archive, evidence.",
        "retry": "Run again what failed; finished items are not made again.",
        "redeliver": "Deliver an archive that was kept because a target did not take it, without making it again.",
        "cancel": "Stop a job and tell the LMS.",
    }
    subs = {name: actions.add_parser(name, help=text, description=text, epilog=_EPILOG) for name, text in about.items()}
    subs["list"].add_argument("--limit", type=int, default=20, metavar="N", help="how many, 1 to 500 (default 20)")
    for name in ("retry", "redeliver"):
        subs[name].add_argument(
            "--token-file",
            type=Path,
            metavar="FILE",
            help="a new web-service token; the old one is erased at a job's end",
        )
        subs[name].add_argument("--no-follow", action="store_true", help="do not wait for the job")
    subs["redeliver"].add_argument(
        "--to",
        action="append",
        default=[],
        metavar="NAME",
        help="a target (more than once: several); without it, those that have not got the archive",
    )
    for name in ("show", "retry", "redeliver", "cancel"):
        subs[name].add_argument("job_id", metavar="ID", help="the job's id, as jobs list shows it")
    for name in ("list", "show"):
        subs[name].add_argument("--json", action="store_true", help="print the worker's answer as JSON")
    for sub in subs.values():
        add_worker_argument(sub)


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do it; exit 0, or the error's code; for one that is followed, 1 when the job does not FINISH."""
    with client_of(args, env) as worker:
        if args.action == "list":
            _print_list(worker.jobs(args.limit), as_json=args.json)
        elif args.action == "show":
            _print_job(worker.job(args.job_id), as_json=args.json)
        elif args.action == "cancel":
            worker.cancel(args.job_id)
            sys.stdout.write(f"{args.job_id} is cancelled.\n")
        else:
            return _again(worker, args)
    return 0


def _again(worker: WorkerClient, args: argparse.Namespace) -> int:
    token = None if args.token_file is None else read_token(args.token_file)
    if args.action == "redeliver":
        worker.redeliver(args.job_id, args.to, token)
        said = "is delivered again"
    else:
        worker.retry(args.job_id, token)
        said = "runs again"
    sys.stdout.write(f"{args.job_id} {said}.\n")
    sys.stdout.flush()
    if args.no_follow:
        return 0
    return tell_end(asyncio.run(follow_job(worker, args.job_id)))


def _print_list(jobs: list[JobLine], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"jobs": jobs}, indent=2, ensure_ascii=False) + "\n")
        return
    if not jobs:
        sys.stdout.write("No jobs.\n")
        return
    rows = [("ID", "STATE", "ACCEPTED (UTC)", "ITEMS", "LMS", "ARCHIVE OR REASON"), *map(_row, jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _row(job: JobLine) -> tuple[str, ...]:
    items = "-" if job["items_total"] is None else str(job["items_total"])
    about = job["reason"] or job["archive"] or ""
    return (job["id"], job["state"], _moment(job["accepted_at"]), items, job["lms"], _one_line(about))


def _print_job(view: JobView, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(view, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [
        ("Job", view["id"]),
        ("State", view["state"]),
        ("Reason", view["reason"]),
        ("Source", f"{view['source']} at {view['lms']}"),
        ("Accepted", _moment(view["accepted_at"])),
        *(("", f"{_moment(entry['at'])}  {entry['state']}") for entry in view["history"]),
        ("Items", _items(view["progress"])),
        *(("Failed", f"{entry['item']}: {entry['message']}") for entry in view["failures"]),
        *(("Warning", f"{entry['subject']}: {entry['message']}") for entry in view["warnings"]),
        ("Archive", shown_archive(view["archive"])),
        ("Kept", _kept(view["kept_until"])),
        *(("Delivery", _delivery(entry)) for entry in view["deliveries"]),
        *((("" if number else "Evidence"), name) for number, name in enumerate(view["evidence"])),
    ]
    for label, value in rows:
        if value:
            sys.stdout.write(f"{label + ':' if label else '':<10}{_one_line(value)}\n")


def _items(progress: Progress) -> str:
    if progress["items_total"] is None:
        return "not known yet"
    failed = f", {progress['items_failed']} failed" if progress["items_failed"] else ""
    return f"{progress['items_done']} of {progress['items_total']} done{failed}"


def _kept(until: str | None) -> str:
    return (
        "" if until is None else f"on the worker until {_moment(until)} UTC; archiveworker jobs redeliver delivers it"
    )


def _delivery(entry: DeliveryView) -> str:
    return ": ".join(part for part in (f"{entry['target']} {entry['state']}", entry["message"]) if part)


def _moment(iso: str) -> str:
    return iso[:19].replace("T", " ")


def _one_line(text: str) -> str:
    return " ".join(text.split())
