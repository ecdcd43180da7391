"""Each API version gets exactly the parameters that it declares, no more and no less."""

from typing import Any

import pytest

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.document import ImageLimit, PaperFormat
from archiveworker.domain.job import JobState
from archiveworker.runtime.spool import LocalItemSpool
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.conftest import JOB, Connect
from tests.contract.sources.posted import backup, quiz_request, task_request
from tests.contract.sources.strict_moodle import StrictMoodle

IDS = {"courseid", "cmid", "quizid"}
ARTIFACT = {
    "artifact_component",
    "artifact_contextid",
    "artifact_userid",
    "artifact_filearea",
    "artifact_filename",
    "artifact_filepath",
    "artifact_itemid",
    "artifact_sha256sum",
}
REPORT = {
    1: IDS | {"attemptid"},
    2: IDS | {"attemptid", "sections"},
    3: IDS | {"attemptid", "sections"},
    4: IDS | {"attemptid", "sections", "attachments"},
    5: IDS | {"attemptid", "sections", "attachments", "filenamepattern"},
    6: IDS | {"attemptid", "sections", "attachments", "filenamepattern"},
    7: IDS | {"attemptid", "sections", "attachments", "filenamepattern", "foldernamepattern", "jobid"},
}
METADATA = {
    1: None,
    **dict.fromkeys((2, 3, 4, 5, 6), IDS | {"attemptids"}),
    7: IDS | {"attemptids", "jobid"},
}
STATUS = {
    **{key: {"jobid", "status"} for key in (1, 2, 3, 4, 5)},
    **{key: {"jobid", "status", "statusextras"} for key in (6, 7)},
}


def row(number: int) -> dict[str, Any]:
    return {
        "attemptid": number,
        "userid": 4,
        "username": "student04",
        "firstname": "Mina",
        "lastname": "Øster",
        "timestart": 1_700_000_000,
        "timefinish": 1_700_000_600,
        "attempt": 1,
        "state": "finished",
    }


async def run_job(
    moodle: StrictMoodle,
    connect: Connect,
    version: int,
    spool: LocalItemSpool,
    archive: Parcel,
) -> Any:
    moodle.say("quiz_archiver_get_attempts_metadata", {"status": "OK", "attempts": [row(34), row(33), row(35)]})
    moodle.say("quiz_archiver_generate_attempt_report", {"status": "OK", "report": "<html><p>Answer</p></html>"})
    moodle.say("quiz_archiver_get_backup_status", {"status": "SUCCESS"})
    body = quiz_request(version, moodle.base_url, task_moodle_backups=[backup(moodle.base_url)])
    async with connect(body) as connection:
        await connection.report(JobState.RUNNING, 10)
        plan = await connection.plan(spool)
        fetched = await connection.fetch_item(plan.items[0], spool)
        assert await connection.backup_is_ready(plan.backups[0])
        ticket = await connection.upload(archive)
        assert await connection.confirm(archive, ticket, begun_before=False) is None
    return plan, fetched


@pytest.mark.parametrize("version", range(1, 8))
async def test_exactly_the_parameters_of_the_version_are_sent(moodle, connect, spool, archive, version):
    await run_job(moodle, connect, version, spool, archive)

    sent = {call.function.removeprefix("quiz_archiver_"): call.names for call in moodle.calls}
    expected = {
        "update_job_status": STATUS[version],
        "generate_attempt_report": REPORT[version],
        "get_backup_status": {"jobid", "backupid"},
        "process_uploaded_artifact": {"jobid"} | ARTIFACT,
    }
    if METADATA[version]:
        expected["get_attempts_metadata"] = METADATA[version]
    assert sent == expected


@pytest.mark.parametrize("version", range(2, 8))
async def test_sections_are_the_very_ones_that_came_as_0_and_1(moodle, connect, spool, archive, version):
    await run_job(moodle, connect, version, spool, archive)

    params = moodle.of("quiz_archiver_generate_attempt_report")[0].params
    sent = {name: value for name, value in params.items() if name.startswith("sections[")}
    posted = quiz_request(version, moodle.base_url)["task_archive_quiz_attempts"]["sections"]
    assert sent == {f"sections[{name}]": str(value) for name, value in posted.items()}


@pytest.mark.parametrize("version", range(1, 8))
async def test_items_are_sorted_and_named_by_their_number(moodle, connect, spool, archive, version):
    plan, fetched = await run_job(moodle, connect, version, spool, archive)

    assert [(item.key, item.lms_id) for item in plan.items] == [
        ("attempt-33", 33),
        ("attempt-34", 34),
        ("attempt-35", 35),
    ]
    assert fetched.folder.value == "attempts/attempt-33"
    assert fetched.file_stem == "attempt-33"
    if version > 1:
        assert plan.items[0].facts["lastname"] == "Øster"
        assert plan.metadata_columns.index("path") == 9
        assert fetched.document.created_at.isoformat() == "2023-11-14T22:23:20+00:00"
    else:
        assert plan.metadata_columns == ()
        assert fetched.document.created_at.year == 1980


async def test_options_of_the_request_reach_the_job(moodle, connect, config):
    options = QuizArchiverSource(config).parse(quiz_request(7, moodle.base_url)).options

    assert options.archive_name == "Übung #1 (Gruppe B)"
    assert options.render.paper is PaperFormat.LETTER
    assert options.render.keep_html
    assert options.render.image_limit == ImageLimit(1280, 1280, 85)
    assert options.file_hashes
    assert not options.flatten


async def test_the_extras_of_release_5_are_understood_in_task_and_top_level(moodle, config):
    source = QuizArchiverSource(config)
    body = quiz_request(7, moodle.base_url)
    task = body["task_archive_quiz_attempts"] | {"flatten_archive": True, "include_filehashes": False}

    in_task = source.parse(body | {"task_archive_quiz_attempts": task}).options
    on_top = source.parse(body | {"flatten_archive": True, "include_filehashes": False}).options

    assert in_task == on_top
    assert (in_task.flatten, in_task.file_hashes) == (True, False)


async def test_an_early_release_of_version_6_refuses_statusextras_and_is_not_asked_again(moodle, connect):
    refusal = {"exception": "invalid_parameter_exception", "errorcode": "invalidparameter", "message": "Invalid"}
    moodle.say("quiz_archiver_update_job_status", refusal, {"status": "OK"})
    async with connect(quiz_request(6, moodle.base_url)) as connection:
        await connection.report(JobState.RUNNING, 10)
        await connection.report(JobState.RUNNING, 20)

    assert [call.names for call in moodle.calls] == [
        {"jobid", "status", "statusextras"},
        {"jobid", "status"},
        {"jobid", "status"},
    ]


@pytest.mark.parametrize(
    ("kind", "noun", "extra"), [("quiz", "attempt", {"attachments"}), ("assign", "submission", set())]
)
async def test_exactly_the_parameters_of_archivingmod_are_sent(moodle, connect, spool, archive, kind, noun, extra):
    prefix = f"archivingmod_{kind}_"
    rows = [{f"{noun}id": number, "username": f"student{number}", "timemodified": 1_700_000_000} for number in (12, 11)]
    moodle.say(f"{prefix}get_{noun}s_metadata", {"status": "OK", f"{noun}s": rows})
    report = {"status": "OK", "report": "<html lang='de'><p>Antwort</p></html>", "foldername": "student11/x"}
    moodle.say(f"{prefix}generate_{noun}_report", report | {"filename": "x", "attachments": []})
    async with connect(task_request(kind, moodle.base_url), f"archivingmod_{kind}") as connection:
        await connection.report(JobState.RUNNING, 10)
        plan = await connection.plan(spool)
        fetched = await connection.fetch_item(plan.items[0], spool)
        ticket = await connection.upload(archive)
        await connection.confirm(archive, ticket, begun_before=False)

    task = {"uuid", "taskid"}
    assert {call.function.removeprefix(prefix): call.names for call in moodle.calls} == {
        "update_task_status": task | {"status", "progress"},
        f"get_{noun}s_metadata": task | {f"{noun}ids"},
        f"generate_{noun}_report": task | {f"{noun}id", "foldernamepattern", "filenamepattern", "sections"} | extra,
        "process_uploaded_artifact": task | ARTIFACT,
    }
    assert all(call.params["uuid"] == JOB and call.params["taskid"] == "99" for call in moodle.calls)
    assert moodle.calls[0].params["status"] == "100"
    report_params = moodle.of(f"{prefix}generate_{noun}_report")[0].params
    assert report_params["sections[header]"] == "1"
    assert report_params["sections[feedback]"] == "0"
    assert [item.key for item in plan.items] == [f"{noun}-11", f"{noun}-12"]
    assert plan.metadata_columns.index("path") == 9
    assert plan.metadata_name == f"{noun}s_metadata.csv"
    assert fetched.folder.value == f"{noun}s/student11/x"
    assert fetched.document.language == "de"


@pytest.mark.parametrize(
    ("state", "number"),
    [
        (JobState.AWAITING_PROCESSING, "40"),
        (JobState.RUNNING, "100"),
        (JobState.WAITING_FOR_BACKUP, "200"),
        (JobState.FINALIZING, "200"),
        (JobState.CANCELLED, "240"),
        (JobState.FAILED, "250"),
        (JobState.TIMEOUT, "251"),
    ],
)
async def test_archivingmod_is_told_numbers(moodle, connect, state, number):
    async with connect(task_request("quiz", moodle.base_url), "archivingmod_quiz") as connection:
        await connection.report(state)

    assert moodle.calls[0].params["status"] == number


async def test_kinds_of_attachments_that_are_not_wanted_are_left_out(moodle, connect, spool):
    essay = {**moodle.add_file("9/submission/essay.txt", b"essay", "text/plain"), "type": "submission"}
    note = {**moodle.add_file("9/feedback/note.txt", b"note", "text/plain"), "type": "feedback"}
    for entry in (essay, note):
        del entry["slot"]
    answer = {"status": "OK", "report": "<p>x</p>", "attachments": [essay, note]}
    moodle.say("archivingmod_assign_generate_submission_report", answer)
    body = task_request("assign", moodle.base_url, fetch_metadata=False)
    async with connect(body, "archivingmod_assign") as connection:
        plan = await connection.plan(spool)
        fetched = await connection.fetch_item(plan.items[0], spool)

    assert [file.path.value for file in fetched.attachments] == [
        "submissions/submission-11/attachments/submission/essay.txt"
    ]


async def test_a_plugin_that_demands_artifact_count_gets_it_when_it_refuses_without(moodle, connect, archive):
    refusal = {"exception": "x", "errorcode": "invalidparameter", "message": ""}
    moodle.say("archivingmod_assign_process_uploaded_artifact", refusal, {"status": "OK"})
    body = task_request("assign", moodle.base_url)
    body["moodle_api"]["max_upload_bytes"] = 10_000_000
    async with connect(body, "archivingmod_assign") as connection:
        ticket = await connection.upload(archive)
        assert await connection.confirm(archive, ticket, begun_before=False) is None

    assert [call.params.get("artifact_count") for call in moodle.calls] == [None, "1"]


async def test_the_accepted_status_fits_the_family(config):
    assert QuizArchiverSource(config).accepted_status() == "AWAITING_PROCESSING"
    assert ArchivingmodQuizSource(config).accepted_status() == 40
    assert ArchivingmodAssignSource(config).accepted_status() == 40
