"""``get_assessment_form_definition``: the form and what a reviewer gave, as names and values.

Source: ``prepare_form_fields`` and ``get_assessment_form`` of Moodle's four strategies, and recorded answers: names
carry the index, numbers of the database are texts with five decimals, links in descriptions are those of a session,
limits are in another order.
"""

from typing import Any

from archiveworker.demo.workshop import Assessment, Dimension, Given, Workshop, limits_of
from archiveworker.demo.workshop_files import file_entry

Pair = dict[str, Any]


def form_definition(workshop: Workshop, assessment: Assessment, base_url: str, mode: str) -> dict[str, Any]:
    """Return the answer without ``warnings``.

    Args:
        workshop: whose form.
        assessment: whose grades.
        base_url: own origin.
        mode: ``assessment`` gives the grades too, ``preview`` does not.
    """
    fields: list[Pair] = []
    for index, one in enumerate(workshop.dimensions):
        fields += _fields(workshop, index, one, base_url)
    fields += [_pair(f"map__idx_{count}", f"{grade}.00000") for count, grade in workshop.error_grades]
    for index, _ in enumerate(workshop.dimensions):
        fields += [_pair(f"gradeid__idx_{index}", 0), _pair(f"peercomment__idx_{index}", "")]
    given = {one.dimension_id: one for one in assessment.given}
    current: list[Pair] = []
    for index, one in enumerate(workshop.dimensions):
        if mode == "assessment" and one.id in given:
            current += _current(workshop.strategy, index, one, given[one.id], assessment)
    return {
        "dimenssionscount": len(workshop.dimensions),
        "descriptionfiles": [file for one in workshop.dimensions for file in _files(workshop, one, base_url)],
        "options": [_pair("editableweight", ""), _pair("pending", "1")],
        "fields": fields,
        "current": current,
        # The database gives them in the order of ids, the form in that of its rows.
        "dimensionsinfo": [_info(one) for one in sorted(workshop.dimensions, key=lambda one: one.id)],
    }


def _pair(name: str, value: Any) -> Pair:
    return {"name": name, "value": value}


def _fields(workshop: Workshop, index: int, one: Dimension, base_url: str) -> list[Pair]:
    folder = f"{base_url}/pluginfile.php/{_folder(workshop, one)}"
    is_html = "<" in one.description
    pairs = [
        _pair(f"dimensionid__idx_{index}", str(one.id)),
        _pair(f"description__idx_{index}", one.description.replace("@@PLUGINFILE@@", folder)),
        _pair(f"description__idx_{index}format", "1" if is_html else "2"),
    ]
    match workshop.strategy:
        case "accumulative":
            pairs += [_pair(f"grade__idx_{index}", str(one.grade)), _pair(f"weight__idx_{index}", str(one.weight))]
        case "numerrors":
            pairs += [_pair(f"grade{value}__idx_{index}", label) for value, label in enumerate(one.labels)]
            pairs.append(_pair(f"weight__idx_{index}", str(one.weight)))
        case "rubric":
            pairs.append(_pair(f"numoflevels__idx_{index}", len(one.levels)))
            for number, (level_id, grade, definition) in enumerate(one.levels):
                place = f"__idx_{index}__idy_{number}"
                pairs += [_pair(f"levelid{place}", str(level_id)), _pair(f"grade{place}", f"{grade:.5f}")]
                pairs += [_pair(f"definition{place}", definition), _pair(f"definition{place}format", "1")]
        case _:
            pass  # a comment alone has no settings
    return pairs


def _current(strategy: str, index: int, one: Dimension, given: Given, assessment: Assessment) -> list[Pair]:
    pairs = [_pair(f"gradeid__idx_{index}", str(assessment.id * 10 + index))]
    match strategy:
        case "rubric":
            level = next(level for level, grade, _ in one.levels if grade == given.grade)
            return [*pairs, _pair(f"chosenlevelid__idx_{index}", str(level))]
        case "accumulative":
            pairs.append(_pair(f"grade__idx_{index}", f"{given.grade:.5f}"))
        case "numerrors":
            pairs.append(_pair(f"grade__idx_{index}", "1.00000" if given.grade else "-1"))
        case _:
            pass  # the constant grade of a comment is not given
    return [*pairs, _pair(f"peercomment__idx_{index}", given.comment)]


def _info(one: Dimension) -> dict[str, Any]:
    low, high = limits_of(one)
    info: dict[str, Any] = {"id": one.id, "min": low, "max": high, "weight": str(one.weight)}
    if one.labels[1]:
        info |= {"min": 0, "max": 1}
    return info if one.scale is None else {**info, "scale": one.scale}


def _folder(workshop: Workshop, one: Dimension) -> str:
    return f"{workshop.context_id}/workshopform_{workshop.strategy}/description/{one.id}"


def _files(workshop: Workshop, one: Dimension, base_url: str) -> list[dict[str, Any]]:
    return [file_entry(f"{base_url}/webservice/pluginfile.php/{_folder(workshop, one)}", file, 0) for file in one.files]
