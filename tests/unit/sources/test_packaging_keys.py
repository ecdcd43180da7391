"""Keys that no plugin sends but another LMS may: container, layout, retention; the same at every interface."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import RequestError
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout, ArchiveOptions
from archiveworker.domain.retention import RetentionRule
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.posted import quiz_request, task_request

BASE = "https://moodle.example.org"
CASES = [
    *((QuizArchiverSource(MoodleConfig()), quiz_request(version, BASE)) for version in range(1, 8)),
    (ArchivingmodQuizSource(MoodleConfig()), task_request("quiz", BASE)),
    (ArchivingmodAssignSource(MoodleConfig()), task_request("assign", BASE)),
]
QUIZ, BODY = CASES[6]


@pytest.mark.parametrize(("source", "body"), CASES)
def test_without_the_keys_the_settings_decide(source: Any, body: dict[str, Any]) -> None:
    options: ArchiveOptions = source.parse(body).options
    assert (options.archive_format, options.layout, options.retention) == (None, None, RetentionRule())
    nothing = body | {"archive_format": None, "archive_layout": None, "retention": None}
    assert source.parse(nothing).options == options


@pytest.mark.parametrize(("source", "body"), CASES)
def test_every_interface_takes_them_and_keeps_them_for_a_restart(source: Any, body: dict[str, Any]) -> None:
    retention = {"keep_until": "2036-12-31", "legal_basis": " § 12 Prüfungsordnung ", "deletion_class": "P-5"}
    keys = {"archive_format": "zip-stored", "archive_layout": "bagit", "retention": retention}
    request = source.parse(body | keys)
    assert request.options.archive_format is ArchiveFormat.ZIP_STORED
    assert request.options.layout is ArchiveLayout.BAGIT
    assert request.options.retention == RetentionRule(date(2036, 12, 31), None, "§ 12 Prüfungsordnung", "P-5")
    assert source.resume(request.payload, request.token).options == request.options


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"archive_format": "rar"}, "archive_format must be one of tar.gz, zip, zip-stored"),
        ({"archive_format": ["zip"]}, "archive_format must be one of"),
        ({"archive_layout": "bag"}, "archive_layout must be one of plugin, bagit"),
        ({"retention": "5 years"}, "retention must be an object"),
        (
            {"retention": {"keep_untill": "2030-01-01"}},
            "retention must be an object with nothing but keep_until, keep_years, legal",
        ),
        ({"retention": {"keep_until": "2030-01-01", "keep_years": 5}}, "retention must hold .*, not both"),
        ({"retention": {"keep_until": "1.1.2030"}}, "retention.keep_until must be a day, YYYY-MM-DD"),
        ({"retention": {"keep_until": "2030-02-30"}}, "retention.keep_until must be a day, YYYY-MM-DD"),
        ({"retention": {"keep_until": 20300101}}, "retention.keep_until must be a day, YYYY-MM-DD"),
        ({"retention": {"keep_years": 0}}, "retention.keep_years must be a whole number from 1 to 200"),
        ({"retention": {"keep_years": 4.5}}, "retention.keep_years must be a whole number"),
        ({"retention": {"legal_basis": "a\nb"}}, "retention.legal_basis must be one line of at most 500"),
        ({"retention": {"deletion_class": "x" * 101}}, "retention.deletion_class must be a text of 1 to 100"),
    ],
)
def test_a_wrong_key_is_named(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        QUIZ.parse(BODY | keys)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
_RULE = st.dictionaries(st.sampled_from(["keep_until", "keep_years", "legal_basis", "deletion_class", "x"]), _JSON)


@given(st.sampled_from(["archive_format", "archive_layout", "retention"]), _JSON | _RULE)
def test_any_value_is_taken_or_refused(key: str, value: object) -> None:
    try:
        QUIZ.parse(BODY | {key: value})
    except RequestError as exc:
        sentence = str(exc)
    else:
        sentence = key
    assert key in sentence
