"""A worker that takes jobs only from who knows its secret, and only of its own LMS."""

from pathlib import Path

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.answers import NOBODY, Body, is_one_sentence
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

SECRET = "made-up-post-secret-0123456789"


async def test_the_plugin_posts_through_the_secret_address_and_nobody_else(
    lms: DemoServer, body: Body, tmp_path: Path
) -> None:
    settings = {"POST_SECRET": SECRET, "ALLOWED_LMS": lms.base_url, "LOG_LEVEL": "DEBUG", "POSTS_PER_MINUTE": "8"}
    async with WorkerProcess(tmp_path, settings) as own:
        status, answer, headers = await own.request("POST", "/archive", json=body)
        assert status == 403
        is_one_sentence(answer, headers)
        assert "ARCHIVEWORKER_POST_SECRET" in answer["error"]
        wrong = f"/{SECRET[:-1]}0"
        assert (await own.request("POST", f"{wrong}/archive", json=body))[0] == 404
        assert (await own.request("GET", f"{wrong}/version"))[0] == 404

        status, answer = await lms.submit(f"{own.url}/{SECRET}", body)
        assert status == 200, answer
        job_id = answer["jobid"]
        assert (await own.request("GET", f"/{SECRET}/status/{job_id}"))[0] == 200
        assert (await own.request("GET", f"/{SECRET}/version"))[0] == 200
        assert (await own.ended(job_id))["state"] == "FINISHED"

        bearer = {"Authorization": f"Bearer {SECRET}"}
        other = "http://127.0.0.1:9"
        foreign = {
            **body,
            "task_moodle_backups": None,
            "moodle_base_url": other,
            "moodle_ws_url": f"{other}/webservice/rest/server.php",
            "moodle_upload_url": f"{other}/webservice/upload.php",
        }
        status, answer, _ = await own.request("POST", "/archive", json=foreign, headers=bearer)
        assert (status, "ARCHIVEWORKER_ALLOWED_LMS" in answer["error"]) == (403, True)
        assert (await own.request("GET", f"/{SECRET}/jobs/{NOBODY}", headers={"X-Forwarded-For": "203.0.113.7"}))[
            0
        ] == 403

        answers = [await own.request("POST", f"/{SECRET}/archive", json={}) for _ in range(9)]
        assert {status for status, _, _ in answers} == {400, 429}
        assert int(answers[-1][2]["Retry-After"]) > 0
    log = own.log.read_text(encoding="utf-8")
    assert SECRET not in log
    assert SECRET[:-1] not in log
    assert '"event": "open_to_all"' not in log


async def test_a_bridge_has_to_be_allowed_as_the_lms_has(lms: DemoServer, tmp_path: Path) -> None:
    (tmp_path / "delivered").mkdir()
    settings = {"ALLOWED_LMS": lms.base_url, "DELIVERY_DIRS": str(tmp_path / "delivered")}
    async with WorkerProcess(tmp_path, settings) as own:
        request = lms.edx.request(lms.base_url, ["directory"])
        request["lms"]["bridge"] = {"base_url": "http://127.0.0.1:9", "token": "awb1.made.up"}
        status, answer, _ = await own.request("POST", "/archive/edx_proctoring", json=request)
        assert (status, "takes no jobs of http://127.0.0.1:9" in answer["error"]) == (403, True)


async def test_a_worker_that_strangers_can_use_says_so(tmp_path: Path) -> None:
    own = WorkerProcess(tmp_path, {"HOST": "0.0.0.0"})
    await own.start()
    await own.stop()

    assert [event["event"] for event in own.log_events()].count("open_to_all") == 1
