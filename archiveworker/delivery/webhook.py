"""Archives to a web server: one signed multipart POST that is streamed from disk (``form``).

One try each; trying again is the job's business (``domain.errors.Retry``): after 429, 5xx and broken connections, never
after another 4xx. Redirects are refused: the address is the administrator's, and so is every other that gets exams.
Accepted risk: a receiver that takes a block now and then, for ever, holds its job; the limit is on standing still.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from archiveworker.delivery.form import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Form,
    describe,
    files_of,
    idempotency_key,
    signature,
)
from archiveworker.delivery.names import named_places
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import AddressRefusedError, DeliveryError, DeliveryUnavailableError, SettingsError
from archiveworker.domain.ids import JobId, LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.http import (
    NETWORK,
    UNTRUSTED,
    HttpOptions,
    client_session,
    describe_failure,
    retry_after_s,
    without_secret,
)
from archiveworker.runtime.proxies import Proxy

MIN_SECRET_CHARS: Final = 32
"""As many bytes as the digest has (RFC 2104, 3)."""
_MAX_ANSWER_BYTES: Final = 64 * 1024
_MAX_QUOTE_CHARS: Final = 200
_SPACE: Final = re.compile(r"\s+")
_ADVICE: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "the receiver does not accept the signature; compare the secrets and the clocks",
    HTTPStatus.FORBIDDEN: "the receiver does not accept the signature; compare the secrets and the clocks",
    HTTPStatus.NOT_FOUND: "there is nothing at this address; correct ARCHIVEWORKER_DELIVERY_WEBHOOKS",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "the archive is larger than the receiver takes; raise its limit (client_max_body_size of nginx, "
        "LimitRequestBody of Apache)"
    ),
}


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """A receiver as an administrator describes it.

    Attributes:
        url: http or https, without user and password; its path may be a secret.
        secret: shared with the receiver, for the signature.
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        stall_limit_s: longest time in which it neither takes a block nor answers.
        connect_timeout_s: to resolve, connect and shake hands.
        proxy: through which archives go; None goes directly.
    """

    url: Secret
    secret: Secret = field(repr=False)
    ca_bundle: Path | None = None
    stall_limit_s: float = 120.0
    connect_timeout_s: float = 10.0
    proxy: Proxy | None = None


def webhooks(
    urls: Sequence[Secret],
    keys: Sequence[Secret],
    *,
    ca_bundle: Path | None,
    stall_limit_s: float,
    proxy: Proxy | None = None,
) -> list["WebhookTarget"]:
    """Return the receivers that the settings name.

    Args:
        urls: ``NAME=URL``, or a URL alone.
        keys: one for all, or one for each, in the same order.
        ca_bundle: see WebhookOptions.
        stall_limit_s: see WebhookOptions.
        proxy: see WebhookOptions.

    Raises:
        SettingsError: a name, an address or a secret cannot be used.
    """
    found = named_places([url.reveal() for url in urls], "webhook", "ARCHIVEWORKER_DELIVERY_WEBHOOKS")
    if len(keys) != len(found) and not (found and len(keys) == 1):
        raise SettingsError(
            f"ARCHIVEWORKER_DELIVERY_WEBHOOK_SECRETS has {len(keys)} entries, ARCHIVEWORKER_DELIVERY_WEBHOOKS "
            f"{len(found)}; give one for all, or one for each"
        )
    spread = list(keys) * len(found) if len(keys) == 1 else list(keys)
    return [
        WebhookTarget(name, WebhookOptions(Secret(url), key, ca_bundle, stall_limit_s, proxy=proxy))
        for (name, url), key in zip(found, spread, strict=True)
    ]


class WebhookTarget:
    """Implements ``domain.ports.DeliveryTarget``.

    Args:
        name: how jobs call it.
        options: of the receiver.
        clock: for the signature and ``Retry-After`` dates.

    Raises:
        SettingsError: the address is none, or the secret is too short.
    """

    def __init__(self, name: str, options: WebhookOptions, clock: Clock | None = None) -> None:
        self._name = name
        self._options = options
        self._clock = clock or SystemClock()
        try:
            self._shown = str(LmsOrigin.of(options.url.reveal()))
            self._url = URL(options.url.reveal())
        except ValueError as exc:
            raise SettingsError(
                f"ARCHIVEWORKER_DELIVERY_WEBHOOKS: the address of {name!r} must be an http:// or https:// URL with a "
                "host and without user name and password"
            ) from exc
        if len(options.secret.reveal()) < MIN_SECRET_CHARS:
            raise SettingsError(
                f"ARCHIVEWORKER_DELIVERY_WEBHOOK_SECRETS: the secret of {name!r} must have at least "
                f"{MIN_SECRET_CHARS} characters; make one with: openssl rand -hex 32"
            )

    @property
    def name(self) -> str:
        """How jobs call it."""
        return self._name

    async def deliver(self, parcel: Parcel, job_id: JobId) -> None:
        """Send the archive and its companions in one request; see the port.

        Raises:
            DeliveryUnavailableError: 429, 5xx, no connection, or it stood still for too long.
            DeliveryError: it was refused, or the archive on the spool was damaged.
        """
        files = await asyncio.to_thread(files_of, parcel)
        key = idempotency_key(parcel, job_id)
        description = describe(files, job_id, key)
        boundary, timestamp_s = secrets.token_hex(16), int(self._clock.now().timestamp())
        limit, loop = asyncio.timeout(self._limit_s), asyncio.get_running_loop()
        form = Form(boundary, description, files, lambda: limit.reschedule(loop.time() + self._limit_s))
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(form.size_bytes),
            KEY_HEADER: key,
            TIMESTAMP_HEADER: str(timestamp_s),
            SIGNATURE_HEADER: signature(self._options.secret, timestamp_s, description),
        }
        with contextlib.closing(form):
            try:
                async with limit, self._session() as session:
                    post = session.post(self._url, data=form.blocks(), headers=headers, allow_redirects=False)
                    async with post as response:
                        await self._judge(response, form)
            except AddressRefusedError as exc:
                raise self._misplaced(exc) from exc
            except (*NETWORK, OSError) as exc:
                raise form.failure or self._unreachable(exc) from without_secret(exc, self._options.url)

    async def check(self) -> tuple[str, str]:
        """Ask the receiver what it takes (OPTIONS); any answer of its own is good. See the port.

        Raises:
            DeliveryError: it cannot be reached, redirects, or has an error.
        """
        try:
            async with asyncio.timeout(self._limit_s), self._session() as session:
                options = session.options(self._url, allow_redirects=False)
                async with options as response:
                    status = response.status
        except AddressRefusedError as exc:
            raise self._misplaced(exc) from exc
        except (*NETWORK, OSError) as exc:
            raise self._unreachable(exc) from without_secret(exc, self._options.url)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
            raise DeliveryError(f"{self._shown} answers with HTTP {status}; {_advice(status)}")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            raise DeliveryUnavailableError(f"{self._shown} answers with HTTP {status}; look at its error log")
        is_private = self._url.scheme == "https" or self._url.host in ("localhost", "127.0.0.1", "::1")
        return f"{self._shown} answers", "" if is_private else "archives go there in clear text: use https"

    @property
    def _limit_s(self) -> float:
        return self._options.stall_limit_s

    def _session(self) -> aiohttp.ClientSession:
        options = self._options
        times_s = (options.connect_timeout_s, options.stall_limit_s)
        return client_session(HttpOptions(*times_s, ca_bundle=options.ca_bundle, proxy=options.proxy))

    async def _judge(self, response: aiohttp.ClientResponse, form: Form) -> None:
        """Raise unless the receiver has taken everything."""
        status = response.status
        if status < HTTPStatus.MULTIPLE_CHOICES and form.is_sent:
            return
        if status < HTTPStatus.MULTIPLE_CHOICES:
            raise DeliveryError(
                f"{self._shown} answered with HTTP {status} before it had the whole archive; correct the receiver"
            )
        said = f"{self._shown} answered with HTTP {status}{await self._quote(response)}"
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DeliveryUnavailableError(
                f"{said}; look at the receiver's error log", retry_after_s=retry_after_s(response, self._clock)
            )
        raise DeliveryError(f"{said}; {_advice(status)}")

    async def _quote(self, response: aiohttp.ClientResponse) -> str:
        """Return the beginning of what a receiver says in plain text or JSON, ready to be shown."""
        if response.content_type not in ("text/plain", "application/json"):
            return ""
        try:
            text = (await response.content.read(_MAX_ANSWER_BYTES)).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError):
            return ""
        line = "".join(c if c.isprintable() else " " for c in text.replace(self._options.secret.reveal(), "***"))
        line = _SPACE.sub(" ", line).strip()[:_MAX_QUOTE_CHARS]
        return f" ({line})" if line else ""

    def _misplaced(self, exc: AddressRefusedError) -> DeliveryError:
        return DeliveryError(f"{self._shown} cannot be used: {exc}; correct ARCHIVEWORKER_DELIVERY_WEBHOOKS")

    def _unreachable(self, exc: BaseException) -> DeliveryError:
        reason = describe_failure(exc)
        if isinstance(exc, UNTRUSTED):
            return DeliveryError(
                f"{self._shown} could not be reached: {reason}; set ARCHIVEWORKER_CA_BUNDLE to a PEM file with the "
                "certificate of its CA"
            )
        return DeliveryUnavailableError(
            f"{self._shown} did not take the archive: {reason}; check that it is up and the worker can reach it"
        )


def _advice(status: int) -> str:
    if status < HTTPStatus.BAD_REQUEST:
        return "redirects are not followed; set ARCHIVEWORKER_DELIVERY_WEBHOOKS to the final address"
    return _ADVICE.get(status, "look at the receiver's error log")
