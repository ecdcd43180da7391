"""States of a job, and secrets."""

from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.job import NEXT_STATES, JobState
from archiveworker.domain.secret import Secret


@given(st.lists(st.sampled_from(list(JobState)), max_size=12))
def test_no_walk_leaves_a_final_state_or_comes_back(wishes: list[JobState]) -> None:
    state, seen = JobState.AWAITING_PROCESSING, []
    for wish in wishes:
        if wish in NEXT_STATES[state]:
            seen.append(state)
            assert not state.is_final
            state = wish
    assert state not in seen


def test_every_state_is_in_the_table_and_reachable() -> None:
    reached = {JobState.AWAITING_PROCESSING}
    for _ in JobState:
        reached |= {following for state in reached for following in NEXT_STATES[state]}
    assert reached == set(JobState) == set(NEXT_STATES)


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("0123456789abcdef")
    assert "0123" not in f"{secret} {secret!r} {[secret]} {secret!s:>40}"
    assert secret.reveal() == "0123456789abcdef"
    assert not Secret("")
