"""Limits and times for talking to an exchange API."""

from dataclasses import dataclass, field

from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """How the worker treats a server of the exchange API.

    Attributes:
        http: connections, CA bundle, proxy.
        retry: for each single request; the engine repeats the whole step on top of it.
        probe_timeout_s: for the check of a token while whoever posted waits for our answer.
        call_timeout_s: for one page.
        transfer_timeout_s: for one file.
        page_size: records that are asked for at once.
        max_answer_bytes: of one page.
        max_file_bytes: of one file.
        max_record_count: of one kind, so that a server that never ends does not fill the disk.
    """

    http: HttpOptions = field(default_factory=HttpOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    probe_timeout_s: float = 1.8
    call_timeout_s: float = 180.0
    transfer_timeout_s: float = 3600.0
    page_size: int = 200
    max_answer_bytes: int = 256 * MIB
    max_file_bytes: int = 1024 * MIB
    max_record_count: int = 500_000
