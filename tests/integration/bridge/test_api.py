"""The exchange API as its page says: who may read what, pages, files, refusals. On SQLite; databases are apart."""

import asyncio
import logging
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from archiveworker.bridge import app, snapshots
from archiveworker.bridge.reading import ActivityReading
from archiveworker.bridge.sidecar import running_bridge
from archiveworker.domain.secret import Secret
from tests.fakes.exchange_client import ExchangeClient
from tests.integration.bridge.kit import FilledLms, fill, read_all
from tests.integration.bridge.servers import Store


@pytest.fixture
def lms(sqlite: Store, tmp_path: Path) -> FilledLms:
    return fill("workup", sqlite, tmp_path)


async def test_a_token_reads_its_activity_and_no_other(lms: FilledLms) -> None:
    async with lms.client("2") as client:
        assert [one.id for one in await client.pages("/activities", "activities")] == ["2"]
        assert (await client.read("2")).submissions
        for other in ("1", "3", "99", "*", "02", "2%20", quote("2/../3", safe="")):
            for path in ("", "/reviews", "/nothing", "/files/upload-1/content"):
                assert await client.refused(f"/activities/{other}{path}") == (403, "out_of_scope"), other


async def test_what_is_not_there_is_out_of_scope_even_for_all(lms: FilledLms) -> None:
    async with lms.client() as client:
        for other in ("99", "x", "-1", "1.0", "001", "9" * 40):
            assert await client.refused(f"/activities/{other}") == (403, "out_of_scope")
        assert await client.refused("/activities/1/grades") == (404, "not_found")
        assert await client.refused("/activities/1/files/upload-999/content") == (404, "not_found")
        assert await client.refused("/elsewhere") == (404, "not_found")
    async with lms.client("99") as client:
        assert await client.refused("/activities") == (403, "out_of_scope")


async def test_tokens_that_are_not_good(lms: FilledLms) -> None:
    good = lms.token("1")
    version, claims, signature = good.split(".")
    other_system = FilledLms(lms.store, replace(lms.config, mapping="crowdsessment"), ()).token("1")
    bad = [
        "", "x", good[:-1], good + "A", f"{version}.{claims}", f"awb2.{claims}.{signature}",
        f"{version}.{claims}x.{signature}", lms.token("1", timedelta(seconds=1e-6)), other_system,
        lms.token("1", key=Secret("another key that is long enough for it")),
    ]  # fmt: skip
    async with lms.client() as client:
        for token in bad:
            stranger = replace(client, token=token)
            assert await stranger.refused("/activities/1") == (401, "token_refused"), token
            assert await stranger.refused("/elsewhere") == (401, "token_refused"), token
        reply = await replace(client, token="").get("/activities")
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert (await replace(client, token=good).get("/activities/1")).status == 200


async def test_no_method_writes(lms: FilledLms) -> None:
    async with lms.client() as client:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for path in ("/activities/1", "/activities/1/reviews", "/elsewhere"):
                assert await client.refused(path, method) == (405, "read_only")
        reply = await client.get("/activities/1", "HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert (await client.get("/activities/1", "POST")).headers["Allow"] == "GET, HEAD"


async def test_pages_hold_every_record_once_in_any_size(lms: FilledLms) -> None:
    async with lms.client() as client:
        whole = await replace(client, page_size=1000).read("2")
        for size in (1, 3, 17):
            assert await replace(client, page_size=size).read("2") == whole
        ids = [one.id for one in await replace(client, page_size=2).pages("/activities", "activities")]
        assert ids == ["1", "2", "3", "4", "5", "6"]


async def test_page_tokens_are_good_for_their_place_alone(lms: FilledLms) -> None:
    async with lms.client() as client:
        token = (await client.get("/activities/2/reviews", page_size=2)).json["next_page_token"]
        assert (await client.get("/activities/2/reviews", page_token=token)).status == 200
        assert await client.refused("/activities/2/allocations", page_token=token) == (400, "bad_request")
        assert await client.refused("/activities/3/reviews", page_token=token) == (400, "bad_request")
        other = replace(client, token=lms.token())
        assert await other.refused("/activities/2/reviews", page_token=token) == (400, "bad_request")
        for made_up in ("", "x", "e30.x", token[:-2], "ä"):
            assert await client.refused("/activities/2/reviews", page_token=made_up) == (400, "bad_request")
        for size in ("0", "1001", "-1", "x", "1e3", "", "9" * 30):
            assert await client.refused("/activities/2/reviews", page_size=size) == (400, "bad_request")


async def test_large_records_make_pages_smaller(lms: FilledLms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_PAGE_BYTES", 2000)
    async with lms.client() as client:
        first = (await client.get("/activities/2/reviews", page_size=1000)).json
        assert 1 <= len(first["items"]) < first["total_count"]
        assert len(await replace(client, page_size=1000).pages("/activities/2/reviews", "reviews")) == 21


async def test_a_token_sees_one_state_and_the_next_token_the_next(lms: FilledLms, sqlite: Store) -> None:
    async with lms.client() as client:
        before = await client.read("2")
        with sqlite.engine().begin() as connection:
            connection.exec_driver_sql("DELETE FROM comment")
        assert await client.read("2") == before
        assert (await replace(client, token=lms.token()).read("2")).reviews == ()


async def test_files_that_must_not_leave_do_not(lms: FilledLms, tmp_path: Path) -> None:
    async with lms.client() as client:
        files = {one.id: one for one in (await client.read("3")).files}
        states = {one.status.value for one in files.values()}
        assert states == {"ok", "missing", "refused"}
        for one in files.values():
            reply = await client.get(f"/activities/3/files/{one.id}/content")
            assert reply.status == (200 if one.status.value == "ok" else 404)
            assert b"nobody may read this" not in reply.body
        for name in ("../secret.txt", "%2e%2e%2fsecret.txt", "/etc/passwd", "upload-1%00"):
            assert (await client.get(f"/activities/3/files/{quote(name, safe='')}/content")).status == 404


async def test_a_file_that_goes_after_it_was_listed_is_not_found(lms: FilledLms) -> None:
    async with lms.client() as client:
        (one, *_) = [file for file in (await client.read("1")).files if file.status.value == "ok"]
        for path in (lms.config.upload_dir or Path()).iterdir():
            path.unlink()
        assert await client.refused(f"/activities/1/files/{one.id}/content") == (404, "not_found")


async def test_who_comes_while_others_read_is_told_when_to_come_back(
    lms: FilledLms, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    real = ActivityReading.records

    def slow(self):  # type: ignore[no-untyped-def]
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return real(self)

    monkeypatch.setattr(ActivityReading, "records", slow)
    async with lms.client(readings_count=1) as client:
        first = asyncio.create_task(client.get("/activities/1"))
        await begun.wait()
        second = await client.get("/activities/2")
        assert (second.status, second.json["error"]["code"]) == (503, "busy")
        assert second.headers["Retry-After"] == str(app.RETRY_AFTER_S)
        go_on.set()
        assert (await first).status == 200
        assert (await client.get("/activities/2")).status == 200


async def test_a_database_that_breaks_says_nothing_of_itself(lms: FilledLms, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    async with lms.client() as client:
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE comment")
        reply = await client.get("/activities/1")
        assert (reply.status, reply.json["error"]["code"]) == (500, "mapping")
        assert "does not have: comment" in reply.json["error"]["message"]
        path.write_bytes(b"no database at all")
        reply = await client.get("/activities/2")
        assert reply.status in (500, 503)
        for word in ("SELECT", "sqlite:", str(tmp_path)):
            assert word not in reply.body.decode()


async def test_a_row_that_cannot_be_a_record_is_named(lms: FilledLms, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("UPDATE user SET is_admin = 'perhaps' WHERE id = 3")
    async with lms.client() as client:
        reply = await client.get("/activities/1")
    assert (reply.status, reply.json["error"]["code"]) == (502, "bad_record")
    assert "user.id 3 of the database" in reply.json["error"]["message"]
    assert "'perhaps'" in reply.json["error"]["message"]


async def test_nothing_secret_is_logged_or_answered(lms: FilledLms, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        async with running_bridge(lms.config) as origin, lms.client() as client:
            secrets = {lms.token("1"), client.token}
            await read_all(client)
            for token in ("wrong", next(iter(secrets))):
                one = ExchangeClient(client.session, origin, token)
                await one.get("/activities/1")
                await one.get("/activities/5")
    said = f"{events} {caplog.text}"
    assert len(events) >= 2
    for secret in (*secrets, lms.config.key.reveal() if lms.config.key else ""):
        assert secret not in said
    assert "***" not in repr(lms.config.mapping)
    assert lms.store.reader_url not in repr(lms.config)
