"""Raw answers survive a crash at any byte, and their order in the archive says nothing."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.sources.reviewed.raw import RawAnswers

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner)
    ),
    max_leaves=6,
)
ANSWERS = st.dictionaries(st.integers(0, 50), VALUES.filter(lambda one: one is not None), max_size=8)


@given(ANSWERS, st.data())
def test_a_crash_loses_the_line_that_was_being_written_and_nothing_else(
    answers: dict[int, object], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "answers"
        raw = RawAnswers(folder)
        ends = []
        for number, answer in answers.items():
            raw.keep("get_page", {"page": number, "of": "17"}, answer)
            ends.append((folder / "get_page.jsonl").stat().st_size)
        if ends:
            cut = data.draw(st.integers(0, ends[-1]))
            with (folder / "get_page.jsonl").open("r+b") as file:
                file.truncate(cut)
            whole = sum(end <= cut for end in ends)
        else:
            whole = 0
        again = RawAnswers(folder)
        for at, (number, answer) in enumerate(answers.items()):
            assert again.kept("get_page", {"of": "17", "page": number}) == (answer if at < whole else None)
        for number, answer in answers.items():
            again.keep("get_page", {"page": number, "of": "17"}, answer)
            assert again.kept("get_page", {"page": number, "of": "17"}) == answer


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(answers: dict[int, object], order: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        exported = []
        for run in ("a", "b"):
            numbers = list(answers)
            order.shuffle(numbers)
            raw = RawAnswers(Path(name) / run)
            for number in numbers:
                raw.keep("get_page", {"page": number}, answers[number])
            raw.export(Path(name) / f"{run}.raw")
            exported.append({file.name: file.read_bytes() for file in (Path(name) / f"{run}.raw").iterdir()})
        assert exported[0] == exported[1]
        assert sum(data.count(b"\n") for data in exported[0].values()) == len(answers)


def test_the_last_answer_counts(tmp_path: Path) -> None:
    raw = RawAnswers(tmp_path / "answers")
    raw.keep("f", {}, 1)
    raw.keep("f", {}, 2)
    raw.export(tmp_path / "raw")
    assert raw.kept("f", {}) == 2
    assert (tmp_path / "raw" / "f.jsonl").read_bytes() == b'{"answer":2,"request":{}}\n'


def test_forgetting(tmp_path: Path) -> None:
    raw = RawAnswers(tmp_path / "answers")
    raw.keep("f", {}, 1)
    raw.keep("g", {}, 2)
    assert raw.forget_one("f")
    assert not raw.forget_one("f")
    assert RawAnswers(tmp_path / "answers").kept("f", {}) is None
    assert raw.kept("g", {}) == 2
    raw.forget()
    assert raw.kept("g", {}) is None
    assert not (tmp_path / "answers").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Get", "a" * 99])
def test_names_are_those_of_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a name for raw answers"):
        RawAnswers(tmp_path / "answers").keep(name, {}, 1)
