"""``archiveworker bridge serve|check|token``: a read-only web API for the database of a legacy LMS."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping
from typing import Final

import structlog

from archiveworker.bridge.check import check
from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.exams import ExamDatabase
from archiveworker.bridge.rights import writing_rights
from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import ALL, Tokens, parse_life
from archiveworker.bridge.uploads import UploadFolder
from archiveworker.domain.checkup import Line
from archiveworker.domain.errors import RequestError, SettingsError
from archiveworker.runtime import logging as runtime_logging
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.hardening import keep_memory_private
from archiveworker.settings import Settings

_EPILOG: Final = (
    "Settings are ARCHIVEWORKER_BRIDGE_* (docs/reference/settings.md); each step: docs/howto/connect-a-legacy-lms.md."
)

log = structlog.get_logger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = {
        "serve": "Serve the exchange API until SIGTERM.",
        "check": "Say what of the mapping does not fit the database, and whether its user could write; exit 1 if any.",
        "token": "Print a new bearer token.",
    }
    subs = {name: actions.add_parser(name, help=text, description=text, epilog=_EPILOG) for name, text in about.items()}
    for name in subs:
        subs[name].add_argument("--mapping", metavar="NAME", help="preset or TOML file (ARCHIVEWORKER_BRIDGE_MAPPING)")
    for name in ("serve", "check"):
        subs[name].add_argument("--upload-dir", metavar="DIR", help="upload folder (ARCHIVEWORKER_BRIDGE_UPLOAD_DIR)")
    subs["serve"].add_argument("--host", metavar="ADDRESS", help="to listen on (ARCHIVEWORKER_BRIDGE_HOST, 127.0.0.1)")
    subs["serve"].add_argument("--port", metavar="N", help="to listen on (ARCHIVEWORKER_BRIDGE_PORT, 8085)")
    subs["token"].add_argument("--ttl", default="1h", metavar="TIME", help="how long it lives: 90s, 30m, 1h, 2d (1h)")
    subs["token"].add_argument(
        "--scope",
        required=True,
        metavar="SCOPE",
        help="what it may read: assignment:12, week:3, course:KEY, ..., or all",
    )


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do it; exit 0, the error's code, or 1 when the check found something."""
    names = {"MAPPING": "mapping", "UPLOAD_DIR": "upload_dir", "HOST": "host", "PORT": "port"}
    flags = {f"ARCHIVEWORKER_BRIDGE_{name}": getattr(args, field, None) for name, field in names.items()}
    settings, _ = Settings.from_env({**env, **{name: value for name, value in flags.items() if value is not None}})
    config = _config(settings)
    if args.action == "check":
        return _check(config)
    if args.action == "token":
        return _token(config, args.scope, args.ttl)
    keep_memory_private()
    runtime_logging.configure(settings.log_level, as_json=settings.log_json)
    return asyncio.run(_serve(config))


def _config(settings: Settings) -> BridgeConfig:
    return BridgeConfig(
        database_url=settings.bridge_database_url,
        mapping=settings.bridge_mapping,
        upload_dir=settings.bridge_upload_dir,
        key=settings.bridge_key,
        host=settings.bridge_host,
        port=settings.bridge_port,
        readings_count=settings.bridge_readings_count,
    )


async def _serve(config: BridgeConfig) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_bridge(config) as url:
        log.info("bridge_serving", url=url, mapping=config.mapping)
        for sentence in await asyncio.to_thread(_could_write, config):
            log.warning("bridge_user_could_write", what=sentence)
        await stop.wait()
    log.info("bridge_stopped")
    return 0


def _could_write(config: BridgeConfig) -> tuple[str, ...]:
    database = config.database()
    with database.snapshot() as connection:
        return writing_rights(database, connection)


def _check(config: BridgeConfig) -> int:
    database = config.database()
    lines = list(ExamDatabase(database).check()) if config.is_exams else _check_mapping(config, database)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    bad = sum(line.ok is False for line in lines)
    sys.stdout.write(f"{bad} thing(s) to correct.\n" if bad else "The mapping fits the database.\n")
    return 1 if bad else 0


def _check_mapping(config: BridgeConfig, database: LegacyDatabase) -> list[Line]:
    plan = config.plan()
    lines: list[Line] = []
    try:
        uploads = UploadFolder(config.upload_dir)
    except SettingsError as exc:
        lines.append(Line(False, "upload folder", str(exc)))
        uploads = UploadFolder(None)
    for line in check(database, plan, uploads):
        if not (lines and line.about == lines[0].about == "upload folder"):
            lines.append(line)
    return lines


def _token(config: BridgeConfig, scope: str, life: str) -> int:
    system, wanted = config.scope()
    kind, _, activity_id = scope.partition(":")
    if scope == "all":
        activity_id = ALL
    elif kind != wanted or not activity_id or activity_id == ALL:
        raise RequestError(f"--scope must be all or {wanted}:ID, got {scope!r}")
    token = Tokens(config.key, system, SystemClock()).make(activity_id, parse_life(life))
    sys.stdout.write(token.reveal() + "\n")
    return 0
