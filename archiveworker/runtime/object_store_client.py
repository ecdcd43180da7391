"""The client that speaks to object stores (botocore), and what its errors mean.

Imported only where a store is set up: botocore takes 0.4 s and 37 MiB. As it does everywhere, it reads the environment
(``AWS_...``) where nothing else is said; proxies and certificates are those of the settings. Only the machine's own
identity service (instance profile, 169.254.169.254) botocore asks as it likes.
"""

import contextlib
import functools
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
    SSLError,
)
from botocore.session import Session

from archiveworker.domain.errors import SettingsError, StoreError, StoreUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime import trust
from archiveworker.runtime.object_store_url import StoreUrl
from archiveworker.runtime.proxies import Proxy

BROKEN: Final = (BotoCoreError, ClientError, OSError)
"""What botocore raises; also while a body is read."""
_UNREACHABLE: Final = (ConnectionError, HTTPClientError, IncompleteReadError)
_CONNECTIONS: Final = 32
_CONNECT_S: Final = 10.0
_SILENCE_S: Final = 60.0
_TRIES: Final = 4
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound", "ObjectLockConfigurationNotFoundError"})
_FULL: Final = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"})
_ADVICE: Final = {
    "NoSuchBucket": "there is no such bucket; make it",
    "InvalidAccessKeyId": "the key is not known there",
    "SignatureDoesNotMatch": "the secret part of the key is wrong",
    "AccessDenied": "the key may not do this; it needs to list, get, put and delete objects there",
    "403": "the key may not do this; it needs to list, get, put and delete objects there",
    "RequestTimeTooSkewed": "the clocks differ; set this machine's",
}


def make_client(url: StoreUrl, key: Secret | None, ca_bundle: Path | None, proxy: Proxy | None) -> Any:
    """Return botocore's client for S3.

    Args:
        url: where.
        key: ``ACCESS_KEY_ID:SECRET_ACCESS_KEY``; None: what botocore finds on the machine.
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which requests go; None goes directly.

    Raises:
        SettingsError: the key is not of that form, the bundle cannot be read, or the proxy cannot be used for this.
    """
    key_id, colon, secret = key.reveal().partition(":") if key is not None else ("", ":", "")
    if key is not None and not (key_id and colon and secret):
        raise SettingsError(f"the key for {url} must be ACCESS_KEY_ID:SECRET_ACCESS_KEY")
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_SILENCE_S,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        s3={"addressing_style": "path" if url.path_style else "auto"},
        # Other kinds of store do not know the checksums that newer ones want; each request has its MD5.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return _session(trust.file(ca_bundle), _way(url, proxy)).create_client(
        "s3",
        region_name=url.region,
        endpoint_url=url.endpoint or None,
        aws_access_key_id=key_id or None,
        aws_secret_access_key=secret or None,
        config=config,
    )


def _way(url: StoreUrl, proxy: Proxy | None) -> Secret | None:
    """Return the URL of the proxy for a store, None where it is asked directly.

    Raises:
        SettingsError: the proxy cannot be used for this.
    """
    if proxy is None:
        return None
    host = urlsplit(url.endpoint or _amazon(url)).hostname or ""
    if not url.path_style and proxy.is_bypassed(f"{url.bucket}.{host}"):
        return None
    return proxy.for_library(host, str(url))


def _amazon(url: StoreUrl) -> str:
    """Return the address that botocore will ask when the settings name none."""
    unsigned = Config(signature_version=UNSIGNED)
    client = _session(None, None).create_client("s3", region_name=url.region, config=unsigned)
    return str(client.meta.endpoint_url)


@functools.cache
def _session(trusted: str | None, way: Secret | None) -> Session:
    """Return the one session for all that is asked this way: it reads the description of the interface, 0.3 s, once.

    What is said here holds for the store, and for the service that gives keys to the machine's web identity (STS).

    Args:
        trusted: file with the certificates to trust.
        way: URL of a proxy.
    """
    session = Session()
    session.set_config_variable("ca_bundle", trusted)
    # An empty table, and not none at all: botocore would read the environment's.
    proxies = {} if way is None else dict.fromkeys(("http", "https"), way.reveal())
    session.set_default_client_config(Config(proxies=proxies, proxies_config={"proxy_ca_bundle": trusted}))
    return session


@contextlib.contextmanager
def translated(url: StoreUrl, *, missing_is_fine: bool = False) -> Iterator[None]:
    """Turn botocore's errors into ours; with ``missing_is_fine`` the block just ends when there is no such object.

    Raises:
        StoreUnavailableError: the store does not answer, has an error or is full.
        StoreError: it refuses.
    """
    try:
        yield
    except ClientError as exc:
        code = str(exc.response.get("Error", {}).get("Code", ""))
        if missing_is_fine and code in _MISSING:
            return
        raise _refused(url, code, exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) from exc
    except SSLError as exc:
        raise StoreError(
            f"{url} is not trusted; set ARCHIVEWORKER_CA_BUNDLE to a PEM file with the certificate of its CA"
        ) from exc
    except ProxyConnectionError as exc:
        raise StoreUnavailableError(
            f"the proxy of ARCHIVEWORKER_PROXY did not connect to {url}; look at its log"
        ) from exc
    except (*_UNREACHABLE, OSError) as exc:
        raise StoreUnavailableError(
            f"{url} does not answer ({type(exc).__name__}); check that it is up and the worker can reach it"
        ) from exc
    except BotoCoreError as exc:
        raise StoreError(f"{url} cannot be asked ({type(exc).__name__}); look at its key and its address") from exc


def _refused(url: StoreUrl, code: str, status: int) -> StoreError:
    if code in _FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        return StoreUnavailableError(f"{url} is full ({code}); make room there")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR or code == "SlowDown":
        return StoreUnavailableError(f"{url} answers {code or status}; look at its log")
    return StoreError(f"{url} refuses ({code or status}): {_ADVICE.get(code, 'look at its log')}")
