"""What a plugin posts is taken or refused with one sentence that names the field; nothing else ever comes out."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archiveworker.domain.errors import RequestError
from archiveworker.domain.job import ArchiveRequest
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.quiz_archiver.versions import API_VERSIONS
from tests.contract.sources.posted import backup, quiz_request, task_request

BASE = "https://moodle.example.org/learn"
CONFIG = MoodleConfig(max_items=1000, max_backups=3)
QUIZ = QuizArchiverSource(CONFIG)
SOURCES = [QUIZ, ArchivingmodQuizSource(CONFIG), ArchivingmodAssignSource(CONFIG)]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return ``body`` with the field at ``a.b.c`` set, or removed when ``value`` is an ellipsis."""
    head, _, rest = path.partition(".")
    if rest:
        return body | {head: changed(body[head], rest, value)}
    if value is ...:
        return {key: kept for key, kept in body.items() if key != head}
    return body | {head: value}


TASK = "task_archive_quiz_attempts"
WRONG = [
    ("api_version", ..., "api_version is missing; it must be a whole number, 1 to 7"),
    ("api_version", "7", "api_version must be a whole number"),
    ("api_version", True, "api_version must be a whole number"),
    ("api_version", 8, "api_version 8 is not known here"),
    ("api_version", 0, "api_version 0 is not known here"),
    ("wstoken", ..., "wstoken is missing"),
    ("wstoken", "", "wstoken must be a token"),
    ("wstoken", "a b", "wstoken must be a token"),
    ("moodle_base_url", ..., "moodle_base_url is missing"),
    ("moodle_base_url", "ftp://x", "moodle_base_url is not an address"),
    ("moodle_ws_url", "https://moodle.example.org/x", "moodle_ws_url is not an address .* must end with"),
    ("moodle_ws_url", "https://evil.test/webservice/rest/server.php", "moodle_ws_url .* same host"),
    ("moodle_upload_url", 7, "moodle_upload_url must be a text"),
    ("courseid", 0, "courseid must be a whole number from 1"),
    ("cmid", "x", "cmid must be a whole number"),
    ("quizid", ..., "quizid is missing"),
    ("archive_filename", ..., "archive_filename is missing"),
    ("archive_filename", "a/b", "archive_filename must be a file name without extension, without a path"),
    ("archive_filename", "..", "archive_filename must be a file name"),
    ("archive_filename", "a\\b", "archive_filename must be a file name"),
    ("archive_filename", "a\nb", "archive_filename must be a file name"),
    ("archive_filename", "  ", "archive_filename must be a text"),
    ("archive_filename", "x" * 1025, "archive_filename must be a text of 1 to 1024"),
    (TASK, [], f"{TASK} must be an object"),
    (TASK, None, f"{TASK} and task_moodle_backups are both empty"),
    (f"{TASK}.attemptids", [], f"{TASK}.attemptids must be a list of 1 to 1000 different positive whole numbers"),
    (f"{TASK}.attemptids", [1, 1], "different positive"),
    (f"{TASK}.attemptids", [0], "different positive"),
    (f"{TASK}.attemptids", [True], "different positive"),
    (f"{TASK}.attemptids", ["1"], "different positive"),
    (f"{TASK}.attemptids", list(range(1, 1002)), "list of 1 to 1000"),
    (f"{TASK}.fetch_metadata", "yes", f"{TASK}.fetch_metadata must be true or false"),
    (f"{TASK}.sections", [], f"{TASK}.sections must be an object"),
    (f"{TASK}.sections.header", 2, f"{TASK}.sections.header must be true or false"),
    (f"{TASK}.sections", ..., f"{TASK}.sections is missing"),
    (f"{TASK}.sections", {"header][x": "1"}, f"{TASK}.sections must have at most 64 entries, named by letters"),
    (f"{TASK}.paper_format", "B5", f"{TASK}.paper_format must be one of A0, .*Letter"),
    (f"{TASK}.keep_html_files", 1.0, "keep_html_files must be true or false"),
    (f"{TASK}.foldername_pattern", ..., "foldername_pattern is missing"),
    (f"{TASK}.filename_pattern", "", "filename_pattern must be a text"),
    (f"{TASK}.image_optimize", ..., "image_optimize is missing"),
    (f"{TASK}.image_optimize", True, "image_optimize must be false or an object"),
    (f"{TASK}.image_optimize", {"width": 1, "height": 1}, "image_optimize.quality is missing"),
    (f"{TASK}.image_optimize", {"width": 0, "height": 1, "quality": 1}, "image_optimize.width must be a whole number"),
    (
        f"{TASK}.image_optimize",
        {"width": 1, "height": 1, "quality": 101},
        "quality must be a whole number from 0 to 100",
    ),
    ("task_moodle_backups", {}, "task_moodle_backups must be a list"),
    ("task_moodle_backups", [backup(BASE, n) for n in range(4)], "at most 3 objects"),
    ("task_moodle_backups", [backup(BASE), backup(BASE)], r"task_moodle_backups\[1\]\.filename must be different"),
    ("task_moodle_backups", [backup(BASE), backup(BASE, filename="x.mbz")], "must not hold the same backupid twice"),
    ("task_moodle_backups", [backup(BASE, filename="../x.mbz")], r"task_moodle_backups\[0\]\.filename must be a file"),
    ("task_moodle_backups", [backup("http://evil.invalid")], r"\[0\]\.file_download_url is not an address"),
    ("task_moodle_backups", [backup(BASE, backupid=None)], r"\[0\]\.backupid must be a text"),
    ("moodle_max_upload_bytes", "lots", "moodle_max_upload_bytes must be a whole number"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_a_wrong_field_is_named_in_one_sentence(path, value, sentence):
    with pytest.raises(RequestError, match=sentence) as caught:
        QUIZ.parse(changed(quiz_request(7, BASE), path, value))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", API_VERSIONS)
def test_every_key_of_a_version_is_required(version):
    body = quiz_request(version, BASE)
    optional = {"task_archive_quiz_attempts", "task_moodle_backups"}
    paths = [key for key in body if key not in optional] + [f"{TASK}.{key}" for key in body[TASK]]
    assert QUIZ.parse(body).lms_base_url == BASE

    for path in paths:
        if path == f"{TASK}.image_optimize" and version < 6:
            continue
        with pytest.raises(RequestError, match=f"{path.rpartition('.')[2]} is missing"):
            QUIZ.parse(changed(body, path, ...))


@pytest.mark.parametrize("version", API_VERSIONS)
def test_keys_of_newer_versions_are_no_error(version):
    newest = quiz_request(7, BASE, moodle_max_upload_bytes=5_000_000) | {"a_key_of_the_future": [1]}

    assert QUIZ.parse(newest | {"api_version": version}).options.archive_name == newest["archive_filename"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("quiz-archive-ARCH101-2-Prüfung #1 (B)-1-2026-11-21_01-18-34", None),
        ("Pru\u0308fung", "Prüfung"),
        ("試験 2026 🎓", None),
        (" padded. ", "padded"),
    ],
)
def test_names_that_people_give_are_kept(name, kept):
    assert QUIZ.parse(quiz_request(7, BASE, archive_filename=name)).options.archive_name == (kept or name)


def test_a_long_name_is_shortened_and_keeps_its_end():
    name = QUIZ.parse(quiz_request(7, BASE, archive_filename="試験" * 200 + "-2026")).options.archive_name

    assert len(name.encode()) <= 200
    assert name.endswith("-2026")


def test_before_version_4_the_base_address_is_that_of_the_rest_server():
    assert QUIZ.parse(quiz_request(1, BASE)).lms_base_url == BASE


@pytest.mark.parametrize("value", [0, -1, None])
def test_no_limit_for_uploads_is_no_limit(value):
    assert QUIZ.parse(quiz_request(7, BASE, moodle_max_upload_bytes=value))


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("api_version", 2, "api_version 2 is not known here; it must be 1"),
        ("taskid", None, "taskid must be a whole number"),
        ("moodle_api", ..., "moodle_api is missing; it must be an object"),
        ("moodle_api.wstoken", ..., "moodle_api.wstoken is missing"),
        (
            "moodle_api.webservice_url",
            "https://x.test/webservice/rest/server.php",
            "moodle_api.webservice_url .*same host",
        ),
        ("moodle_api.base_url", 3, "moodle_api.base_url must be a text"),
        ("job", None, "job must be an object"),
        ("job.report_sections", ..., "job.report_sections is missing"),
        ("job.paper_format", "A9", "job.paper_format must be one of"),
        ("job.archive_filename", "a/b", "job.archive_filename must be a file name"),
        ("job.archive_flatten", "x", "job.archive_flatten must be true or false"),
    ],
)
@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda source: source.name)
def test_a_wrong_field_of_archivingmod_is_named(source, path, value, sentence):
    body = task_request(source.name.removeprefix("archivingmod_"), BASE)
    with pytest.raises(RequestError, match=sentence):
        source.parse(changed(body, path, value))


@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda source: source.name)
def test_archivingmod_keeps_its_token_apart(source):
    body = task_request(source.name.removeprefix("archivingmod_"), BASE)
    request = source.parse(body)

    assert body["moodle_api"]["wstoken"] not in repr(request)
    assert request.payload["moodle_api"].keys() == body["moodle_api"].keys() - {"wstoken"}
    assert source.resume(request.payload, request.token) == request


def test_archivingmod_assign_may_send_no_patterns():
    body = task_request("assign", BASE, foldername_pattern=None, filename_pattern=None)

    assert isinstance(SOURCES[2].parse(body), ArchiveRequest)


def test_settings_that_php_left_as_texts_are_numbers():
    body = task_request("quiz", BASE, image_optimize={"width": "800", "height": "600", "quality": "80"})

    assert SOURCES[1].parse(body).options.render.image_limit.width_px == 800


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@given(body=st.dictionaries(st.text(), JSON, max_size=5))
def test_any_object_is_taken_or_refused(source, body):
    with pytest.raises(RequestError, match="."):
        source.parse(body)


@given(key=st.sampled_from(sorted(quiz_request(7, BASE))), value=JSON, version=st.integers(1, 7))
@example(key="moodle_base_url", value="http://\ud800", version=7)
@example(key="archive_filename", value="\ud800", version=7)
@example(key="moodle_base_url", value="http://" + "a" * 300 + ".test", version=7)
def test_any_value_of_any_field_is_taken_or_refused(key, value, version):
    assert_taken_or_refused(QUIZ, quiz_request(version, BASE) | {key: value})


@given(key=st.sampled_from(sorted(quiz_request(7, BASE)[TASK])), value=JSON)
@example(key="sections", value={"\n": None})
def test_any_value_in_the_task_is_taken_or_refused(key, value):
    assert_taken_or_refused(QUIZ, changed(quiz_request(7, BASE), f"{TASK}.{key}", value))


@given(key=st.sampled_from(sorted(backup(BASE))), value=JSON)
@example(key="file_download_url", value="http://\x7f/")
@example(key="filename", value="con")
def test_any_value_in_a_backup_is_taken_or_refused(key, value):
    assert_taken_or_refused(QUIZ, quiz_request(7, BASE, task_moodle_backups=[backup(BASE, **{key: value})]))


@given(key=st.sampled_from(sorted(task_request("assign", BASE)["job"])), value=JSON)
def test_any_value_in_a_job_is_taken_or_refused(key, value):
    assert_taken_or_refused(SOURCES[2], task_request("assign", BASE, **{key: value}))


@given(key=st.sampled_from(["wstoken", "base_url", "webservice_url", "upload_url", "max_upload_bytes"]), value=JSON)
def test_any_value_of_an_address_is_taken_or_refused(key, value):
    assert_taken_or_refused(SOURCES[1], changed(task_request("quiz", BASE), f"moodle_api.{key}", value))


def assert_taken_or_refused(source, body):
    try:
        request = source.parse(body)
    except RequestError as exc:
        complaint = str(exc)
    else:
        complaint = ""
        assert source.resume(request.payload, request.token) == request
    assert "\n" not in complaint
