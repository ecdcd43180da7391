"""Every fault of the demo LMS and TSA at every door of a job, and what each, alone, must lead to.

The expectations are not taken from the worker's code: what Moodle (or a proxy, or a line) does, whether it can pass by
itself, and what an administrator has to read.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from archiveworker.demo.contract import SECTIONS_11
from archiveworker.demo.faults import ASSETS, Fault, FaultKind
from archiveworker.demo.tsa import RevocationFaultKind, TsaFault, TsaFaultKind
from tests.acceptance.faults.trouble import BACKUP, CONFIRM, FILE, METADATA, REPORT, SHORT_PAGES, STATUS, UPLOAD

FINISHED, FAILED, TIMEOUT, REFUSED = "FINISHED", "FAILED", "TIMEOUT", "REFUSED"
"""Ends of a run; the last one: the worker did not take the job, and said why."""
STAMP: Final = "tsa"
LMS_PATIENCE_S: Final = 10.0
_SLOW_S: Final = 13.0
TSA_PATIENCE_S: Final = 6.0
_SLOW_TSA_S: Final = 8.0
"""The worker's limits for one answer, of the LMS and of the TSA; slow is longer."""
_SLOW_FILE_S: Final = 4.0
"""A file may take its time: it is waited for as long as a byte comes once a minute."""
_MAY_TAKE_LONG: Final = (FILE, CONFIRM)
"""Doors at which the worker waits for an hour: files are large, and so is the archive that Moodle stores."""
_NO_ATTACHMENTS: Final = tuple(name for name in SECTIONS_11 if name != "header")

_PASSING: Final = {
    FaultKind.SLOW: ("did not answer", "took too long"),
    FaultKind.DROP_CONNECTION: ("did not answer", "connection broke"),
    FaultKind.HTTP_500: ("HTTP 500",),
    FaultKind.HTTP_429: ("HTTP 429",),
    FaultKind.HTML: ("a web page",),
    FaultKind.MAINTENANCE: ("maintenance mode",),
}
"""What may be over in a moment, and the words for when it is not."""
_LASTING: Final = {
    FaultKind.LOGIN_REDIRECT: ("redirected",),
    FaultKind.WRONG_HOST: ("redirected", "internal_wwwroot"),
    FaultKind.EXPIRED_TOKEN: ("token is unknown",),
    FaultKind.WEB_SERVICES_DISABLED: ("HTTP 403", "Web services", "web services"),
}
"""What somebody has to mend: asking again does not help."""
_TOO_LARGE: Final = {
    FaultKind.UPLOAD_MISSING_PARAM: "post_max_size",
    FaultKind.UPLOAD_EMPTY_LIST: "post_max_size",
    FaultKind.UPLOAD_INI_SIZE: "upload_max_filesize",
    FaultKind.UPLOAD_OVERSIZED: "maxbytes",
    FaultKind.UPLOAD_413: "client_max_body_size",
    FaultKind.UPLOAD_NAME_EXISTS: "draft area",
}
_FUNCTIONS: Final = {"announce": STATUS, "plan": METADATA, "item": REPORT, "backup": BACKUP, "confirm": CONFIRM}


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one door.

    Attributes:
        phase: of the job.
        order: for the LMS, or for the TSA.
        ends: how a job may end that meets it alone.
        words: one of them stands in the reason of whatever does not finish.
        attachments: False: the job has none, so that the first file that it asks for is a backup.
    """

    phase: str
    order: Fault | TsaFault
    ends: frozenset[str]
    words: tuple[str, ...]
    attachments: bool = True

    @property
    def door(self) -> str:
        """Where it strikes."""
        return self.order.where if isinstance(self.order, Fault) else STAMP

    @property
    def name(self) -> str:
        """For messages: phase, fault, once or always."""
        return f"{self.phase}:{self.order.kind}:{'always' if self.order.times is None else 'once'}"

    @property
    def sections_off(self) -> tuple[str, ...]:
        """What the job leaves out."""
        return SHORT_PAGES if self.attachments else _NO_ATTACHMENTS


def _case(phase: str, where: str, kind: FaultKind, times: int | None, *ends: str, words: Iterable[str] = ()) -> Case:
    # The first call of the status function is the probe, when the job is posted.
    after = 1 if phase == "announce" else 0
    slow_s = _SLOW_FILE_S if where == FILE else _SLOW_S
    seconds = {FaultKind.SLOW: slow_s, FaultKind.JOB_ROW_LATE: 1.0 if FINISHED in ends else 90.0}.get(kind, 1.0)
    order = Fault(kind, where, times, after, seconds=seconds)
    return Case(phase, order, frozenset(ends), tuple(words), attachments=phase != "backup file")


def _general(phase: str, where: str) -> Iterator[Case]:
    """What can happen at any door."""
    for kind, words in _PASSING.items():
        yield _case(phase, where, kind, 1, FINISHED)
        end = FINISHED if kind is FaultKind.SLOW and where in _MAY_TAKE_LONG else FAILED
        yield _case(phase, where, kind, None, end, words=(*words, "does not answer"))
    for kind, words in _LASTING.items():
        # The first question for a backup is a HEAD: what stands in the answer's body is only seen in the next.
        is_seen = phase != "backup file" or kind is FaultKind.LOGIN_REDIRECT
        yield _case(phase, where, kind, 1, FAILED if is_seen else FINISHED, words=words)
        yield _case(phase, where, kind, None, FAILED, words=words)


def _probe() -> Iterator[Case]:
    """The job is not taken; but one whose probe takes too long is, and asks again itself."""
    for kind, words in {**_PASSING, **_LASTING}.items():
        ends = (FINISHED,) if kind is FaultKind.SLOW else (REFUSED,)
        yield _case("probe", STATUS, kind, 1, *ends, words=words)


def _own(phase: str, where: str) -> Iterator[Case]:
    """What can happen at one door only."""
    once_and_always: dict[str, dict[FaultKind, str]] = {
        "upload": _TOO_LARGE,
        "confirm": {FaultKind.STORE_FAILED: "moodledata", FaultKind.CHECKSUM_INVALID: "not the one that was sent"},
        "backup": {FaultKind.BACKUP_FAILED: "the backup failed"},
        "attachment": {FaultKind.FILE_GONE: "does not exist"},
    }
    for kind, word in once_and_always.get(phase, {}).items():
        for times in (1, None):
            yield _case(phase, where, kind, times, FAILED, words=(word,))
    if phase == "item":
        wrong = {FaultKind.WRONG_SHA1: "SHA-1", FaultKind.LOGIN_PAGE: "login", FaultKind.BLANK_PAGE: "blank"}
        for kind, word in wrong.items():
            yield _case(phase, where, kind, 1, FINISHED)
            yield _case(phase, where, kind, None, FAILED, words=(word,))
        yield _case(phase, where, FaultKind.LOGIN_NAVIGATION, None, FINISHED)
    if phase == "attachment":  # its ETag: the report has said what the file must be
        yield _case(phase, where, FaultKind.WRONG_SHA1, None, FINISHED)
    if phase == "backup":
        yield _case(phase, where, FaultKind.BACKUP_NEVER_READY, 2, FINISHED)
        yield _case(phase, where, FaultKind.BACKUP_NEVER_READY, None, TIMEOUT, words=("longer than",))


def _stamps() -> Iterator[Case]:
    refused = "no time-stamp authority gave a token that holds"
    for kind in TsaFaultKind:
        for times, end in ((1, FINISHED), (None, FAILED)):
            order = TsaFault(kind, times, _SLOW_TSA_S if kind is TsaFaultKind.SLOW else 1.0)
            yield Case("stamp", order, frozenset({end}), (refused,))
    for revocation in RevocationFaultKind:
        ends = {FAILED} if revocation is RevocationFaultKind.REVOKED else {FINISHED}
        yield Case("revocation", TsaFault(revocation), frozenset(ends), ("it was revoked on",))


def every_case() -> tuple[Case, ...]:
    """Return every fault, at every door where it can strike, once and for always."""
    doors = {**_FUNCTIONS, "attachment": FILE, "backup file": FILE, "upload": UPLOAD}
    cases = [*_probe(), *_stamps()]
    for phase, where in doors.items():
        cases += [*_general(phase, where), *_own(phase, where)]
    for where in _FUNCTIONS.values():
        cases.append(_case("json", where, FaultKind.GARBAGE_AFTER_JSON, None, FINISHED))
    for kind in (*_PASSING, *_LASTING):  # a page without its styles is printed, with a warning
        cases.append(_case("assets", ASSETS, kind, None, FINISHED))
    cases.append(_case("row", "quiz_archiver", FaultKind.JOB_ROW_LATE, 1, FINISHED))
    cases.append(_case("row", "quiz_archiver", FaultKind.JOB_ROW_LATE, 1, FAILED, words=("E_UPDATE_FAILED",)))
    return tuple(cases)


def three_at_random(rng: random.Random, *, stamps: bool) -> tuple[Case, ...]:
    """Return three cases of different doors; with ``stamps``, one of them is at the TSA, else none.

    Without the backup that is never ready: whatever else happens, such a job takes as long as a job may.
    """
    cases = [case for case in every_case() if TIMEOUT not in case.ends]
    chosen: list[Case] = [rng.choice([case for case in cases if case.door == STAMP])] if stamps else []
    while len(chosen) < 3:
        one = rng.choice([case for case in cases if case.door != STAMP])
        if one.door not in {case.door for case in chosen}:
            chosen.append(one)
    return tuple(chosen)


def complaint(cases: tuple[Case, ...], end: str, told: str) -> str:
    """Return what is wrong with how a run ended; nothing if it is one of the ways in which it may.

    Several faults at once end a job by the one that it meets first, so that any of their reasons is right; it may
    finish only if it survives each of them.

    Args:
        cases: what was ordered.
        end: one of the four.
        told: the reason.
    """
    allowed = frozenset().union(*(case.ends for case in cases))
    if FINISHED in allowed and not all(FINISHED in case.ends for case in cases):
        allowed -= {FINISHED}
    if end not in allowed:
        return f"it ended {end}, and may end {' or '.join(sorted(allowed))}: {told}"
    words = [word for case in cases for word in case.words]
    if end != FINISHED and not any(word in told for word in words):
        return f"it ended {end} without one of {words}: {told}"
    traces = [trace for trace in ("Traceback", "Internal error", "\n") if trace in told]
    return f"{traces} in its reason: {told}" if traces else ""
