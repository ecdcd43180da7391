"""The client that speaks to object stores (botocore), and what its errors mean.

Imported only where a store is set up: botocore takes 0.4 s and 37 MiB. As it does everywhere, it reads the environment
(``AWS_...``, proxies) where nothing else is said.
"""

import contextlib
import functools
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)
from botocore.session import Session

from archiveworker.domain.errors import SettingsError, StoreError, StoreUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime import trust
from archiveworker.runtime.object_store_url import StoreUrl

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


def make_client(url: StoreUrl, key: Secret | None, ca_bundle: Path | None) -> Any:
    """Return botocore's client for S3.

    Args:
        url: where.
        key: ``ACCESS_KEY_ID:SECRET_ACCESS_KEY``; None: what botocore finds on the machine.
        ca_bundle: PEM file with certificates to trust in addition to the system's.

    Raises:
        SettingsError: the key is not of that form, or the bundle cannot be read.
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
    return _session().create_client(
        "s3",
        region_name=url.region,
        endpoint_url=url.endpoint or None,
        aws_access_key_id=key_id or None,
        aws_secret_access_key=secret or None,
        verify=trust.file(ca_bundle),
        config=config,
    )


@functools.cache
def _session() -> Session:
    """Return the one session: it reads the description of the interface, 0.3 s, once."""
    return Session()


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
