"""What the commands that talk to a running worker share: its address and its tokens."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archiveworker.client import WorkerClient, WorkerRefusedError
from archiveworker.domain.errors import RequestError, SettingsError
from archiveworker.runtime import trust

DEFAULT_WORKER: Final = "http://127.0.0.1:8080"
_TOKEN: Final = "ARCHIVEWORKER_ADMIN_TOKEN"  # noqa: S105 - the name of a setting
_CA_BUNDLE: Final = "ARCHIVEWORKER_CA_BUNDLE"


def add_worker_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--worker``."""
    parser.add_argument(
        "--worker", metavar="URL", default=DEFAULT_WORKER, help=f"address of the worker (default {DEFAULT_WORKER})"
    )


def admin_token(env: Mapping[str, str]) -> str | None:
    """Return the admin token that the environment holds, if any.

    Raises:
        SettingsError: the file that it names cannot be read.
    """
    file = env.get(f"{_TOKEN}_FILE")
    if not file:
        return env.get(_TOKEN, "").strip() or None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{_TOKEN}_FILE: {file} cannot be read: {_why(exc)}") from exc


def read_token(file: Path) -> str:
    """Return the web-service token in the file that ``--token-file`` names.

    Raises:
        RequestError: it cannot be read, or is empty.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise RequestError(f"--token-file {file} cannot be read: {_why(exc)}") from exc
    if not token:
        raise RequestError(f"--token-file {file} is empty; it must hold the token alone")
    return token


def client_of(args: argparse.Namespace, env: Mapping[str, str]) -> WorkerClient:
    """Return a client of the worker that ``--worker`` names.

    Raises:
        SettingsError: the file with the admin token, or the CA bundle, cannot be used.
        RequestError: ``--worker`` is no address.
    """
    token, bundle = admin_token(env), env.get(_CA_BUNDLE, "").strip()
    ca_bundle = Path(bundle) if bundle else None
    trust.context(ca_bundle)
    try:
        return WorkerClient(args.worker, token, ca_bundle=ca_bundle)
    except WorkerRefusedError as exc:
        raise RequestError(f"--worker must be an address such as {DEFAULT_WORKER}, got {args.worker!r}") from exc


def _why(exc: OSError | UnicodeDecodeError) -> str:
    """Return in a few words why a file cannot be read."""
    return "it is not UTF-8 text" if isinstance(exc, UnicodeDecodeError) else str(exc.strerror)
