"""The OpenAPI document is valid, whole, up to date in the docs, and its examples are what it says."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from archiveworker.domain.errors import ArchiveWorkerError
from archiveworker.runtime import resources
from archiveworker.web import docs_page
from archiveworker.web.openapi import SOURCES, build
from archiveworker.web.pages import LANGUAGES, words
from tests.tools.write_openapi import TARGET, application, document, text

MADE = document()
EXAMPLES = json.loads(resources.text("web/examples.json"))


def _codes(root: type[ArchiveWorkerError]) -> Iterator[str]:
    yield root.code
    for kind in root.__subclasses__():
        yield from _codes(kind)


def _contents(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every body of the document, of requests and of answers."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "content":
                yield from ((f"{path} {media}", content) for media, content in value.items())
            yield from _contents(value, f"{path}/{key}")


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(MADE).validate()
    assert MADE["openapi"].startswith("3.1")


def test_the_document_in_the_docs_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == text(), "run python tests/tools/write_openapi.py"


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_page_and_the_document_are_served(lang: str) -> None:
    async with TestClient(TestServer(application())) as client:
        page = await client.get("/docs", params={"lang": lang})
        assert (page.status, page.content_type) == (200, "text/html")
        shown = await page.text()
        assert f'<html lang="{lang}">' in shown
        assert words(lang)["docs_title"] in shown
        assert all(f'id="{o["operationId"]}"' in shown for methods in MADE["paths"].values() for o in methods.values())
        assert re.findall(r'(?:src|href)="(?!\.|#|data:|\?)', shown) == [], "nothing comes from elsewhere"
        assert await (await client.get("/openapi.json")).json() == MADE


async def test_a_form_without_a_boundary_is_refused() -> None:
    headers = {"Content-Type": "multipart/form-data", "Accept": "application/json"}
    async with TestClient(TestServer(application())) as client:
        answer = await client.post("/ui/login", data=b"token=", headers=headers)
        assert answer.status == 400
        assert "form cannot be read" in (await answer.json())["error"]


def test_every_example_is_what_the_document_says() -> None:
    seen = 0
    for where, content in _contents(MADE["paths"]):
        examples = [one["value"] for one in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        for example in examples:
            schema = {**content["schema"], "components": MADE["components"]}
            errors = [error.message for error in Draft202012Validator(schema).iter_errors(example)]
            assert errors == [], where
            seen += 1
    assert seen > 80


def test_every_json_body_has_an_example() -> None:
    for where, content in _contents(MADE["paths"]):
        if where.endswith("application/json") and not ("/503" in where and "ready" in where):
            assert "example" in content or "examples" in content or "/evidence/" in where, where


def test_no_example_is_left_over() -> None:
    names = {o["operationId"] for methods in MADE["paths"].values() for o in methods.values()}
    assert set(EXAMPLES["answers"]) | set(EXAMPLES["bodies"]) <= names
    assert set(EXAMPLES["errors"]) <= set(_codes(ArchiveWorkerError))


def test_every_operation_says_who_may_call_it_and_what_it_is() -> None:
    for path, methods in MADE["paths"].items():
        for method, one in methods.items():
            assert one["summary"], (method, path)
            assert " For " in f" {one['description']}", (method, path)
            assert "500" in one["responses"]
            assert len(one["tags"]) == 1


def test_a_route_that_says_nothing_is_not_served() -> None:
    async def silent(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app[SOURCES] = {}
    app.router.add_get("/silent", silent)
    with pytest.raises(LookupError, match="'silent' has no @Operation"):
        build(app, "1")


def test_the_page_shows_every_operation_and_every_field() -> None:
    shown = list(docs_page.chapters(MADE))
    operations = [one for _, operations in shown for one in operations]
    assert {(one["method"].lower(), one["path"]) for one in operations} == {
        (method, path) for path, methods in MADE["paths"].items() for method in methods
    }
    [post] = [one for one in operations if one["path"] == "/archive"]
    assert [one["name"] for one in post["requests"]] == [f"QuizArchiverV{n}" for n in range(1, 8)]
    rows = {row["name"]: row for row in post["requests"][6]["rows"]}
    assert rows["task_archive_quiz_attempts.attemptids"]["required"]
    assert rows["task_moodle_backups[].backupid"]["kind"] == "string 1 to 128 characters"
    assert rows["retention.keep_years"]["kind"] == "integer 1 to 200 or string or null"
    [job] = [one for one in operations if one["path"] == "/jobs/{job_id}"]
    [answer] = job["answers"][0]["contents"]
    assert {"items[].pdf.pages", "progress.percent", "deliveries[].state"} <= {row["name"] for row in answer["rows"]}


@pytest.mark.parametrize(
    ("told", "pieces"),
    [
        ("", [("", "")]),
        ("`a`", [("", "a"), ("", "")]),
        ("a `b` and ``{`1`}`` <d>", [("a ", "b"), (" and ", "{`1`}"), (" <d>", "")]),
        ("one ` alone, two `` alone", [("one ` alone, two `` alone", "")]),
    ],
)
def test_what_stands_in_backticks_is_code(told: str, pieces: list[tuple[str, str]]) -> None:
    assert docs_page.code_in(told) == pieces
