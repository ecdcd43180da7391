"""Every command in a code block of the documentation is run, or stands on the list of those that cannot be."""

import asyncio
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.docs.not_run import NOT_RUN, not_run
from tests.integration.docs.shown import Shown, shown_commands
from tests.integration.docs.stage import Stage, prepared_stage, workshop_token, write_job, write_token

COMMANDS = list(shown_commands())
RUN = [shown for shown in COMMANDS if not_run(shown.command) is None]
CHECKED = [shown for shown in COMMANDS if not_run(shown.command) is not None]
OF_OLD_ARCHIVES = ("certificate has expired", "renew before")
"""Examples that show what is said of an archive some years later: here it is new, and the command just succeeds."""
_VARIES = re.compile(r"(?:[0-9A-F]{2}:)+[0-9A-F]{2}|[0-9a-f]{16,}|\d+|[A-Z][a-z]{2}(?= +\d)")
_START_S = 120


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with prepared_stage(tmp_path_factory.mktemp("docs")) as ready:
        yield ready


def test_commands_are_found_and_most_are_run() -> None:
    assert len(RUN) > 45
    assert len(CHECKED) < 45
    for one in NOT_RUN:
        assert any(not_run(shown.command) is one for shown in CHECKED), f"nothing shows {one.pattern} any more"


@pytest.mark.parametrize("shown", CHECKED, ids=[f"{one.page}: {one.command[:60]}" for one in CHECKED])
def test_what_cannot_be_run_names_what_there_is(shown: Shown) -> None:
    why = not_run(shown.command)
    assert why is not None
    why.check(shown.command)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.chromium
@pytest.mark.openssl
@pytest.mark.parametrize("shown", RUN, ids=[f"{one.page}: {one.command[:60]}" for one in RUN])
async def test_the_command_does_what_the_page_says(stage: Stage, shown: Shown) -> None:
    stage.values.setdefault(shown.page, [])
    await _prepare(stage, shown)
    if re.search(r"archiveworker (?:bridge )?serve", shown.command):
        _serve(stage, shown)
        return
    ended = await asyncio.to_thread(stage.run, shown)  # LMS and bridge are served here meanwhile
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, f"{stage.real(shown.page, shown.command)}\n{said}"
    if not any(sign in line for sign in OF_OLD_ARCHIVES for line in shown.prints):
        _compare(stage, shown, said)


async def _prepare(stage: Stage, shown: Shown) -> None:
    """Bring about what the page takes for granted."""
    for sign, bring_about in _TAKEN_FOR_GRANTED.items():
        if re.search(sign, shown.command):
            await bring_about(stage, shown)
            return


async def _workshop_job(stage: Stage, shown: Shown) -> None:
    token, cmid = workshop_token(stage)
    write_token(stage, shown.page, token)
    # Without copies for everybody, which would take half of the whole test's time.
    write_job(stage, shown, lambda job: job.update(workshop={"cmid": cmid}, options={"excerpts": False}))


async def _peer_review_job(stage: Stage, shown: Shown) -> None:
    write_token(stage, shown.page, stage.bridge.token.reveal())
    write_job(stage, shown, lambda job: _of_the_bridge(stage, job))


async def _edx_job(stage: Stage, shown: Shown) -> None:
    write_job(stage, shown, lambda job: job.update(stage.edx_job(), delivery=job["delivery"]))


async def _token_of_moodle(stage: Stage, shown: Shown) -> None:
    write_token(stage, shown.page, str(stage.lms.request(7)["wstoken"]))


async def _cancelled(stage: Stage, shown: Shown) -> None:
    stage.values[shown.page].append(("895e0a1f-bcd5-4930-9e69-9f8ea501ad07", await stage.cancelled_job()))


async def _not_delivered(stage: Stage, shown: Shown) -> None:
    stage.values[shown.page][:] = [("ID", await stage.failed_delivery())]


async def _peer_review_archive(stage: Stage, shown: Shown) -> None:
    stage.values[shown.page] += _delivered_peer_review(stage, stage.home(shown.page))


async def _received(stage: Stage, shown: Shown) -> None:
    (stage.home(shown.page) / "signed-at").write_text("1795262515")
    (stage.home(shown.page) / "parcel.json").write_text("{}")


async def _stamped(stage: Stage, shown: Shown) -> None:
    stage.values[shown.page] += _times_of_the_stamp(stage.home(shown.page) / "exam")


async def _beside_the_archive(stage: Stage, shown: Shown) -> None:
    home = stage.home(shown.page)
    (home / ".state" / "cwd").write_text(str(home / "exam" if shown.command.startswith("cd ") else home))


_TAKEN_FOR_GRANTED = {
    "--source workshop": _workshop_job,
    "--source peer_review": _peer_review_job,
    "--source edx_proctoring": _edx_job,
    "--moodle": _token_of_moodle,
    "jobs retry": _cancelled,
    "jobs show ID|/jobs/ID/": _not_delivered,
    r"peer-review-12\.tar\.gz": _peer_review_archive,
    "signed-at": _received,
    "-attime": _stamped,
    r"^sha256sum -c exam|^cd attempts|^archiveworker verify exam": _beside_the_archive,
}


def _of_the_bridge(stage: Stage, job: dict[str, Any]) -> None:
    job["lms"]["base_url"] = stage.bridge.url
    job["activity"] = stage.bridge.activity_ids[0]
    job["options"] |= {"allow_open": True, "keep_until": "2099-12-31"}


def _delivered_peer_review(stage: Stage, home: Path) -> list[tuple[str, str]]:
    """Copy the archive that the page's job has made; return who is in it."""
    archive = next((stage.folder / "srv" / "archives").glob("peer-review-*/*.tar.gz"))
    (home / "peer-review-12.tar.gz").write_bytes(archive.read_bytes())
    listed = subprocess.run(["tar", "-tzf", str(archive)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^excerpts/\S*?(\d+)", listed, re.M)
    assert found, listed
    return [("userid=5003", f"userid={found[1]}")]


def _times_of_the_stamp(tree: Path) -> list[tuple[str, str]]:
    """Return what stands in the page for the time of the stamp, and for the answer about its certificate."""
    asked = ["openssl", "ts", "-reply", "-in", str(tree / "evidence/manifest-sha256.txt.tsr"), "-text"]
    text = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Time stamp: (.*)$", text, re.M)
    assert found, text
    at = datetime.strptime(found[1], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    answers = sorted((tree / "evidence" / "ocsp").iterdir())
    return [("Nov 21 05:14:43 2026 GMT", found[1]), ("1795262515", f"{at.timestamp():.0f}"),
            ("4df2a4bceecce180.ors", answers[0].name)]  # fmt: skip


def _serve(stage: Stage, shown: Shown) -> None:
    """Run a server until it listens; it ends well when it is told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = stage.real(shown.page, shown.command)
    command = re.sub(r"--port \d+", f"--port {port}", command) if "--port" in command else f"{command} --port {port}"
    argv = ["bash", "-c", f"exec env {command}"]
    home = stage.home(shown.page)
    with subprocess.Popen(argv, cwd=home, env=stage.environment(shown), stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            _until_it_listens(port, server)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(_START_S) == 0


def _until_it_listens(port: int, server: "subprocess.Popen[str]") -> None:
    until = datetime.now(UTC).timestamp() + _START_S
    while datetime.now(UTC).timestamp() < until:
        assert server.poll() is None, server.stderr.read() if server.stderr else ""
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        return
    raise AssertionError("it does not listen")


def _compare(stage: Stage, shown: Shown, said: str) -> None:
    """Find the lines that the page shows, in their order; numbers, digests and dates may be others."""
    lines = iter(" ".join(line.split()) for line in said.splitlines())
    for expected in shown.prints:
        text = " ".join(stage.real(shown.page, expected).split())
        if text in ("", "..."):
            continue
        pattern = re.compile(".*".join(map(_varying, text.split("..."))))
        assert any(pattern.search(line) for line in lines), f"{text!r} is not said, at least not here:\n{said}"


def _varying(text: str) -> str:
    parts = _VARIES.split(text)
    return r"\S+".join(map(re.escape, parts))
