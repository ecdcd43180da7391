"""Forms of all four strategies come back as they were made; the demo LMS writes them, independently of the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.demo.workshop import Assessment, Dimension, Given, Workshop
from archiveworker.demo.workshop_forms import form_definition
from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.kinds import CriterionType, Strategy, TextFormat
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.forms import FilledForm, read_form, short_title
from tests.unit.sources.workshop import answers as a

_COMMENTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&>"), min_size=1, max_size=30)


def read(workshop: Workshop, *given_: Given, mode: str = "assessment") -> FilledForm:
    assessment = Assessment(1, 1, 1, 0, given=given_)
    answer = form_definition(workshop, assessment, a.BASE, mode)
    return read_form(Entry(answer, "form"), Strategy(workshop.strategy), "1")


def made(strategy: str, *dimensions: Dimension, **more: object) -> Workshop:
    return Workshop(1, 1, 1, "w", strategy, dimensions, **more)  # type: ignore[arg-type]


@given(st.integers(1, 100), st.data())
def test_points(best: int, data: st.DataObject):
    score, comment = data.draw(st.integers(0, best)), data.draw(_COMMENTS)
    filled = read(made("accumulative", Dimension(5, "<p>x</p>", weight=3, grade=best)), Given(5, float(score), comment))

    [criterion], [answer] = filled.form.criteria, filled.answers
    assert (criterion.type, criterion.min, criterion.max, criterion.weight) == (CriterionType.POINTS, 0, best, 3)
    assert (answer.value, answer.comment) == (score, Text(comment, TextFormat.HTML))
    assert answer.raw == f"{score}.00000"


@given(st.lists(st.sampled_from(["poor", "so-so", "sehr gut", "良い"]), min_size=1, max_size=4, unique=True), st.data())
def test_a_scale_is_its_items_and_the_grade_their_number(items: list[str], data: st.DataObject):
    chosen = data.draw(st.integers(1, len(items)))
    dimension = Dimension(5, "x", grade=-3, scale=", ".join(items))
    filled = read(made("accumulative", dimension), Given(5, float(chosen)))

    [criterion], [answer] = filled.form.criteria, filled.answers
    assert criterion.type is CriterionType.SCALE
    assert [option.label.body for option in criterion.options] == items
    assert (criterion.min, criterion.max) == (1, len(items))
    assert (answer.value, answer.option_ids) == (chosen, (str(chosen),))


def test_a_scale_without_its_items_keeps_the_number():
    form = a.points(5, best=-3, given="2.00000")
    form["dimensionsinfo"] = [{"id": 5, "min": 1, "max": 4, "weight": "1"}]
    filled = read_form(Entry(form, "form"), Strategy.ACCUMULATIVE, "1")

    assert (filled.form.criteria[0].options, filled.form.criteria[0].max) == ((), 4)
    assert (filled.answers[0].value, filled.answers[0].option_ids) == (2, ())


def test_nothing_chosen_is_no_score():
    [answer] = read_form(Entry(a.points(5, given="-1"), "form"), Strategy.ACCUMULATIVE, "1").answers

    assert (answer.value, answer.raw) == (None, "-1")


def test_a_comment_alone_is_a_text_with_its_line_breaks():
    comment = "One &amp; two<br />three"
    for strategy in ("comments", "accumulative"):
        filled = read(made(strategy, Dimension(5, "x")), Given(5, 100.0, comment))
        assert filled.form.criteria[0].type is CriterionType.TEXT
        assert (filled.answers[0].text, filled.answers[0].value) == ("One & two\nthree", None)
        assert filled.answers[0].raw == comment


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_assertions(held: list[bool]):
    dimensions = [Dimension(n, "x", weight=n, labels=("Nein", "Ja")) for n in range(1, len(held) + 1)]
    workshop = made("numerrors", *dimensions, error_grades=((1, 75), (3, 0)))
    filled = read(workshop, *(Given(n, float(one), "c") for n, one in enumerate(held, start=1)))

    assert [answer.value for answer in filled.answers] == [float(one) for one in held]
    assert [answer.option_ids for answer in filled.answers] == [(str(int(one)),) for one in held]
    assert [o.label.body for o in filled.form.criteria[0].options] == ["Nein", "Ja"]
    assert "0: 100 %, 1 or more: 75 %, 3 or more: 0 %" in (filled.form.description or Text("")).body


@given(st.integers(1, 5), st.integers(1, 6), st.data())
def test_rubrics(dimension_count: int, level_count: int, data: st.DataObject):
    dimensions = [
        Dimension(n, "x", levels=tuple((10 * n + level, 2.5 * level, f"level {level}") for level in range(level_count)))
        for n in range(1, dimension_count + 1)
    ]
    chosen = [data.draw(st.integers(0, level_count - 1)) for _ in dimensions]
    filled = read(made("rubric", *dimensions), *(Given(n, 2.5 * one) for n, one in enumerate(chosen, start=1)))

    assert [answer.value for answer in filled.answers] == [2.5 * one for one in chosen]
    assert [answer.option_ids for answer in filled.answers] == [
        (str(10 * n + one),) for n, one in enumerate(chosen, start=1)
    ]
    assert all(len(criterion.options) == level_count for criterion in filled.form.criteria)
    assert all(answer.comment is None for answer in filled.answers)


def test_a_level_that_was_removed_is_named_without_a_grade():
    workshop = made("rubric", Dimension(5, "x", levels=((51, 0.0, "no"), (52, 3.0, "yes"))))
    answer = form_definition(workshop, Assessment(1, 1, 1, 0, given=(Given(5, 3.0),)), a.BASE, "assessment")
    answer["current"][1]["value"] = "99"
    [given_] = read_form(Entry(answer, "form"), Strategy.RUBRIC, "1").answers

    assert (given_.value, given_.option_ids, given_.raw) == (None, ("99",), "99")


def test_the_form_of_a_pending_assessment_has_no_answers():
    assert read(made("accumulative", Dimension(5, "x", grade=10))).answers == ()


def test_the_same_form_has_the_same_hash_whoever_answered_it():
    workshop = made("accumulative", Dimension(5, "x", grade=10))

    assert read(workshop, Given(5, 1.0)).form == read(workshop, Given(5, 9.0), mode="preview").form
    assert read(workshop).form.hash != read(made("accumulative", Dimension(5, "x", grade=9))).form.hash


def test_a_strategy_of_a_plugin_keeps_numbers_and_comments():
    filled = read_form(Entry(a.points(5), "form"), Strategy.OTHER, "1")

    assert filled.form.criteria[0].type is CriterionType.NUMBER
    assert filled.answers[0].value == 8


@pytest.mark.parametrize(
    ("body", "title", "is_kept"),
    [
        ("<p>Clear &amp; short</p>", "Clear & short", False),
        ("Clear", "Clear", False),
        ("<p>Clear, <b>really</b></p>", "Clear, really", True),
        ('<p>Clear<img src="x"></p>', "Clear", True),
        ("<p>One</p><p>Two</p>", "One Two", True),
        ("", "", False),
    ],
)
def test_a_description_is_kept_unless_the_title_says_all_of_it(body: str, title: str, is_kept: bool):
    [criterion] = read(made("accumulative", Dimension(5, body, grade=10))).form.criteria

    assert criterion.title == title
    assert (criterion.description is not None) is is_kept


def test_titles_are_one_short_line():
    assert short_title(Text("<p>Clear &amp; <b>short</b>?</p><p>More</p>", TextFormat.HTML)) == "Clear & short? More"
    assert short_title(Text("word " * 40)).endswith("word…")
    assert len(short_title(Text("x" * 200))) <= 60
