"""One test or more for each trap of Moodle and its plugin, in the order of their numbers."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import (
    IntegrityError,
    RequestError,
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import FinishedArchive, JobState, PlannedBackup, PlannedItem
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.posted import backup, quiz_request
from tests.contract.sources.strict_moodle import StrictMoodle, draft

ITEM = PlannedItem(ItemKey("attempt-33"), 33, "Attempt 33", {"timefinish": "0", "timestart": "1700000000"})
REPORT = "quiz_archiver_generate_attempt_report"
STATUS = "quiz_archiver_update_job_status"
CONFIRM = "quiz_archiver_process_uploaded_artifact"
BACKUP = PlannedBackup(f"{1:032x}", ArchivePath("backups/backup-1.mbz"))


def report_with(*attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": "OK", "report": '<html lang="fr"><p>x</p></html>', "attachments": list(attachments)} | more


# 1


async def test_trap_1_html_after_the_json_is_ignored_even_in_a_large_answer(moodle, connect, config, spool):
    filler = "é" * 3_000_000
    body = f'{{"status": "OK", "report": "<p>{filler}</p>", "attachments": []}}</body></html>'
    moodle.say(REPORT, body)
    async with connect(config=replace(config, large_answer_bytes=100_000)) as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.document.html == f"<p>{filler}</p>"


@pytest.mark.parametrize(
    "answer", ["", '{"status": "OK", "rep', "<!DOCTYPE html><p>Sorry</p>", b'{"a": "\xff"}', "[1]"]
)
async def test_trap_1_an_answer_that_is_no_json_object_may_be_better_later(moodle, connect, spool, answer):
    moodle.say(REPORT, answer, answer, report_with())
    async with connect() as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.document.language == "fr"
    assert len(moodle.calls) == 3


# 2


async def test_trap_2_a_section_too_many_is_said_to_be_a_matter_of_versions(moodle, connect, spool):
    moodle.say(REPORT, {"exception": "x", "errorcode": "invalidparameter", "message": "Invalid parameter value"})
    async with connect() as connection:
        with pytest.raises(SourceError, match=r"other versions.*update the plugin"):
            await connection.fetch_item(ITEM, spool)

    assert len(moodle.calls) == 1


# 3 and 5


async def test_trap_3_the_upload_answers_text_plain_and_its_user_id_is_a_string(moodle, connect, archive):
    async with connect() as connection:
        ticket = await connection.upload(archive)
        await connection.confirm(archive, ticket, begun_before=False)

    [upload] = moodle.uploads
    assert upload.fields == {"token": upload.fields["token"], "filepath": "/", "itemid": "0"}
    assert upload.filename == archive.archive.name
    assert upload.content == archive.file.read_bytes()
    assert upload.content_length is not None
    assert moodle.calls[0].params["artifact_userid"] == "3"
    assert moodle.calls[0].params["artifact_itemid"] == "4711"


@pytest.mark.parametrize(
    ("answer", "setting"),
    [
        ({"error": "x", "errorcode": "missingparam"}, "post_max_size"),
        ([], "post_max_size"),
        ({"error": "too large", "errorcode": "upload_error_ini_size"}, "upload_max_filesize"),
        ([{"filename": "a", "errortype": "fileoversized", "error": "[[maxbytes]]"}], "maxbytes"),
        ([{"filename": "a", "errortype": "filenameexist", "error": "exists"}], "draft area"),
        ({"error": "quota", "errorcode": "userquotalimit"}, "userquota"),
    ],
)
async def test_trap_5_a_refused_upload_names_the_setting(moodle, connect, archive, answer, setting):
    moodle.upload_answers.append(answer)
    async with connect() as connection:
        with pytest.raises(SourceError, match=setting):
            await connection.upload(archive)

    assert len(moodle.uploads) == 1


async def test_trap_5_the_web_server_refuses_a_body_of_this_size(moodle, connect, archive):
    moodle.upload_answers.append(lambda _: web.Response(status=413, text="<h1>413 Request Entity Too Large</h1>"))
    async with connect() as connection:
        with pytest.raises(SourceError, match=r"client_max_body_size .nginx. or LimitRequestBody .Apache."):
            await connection.upload(archive)


async def test_an_upload_that_arrived_too_short_is_sent_again(moodle, connect, archive):
    moodle.upload_answers += [[draft("a.tar.gz", 1, 17)], [draft("a.tar.gz", 2, archive.archive.size_bytes)]]
    async with connect() as connection:
        ticket = await connection.upload(archive)

    assert ticket["itemid"] == "2"


async def test_an_archive_that_is_not_the_one_that_was_packed_is_not_sent(moodle, connect, archive):
    async with connect() as connection:
        with pytest.raises(SourceError, match="has 100000 bytes instead of 99999"):
            await connection.upload(replace(archive, archive=replace(archive.archive, size_bytes=99_999)))

    assert moodle.uploads == []


async def test_a_large_archive_goes_in_numbered_parts_into_one_draft_area(moodle, connect, archive):
    async with connect(quiz_request(7, moodle.base_url, moodle_max_upload_bytes=40_000)) as connection:
        ticket = await connection.upload(archive)
        await connection.confirm(archive, ticket, begun_before=False)

    names = [f"{archive.archive.name}.chunk{number:09d}.bin" for number in range(3)]
    assert [upload.filename for upload in moodle.uploads] == names
    assert [upload.fields["itemid"] for upload in moodle.uploads] == ["0", "4711", "4711"]
    assert b"".join(upload.content for upload in moodle.uploads) == archive.file.read_bytes()
    assert all(len(upload.content) <= 40_000 for upload in moodle.uploads)
    assert moodle.calls[0].params["artifact_count"] == "3"
    assert moodle.calls[0].params["artifact_filename"] == archive.archive.name


async def test_an_archive_that_fits_is_not_cut(moodle, connect, archive):
    async with connect(quiz_request(7, moodle.base_url, moodle_max_upload_bytes=10_000_000)) as connection:
        ticket = await connection.upload(archive)
        await connection.confirm(archive, ticket, begun_before=False)

    assert [upload.filename for upload in moodle.uploads] == [archive.archive.name]
    assert "artifact_count" not in moodle.calls[0].params


async def test_a_part_whose_answer_was_lost_had_arrived(moodle, connect, archive):
    size, names = 40_000, [f"{archive.archive.name}.chunk{number:09d}.bin" for number in range(3)]
    moodle.upload_answers += [
        [draft(names[0], 5, size)],
        lambda _: web.Response(status=502),
        [{"filename": names[1], "errortype": "filenameexist", "error": "exists"}],
        [draft(names[2], 5, 20_000)],
    ]
    async with connect(quiz_request(7, moodle.base_url, moodle_max_upload_bytes=40_000)) as connection:
        ticket = await connection.upload(archive)

    assert ticket["count"] == "3"
    assert ticket["filename"] == archive.archive.name


# 4


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (
            {"errorcode": "invalidtoken", "exception": "m"},
            TokenRefusedError,
            "unknown, deleted or expired.*start the arch",
        ),
        ({"errorcode": "accessexception", "exception": "m"}, TokenRefusedError, "webservice/rest:use"),
        ({"errorcode": "invalidrecord", "exception": "m"}, SourceError, "plugin is installed"),
        ({"errorcode": "nopermissions", "message": "Sorry (Review)"}, SourceError, r"Sorry \(Review\).*capability"),
        ({"exception": "core_something_new"}, SourceError, "core_something_new"),
        ({"errorcode": "sitemaintenance", "exception": "m"}, SourceUnavailableError, "maintenance mode"),
        (lambda _: web.Response(status=403), SourceError, "web services or their REST protocol are switched off"),
        (lambda _: web.Response(status=404), SourceError, "wwwroot"),
        (lambda _: web.Response(status=500), SourceUnavailableError, "HTTP 500"),
        (lambda _: web.Response(status=418), SourceError, "HTTP 418"),
    ],
)
async def test_trap_4_every_refusal_says_why_and_what_to_do(moodle, connect, spool, answer, error, sentence):
    moodle.say(REPORT, answer)
    async with connect() as connection:
        with pytest.raises(error, match=sentence) as caught:
            await connection.fetch_item(ITEM, spool)

    assert type(caught.value) is error
    if isinstance(answer, dict):
        assert caught.value.lms_code == answer.get("errorcode", answer.get("exception"))


async def test_trap_4_a_redirect_is_not_followed(moodle, connect, spool):
    async def redirect(request: web.Request) -> web.Response:
        form = await request.post()
        return web.Response(status=303, headers={"Location": f"https://elsewhere.test/?wstoken={form['wstoken']}"})

    moodle.say(REPORT, redirect)
    async with connect() as connection:
        with pytest.raises(SourceError, match=r"redirected to https://elsewhere\.test \(HTTP 303\).*internal_wwwroot"):
            await connection.fetch_item(ITEM, spool)

    assert len(moodle.calls) == 1


async def test_trap_4_a_redirect_in_the_clothes_of_json(moodle, connect, spool):
    attachment = moodle.add_file("1/a.txt", b"text", "text/plain")
    moodle.say(REPORT, report_with(attachment))
    moodle.file_answers.append({"error": "Unsupported redirect", "errorcode": "redirecterrordetected"})
    async with connect() as connection:
        with pytest.raises(SourceError, match="wwwroot and the plugin's internal_wwwroot"):
            await connection.fetch_item(ITEM, spool)


async def test_a_busy_server_is_given_the_time_it_asks_for(moodle, connect, spool):
    moodle.say(REPORT, lambda _: web.Response(status=429, headers={"Retry-After": "0"}), report_with())
    async with connect() as connection:
        await connection.fetch_item(ITEM, spool)

    assert len(moodle.calls) == 2


async def test_a_server_that_asks_for_more_time_than_there_is_ends_the_call(moodle, connect, spool):
    moodle.say(REPORT, lambda _: web.Response(status=503, headers={"Retry-After": "90"}))
    async with connect() as connection:
        with pytest.raises(SourceUnavailableError, match="HTTP 503") as caught:
            await connection.fetch_item(ITEM, spool)

    assert caught.value.retry_after_s == 90
    assert len(moodle.calls) == 1


async def test_a_connection_that_breaks_in_the_body_is_tried_again(moodle, connect, spool):
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status": "OK"')
        request.transport.close()
        return response

    moodle.say(REPORT, broken, report_with())
    async with connect() as connection:
        await connection.fetch_item(ITEM, spool)

    assert len(moodle.calls) == 2


async def test_a_moodle_that_does_not_answer_is_unavailable(moodle, connect, config, spool):
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.json_response({})

    moodle.say(REPORT, silent)
    impatient = replace(config, call_timeout_s=0.05, retry=replace(config.retry, budget_s=0.0), job_row_grace_s=0.0)
    try:
        async with connect(config=impatient) as connection:
            with pytest.raises(SourceUnavailableError, match="it took too long; check that Moodle is up"):
                await connection.fetch_item(ITEM, spool)
    finally:
        released.set()


# 6 and 11


async def test_trap_6_a_final_state_that_was_taken_before_is_no_error(moodle, connect):
    moodle.say(STATUS, {"errorcode": "invalidtoken", "exception": "m"}, {"status": "E_JOB_ALREADY_COMPLETED"})
    async with connect() as connection:
        await connection.report(JobState.FAILED)
        await connection.report(JobState.TIMEOUT)
        with pytest.raises(SourceError, match="ended already") as caught:
            await connection.report(JobState.RUNNING, 50)

    assert caught.value.lms_code == "E_JOB_ALREADY_COMPLETED"


async def test_trap_6_finished_is_never_reported_as_moodle_sets_it_itself(moodle, connect):
    async with connect() as connection:
        await connection.report(JobState.FINISHED)

    assert moodle.calls == []


async def test_a_cancelled_job_is_failed_for_a_plugin_that_knows_no_cancelling(moodle, connect):
    async with connect() as connection:
        await connection.report(JobState.CANCELLED)

    assert moodle.calls[0].params["status"] == "FAILED"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "E_NO_ARTIFACT_UPLOAD_EXPECTED"},
        {"status": "E_JOB_ALREADY_COMPLETED"},
        {"errorcode": "invalidtoken", "exception": "m"},
    ],
)
async def test_trap_11_after_a_crash_a_second_delivery_is_believed_with_a_warning(moodle, connect, archive, answer):
    moodle.say(CONFIRM, answer)
    async with connect() as connection:
        ticket = await connection.upload(archive)
        warning = await connection.confirm(archive, ticket, begun_before=True)
        with pytest.raises(SourceError, match="start the archiving again"):
            await connection.confirm(archive, ticket, begun_before=False)

    assert "the first one arrived" in warning


async def test_trap_11_a_lost_answer_counts_like_a_crash(moodle, connect, archive):
    moodle.say(CONFIRM, lambda _: web.Response(status=504), {"status": "E_NO_ARTIFACT_UPLOAD_EXPECTED"})
    async with connect() as connection:
        ticket = await connection.upload(archive)
        warning = await connection.confirm(archive, ticket, begun_before=False)

    assert "E_NO_ARTIFACT_UPLOAD_EXPECTED" in warning


async def test_trap_11_a_damaged_archive_is_never_believed(moodle, connect, archive):
    moodle.say(CONFIRM, {"status": "E_ARTIFACT_CHECKSUM_INVALID"})
    async with connect() as connection:
        ticket = await connection.upload(archive)
        with pytest.raises(SourceError, match="not the one that was sent"):
            await connection.confirm(archive, ticket, begun_before=True)


# 7


@pytest.mark.parametrize("status", ["E_UPDATE_FAILED", "E_JOB_NOT_FOUND"])
async def test_trap_7_an_unknown_job_is_not_believed_at_first(moodle, connect, status):
    moodle.say(STATUS, {"status": status}, {"status": status}, {"status": "OK"})
    async with connect() as connection:
        await connection.report(JobState.RUNNING, 0)

    assert len(moodle.calls) == 3


async def test_trap_7_it_is_believed_after_the_grace_time(moodle, connect, config):
    moodle.say(STATUS, {"status": "E_JOB_NOT_FOUND"})
    async with connect(config=replace(config, job_row_grace_s=0.1)) as connection:
        with pytest.raises(SourceError, match="does not know this job"):
            await connection.report(JobState.RUNNING, 0)

    assert len(moodle.calls) > 1


async def test_trap_7_it_is_believed_at_once_when_the_job_was_known_before(moodle, connect):
    moodle.say(STATUS, {"status": "OK"}, {"status": "E_UPDATE_FAILED"})
    async with connect() as connection:
        await connection.report(JobState.RUNNING, 0)
        with pytest.raises(SourceError, match="the job was deleted there") as caught:
            await connection.report(JobState.RUNNING, 1)

    assert type(caught.value) is SourceError
    assert len(moodle.calls) == 2


async def test_trap_7_older_versions_find_the_job_by_its_token_and_say_access_denied(moodle, connect, spool):
    moodle.say(REPORT, {"status": "E_ACCESS_DENIED"}, report_with())
    async with connect(quiz_request(6, moodle.base_url)) as connection:
        await connection.fetch_item(ITEM, spool)

    moodle.answers[REPORT][:] = [{"status": "E_ACCESS_DENIED"}]
    async with connect(quiz_request(7, moodle.base_url)) as connection:
        with pytest.raises(TokenRefusedError, match="does not belong to this job"):
            await connection.fetch_item(ITEM, spool)


# 8


async def test_trap_8_an_attachment_with_a_listed_public_address_is_fetched_from_the_own_moodle(
    moodle, connect, config, spool
):
    attachment = moodle.add_file("5/essay.pdf", b"%PDF-1.4", "application/pdf")
    attachment["downloadurl"] = "https://moodle.example.test/learn/webservice/pluginfile.php/5/essay.pdf"
    moodle.say(REPORT, report_with(attachment))
    listed = replace(config, public_base_urls=("https://moodle.example.test/learn",))
    async with connect(config=listed) as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.attachments[0].sha256.hex == hashlib.sha256(b"%PDF-1.4").hexdigest()


@pytest.mark.parametrize(
    "url",
    [
        "https://moodle.example.test/webservice/pluginfile.php/5/essay.pdf",
        "http://user@127.0.0.1/webservice/pluginfile.php/5/essay.pdf",
        "file:///webservice/pluginfile.php/etc/passwd",
        "http://[::1/webservice/pluginfile.php",
    ],
)
async def test_trap_8_the_token_goes_nowhere_else(moodle, connect, spool, url):
    attachment = moodle.add_file("5/essay.pdf", b"%PDF-1.4", "application/pdf") | {"downloadurl": url}
    moodle.say(REPORT, report_with(attachment))
    async with connect() as connection:
        with pytest.raises(SourceError, match=r"'essay\.pdf' cannot be fetched: its address"):
            await connection.fetch_item(ITEM, spool)

    assert moodle.file_requests == []


async def test_trap_8_a_foreign_backup_is_refused_in_the_request(moodle, config):
    foreign = backup(moodle.base_url, file_download_url="http://evil.test/webservice/pluginfile.php/50/x.mbz")
    body = quiz_request(7, moodle.base_url, task_moodle_backups=[foreign])
    with pytest.raises(RequestError, match=r"task_moodle_backups\[0\]\.file_download_url .* http://evil\.test"):
        QuizArchiverSource(config).parse(body)


# attachments


async def test_attachments_are_hashed_and_placed_by_slot(moodle, connect, spool):
    first = moodle.add_file("50/question/32/5/1479/Quellen%20%20%E2%80%93%20ü.txt", b"eins", "text/plain")
    first["filename"] = "Quellen  – ü.txt"
    second = moodle.add_file("50/question/32/5/1480/quellen.txt", b"zwei", "text/plain") | {
        "filename": first["filename"]
    }
    moodle.files[f"/webservice/pluginfile.php/50/question/32/5/1479/{first['filename']}"] = (b"eins", "text/plain")
    moodle.say(REPORT, report_with(first, second, foldername="anna/32", filename="attempt/32"))
    async with connect() as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.file_stem == "attempt_32"
    assert [file.path.value for file in fetched.attachments] == [
        "attempts/anna/32/attachments/3/Quellen  – ü.txt",
        "attempts/anna/32/attachments/3/Quellen  – ü (2).txt",
    ]
    contents = [(spool.job_folder / file.spooled).read_bytes() for file in fetched.attachments]
    assert contents == [b"eins", b"zwei"]
    assert [file.sha256.hex for file in fetched.attachments] == [hashlib.sha256(c).hexdigest() for c in contents]
    assert {file.modified_at.isoformat() for file in fetched.attachments} == {"2023-11-14T22:13:20+00:00"}
    assert all("token=" in path and "forcedownload=1" in path for _, path in moodle.file_requests)


async def test_an_attachment_that_is_damaged_once_is_fetched_again(moodle, connect, spool):
    attachment = moodle.add_file("5/a.txt", b"right", "text/plain")
    moodle.say(REPORT, report_with(attachment))
    moodle.file_answers += [
        web.Response(body=b"wrong", content_type="text/plain"),
        web.Response(body=b"righ", content_type="text/plain"),
        web.Response(body=b"right", content_type="text/plain"),
    ]
    async with connect() as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.attachments[0].sha256.hex == hashlib.sha256(b"right").hexdigest()


async def test_an_attachment_that_stays_damaged_is_an_error_that_names_it(moodle, connect, spool):
    attachment = moodle.add_file("5/a.txt", b"right", "text/plain") | {"contenthash": "0" * 40}
    moodle.say(REPORT, report_with(attachment))
    async with connect() as connection:
        with pytest.raises(IntegrityError, match=r"'a\.txt' arrived with another content"):
            await connection.fetch_item(ITEM, spool)

    assert len(moodle.file_requests) > 1


async def test_a_students_json_that_looks_like_an_error_is_a_file(moodle, connect, spool):
    content = b'{"error": "mine", "errorcode": "invalidtoken"}'
    moodle.say(REPORT, report_with(moodle.add_file("5/a.json", content, "application/json")))
    async with connect() as connection:
        fetched = await connection.fetch_item(ITEM, spool)

    assert fetched.attachments[0].size_bytes == len(content)


async def test_an_attachment_that_is_gone_says_so(moodle, connect, spool):
    attachment = moodle.add_file("5/a.txt", b"right", "text/plain")
    moodle.files.clear()
    moodle.say(REPORT, report_with(attachment))
    async with connect() as connection:
        with pytest.raises(SourceError, match="does not exist there any more") as caught:
            await connection.fetch_item(ITEM, spool)

    assert caught.value.lms_code == "filenotfound"


async def test_an_attachment_over_the_limit_is_not_fetched(moodle, connect, config, spool):
    moodle.say(REPORT, report_with(moodle.add_file("5/a.txt", b"12345", "text/plain")))
    async with connect(config=replace(config, max_attachment_bytes=4)) as connection:
        with pytest.raises(Exception, match="has 5 bytes, more than the 4 .*raise ARCHIVEWORKER_MAX_ATTACHMENT_BYTES"):
            await connection.fetch_item(ITEM, spool)

    assert moodle.file_requests == []


async def test_an_empty_report_is_not_archived(moodle, connect, spool):
    moodle.say(REPORT, {"status": "OK", "report": " ", "attachments": []})
    async with connect() as connection:
        with pytest.raises(SourceUnavailableError, match="empty report for Attempt 33"):
            await connection.fetch_item(ITEM, spool)


# backups


async def with_backup(moodle: StrictMoodle, connect: Any) -> Any:
    return connect(quiz_request(7, moodle.base_url, task_moodle_backups=[backup(moodle.base_url)]))


async def test_a_backup_is_pending_then_ready_then_streamed(moodle, connect, spool):
    content = bytes(range(256)) * 10_000
    moodle.add_file("50/backup/activity/backup-1.mbz", content, "application/vnd.moodle.backup")
    moodle.say("quiz_archiver_get_backup_status", {"status": "E_BACKUP_PENDING"}, {"status": "SUCCESS"})
    async with await with_backup(moodle, connect) as connection:
        ready = [await connection.backup_is_ready(BACKUP) for _ in range(2)]
        file = await connection.fetch_backup(BACKUP, spool)

    assert ready == [False, True]
    assert file.path == BACKUP.path
    assert file.sha256.hex == hashlib.sha256(content).hexdigest()
    assert (spool.job_folder / file.spooled).read_bytes() == content
    assert file.modified_at.isoformat() == "2026-11-21T01:28:27+00:00"
    assert [method for method, _ in moodle.file_requests] == ["HEAD", "GET"]


@pytest.mark.parametrize("status", ["E_BACKUP_FAILED", "E_BACKUP_NOT_FOUND", "E_ACCESS_DENIED"])
async def test_a_backup_that_failed_is_an_error(moodle, connect, status):
    moodle.say("quiz_archiver_get_backup_status", {"status": status})
    async with await with_backup(moodle, connect) as connection:
        with pytest.raises(SourceError, match=status):
            await connection.backup_is_ready(BACKUP)


async def test_something_else_in_the_place_of_a_backup_is_refused(moodle, connect, spool):
    moodle.add_file("50/backup/activity/backup-1.mbz", b"none", "text/plain")
    async with await with_backup(moodle, connect) as connection:
        with pytest.raises(SourceError, match=r"text/plain instead of application/vnd\.moodle\.backup"):
            await connection.fetch_backup(BACKUP, spool)


async def test_a_web_page_in_the_place_of_a_backup_is_waited_out(moodle, connect, spool):
    moodle.add_file("50/backup/activity/backup-1.mbz", b"<html>", "text/html")
    async with await with_backup(moodle, connect) as connection:
        with pytest.raises(SourceUnavailableError, match="a web page instead of the file that Moodle announced"):
            await connection.fetch_backup(BACKUP, spool)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(text="<html>", content_type="text/html"),
        lambda _: web.json_response({"error": "The site is undergoing maintenance", "errorcode": "sitemaintenance"}),
    ],
)
async def test_a_backup_that_is_there_when_it_is_asked_for_again(moodle, connect, spool, answer):
    """The first HEAD gets something else, and the GET that is to find out why gets the backup."""
    backup = {"body": b"backup", "content_type": "application/vnd.moodle.backup"}
    moodle.file_answers += [answer, lambda _: web.Response(**backup)]
    async with await with_backup(moodle, connect) as connection:
        file = await connection.fetch_backup(BACKUP, spool)
    assert file.sha256.hex == hashlib.sha256(b"backup").hexdigest()
    assert [method for method, _ in moodle.file_requests] == ["HEAD", "GET", "HEAD", "GET"]


async def test_why_a_backup_cannot_be_had_is_found_out(moodle, connect, spool):
    refusal = {"error": "Sorry (Download files from backup areas)", "errorcode": "nopermissions"}
    moodle.file_answers.append(lambda _: web.json_response(refusal))
    async with await with_backup(moodle, connect) as connection:
        with pytest.raises(SourceError, match=r"Sorry \(Download files from backup areas\)"):
            await connection.fetch_backup(BACKUP, spool)


# 10 and the probe


async def test_trap_10_the_probe_takes_a_refusal_for_missing_parameters_as_a_yes(moodle, connect):
    moodle.say(STATUS, {"exception": "invalid_parameter_exception", "errorcode": "invalidparameter", "message": "I"})
    async with connect() as connection:
        await connection.probe()

    assert moodle.calls[0].params == {}


@pytest.mark.parametrize(
    ("errorcode", "error"),
    [("invalidtoken", TokenRefusedError), ("accessexception", TokenRefusedError), ("invalidrecord", SourceError)],
)
async def test_trap_10_the_probe_says_what_is_wrong_with_the_token(moodle, connect, errorcode, error):
    moodle.say(STATUS, {"exception": "m", "errorcode": errorcode, "message": ""})
    async with connect() as connection:
        with pytest.raises(error, match=errorcode):
            await connection.probe()


async def test_the_probe_of_a_moodle_that_is_not_there_fails_at_once(connect, unused_tcp_port_factory):
    body = quiz_request(7, f"http://127.0.0.1:{unused_tcp_port_factory()}")
    async with connect(body) as connection:
        with pytest.raises(SourceUnavailableError, match="no connection could be made"):
            await connection.probe()


# metadata


async def test_metadata_comes_in_batches_of_100_and_keeps_its_rows(moodle, connect, spool):
    def rows(start: int) -> dict[str, Any]:
        listed = [{"attemptid": n, "username": f"u{n}", "grade": None} for n in range(start, start + 100)]
        return {"status": "OK", "attempts": listed}

    body = quiz_request(7, moodle.base_url)
    body["task_archive_quiz_attempts"]["attemptids"] = list(range(1, 251))
    moodle.say("quiz_archiver_get_attempts_metadata", rows(1), rows(101), rows(201))
    async with connect(body) as connection:
        plan = await connection.plan(spool)

    assert [len(call.params) - 4 for call in moodle.calls] == [100, 100, 50]
    assert moodle.calls[2].params["attemptids[49]"] == "250"
    assert plan.items[249].facts == {"attemptid": "250", "username": "u250", "grade": ""}
    assert plan.metadata_columns[9] == "path"
    assert plan.metadata_columns[-1] == "grade"


async def test_metadata_without_ids_is_refused(moodle, connect, spool):
    moodle.say("quiz_archiver_get_attempts_metadata", {"status": "OK", "attempts": [{"userid": 3}]})
    async with connect() as connection:
        with pytest.raises(SourceError, match="without rows that have attemptid"):
            await connection.plan(spool)


async def test_a_job_of_backups_alone_has_no_items(moodle, connect, spool):
    body = quiz_request(
        7, moodle.base_url, task_archive_quiz_attempts=None, task_moodle_backups=[backup(moodle.base_url)]
    )
    async with connect(body) as connection:
        plan = await connection.plan(spool)

    assert plan.items == ()
    assert plan.backups == (BACKUP,)
    assert moodle.calls == []


async def test_a_server_that_answers_before_it_has_read_the_archive_is_understood(moodle, connect, tmp_path):
    size_bytes = 40_000_000
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(size_bytes)
    archive = FinishedArchive(name="large.zip", spooled="large", sha256="ab" * 32, size_bytes=size_bytes)
    moodle.upload_unread.append(lambda: web.Response(status=413, text="Request Entity Too Large"))
    async with connect() as connection:
        with pytest.raises(SourceError, match="client_max_body_size"):
            await connection.upload(Parcel(archive, file))
