"""What goes wrong on order: each ``Fault`` says what, where, for which attempt, how often, after how many others."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

ASSETS: Final = "assets"
"""The place of everything that pages load; a fault for every place does not strike there."""


class FaultKind(StrEnum):
    """Everything that can go wrong. The comment says which doors know it."""

    # Any door.
    SLOW = "slow"
    DROP_CONNECTION = "drop_connection"
    HTTP_500 = "http_500"
    HTTP_429 = "http_429"
    HTML = "html"
    LOGIN_REDIRECT = "login_redirect"
    WRONG_HOST = "wrong_host"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
    WEB_SERVICES_DISABLED = "web_services_disabled"
    MAINTENANCE = "maintenance"
    # server.php
    GARBAGE_AFTER_JSON = "garbage_after_json"
    # The report functions; the first also pluginfile.php, in its ETag.
    WRONG_SHA1 = "wrong_sha1"
    LOGIN_PAGE = "login_page"
    LOGIN_NAVIGATION = "login_navigation"
    BLANK_PAGE = "blank_page"
    # pluginfile.php
    FILE_GONE = "file_gone"
    # upload.php
    UPLOAD_MISSING_PARAM = "upload_missing_param"
    UPLOAD_EMPTY_LIST = "upload_empty_list"
    UPLOAD_INI_SIZE = "upload_ini_size"
    UPLOAD_OVERSIZED = "upload_oversized"
    UPLOAD_NAME_EXISTS = "upload_name_exists"
    UPLOAD_413 = "upload_413"
    # process_uploaded_artifact
    STORE_FAILED = "store_failed"
    CHECKSUM_INVALID = "checksum_invalid"
    # get_backup_status
    BACKUP_FAILED = "backup_failed"
    BACKUP_NEVER_READY = "backup_never_ready"
    # The plugin's side.
    JOB_ROW_LATE = "job_row_late"


@dataclass(frozen=True, slots=True)
class Fault:
    """One order.

    Attributes:
        kind: what goes wrong.
        where: full name of a web service function, ``upload.php``, ``pluginfile.php``,
            ``server.php`` (no function given), ``edx`` (the proctoring interface), ``assets``, or ``*`` for
            all but assets.
        times: how often; None for always.
        after: how many matching requests go well before.
        attemptid: only for this attempt (or submission); None for all.
        seconds: how slow, how late, or what Retry-After says.
    """

    kind: FaultKind
    where: str = "*"
    times: int | None = None
    after: int = 0
    attemptid: int | None = None
    seconds: float = 1.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Fault":
        """Read one order from plain data.

        Raises:
            ValueError: an unknown kind.
            TypeError: an unknown key.
        """
        return cls(**{**data, "kind": FaultKind(data.get("kind", ""))})


class FaultBook:
    """The orders that are still open."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._open = list(faults)

    def order(self, fault: Fault) -> None:
        """Add an order; it stands beside those that are there."""
        self._open.append(fault)

    def clear(self) -> None:
        """Cancel everything."""
        self._open.clear()

    def take(self, kind: FaultKind, where: str, attemptid: int | None = None) -> Fault | None:
        """Return the order that strikes now, and count it; None when all goes well."""
        for i, fault in enumerate(self._open):
            if fault.kind is not kind or fault.where not in (where, "*" if where != ASSETS else where):
                continue
            if fault.attemptid is not None and fault.attemptid != attemptid:
                continue
            if fault.after > 0:
                self._open[i] = replace(fault, after=fault.after - 1)
                return None
            if fault.times is None:
                return fault
            if fault.times > 1:
                self._open[i] = replace(fault, times=fault.times - 1)
            else:
                del self._open[i]
            return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the open orders as plain data."""
        return [asdict(fault) for fault in self._open]
