"""Where an object store is: ``s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path_style=true``; and the way in.

What is not said is what Amazon's own store wants. Keys never stand in such a line: it is shown in messages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.proxies import Proxy

if TYPE_CHECKING:
    from archiveworker.runtime.object_store import ObjectStore

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}\Z")
_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.*'()/-]*\Z")
_USUAL_REGION: Final = "us-east-1"
_KNOWN: Final = ("endpoint", "region", "path_style")


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Where an object store is.

    Attributes:
        bucket: its name.
        prefix: of every object's name; empty, or with a slash at its end.
        endpoint: http or https address; empty for Amazon's own.
        region: what requests are signed for.
        path_style: the bucket stands in the path of an address, not in the name of the host.
        others: what else the line said, for whoever knows more options.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = _USUAL_REGION
    path_style: bool = False
    others: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" + (f" at {self.endpoint}" if self.endpoint else "")


def parse_store_url(line: str, setting: str, more: tuple[str, ...] = ()) -> StoreUrl:
    """Read a line.

    Args:
        line: see the module.
        setting: for messages.
        more: further options that may be in it.

    Raises:
        SettingsError: a part of it cannot be used.
    """
    parts = urlsplit(line)
    if parts.scheme != "s3" or not _BUCKET.match(parts.netloc):
        raise SettingsError(
            f"{setting} must be s3://BUCKET/PREFIX, with further options behind a ?; keys do not belong"
        )
    prefix = parts.path.strip("/")
    if not _PREFIX.match(prefix) or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise SettingsError(f"{setting}: the prefix may have letters, digits, / and any of ! - _ . * ' ( )")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = (*_KNOWN, *more)
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise SettingsError(f"{setting}: {unknown!r:.40} is no option; there are {', '.join(known)}")
    endpoint = options.get("endpoint", "")
    address = urlsplit(endpoint)
    if endpoint and (address.scheme not in ("http", "https") or not address.hostname or "@" in address.netloc):
        raise SettingsError(f"{setting}: endpoint must be http://HOST or https://HOST, without user and password")
    style = options.get("path_style", "true" if endpoint else "false")
    if style not in ("true", "false"):
        raise SettingsError(f"{setting}: path_style must be true or false")
    return StoreUrl(
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
        endpoint=endpoint,
        region=options.get("region") or _USUAL_REGION,
        path_style=style == "true",
        others={name: value for name, value in options.items() if name in more},
    )


def open_store(url: StoreUrl, key: Secret | None, ca_bundle: Path | None, proxy: Proxy | None) -> "ObjectStore":
    """Return the store; nothing is asked of it yet.

    Args:
        url: where.
        key: ``ACCESS_KEY_ID:SECRET_ACCESS_KEY``; None: what the machine has (web identity, instance profile).
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which requests go; None goes directly.

    Raises:
        SettingsError: the key, the bundle or the proxy cannot be used, or botocore is not installed.
    """
    try:
        # Here and not above: whoever has no store need not pay 0.4 s and 37 MiB for botocore.
        from archiveworker.runtime.object_store import ObjectStore
    except ModuleNotFoundError as exc:
        raise SettingsError(f"{url} needs botocore, which is not installed: pip install 'archiveworker[s3]'") from exc
    return ObjectStore(url, key, ca_bundle, proxy)
