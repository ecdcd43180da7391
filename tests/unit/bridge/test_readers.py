"""workUp's forms and answers, by its own key rule, and what cannot be told apart."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.bridge.readers import ReadForm, read_workup_answers, read_workup_form, workup_key
from archiveworker.domain.peer_review.kinds import CriterionType


def question(title: str, kind: str = "single-line-text", *choices: str, required: bool = False) -> dict[str, Any]:
    listed = [{"title": one.title(), "value": one, "checked": False} for one in choices]
    return {"title": title, "type": f"element-{kind}", "required": required, "position": 0, "choices": listed}


def form(*questions: dict[str, Any]) -> ReadForm:
    return read_workup_form(json.dumps({"title": "", "description": "", "fields": list(questions)}))


def answers(content: object, asked: ReadForm | None) -> dict[str | None, tuple[object, ...]]:
    read = read_workup_answers(json.dumps(content), asked)
    return {one.key: (one.criterion_id, one.text, one.value, one.option_ids) for one in read.answers}


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Is it clear?", "is_it_clear?"),
        ("What-if", "whatif"),
        ("A_b.c/d", "a_b.c/d"),
        ("[x]^\\", "[x]^\\"),
        ("50 % off!", "50__off"),
        ("优点", ""),
        ("Ünïcode", "ncode"),
    ],
)
def test_the_odd_key_rule(title: str, key: str) -> None:
    assert workup_key(title) == key


@given(st.text())
def test_a_key_is_what_the_rule_leaves(title: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9.-_]*", workup_key(title))


def test_every_kind_of_question() -> None:
    kinds = [
        "single-line-text",
        "number",
        "paragraph-text",
        "checkboxes",
        "multiple-choice",
        "dropdown",
        "section-break",
    ]
    read = form(*(question(f"Q{number}", kind, "a", "b") for number, kind in enumerate(kinds)))
    assert [one.type.value for one in read.criteria] == [
        "text",
        "number",
        "text",
        "multi",
        "choice",
        "choice",
        "section",
    ]
    assert [len(one.options) for one in read.criteria] == [0, 0, 0, 2, 2, 2, 0]
    assert read.criteria[-1].answer_key is None
    assert read.criteria[-1].required is None
    assert read.faults == ()


def test_a_form_is_read_as_workup_reads_it_without_backslashes() -> None:
    stored = json.dumps({"fields": [question("Say")]}).replace('"', '\\"')
    assert [one.title for one in read_workup_form(stored).criteria] == ["Say"]


@pytest.mark.parametrize("stored", [None, "", "no JSON", "[]", '{"fields": 3}', "[" * 100_000])
def test_a_form_that_cannot_be_read_is_a_fault(stored: str | None) -> None:
    read = read_workup_form(stored)
    assert read.criteria == ()
    assert "not in workUp's format" in read.faults[0]


def test_a_question_of_an_unknown_kind_is_a_fault() -> None:
    read = form(question("A"), question("B", "hologram"), question("C"))
    assert [one.id for one in read.criteria] == ["0", "2"]
    assert read.faults == ("question 2 of the form is of a kind that workUp does not have; it is left out",)


def test_answers_find_their_questions() -> None:
    asked = form(
        question("Text"), question("How many", "number"), question("Good", "checkboxes", "x", "y", "z"),
        question("Mark", "dropdown", "low", "high"),
    )  # fmt: skip
    given_ = {"_csrf_token": "secret", "text": "yes", "how_many": "3", "good_0": "x", "good_2": "z", "mark": "high"}
    assert answers(given_, asked) == {
        "text": ("0", "yes", None, ()),
        "how_many": ("1", None, 3.0, ()),
        "good_0 good_2": ("2", None, None, ("0", "2")),
        "mark": ("3", None, None, ("1",)),
    }


def test_what_nobody_can_tell_apart_is_handed_on_without_a_guess() -> None:
    asked = form(
        question("Same?"), question("SAME?"), question("优点"), question("A 0"), question("A", "checkboxes", "x"),
        question("B", "checkboxes", "x"), question("B", "dropdown", "y"),
    )  # fmt: skip
    given_ = {"same?": "1", "": "2", "a_0": "x", "b_0": "x", "b": "y"}
    assert all(one[0] is None for one in answers(given_, asked).values())
    assert set(answers(given_, asked)) == set(given_)


def test_answers_that_no_longer_fit_the_form() -> None:
    asked = form(
        question("Mark", "dropdown", "low", "high"), question("Good", "checkboxes", "x"), question("N", "number")
    )
    given_ = {"mark": "middle", "good_0": "w", "good_7": "x", "other": "1", "n": "many"}
    found = answers(given_, asked)
    assert [key for key, one in found.items() if one[0] is None] == ["mark", "good_0", "good_7", "other"]
    assert found["n"] == ("2", "many", None, ())


def test_text_that_is_no_form_is_the_comment() -> None:
    assert read_workup_answers("Well <b>done</b>", None).comment is not None
    assert read_workup_answers('["a"]', None).comment is not None
    assert read_workup_answers(None, None) == read_workup_answers("  ", None)


_TITLES = st.sampled_from(["A", "a", "A 0", "B", "?", "优", "C-1", "c1"])
_KINDS = st.sampled_from(["single-line-text", "checkboxes", "dropdown", "number", "section-break"])
_FORMS = st.lists(st.builds(lambda title, kind: question(title, kind, "x", "y"), _TITLES, _KINDS), max_size=6)
_GIVEN = st.dictionaries(
    st.sampled_from(["a", "a_0", "a_1", "b", "b_0", "?", "", "_0", "c1", "z"]), st.text(max_size=3)
)


@given(_FORMS, _GIVEN)
def test_no_answer_is_lost_and_none_is_guessed(questions: list[dict[str, Any]], content: dict[str, str]) -> None:
    asked = form(*questions)
    read = read_workup_answers(json.dumps(content), asked)
    assert sorted(" ".join(one.key or "" for one in read.answers).split()) == sorted(key for key in content if key)
    named = [one.criterion_id for one in read.answers if one.criterion_id is not None]
    assert len(named) == len(set(named))
    keys = [one.answer_key for one in asked.criteria if one.type is not CriterionType.SECTION]
    criteria = {one.id: one for one in asked.criteria}
    for answer in named:
        assert criteria[answer].answer_key
        assert keys.count(criteria[answer].answer_key) == 1
