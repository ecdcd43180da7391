"""Reads one course: exams, attempts page by page, allowances, policies, settings, onboarding.

At most one request a page, one an exam, one a supervising service, and three more. Secrets of attempts are masked
before an answer is kept. What an interrupted try has kept is not asked for again.
"""

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Final, TypeVar

from archiveworker.domain.errors import RecordError, Retry, SourceError, TokenRefusedError
from archiveworker.domain.proctoring.base import ExamId, PersonId, mask_answer
from archiveworker.domain.proctoring.kinds import GapKind
from archiveworker.domain.proctoring.model import Course, Gap, Proctoring
from archiveworker.domain.proctoring.reading import to_records
from archiveworker.domain.proctoring.wire import (
    Answers,
    WireAllowance,
    WireAttempt,
    WireExam,
    WireGroupPage,
    WireOnboarding,
    WireOnboardingPage,
    WirePolicy,
    WireSettings,
    read,
)
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.retry import retrying
from archiveworker.sources.edx_proctoring.client import NOT_THERE, EdxClient, part
from archiveworker.sources.edx_proctoring.inbound import EdxRequest
from archiveworker.sources.reviewed.raw import RawAnswers

T = TypeVar("T")
_READ_AT: Final = "read_at"
_INACTIVE: Final = (
    "The LMS lists active exams only: one that is not active, and that nobody has an attempt at or an allowance for, "
    "is not in this archive."
)


class CourseReader:
    """Reads the course of one request.

    Args:
        client: of the LMS.
        request: what is asked for.
        clock: says when reading began.
    """

    def __init__(self, client: EdxClient, request: EdxRequest, clock: Clock | None = None) -> None:
        self._client = client
        self._request = request
        self._course = part(request.course_id)
        self._clock = clock or SystemClock()

    async def probe(self) -> None:
        """Ask for the course's allowances once: it is the smallest list that only course staff may see.

        Raises:
            SourceError: the LMS does not answer, or refuses; see ``EdxClient.get``.
        """
        path = f"/proctored_exam/{self._course}/allowance"
        await self._client.get(path, {}, "the list of allowances", timeout_s=self._client.config.probe_timeout_s)

    async def read(self, raw: RawAnswers) -> Proctoring:
        """Return the whole course.

        Args:
            raw: keeps the answers, masked.

        Raises:
            SourceError: something that an archive cannot do without cannot be had; see ``EdxClient.get``.
        """
        gaps = [Gap(GapKind.INACTIVE_EXAMS, _INACTIVE)]
        exams = await self._ask(raw, "exams", f"/proctored_exam/exam/course_id/{self._course}", tuple[WireExam, ...])
        attempts = await self._attempts(raw)
        allowances = await self._or_gap(self._allowances(raw), GapKind.ALLOWANCES, "Allowances", gaps)
        onboarding = await self._onboarding(raw, gaps)
        all_exams = {one.id: one for one in (*(one.proctored_exam for one in attempts), *exams)}
        wanted = [one for _, one in sorted(all_exams.items()) if self._is_wanted(one)]
        policies = {one.id: await self._policy(raw, one, gaps) for one in wanted if one.is_proctored}
        settings = await self._settings(raw, wanted, gaps)
        known = {exam_id: policy for exam_id, policy in policies.items() if policy is not None}
        answers = Answers(exams, attempts, allowances, onboarding, known, settings)
        return to_records(answers, self._about(raw), _once(gaps))

    def _about(self, raw: RawAnswers) -> Course:
        """Say what was asked for, and when reading began; a job that goes on later keeps the first time."""
        kept = raw.kept(_READ_AT, {})
        if kept is None:
            kept = self._clock.now().astimezone(UTC).isoformat(timespec="seconds")
            raw.keep(_READ_AT, {}, kept)
        return Course(
            id=self._request.course_id,
            lms_url=self._request.base_url,
            read_at=datetime.fromisoformat(kept),
            only_exams=tuple(ExamId(str(one)) for one in self._request.exam_ids),
            only_people=tuple(PersonId(one) for one in self._request.usernames),
        )

    def _is_wanted(self, exam: WireExam) -> bool:
        return not self._request.exam_ids or exam.id in self._request.exam_ids

    async def _attempts(self, raw: RawAnswers) -> tuple[WireAttempt, ...]:
        """Return all attempts. A page that is not there is answered with the last one, without a word."""
        self._about(raw)
        found: list[WireAttempt] = []
        path = f"/proctored_exam/attempt/grouped/course_id/{self._course}"
        for number in range(1, self._client.config.max_page_count + 1):
            page = await self._ask(raw, "attempts", path, WireGroupPage, page=str(number))
            paging = page.pagination_info
            if paging.current_page != number:
                return tuple(found)
            found += [one for group in page.proctored_exam_attempts for one in group.all_attempts]
            if not paging.has_next:
                return tuple(found)
        raise RecordError("the list of attempts has no end; look at the LMS's log")

    async def _allowances(self, raw: RawAnswers) -> tuple[WireAllowance, ...]:
        return await self._ask(
            raw, "allowances", f"/proctored_exam/{self._course}/allowance", tuple[WireAllowance, ...]
        )

    async def _onboarding(self, raw: RawAnswers, gaps: list[Gap]) -> tuple[WireOnboarding, ...] | None:
        """Return the list; None when the course has no onboarding exam, or (a gap) when it could not be had."""
        found: list[WireOnboarding] = []
        path = f"/user_onboarding/status/course_id/{self._course}"
        try:
            for number in range(1, self._client.config.max_page_count + 1):
                page = await self._ask(raw, "onboarding", path, WireOnboardingPage, page=str(number))
                found += page.results
                if page.next is None or number >= page.num_pages:
                    return tuple(found)
        except SourceError as exc:
            if exc.lms_code == NOT_THERE:
                return None
            _refuse_or_note(exc, GapKind.ONBOARDING, "The list of onboardings", gaps)
            return None
        raise RecordError("the list of onboardings has no end; look at the LMS's log")

    async def _policy(self, raw: RawAnswers, exam: WireExam, gaps: list[Gap]) -> WirePolicy | None:
        path = f"/proctored_exam/review_policy/exam_id/{exam.id}/"
        asked = self._ask(raw, "policies", path, WirePolicy, exam=str(exam.id))
        return await self._or_gap(asked, GapKind.POLICY, f"The policy of exam {exam.id}", gaps)

    async def _settings(self, raw: RawAnswers, exams: list[WireExam], gaps: list[Gap]) -> dict[int, WireSettings]:
        """Return settings by exam. They depend on the supervising service alone, so one exam of each is asked about."""
        of_service: dict[tuple[bool, str | None], WireSettings | None] = {}
        for one in exams:
            service = (one.is_proctored, one.backend)
            if service not in of_service:
                path = f"/proctored_exam/settings/exam_id/{one.id}/"
                asked = self._ask(raw, "settings", path, WireSettings, exam=str(one.id))
                what = f"The settings of exam {one.id}"
                of_service[service] = await self._or_gap(asked, GapKind.SETTINGS, what, gaps)
        pairs = {one.id: of_service[one.is_proctored, one.backend] for one in exams}
        return {exam_id: settings for exam_id, settings in pairs.items() if settings is not None}

    async def _or_gap(self, asked: Coroutine[None, None, T], kind: GapKind, what: str, gaps: list[Gap]) -> T | None:
        """Await an answer that an archive can do without; an LMS that refuses it leaves a gap that says why."""
        try:
            return await asked
        except SourceError as exc:
            _refuse_or_note(exc, kind, what, gaps)
            return None

    async def _ask(self, raw: RawAnswers, name: str, path: str, kind: type[T], **query: str) -> T:
        """Return an answer: the one that an earlier try got, or a new one, which is kept when it is in the format."""
        answer = raw.kept(name, query)
        if answer is None:
            sent = {key: value for key, value in query.items() if key == "page"}
            what = f"the list of {name}"
            answer = mask_answer(
                await retrying(lambda: self._client.get(path, sent, what), self._client.config.retry, what=name)
            )
            found = read(answer, kind)
            raw.keep(name, query, answer)
            return found
        return read(answer, kind)


def _refuse_or_note(exc: SourceError, kind: GapKind, what: str, gaps: list[Gap]) -> None:
    if isinstance(exc, TokenRefusedError) or exc.retry is Retry.LATER:
        raise exc
    gaps.append(Gap(kind, f"{what} could not be read: {exc}."))


def _once(gaps: list[Gap]) -> tuple[Gap, ...]:
    return tuple(dict.fromkeys(gaps))
