"""Readers: the closed list of what no column can say. Each is a pure function with a name that mappings use.

``workup``: forms and answers of workUp's form builder, which are JSON in a text column. Source: Siequnu/workUp,
app/assignments/formbuilder.py: the title of a question is put in lower case with ``_`` for spaces, and then loses what
``[^a-zA-Z0-9.-_]`` matches, in which ``.-_`` is a *range* (U+002E to U+005F): ``?`` stays and ``-`` goes. So several
questions can have one key, and one in another script has none: then nobody can tell whose answer it is, and the key
is handed on without a guess.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from archiveworker.bridge.values import ValueFault, to_number, to_text
from archiveworker.domain.peer_review.base import CriterionId, OptionId, Text
from archiveworker.domain.peer_review.form import Criterion, Option
from archiveworker.domain.peer_review.kinds import CriterionType
from archiveworker.domain.peer_review.review import Answer


@dataclass(frozen=True, slots=True)
class ReadForm:
    """What a reader found in a form.

    Attributes:
        criteria: in the order of the form.
        choices: for each criterion the stored values of its options, in their order.
        faults: sentences: what could not be read.
    """

    criteria: tuple[Criterion, ...]
    choices: Mapping[CriterionId, tuple[str, ...]]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadReview:
    """What a reader found in a review.

    Attributes:
        answers: criterion by criterion; those that fit none come last.
        comment: what was no answer to a question.
    """

    answers: tuple[Answer, ...] = ()
    comment: Text | None = None


FormReader: TypeAlias = Callable[[str | None], ReadForm]
AnswerReader: TypeAlias = Callable[[str | None, ReadForm | None], ReadReview]

_TYPES: Final[Mapping[str, CriterionType]] = MappingProxyType(
    {
        "element-single-line-text": CriterionType.TEXT,
        "element-paragraph-text": CriterionType.TEXT,
        "element-number": CriterionType.NUMBER,
        "element-checkboxes": CriterionType.MULTI,
        "element-multiple-choice": CriterionType.CHOICE,
        "element-dropdown": CriterionType.CHOICE,
        "element-section-break": CriterionType.SECTION,
    }
)
_DROPPED_BY_KEY: Final = re.compile(r"[^a-zA-Z0-9.-_]")
_NO_ANSWER: Final = "_csrf_token"


def workup_key(title: str) -> str:
    """Return the name under which workUp stores the answer to the question ``title``."""
    return _DROPPED_BY_KEY.sub("", title.lower().replace(" ", "_"))


def read_workup_form(stored: str | None) -> ReadForm:
    """Return the questions of a form of workUp's form builder; what cannot be read is a fault, not an error."""
    content = _workup_json(stored)
    listed = content.get("fields") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        return ReadForm((), {}, ("the form is not in workUp's format; its questions are not known",))
    criteria, choices, faults = [], {}, []
    for position, one in enumerate(listed):
        if not isinstance(one, dict) or one.get("type") not in _TYPES:
            faults.append(f"question {position + 1} of the form is of a kind that workUp does not have; it is left out")
            continue
        criterion, stored_values = _workup_criterion(one, position)
        criteria.append(criterion)
        choices[criterion.id] = stored_values
    return ReadForm(tuple(criteria), choices, tuple(faults))


def _workup_json(stored: str | None) -> Any:
    """Return the parsed text; workUp itself removes every backslash before it parses."""
    for text in ((stored or "").replace("\\", ""), stored or ""):
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            continue
    return None


def _workup_criterion(one: dict[str, Any], position: int) -> tuple[Criterion, tuple[str, ...]]:
    kind = _TYPES[one["type"]]
    title, description = to_text(one.get("title")) or "", to_text(one.get("description"))
    listed = [choice for choice in one.get("choices") or () if isinstance(choice, dict)]
    has_choices = kind in (CriterionType.MULTI, CriterionType.CHOICE)
    options = tuple(
        Option(OptionId(str(number)), Text(to_text(choice.get("title")) or "")) for number, choice in enumerate(listed)
    )
    criterion = Criterion(
        id=CriterionId(str(position)),
        position=position,
        title=title,
        type=kind,
        description=Text(description) if description else None,
        required=None if kind is CriterionType.SECTION else one.get("required") in (True, "required", "true", 1),
        answer_key=None if kind is CriterionType.SECTION else workup_key(title),
        options=options if has_choices else (),
    )
    return criterion, tuple(to_text(choice.get("value")) or "" for choice in listed)


def read_workup_answers(stored: str | None, form: ReadForm | None) -> ReadReview:
    """Return the answers of a review; text that is no JSON object becomes the comment, so that nothing is lost."""
    if stored is None or not stored.strip():
        return ReadReview()
    try:
        content = json.loads(stored)
    except (json.JSONDecodeError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return ReadReview(comment=Text(stored))
    known = form or ReadForm((), {})
    found: dict[CriterionId, Answer] = {}
    strange = []
    for key, value in content.items():
        if key == _NO_ANSWER:
            continue
        text = to_text(value) or ""
        answer = _workup_answer(key, text, known)
        if answer.criterion_id is None:
            strange.append(answer)
        else:
            found[answer.criterion_id] = _joined(found.get(answer.criterion_id), answer)
    ordered = tuple(found[one.id] for one in known.criteria if one.id in found)
    return ReadReview((*ordered, *strange))


def _workup_answer(key: str, text: str, form: ReadForm) -> Answer:
    """Return the answer stored under ``key``; it names its question only when no other one can be meant."""
    unknown = Answer(None, text=text, key=key, raw=text)
    asked = [one for one in form.criteria if one.type is not CriterionType.SECTION]
    meant = [(one, number) for one in asked for number in _places(key, one)]
    if len(meant) != 1 or not meant[0][0].answer_key:
        return unknown
    criterion, number = meant[0]
    if sum(one.answer_key == criterion.answer_key for one in asked) > 1:
        return unknown
    stored = form.choices.get(criterion.id, ())
    match criterion.type:
        case CriterionType.MULTI:
            fits = number is not None and stored[number] == text
            return Answer(criterion.id, option_ids=(OptionId(str(number)),), key=key, raw=text) if fits else unknown
        case CriterionType.CHOICE if text:
            chosen = [OptionId(str(place)) for place, value in enumerate(stored) if value == text]
            return Answer(criterion.id, option_ids=tuple(chosen), key=key, raw=text) if len(chosen) == 1 else unknown
        case CriterionType.NUMBER if text.strip():
            try:
                return Answer(criterion.id, value=to_number(text), key=key, raw=text)
            except ValueFault:
                return Answer(criterion.id, text=text, key=key, raw=text)
        case _:
            return Answer(criterion.id, text=text, key=key, raw=text)


def _places(key: str, criterion: Criterion) -> list[int | None]:
    """Return how ``key`` can belong to ``criterion``: as its own key (None), or as the number of a box."""
    own = criterion.answer_key or ""
    if criterion.type is not CriterionType.MULTI:
        return [None] if key == own else []
    return [number for number in range(len(criterion.options)) if key == f"{own}_{number}"]


def _joined(first: Answer | None, second: Answer) -> Answer:
    """Return the boxes that were ticked in one question as one answer."""
    if first is None:
        return second
    ids = tuple(sorted({*first.option_ids, *second.option_ids}, key=int))
    return replace(first, option_ids=ids, key=f"{first.key} {second.key}", raw=f"{first.raw}\n{second.raw}")


FORMS: Final[Mapping[str, FormReader]] = MappingProxyType({"workup": read_workup_form})
"""Readers for forms, by name."""

ANSWERS: Final[Mapping[str, AnswerReader]] = MappingProxyType({"workup": read_workup_answers})
"""Readers for answers, by name."""
