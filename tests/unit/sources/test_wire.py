"""Writing parameters, reading answers, languages: pure functions."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.sources.moodle.failures import refused
from archiveworker.sources.moodle.verdicts import UNKNOWN, VERDICTS, Kind
from archiveworker.sources.moodle.wire import (
    NotJsonError,
    Refusal,
    first_json,
    flatten,
    language_of,
    refusal_in,
    text_of,
)

NAMES = st.text(st.characters(categories=("Ll", "Lu", "Nd")), min_size=1, max_size=8)
LEAVES = st.one_of(st.booleans(), st.integers(), st.text(st.characters(exclude_categories=("Cs",))))
PARAMS = st.dictionaries(
    NAMES,
    st.recursive(LEAVES, lambda leaf: st.one_of(st.lists(leaf, max_size=3), st.dictionaries(NAMES, leaf, max_size=3))),
    max_size=5,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


def php(pairs):
    """Read form fields as PHP does: brackets make arrays."""
    root: dict = {}
    for name, value in pairs:
        head, _, rest = name.partition("[")
        keys = [head, *(rest[:-1].split("][") if rest else [])]
        place = root
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return root


def as_php_would_say(value):
    match value:
        case bool():
            return str(int(value))
        case dict():
            return {key: said for key, v in value.items() if (said := as_php_would_say(v)) != {}}
        case list():
            return {str(n): said for n, v in enumerate(value) if (said := as_php_would_say(v)) != {}}
        case _:
            return str(value)


@given(params=PARAMS)
def test_php_reads_the_very_structure_that_was_meant(params):
    form = parse_qsl(urlencode(flatten(params)), keep_blank_values=True)

    assert php(form) == as_php_would_say(params)


def test_booleans_are_0_and_1():
    sent = flatten({"attachments": True, "sections": {"header": False, "history": "1"}, "ids": [7, 8]})

    assert sent == [
        ("attachments", "1"),
        ("sections[header]", "0"),
        ("sections[history]", "1"),
        ("ids[0]", "7"),
        ("ids[1]", "8"),
    ]


@given(value=JSON.filter(lambda v: not isinstance(v, int | float) or isinstance(v, bool)), tail=st.text())
def test_whatever_follows_the_first_value_is_ignored(value, tail):
    assert first_json(json.dumps(value) + tail) == value


@given(text=st.text().filter(lambda text: not text.strip("\ufeff \t\r\n").startswith(tuple('{["-0123456789tfnNI'))))
def test_any_other_text_is_no_value_and_the_error_does_not_carry_it(text):
    with pytest.raises(NotJsonError, match=".") as caught:
        first_json(text)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_abyss_of_brackets_is_no_value():
    with pytest.raises(NotJsonError, match="recursion|Expecting"):
        first_json("[" * 1_000_000)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": "OK"}, None),
        ([], None),
        ("errorcode", None),
        ({"errorcode": ""}, None),
        ({"exception": "a\\b", "message": "m"}, Refusal("a\\b", "m")),
        ({"exception": "e", "errorcode": "c"}, Refusal("c", "")),
        ({"error": "m", "errorcode": "c", "debuginfo": "secret things"}, Refusal("c", "m")),
        ({"message": "m", "errorcode": "invalidparameter", "debuginfo": "d"}, Refusal("invalidparameter", "m (d)")),
        ({"filename": "a", "errortype": "fileoversized", "error": "m"}, Refusal("fileoversized", "m")),
    ],
)
def test_an_error_is_one_without_debuginfo_too(answer, expected):
    assert refusal_in(answer) == expected


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ('<!DOCTYPE html>\n<html dir="ltr" lang="en" xml:lang="en">', "en"),
        ("<html LANG=de_AT>", "de-AT"),
        ("<html lang='zh-Hant-TW'>", "zh-Hant-TW"),
        ("<html>", None),
        ("<p lang='en'>", None),
        ("", None),
    ],
)
def test_the_language_is_that_of_the_page(html, language):
    assert language_of(html) == language


@pytest.mark.parametrize(("value", "text"), [(None, ""), (True, "1"), (0, "0"), ("ü", "ü"), (1.5, "1.5")])
def test_columns_become_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("code", [*VERDICTS, "never_seen"])
def test_every_verdict_makes_a_sentence_with_reason_and_advice(code):
    verdict = VERDICTS.get(code, UNKNOWN)
    error = refused("Moodle's function", Refusal(code, "m" * 1000))

    assert error.lms_code == code
    assert str(error).startswith("Moodle's function was refused ")
    assert str(error).endswith(f"; {verdict.advice}")
    assert len(str(error)) < 700
    assert (error.retry.value == "later") == (verdict.kind is Kind.LATER)
