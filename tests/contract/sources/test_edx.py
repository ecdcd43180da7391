"""The connector ``edx_proctoring`` against answers that the real LMS gives only when something is wrong, or slowly."""

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from archiveworker.domain.errors import (
    ArchiveWorkerError,
    LimitExceededError,
    RecordError,
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import Plan
from archiveworker.domain.proctoring import codec
from archiveworker.domain.proctoring.kinds import GapKind
from archiveworker.domain.proctoring.model import Proctoring, ProctoringFile
from archiveworker.reports.proctoring.overview_view import PEOPLE_ON_A_PAGE
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalItemSpool
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from tests.fakes.edx_answers import COURSE, HTML, TOKEN, EdxAnswers, serving

JOB = JobId("0d3f6f0e-6f4c-4a6a-9a55-2d3f2f6b0001")
MIB = 1024 * 1024


def source(max_answer_bytes: int = 64 * MIB) -> EdxProctoringSource:
    retry = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, budget_s=1)
    shared = ReviewedConfig(("directory",), ("directory",))
    return EdxProctoringSource(EdxConfig(retry=retry, max_answer_bytes=max_answer_bytes), shared)


def spool_in(folder: Path, item: str = "collected") -> LocalItemSpool:
    (folder / item).mkdir(parents=True, exist_ok=True)
    return LocalItemSpool(folder / item, folder)


async def planned(
    answers: EdxAnswers, folder: Path, made: EdxProctoringSource | None = None
) -> tuple[Plan, Proctoring]:
    made = made or source()
    async with serving(answers) as url:
        request = made.parse({"api_version": 1, "lms": {"base_url": url, "token": TOKEN}, "course_id": COURSE})
        async with made.connect(request, JOB) as connection:
            plan = await connection.plan(spool_in(folder))
    return plan, codec.decode((folder / "collected/files/course/proctoring.json").read_bytes(), ProctoringFile).record


def on(part: str, answer: Callable[[], web.StreamResponse], times: int = 1_000) -> Callable[[web.Request], Any]:
    """Order ``answer`` for requests whose address has ``part``, so many times."""
    left = [times]

    def order(request: web.Request) -> web.StreamResponse | None:
        if part not in request.path_qs or not left[0]:
            return None
        left[0] -= 1
        return answer()

    return order


async def test_five_thousand_attempts_in_pages_and_exams_and_a_constant(tmp_path: Path) -> None:
    answers = EdxAnswers(5_000)
    plan, record = await planned(answers, tmp_path)
    assert len({one.id for one in record.attempts}) == 5_000
    assert len(plan.items) == 5_000 + 5_000 // PEOPLE_ON_A_PAGE + 1
    assert len(answers.requests) <= 200 + 1 + 4
    assert len(answers.requests) == len(set(answers.requests))


async def test_making_a_page_takes_no_more_memory_in_a_larger_course(tmp_path: Path) -> None:
    """Pages are made by many tasks at once, so what one takes must not grow with the course."""
    peaks = []
    for count in (50, 2_000):
        folder = tmp_path / str(count)
        made = source()
        async with serving(EdxAnswers(count)) as url:
            body = {"api_version": 1, "lms": {"base_url": url, "token": TOKEN}, "course_id": COURSE}
            async with made.connect(made.parse(body), JOB) as connection:
                plan = await connection.plan(spool_in(folder))
                await connection.fetch_item(plan.items[0], spool_in(folder, "warm"))
                tracemalloc.start()
                for number, item in enumerate(plan.items[:40]):
                    await connection.fetch_item(item, spool_in(folder, f"item{number}"))
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 256 * 1024


@pytest.mark.parametrize(
    ("part", "answer", "kind", "sentence"),
    [
        (
            "grouped",
            lambda: web.Response(text=HTML, status=500),
            SourceUnavailableError,
            "HTTP 500: the LMS is busy or",
        ),
        ("grouped", lambda: web.Response(text=HTML, status=200), RecordError, "attempts came as a web page"),
        ("grouped", lambda: web.Response(text=HTML, status=404), SourceError, "HTTP 404: there is no such page"),
        ("grouped", lambda: web.json_response([]), RecordError, r"Expected `object`, got `array`"),
        ("exam/course", lambda: web.json_response({"detail": "no"}, status=400), SourceError, r"HTTP 400 \(no\)"),
        ("exam/course", lambda: web.Response(status=302, headers={"Location": "/login"}), SourceError, "redirect"),
        (
            "exam/course",
            lambda: web.json_response({"detail": "Invalid token."}, status=403),
            TokenRefusedError,
            "expired",
        ),
        (
            "allowance",
            lambda: web.json_response({}, status=429, headers={"Retry-After": "9"}),
            SourceUnavailableError,
            "429",
        ),
        ("exam/course", lambda: web.json_response("x" * 3 * MIB), LimitExceededError, "MAX_REPORT_BYTES"),
    ],
)
async def test_every_bad_answer_is_a_clear_reason(
    tmp_path: Path, part: str, answer: Callable[[], web.Response], kind: type[ArchiveWorkerError], sentence: str
) -> None:
    answers = EdxAnswers(30)
    answers.order = on(part, answer)
    with pytest.raises(kind, match=sentence) as caught:
        await planned(answers, tmp_path, source(max_answer_bytes=2 * MIB))
    assert TOKEN not in str(caught.value)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("part", "gap"),
    [("allowance", GapKind.ALLOWANCES), ("review_policy", GapKind.POLICY), ("settings", GapKind.SETTINGS)],
)
async def test_what_an_archive_can_do_without_leaves_a_gap(tmp_path: Path, part: str, gap: GapKind) -> None:
    answers = EdxAnswers(3)
    answers.order = on(part, lambda: web.json_response({"detail": "not here"}, status=400))
    _, record = await planned(answers, tmp_path)
    assert len(record.attempts) == 3
    [found] = [one for one in record.gaps if one.kind is gap]
    assert "could not be read: the list of" in found.sentence
    assert "(not here)" in found.sentence


async def test_a_page_that_is_gone_meanwhile_ends_the_listing(tmp_path: Path) -> None:
    """The LMS answers a page that is not there with its last one; its number tells."""
    answers = EdxAnswers(60)

    def shrink(request: web.Request) -> None:
        if request.query.get("page") == "2":
            answers.count = 20

    answers.order = shrink
    _, record = await planned(answers, tmp_path)
    assert sorted(int(one.id) for one in record.attempts) == list(range(1, 26))


async def test_a_short_fault_is_ridden_out(tmp_path: Path) -> None:
    answers = EdxAnswers(30)
    answers.order = on("grouped", lambda: web.Response(text=HTML, status=500), times=2)
    _, record = await planned(answers, tmp_path)
    assert len(record.attempts) == 30


async def test_a_step_that_is_repeated_asks_for_the_rest_only(tmp_path: Path) -> None:
    answers = EdxAnswers(60)
    answers.order = on("page=3", lambda: web.json_response({"detail": "Invalid token."}, status=403))
    with pytest.raises(TokenRefusedError):
        await planned(answers, tmp_path)
    answers.order, first = (lambda request: None), len(answers.requests)
    await planned(answers, tmp_path)
    again = answers.requests[first:]
    assert not any("page=1" in one or "page=2" in one for one in again if "grouped" in one)
    done = len(answers.requests)
    await planned(answers, tmp_path)
    assert len(answers.requests) == done, "what is made is not asked for again"


async def test_pages_come_from_the_spool_alone(tmp_path: Path) -> None:
    answers, made = EdxAnswers(5), source()
    async with serving(answers) as url:
        body = {"api_version": 1, "lms": {"base_url": url, "token": TOKEN}, "course_id": COURSE}
        request = made.parse(body)
        async with made.connect(request, JOB) as connection:
            plan = await connection.plan(spool_in(tmp_path))
        done = len(answers.requests)
        async with made.connect(request, JOB) as later:
            fetched = await asyncio.gather(
                *(later.fetch_item(item, spool_in(tmp_path, f"i{item.lms_id}")) for item in plan.items)
            )
    assert len(answers.requests) == done
    assert len({f"{one.folder}/{one.file_stem}".casefold() for one in fetched}) == len(plan.items)
    assert all("<h1" in one.document.html for one in fetched)
