"""The token of a bridge is tried when a job comes: a wrong one is told at once, and the bridge reads nothing for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest
from aiohttp import web

from archiveworker.bridge.exams import PRESET, ExamDatabase
from archiveworker.bridge.exams_app import create_exams_app
from archiveworker.bridge.tokens import Tokens
from archiveworker.domain.errors import SourceError, TokenRefusedError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from tests.fakes.edx_answers import COURSE, TOKEN, EdxAnswers, serving
from tests.fakes.worker import free_port

KEY = Secret("a key of a bridge that is for nobody but these tests")


class Untouched:
    """A database that nothing may be read from."""

    def export(self, course_id: str) -> dict[str, object]:
        raise AssertionError(f"{course_id} was read for a probe")


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def nothing(request: web.Request) -> web.Response:
    return web.Response()


def bridge() -> web.Application:
    return create_exams_app(cast(ExamDatabase, Untouched()), Tokens(KEY, PRESET, SystemClock()), readings_count=1)


def token_for(course: str, life: timedelta = timedelta(minutes=5)) -> str:
    return Tokens(KEY, PRESET, SystemClock()).make(course, life).reveal()


async def probe(address: str, token: str) -> None:
    source = EdxProctoringSource(EdxConfig(), ReviewedConfig(("directory",), ("directory",)))
    async with serving(EdxAnswers(1)) as url:
        lms = {"base_url": url, "token": TOKEN, "bridge": {"base_url": address, "token": token}}
        request = source.parse({"api_version": 1, "lms": lms, "course_id": COURSE})
        async with source.connect(request, None) as connection:
            await connection.probe()


async def test_a_good_token_is_taken_without_reading_the_course() -> None:
    async with running(bridge()) as address:
        await probe(address, token_for(COURSE))


@pytest.mark.parametrize("token", ["awb1.wrong", token_for("course-v1:Another+Course+2026")])
async def test_a_wrong_token_is_told_at_once(token: str) -> None:
    async with running(bridge()) as address:
        with pytest.raises(TokenRefusedError, match="its token has expired, or is not for this course") as caught:
            await probe(address, token)
    assert token not in str(caught.value)


async def test_a_wrong_address_is_told_at_once() -> None:
    async with running(bridge()) as address:
        with pytest.raises(SourceError, match="is that of a bridge with the preset edx_proctoring"):
            await probe(f"{address}/elsewhere", token_for(COURSE))


async def test_a_bridge_that_is_down_or_knows_no_head_is_for_the_job_to_find_out() -> None:
    await probe(f"http://127.0.0.1:{free_port()}", token_for(COURSE))
    plain = web.Application()
    plain.router.add_post("/{any:.*}", nothing)
    async with running(plain) as address:
        await probe(address, "any")
