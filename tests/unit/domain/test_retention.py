"""How long an archive is kept: rules, and what they give for some data."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.retention import MAX_KEEP_YEARS, Retention, RetentionRule, day, is_one_line

AT = datetime(2026, 3, 6, 23, 59, 59, tzinfo=UTC)
DEFAULT = RetentionRule(keep_years=5, legal_basis="by default", deletion_class="D")


def test_years_count_from_the_data() -> None:
    assert RetentionRule(keep_years=5).applied(AT).keep_until == date(2031, 3, 6)


def test_29_february_is_kept_a_day_longer_rather_than_shorter() -> None:
    leap = datetime(2024, 2, 29, tzinfo=UTC)
    assert RetentionRule(keep_years=1).applied(leap).keep_until == date(2025, 3, 1)
    assert RetentionRule(keep_years=4).applied(leap).keep_until == date(2028, 2, 29)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2243, 1, 1)), st.integers(1, MAX_KEEP_YEARS))  # noqa: DTZ001
def test_it_is_never_kept_shorter_than_the_years(newest: datetime, years: int) -> None:
    until = RetentionRule(keep_years=years).applied(newest).keep_until
    assert until is not None
    assert until.year == newest.year + years
    assert (until.month, until.day) >= (newest.month, newest.day)


@pytest.mark.parametrize(
    ("job", "result"),
    [
        (RetentionRule(), DEFAULT),
        (RetentionRule(keep_years=1), RetentionRule(None, 1, "by default", "D")),
        (RetentionRule(keep_until=date(2030, 1, 1)), RetentionRule(date(2030, 1, 1), None, "by default", "D")),
        (RetentionRule(legal_basis="mine"), RetentionRule(None, 5, "mine", "D")),
    ],
)
def test_a_job_comes_before_the_settings_field_by_field(job: RetentionRule, result: RetentionRule) -> None:
    assert job.over(DEFAULT) == result


def test_what_cannot_be_told_or_is_past_is_said() -> None:
    today = date(2026, 11, 21)
    assert "cannot be told" in RetentionRule(keep_years=5).applied(None).warning(today)
    assert "which is past" in Retention(keep_until=date(2026, 11, 20)).warning(today)
    assert Retention(keep_until=today).warning(today) == ""
    assert Retention().warning(today) == ""
    assert Retention().labels == ()


@pytest.mark.parametrize(
    "text", ["20300101", "2030-1-1", "2030-02-30", "2030-01-01T00:00", "", "٢٠٣٠-٠١-٠١", "tomorrow"]
)
def test_only_one_form_of_a_day_is_known(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY-MM-DD|range"):
        day(text)


@pytest.mark.parametrize(("text", "good"), [("§ 12, ü", True), ("a\nb", False), ("a\u2028b", False), ("abcdef", False)])
def test_one_line_is_one_line(text: str, good: bool) -> None:
    assert is_one_line(text, max_chars=7 if good or len(text) < 5 else 5) is good
