"""An OpenTelemetry collector: takes spans as OTLP over HTTP (protobuf) and keeps them.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

import gzip
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Span:
    """What was sent of one span."""

    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    took_s: float
    service: str


@dataclass
class Collector:
    """Listens on loopback while its ``async with`` lasts.

    Attributes:
        tls: its side of TLS; None listens to plain HTTP.
        url: for ARCHIVEWORKER_TRACES_URL.
        spans: in the order in which they came.
        raw: everything that came, unpacked.
    """

    tls: ssl.SSLContext | None = None
    url: str = ""
    spans: list[Span] = field(default_factory=list)
    raw: bytes = b""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls)
        await site.start()
        self.url = f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self._runner.addresses[0][1]}/v1/traces"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()  # aiohttp has unpacked what the header says is packed
        body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        self.raw += body
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {one.key: one.value.string_value for one in sent.resource.attributes}
            for scope in sent.scope_spans:
                for span in scope.spans:
                    took_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                    self.spans.append(
                        Span(span.name, span.trace_id, span.span_id, span.parent_span_id, took_s, about["service.name"])
                    )
        return web.Response(content_type="application/x-protobuf")
