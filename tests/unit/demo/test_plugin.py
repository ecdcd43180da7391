"""The plugin's side: what it posts, where, and what the LMS knows afterwards."""

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from archiveworker.demo import plugin
from archiveworker.demo.contract import Family
from archiveworker.domain.errors import RequestError
from tests.unit.demo.conftest import POSTED, Lms

ATTEMPTS = "task_archive_quiz_attempts"


async def _press(lms: Lms, worker: TestServer, **options: Any) -> tuple[int, Any]:
    body = {"worker_url": str(worker.make_url("")), **options}
    async with lms.session.post(f"{lms.state.base_url}/demo/archive", json=body) as response:
        return response.status, json.loads(await response.text())


async def test_the_button_posts_a_job_and_writes_the_row(lms: Lms, worker: TestServer) -> None:
    status, answer = await _press(lms, worker, attempts=[33, 35], image_optimize=[800, 600, 70])
    assert (status, answer["jobid"]) == (200, "job-1")
    ((path, posted),) = worker.app[POSTED]
    assert path == "/archive"
    assert posted[ATTEMPTS]["attemptids"] == [33, 35]
    assert posted[ATTEMPTS]["image_optimize"] == {"width": 800, "height": 600, "quality": 70}
    async with lms.session.get(f"{lms.state.base_url}/demo/jobs") as response:
        (job,) = await response.json()
    assert (job["jobid"], job["release"], job["status"]) == ("job-1", "4.1.0", "AWAITING_PROCESSING")


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        (1, {"attemptids"}, {"sections", "paper_format", "filename_pattern", "image_optimize", "foldername_pattern"}),
        (2, {"sections", "fetch_metadata"}, {"paper_format"}),
        (3, {"paper_format"}, {"keep_html_files"}),
        (4, {"sections"}, {"filename_pattern"}),
        (5, {"keep_html_files", "filename_pattern"}, {"image_optimize"}),
        (6, {"image_optimize"}, {"foldername_pattern"}),
        (7, {"foldername_pattern"}, set[str]()),
    ],
)
async def test_each_version_posts_its_own_keys(
    lms: Lms, worker: TestServer, version: int, present: set[str], absent: set[str]
) -> None:
    await _press(lms, worker, api_version=version)
    ((_, posted),) = worker.app[POSTED]
    assert posted["api_version"] == version
    assert present <= posted[ATTEMPTS].keys()
    assert not absent & posted[ATTEMPTS].keys()
    assert ("moodle_base_url" in posted) == (version >= 4)
    assert ("archive_filename" in posted) == (version >= 5)


async def test_5_x_has_its_extras(lms: Lms, worker: TestServer) -> None:
    await _press(lms, worker, api_version="5.x", max_upload_bytes=4096)
    ((_, posted),) = worker.app[POSTED]
    assert posted["moodle_max_upload_bytes"] == 4096
    assert {"flatten_archive", "include_filehashes"} <= posted.keys()


@pytest.mark.parametrize(
    ("family", "ids"), [("archivingmod_quiz", "attemptids"), ("archivingmod_assign", "submissionids")]
)
async def test_archivingmod_has_its_own_route(lms: Lms, worker: TestServer, family: str, ids: str) -> None:
    await _press(lms, worker, api_version=family)
    ((path, posted),) = worker.app[POSTED]
    assert path == f"/archive/{family}"
    assert posted["job"][ids]
    assert lms.state.rows[0].plugin.family is Family(family)
    assert lms.state.rows[0].status == 40


async def test_a_refused_job_leaves_nothing_behind(lms: Lms, worker: TestServer) -> None:
    status, _ = await _press(
        lms, worker, request={"api_version": 7, "wstoken": "t"}, worker_url=str(worker.make_url("/x"))
    )
    assert status == 400
    assert not lms.state.rows
    assert not lms.state.tokens


async def test_unknown_options_are_named(lms: Lms, worker: TestServer) -> None:
    status, answer = await _press(lms, worker, colour="red")
    assert status == 400
    assert "unknown option(s) ['colour']" in answer["error"]


async def test_a_job_that_somebody_else_posted_can_be_registered(lms: Lms) -> None:
    which = plugin.plugin_for(7)
    request = plugin.build_request(lms.state.base_url, lms.state.course, plugin=which, token="f" * 32)
    body = {"request": request, "jobid": "from-elsewhere"}
    async with lms.session.post(f"{lms.state.base_url}/demo/register", json=body) as response:
        assert response.status == 200
    params = {"jobid": "from-elsewhere", "status": "RUNNING"}
    assert await lms.call("f" * 32, "quiz_archiver_update_job_status", params) == {"status": "OK"}


def test_no_request_of_anybody_is_refused(lms: Lms) -> None:
    with pytest.raises(RequestError, match="no plugin posts such a request"):
        plugin.adopt(lms.state, {"api_version": "seven"})
