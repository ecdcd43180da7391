"""What stands in the OpenAPI document of one route, said where the route's function is: ``@Operation(...)``.

Summary and description are the function's docstring; statuses of errors are those of the error classes. What all routes
of a kind have in common (who may call them, what a body that is no JSON gets) is added here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeVar

from archiveworker.domain.errors import AccessDeniedError, ArchiveWorkerError, LimitExceededError, RequestError
from archiveworker.domain.json_schema import Schema
from archiveworker.web.errors import Handler

_Function = TypeVar("_Function", bound=Handler)
_ATTRIBUTE: Final = "archiveworker_operation"


class Group(StrEnum):
    """Chapters of the document."""

    POSTING = "Post a job"
    JOBS = "Jobs"
    WORKER = "The worker"
    VERIFYING = "Verify an archive"
    PAGES = "Pages for people"


class Who(StrEnum):
    """Who may call a route."""

    ANYONE = "anyone"
    POSTER = "whoever may post jobs"
    JOB = "whoever knows the job's id"
    ADMIN = "administrators"


class Body(StrEnum):
    """How a body comes."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"
    FILES = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Sent:
    """A body that a route takes.

    Attributes:
        kind: how it comes.
        schema: of it; None for that of the route's source.
        is_required: whether it may be left out.
    """

    kind: Body
    schema: Schema | type | None = None
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes:
        group: under which the document lists it.
        answer: of a call that went well: a type, or the media types of what is no JSON.
        who: may call it.
        status: of the answer.
        others: further statuses, and what they mean.
        errors: that it answers, beside those of its kind.
        query: parameters behind the question mark.
        sent: its body.
        is_page: errors are pages, too.
    """

    group: Group
    answer: type | Schema | tuple[str, ...] | None
    who: Who = Who.ANYONE
    status: HTTPStatus = HTTPStatus.OK
    others: Mapping[HTTPStatus, str] = field(default_factory=dict)
    errors: tuple[type[ArchiveWorkerError], ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    sent: Sent | None = None
    is_page: bool = False

    def __call__(self, function: _Function) -> _Function:
        """Describe the function of a route."""
        setattr(function, _ATTRIBUTE, self)
        return function

    @property
    def all_errors(self) -> tuple[type[ArchiveWorkerError], ...]:
        """Errors of the route and of its kind, each once."""
        of_kind: list[type[ArchiveWorkerError]] = []
        if self.who is Who.ADMIN:
            of_kind.append(AccessDeniedError)
        if self.sent is not None:
            of_kind += [RequestError, LimitExceededError]
        return tuple(dict.fromkeys((*of_kind, *self.errors)))


def operation_of(function: object) -> Operation:
    """Return the description of a route's function.

    Raises:
        LookupError: it has none.
    """
    found = getattr(function, _ATTRIBUTE, None)
    if not isinstance(found, Operation):
        raise LookupError(f"{getattr(function, '__name__', function)!r} has no @Operation: the document would lack it")
    return found
