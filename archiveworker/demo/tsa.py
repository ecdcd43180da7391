"""The demo TSA: ``openssl ts -reply`` behind one POST route, with faults to order (RFC 3161, 3.4: over HTTP).

Beside it stand what its certificates point at: CRLs, an OCSP responder and the CA's certificates.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from archiveworker.demo.authority import POLICY_OID, Authority
from archiveworker.domain.errors import ArchiveWorkerError, ToolError
from archiveworker.runtime import process

_log = structlog.get_logger()
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_MAX_QUERY_BYTES: Final = 1 << 16
_OPENSSL_TIMEOUT_S: Final = 20.0


class TsaFaultKind(StrEnum):
    """What can go wrong at a time-stamp authority."""

    SLOW = "slow"
    HTTP_500 = "http_500"
    WRONG_DIGEST = "wrong_digest"
    REJECTION = "rejection"
    GARBAGE = "garbage"
    WRONG_CONTENT_TYPE = "wrong_content_type"


class RevocationFaultKind(StrEnum):
    """What can go wrong with what is said about the authority's certificates."""

    REVOKED = "revoked"
    """CRL and OCSP say that every certificate was revoked from its first moment on, for a stolen key."""
    CRL_MISSING = "crl_missing"
    CRL_GARBAGE = "crl_garbage"
    CRL_OF_ANOTHER = "crl_of_another"
    """The CA's list is that of the root, and the other way round."""
    OCSP_MISSING = "ocsp_missing"
    OCSP_GARBAGE = "ocsp_garbage"
    ISSUERS_MISSING = "issuers_missing"


@dataclass(frozen=True, slots=True)
class TsaFault:
    """One order.

    Attributes:
        kind: what goes wrong.
        times: how often; None for always.
        seconds: how slow.
    """

    kind: TsaFaultKind | RevocationFaultKind
    times: int | None = None
    seconds: float = 1.0


class DemoTsa:
    """Stamps whatever it is asked to stamp.

    Args:
        folder: for the configuration, the serial number and the queries.
        authority: certificates and key.
        faults: what goes wrong from the start.
        credentials: user and password to ask for; None asks for none.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        faults: Iterable[TsaFault] = (),
        *,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.authority = authority
        self._credentials = None if credentials is None else _basic(*credentials)
        self.faults = list(faults)
        self.replies = 0
        """How many tokens were given out, good or bad."""
        self._folder = folder
        # One at a time: openssl reads, raises and writes the serial number without a lock.
        self._lock = asyncio.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "serial").write_text("0100\n", encoding="ascii")
        for name, digests in (("good", "sha256, sha384, sha512"), ("rejecting", "sha1")):
            (folder / f"{name}.cnf").write_text(_configuration(folder, authority, digests), encoding="utf-8")

    def make_app(self) -> web.Application:
        """Return the application.

        ``POST /`` stamps; ``GET /root.pem``, ``/tsa.pem`` and ``/chain.pem`` are its certificates; ``/root.crl``,
        ``/ca.crl``, ``/root.der``, ``/ca.der`` and ``POST /ocsp`` are what the certificates point at.
        """
        app = web.Application(client_max_size=_MAX_QUERY_BYTES)
        app.router.add_post("/", self._stamp)
        for path in (self.authority.root_pem, self.authority.tsa_pem, self.authority.chain_pem):
            app.router.add_get(f"/{path.name}", _file_handler(path))
        app.router.add_get("/{issuer:root|ca}.crl", self._crl)
        app.router.add_get("/{issuer:root|ca}.der", self._certificate)
        app.router.add_post("/ocsp", self._ocsp)
        app.router.add_post("/demo/faults", self._order)
        return app

    def take(self, kind: TsaFaultKind | RevocationFaultKind) -> TsaFault | None:
        """Return the order that strikes now, and count it."""
        for i, fault in enumerate(self.faults):
            if fault.kind is kind:
                if fault.times is not None and fault.times > 1:
                    self.faults[i] = replace(fault, times=fault.times - 1)
                elif fault.times is not None:
                    del self.faults[i]
                return fault
        return None

    async def _stamp(self, request: web.Request) -> web.Response:
        if request.content_type != _QUERY:
            return web.Response(status=415, text=f"send {_QUERY}\n")
        if self._credentials is not None and request.headers.get("Authorization") != self._credentials:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="demo"'})
        query = await request.read()
        slow = self.take(TsaFaultKind.SLOW)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        if self.take(TsaFaultKind.HTTP_500):
            return web.Response(status=500, text="out of time\n")
        if self.take(TsaFaultKind.GARBAGE):
            return web.Response(body=b"\x30\x03not a reply", content_type=_REPLY)
        if self.take(TsaFaultKind.WRONG_DIGEST):
            query = with_other_digest(query)
        configuration = "rejecting" if self.take(TsaFaultKind.REJECTION) else "good"
        try:
            reply = await self._openssl(query, configuration)
        except ArchiveWorkerError as exc:
            _log.warning("demo_tsa_failed", reason=str(exc))
            return web.Response(status=500, text="the time-stamp could not be made\n")
        self.replies += 1
        wrong_type = self.take(TsaFaultKind.WRONG_CONTENT_TYPE)
        return web.Response(body=reply, content_type="text/html" if wrong_type else _REPLY)

    async def _crl(self, request: web.Request) -> web.Response:
        if self.take(RevocationFaultKind.CRL_MISSING):
            return web.Response(status=404)
        if self.take(RevocationFaultKind.CRL_GARBAGE):
            return web.Response(body=b"\x30\x03no list", content_type="application/pkix-crl")
        is_root = (request.match_info["issuer"] == "root") is not bool(self.take(RevocationFaultKind.CRL_OF_ANOTHER))
        issuer = self.authority.root if is_root else self.authority.ca
        body = self.authority.crl(issuer, revoked=bool(self.take(RevocationFaultKind.REVOKED)))
        return web.Response(body=body, content_type="application/pkix-crl")

    async def _ocsp(self, request: web.Request) -> web.Response:
        if self.take(RevocationFaultKind.OCSP_MISSING):
            return web.Response(status=404)
        body = b"\x30\x03no response"
        if not self.take(RevocationFaultKind.OCSP_GARBAGE):
            revoked = bool(self.take(RevocationFaultKind.REVOKED))
            try:
                body = self.authority.ocsp(await request.read(), revoked=revoked)
            except ValueError:
                return web.Response(status=400, text="this is no OCSPRequest\n")
        return web.Response(body=body, content_type="application/ocsp-response")

    async def _certificate(self, request: web.Request) -> web.Response:
        if self.take(RevocationFaultKind.ISSUERS_MISSING):
            return web.Response(status=404)
        issuer = self.authority.root if request.match_info["issuer"] == "root" else self.authority.ca
        body = issuer.certificate.public_bytes(Encoding.DER)
        return web.Response(body=body, content_type="application/pkix-cert")

    async def _openssl(self, query: bytes, configuration: str) -> bytes:
        async with self._lock:
            if self.authority.validity.lifetime_s is not None:
                self.authority.renew()
            query_path, reply_path = self._folder / "query.tsq", self._folder / "reply.tsr"
            query_path.write_bytes(query)
            reply_path.unlink(missing_ok=True)
            argv = ["openssl", "ts", "-reply", "-config", str(self._folder / f"{configuration}.cnf")]
            argv += ["-section", "tsa_config", "-queryfile", str(query_path), "-out", str(reply_path)]
            done = await process.run(argv, timeout_s=_OPENSSL_TIMEOUT_S)
            if not reply_path.is_file():
                raise ToolError(f"openssl ts -reply gave no reply: {done.stderr.decode(errors='replace')[-200:]}")
            return reply_path.read_bytes()

    async def _order(self, request: web.Request) -> web.Response:
        try:
            given = await request.json()
            self.faults.append(TsaFault(**{**given, "kind": _kind(given["kind"])}))
        except (KeyError, TypeError, ValueError) as exc:
            return web.json_response({"error": f"{exc}"}, status=400)
        return web.json_response({"ok": True})


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _kind(text: str) -> TsaFaultKind | RevocationFaultKind:
    return RevocationFaultKind(text) if text in list(RevocationFaultKind) else TsaFaultKind(text)


def with_other_digest(query: bytes) -> bytes:
    """Return the TimeStampReq with the last byte of its message digest changed (RFC 3161, 2.4.1).

    Raises:
        ValueError: it is no TimeStampReq.
    """
    try:
        start, _ = _inside(query, 0)
        _, after_version = _inside(query, start)
        imprint, _ = _inside(query, after_version)
        _, after_algorithm = _inside(query, imprint)
        _, digest_end = _inside(query, after_algorithm)
    except IndexError as exc:
        raise ValueError("this is no TimeStampReq") from exc
    changed = bytearray(query)
    changed[digest_end - 1] ^= 0x01
    return bytes(changed)


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Return where the contents of the element at ``at`` begin and end."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[start : start + size], "big")
        start += size
    return start, start + length


def _file_handler(path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(_: web.Request) -> web.StreamResponse:
        # Read each time: the stamping certificate may be a new one.
        return web.FileResponse(path, headers={"Content-Type": "application/x-pem-file"})

    return handler


def _configuration(folder: Path, authority: Authority, digests: str) -> str:
    return f"""[tsa]
default_tsa = tsa_config
[tsa_config]
dir = {folder}
serial = {folder / "serial"}
crypto_device = builtin
signer_cert = {authority.tsa_pem}
{f"certs = {authority.embedded_pem}" if authority.embeds_chain else ""}
signer_key = {authority.key_pem}
signer_digest = sha256
default_policy = {POLICY_OID}
other_policies = {POLICY_OID}.1, {POLICY_OID}.2
digests = {digests}
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
