"""What drivers hand out becomes values of the model, or is refused with a sentence."""

import contextlib
import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.bridge.values import (
    ValueFault,
    to_count,
    to_filename,
    to_flag,
    to_id,
    to_known,
    to_number,
    to_text,
    to_time,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, None),
        (7, "7"),
        (7.0, "7"),
        (Decimal("7.5"), "7.5"),
        (True, "true"),
        (b"\xc3\xa9\xff", "é\N{REPLACEMENT CHARACTER}"),
        (memoryview(b"x"), "x"),
        ({"a": ["é"]}, '{"a": ["é"]}'),
    ],
)
def test_text_of_any_driver(raw: object, text: str | None) -> None:
    assert to_text(raw) == text


@pytest.mark.parametrize("raw", [1, True, "1", "t", "TRUE", "yes", b"\x01", Decimal(1), 1.0])
def test_flags_that_are_set(raw: object) -> None:
    assert to_flag(raw) is True


@pytest.mark.parametrize("raw", [0, False, "0", "f", "False", "", b"\x00"])
def test_flags_that_are_not_set(raw: object) -> None:
    assert to_flag(raw) is False


@pytest.mark.parametrize("raw", [2, "perhaps", b"\x02"])
def test_flags_that_are_none(raw: object) -> None:
    with pytest.raises(ValueFault, match="is neither true nor false"):
        to_flag(raw)


@pytest.mark.parametrize("raw", ["x", "nan", math.inf, b"7", "1e999"])
def test_numbers_that_are_none(raw: object) -> None:
    with pytest.raises(ValueFault, match="is no number"):
        to_number(raw)


def test_numbers() -> None:
    assert [to_number(one) for one in (None, "7.5", Decimal("7.5"), 7)] == [None, 7.5, 7.5, 7.0]
    assert to_count("7") == 7
    with pytest.raises(ValueFault, match=r"7\.5 is no whole number"):
        to_count(7.5)


@pytest.mark.parametrize(
    ("raw", "reader", "iso"),
    [
        ("2026-05-04 12:00:00", "time", "2026-05-04T12:00:00+00:00"),
        ("2026-05-04 12:00:00.123456", "time", "2026-05-04T12:00:00.123456+00:00"),
        ("2026-05-04 12:00:00+02", "time", "2026-05-04T10:00:00+00:00"),
        (datetime(2026, 5, 4, 12, tzinfo=UTC), "time", "2026-05-04T12:00:00+00:00"),
        ("2026-05-04", "end_of_day", "2026-05-05T00:00:00+00:00"),
        (date(2026, 12, 31), "end_of_day", "2027-01-01T00:00:00+00:00"),
        ("1777900000", "epoch", "2026-05-04T13:06:40+00:00"),
        (1777900000.0, "epoch", "2026-05-04T13:06:40+00:00"),
    ],
)
def test_times(raw: object, reader: str, iso: str) -> None:
    moment = to_time(raw, reader)
    assert moment is not None
    assert moment.isoformat() == iso


@pytest.mark.parametrize(
    ("raw", "reader"),
    [
        ("0000-00-00 00:00:00", "time"),
        ("infinity", "time"),
        ("0044-03-15 00:00:00 BC", "time"),
        ("1000-01-01 00:00:00", "time"),
        ("2026-02-30", "end_of_day"),
        ("9999-12-31", "end_of_day"),
        ("0", "epoch"),
        ("1e40", "epoch"),
        ("nan", "epoch"),
        ("yesterday", "time"),
    ],
)
def test_times_that_cannot_be(raw: str, reader: str) -> None:
    with pytest.raises(ValueFault, match="is no time"):
        to_time(raw, reader)


@given(st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2190-01-01")))
def test_wall_clock_time_is_taken_as_it_stands(moment: datetime) -> None:
    assert to_time(str(moment), "time") == moment.replace(tzinfo=UTC)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.none()))
def test_whatever_stands_there_is_a_value_or_a_fault(raw: object) -> None:
    for convert in (to_number, to_flag, to_count, lambda one: to_time(one, "time"), lambda one: to_time(one, "epoch")):
        with contextlib.suppress(ValueFault):
            convert(raw)  # type: ignore[operator]


@given(st.text())
def test_names_of_files_have_no_folder_and_no_control_characters(name: str) -> None:
    kept = to_filename(name)
    if kept is not None:
        assert "/" not in kept
        assert all(char.isprintable() or ord(char) > 0x9F for char in kept)


def test_ids_and_words() -> None:
    assert to_id(12) == "12"
    with pytest.raises(ValueFault, match="an id is empty"):
        to_id("")
    known = {"true": "staff", "false": "student", "null": "student", "7": "seven"}
    assert [to_known(one, known, "a role") for one in (1, 0, None, True, 7)] == [
        "staff", "student", "student", "staff", "seven",
    ]  # fmt: skip
    with pytest.raises(ValueFault, match="does not say what 'x' means as a role"):
        to_known("x", known, "a role")


def test_a_long_value_is_not_shown_whole() -> None:
    with pytest.raises(ValueFault) as caught:
        to_number("secret " * 100)
    assert len(str(caught.value)) < 80
    assert to_time(None, "time") is None
