"""Whose certificates the worker believes over TLS: the system's, and those of ARCHIVEWORKER_CA_BUNDLE in addition.

One place for all clients: a bundle never takes the system's authorities away, and certificates are always checked. The
system's are OpenSSL's, which ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` move. Not for time-stamps themselves: what is
believed of those is ARCHIVEWORKER_TSA_CA alone.
Accepted risk: libraries that only take a file get the system's file, not its folder; a system with a folder alone
leaves them with what they bring themselves.
"""

import functools
import os
import ssl
from pathlib import Path
from typing import Final

from archiveworker.domain.errors import SettingsError

_DEBIAN: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def own_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return what a TLS connection to a server believes, for a caller that adds to it.

    Args:
        ca_bundle: PEM file with certificates to trust in addition to the system's.

    Raises:
        SettingsError: the bundle cannot be used.
    """
    made = ssl.create_default_context()
    if ca_bundle is not None:
        try:
            made.load_verify_locations(cafile=ca_bundle)
        except (OSError, ssl.SSLError) as exc:
            raise SettingsError(f"the CA bundle {ca_bundle} cannot be used: it must be a readable PEM file") from exc
    return made


@functools.cache
def context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return the same for all who ask, not to be changed: to read the system's certificates takes 20 ms.

    Args:
        ca_bundle: see ``own_context``. It is read once.

    Raises:
        SettingsError: the bundle cannot be used.
    """
    return own_context(ca_bundle)


def file(ca_bundle: Path | None) -> str | None:
    """Return the same as one file, for libraries that take no context; None for what they bring themselves.

    Args:
        ca_bundle: see ``own_context``.

    Raises:
        SettingsError: the bundle cannot be used.
    """
    system = Path(ssl.get_default_verify_paths().cafile or _DEBIAN)
    if ca_bundle is None:
        return str(system) if system.is_file() else None
    context(ca_bundle)
    return _in_memory((system.read_bytes() if system.is_file() else b"") + b"\n" + ca_bundle.read_bytes())


@functools.cache
def _in_memory(pem: bytes) -> str:
    """Return a file that lives as long as this process; nothing to tidy up after a crash."""
    descriptor = os.memfd_create("archiveworker-trust")
    with os.fdopen(descriptor, "wb", closefd=False) as out:
        out.write(pem)
    return f"/proc/self/fd/{descriptor}"
