"""The command line as a user meets it: real processes, what they print, their exit status, and never a traceback."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from archiveworker.demo import plugin
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess, free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.openssl]

COMMANDS = ["", "serve", "demo", "submit", "jobs", "jobs list", "jobs show", "jobs retry", "jobs cancel", "verify",
            "evidence", "evidence extract", "evidence renew", "evidence due", "render", "doctor"]  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    prefixes = ("ARCHIVEWORKER_", "QUIZ_ARCHIVER_", "MOODLE_ARCHIVER_")
    return {**{k: v for k, v in os.environ.items() if not k.startswith(prefixes)}, **settings}


async def _start(*args: str | Path, stdin: int | None = None, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "archiveworker", *map(str, args), env=_environment(settings),
        stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process, typed: bytes | None = None) -> Said:
    async with asyncio.timeout(60):
        out, err = await process.communicate(typed)
    assert process.returncode is not None
    said = Said(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in said.out + said.err, said
    return said


async def aw(*args: str | Path, **settings: str) -> Said:
    """Run a command to its end."""
    return await _end(await _start(*args, **settings))


def _is_one_line(said: Said, code: int, *parts: str) -> None:
    """Check that a command failed with one sentence."""
    assert said.code == code, said
    assert said.err.count("\n") == 1, said
    assert said.err.startswith("archiveworker "), said
    for part in parts:
        assert part in said.err, said


def _adopt(lms: DemoServer, request: Mapping[str, Any], job_id: str) -> None:
    """Make the LMS know a job that it did not post itself."""
    plugin.worker_answered(lms.state, plugin.adopt(lms.state, request), job_id, "AWAITING_PROCESSING")


async def _followed(
    process: asyncio.subprocess.Process, lms: DemoServer, request: Mapping[str, Any]
) -> tuple[str, Said]:
    """Read the id that ``submit`` prints first, tell the LMS, and wait for the end."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        job_id = (await process.stdout.readline()).decode().strip()
    assert re.fullmatch(r"[0-9a-f-]{36}", job_id), job_id
    _adopt(lms, request, job_id)
    return job_id, await _end(process)


@pytest.fixture
def small(lms: DemoServer) -> dict[str, Any]:
    """A request for one attempt, without backups."""
    ids = [lms.course.attempts[0].attemptid]
    return lms.request(7, itemids=ids, backups=False, keep_html_files=False, archive_filename="klein – ü")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def archive(lms: DemoServer, worker: WorkerProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished archive with its time-stamp beside it."""
    ids = [lms.course.attempts[0].attemptid]
    view, delivered = await finished(lms, worker, lms.request(7, itemids=ids, backups=False, archive_filename="exam"))
    target = tmp_path_factory.mktemp("archive") / view["archive"]["name"]
    shutil.copy(delivered, target)
    shutil.copy(worker.data / "jobs" / view["id"] / "evidence" / f"{target.name}.tsr", target.parent)
    return target


# --- help and settings ------------------------------------------------------------------------------------------------


async def test_help() -> None:
    texts = await asyncio.gather(*(aw(*command.split(), "--help") for command in COMMANDS))
    for command, said in zip(COMMANDS, texts, strict=True):
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith(f"usage: archiveworker {command}".rstrip())
        assert "None" not in said.out


async def test_no_command_and_an_unknown_one() -> None:
    for args in ([], ["nonsense"], ["jobs", "nonsense"]):
        said = await aw(*args)
        assert said.code == 64
        assert said.err.startswith("usage: archiveworker")


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"ARCHIVEWORKER_PROT": "1"}, ["ARCHIVEWORKER_PROT is not a setting", "did you mean ARCHIVEWORKER_PORT?"]),
        ({"ARCHIVEWORKER_PORT": "many"}, ["ARCHIVEWORKER_PORT must be a whole number, got 'many'"]),
        ({"ARCHIVEWORKER_TSA_TIMEOUT_S": "0"}, ["ARCHIVEWORKER_TSA_TIMEOUT_S must be at least 0.1"]),
        ({"ARCHIVEWORKER_ADMIN_TOKEN_FILE": "/nowhere/token"}, ["ARCHIVEWORKER_ADMIN_TOKEN_FILE", "/nowhere/token"]),
        ({"ARCHIVEWORKER_SECRET_KEY": "hush"}, ["ARCHIVEWORKER_SECRET_KEY does not hold a sealing key"]),
    ],
    ids=["unknown", "not a number", "out of range", "file that is not there", "no key"],
)
async def test_serve_names_a_wrong_setting(settings: dict[str, str], parts: list[str], tmp_path: Path) -> None:
    said = await aw("serve", "--data-dir", tmp_path, **settings)
    _is_one_line(said, 78, *parts)
    assert "hush" not in said.err


async def test_serve_refuses_a_second_worker_on_the_same_folder(worker: WorkerProcess) -> None:
    said = await aw("serve", "--port", "0", "--data-dir", worker.data)
    _is_one_line(said, 78, f"another worker uses {worker.data}")


async def test_serve_refuses_a_taken_port(worker: WorkerProcess, tmp_path: Path) -> None:
    said = await aw("serve", "--host", "127.0.0.1", "--port", str(worker.port), "--data-dir", tmp_path)
    assert said.code == 78
    last = said.err.splitlines()[-1]
    assert last.startswith(
        f"archiveworker serve: cannot listen on 127.0.0.1 port {worker.port} (Address already in use)"
    )


async def test_serve_says_what_is_wrong_with_its_folder_and_browser(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    _is_one_line(await aw("serve", "--port", "0", "--data-dir", file / "x"), 78, f"{file}/x cannot be written")
    said = await aw("serve", "--port", "0", "--data-dir", tmp_path, ARCHIVEWORKER_CHROMIUM="/nowhere/chromium")
    _is_one_line(said, 69, "/nowhere/chromium")
    (tmp_path / "archiveworker.sqlite").write_text("this is not a database, whatever it is called" * 20)
    said = await aw("serve", "--port", "0", "--data-dir", tmp_path)
    _is_one_line(said, 78, f"the database in {tmp_path} cannot be used")


# --- submit -----------------------------------------------------------------------------------------------------------


async def test_submit_from_a_file_is_followed_to_its_end(
    lms: DemoServer, worker: WorkerProcess, small: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(small))
    job_id, said = await _followed(await _start("submit", file, "--worker", worker.url), lms, small)
    assert said.code == 0, said
    lines = said.err.splitlines()
    assert lines[-2] == "[############################] 100 %  1/1  FINISHED"
    assert re.fullmatch(r"klein – ü\.tar\.gz \([0-9.]+ [KM]iB, sha256 [0-9a-f]{64}\)", lines[-1]), lines[-1]
    assert [d.jobid for d in lms.deliveries].count(job_id) == 1
    assert small["wstoken"] not in said.err + said.out


async def test_submit_from_standard_input_without_following(
    lms: DemoServer, worker: WorkerProcess, small: dict[str, Any]
) -> None:
    process = await _start("submit", "-", "--no-follow", "--worker", worker.url, stdin=asyncio.subprocess.PIPE)
    said = await _end(process, json.dumps(small).encode())
    assert (said.code, said.err) == (0, "")
    _adopt(lms, small, said.out.strip())
    assert (await worker.ended(said.out.strip()))["state"] == "FINISHED"


async def test_submit_from_flags(lms: DemoServer, worker: WorkerProcess, small: dict[str, Any], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(small["wstoken"] + "\n")
    course, attempt = lms.course, lms.course.attempts[0].attemptid
    flags = ["--moodle", f"{lms.base_url}/", "--token-file", token, "--course", str(course.courseid), "--name", "flags",
             "--cm", str(course.cmid), "--quiz", str(course.quizid), "--attempts", str(attempt)]  # fmt: skip
    job_id, said = await _followed(await _start("submit", *flags, "--worker", worker.url), lms, small)
    assert said.code == 0, said
    assert said.err.splitlines()[-1].startswith("flags.tar.gz (")
    assert (await worker.job(job_id))["items"][0]["item"] == f"attempt-{attempt}"


async def test_submit_says_what_is_wrong_with_its_input(worker: WorkerProcess, tmp_path: Path) -> None:
    for name, text, part in (
        ("broken.json", "{", "broken.json is not JSON"),
        ("list.json", "[1]", "list.json must hold a JSON object"),
        ("empty.json", "{}", "api_version is missing; it must be a whole number, 1 to 7"),
    ):
        (tmp_path / name).write_text(text)
        _is_one_line(await aw("submit", tmp_path / name, "--worker", worker.url), 65, part)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    _is_one_line(await aw("submit", tmp_path / "binary.json"), 65, "binary.json is not JSON")
    _is_one_line(await aw("submit", tmp_path / "none.json"), 65, "none.json cannot be read: No such file or directory")
    _is_one_line(await aw("submit", tmp_path), 65, "cannot be read: Is a directory")
    _is_one_line(await aw("submit"), 65, "missing: --moodle, --course, --cm, --quiz, --attempts")
    said = await aw("submit", tmp_path / "empty.json", "--source", "../jobs", "--worker", worker.url)
    _is_one_line(said, 65, "the worker has no /archive/../jobs")


async def test_submit_says_what_is_wrong_with_the_token(lms: DemoServer, worker: WorkerProcess, tmp_path: Path) -> None:
    flags = ["--moodle", lms.base_url, "--course", "2", "--cm", "5", "--quiz", "3", "--attempts"]
    _is_one_line(await aw("submit", *flags, "1"), 65, "the token is missing: give --token-file")
    _is_one_line(await aw("submit", *flags, "1", "--token-file", tmp_path / "none"), 65, "none cannot be read")
    (tmp_path / "empty").touch()
    _is_one_line(await aw("submit", *flags, "1", "--token-file", tmp_path / "empty"), 65, "is empty")
    said = await aw("submit", *flags, "one", ARCHIVEWORKER_SUBMIT_TOKEN="x" * 32)
    _is_one_line(said, 65, "--attempts must be whole numbers with commas between, got 'one'")
    wrong = "0123456789abcdef0123456789abcdef"
    said = await aw("submit", *flags, "1", "--worker", worker.url, ARCHIVEWORKER_SUBMIT_TOKEN=wrong)
    _is_one_line(said, 65, "the token is unknown, deleted or expired")
    assert wrong not in said.err


async def test_no_worker_and_something_else_than_a_worker(lms: DemoServer, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text("{}")
    nobody = f"http://127.0.0.1:{free_port()}"
    for args in (["submit", job], ["jobs", "list"]):
        _is_one_line(await aw(*args, "--worker", nobody), 69, f"no worker answers at {nobody} (Connection refused)")
    _is_one_line(await aw("jobs", "list", "--worker", lms.base_url), 66, "is not an archiveworker")
    _is_one_line(await aw("jobs", "list", "--worker", "localhost:8080"), 65, "--worker must be an address such as http")


# --- jobs -------------------------------------------------------------------------------------------------------------


async def test_jobs_list_and_show(lms: DemoServer, worker: WorkerProcess, small: dict[str, Any]) -> None:
    view, _ = await finished(lms, worker, small)
    said = await aw("jobs", "list", "--worker", worker.url)
    header, first, *_ = said.out.splitlines()
    assert header.split("  ")[0] == "ID"
    assert first.split()[:2] == [view["id"], "FINISHED"]
    assert first.endswith("klein – ü.tar.gz")
    listed = json.loads((await aw("jobs", "list", "--limit", "1", "--json", "--worker", worker.url)).out)
    assert [job["id"] for job in listed["jobs"]] == [view["id"]]
    said = await aw("jobs", "show", view["id"], "--worker", worker.url)
    rows = dict(line.split(None, 1) for line in said.out.splitlines() if not line.startswith(" "))
    assert rows["State:"] == "FINISHED"
    assert rows["Items:"] == "1 of 1 done"
    assert rows["Archive:"].endswith(f"sha256 {view['archive']['sha256']})")
    assert f"{view['archive']['name']}.tsr" in said.out
    assert json.loads((await aw("jobs", "show", view["id"], "--json", "--worker", worker.url)).out) == view


async def test_jobs_says_what_cannot_be_done(lms: DemoServer, worker: WorkerProcess, small: dict[str, Any]) -> None:
    view, _ = await finished(lms, worker, small)
    at = ["--worker", worker.url]
    for action, job_id in (
        ("show", "00000000-0000-4000-8000-000000000000"), ("retry", "../version"), ("cancel", "ü ?#"),
    ):  # fmt: skip
        _is_one_line(await aw("jobs", action, job_id, *at), 66, "was not found")
    _is_one_line(await aw("jobs", "cancel", view["id"], *at), 65, "The job is FINISHED and cannot be cancelled.")
    _is_one_line(await aw("jobs", "retry", view["id"], *at), 65, "The job is FINISHED; only one that FAILED")
    _is_one_line(await aw("jobs", "list", "--limit", "0", *at), 65, "limit must be 1..500.")


async def test_a_failed_job_and_its_retry(
    lms: DemoServer, worker: WorkerProcess, small: dict[str, Any], tmp_path: Path
) -> None:
    """Moodle was not told that the job has failed, so its token is still good; the worker has erased its copy."""
    bad = lms.course.attempts[1].attemptid
    small["task_archive_quiz_attempts"]["attemptids"].append(bad)
    lms.faults.order(Fault(FaultKind.BLANK_PAGE, attemptid=bad))
    lms.faults.order(Fault(FaultKind.SLOW, where="quiz_archiver_generate_attempt_report", attemptid=bad, seconds=1))
    try:
        _, answer = await lms.submit(worker.url, small)
        job_id = answer["jobid"]
        row = next(row for row in lms.state.rows if row.jobid == job_id)
        async with asyncio.timeout(30):
            while "RUNNING" not in [status for status, _ in row.statuses]:
                await asyncio.sleep(0.01)
        lms.faults.order(Fault(FaultKind.WEB_SERVICES_DISABLED, where="quiz_archiver_update_job_status"))
        assert (await worker.ended(job_id))["state"] == "FAILED"
    finally:
        lms.faults.clear()
    shown = await aw("jobs", "show", job_id, "--worker", worker.url)
    assert re.search(rf"^Failed: +attempt-{bad}: the page is blank", shown.out, re.M), shown.out
    assert re.search(r"^Warning: +job: The LMS could not be told", shown.out, re.M), shown.out
    _is_one_line(await aw("jobs", "retry", job_id, "--worker", worker.url), 65, "The job's token was erased")
    token = tmp_path / "token"
    token.write_text(small["wstoken"])
    said = await aw("jobs", "retry", job_id, "--token-file", token, "--worker", worker.url)
    assert (said.code, said.out) == (0, f"{job_id} runs again.\n"), said
    assert "2/2  FINISHED" in said.err
    assert [d.jobid for d in lms.deliveries].count(job_id) == 1
    rendered = [e["item"] for e in worker.log_events() if e["event"] == "item_archived" and e["job_id"] == job_id]
    assert sorted(rendered) == sorted(set(rendered)), "what was finished is not made again"


async def test_a_job_that_ends_without_an_archive_is_exit_1(
    lms: DemoServer, worker: WorkerProcess, small: dict[str, Any], tmp_path: Path
) -> None:
    job = tmp_path / "job.json"
    job.write_text(json.dumps(small))
    lms.faults.order(Fault(FaultKind.BLANK_PAGE))
    try:
        _, said = await _followed(await _start("submit", job, "--worker", worker.url), lms, small)
    finally:
        lms.faults.clear()
    assert said.code == 1, said
    assert re.match(r"FAILED: 1 of 1 items could not be archived\. attempt-\d+: the page is", said.err.splitlines()[-1])


async def test_cancel_a_running_job(lms: DemoServer, worker: WorkerProcess, small: dict[str, Any]) -> None:
    lms.faults.order(Fault(FaultKind.SLOW, where="quiz_archiver_generate_attempt_report", seconds=20))
    try:
        status, answer = await lms.submit(worker.url, small)
        assert status == 200
        said = await aw("jobs", "cancel", answer["jobid"], "--worker", worker.url)
    finally:
        lms.faults.clear()
    assert (said.code, said.out, said.err) == (0, f"{answer['jobid']} is cancelled.\n", "")
    assert (await worker.ended(answer["jobid"]))["state"] == "CANCELLED"
    shown = await aw("jobs", "list", "--limit", "1", "--worker", worker.url)
    assert "The job was cancelled by an administrator." in shown.out


async def test_following_outlives_a_restart_of_the_worker(
    lms: DemoServer, small: dict[str, Any], tmp_path: Path
) -> None:
    admin = tmp_path / "admin"
    admin.write_text("open-sesame\n")
    process = WorkerProcess(tmp_path / "worker", {"ADMIN_TOKEN_FILE": str(admin)})
    await process.start()
    try:
        job = tmp_path / "job.json"
        job.write_text(json.dumps(small))
        denied = await aw("jobs", "list", "--worker", process.url)
        _is_one_line(denied, 77, "The bearer token is missing or wrong")
        wrong = await aw("jobs", "list", "--worker", process.url, ARCHIVEWORKER_ADMIN_TOKEN="wrong")
        _is_one_line(wrong, 77, "The bearer token is missing or wrong")
        lms.faults.order(Fault(FaultKind.SLOW, where="quiz_archiver_generate_attempt_report", seconds=2, times=1))
        submit = await _start("submit", job, "--worker", process.url, ARCHIVEWORKER_ADMIN_TOKEN_FILE=str(admin))
        assert submit.stdout is not None
        job_id = (await submit.stdout.readline()).decode().strip()
        _adopt(lms, small, job_id)
        assert submit.stderr is not None
        seen = await submit.stderr.readline()
        await process.kill()
        while b"waiting for it" not in seen:
            seen = await submit.stderr.readline()
            assert seen, "submit has ended"
        await process.start()
        said = await _end(submit)
    finally:
        lms.faults.clear()
        await process.stop()
    assert said.code == 0, said
    assert "FINISHED" in said.err


# --- doctor -----------------------------------------------------------------------------------------------------------


def _findings(said: Said) -> dict[str, str]:
    """Return the doctor's verdicts by what they are about; the last one where there are several."""
    return {line[6:].split(":")[0]: line[:4].strip() for line in said.out.splitlines()[:-1]}


async def test_doctor_finds_nothing(lms: DemoServer, worker: WorkerProcess, tmp_path: Path) -> None:
    token = lms.state.create_token(plugin.plugin_for(7))
    said = await aw(
        "doctor", "--moodle", lms.base_url, "--try-upload-mib", "1",
        ARCHIVEWORKER_DATA_DIR=str(tmp_path / "data"), ARCHIVEWORKER_TSA_URLS=lms.tsa_url,
        ARCHIVEWORKER_TSA_CA=str(lms.authority.root_pem), ARCHIVEWORKER_SUBMIT_TOKEN=token,
        ARCHIVEWORKER_HOST="127.0.0.1", ARCHIVEWORKER_PORT=str(worker.port),
        ARCHIVEWORKER_SECRET_KEY=Fernet.generate_key().decode(),
    )  # fmt: skip
    assert (said.code, said.err) == (0, ""), said
    assert set(_findings(said).values()) == {"ok"}, said.out
    assert said.out.splitlines()[-1] == "Everything is in order."
    assert "takes the token and an upload of 1 MiB" in said.out
    assert "trust: configured" in said.out
    assert f"serves at 127.0.0.1 port {worker.port}" in said.out
    assert not (tmp_path / "data").exists(), "the doctor only looks"
    assert token not in said.out


async def test_doctor_finds_everything(lms: DemoServer, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    wrong = "0123456789abcdef0123456789abcdef"
    said = await aw(
        "doctor", "--moodle", lms.base_url,
        ARCHIVEWORKER_DATA_DIR=str(file / "data"), ARCHIVEWORKER_CHROMIUM="/nowhere/chromium",
        ARCHIVEWORKER_TSA_URLS=f"http://127.0.0.1:{free_port()}/", ARCHIVEWORKER_SUBMIT_TOKEN=wrong,
        ARCHIVEWORKER_HOST="127.0.0.1", ARCHIVEWORKER_PORT=lms.base_url.rsplit(":")[-1],
        ARCHIVEWORKER_SECRET_KEY="hush",
    )  # fmt: skip
    assert (said.code, said.err) == (1, ""), said
    found = _findings(said)
    bad = {about for about, verdict in found.items() if verdict == "BAD"}
    assert bad == {"data folder", "keys", "address", "Chromium", "rendering", "time-stamps", "Moodle"}, said.out
    assert said.out.splitlines()[-1] == "7 problems found."
    for part in ("set ARCHIVEWORKER_DATA_DIR", "/nowhere/chromium", "taken by another program", "token is unknown"):
        assert part in said.out
    assert wrong not in said.out
    assert "hush" not in said.out


async def test_doctor_names_a_wrong_setting() -> None:
    said = await aw("doctor", ARCHIVEWORKER_TSA_URL="http://tsa.example.org")
    assert said.code == 1
    assert "did you mean ARCHIVEWORKER_TSA_URLS?" in said.out


# --- verify, render, demo ---------------------------------------------------------------------------------------------


async def test_verify_good_bad_and_could_not_tell(archive: Path, lms: DemoServer, tmp_path: Path) -> None:
    ca = ["--ca", lms.authority.root_pem]
    good = await aw("verify", archive, *ca)
    assert (good.code, good.out.splitlines()[-1].split(":")[0]) == (0, "GOOD"), good
    assert "archive timestamp" in good.out
    unknown = await aw("verify", archive)
    assert (unknown.code, unknown.out.splitlines()[-1].split(":")[0]) == (2, "UNKNOWN"), unknown
    changed = bytearray(archive.read_bytes())
    changed[len(changed) // 3] ^= 1
    damaged = tmp_path / archive.name
    damaged.write_bytes(changed)
    bad = await aw("verify", damaged, "--json", *ca)
    assert (bad.code, json.loads(bad.out)["verdict"]) == (1, "bad"), bad
    _is_one_line(await aw("verify", tmp_path / "none"), 66, "there is no archive")
    _is_one_line(await aw("verify", archive, "--ca", tmp_path / "none"), 66, "none")


async def test_render(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><html lang=en><title>t</title><p>text</p></html>")
    said = await aw("render", page, "--out", tmp_path)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[-1] == "1 page(s), 0 warning(s)"
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    _is_one_line(await aw("render", page, "--out", page), 78, "page.html cannot be written")
    _is_one_line(await aw("render", page, "--chromium", "/nowhere/chromium"), 69, "/nowhere/chromium")
    _is_one_line(await aw("render", tmp_path / "none.html"), 66, "none.html cannot be read")


async def test_demo_spares_what_is_not_its_own(tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.touch()
    for said, code, part in zip(
        await asyncio.gather(
            aw("demo", "--output", tmp_path),
            aw("demo", "--output", file),
            aw("demo", "--attempts", "0", "--output", tmp_path / "x"),
            aw("demo", "--plugin", "9", "--output", tmp_path / "x"),
        ),
        (78, 78, 65, 65),
        ("is not empty and not of an earlier demo", "cannot be written", "must be at least 1", "must be 1 to 7, 5.x"),
        strict=True,
    ):
        _is_one_line(said, code, part)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


async def test_demo_into_the_folder_of_an_earlier_one(tmp_path: Path) -> None:
    output = tmp_path / "demo output"
    output.mkdir()
    for name in (".archiveworker-demo", "old.tar.gz"):
        (output / name).touch()
    said = await aw("demo", "--attempts", "1", "--output", output, "--zip")
    assert said.code == 0, said
    assert said.out.count("Verification: OK") == 4 * 5, "a quiz, three peer reviews, a course of proctored exams"
    assert said.out.splitlines()[-1].startswith("Demo finished: 1 attempts, ")
    assert [p.suffix for p in output.iterdir() if p.suffix in (".gz", ".zip")] == [".zip"], "the old one is gone"


async def test_a_closed_pipe_and_a_terminal_without_unicode(worker: WorkerProcess) -> None:
    script = f"{sys.executable} -m archiveworker jobs list --worker {worker.url} | true; echo ${{PIPESTATUS[0]}}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, env=_environment({}), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert await _end(process) == Said(0, "141\n", "")
    said = await aw("jobs", "list", "--worker", worker.url, PYTHONIOENCODING="ascii")
    assert said.code == 0


# --- evidence ---------------------------------------------------------------------------------------------------------


async def test_evidence_is_handed_out_renewed_and_watched(archive: Path, lms: DemoServer, tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    mine = Path(shutil.copy(archive, folder))
    ca = lms.authority.root_pem
    said = await aw("evidence", "due", folder, "--within", "1d")
    assert said == Said(0, "", ""), "nothing to say, nothing said"
    said = await aw("evidence", "due", folder, "--within", "99y", "--json")
    assert said.code == 1
    (before,) = json.loads(said.out)["archives"]
    assert (before["due"], before["digest_algorithm"]) == (True, "sha256")
    settings = {"ARCHIVEWORKER_TSA_URLS": lms.tsa_url, "ARCHIVEWORKER_TSA_CA": str(ca)}
    said = await aw("evidence", "renew", mine, "--hash", "sha512", **settings)
    assert said.code == 0, said
    assert f"{mine}: new hash tree and time-stamp of " in said.out
    said = await aw("evidence", "due", folder, "--digest-ends", "sha256=2020-01-01", "--within", "1d")
    assert said.code == 0, "it is sha512 now"
    said = await aw("evidence", "due", folder, "--digest-ends", "sha512=2020-01-01")
    assert said.out == f"{mine}: renew before 2020-01-01: sha512 is no longer relied on\n"
    assert (await aw("verify", mine, "--ca", ca)).code == 0
    out = tmp_path / "proof.zip"
    said = await aw("evidence", "extract", mine, "index.html", "-o", out)
    assert said.code == 0, said
    assert "warning: index.html is about everybody" in said.err
    said = await aw("verify", out, "--ca", ca)
    assert (said.code, "renewals: 1, the last" in said.out) == (0, True), said
    damaged = out.read_bytes()
    out.write_bytes(damaged[:200] + bytes([damaged[200] ^ 1]) + damaged[201:])
    assert (await aw("verify", out, "--ca", ca)).code == 1


async def test_evidence_says_in_one_line_what_is_wrong(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "proof.zip"
    _is_one_line(await aw("evidence", "extract", archive, "nothing.pdf", "-o", out), 66, "no file or folder")
    _is_one_line(await aw("evidence", "extract", archive, "--person", "nobody", "-o", out), 66, "nobody in the archive")
    _is_one_line(await aw("evidence", "extract", tmp_path / "no.zip", "x", "-o", out), 66, "check the path")
    _is_one_line(await aw("evidence", "renew", archive), 65, "ARCHIVEWORKER_TSA_URLS")
    _is_one_line(await aw("evidence", "due", tmp_path / "no"), 65, "check the path")
    _is_one_line(await aw("evidence", "due", tmp_path, "--within", "soon"), 65, "--within")
    _is_one_line(await aw("evidence", "due", tmp_path, "--digest-ends", "md5=2020-01-01"), 65, "--digest-ends")
    (tmp_path / "junk.tar.gz").write_bytes(b"junk")
    _is_one_line(await aw("evidence", "extract", tmp_path / "junk.tar.gz", "x", "-o", out), 1, "cannot be read")
    assert not out.exists()
