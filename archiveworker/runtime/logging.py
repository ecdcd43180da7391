"""Structured logging: JSON where a machine reads, colours where a person does; and a last guard against secrets.

Modules log events with keys (``log.info("page_rendered", pages=3)``), never sentences or payloads. ``Secret`` is the
first guard, the redacting processor the second: it stars out values that look like a token of Moodle and values under
a telling key. Accepted risk: a secret of an unknown shape under an innocent key is not recognised.
"""

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

import structlog

_SECRET_KEYS: Final = re.compile(r"(?i)(token|password|passwd|secret|authorization|cookie|sesskey)")
_IN_TEXT: Final = re.compile(
    r"(?i)(?P<key>\b(?:ws)?token|password|sesskey|authorization)(?P<sep>[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"'&,;}]+)"
)
_MOODLE_TOKEN: Final = re.compile(r"(?<![0-9a-fA-F])[0-9a-f]{32}(?![0-9a-fA-F])")
STARS: Final = "***"
_NOISY: Final = ("asyncio", "aiohttp.access", "alembic", "dbos", "PIL", "pikepdf", "pypdf", "sqlalchemy", "urllib3")

_OWN_HANDLERS: Final = ("dbos",)


def redact(value: object) -> object:
    """Return ``value`` with everything starred out that looks like a secret."""
    if isinstance(value, str):
        return _MOODLE_TOKEN.sub(STARS, _IN_TEXT.sub(rf"\g<key>\g<sep>{STARS}", value))
    if isinstance(value, dict):
        return {k: STARS if _SECRET_KEYS.search(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v) for v in value]
    return value


def _redact_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = STARS if _SECRET_KEYS.search(key) else redact(value)
    return event


def configure(level: str, *, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging once for the process.

    Args:
        level: DEBUG, INFO, WARNING or ERROR; talkative libraries stay at WARNING or above.
        as_json: one JSON object a line; None decides by whether ``stream`` is a terminal.
        stream: where to write; standard error by default.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if as_json is None else as_json
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.getLogger().handlers[:] = [handler]
    for name in _OWN_HANDLERS:
        # What has a handler already gives itself none: its lines would be of another form, and not redacted.
        logging.getLogger(name).handlers[:] = [logging.NullHandler()]
        logging.getLogger(name).propagate = True
    set_level(level)


@contextlib.contextmanager
def subdued(name: str) -> Iterator[None]:
    """Have a library say in one line each what goes wrong while it is stopped, and nothing of less weight.

    Args:
        name: of its logger.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_in_one_line)
    try:
        yield
    finally:
        logger.removeFilter(_in_one_line)


def take_as_ordinary(name: str, *errors: type[Exception]) -> None:
    """Have a library report errors that are none here at level INFO, in one line each.

    Args:
        name: of its logger.
        errors: classes of them.
    """
    logging.getLogger(name).addFilter(_Ordinary(errors))


@dataclass(frozen=True, slots=True)
class _Ordinary:
    errors: tuple[type[Exception], ...]

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], self.errors):
            _name_the_cause(record)
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return record.levelno >= logging.getLogger().level


def _in_one_line(record: logging.LogRecord) -> bool:
    _name_the_cause(record)
    return record.levelno >= logging.ERROR


def _name_the_cause(record: logging.LogRecord) -> None:
    """Put the error into the line, in place of its traceback."""
    if record.exc_info and record.exc_info[1] is not None:
        cause = record.exc_info[1]
        record.msg, record.args = f"{record.getMessage()} {type(cause).__name__}: {cause}", ()
        record.exc_info = record.exc_text = None


def set_level(level: str) -> None:
    """Change at run time from which level on events are written.

    Args:
        level: as in ``configure``.
    """
    root = logging.getLogger()
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
