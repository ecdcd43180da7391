"""Bearer tokens: only ours, only for their system and time, and nothing can be made of one but itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.bridge.tokens import ALL, Tokens, parse_life
from archiveworker.domain.errors import BearerRefusedError, RequestError, SettingsError
from archiveworker.domain.secret import Secret

KEY = Secret("k" * 32)
HOUR = timedelta(hours=1)


class StoppedClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic_s(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def test_a_token_says_what_it_may_read_until_its_end(clock: StoppedClock) -> None:
    tokens = Tokens(KEY, "workup", clock)
    token = tokens.make("12", HOUR).reveal()
    bearer = tokens.read(f"Bearer {token}")
    assert (bearer.may_read("12"), bearer.may_read("13"), bearer.may_read(ALL)) == (True, False, False)
    assert tokens.read(f"bearer  {token} ") == bearer
    clock.time += HOUR - timedelta(seconds=1)
    assert tokens.read(f"Bearer {token}") == bearer
    clock.time += timedelta(seconds=1)
    with pytest.raises(BearerRefusedError, match="has expired"):
        tokens.read(f"Bearer {token}")


def test_a_token_for_all(clock: StoppedClock) -> None:
    bearer = Tokens(KEY, "workup", clock).read(f"Bearer {Tokens(KEY, 'workup', clock).make(ALL, HOUR).reveal()}")
    assert bearer.may_read("anything")


def test_another_key_or_system_makes_no_token_of_ours(clock: StoppedClock) -> None:
    tokens = Tokens(KEY, "workup", clock)
    for other in (Tokens(Secret("l" * 32), "workup", clock), Tokens(KEY, "crowdsessment", clock)):
        with pytest.raises(BearerRefusedError, match="unknown"):
            tokens.read(f"Bearer {other.make('12', HOUR).reveal()}")


def test_a_page_token_opens_no_door_and_a_bearer_token_no_page(clock: StoppedClock) -> None:
    tokens = Tokens(KEY, "workup", clock)
    page = tokens.make_page("1 reviews", [3, "x"])
    assert tokens.read_page("1 reviews", page) == [3, "x"]
    with pytest.raises(BearerRefusedError, match="unknown"):
        tokens.read(f"Bearer awb1.{page}")
    with pytest.raises(RequestError, match="next_page_token"):
        tokens.read_page("1 reviews", tokens.make("12", HOUR).reveal().removeprefix("awb1."))


@given(st.data())
def test_no_changed_token_is_good(data: st.DataObject) -> None:
    tokens = Tokens(KEY, "workup", StoppedClock())
    token = tokens.make("12", HOUR).reveal()
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters(codec="utf-8").filter(lambda one: one != token[place] and not one.isspace()))
    with pytest.raises(BearerRefusedError, match="unknown"):
        tokens.read(f"Bearer {token[:place]}{char}{token[place + 1 :]}")


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(BearerRefusedError, match="missing"):
        Tokens(KEY, "workup", StoppedClock()).read(text)


def test_keys_and_lives(clock: StoppedClock) -> None:
    for key in (None, Secret(""), Secret("k" * 31)):
        with pytest.raises(SettingsError, match="at least 32 characters"):
            Tokens(key, "workup", clock)
    assert [parse_life(one) for one in ("90s", "30m", "1h", "2d")] == [
        timedelta(seconds=90), timedelta(minutes=30), HOUR, timedelta(days=2),
    ]  # fmt: skip
    for text in ("", "h", "1", "1w", "-1h", "0h", "1 h", "١h", "9999999d"):
        with pytest.raises(RequestError, match="--ttl must be"):
            parse_life(text)
    with pytest.raises(RequestError, match="at most 7 days"):
        Tokens(KEY, "workup", clock).make("12", timedelta(days=8))
