"""``archiveworker keys``: the keys that seal tokens at rest. Nothing here prints a key that is in use.

A key is changed in two steps, so that no job loses its token: the new one is put in front of the old one and the worker
started again, which seals everything anew; then the old one is dropped.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from archiveworker.domain.errors import ConflictError, SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.sealed import new_key, parse_keys, write_keys
from archiveworker.settings import Settings
from archiveworker.storage import KEY_FILE

_EPILOG = "The procedure, also for several workers: docs/howto/install.md#change-the-key-that-seals-tokens."
_SHOWN_DIGITS = 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = {
        "new": "Print a new key, for ARCHIVEWORKER_SECRET_KEY.",
        "list": "Name the keys in a key file by their digests, in their order.",
        "rotate": "Put a new key in front of those in a key file; then start the worker again.",
        "drop": "Drop all keys of a key file but the first; only after the worker was started with that one.",
    }
    for name, text in about.items():
        sub = actions.add_parser(name, help=text, description=text, epilog=_EPILOG)
        if name != "new":
            sub.add_argument(
                "--file", type=Path, metavar="FILE", help=f"key file ({KEY_FILE} in ARCHIVEWORKER_DATA_DIR)"
            )


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do what the action says; exit 0."""
    if args.action == "new":
        sys.stdout.write(f"{new_key().reveal()}\n")
        return 0
    path = args.file or _default_file(env)
    try:
        keys = parse_keys(path.read_text(encoding="ascii", errors="replace"), str(path))
        if args.action == "rotate":
            keys = (new_key(), *keys)
            write_keys(path, keys, replace=True)
        elif args.action == "drop":
            keys = keys[:1]
            write_keys(path, keys, replace=True)
    except OSError as exc:
        raise SettingsError(f"{path} cannot be used ({exc.strerror}); run this as the worker's user") from exc
    for number, key in enumerate(keys):
        sys.stdout.write(f"{_digest(key)}  {'opens' if number else 'seals and opens'}\n")
    return 0


def _default_file(env: Mapping[str, str]) -> Path:
    settings, _ = Settings.from_env(env)
    if settings.secret_key is not None:
        raise ConflictError(
            "ARCHIVEWORKER_SECRET_KEY is set, so the key file of the data folder is not used; change the setting, or "
            "name its file with --file"
        )
    return settings.data_dir / KEY_FILE


def _digest(key: Secret) -> str:
    """Return what tells keys apart and reveals none."""
    return hashlib.sha256(key.reveal().encode()).hexdigest()[:_SHOWN_DIGITS]
