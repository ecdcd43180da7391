"""Assessment forms of the four grading strategies, and what a reviewer gave for each criterion. Pure.

Source: ``mod/workshop/form/*/lib.php`` and recorded answers of ``get_assessment_form_definition``: pairs of names and
values, the names with the index of the dimension (``grade__idx_0``), ``current`` with what was given, and
``dimensionsinfo`` with the limits, which is in another order and joined by id.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from archiveworker.domain.peer_review.base import CriterionId, FileId, FormHash, OptionId, Text
from archiveworker.domain.peer_review.codec import hash_form
from archiveworker.domain.peer_review.form import Criterion, Form, Option
from archiveworker.domain.peer_review.kinds import CriterionType, Strategy, TextFormat
from archiveworker.domain.peer_review.review import Answer
from archiveworker.sources.workshop.answers import Entry, formatted

_TAG: Final = re.compile(r"<[^<>]*>")
_BREAK: Final = re.compile(r"(?i)<br\s*/?>\n?|</p>\s*<p>")
_PARAGRAPH: Final = re.compile(r"(?s)\s*<p>([^<>]*)</p>\s*\Z")
_SPACE: Final = re.compile(r"\s+")
_TITLE_CHARS: Final = 60
_MAX_DIMENSIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Dimension:
    """One criterion, as Moodle spreads it over an answer.

    Attributes:
        index: place in the form, from 0.
        fields: of the form.
        current: of the reviewer; empty when nothing was given.
        info: limits; None when the answer has none for it.
    """

    index: int
    fields: Entry
    current: Entry
    info: Entry | None

    @property
    def id(self) -> CriterionId:
        """Moodle's id."""
        return CriterionId(str(self.fields.id(self.key("dimensionid"))))

    def key(self, name: str, level: int | None = None) -> str:
        """Return the name under which a field of this dimension stands."""
        return f"{name}__idx_{self.index}" + ("" if level is None else f"__idy_{level}")

    def field(self, name: str) -> float | None:
        """Return a number of the form."""
        return self.fields.number(self.key(name))

    def limit(self, name: str, default: float | None) -> float | None:
        """Return ``min``, ``max`` or ``weight`` of the limits."""
        found = None if self.info is None else self.info.number(name)
        return default if found is None else found


@dataclass(frozen=True, slots=True)
class FilledForm:
    """What one answer says.

    Attributes:
        form: what was asked.
        answers: what was given; empty for an assessment that is pending.
    """

    form: Form
    answers: tuple[Answer, ...]


def read_form(answer: Entry, strategy: Strategy, form_id: str, file_ids: Sequence[FileId] = ()) -> FilledForm:
    """Read an answer of ``get_assessment_form_definition``.

    Args:
        answer: of the function.
        strategy: of the workshop.
        form_id: how the form is called.
        file_ids: of the pictures in its descriptions.

    Raises:
        RecordError: the answer has not the shape that Moodle's documentation says.
    """
    dimensions = _dimensions(answer)
    read = _STRATEGIES.get(strategy, _of_unknown_strategy)
    pairs = [read(one) for one in dimensions]
    criteria = tuple(criterion for criterion, _ in pairs)
    form = Form(
        id=form_id,
        hash=FormHash(hash_form(strategy, criteria)),
        strategy=strategy,
        criteria=criteria,
        description=_mapping_of_errors(answer) if strategy is Strategy.NUMERRORS else None,
        file_ids=tuple(file_ids),
    )
    return FilledForm(form, tuple(given for _, given in pairs if given is not None))


def _dimensions(answer: Entry) -> list[Dimension]:
    count = answer.count("dimenssionscount")
    if count is None or count > _MAX_DIMENSIONS:
        raise answer.wrong("dimenssionscount", f"a number up to {_MAX_DIMENSIONS}")
    fields, current = _pairs(answer, "fields"), _pairs(answer, "current")
    infos = {one.id("id"): one for one in answer.entries("dimensionsinfo")}
    return [
        Dimension(index, fields, current, infos.get(fields.id(f"dimensionid__idx_{index}"))) for index in range(count)
    ]


def _pairs(answer: Entry, key: str) -> Entry:
    """Return a list of names and values as one object."""
    return Entry(
        {one.text("name") or "": one.plain.get("value") for one in answer.entries(key)},
        f"mod_workshop_get_assessment_form_definition: {key}",
    )


def _criterion(
    one: Dimension, kind: CriterionType, options: tuple[Option, ...] = (), limits: tuple[float | None, ...] = ()
) -> Criterion:
    body = one.fields.text(one.key("description")) or ""
    description = formatted(body, one.fields.count(one.key("description") + "format"))
    low, high = limits or (None, None)
    title = short_title(description)
    # A title that says all of it is not said twice; a paragraph around it is no loss.
    says_all = html.unescape(_PARAGRAPH.sub(r"\1", body)).strip() == title
    return Criterion(
        id=one.id,
        position=one.index,
        title=title,
        type=kind,
        description=None if says_all else description,
        weight=one.limit("weight", one.field("weight")),
        min=low,
        max=high,
        options=options,
    )


def _answer(
    one: Dimension, value: float | None, option_ids: tuple[OptionId, ...] = (), raw_key: str = "grade"
) -> Answer | None:
    """Return what was given, None when Moodle has stored nothing for this criterion."""
    raw = one.current.text(one.key(raw_key))
    comment = one.current.text(one.key("peercomment"))
    if raw is None and not comment:
        return None
    written = Text(comment, TextFormat.HTML) if comment else None
    return Answer(one.id, value=value, option_ids=option_ids, comment=written, raw=raw)


def _accumulative(one: Dimension) -> tuple[Criterion, Answer | None]:
    """Points (``grade`` > 0), an item of a scale (< 0: minus the scale's id), or a comment alone (0)."""
    setting = one.field("grade") or 0.0
    given = one.current.number(one.key("grade"))
    if setting == 0:
        return _comment_only(one)
    if setting > 0:
        limits = (one.limit("min", 0.0), one.limit("max", setting))
        # -1 is Moodle's "nothing chosen".
        value = None if given is None or given < 0 else given
        return _criterion(one, CriterionType.POINTS, limits=limits), _answer(one, value)
    items = [] if one.info is None else [item.strip() for item in (one.info.text("scale") or "").split(",")]
    options = tuple(
        Option(OptionId(str(number)), Text(html.unescape(item)), float(number))
        for number, item in enumerate(filter(None, items), start=1)
    )
    chosen = None if given is None or given < 1 else given
    known = {option.value: option.id for option in options}
    option_ids = (known[chosen],) if chosen in known else ()
    criterion = _criterion(one, CriterionType.SCALE, options, (one.limit("min", 1.0), one.limit("max", None)))
    return criterion, _answer(one, chosen, option_ids)


def _comment_only(one: Dimension) -> tuple[Criterion, Answer | None]:
    """A text and nothing else. Moodle asks for it in a plain text box and gives it with line breaks as HTML."""
    comment = one.current.text(one.key("peercomment"))
    given = None if comment is None else Answer(one.id, text=_as_plain(comment), raw=comment)
    return _criterion(one, CriterionType.TEXT), given


def _numerrors(one: Dimension) -> tuple[Criterion, Answer | None]:
    """An assertion that holds (1) or not (0; the form itself says -1)."""
    labels = [one.fields.text(one.key(f"grade{number}")) or "" for number in (0, 1)]
    options = tuple(Option(OptionId(str(number)), Text(label), float(number)) for number, label in enumerate(labels))
    given = one.current.number(one.key("grade"))
    value = None if given is None else float(given > 0)
    option_ids = () if value is None else (options[int(value)].id,)
    return _criterion(one, CriterionType.YESNO, options, (0.0, 1.0)), _answer(one, value, option_ids)


def _rubric(one: Dimension) -> tuple[Criterion, Answer | None]:
    """A level; the grade is that of the level. A comment is asked for by no rubric."""
    count = one.fields.count(one.key("numoflevels")) or 0
    options = tuple(_level(one, number) for number in range(min(count, _MAX_DIMENSIONS)))
    grades = [option.value for option in options if option.value is not None]
    limits = (one.limit("min", min(grades, default=None)), one.limit("max", max(grades, default=None)))
    chosen = one.current.person(one.key("chosenlevelid"))
    option_ids = () if chosen is None else (OptionId(str(chosen)),)
    # A level that was removed from the form has no grade any more.
    value = next((option.value for option in options if option.id in option_ids), None)
    return _criterion(one, CriterionType.RUBRIC, options, limits), _answer(one, value, option_ids, "chosenlevelid")


def _level(one: Dimension, number: int) -> Option:
    definition = one.fields.text(one.key("definition", number)) or ""
    label = formatted(definition, one.fields.count(one.key("definition", number) + "format"))
    level = OptionId(str(one.fields.id(one.key("levelid", number))))
    return Option(level, label, one.fields.number(one.key("grade", number)))


def _of_unknown_strategy(one: Dimension) -> tuple[Criterion, Answer | None]:
    """A strategy that an institution has added: limits and grades are where Moodle's own have them, or nowhere."""
    limits = (one.limit("min", None), one.limit("max", None))
    return _criterion(one, CriterionType.NUMBER, limits=limits), _answer(one, one.current.number(one.key("grade")))


_Reader = Callable[[Dimension], tuple[Criterion, Answer | None]]
_STRATEGIES: Final[Mapping[Strategy, _Reader]] = MappingProxyType(
    {
        Strategy.ACCUMULATIVE: _accumulative,
        Strategy.COMMENTS: _comment_only,
        Strategy.NUMERRORS: _numerrors,
        Strategy.RUBRIC: _rubric,
    }
)


def _mapping_of_errors(answer: Entry) -> Text | None:
    """Return the table from weighted errors to grade as a sentence; a number that is not in it has the one before."""
    found: dict[int, float] = {}
    fields = _pairs(answer, "fields")
    for name in fields.plain:
        number = name.removeprefix("map__idx_")
        grade = fields.number(name) if number != name and number.isdecimal() else None
        if grade is not None:
            found[int(number)] = grade
    steps = "".join(f", {number} or more: {found[number]:g} %" for number in sorted(found))
    return Text(f"Grade by the weighted number of assertions that do not hold: 0: 100 %{steps}") if found else None


def short_title(text: Text) -> str:
    """Return the beginning of a description as one line, for tables."""
    words = _as_plain(text.body) if text.format is TextFormat.HTML else text.body
    line = _SPACE.sub(" ", words).strip()
    return line if len(line) <= _TITLE_CHARS else f"{line[: _TITLE_CHARS - 1].rsplit(' ', 1)[0]}…"


def _as_plain(body: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", body))).strip()
