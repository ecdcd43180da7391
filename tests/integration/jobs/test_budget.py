"""A job that repeats too much ends with that reason, whatever it asked for; the real engine and items that fail."""

from pathlib import Path

import pytest

from archiveworker.domain.errors import SourceUnavailableError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveOptions, ArchiveRequest, OnError, PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.jobs.budget import ITEM_RETRIES
from archiveworker.runtime.retry import RetryPolicy, retrying
from tests.fakes.engine import ScriptedLms, ended, running_engine

REQUEST_RETRIES = RetryPolicy(first_delay_s=0.001, max_delay_s=0.001, budget_s=0.05)


async def _busy(job_id: JobId, item: PlannedItem) -> None:
    raise SourceUnavailableError("the LMS answered 503 to this page")


async def _busy_call(job_id: JobId, item: PlannedItem) -> None:
    """As a connector asks: the request is repeated, then the item is tried again."""
    await retrying(lambda: _busy(job_id, item), REQUEST_RETRIES)


class Reporting(ScriptedLms):
    """Its jobs go on without items that failed."""

    def resume(self, payload: object, token: Secret) -> ArchiveRequest:
        options = ArchiveOptions("archive", on_item_error=OnError.REPORT)
        return ArchiveRequest(self.name, payload, token, "http://lms.invalid", options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "fails"), [(ScriptedLms, _busy), (Reporting, _busy_call)])
async def test_a_job_that_has_used_up_its_budget_ends_with_that_reason(
    tmp_path: Path, kind: type[ScriptedLms], fails: object
) -> None:
    items, base = 6, 1
    lms = kind(fails)  # type: ignore[arg-type]
    async with running_engine(tmp_path, lms, job_retries=base, item_attempts=5, items_in_flight=4) as engine:
        job_id = await engine.submit(lms.parse({"items": items}))
        view = await ended(engine, job_id)
        allowed = base + ITEM_RETRIES * items
        assert view["state"] == "FAILED"
        assert f"repeated {allowed} requests and tries" in view["reason"]
        if fails is _busy:
            first_tries = len({key for _, key in lms.asked})
            # Whoever finds that there is nothing left does not ask; four at once may have been asking.
            assert len(lms.asked) - first_tries <= allowed + 4, "it went on asking"
        lms.on_fetch = None
        await engine.retry(job_id, Secret("token"))
        assert (await ended(engine, job_id))["state"] == "FINISHED", "the next run begins with a whole budget"


async def test_a_job_with_a_few_bad_items_is_delivered(tmp_path: Path) -> None:
    """Each of 2 bad items of 6 is repeated 3 times: 6 of 18."""

    async def some_fail(job_id: JobId, item: PlannedItem) -> None:
        if item.lms_id % 3 == 0:
            await _busy(job_id, item)

    lms = Reporting(some_fail)
    async with running_engine(tmp_path, lms, job_retries=0, item_attempts=4) as engine:
        view = await ended(engine, await engine.submit(lms.parse({"items": 6})))
    assert view["state"] == "FINISHED", view["reason"]
    assert [failure["code"] for failure in view["failures"]] == ["source_unavailable"] * 2
    assert len(lms.asked) == 6 + 2 * 3
