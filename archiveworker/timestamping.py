"""The time-stamper: the authorities that the settings name, what each is told, and whom to believe.

Part of ``composition``, apart from it because commands stamp and verify without a worker. Nothing here decides anything
but which settings go together.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.evidence import Timestamper
from archiveworker.evidence.revocation_fetch import FetchLimits, RevocationFetcher
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_post import AuthorityOptions
from archiveworker.runtime import outbound
from archiveworker.runtime.http import ClientCertificate
from archiveworker.settings import Settings


def build_timestamper(settings: Settings, session: aiohttp.ClientSession) -> Timestamper | None:
    """Return the time-stamper, or None when no authority is set up.

    Raises:
        SettingsError: the CA file cannot be read.
    """
    if not settings.tsa_urls:
        return None
    trusted = read_trusted(settings)
    limits = FetchLimits(
        timeout_s=settings.tsa_timeout_s,
        max_crl_bytes=settings.tsa_max_crl_bytes,
        private_hosts=frozenset(host.lower() for host in settings.tsa_private_hosts),
        proxy=settings.route,
    )
    options = StampOptions(
        algorithm=settings.tsa_hash,
        count=settings.tsa_count,
        timeout_s=settings.tsa_timeout_s,
        fetcher=RevocationFetcher(limits),
        on_missing_revocation=settings.on_revocation_error,
    )
    return Rfc3161Timestamper(_authorities(settings), session=session, trusted_pem=trusted, options=options)


def read_trusted(settings: Settings) -> bytes | None:
    """Return the certificates that are believed for time-stamps, None when none are configured.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        return settings.tsa_ca.read_bytes() if settings.tsa_ca else None
    except OSError as exc:
        raise SettingsError(f"ARCHIVEWORKER_TSA_CA: {settings.tsa_ca} cannot be read: {exc.strerror}") from exc


def _authorities(settings: Settings) -> list[AuthorityOptions]:
    """Put together what the settings say of each authority.

    Raises:
        SettingsError: a list has another length than that of the URLs.
    """
    count = len(settings.tsa_urls)
    policies = _for_each(settings.tsa_policies, count, "ARCHIVEWORKER_TSA_POLICIES")
    certificates = _for_each(settings.tsa_client_certs, count, "ARCHIVEWORKER_TSA_CLIENT_CERTS")
    keys = _for_each(settings.tsa_client_keys, count, "ARCHIVEWORKER_TSA_CLIENT_KEYS")
    found = []
    for url, policy, certificate, key in zip(settings.tsa_urls, policies, certificates, keys, strict=True):
        # One certificate for all is shown to those that can ask for it.
        shown = certificate if url.reveal().lower().startswith("https:") or len(settings.tsa_client_certs) > 1 else None
        identity = None
        if shown is not None:
            identity = ClientCertificate(Path(shown), Path(key) if key else None, settings.tsa_client_key_password)
        found.append(AuthorityOptions(url, policy, identity, settings.ca_bundle))
    return found


def _for_each(values: tuple[str, ...], count: int, variable_name: str) -> list[str | None]:
    """Return one value an authority: none, one for all, or each its own, with ``-`` for none."""
    if len(values) not in (0, 1, count):
        raise SettingsError(
            f"{variable_name} has {len(values)} entries, ARCHIVEWORKER_TSA_URLS {count}; "
            "give one for all, or one for each, with - for none"
        )
    spread = values * count if len(values) == 1 else values or ("-",) * count
    return [None if value == "-" else value for value in spread]


@asynccontextmanager
async def open_timestamper(settings: Settings) -> AsyncIterator[Timestamper | None]:
    """Yield the time-stamper for a single command, or None when no authority is set up.

    Raises:
        SettingsError: the CA file cannot be read.
    """
    async with outbound.session(proxy=settings.route) as session:
        yield build_timestamper(settings, session)
