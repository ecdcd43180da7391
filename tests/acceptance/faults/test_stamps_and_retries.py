"""Everything that can go wrong at the time-stamp authority, and how a job that failed is taken up again."""

import asyncio
import re
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509

from archiveworker.cli import main
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from archiveworker.demo.tsa import RevocationFaultKind, TsaFault, TsaFaultKind
from archiveworker.demo.tsa_server import CLIENT_KEY_PASSWORD, TsaOptions, running_tsa
from tests.acceptance.faults.trouble import (
    REPORT,
    SHORT_PAGES,
    Outcome,
    archived,
    attempt_ids,
    ended,
    failed,
    finished,
    is_kept,
    started,
)
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.openssl]


# Time-stamps.


@pytest.mark.parametrize("kind", list(TsaFaultKind))
async def test_a_time_stamp_that_fails_once(kind: TsaFaultKind, lms: DemoServer, worker: WorkerProcess) -> None:
    lms.tsa.faults.append(TsaFault(kind, times=1, seconds=2))
    finished(lms, await archived(lms, worker, count=1))
    assert lms.tsa.faults == []


@pytest.mark.parametrize("kind", list(TsaFaultKind))
async def test_no_time_stamp_to_be_had_fails_the_job(
    kind: TsaFaultKind, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.tsa.faults.append(TsaFault(kind, seconds=2))
    outcome = await archived(lms, worker, count=1)
    failed(lms, outcome, "no time-stamp authority gave a token that holds", lms.tsa_url.rstrip("/"))
    assert outcome.view["archive"] is None


async def test_unstamped_is_a_choice_and_said(lms: DemoServer, tmp_path: Path) -> None:
    lms.tsa.faults.append(TsaFault(TsaFaultKind.HTTP_500))
    async with started(lms, tmp_path, lms.tsa_url, ON_TIMESTAMP_ERROR="report") as own:
        outcome = await archived(lms, own, count=1)
    finished(lms, outcome)
    assert "The archive is not time-stamped" in outcome.warnings
    assert "HTTP 500" in outcome.warnings
    assert not [name for name in outcome.view["evidence"] if name.endswith(".tsr")]


POLICY = "1.3.6.1.4.1.13762.3.1"
LIFETIME_S = 6
"""Of the second authority's certificates, of its CRLs and of its OCSP responses: a new one for each time-stamp."""


async def test_two_authorities_stamp_and_the_stamps_outlive_their_certificates(
    lms: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first authority is down; the second is short-lived and wants a client certificate, a password, a policy."""
    options = TsaOptions(lifetime_s=LIFETIME_S, client_tls=True, credentials=("zoe", "p@ss-word"), embeds_chain=False)
    async with running_tsa(tmp_path / "short", options) as short:
        roots = tmp_path / "roots.pem"
        roots.write_bytes(b"".join(a.root_pem.read_bytes() for a in (short.tsa.authority, lms.authority)))
        with_password = short.url.replace("https://", "https://zoe:p%40ss-word@")
        settings = {
            "TSA_CA": str(roots),
            "TSA_COUNT": "2",
            "TSA_HASH": "sha512",
            "TSA_POLICIES": f"-,{POLICY},-",
            "TSA_CLIENT_CERTS": f"-,{short.folder}/client.pem,-",
            "TSA_CLIENT_KEYS": f"-,{short.folder}/client.key,-",
            "TSA_CLIENT_KEY_PASSWORD": CLIENT_KEY_PASSWORD,
            "TSA_PRIVATE_HOSTS": "127.0.0.1",
            "TSA_TIMEOUT_S": "10",
            "CA_BUNDLE": f"{short.folder}/tls-ca.pem",
        }
        urls = f"http://127.0.0.1:9/,{with_password},{lms.tsa_url}"
        async with started(lms, tmp_path / "worker", urls, **settings) as own:
            outcome = await archived(lms, own, count=1)
            await evidence_of(own, outcome, tmp_path)
            log = own.log.read_text(encoding="utf-8")
            events = own.log_events()
    finished(lms, outcome)
    assert outcome.view["warnings"] == []
    asked = [event["tsa_url"] for event in events if event["event"] == "timestamped"]
    # List of files, archive; and the hash tree, which one authority is enough for.
    assert sorted(asked) == sorted([short.url, lms.tsa_url] * 2 + [short.url])
    assert {event["tsa_url"] for event in events if event["event"] == "timestamp_failed"} == {"http://127.0.0.1:9/"}
    assert not any(secret in log for secret in ("p@ss", "p%40ss", CLIENT_KEY_PASSWORD))

    archive = tmp_path / outcome.view["archive"]["name"]
    (delivery,) = [d for d in lms.deliveries if d.jobid == outcome.view["id"]]
    shutil.copy(delivery.path, archive)
    tree = tmp_path / "tree"
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python has none yet
        tar.extractall(tree)
    await expiry_of(tree / "evidence" / "chain.pem", tmp_path / f"{archive.name}.chain.pem")
    for text, folder in ((tree / "evidence" / "VERIFY.txt", tree), (tmp_path / "VERIFY.txt", tmp_path)):
        said, commands = said_by_commands(text, folder)
        assert said.count("Verification: OK") == 6, "two time-stamps: data, query, and with CRLs"
        assert said.count("Response verify OK") == said.count("Cert Status: good") == 4
        assert said.count("Hash Algorithm: sha512") == 2
        assert f"Policy OID: {POLICY}" in said
        without_time = [re.sub(r" -attime \d+", "", c) for c in commands if "ts -verify -data" in c]
        assert "certificate has expired" in "".join(bash(c, folder)[1] for c in without_time)

    # Either root alone is enough: the other time-stamp is told of and does no harm.
    # The hash tree's time-stamp is of the first authority that answered.
    lone = {str(short.tsa.authority.root_pem): 2, str(lms.authority.root_pem): 3}
    for ca, other_count in {str(roots): 0, **lone}.items():
        assert main(["verify", str(archive), "--ca", ca]) == 0, capsys.readouterr().out
        told = capsys.readouterr().out
        assert told.count("another one holds, so it is not needed") == other_count
        assert told.count("its certificates were good then") == (4 if ca == str(roots) else 2)


async def evidence_of(worker: WorkerProcess, outcome: Outcome, folder: Path) -> None:
    """Fetch whatever the worker has kept of a job."""
    job_id = outcome.view["id"]
    async with aiohttp.ClientSession() as session:
        for name in outcome.view["evidence"]:
            async with session.get(f"{worker.url}/jobs/{job_id}/evidence/{quote(name)}") as answer:
                assert answer.status == 200
                (folder / name).write_bytes(await answer.read())
                if name.endswith(".crl"):
                    assert answer.content_type == "application/pkix-crl"
                if name.endswith(".ors"):
                    assert answer.content_type == "application/ocsp-response"


async def expiry_of(*chains: Path) -> None:
    """Wait until the signers' certificates have expired, which is when their last moment has passed."""
    until = max(x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc for chain in chains)
    left_s = (until - datetime.now(UTC)).total_seconds()
    assert left_s < LIFETIME_S
    await asyncio.sleep(max(0.0, left_s + 1))


def bash(command: str, folder: Path) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def said_by_commands(text: Path, folder: Path) -> tuple[str, list[str]]:
    """Run the commands of a VERIFY.txt as they stand; each must succeed."""
    commands = [line[4:] for line in text.read_text().splitlines() if re.match(r" {4}\S", line)]
    said = ""
    for command in commands:
        code, output = bash(command, folder)
        assert code == 0, f"{command}: {output}"
        said += output
    return said, commands


async def test_a_revoked_authority_is_refused_and_an_unknown_one_told(lms: DemoServer, worker: WorkerProcess) -> None:
    lms.tsa.faults.append(TsaFault(RevocationFaultKind.REVOKED))
    failed(
        lms, await archived(lms, worker, count=1), "CN=Demo Time-Stamp Authority", "it was revoked on", "keyCompromise"
    )
    lms.tsa.faults = [TsaFault(RevocationFaultKind.CRL_MISSING), TsaFault(RevocationFaultKind.OCSP_MISSING)]
    outcome = await archived(lms, worker, count=1)
    finished(lms, outcome)
    assert f"of the time-stamp of {lms.tsa_url} were revoked is not known" in outcome.warnings
    assert "HTTP 404" in outcome.warnings


# Again.


async def test_a_retry_does_only_what_failed(lms: DemoServer, worker: WorkerProcess) -> None:
    victim = attempt_ids(lms, 3)[0]
    lms.faults.order(Fault(FaultKind.LOGIN_PAGE, REPORT, attemptid=victim))
    outcome = await archived(lms, worker, count=3)
    failed(lms, outcome, f"1 of 3 items could not be archived. attempt-{victim}")
    assert sorted(item["item"] for item in outcome.view["items"]) == sorted(
        f"attempt-{i}" for i in attempt_ids(lms, 3)[1:]
    )
    lms.faults.clear()

    status, answer, _ = await worker.request("POST", f"/jobs/{outcome.view['id']}/retry")
    assert status == 400, "a retry needs a token"
    assert "token was erased" in answer["error"]

    asked = await _retried(lms, worker, outcome)
    assert asked == [str(victim)], "only the failed one again"
    closed = await ended(lms, worker, outcome.view["id"])
    failed(lms, closed, "for Moodle the job has ended already")
    assert len(closed.view["items"]) == 3
    assert closed.view["failures"] == []
    is_kept(closed, worker)

    closed.row.status = "RUNNING"  # somebody has opened the job again in Moodle
    assert await _retried(lms, worker, outcome) == [], "nothing is rendered twice"
    finished(lms, await ended(lms, worker, outcome.view["id"]))


async def _retried(lms: DemoServer, worker: WorkerProcess, outcome: Outcome) -> list[str]:
    """Retry with a new token, wait for the end, and return which attempts Moodle was asked for."""
    outcome.row.token = lms.state.create_token(outcome.row.plugin)
    seen = len(lms.journal.of(REPORT))
    job_id = outcome.view["id"]
    status, answer, _ = await worker.request("POST", f"/jobs/{job_id}/retry", json={"token": outcome.row.token})
    assert (status, answer) == (200, {"id": job_id, "status": "AWAITING_PROCESSING"})
    await worker.ended(job_id)
    return [entry.parameters["attemptid"] for entry in lms.journal.of(REPORT)[seen:]]


async def test_the_newer_family_is_told_numbers(lms: DemoServer, worker: WorkerProcess) -> None:
    victim = attempt_ids(lms, 2)[0]
    report = "archivingmod_quiz_generate_attempt_report"
    lms.faults.order(Fault(FaultKind.BLANK_PAGE, report, attemptid=victim))
    request = lms.request(
        "archivingmod_quiz", itemids=attempt_ids(lms, 2), keep_html_files=False, sections_off=SHORT_PAGES
    )
    _, answer = await lms.submit(worker.url, request)
    outcome = await ended(lms, worker, answer["jobid"])
    assert outcome.view["state"] == "FAILED"
    assert (outcome.row.status, outcome.row.complete) == (250, True)
    assert f"attempt-{victim}" in outcome.view["reason"]
