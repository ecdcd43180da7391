"""What a monitor may want to know of this process: counters and durations, in Prometheus's form.

Counted since the process was started, each process for itself: whoever runs several workers adds them up in the
monitor. Nothing here names a person, a job or an address. What the database knows (jobs that wait, jobs that run) is
read when it is asked for, see ``web.metrics``.
"""

import time
from types import SimpleNamespace
from typing import Final

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

REGISTRY: Final = CollectorRegistry()
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

JOBS_ENDED: Final = Counter(
    "archiveworker_jobs_ended", "Runs of jobs that ended here.", ["source", "state"], registry=REGISTRY
)
ITEMS: Final = Counter(
    "archiveworker_items", "Tries of items, by what came of them.", ["source", "outcome"], registry=REGISTRY
)
RENDER_SECONDS: Final = Histogram(
    "archiveworker_render_seconds", "Time from page to finished PDF.", ["source"], buckets=_SECONDS, registry=REGISTRY
)
LMS_SECONDS: Final = Histogram(
    "archiveworker_lms_request_seconds",
    "Time until an LMS began to answer, by the class of the status, or error.",
    ["outcome"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
TSA_SECONDS: Final = Histogram(
    "archiveworker_timestamp_seconds",
    "Time until a time-stamp was there and checked, or was not to be had.",
    ["outcome"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
BROWSER_STARTS: Final = Counter(
    "archiveworker_browser_starts",
    "Browsers that were started: the first in their place, or for one that was gone (crashed, killed) or worn out.",
    ["reason"],
    registry=REGISTRY,
)
JOBS_ACTIVE: Final = Gauge("archiveworker_jobs_active", "Jobs that have not ended.", ["state"], registry=REGISTRY)
OLDEST_QUEUED_SECONDS: Final = Gauge(
    "archiveworker_oldest_queued_job_seconds", "How long the first job of the queue waits; 0: none.", registry=REGISTRY
)
ITEMS_IN_FLIGHT: Final = Gauge(
    "archiveworker_items_in_flight", "Items that this process fetches or renders.", registry=REGISTRY
)
ProcessCollector(registry=REGISTRY)

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


def render() -> bytes:
    """Return all of it as text."""
    return generate_latest(REGISTRY)


def lms_trace() -> aiohttp.TraceConfig:
    """Return what makes a session measure how long an LMS takes to answer."""
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(_began)
    trace.on_request_end.append(_answered)
    trace.on_request_exception.append(_broke)
    return trace


async def _began(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.began_s = time.monotonic()


async def _answered(
    _session: aiohttp.ClientSession, context: SimpleNamespace, given: aiohttp.TraceRequestEndParams
) -> None:
    outcome = f"{given.response.status // 100}xx"
    LMS_SECONDS.labels(outcome).observe(time.monotonic() - context.began_s)


async def _broke(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    LMS_SECONDS.labels("error").observe(time.monotonic() - context.began_s)
