"""``archiveworker bridge`` as an administrator types it."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from pathlib import Path

import aiohttp
import pytest

from archiveworker.cli import main
from archiveworker.cli.demo_bridge import demo_bridge
from tests.fakes.exchange_client import ExchangeClient
from tests.integration.bridge.kit import KEY, fill, found_in, read_all, wanted
from tests.integration.bridge.servers import Store


@pytest.fixture
def env(sqlite: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill("workup", sqlite, tmp_path)
    key = tmp_path / "key"
    key.write_text(KEY.reveal() + "\n")
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_KEY_FILE", str(key))
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_DATABASE_URL", sqlite.reader_url)
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_MAPPING", "workup")
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_UPLOAD_DIR", str(tmp_path / "uploads"))
    return tmp_path


def test_check_says_that_all_fits(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridge", "check"]) == 0
    said = capsys.readouterr().out
    assert "ok    table comment: has all 7 columns" in said
    assert "6 of kind assignment: scope assignment:ID, or all" in said
    assert "quota_given = 2, quota_received = 2" in said
    assert said.endswith("The mapping fits the database.\n")


def test_check_says_what_does_not_fit(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(env / "app.db") as connection:
        connection.execute("ALTER TABLE comment RENAME COLUMN pending TO is_pending")
        connection.execute("DROP TABLE turma")
    assert main(["bridge", "check", "--upload-dir", str(env / "nowhere")]) == 1
    said = capsys.readouterr().out
    assert "BAD   table comment: lacks pending (named in allocations[1], allocations[2], reviews[1]); it has:" in said
    assert "BAD   table turma: is not in the database; named in activity" in said
    assert "BAD   upload folder: ARCHIVEWORKER_BRIDGE_UPLOAD_DIR must be the LMS's upload folder" in said
    assert said.endswith("3 thing(s) to correct.\n")


@pytest.mark.parametrize(
    ("variable", "value", "arguments", "code", "message"),
    [
        ("DATABASE_URL", "oracle://u:geheim@h/n", ["check"], 78, "does not know oracle"),
        ("DATABASE_URL", "nonsense geheim", ["check"], 78, "must be a URL like"),
        ("DATABASE_URL", "", ["check"], 78, "must hold the LMS's database URL"),
        ("DATABASE_URL", "sqlite:////no/such/app.db", ["check"], 75, "does not answer or refuses"),
        ("MAPPING", "", ["check"], 78, "must be workup, crowdsessment, edx_proctoring or a TOML file"),
        ("MAPPING", "/no/such.toml", ["check"], 78, "cannot be read"),
        ("MAPPING", "crowdsessment", ["serve"], 78, "does not have: .*week"),
        ("MAPPING", "workup", ["token", "--scope", "week:3"], 65, "must be all or assignment:ID"),
        ("MAPPING", "workup", ["token", "--scope", "assignment:"], 65, "must be all or assignment:ID"),
        ("MAPPING", "workup", ["token", "--scope", "all", "--ttl", "1y"], 65, "a number and s, m, h or d"),
        ("MAPPING", "workup", ["token", "--scope", "all", "--ttl", "30d"], 65, "at most 7 days"),
    ],
)
def test_what_is_wrong_is_said(
    env: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.setenv(f"ARCHIVEWORKER_BRIDGE_{variable}", value)
    assert main(["bridge", *arguments]) == code
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert "geheim" not in said


def test_a_key_that_keeps_nobody_out_is_refused(
    env: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (env / "key").write_text("short and secret")
    assert main(["bridge", "token", "--scope", "all"]) == 78
    said = capsys.readouterr().err
    assert "at least 32 characters" in said
    assert "short and secret" not in said


async def test_serve_with_a_token_of_the_command_line(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridge", "token", "--scope", "assignment:2", "--ttl", "5m"]) == 0
    token = capsys.readouterr().out.strip()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "archiveworker", "bridge", "serve", "--port", "0",
        env={**os.environ, "ARCHIVEWORKER_LOG_JSON": "true"}, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        origin = "http://127.0.0.1:" + line.decode().split("http://127.0.0.1:")[1].split('"')[0]
        async with aiohttp.ClientSession() as session:
            client = ExchangeClient(session, origin, token)
            assert (await client.read("2")).reviews
            assert await client.refused("/activities/1") == (403, "out_of_scope")
        process.send_signal(signal.SIGTERM)
        rest = await asyncio.wait_for(process.stdout.read(), 60)
        assert await process.wait() == 0
        assert b"bridge_stopped" in rest
        assert token.encode() not in line + rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("system", ["workup", "crowdsessment"])
async def test_the_demo_s_bridge_serves_what_it_says(system: str, tmp_path: Path) -> None:
    async with demo_bridge(system, tmp_path / "lms") as bridge, aiohttp.ClientSession() as session:
        client = ExchangeClient(session, bridge.url, bridge.token.reveal())
        activities = await read_all(client)
    assert tuple(activities) == bridge.activity_ids
    assert found_in(activities) == wanted(bridge.expected)
