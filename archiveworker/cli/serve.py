"""``archiveworker serve``: the service itself."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
import structlog

from archiveworker import composition
from archiveworker.domain.errors import SettingsError
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime import tracing
from archiveworker.runtime.addresses import literal
from archiveworker.runtime.hardening import keep_memory_private
from archiveworker.settings import Settings

_EPILOG = (
    "All settings are ARCHIVEWORKER_* variables, listed in docs/reference/settings.md. SIGTERM: no new jobs; what is "
    "in flight finishes, or goes on at the next start; exit 0. Exit 75: another worker has taken over, start again. "
    "SIGUSR1: log at level DEBUG; SIGUSR2: at that of the settings again. "
    "Exit 78: a setting is wrong."
)

EXIT_DEPOSED: Final = 75
"""Another worker has taken over; start again."""

log = structlog.get_logger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (ARCHIVEWORKER_HOST, 0.0.0.0)")
    parser.add_argument("--port", metavar="N", help="port to listen on (ARCHIVEWORKER_PORT, 8080)")
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder for database, spool and evidence (ARCHIVEWORKER_DATA_DIR, data)"
    )


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT; exit 0 after a clean stop."""
    keep_memory_private()
    flags = {"HOST": args.host, "PORT": args.port, "DATA_DIR": args.data_dir}
    given = {f"ARCHIVEWORKER_{name}": value for name, value in flags.items() if value is not None}
    settings, notes = Settings.from_env({**env, **given})
    runtime_logging.configure(settings.log_level, as_json=settings.log_json)
    for note in notes:
        log.warning("setting_alias", note=note)
    try:
        with tracing.exported(settings.traces_url, settings.ca_bundle, settings.route):
            code = asyncio.run(_serve(settings))
    except sa.exc.DatabaseError as exc:
        raise SettingsError(
            f"the database {_whereabouts(settings)} cannot be used ({exc.orig}); {_remedy(settings)}"
        ) from exc
    # Threads of the engine may still wait for the database or a page; their work goes on at the next start.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _change_log_level(level: str) -> None:
    runtime_logging.set_level(level)
    # A warning, so that the log says at every level from when on it is another one.
    log.warning("log_level_changed", level_now=level)


def _whereabouts(settings: Settings) -> str:
    return f"in {settings.data_dir}" if settings.database_url is None else "of ARCHIVEWORKER_DATABASE_URL"


def _remedy(settings: Settings) -> str:
    if settings.database_url is None:
        return "restore it from a backup, or name an empty folder in ARCHIVEWORKER_DATA_DIR"
    return "it must be there, answer, and let its user make tables"


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for number, level in ((signal.SIGUSR1, "DEBUG"), (signal.SIGUSR2, settings.log_level)):
        loop.add_signal_handler(number, _change_log_level, level)
    async with composition.running_worker(settings) as worker:
        # What was loaded for the start is never garbage: looking through it again stopped everything for 0.15 s.
        gc.collect()
        gc.freeze()
        log.info("serving", url=worker.url, data_dir=str(settings.data_dir), stamped=bool(settings.tsa_urls))
        if not settings.tsa_urls:
            log.warning("unstamped", advice="set ARCHIVEWORKER_TSA_URLS to have archives time-stamped (RFC 3161)")
        if is_open_to_all(settings):
            log.warning(
                "open_to_all",
                advice="whoever reaches this port can have this worker ask any LMS; set ARCHIVEWORKER_POST_SECRET or "
                "ARCHIVEWORKER_ALLOWED_LMS, or keep the port inside of your network",
            )
        deposed = asyncio.create_task(worker.engine.wait_deposed())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((deposed, stopped), return_when=asyncio.FIRST_COMPLETED)
        if deposed.done():
            # Whatever is in flight belongs to others by now: no grace, no clean end.
            return EXIT_DEPOSED
        log.info("draining", grace_s=settings.shutdown_grace_s)
    log.info("stopped")
    return 0


def is_open_to_all(settings: Settings) -> bool:
    """Return whether strangers may post jobs: it listens to more than this machine and asks nobody for anything."""
    address = literal(settings.host)
    local = settings.host == "localhost" or (address is not None and address.is_loopback)
    return not (local or settings.post_secret or settings.allowed_lms)
