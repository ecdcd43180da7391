"""The list of items on the page of a job: some at a time, with pictures while there are any; and who gets a picture."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.domain.job import JobState
from archiveworker.domain.secret import Secret
from archiveworker.runtime.thumbnail import MEDIA_TYPE
from archiveworker.web import ui
from archiveworker.web.access import ADMIN_TOKEN
from archiveworker.web.errors import errors_to_json
from archiveworker.web.pages import VERSION
from archiveworker.web.request import ENGINE
from archiveworker.web.session import COOKIE, Sessions
from archiveworker.web.thumbnail import THUMBNAILS, get_thumbnail

JOB = "895e0a1f-bcd5-4930-9e69-9f8ea501ad07"
TOKEN = Secret("made-up-admin-token")
BEARER = {"Authorization": f"Bearer {TOKEN.reveal()}"}
Client = TestClient[web.Request, web.Application]
Serve = Callable[..., AbstractAsyncContextManager[Client]]


class Told:
    """An engine that tells of one job."""

    def __init__(self, items: int, state: JobState) -> None:
        self._items, self._state = items, state

    async def job_view(self, job_id: JobId) -> dict[str, Any]:
        at = "2026-11-21T05:14:38+00:00"
        pdf = {"width_mm": 210.0, "height_mm": 297.0}
        item = {"pages": 2, "files": 3, "size_bytes": 9, "took_s": 0.1, "warnings": []}
        made = [
            {"item": f"attempt-{n}", "folder": f"attempts/{n}", **item, "pdf": pdf if n else None}
            for n in range(self._items)
        ]
        progress = {"items_total": self._items, "items_done": self._items, "items_failed": 0, "percent": 100}
        lists: dict[str, Any] = {name: [] for name in ("history", "failures", "warnings", "evidence", "deliveries")}
        told = {"id": job_id, "state": self._state, "reason": "", "source": "x", "lms": "http://lms", "accepted_at": at}
        return {**lists, **told, "progress": progress, "items": made, "archive": None, "kept_until": None}


class Drawn:
    """Pictures of everything, or of nothing."""

    def __init__(self, has_any: bool) -> None:
        self._has_any = has_any

    async def are_there(self, job_id: JobId, state: JobState, key: ItemKey) -> bool:
        return self._has_any

    async def draw(self, job_id: JobId, key: ItemKey) -> bytes:
        if not self._has_any:
            raise NotFoundError("The files of this job are gone.")
        return f"{job_id} {key}".encode()


@pytest.fixture
def serving() -> Serve:
    """Return what serves both routes for a job with so many items, with pictures or without."""

    @asynccontextmanager
    async def serve(
        items: int = 3, *, state: JobState = JobState.FAILED, has_any: bool = True
    ) -> AsyncIterator[Client]:
        app = web.Application(middlewares=[errors_to_json])
        app[ADMIN_TOKEN], app[VERSION] = TOKEN, "1"
        app[ENGINE] = Told(items, state)  # type: ignore[misc]
        app[THUMBNAILS] = Drawn(has_any)  # type: ignore[misc]
        app.router.add_get("/ui/jobs/{job_id}", ui.get_job)
        app.router.add_get("/jobs/{job_id}/items/{item}/thumbnail", get_thumbnail)
        async with TestClient(TestServer(app)) as client:
            yield client

    return serve


async def shown(client: Client, query: str = "", lang: str = "en") -> str:
    headers = {"Cookie": f"{COOKIE}={Sessions(TOKEN).issue()}", "Accept-Language": lang}
    async with client.get(f"/ui/jobs/{JOB}{query}", headers=headers) as answer:
        assert answer.status == 200
        assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
        return await answer.text()


def pictures(html: str) -> list[str]:
    return re.findall(r'<img [^>]*src="[^"]*/items/([^/"]+)/thumbnail"', html)


@pytest.mark.parametrize(
    ("query", "first", "count", "links"),
    [
        ("", 0, 50, {"?page=2#items"}),
        ("?page=2", 50, 50, {"?page=1#items", "?page=3#items"}),
        ("?page=41", 2000, 10, {"?page=40#items"}),
        ("?page=999999", 2000, 10, {"?page=40#items"}),
        ("?page=0", 0, 50, {"?page=2#items"}),
        ("?page=-1", 0, 50, {"?page=2#items"}),
        ("?page=1e3", 0, 50, {"?page=2#items"}),
        ("?page=" + "9" * 5000, 0, 50, {"?page=2#items"}),
    ],
)
async def test_a_job_of_thousands_shows_fifty_at_a_time(
    query: str, first: int, count: int, links: set[str], serving: Serve
) -> None:
    async with serving(2010) as client:
        html = await shown(client, query)
    assert pictures(html) == [f"attempt-{n}" for n in range(first, first + count)]
    assert html.count('loading="lazy"') == count, "of those the browser asks for what is seen"
    assert set(re.findall(r'href="(\?page=[^"]*)"', html)) == links
    assert "2010 items, 4020 pages" in html


@pytest.mark.parametrize(("lang", "words"), [("en", "First page of attempts/1"), ("de", "Erste Seite von attempts/1")])
async def test_pictures_say_what_they_show_and_how_large_they_are(lang: str, words: str, serving: Serve) -> None:
    async with serving() as client:
        html = await shown(client, lang=lang)
    assert re.search(rf'<img [^>]*width="128" height="181"[^>]* alt="{words}"', html)
    assert pictures(html) == ["attempt-0", "attempt-1", "attempt-2"]
    assert "?page=" not in html


@pytest.mark.parametrize(("state", "is_said"), [(JobState.FINISHED, True), (JobState.RUNNING, False)])
async def test_without_files_there_is_no_picture_that_could_be_broken(
    state: JobState, is_said: bool, serving: Serve
) -> None:
    async with serving(state=state, has_any=False) as client:
        html = await shown(client)
    assert "<img" not in html
    assert ("There are no pictures of pages" in html) == is_said


async def test_an_administrator_gets_a_picture_that_is_kept_for_minutes(serving: Serve) -> None:
    async with serving() as client, client.get(f"/jobs/{JOB}/items/attempt-7/thumbnail", headers=BEARER) as answer:
        assert (answer.status, await answer.text()) == (200, f"{JOB} attempt-7")
        assert answer.headers["Content-Type"] == MEDIA_TYPE
        assert answer.headers["Cache-Control"] == "private, max-age=600"
        assert answer.headers["Vary"] == "Cookie"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": f"{COOKIE}=99999999999.00"}])
async def test_nobody_else_gets_one(headers: dict[str, str], serving: Serve) -> None:
    async with serving() as client:
        for accept in ("*/*", "image/webp,*/*"):
            path = f"/jobs/{JOB}/items/attempt-7/thumbnail"
            async with client.get(path, headers={**headers, "Accept": accept}) as answer:
                assert answer.status == 403
                assert JOB not in await answer.text()


@pytest.mark.parametrize("item", ["Attempt-1", "attempt%2F1", "attempt_1", "%25", "%E2%80%AE", "a" * 201, ".."])
async def test_what_can_be_no_item_is_not_looked_for(item: str, serving: Serve) -> None:
    async with serving() as client, client.get(f"/jobs/{JOB}/items/{item}/thumbnail", headers=BEARER) as answer:
        assert answer.status == 404
        assert "error" in await answer.json()


async def test_a_browser_gets_an_empty_page_instead_of_a_broken_picture(serving: Serve) -> None:
    path = f"/jobs/{JOB}/items/attempt-7/thumbnail"
    async with serving(has_any=False) as client:
        async with client.get(path, headers=BEARER) as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "The files of this job are gone."})
        async with client.get(path, headers={**BEARER, "Accept": "image/avif,image/webp,*/*;q=0.8"}) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (404, "image/svg+xml")
            assert answer.headers["Cache-Control"] == "no-store"
            assert "<svg" in await answer.text()
