"""The one error tree. Every class knows its consequence: retry verdict, HTTP status, exit code.

Messages say what failed, why, and what to do about it; they never hold a secret. ``web.errors`` and ``cli`` each
translate the root in one place; nobody else catches it to answer a client.
"""

from enum import Enum, StrEnum
from http import HTTPStatus
from typing import ClassVar


class Retry(Enum):
    """What a caller may do after an error."""

    NEVER = "never"
    """The same request will fail again: report it."""
    LATER = "later"
    """The same request may succeed after a while: back off, then repeat."""


class TimestampFlaw(StrEnum):
    """What may be wrong with a time-stamp, in the order in which it is looked at."""

    UNREADABLE = "unreadable"
    """It is no DER TimeStampResp."""
    STATUS = "status"
    """The authority did not grant it."""
    DIGEST = "digest"
    """It is over something else."""
    NONCE = "nonce"
    """It answers another request."""
    ALGORITHM = "algorithm"
    """It is signed over a digest that is not known to be strong."""
    POLICY = "policy"
    """It was made under another policy than was asked for."""
    SIGNER = "signer"
    """The certificate of its signer is missing."""
    PURPOSE = "purpose"
    """That certificate is not for time-stamping alone (RFC 3161 2.3)."""
    SIGNING_CERTIFICATE = "signing_certificate"
    """It names another certificate as its signer's (ESSCertID)."""
    SIGNATURE = "signature"
    """Its signature is wrong."""
    CHAIN = "chain"
    """The certificates do not lead to one that is believed."""
    VALIDITY = "validity"
    """A certificate was not valid at its time."""
    REVOCATION = "revocation"
    """A certificate was revoked, or it is not known whether it was and that is asked for."""
    QUERY = "query"
    """The query beside it is not the one that it answers."""


class ArchiveWorkerError(Exception):
    """Root of everything the worker raises on purpose."""

    retry: ClassVar[Retry] = Retry.NEVER
    http_status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "internal"


class SettingsError(ArchiveWorkerError):
    """A setting is missing, unknown or out of range; the operator must change it."""

    retry = Retry.NEVER
    exit_code = 78
    code = "settings"


class RequestError(ArchiveWorkerError):
    """A request to the worker is malformed; the sentence names the field and what it may be."""

    retry = Retry.NEVER
    http_status = HTTPStatus.BAD_REQUEST
    exit_code = 65
    code = "bad_request"


class NotFoundError(ArchiveWorkerError):
    """Something that was asked for by name is not there."""

    retry = Retry.NEVER
    http_status = HTTPStatus.NOT_FOUND
    exit_code = 66
    code = "not_found"


class ConflictError(ArchiveWorkerError):
    """The job is in a state in which this cannot be done."""

    retry = Retry.NEVER
    http_status = HTTPStatus.CONFLICT
    exit_code = 65
    code = "conflict"


class AccessDeniedError(ArchiveWorkerError):
    """The caller may not do this."""

    retry = Retry.NEVER
    http_status = HTTPStatus.FORBIDDEN
    exit_code = 77
    code = "access_denied"


class QueueFullError(ArchiveWorkerError):
    """As many jobs wait as the settings allow; post the job again later."""

    retry = Retry.LATER
    http_status = HTTPStatus.TOO_MANY_REQUESTS
    exit_code = 75
    code = "queue_full"


class RateLimitedError(ArchiveWorkerError):
    """One client asks too often; later it may go on."""

    retry = Retry.LATER
    http_status = HTTPStatus.TOO_MANY_REQUESTS
    exit_code = 75
    code = "rate_limited"


class SourceError(ArchiveWorkerError):
    """The LMS answered, and the answer means that this cannot succeed."""

    retry = Retry.NEVER
    http_status = HTTPStatus.BAD_GATEWAY
    exit_code = 69
    code = "source"

    def __init__(self, message: str, *, lms_code: str | None = None) -> None:
        super().__init__(message)
        self.lms_code = lms_code
        """What the LMS itself calls the error (Moodle's ``errorcode`` or ``E_...`` status), if it said so."""


class SourceUnavailableError(SourceError):
    """The LMS did not answer, or not in time; the same request may succeed later."""

    retry = Retry.LATER
    code = "source_unavailable"

    def __init__(self, message: str, *, lms_code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, lms_code=lms_code)
        self.retry_after_s = retry_after_s
        """Seconds that the LMS asked to wait (``Retry-After``), if it said so."""


class SourceAwayError(SourceUnavailableError):
    """The LMS does not answer anything; the job waits for it, and then goes on."""

    retry = Retry.LATER
    code = "source_away"


class TokenRefusedError(SourceError):
    """The LMS does not accept the token: expired, deleted, or without a needed right."""

    retry = Retry.NEVER
    http_status = HTTPStatus.BAD_REQUEST
    code = "token_refused"


class AddressRefusedError(SourceError):
    """A host has an address that the worker does not connect to, whoever asks for it."""

    retry = Retry.NEVER
    http_status = HTTPStatus.BAD_REQUEST
    code = "address_refused"


class IntegrityError(SourceError):
    """Bytes arrived, but not those that the LMS announced; fetching them again may help."""

    retry = Retry.LATER
    code = "integrity"


class RecordError(SourceError):
    """The LMS answered with a document that is not in the agreed format; its side must change."""

    retry = Retry.NEVER
    code = "bad_record"


class RenderError(ArchiveWorkerError):
    """A page could not be turned into a document; the same page will fail again."""

    retry = Retry.NEVER
    code = "render"


class BrowserGoneError(RenderError):
    """The browser crashed or was killed; a fresh one may succeed."""

    retry = Retry.LATER
    code = "browser_gone"


class RenderTimeoutError(RenderError):
    """The page did not become ready in its time limit."""

    retry = Retry.LATER
    code = "render_timeout"


class PageRejectedError(RenderError):
    """The page is not what was to be archived: blank, a login form, or without its own text."""

    retry = Retry.LATER
    code = "page_rejected"


class LimitExceededError(ArchiveWorkerError):
    """Something is larger than the settings allow; the message names the limit and the setting that raises it."""

    retry = Retry.NEVER
    http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    exit_code = 65
    code = "limit_exceeded"


class TimestampError(ArchiveWorkerError):
    """No time-stamp authority gave a token that holds; asking again later may help."""

    retry = Retry.LATER
    http_status = HTTPStatus.BAD_GATEWAY
    exit_code = 69
    code = "timestamp"


class VerificationError(ArchiveWorkerError):
    """A check of an archive or a token did not hold; the sentence names the first thing that is wrong."""

    retry = Retry.NEVER
    exit_code = 1
    code = "verification"


class TimestampRefusedError(VerificationError):
    """A time-stamp does not hold; ``flaw`` names the first thing that is wrong."""

    retry = Retry.NEVER
    exit_code = 1
    code = "timestamp_refused"

    def __init__(self, message: str, *, flaw: TimestampFlaw) -> None:
        super().__init__(message)
        self.flaw = flaw


class DeliveryError(ArchiveWorkerError):
    """The archive could not be handed over; the message names the setting at the receiver that must change."""

    retry = Retry.NEVER
    http_status = HTTPStatus.BAD_GATEWAY
    exit_code = 69
    code = "delivery"


class DeliveryUnavailableError(DeliveryError):
    """The receiver did not take the archive now; the same delivery may succeed later."""

    retry = Retry.LATER
    code = "delivery_unavailable"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds that the receiver asked to wait (``Retry-After``), if it said so."""


class ToolError(ArchiveWorkerError):
    """A program that the worker needs is missing or failed."""

    retry = Retry.NEVER
    exit_code = 69
    code = "tool"


class ToolTimeoutError(ToolError):
    """A child process exceeded its time limit and was killed."""

    retry = Retry.LATER
    code = "tool_timeout"


class ItemsFailedError(ArchiveWorkerError):
    """One or more items failed for good, and the job asks for all or nothing."""

    retry = Retry.NEVER
    code = "items_failed"


class JobTimeoutError(ArchiveWorkerError):
    """The job took longer than the settings allow."""

    retry = Retry.NEVER
    code = "job_timeout"


class ShuttingDownError(ArchiveWorkerError):
    """The worker is draining; the work goes on after its next start."""

    retry = Retry.LATER
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    exit_code = 75
    code = "shutting_down"


class MappingError(SettingsError):
    """A mapping of the bridge is wrong, or names what the database does not have; the sentence names the key."""

    retry = Retry.NEVER
    exit_code = 78
    code = "mapping"


class BearerRefusedError(ArchiveWorkerError):
    """A bearer token of the bridge is missing, unknown or has expired."""

    retry = Retry.NEVER
    http_status = HTTPStatus.UNAUTHORIZED
    exit_code = 77
    code = "bearer_refused"


class OutOfScopeError(AccessDeniedError):
    """The bearer token is good, but not for this activity, or there is no such activity."""

    retry = Retry.NEVER
    code = "out_of_scope"


class ReadOnlyError(ArchiveWorkerError):
    """Something that only reads was asked to write."""

    retry = Retry.NEVER
    http_status = HTTPStatus.METHOD_NOT_ALLOWED
    exit_code = 65
    code = "read_only"


class BusyError(ArchiveWorkerError):
    """As much is done at once as may be, or the database does not answer; the same request may succeed later."""

    retry = Retry.LATER
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    exit_code = 75
    code = "busy"
