"""Whole jobs, without rendering, against the demo LMS, which knows every release of every plugin and is as strict."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from archiveworker.demo import plugin
from archiveworker.demo.contract import PLUGINS, Family, Plugin
from archiveworker.demo.course import generate_course
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.lms import make_app
from archiveworker.demo.state import LmsOptions, LmsState, Row
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import IntegrityError, SourceError, TokenRefusedError
from archiveworker.domain.job import FinishedArchive, JobState, PlannedItem
from archiveworker.domain.ports import Source, SourceConnection
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalSpool
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.conftest import JOB

SOURCES = {
    Family.QUIZ_ARCHIVER: QuizArchiverSource,
    Family.ARCHIVINGMOD_QUIZ: ArchivingmodQuizSource,
    Family.ARCHIVINGMOD_ASSIGN: ArchivingmodAssignSource,
}


class Desk:
    """A demo LMS, and what is needed to work for it."""

    def __init__(self, state: LmsState, config: MoodleConfig, tmp_path: Path) -> None:
        self.state = state
        self.config = config
        self.spool = LocalSpool(tmp_path / "spool")
        self.folder = tmp_path

    def source(self, which: Plugin) -> Source:
        return SOURCES[which.family](self.config)

    def post(self, which: Plugin, **form: object) -> tuple[dict, Row]:
        token = self.state.create_token(which)
        options = plugin.JobOptions(**form)
        request = plugin.build_request(
            self.state.base_url, self.state.course, plugin=which, token=token, options=options
        )
        return request, plugin.adopt(self.state, request)

    def archive(self, size_bytes: int = 60_000) -> Parcel:
        content = bytes(n % 251 for n in range(size_bytes))
        file = self.folder / "packed"
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return Parcel(FinishedArchive("Prüfung #1.tar.gz", "packed", digest, size_bytes), file)

    async def fetch(self, connection: SourceConnection, item: PlannedItem) -> int:
        fetched = await connection.fetch_item(item, self.spool.item(JOB, item.key))
        assert fetched.document.html.lstrip().startswith("<!DOCTYPE html>")
        assert not fetched.document.html.endswith("</body></html></body></html>")
        for file in fetched.attachments:
            content = self.spool.path_of(JOB, file.spooled).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256.hex
        return len(fetched.attachments)


@pytest.fixture
async def desk(tmp_path: Path, config: MoodleConfig) -> AsyncIterator[Desk]:
    options = LmsOptions(row_delay_s=0.1, backup_bytes=50_000)
    state = LmsState(generate_course(seed=3), tmp_path / "lms", options)
    patient = replace(config, retry=RetryPolicy(0.01, 0.05, 2.0), job_row_grace_s=2.0)
    async with TestServer(make_app(state)) as server:
        state.base_url = str(server.make_url("")).rstrip("/")
        yield Desk(state, patient, tmp_path)


async def work(desk: Desk, which: Plugin, **form: object) -> Row:
    """Do a whole job; the worker's first call comes before the job's row is there."""
    posted, row = desk.post(which, **form)
    source = desk.source(which)
    request = source.parse(posted)
    async with source.connect(request, None) as probe:
        await probe.probe()
    plugin.worker_answered(desk.state, row, JOB, source.accepted_status())
    archive = desk.archive()
    async with source.connect(source.resume(request.payload, request.token), JOB) as connection:
        await connection.report(JobState.RUNNING, 0)
        plan = await connection.plan(desk.spool.shared(JOB))
        attachments = [await desk.fetch(connection, item) for item in plan.items[:6]]
        await connection.report(JobState.RUNNING, 100)
        await connection.report(JobState.WAITING_FOR_BACKUP)
        for number, backup in enumerate(plan.backups):
            while not await connection.backup_is_ready(backup):
                pass
            file_on_spool = await connection.fetch_backup(backup, desk.spool.item(JOB, f"backup{number}"))
            assert file_on_spool.size_bytes >= 50_000
        await connection.report(JobState.FINALIZING)
        ticket = await connection.upload(archive)
        assert await connection.confirm(archive, ticket, begun_before=False) is None
        again = await connection.confirm(archive, ticket, begun_before=True)
        assert again is not None
        assert "invalidtoken" in again
    assert len(plan.items) > 5
    if which.api_version >= 4 or which.family is not Family.QUIZ_ARCHIVER:
        assert sum(attachments) > 0
    return row


@pytest.mark.parametrize("which", PLUGINS, ids=lambda which: f"{which.family.value}-{which.release}")
async def test_every_release_of_every_plugin_is_served(desk, which):
    row = await work(desk, which)

    assert row.status in ("FINISHED", 220)
    [delivery] = desk.state.deliveries
    assert delivery.sha256 == desk.archive().archive.sha256
    assert delivery.parts == 1


@pytest.mark.parametrize(
    "which", [plugin.plugin_for("5.x"), plugin.plugin_for("archivingmod_assign")], ids=lambda which: which.family.value
)
async def test_a_plugin_that_takes_parts_gets_parts(desk, which):
    row = await work(desk, which, max_upload_bytes=25_000)

    assert row.status in ("FINISHED", 220)
    assert desk.state.deliveries[0].parts == 3


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROP_CONNECTION,
        FaultKind.HTTP_500,
        FaultKind.HTTP_429,
        FaultKind.HTML,
        FaultKind.MAINTENANCE,
        FaultKind.GARBAGE_AFTER_JSON,
    ],
)
async def test_a_fault_that_passes_does_no_harm(desk, kind):
    for where in ("quiz_archiver_generate_attempt_report", "pluginfile.php", "quiz_archiver_get_attempts_metadata"):
        desk.state.faults.order(Fault(kind, where, times=1, seconds=0.0))
    row = await work(desk, plugin.plugin_for(7))

    assert row.status == "FINISHED"


async def test_an_attachment_announced_wrongly_fails_until_the_item_is_fetched_anew(desk):
    desk.config = replace(desk.config, retry=RetryPolicy(0.01, 0.05, 0.1))
    desk.state.faults.order(Fault(FaultKind.WRONG_SHA1, "quiz_archiver_generate_attempt_report", times=1))
    which = plugin.plugin_for(7)
    posted, row = desk.post(which)
    plugin.worker_answered(desk.state, row, JOB, "AWAITING_PROCESSING")
    source = desk.source(which)
    async with source.connect(source.parse(posted), JOB) as connection:
        plan = await connection.plan(desk.spool.shared(JOB))
        for item in plan.items:
            try:
                await desk.fetch(connection, item)
            except IntegrityError:
                break
        with_files = await desk.fetch(connection, item)

    assert with_files > 0


@pytest.mark.parametrize(
    ("kind", "where", "error", "sentence"),
    [
        (FaultKind.EXPIRED_TOKEN, "*", TokenRefusedError, "start the archiving again"),
        (FaultKind.WEB_SERVICES_DISABLED, "*", SourceError, "switched off"),
        (FaultKind.WRONG_HOST, "*", SourceError, "internal_wwwroot"),
        (FaultKind.UPLOAD_MISSING_PARAM, "upload.php", SourceError, "post_max_size"),
        (FaultKind.UPLOAD_EMPTY_LIST, "upload.php", SourceError, "post_max_size"),
        (FaultKind.UPLOAD_INI_SIZE, "upload.php", SourceError, "upload_max_filesize"),
        (FaultKind.UPLOAD_OVERSIZED, "upload.php", SourceError, "maxbytes"),
        (FaultKind.UPLOAD_NAME_EXISTS, "upload.php", SourceError, "draft area"),
        (FaultKind.UPLOAD_413, "upload.php", SourceError, "client_max_body_size"),
        (FaultKind.STORE_FAILED, "*", SourceError, "moodledata"),
        (FaultKind.CHECKSUM_INVALID, "*", SourceError, "not the one that was sent"),
        (FaultKind.BACKUP_FAILED, "*", SourceError, "the backup failed"),
    ],
)
async def test_a_fault_that_stays_is_explained(desk, kind, where, error, sentence):
    desk.state.faults.order(Fault(kind, where))
    with pytest.raises(error, match=sentence):
        await work(desk, plugin.plugin_for(7))

    assert desk.state.deliveries == []


async def test_a_row_that_never_comes_is_given_up(desk):
    desk.config = replace(desk.config, retry=RetryPolicy(0.01, 0.05, 0.2), job_row_grace_s=0.2)
    desk.state.faults.order(Fault(FaultKind.JOB_ROW_LATE, seconds=60.0))
    with pytest.raises(SourceError, match="the job was deleted there"):
        await work(desk, plugin.plugin_for(7))
