"""Spans for OpenTelemetry: how long each part of a job took, for those who have a collector. Off unless a URL is set.

DBOS makes a span for each workflow and step (``archive_job``, ``archive_item``, ``pack``, ...); here are the provider
that they go to, and what is smaller than a step. Spans have names, times, ids of workflows and whether it went well;
no address, no name of a person, no token. Counters are in ``metrics``.
Accepted risk: a span that ended with an error has the error's sentence, which may name an item of the exam.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from archiveworker import __version__
from archiveworker.domain.errors import SettingsError
from archiveworker.runtime import trust
from archiveworker.runtime.proxies import Proxy

if TYPE_CHECKING:
    import requests  # noqa: TID251 - the exporter's, which sends from a thread of its own

try:
    from opentelemetry import trace
except ImportError:
    _IS_INSTALLED = False
else:
    _IS_INSTALLED = True

_NAME: Final = "archiveworker"
_EXPORT_LIMIT_MS: Final = 5000


def is_on() -> bool:
    """Return whether spans go anywhere."""
    return _IS_INSTALLED and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextlib.contextmanager
def span(name: str) -> Iterator[None]:
    """Measure a part of a step; costs nothing where nobody listens."""
    if not is_on():
        yield
        return
    # The error itself belongs to the step around it.
    with trace.get_tracer(_NAME).start_as_current_span(name, record_exception=False):
        yield


@contextlib.contextmanager
def exported(url: str, ca_bundle: Path | None = None, proxy: Proxy | None = None) -> Iterator[None]:
    """Send spans to a collector while this lasts; what is left is sent at the end.

    Args:
        url: of the collector, OTLP over HTTP, e.g. ``http://collector:4318/v1/traces``; empty sends nothing. Headers
            that it wants are read by the exporter itself (``OTEL_EXPORTER_OTLP_HEADERS``).
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which spans go; None goes directly.

    Raises:
        SettingsError: the libraries are not installed, or the bundle or the proxy cannot be used.
    """
    if not url:
        yield
        return
    if not _IS_INSTALLED:
        raise SettingsError("ARCHIVEWORKER_TRACES_URL needs OpenTelemetry: pip install 'archiveworker[tracing]'")
    # Here and not above: they are an extra, and take long to load.
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = Resource.create({"service.name": _NAME, "service.version": __version__})
    provider = TracerProvider(resource=about)
    exporter = OTLPSpanExporter(url, trust.file(ca_bundle), session=_session(url, proxy))
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_EXPORT_LIMIT_MS))
    trace.set_tracer_provider(provider)
    # DBOS would complain that its log has nowhere to go; it is in ours.
    set_logger_provider(LoggerProvider())
    try:
        yield
    finally:
        provider.shutdown()


def _session(url: str, proxy: Proxy | None) -> "requests.Session":
    import requests  # noqa: TID251 - the exporter's, which sends from a thread of its own

    session = requests.Session()
    session.trust_env = False
    way = None if proxy is None else proxy.for_library(urlsplit(url).hostname or "", "ARCHIVEWORKER_TRACES_URL")
    if way is not None:
        session.proxies = dict.fromkeys(("http", "https"), way.reveal())
    return session
