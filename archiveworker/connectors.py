"""The connectors to LMSs: which there are, at which paths, and what the settings say to each.

Part of ``composition``, apart from it because this is where a new LMS is added. Nothing here decides anything.
"""

from collections.abc import Iterable

from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ports import Source
from archiveworker.domain.pseudonyms import MIN_KEY_BYTES
from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.settings import Settings
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource


def build_sources(settings: Settings, targets: Iterable[str] = ()) -> tuple[Source, ...]:
    """Return one connector for each LMS interface.

    Args:
        settings: of the worker.
        targets: names of the delivery targets besides the LMS that requests may name.

    Raises:
        SettingsError: the key of the pseudonyms is too short.
    """
    http, retry = settings.lms_http, RetryPolicy(budget_s=settings.lms_retry_s)
    exchange = ExchangeConfig(
        http=http,
        retry=retry,
        call_timeout_s=settings.lms_timeout_s,
        max_answer_bytes=settings.max_report_bytes,
        max_file_bytes=settings.max_attachment_bytes,
    )
    edx = EdxConfig(
        http=http, retry=retry, call_timeout_s=settings.lms_timeout_s, max_answer_bytes=settings.max_report_bytes
    )
    moodle, reviewed = _moodle_config(settings, http, retry), _reviewed_config(settings, targets)
    return (
        QuizArchiverSource(moodle),
        ArchivingmodQuizSource(moodle),
        ArchivingmodAssignSource(moodle),
        WorkshopSource(moodle, reviewed),
        PeerReviewExchangeSource(exchange, reviewed),
        EdxProctoringSource(edx, reviewed),
    )


def _moodle_config(settings: Settings, http: HttpOptions, retry: RetryPolicy) -> MoodleConfig:
    return MoodleConfig(
        http=http,
        retry=retry,
        public_base_urls=settings.public_origins,
        call_timeout_s=settings.lms_timeout_s,
        job_row_grace_s=settings.job_row_grace_s,
        max_answer_bytes=settings.max_report_bytes,
        max_attachment_bytes=settings.max_attachment_bytes,
        max_backup_bytes=settings.max_backup_bytes,
    )


def _reviewed_config(settings: Settings, targets: Iterable[str]) -> ReviewedConfig:
    """Return what holds for all peer-review sources.

    Raises:
        SettingsError: the key of the pseudonyms is too short.
    """
    key = settings.pseudonym_key
    if key is not None and len(key.reveal().encode()) < MIN_KEY_BYTES:
        raise SettingsError(
            f"ARCHIVEWORKER_PSEUDONYM_KEY must have at least {MIN_KEY_BYTES} bytes; openssl rand -hex 32 makes one"
        )
    return ReviewedConfig((*targets, LMS), settings.delivery_also_to, key)


def routes_of(sources: tuple[Source, ...]) -> dict[str, Source]:
    """Return the path below ``/archive`` for each source; the bare path is the oldest plugin's."""
    routes = {f"/{source.name}": source for source in sources}
    return {"": routes["/quiz_archiver"], **routes}
