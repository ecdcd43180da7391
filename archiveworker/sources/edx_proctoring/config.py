"""Limits and times for talking to an Open edX."""

from dataclasses import dataclass, field

from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EdxConfig:
    """How the worker treats an Open edX.

    Attributes:
        http: connections, CA bundle, proxy.
        retry: for each single request; the engine repeats the whole step on top of it.
        probe_timeout_s: for the check of a token while whoever posted waits for our answer.
        call_timeout_s: for one request.
        max_answer_bytes: of one request.
        max_page_count: of one listing, so that one that never ends does not go on for ever.
    """

    http: HttpOptions = field(default_factory=HttpOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    probe_timeout_s: float = 1.8
    call_timeout_s: float = 180.0
    max_answer_bytes: int = 64 * MIB
    max_page_count: int = 20_000
