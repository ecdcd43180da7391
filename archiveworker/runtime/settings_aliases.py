"""Names that administrators already have in their environment files, from the existing worker for Moodle quizzes.

Read with both of its prefixes (``QUIZ_ARCHIVER_`` and ``MOODLE_ARCHIVER_``). Seconds and bytes mean the same there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

_CSS_LENGTH: Final = re.compile(r"(\d+(?:\.\d*)?)\s*(mm|cm|in|px|pt)\Z", re.IGNORECASE)
_MM: Final = {"mm": 1.0, "cm": 10.0, "in": 25.4, "px": 25.4 / 96, "pt": 25.4 / 72}

ALIAS_PREFIXES: Final = ("QUIZ_ARCHIVER_", "MOODLE_ARCHIVER_")


def _same(raw: str) -> str:
    return raw


def _level(raw: str) -> str:
    return {"CRITICAL": "ERROR", "FATAL": "ERROR", "WARN": "WARNING"}.get(raw.upper(), raw.upper())


def _pdfa(raw: str) -> str:
    return "off" if raw.lower() in ("0", "false", "no") else "3a"


def _millimetres(raw: str) -> str:
    """Return a CSS length in millimetres; what is none stays as it is, and is refused later."""
    match = _CSS_LENGTH.match(raw.strip())
    return f"{float(match[1]) * _MM[match[2].lower()]:.2f}" if match else raw


def _pixels(raw: str) -> str:
    return raw.strip().removesuffix("px").strip()


def _demo(raw: str) -> str:
    return "DEMO" if raw.lower() in ("1", "true", "yes") else ""


def _on_timeout(raw: str) -> str:
    return "report" if raw.lower() in ("1", "true", "yes") else "fail"


ALIASES: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "SERVER_HOST": ("host", _same),
    "SERVER_PORT": ("port", _same),
    "LOG_LEVEL": ("log_level", _level),
    "QUEUE_SIZE": ("queue_max_count", _same),
    "PARALLEL_JOBS": ("jobs_max_count", _same),
    "STATUS_REPORTING_INTERVAL_SEC": ("progress_interval_s", _same),
    "REQUEST_TIMEOUT_SEC": ("job_timeout_s", _same),
    "BACKUP_STATUS_RETRY_SEC": ("backup_poll_s", _same),
    "BACKUP_DOWNLOAD_MAX_FILESIZE_BYTES": ("max_backup_bytes", _same),
    "QUESTION_ATTACHMENT_DOWNLOAD_MAX_FILESIZE_BYTES": ("max_attachment_bytes", _same),
    "WAIT_FOR_READY_SIGNAL_TIMEOUT_SEC": ("ready_timeout_s", _same),
    "CONTINUE_AFTER_READY_SIGNAL_TIMEOUT": ("on_ready_timeout", _on_timeout),
    "WAIT_FOR_NAVIGATION_TIMEOUT_SEC": ("render_timeout_s", _same),
    "PDFA_CONVERSION": ("pdf_profile", _pdfa),
    "REPORT_PAGE_MARGIN": ("page_margin_mm", _millimetres),
    "REPORT_BASE_VIEWPORT_WIDTH": ("page_viewport_width_px", _pixels),
    "PROXY_SERVER_URL": ("proxy", _same),
    "PROXY_BYPASS_DOMAINS": ("no_proxy", _same),
    "DEMO_MODE": ("page_watermark", _demo),
}
"""Old name without prefix -> field of Settings, and how its value is translated."""

IGNORED: Final[Mapping[str, str]] = {
    "HISTORY_SIZE": "jobs are kept in the database",
    "DOWNLOAD_MAX_FILESIZE_BYTES": "attachments and backups have limits of their own",
    "WAIT_FOR_READY_SIGNAL": "a page is always printed when it is ready",
    "PREVENT_REDIRECT_TO_LOGIN": "pages never leave what is to be archived",
    "UNIT_TESTS_RUNNING": "tests use the real thing",
    "SKIP_HTTPS_CERT_VALIDATION": "certificates are always checked; name your own CA with ARCHIVEWORKER_CA_BUNDLE",
    "PDFA_CONVERSION_TIMEOUT_SEC": "the conversion takes milliseconds",
    "PDFA_CONVERSION_GHOSTSCRIPT_BINARY_PATH": "Ghostscript is not needed",
    "ZIP_COMPRESSION_ALGO": "zip archives are deflated; see ARCHIVEWORKER_ARCHIVE_FORMAT",
}
"""Old names that mean nothing here, and why."""
