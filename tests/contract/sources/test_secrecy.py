"""The token is sent to its own Moodle, and shows nowhere else: no log, no error or its cause, no URL of a call."""

import asyncio
import logging
import traceback
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from archiveworker.domain.errors import ArchiveWorkerError, RequestError
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import JobState, PlannedBackup, PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import describe_failure, without_secret
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.posted import backup, quiz_request
from tests.contract.sources.strict_moodle import TOKEN

ITEM = PlannedItem(ItemKey("attempt-33"), 33, "Attempt 33")
REPORT = "quiz_archiver_generate_attempt_report"


def everything_about(exc: BaseException) -> str:
    """All that a log, a status page or a debugger could show of an error and what led to it."""
    shown, seen, queue = [], set(), [exc]
    while queue:
        current = queue.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        shown += [str(current), repr(current), repr(vars(current)), *traceback.format_exception(current)]
        queue += [current.__cause__, current.__context__]
    return "\n".join(shown)


async def with_token(request: web.Request) -> web.Response:
    """An answer that repeats the token in everything that is quoted."""
    body = {"exception": f"e_{TOKEN}", "errorcode": "invalidparameter", "message": f"token={TOKEN}"}
    return web.json_response(body | {"debuginfo": f"wstoken => {TOKEN}"})


async def redirect(_: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": f"https://x.test/{TOKEN}?wstoken={TOKEN}"})


async def drop(request: web.Request) -> web.Response:
    request.transport.abort()
    return web.Response()


async def too_long(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


FAULTS = [
    with_token,
    redirect,
    drop,
    too_long,
    lambda _: web.Response(text=f"<p>{TOKEN}</p>", content_type="text/html"),
    lambda _: web.Response(status=500, text=TOKEN),
    lambda _: web.Response(status=404, text=f'{{"errorcode": "{TOKEN}", "error": "{TOKEN}"}}'),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_error_and_no_log_shows_the_token(moodle, connect, config, spool, archive, caplog, fault):
    caplog.set_level(logging.DEBUG)
    attachment = moodle.add_file("5/a.txt", b"text", "text/plain")
    moodle.say(REPORT, {"status": "OK", "report": "<p>x</p>", "attachments": [attachment]})
    moodle.say("quiz_archiver_update_job_status", fault)
    moodle.say("quiz_archiver_get_attempts_metadata", fault)
    moodle.file_answers.append(fault)
    moodle.upload_answers.append(fault)
    brief = replace(
        config,
        retry=replace(config.retry, budget_s=0.01),
        job_row_grace_s=0.0,
        call_timeout_s=0.1,
        transfer_timeout_s=0.1,
        probe_timeout_s=0.1,
    )
    body = quiz_request(7, moodle.base_url, task_moodle_backups=[backup(moodle.base_url)])
    planned = PlannedBackup(f"{1:032x}", ArchivePath("backups/backup-1.mbz"))
    shown: list[str] = []
    with structlog.testing.capture_logs() as events:
        async with connect(body, config=brief) as connection:
            shown.append(repr(connection) + repr(vars(connection)))
            for call in (
                connection.probe,
                lambda: connection.plan(spool),
                lambda: connection.report(JobState.RUNNING, 3),
                lambda: connection.fetch_item(ITEM, spool),
                lambda: connection.fetch_backup(planned, spool),
                lambda: connection.upload(archive),
            ):
                try:
                    await call()
                except ArchiveWorkerError as exc:
                    shown.append(everything_about(exc))

    assert len(shown) >= 6
    assert TOKEN not in "\n".join([*shown, repr(events), caplog.text])
    assert any(event["event"] == "lms_request" for event in events)


async def test_functions_are_called_without_the_token_in_the_url(moodle, connect, archive):
    async with connect() as connection:
        await connection.report(JobState.RUNNING, 3)
        await connection.upload(archive)

    assert len(moodle.urls) == 2
    assert not any(TOKEN in url or "?" in url for url in moodle.urls)


async def test_a_connection_timeout_of_aiohttp_that_shows_a_url_is_replaced():
    exc = aiohttp.ConnectionTimeoutError(f"Connection timeout to host http://x.test/?token={TOKEN}")

    stand_in = without_secret(exc, Secret(TOKEN))

    assert TOKEN not in everything_about(stand_in)
    assert "http://x.test/?token=***" in str(stand_in)
    assert describe_failure(exc) == "it took too long"


@pytest.mark.parametrize("change", [{"quizid": TOKEN}, {"wstoken": [TOKEN]}, {"moodle_upload_url": TOKEN}])
async def test_a_refused_request_does_not_show_its_token(moodle, config, change: dict[str, Any]):
    with pytest.raises(RequestError, match="must be|is not an address") as caught:
        QuizArchiverSource(config).parse(quiz_request(7, moodle.base_url, **change))

    assert TOKEN not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


async def test_a_parsed_request_keeps_the_token_apart(moodle, config):
    source = QuizArchiverSource(config)
    request = source.parse(quiz_request(7, moodle.base_url))

    assert TOKEN not in repr(request)
    assert TOKEN not in repr(request.payload)
    assert request.token.reveal() == TOKEN
    assert source.resume(request.payload, request.token) == request
