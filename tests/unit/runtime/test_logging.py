"""No secret gets through the log."""

import io
import json
import logging

import pytest
import structlog

from archiveworker.domain.secret import Secret
from archiveworker.runtime.logging import configure, redact, set_level, subdued, take_as_ordinary

TOKEN = "3df4da0fca9b2c1fce497b62cc186d2e"


def _logged(**event: object) -> str:
    stream = io.StringIO()
    configure("DEBUG", as_json=True, stream=stream)
    structlog.get_logger("test").info("event", **event)
    logging.getLogger("foreign").warning("GET /x?token=%s&a=1", TOKEN)
    return stream.getvalue()


def test_tokens_are_starred_out_wherever_they_are() -> None:
    text = _logged(url=f"http://x/?wstoken={TOKEN}", nested={"a": [TOKEN]}, wstoken="short", secret=Secret("hidden"))
    assert TOKEN not in text
    assert "short" not in text
    assert "hidden" not in text
    assert next(json.loads(line)["event"] for line in text.splitlines()) == "event"


def test_a_traceback_is_starred_out_too() -> None:
    stream = io.StringIO()
    configure("DEBUG", as_json=True, stream=stream)
    try:
        raise ValueError(f"bad wstoken={TOKEN}")
    except ValueError:
        structlog.get_logger("test").exception("failed")
    assert TOKEN not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_what_is_no_secret_stays() -> None:
    assert redact("sha256 " + "a" * 64) == "sha256 " + "a" * 64
    assert redact({"pages": 3, "jobid": "c0199590-e54a-11f1-9fb7-02fc00000001"}) == {
        "pages": 3,
        "jobid": "c0199590-e54a-11f1-9fb7-02fc00000001",
    }


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_machines_read_json_and_people_do_not(stream: io.StringIO, is_json: bool) -> None:
    configure("INFO", stream=stream)
    structlog.get_logger("test").info("serving", port=8080)
    assert stream.getvalue().startswith("{") == is_json
    assert "serving" in stream.getvalue()


def test_the_level_can_be_changed_and_libraries_stay_quiet() -> None:
    stream = io.StringIO()
    configure("WARNING", as_json=True, stream=stream)
    log = structlog.get_logger("test")
    log.info("first")
    set_level("DEBUG")
    log.debug("second")
    logging.getLogger("sqlalchemy").info("third")
    set_level("WARNING")
    log.info("fourth")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["second"]


def test_a_library_that_is_stopped_says_in_one_line_what_goes_wrong() -> None:
    stream = io.StringIO()
    configure("DEBUG", as_json=True, stream=stream)
    library = logging.getLogger("dbos")
    with subdued("dbos"):
        library.warning("a task was cancelled")
        try:
            raise OSError("disk is gone")
        except OSError:
            library.exception("workflow %s:", 7)
    try:
        raise OSError("afterwards")
    except OSError:
        library.exception("later")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["workflow 7: OSError: disk is gone", "later"]
    assert "exception" not in lines[0]
    assert "Traceback" in lines[1]["exception"]


def test_what_is_ordinary_here_is_no_error_of_a_library() -> None:
    stream = io.StringIO()
    configure("INFO", as_json=True, stream=stream)
    library = logging.getLogger("library")
    for _ in range(2):  # a worker starts its engine once, tests do more often
        take_as_ordinary("library", LookupError)
    for error in (KeyError("cancelled"), OSError("disk is gone")):
        library.error("in a workflow:", exc_info=error)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [(line["level"], line["event"], "exception" in line) for line in lines]
    assert told == [("info", "in a workflow: KeyError: 'cancelled'", False), ("error", "in a workflow:", True)]
    set_level("WARNING")
    library.error("in a workflow:", exc_info=KeyError("cancelled"))
    assert len(stream.getvalue().splitlines()) == 2
    assert len(library.filters) == 1


def test_the_engine_writes_into_our_log_and_is_redacted() -> None:
    from dbos._logger import init_logger  # what DBOS does when it is made

    stream = io.StringIO()
    configure("INFO", as_json=True, stream=stream)
    init_logger()
    logging.getLogger("dbos").error("wstoken=%s", TOKEN)
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["logger"] == "dbos"
    assert TOKEN not in line
