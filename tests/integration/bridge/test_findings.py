"""Every irregularity of the legacy systems, through the bridge and the API, to exactly its findings."""

from collections import Counter
from pathlib import Path

import pytest

from archiveworker.demo.legacy_crowdsessment import NO_TIMES
from tests.integration.bridge.kit import fill, found_in, read_all, wanted
from tests.integration.bridge.servers import Store

SYSTEMS = ("workup", "crowdsessment")


@pytest.mark.parametrize("system", SYSTEMS)
async def test_every_irregularity_gives_its_findings_and_nothing_else_does(
    system: str, store: Store, tmp_path: Path
) -> None:
    lms = fill(system, store, tmp_path)
    async with lms.client() as client:
        activities = await read_all(client)
    assert Counter(found_in(activities)) == Counter(wanted(lms.expected))
    assert len({one.irregularity for one in lms.expected}) >= 12


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_clean_database_gives_none(system: str, store: Store, tmp_path: Path) -> None:
    lms = fill(system, store, tmp_path, clean=True)
    async with lms.client() as client:
        activities = await read_all(client)
    assert activities
    assert all(one.irregularity == NO_TIMES for one in lms.expected)
    assert found_in(activities) == wanted(lms.expected)
    for activity in activities.values():
        assert activity.activity.redactions == ()
        assert activity.reviews
        assert activity.announced.submission_count == len(activity.submissions)


async def test_what_workup_stores_arrives(sqlite: Store, tmp_path: Path) -> None:
    lms = fill("workup", sqlite, tmp_path, clean=True)
    async with lms.client() as client:
        (activity,) = (await read_all(client)).values()
        content = await client.get(f"/activities/1/files/{activity.submissions[0].file_ids[0]}/content")
    about = activity.activity
    assert (about.course, about.title, about.quota_given) == ("XM2 Schreiben (Spring 2026)", "Essay 1", 2)
    assert f"{about.submission_close:%Y-%m-%d %H:%M} {about.time_quality}" == "2026-05-05 00:00 naive"
    assert about.config_raw["assignment.peer_review_necessary"] in (1, True)
    assert {one.role.value for one in activity.participants} == {"student", "staff"}
    assert activity.submissions[0].grade.raw == 86.5
    answers = {one.key: one for one in activity.reviews[0].answers}
    assert "_csrf_token" not in str(activity)
    assert answers["is_the_claim_clear?"].text == "Yes, from the first page on. <script>alert(1)</script>"
    assert answers["pages"].value == 12
    assert [*answers["what_is_well_done_0 what_is_well_done_2"].option_ids] == ["0", "2"]
    assert {one.role.value for one in activity.allocations} == {"peer", "staff"}
    assert {one.area.value for one in activity.files} == {"activity", "submission_attachment", "review_attachment"}
    assert content.status == 200
    assert int(content.headers["Content-Length"]) == len(content.body) == activity.files[0].size_bytes


async def test_what_crowdsessment_stores_arrives(sqlite: Store, tmp_path: Path) -> None:
    lms = fill("crowdsessment", sqlite, tmp_path, gone_answers=False)
    async with lms.client() as client:
        activity = await client.read("2")
    work = activity.submissions[0]
    assert [one.task.body for one in work.parts if one.task] == ["What is a lemma?", "Give <em>one</em> example."]
    assert all(one.part_id for one in activity.allocations if one.state.value == "done")
    assert activity.queue is not None
    assert len(activity.queue.locks) == 3
    assert {f"{one.locked_at:%Y-%m-%d} {one.time_quality.value}" for one in activity.queue.locks} == {
        "2026-05-04 exact"
    }
    assert {one.answers[0].value for one in activity.reviews} == {7, 11, None}
    (criterion,) = activity.forms[0].criteria
    assert (criterion.min, criterion.max) == (1, 10)
