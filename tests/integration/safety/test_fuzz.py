"""Whatever comes from outside, the worker answers with an error of its own: no crash, nothing that takes long.

120 inputs for each parser in the normal run, 5,000 with --soak. Time-stamps, chains, revocation data and records have a
fuzzer of their own, which knows DER (``tests/integration/evidence/test_fuzz.py``); names of files are in
``tests/unit/domain/test_ids.py``.
"""

import base64
import json
from datetime import UTC, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import strategies as st
from PIL import Image

from archiveworker.bridge import mapping
from archiveworker.bridge.plan import make_plan
from archiveworker.bridge.tokens import Tokens
from archiveworker.domain.document import ImageLimit
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import ArchivePath, LmsOrigin
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.peer_review.codec import from_plain
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.ports import Source
from archiveworker.domain.proctoring.export import Export, read_export
from archiveworker.domain.proctoring.wire import WireAttempt, WireExam, read
from archiveworker.domain.secret import Secret
from archiveworker.rendering.images import shrink
from archiveworker.runtime.clock import SystemClock
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.connection import ItemKind
from archiveworker.sources.moodle.files import attachments_in
from archiveworker.sources.moodle.wire import NotJsonError, first_json, language_of, refusal_in
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource
from archiveworker.sources.workshop.mapping import peer_review_of
from archiveworker.web.access import ADMIN_TOKEN
from archiveworker.web.errors import errors_to_json
from archiveworker.web.gate import GATE, Gate, GateRules
from archiveworker.web.pages import VERSION
from archiveworker.web.verify_page import DESK, VerifyDesk, post_verify
from tests.contract.sources.posted import backup, quiz_request, task_request
from tests.fakes import peer_review
from tests.fakes.edx_answers import EdxAnswers
from tests.integration.safety.mutate import ODD, changed, tried
from tests.unit.bridge.test_mapping import PEOPLE, SMALL
from tests.unit.sources.workshop.answers import assessment, harvest, person, points, row, submission, workshop

LMS = "https://moodle.example.org"
SHARED = ReviewedConfig(targets=("directory",))
_LMS = {"base_url": LMS, "token": "0123456789abcdef0123456789abcdef"}
_OPTIONS = {"allow_open": False, "excerpts": True, "archive_filename": "x", "retention": {"keep_years": 3}}
_TO = {"to": ["directory"]}
REQUESTS: dict[str, tuple[Source, dict[str, Any]]] = {
    "quiz_archiver": (
        QuizArchiverSource(MoodleConfig()),
        quiz_request(7, LMS, task_moodle_backups=[backup(LMS)], retention={"keep_until": "2040-01-01"}),
    ),
    "quiz_archiver of old": (QuizArchiverSource(MoodleConfig()), quiz_request(1, LMS)),
    "archivingmod_quiz": (ArchivingmodQuizSource(MoodleConfig()), task_request("quiz", LMS)),
    "archivingmod_assign": (ArchivingmodAssignSource(MoodleConfig()), task_request("assign", LMS)),
    "workshop": (
        WorkshopSource(MoodleConfig(), SHARED),
        {"api_version": 1, "lms": _LMS, "workshop": {"cmid": 3}, "options": _OPTIONS, "delivery": _TO},
    ),
    "peer_review": (
        PeerReviewExchangeSource(ExchangeConfig(), SHARED),
        {"api_version": 1, "lms": _LMS, "activity": "a:12", "options": _OPTIONS, "delivery": _TO},
    ),
    "edx_proctoring": (
        EdxProctoringSource(EdxConfig(), SHARED),
        {
            **{"api_version": 1, "lms": {**_LMS, "bridge": _LMS}, "course_id": "course-v1:a+b+c", "exam_ids": [1]},
            **{"usernames": ["x"], "options": {"include_pii": True, "keep_html_files": False}, "delivery": _TO},
        },
    ),
}
ATTACHMENT = {
    **{"slot": 1, "filename": "essay.pdf", "filesize": 12, "contenthash": "0" * 40},
    "downloadurl": f"{LMS}/webservice/pluginfile.php/1/x/essay.pdf",
}


def _posted(body: object) -> object:
    """As ``web.body`` hands on what came: only what JSON can say, and only objects."""
    try:
        decoded = json.loads(json.dumps(body, allow_nan=False))
    except (ValueError, UnicodeEncodeError):
        return None
    return decoded if isinstance(decoded, dict) else None


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(name: str, pytestconfig: pytest.Config) -> None:
    source, body = REQUESTS[name]
    source.parse(body)

    def call(value: object) -> None:
        if (posted := _posted(value)) is not None:
            request = source.parse(posted)  # type: ignore[arg-type]
            LmsOrigin.of(request.lms_base_url)
            # What was taken can be read again after a restart.
            source.resume(request.payload, request.token)

    tried(pytestconfig, changed(body), call)


def test_answers_of_moodle(pytestconfig: pytest.Config) -> None:
    folder, kind = ArchivePath("attempts/x"), ItemKind("attempt", "attempts", ("timefinish",))

    def call(answer: object) -> None:
        try:
            parsed = first_json(json.dumps(answer) + "</body></html>")
        except NotJsonError:
            return
        refusal_in(parsed)
        if isinstance(parsed, dict) and isinstance(parsed.get("attachments"), list):
            attachments_in(parsed["attachments"], folder)
        if isinstance(parsed, dict):
            facts = {"timefinish": str(parsed.get("timefinish"))}
            assert kind.created_at(facts).tzinfo is UTC
            assert PlannedItem(kind.planned(3, facts).key, 3, "x", facts)
            ArchivePath.sanitised("attempts", str(parsed.get("foldername")))

    answer = {"attachments": [ATTACHMENT, ATTACHMENT], "timefinish": "1700000000", "foldername": "a/b", "errorcode": ""}
    tried(pytestconfig, changed(answer), call)


def test_text_that_should_be_json_or_html(pytestconfig: pytest.Config) -> None:
    def call(text: str) -> None:
        language_of(text)
        try:
            first_json(text)
        except NotJsonError:
            return

    pieces = st.sampled_from(["<html lang=", "'de'", "{", "[", '"', "\\u", "\ufeff", "1e9", "-", "null", "[" * 2000])
    tried(pytestconfig, st.one_of(st.text(), st.lists(pieces, max_size=40).map("".join)), call)


def test_answers_about_a_workshop(pytestconfig: pytest.Config) -> None:
    lists = ("submissions", "assessments", "report", "people")
    answers = {
        "workshop": workshop(),
        "submissions": [submission(11, 4), submission(12, 5)],
        "assessments": [assessment(21, 11, 5), assessment(22, 12, 4)],
        "report": [row(4, (5, 21, 11)), row(5, (4, 22, 12))],
        "people": [person(4), person(5), person(9, "editingteacher")],
        "forms": [points(1), points(1)],
    }

    def call(given: object) -> None:
        # The pieces are put together by code of the tests, which wants lists; that they are is the client's to check.
        if not isinstance(given, dict) or any(not isinstance(given.get(name), list) for name in (*lists, "forms")):
            return
        forms = dict(zip((21, 22), given["forms"], strict=False))
        peer_review_of(harvest(workshop=given.get("workshop"), forms=forms, **{name: given[name] for name in lists}))

    call(answers)
    tried(pytestconfig, changed(answers), call)


def test_answers_of_an_exchange_server(pytestconfig: pytest.Config) -> None:
    document = json.loads(msgspec.json.encode(PeerReviewFile(peer_review.make(3, quota=1))))
    tried(pytestconfig, changed(document), lambda value: from_plain(value, PeerReviewFile))


def test_answers_of_an_open_edx(pytestconfig: pytest.Config) -> None:
    answers = EdxAnswers(1)
    tried(pytestconfig, changed(answers.attempt(1)), lambda value: read(value, WireAttempt))
    tried(pytestconfig, changed(answers.exam(1)), lambda value: read(value, WireExam))
    export = {name: [] for name in Export.__dataclass_fields__}
    tried(pytestconfig, changed(export), read_export)


def test_pictures_in_a_page(pytestconfig: pytest.Config) -> None:
    buffer = BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "PNG")
    picture = buffer.getvalue()

    def damaged(drawn: tuple[int, bytes, str]) -> str:
        at, patch, media = drawn
        data = base64.b64encode(picture[:at] + patch + picture[at + len(patch) :]).decode()
        return f"<img src='data:{media},{data}'><p style=\"background: url(data:{media},{data[:-3]}%0a)\">"

    kinds = st.sampled_from(
        ["image/png;base64", "image/jpeg;base64", "image/gif;base64", "image/webp;base64", "image/png"]
    )
    pages = st.tuples(st.integers(0, len(picture)), st.binary(max_size=20), kinds).map(damaged)
    tried(pytestconfig, st.one_of(pages, st.text()), lambda html: shrink(html, ImageLimit(10, 10, 80), 1000))


def test_mappings(pytestconfig: pytest.Config) -> None:
    text = SMALL + PEOPLE
    words = st.sampled_from(
        ["[", "]", "=", '"', "'", "\n", "[[activity]]", "from", "course.id", "\x00", "9" * 5000, "{}", "''"]
    )

    def damaged(drawn: tuple[int, int, str]) -> str:
        at, length, word = drawn
        return text[:at] + word + text[at + length :]

    spots = st.tuples(st.integers(0, len(text)), st.integers(0, 30), words).map(damaged)
    tried(pytestconfig, st.one_of(spots, st.text()), lambda value: make_plan(mapping.parse(value, "fuzzed")))


def test_page_tokens_and_bearers_of_the_bridge(pytestconfig: pytest.Config) -> None:
    tokens = Tokens(Secret("k" * 32), "tiny", SystemClock())
    bearer = tokens.make("course:1", timedelta(hours=1)).reveal()
    good = {"page": tokens.make_page("x forms", [1, "a"]), "bearer": bearer}
    assert tokens.read_page("x forms", good["page"]) == [1, "a"]

    @st.composite
    def forged(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(sorted(good.values())))
        at = draw(st.integers(0, len(text)))
        return draw(st.one_of(st.text(), st.text(max_size=4).map(lambda patch: text[:at] + patch + text[at + 1 :])))

    def page(token: str) -> None:
        if token != good["page"]:
            with pytest.raises(RequestError, match="page_token"):
                tokens.read_page("x forms", token)

    tried(pytestconfig, forged(), page)
    tried(pytestconfig, forged(), lambda text: tokens.read(f"Bearer {text}"))


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # aiohttp says so of odd headers, and goes on
async def test_forms_at_the_verify_page(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Over a real socket: a form of damaged parts ends with a page, never with a 500."""
    desk = VerifyDesk(tmp_path / "verify", 64 * 1024, None, "archiveworker", SystemClock())
    desk.open()
    app = web.Application(middlewares=[errors_to_json])
    app[DESK], app[GATE], app[VERSION], app[ADMIN_TOKEN] = desk, Gate(GateRules()), "0", None
    app.router.add_post("/verify", post_verify)
    pieces = [
        *(
            b"--b\r\n",
            b"--b--\r\n",
            b"\r\n\r\n",
            b'Content-Disposition: form-data; name="archive"; filename="../a.zip"',
        ),
        *(
            b'Content-Disposition: form-data; name="stamps"',
            b'Content-Disposition: form-data; name="lang"',
            b"de",
            b"PK\x03\x04",
        ),
        *(
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Type: multipart/mixed; boundary=c\r\n",
            b"--c\r\n",
            b"\x1f\x8b\x08",
        ),
        *(
            b"Content-Encoding: deflate\r\n",
            b"Content-Length: 99999999\r\n",
            b"x" * 3000,
            b"\x00\xff",
            b"Content-Disposition: x\r\n",
        ),
    ]
    drawn = st.lists(st.sampled_from(pieces), max_size=14).map(b"".join)
    bodies: list[bytes] = []
    tried(pytestconfig, drawn, bodies.append)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    async with TestClient(TestServer(app)) as client:
        for body in bodies:
            async with client.post("/verify", data=body, headers=form) as answer:
                assert answer.status < 500, body
    assert list(desk.folder.iterdir()) == []


def test_a_parser_that_crashes_is_found(pytestconfig: pytest.Config) -> None:
    with pytest.raises(OverflowError, match="too large"):
        tried(pytestconfig, st.sampled_from(ODD), lambda value: float(value) if isinstance(value, int) else None)
