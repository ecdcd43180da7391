"""Checks of single settings that are more than a range or a choice; the messages name the variable.

Not for what two settings say together: that is checked where both are, in ``settings``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.retention import MAX_DELETION_CLASS_CHARS, MAX_LEGAL_BASIS_CHARS, is_one_line
from archiveworker.domain.secret import Secret
from archiveworker.runtime.settings_names import variable

MAX_CHARS: Final = {
    "source_organization": MAX_LEGAL_BASIS_CHARS,
    "source_organization_url": MAX_LEGAL_BASIS_CHARS,
    "contact_email": MAX_DELETION_CLASS_CHARS,
    "retention_legal_basis": MAX_LEGAL_BASIS_CHARS,
    "retention_deletion_class": MAX_DELETION_CLASS_CHARS,
}
"""Of the settings that go into archives as one line each."""
_POST_SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{16,256}")
_EXECUTOR_ID: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?")


def check_texts(texts: Mapping[str, str]) -> None:
    """Check the settings of ``MAX_CHARS``, by name.

    Raises:
        SettingsError: one is too long, or not one line; the organization's address is none.
    """
    for name, max_chars in MAX_CHARS.items():
        if not is_one_line(texts[name], max_chars):
            raise SettingsError(f"{variable(name)} must be one line of at most {max_chars} characters")
    url = texts["source_organization_url"]
    if url and (not url.isascii() or not url.startswith(("https://", "http://")) or " " in url):
        raise SettingsError(f"{variable('source_organization_url')} must begin with https:// or http://")


def check_each(name: str, values: Iterable[str], check: Callable[[str], object]) -> None:
    """Check every entry of a list; ``check`` raises ValueError.

    Raises:
        SettingsError: one is wrong.
    """
    for value in values:
        try:
            check(value)
        except ValueError as exc:
            raise SettingsError(f"{variable(name)}: {value!r}: {exc}") from exc


def check_post_secret(secret: Secret | None) -> None:
    """Check what may stand in the worker's address.

    Raises:
        SettingsError: it could not.
    """
    if secret is not None and not _POST_SECRET.fullmatch(secret.reveal()):
        raise SettingsError(
            f"{variable('post_secret')} must be 16 to 256 letters, digits or any of - . _ ~: it may be part of an "
            "address; openssl rand -hex 24 makes one"
        )


def check_executor_id(executor_id: str) -> None:
    """Check a worker's name; empty is the host's.

    Raises:
        SettingsError: it has other characters, or too many.
    """
    if not _EXECUTOR_ID.fullmatch(executor_id):
        raise SettingsError(f"{variable('executor_id')} must be up to 64 letters, digits, dots, dashes, underscores")
