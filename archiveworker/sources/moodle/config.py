"""Limits and times for talking to any Moodle."""

from dataclasses import dataclass, field

from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MoodleConfig:
    """How the worker treats a Moodle.

    Attributes:
        http: connections, CA bundle, proxy.
        retry: for each single call or transfer; the engine repeats whole items on top of it.
        public_base_urls: public addresses of Moodles that give the worker an internal one (``internal_wwwroot``); a
            file with such an address is fetched from the job's own Moodle.
        probe_timeout_s: for the check of a token while the plugin waits for our answer.
        call_timeout_s: for one function of the web service; a large report takes Moodle a while.
        transfer_timeout_s: for one file, up or down, and for storing an uploaded archive.
        job_row_grace_s: how long "unknown job" is not believed, as Moodle writes the job after our answer.
        large_answer_bytes: answers above this pass through a temporary file instead of memory.
        max_answer_bytes: of one function's answer.
        max_attachment_bytes: of one attached file.
        max_backup_bytes: of one backup.
        max_items: attempts or submissions in one request.
        max_backups: in one request.
    """

    http: HttpOptions = field(default_factory=HttpOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    public_base_urls: tuple[str, ...] = ()
    probe_timeout_s: float = 1.8
    call_timeout_s: float = 180.0
    transfer_timeout_s: float = 3600.0
    job_row_grace_s: float = 60.0
    large_answer_bytes: int = 4 * MIB
    max_answer_bytes: int = 256 * MIB
    max_attachment_bytes: int = 1024 * MIB
    max_backup_bytes: int = 16 * 1024 * MIB
    max_items: int = 50_000
    max_backups: int = 100
