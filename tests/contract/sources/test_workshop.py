"""The workshop source against the demo LMS, without a worker around it: traps, refusals, faults, the way back."""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import TestServer

from archiveworker.demo.course import generate_course
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.lms import make_app
from archiveworker.demo.service import CAPABILITIES, FUNCTIONS, Service
from archiveworker.demo.state import LmsOptions, LmsState
from archiveworker.demo.workshop_job import workshop_request
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import ArchiveWorkerError, IntegrityError, RequestError, SourceError, TokenRefusedError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive, JobState
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.codec import decode
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.peer_review.kinds import AllocationRole, FileStatus, SubmissionKind
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.ports import SourceConnection
from archiveworker.runtime.spool import LocalSpool
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource
from archiveworker.sources.workshop.needs import EXAMPLES, NAMES, READING, UPLOADING

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")
FOLDER = f"/archiveworker/{JOB}/"
ASSESSMENTS = "mod_workshop_get_submission_assessments"
ADD = "core_user_add_user_private_files"


@dataclass
class Desk:
    """A running demo LMS, a spool, and jobs for both."""

    state: LmsState
    folder: Path
    config: MoodleConfig

    def __post_init__(self) -> None:
        self.spool = LocalSpool(self.folder / "spool")

    @asynccontextmanager
    async def job(self, number: int = 1, **form: Any) -> AsyncIterator[SourceConnection]:
        source = WorkshopSource(self.config, ReviewedConfig(("lms", "directory")))
        request = source.parse(workshop_request(self.state, number, **form))
        async with source.connect(source.resume(request.payload, request.token), JOB) as connection:
            yield connection

    async def collect(self, connection: SourceConnection) -> PeerReview:
        shared = self.spool.shared(JOB)
        await connection.plan(shared)
        return decode((shared.folder / "peer_review.json").read_bytes(), PeerReviewFile).peer_review

    async def read(self, number: int = 1, **form: Any) -> PeerReview:
        async with self.job(number, **form) as connection:
            return await self.collect(connection)

    def parcel(self, size_bytes: int = 50_000) -> Parcel:
        file = self.folder / "packed"
        file.write_bytes(bytes(n % 251 for n in range(size_bytes)))
        companions = []
        for suffix in ("sha256", "tsq", "tsr"):
            companions.append(self.folder / f"Prüfung #1.tar.gz.{suffix}")
            companions[-1].write_bytes(suffix.encode())
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return Parcel(FinishedArchive("Prüfung #1.tar.gz", "packed", digest, size_bytes), file, tuple(companions))

    def asked(self, where: str) -> int:
        return len(self.state.journal.of(where))

    def stored(self) -> dict[str, int]:
        return {name: file.size_bytes for (path, name), file in self.state.private_files.items() if path == FOLDER}


@pytest.fixture
async def desk(tmp_path: Path, config: MoodleConfig) -> AsyncIterator[Desk]:
    state = LmsState(generate_course(seed=3), tmp_path / "lms", LmsOptions(user_quota_bytes=200_000))
    async with TestServer(make_app(state)) as server:
        state.base_url = str(server.make_url("")).rstrip("/")
        yield Desk(state, tmp_path, replace(config, call_timeout_s=10.0, retry=replace(config.retry, budget_s=2.0)))


def codes(record: PeerReview) -> set[str]:
    return {finding.code for result in check_all(record) for finding in result.findings}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_everything_is_read_and_nothing_is_written(desk, number):
    record = await desk.read(number)
    workshop = desk.state.workshops[number - 1]

    works = [one for one in record.submissions if one.kind is SubmissionKind.WORK]
    assert {one.id: one.grade.raw for one in works} == {str(one.id): one.grade for one in workshop.works}
    assert {one.id: one.grade.over for one in works} == {str(one.id): one.over for one in workshop.works}
    assert len(record.allocations) == len(workshop.assessments) + len(workshop.practice)
    assert all(one.status is FileStatus.OK and one.sha256 for one in record.files)
    assert not {one.code for result in check_all(record) for one in result.findings if one.severity == "error"}
    asked = {entry.where for entry in desk.state.journal}
    assert asked <= {*READING, *EXAMPLES, *NAMES, "pluginfile.php"}
    assert not any(word in name for name in asked for word in ("view_", "add_", "update_", "delete_", "evaluate_"))


async def test_examples_are_there_with_what_four_people_made_of_them(desk):
    record = await desk.read(2)

    [example] = [one for one in record.submissions if one.kind is SubmissionKind.EXAMPLE]
    assert example.title == "Example: last year's poster"
    assert [one.role for one in record.allocations].count(AllocationRole.EXAMPLE) == 4
    assert "practised" in [answer.text for review in record.reviews for answer in review.answers]


async def test_without_manageactivities_practice_is_left_out_and_the_archive_says_so(desk):
    record = await desk.read(2, service=Service(capabilities=CAPABILITIES - {"manageactivities"}))

    assert all(one.kind is SubmissionKind.WORK for one in record.submissions)
    assert any("moodle/course:manageactivities" in sentence for sentence in record.activity.redactions or ())


async def test_hidden_names_are_findings_and_no_people(desk):
    record = await desk.read(3)

    assert all(one.author_ids == () for one in record.submissions)
    assert all(one.reviewer_id is None for one in record.allocations)
    assert {"identity-hidden", "redacted-at-source"} <= codes(record)


async def test_without_the_list_of_people_they_are_numbers(desk):
    record = await desk.read(1, service=Service(functions=frozenset(FUNCTIONS) - set(NAMES)))

    assert all(person.display is None for person in record.participants)
    assert {author for one in record.submissions for author in one.author_ids} <= {p.id for p in record.participants}
    assert any("People are numbers here" in sentence for sentence in record.activity.redactions or ())


async def test_more_of_people_than_needed_is_not_asked_for(desk):
    await desk.read(1)
    [first, _] = desk.state.journal.of("core_enrol_get_enrolled_users")

    assert first.parameters["options[0][name]"] == "userfields"
    raw = (desk.spool.shared(JOB).folder / "raw" / "core_enrol_get_enrolled_users.jsonl").read_text()
    assert "lastaccess" not in raw


async def test_an_open_workshop_says_so_when_it_is_allowed(desk):
    record = await desk.read(5, options={"allow_open": True})

    assert any("because the job allows it" in sentence for sentence in record.activity.redactions or ())
    assert all(one.grade.raw is None for one in record.submissions)


@pytest.mark.parametrize(
    ("number", "service", "says"),
    [
        (5, None, r"assessment phase.*options\.allow_open"),
        (1, Service(capabilities=CAPABILITIES - {"viewallsubmissions"}), "lacks mod/workshop:viewallsubmissions"),
        (
            1,
            Service(capabilities=frozenset({"manageownfiles"})),
            "mod/workshop:view, .*viewallsubmissions, .*viewallassessments",
        ),
        (4, Service(group_ids=(1,)), "out of all groups of the course"),
        (4, Service(capabilities=CAPABILITIES - {"accessallgroups"}), "give its role moodle/site:accessallgroups"),
        (2, Service(functions=frozenset(FUNCTIONS) - set(EXAMPLES)), "example submissions.*lacks mod_workshop_get_us"),
    ],
)
async def test_what_would_leave_something_out_is_refused_with_a_reason(desk, number, service, says):
    with pytest.raises(SourceError, match=says):
        await desk.read(number, service=service)


async def test_an_account_in_a_group_is_no_matter_where_there_are_no_groups(desk):
    assert (await desk.read(1, service=Service(group_ids=(1,)))).announced.submission_count == 28


@pytest.mark.parametrize("missing", [*READING[1:], *UPLOADING])
async def test_every_missing_function_is_named_before_anything_is_read(desk, missing):
    async with desk.job(service=Service(functions=frozenset(FUNCTIONS) - {missing})) as connection:
        with pytest.raises(TokenRefusedError, match=f"lacks the function {missing}; add it under Site administration"):
            await connection.probe()

    assert desk.asked("mod_workshop_get_submissions") == 0


async def test_functions_for_the_way_back_are_not_wanted_when_the_archive_goes_elsewhere(desk):
    service = Service(functions=frozenset(FUNCTIONS) - set(UPLOADING), may_upload=False)
    async with desk.job(service=service, to=("directory",)) as connection:
        await connection.probe()


@pytest.mark.parametrize(
    ("service", "says"),
    [
        (Service(may_download=False), "Can download files"),
        (Service(may_upload=False), "Can upload files"),
        (Service(capabilities=CAPABILITIES - {"manageownfiles"}), "moodle/user:manageownfiles"),
        (Service(functions=frozenset()), "add the function to the token's external service"),
    ],
)
async def test_what_else_a_token_lacks(desk, service, says):
    async with desk.job(service=service) as connection:
        with pytest.raises(TokenRefusedError, match=says):
            await connection.probe()


@pytest.mark.parametrize(
    ("workshop", "says"),
    [({"cmid": 999}, "workshop.cmid"), ({"workshopid": 99, "courseid": 2}, "no workshop 99 in course 2")],
)
async def test_an_unknown_activity(desk, workshop, says):
    source = WorkshopSource(desk.config)
    request = source.parse({**workshop_request(desk.state), "workshop": workshop})
    async with source.connect(request, JOB) as connection:
        with pytest.raises(SourceError, match=says):
            await desk.collect(connection)


async def test_a_course_that_is_closed_to_the_account_is_said_in_moodles_words(desk):
    source = WorkshopSource(desk.config)
    request = source.parse({**workshop_request(desk.state), "workshop": {"workshopid": 1, "courseid": 77}})
    async with source.connect(request, JOB) as connection:
        with pytest.raises(SourceError, match="No access rights in course context"):
            await desk.collect(connection)


async def test_instance_and_course_do_as_well_as_the_course_module(desk):
    source = WorkshopSource(desk.config)
    request = source.parse({**workshop_request(desk.state), "workshop": {"workshopid": 4, "courseid": 2}})
    async with source.connect(request, JOB) as connection:
        assert (await desk.collect(connection)).activity.title == "Programming task: rubric"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.MAINTENANCE, ASSESSMENTS, times=2, after=3),
        Fault(FaultKind.HTTP_500, "mod_workshop_get_assessment_form_definition", times=2, after=9),
        Fault(FaultKind.HTML, "mod_workshop_get_grades_report", times=1),
        Fault(FaultKind.HTTP_429, "mod_workshop_get_submissions", times=1, seconds=0),
        Fault(FaultKind.GARBAGE_AFTER_JSON, ASSESSMENTS, times=5),
        Fault(FaultKind.DROP_CONNECTION, "pluginfile.php", times=2, after=5),
        Fault(FaultKind.DROP_CONNECTION, "mod_workshop_get_submissions", times=1),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.where}",
)
async def test_what_may_succeed_later_is_asked_again(desk, fault):
    desk.state.faults.order(fault)
    record = await desk.read(1)

    assert desk.state.faults.as_json() == []
    assert (len(record.submissions), len(record.reviews), len(record.files)) == (28, 82, 52)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (FaultKind.EXPIRED_TOKEN, "unknown, deleted or expired"),
        (FaultKind.WEB_SERVICES_DISABLED, "web services or their REST protocol are switched off"),
        (FaultKind.WRONG_HOST, "redirected to"),
        (FaultKind.LOGIN_REDIRECT, "redirected to"),
    ],
)
async def test_what_will_not_succeed_ends_it_with_a_reason(desk, kind, says):
    desk.state.faults.order(Fault(kind, ASSESSMENTS, after=5))
    with pytest.raises(SourceError, match=says):
        await desk.read(1)


async def test_after_an_interruption_nothing_is_asked_twice(desk):
    desk.state.faults.order(Fault(FaultKind.EXPIRED_TOKEN, ASSESSMENTS, times=1, after=20))
    with pytest.raises(TokenRefusedError):
        await desk.read(1)
    answered = sum(entry.fault == "" for entry in desk.state.journal.of(ASSESSMENTS))
    desk.state.journal.clear()
    await desk.read(1)

    assert desk.asked("mod_workshop_get_submissions") == 0
    # What was on its way to the three other askers when the token went is asked for again.
    assert 28 - answered <= desk.asked(ASSESSMENTS) <= 28 - answered + 3


async def test_a_file_that_is_gone_is_a_finding(desk):
    desk.state.faults.order(Fault(FaultKind.FILE_GONE, "pluginfile.php", times=1, after=7))
    record = await desk.read(1)

    assert [one.status for one in record.files].count(FileStatus.MISSING) == 1
    assert "file-missing" in codes(record)


async def test_a_file_that_is_not_what_its_etag_says_is_fetched_again(desk):
    desk.state.faults.order(Fault(FaultKind.WRONG_SHA1, "pluginfile.php", times=1))
    await desk.read(1)

    assert desk.asked("pluginfile.php") == 53


async def test_a_file_that_stays_wrong_ends_the_job(desk):
    desk.config = replace(desk.config, retry=replace(desk.config.retry, budget_s=0.05))
    desk.state.faults.order(Fault(FaultKind.WRONG_SHA1, "pluginfile.php", after=3))
    with pytest.raises(IntegrityError, match="arrived with another content than Moodle announced"):
        await desk.read(1)


async def test_archive_and_evidence_stand_in_a_folder_of_the_job(desk):
    parcel = desk.parcel()
    async with desk.job() as connection:
        ticket = await connection.upload(parcel)
        assert await connection.confirm(parcel, ticket, begun_before=False) is None

    sizes = {"Prüfung #1.tar.gz": 50_000, "Prüfung #1.tar.gz.sha256": 6}
    assert desk.stored() == {**sizes, "Prüfung #1.tar.gz.tsq": 3, "Prüfung #1.tar.gz.tsr": 3}
    stored = desk.state.private_files[FOLDER, "Prüfung #1.tar.gz"]
    assert stored.sha256 == parcel.archive.sha256


async def test_a_repetition_is_no_second_copy(desk):
    parcel = desk.parcel()
    async with desk.job() as connection:
        ticket = await connection.upload(parcel)
        await connection.confirm(parcel, ticket, begun_before=False)
        assert await connection.confirm(parcel, ticket, begun_before=True) is None
        assert desk.asked(ADD) == 1
        # The step before was repeated too: another draft area, the same files.
        again = await connection.upload(parcel)
        assert again["itemid"] != ticket["itemid"]
        await connection.confirm(parcel, again, begun_before=False)

    assert len(desk.stored()) == 4
    assert len(desk.state.private_files) == 4


async def test_a_confirmation_whose_answer_was_lost_counts_when_everything_is_there(desk):
    parcel = desk.parcel()
    async with desk.job() as connection:
        ticket = await connection.upload(parcel)
        desk.state.faults.order(Fault(FaultKind.DROP_CONNECTION, ADD, times=1))
        assert await connection.confirm(parcel, ticket, begun_before=False) is None

    assert len(desk.stored()) == 4


async def test_a_quota_that_is_used_up_is_noticed_though_moodle_does_not_say(desk):
    parcel = desk.parcel(120_000)
    async with desk.job() as connection:
        await connection.confirm(parcel, await connection.upload(parcel), begun_before=False)
    other = JobId("6f9619ff-8b86-4011-b42d-00c04fc96400")
    source = WorkshopSource(desk.config)
    request = source.parse(workshop_request(desk.state))
    async with source.connect(request, other) as connection:
        ticket = await connection.upload(parcel)
        with pytest.raises(SourceError, match="did not store Prüfung #1.tar.gz.*userquota.*ignoreuserquota"):
            await connection.confirm(parcel, ticket, begun_before=False)


async def test_an_archive_above_the_quota_is_not_sent(desk):
    async with desk.job() as connection:
        with pytest.raises(SourceError, match="more than the quota of 200000 .*or name another target"):
            await connection.upload(desk.parcel(200_001))

    assert desk.asked("upload.php") == 0


async def test_an_archive_above_the_sites_limit_is_not_sent(desk):
    desk.state.options = replace(desk.state.options, max_upload_bytes=40_000)
    async with desk.job() as connection:
        with pytest.raises(SourceError, match="more than the 40000 that Moodle takes in one upload; raise maxbytes"):
            await connection.upload(desk.parcel())

    assert desk.asked("upload.php") == 0


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (FaultKind.UPLOAD_MISSING_PARAM, "post_max_size"),
        (FaultKind.UPLOAD_INI_SIZE, "upload_max_filesize"),
        (FaultKind.UPLOAD_OVERSIZED, "maxbytes"),
        (FaultKind.UPLOAD_413, "client_max_body_size"),
    ],
)
async def test_a_refused_upload_names_the_setting(desk, kind, says):
    desk.state.faults.order(Fault(kind, "upload.php"))
    async with desk.job() as connection:
        with pytest.raises(SourceError, match=says):
            await connection.upload(desk.parcel())


async def test_there_is_nobody_to_report_to(desk):
    async with desk.job() as connection:
        await connection.report(JobState.FINISHED)

    assert len(desk.state.journal) == 0


async def test_the_token_is_nowhere(desk, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "aiohttp.access")  # the demo's own, with the addresses that it was asked for
    shown: list[str] = []
    with structlog.testing.capture_logs() as events:
        for kind in (FaultKind.WRONG_HOST, FaultKind.EXPIRED_TOKEN, FaultKind.HTML, FaultKind.DROP_CONNECTION):
            desk.state.faults.order(Fault(kind, "*"))
            async with desk.job() as connection:
                shown.append(repr(connection) + repr(vars(connection)))
                for call in (connection.probe(), desk.collect(connection), connection.upload(desk.parcel())):
                    try:
                        await call
                    except ArchiveWorkerError as exc:
                        shown.append(f"{exc} {exc!r} {exc.__cause__!r} {exc.__context__!r}")
            desk.state.faults.clear()
        await desk.read(1)
    everything = "\n".join([*shown, repr(events), caplog.text])
    files = b"".join(file.read_bytes() for file in desk.folder.rglob("spool/**/*") if file.is_file())

    assert len(shown) >= 12
    for token in desk.state.services:
        assert token not in everything
        assert token.encode() not in files
    assert b"userprivateaccesskey" not in files


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lms": {"base_url": "http://m.test", "token": ["x"]}}, "lms.token must be a token"),
        ({"lms": {"base_url": "ftp://m.test", "token": "x"}}, "lms.base_url is not an address"),
        ({"lms": {"base_url": "http://m.test?x=1", "token": "x"}}, "lms.base_url is not an address"),
        ({"lms": None}, "lms must be an object"),
        ({"workshop": {}}, "workshop.cmid is missing; it must be given, or workshopid and courseid"),
        ({"workshop": {"workshopid": 1}}, "workshop.courseid is missing"),
        ({"workshop": {"cmid": "eleven"}}, "workshop.cmid must be a whole number"),
        ({"workshop": [1]}, "workshop must be an object"),
        ({"options": {"pseudonym": True}}, "options.pseudonym is not known"),
        ({"delivery": {"to": ["ftp"]}}, "delivery.to names a target that this worker does not have"),
        ({"api_version": 2}, "api_version 2 is not known"),
        ({"quizid": 3}, "quizid is not known here"),
    ],
)
def test_a_wrong_request_names_its_field(config, change, says):
    body = {
        **{"api_version": 1, "lms": {"base_url": "http://m.test/moodle/", "token": "x" * 32}},
        **{"workshop": {"cmid": 3}, "delivery": {"to": ["lms"]}},
    }
    source = WorkshopSource(config, ReviewedConfig(("lms", "directory")))
    assert source.parse(body).lms_base_url == "http://m.test/moodle"

    with pytest.raises(RequestError, match=says) as caught:
        source.parse({**body, **change})
    assert "x" * 32 not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_stored_job_is_read_again_with_its_token_apart(config):
    source = WorkshopSource(config, ReviewedConfig(("lms", "directory")))
    body = {"api_version": 1, "lms": {"base_url": "http://m.test", "token": "secret1"}, "workshop": {"cmid": 3}}
    request = source.parse({**body, "delivery": {"to": ["directory", "lms"]}})

    assert "secret1" not in repr(request)
    assert "secret1" not in repr(request.payload)
    assert request.targets == ("directory", "lms")
    assert source.resume(request.payload, request.token) == request
    assert source.parse(body).targets == ("lms",)
