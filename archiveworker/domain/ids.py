"""Small types for names and addresses, so that none of them is a bare string."""

import re
import string
import unicodedata
import uuid
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NewType, Self
from urllib.parse import urlsplit

import idna

JobId = NewType("JobId", str)
"""A random UUID in its canonical text form; unguessable, so it also grants reading ``/status/<jobid>``."""

ItemKey = NewType("ItemKey", str)
"""Names an item within its job, e.g. ``attempt-33``: lower-case ASCII, digits and dashes."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = frozenset(string.ascii_lowercase + string.digits + "-_")
_MAX_HOST_CHARS = 253
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\\]")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z")
_MAX_COMPONENT_BYTES = 200


def new_job_id() -> JobId:
    """Return a fresh random job id."""
    return JobId(str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class LmsOrigin:
    """Scheme, host and port of an LMS, compared as RFC 6454 compares origins.

    Attributes:
        scheme: ``http`` or ``https``.
        host: lower case, IPv6 without brackets.
        port: always present.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the origin of ``url``.

        There is one way to write each host: names in lower case, those beyond ASCII as IDNA has them (UTS 46), IPv4 as
        four decimal numbers, IPv6 compressed (RFC 5952). What other programs might read as another host is refused.

        Raises:
            ValueError: when the URL has no http(s) scheme, no host or one that is written in a way of its own, a user
                part or a bad port.
        """
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in url):
            raise ValueError("the URL must not hold control characters")
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("the URL must begin with http:// or https://")
        if not parts.hostname:
            raise ValueError("the URL has no host name")
        if "@" in parts.netloc:
            raise ValueError("the URL must not hold a user name or password")
        if parts.port == 0:
            raise ValueError("the URL's port must be 1 to 65535")
        host = _bracketed(parts.netloc) if parts.netloc.startswith("[") else _host(parts.hostname)
        return cls(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        suffix = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{suffix}"


@dataclass(frozen=True, slots=True, order=True)
class ArchivePath:
    """A relative, normalised (NFC) name inside the archive, with ``/`` between its parts.

    Attributes:
        value: e.g. ``attempts/student01/33/attempt.pdf``; no part is empty, ``.`` or ``..``.
    """

    value: str

    def __post_init__(self) -> None:
        parts = self.value.split("/")
        if any(p in ("", ".", "..") or _FORBIDDEN.search(p) or _RESERVED.match(p) for p in parts):
            raise ValueError(f"not a safe relative path: {self.value!r}")
        if any(p != p.strip() or p.endswith(".") for p in parts):
            raise ValueError(f"a part of the path begins or ends with a space or ends with a dot: {self.value!r}")
        if any(len(p.encode()) > 255 for p in parts):
            raise ValueError("a part of the path is longer than 255 bytes")
        if unicodedata.normalize("NFC", self.value) != self.value:
            raise ValueError(f"not in Unicode normal form C: {self.value!r}")

    @classmethod
    def sanitised(cls, *parts: str) -> Self:
        """Build a path from foreign text: each argument may hold ``/`` for sub-folders, what is unsafe becomes ``_``.

        Long parts keep their ending and get shortened in the middle, so that names stay below 200 bytes.
        """
        pieces = [_safe_part(piece) for part in parts for piece in part.split("/") if piece.strip() not in ("", ".")]
        return cls("/".join(pieces or ["_"]))

    @property
    def name(self) -> str:
        """The last part."""
        return self.value.rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        """Everything before the last part, without the slash; empty at the root."""
        return self.value.rpartition("/")[0]

    def with_suffix_added(self, suffix: str) -> Self:
        """Return this path with ``suffix`` appended to its name."""
        return type(self)(self.value + suffix)

    def __truediv__(self, name: str) -> "ArchivePath":
        return ArchivePath(f"{self.value}/{name}")

    def __str__(self) -> str:
        return self.value


def _bracketed(netloc: str) -> str:
    """Return an IPv6 address in brackets as RFC 5952 writes it, without them."""
    text, _, rest = netloc[1:].partition("]")
    try:
        if "%" in text or not (rest == "" or rest.startswith(":")):
            raise ValueError("a zone is for this machine alone")
        return IPv6Address(text).compressed
    except ValueError as exc:
        raise ValueError("the URL's host is no IPv6 address") from exc


def _host(text: str) -> str:
    """Return a host name, or an IPv4 address, as it is compared."""
    try:
        host = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
    except UnicodeError as exc:
        raise ValueError("the URL's host name is not one of IDNA") from exc
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST_CHARS or not all(0 < len(one) <= 63 and _LABEL.issuperset(one) for one in labels):
        raise ValueError(
            "the URL's host name has an empty or too long part, or a character that host names do not have"
        )
    # Where the last part is a number, others read an address: 127.1, 0x7f.1, 2130706433 (WHATWG URL, "host parsing").
    if labels[-1].isdecimal() or labels[-1].startswith("0x"):
        try:
            return str(IPv4Address(host))
        except ValueError as exc:
            raise ValueError("the URL's host is an address that is not written as four decimal numbers") from exc
    return host


def _safe_part(text: str) -> str:
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text))
    text = "".join("_" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    text = _shortened(_trimmed(text))
    if _RESERVED.match(text):
        text = f"_{text}"
    return "_" if text in ("", ".", "..") else text


def _trimmed(text: str) -> str:
    """Take off outer white space of any kind, and dots at the end, in whatever order they come."""
    while text != (shorter := text.strip().rstrip(".")):
        text = shorter
    return text


def _shortened(text: str) -> str:
    raw = text.encode()
    if len(raw) <= _MAX_COMPONENT_BYTES:
        return text
    head = raw[: _MAX_COMPONENT_BYTES - 60].decode(errors="ignore").rstrip()
    tail = raw[-50:].decode(errors="ignore").lstrip()
    return f"{head}~{tail}"
