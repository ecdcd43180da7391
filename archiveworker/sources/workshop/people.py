"""Who took part: enrolled people, and whoever else the answers name."""

import html
from typing import Final

from archiveworker.domain.peer_review.base import ParticipantId
from archiveworker.domain.peer_review.kinds import ParticipantRole
from archiveworker.domain.peer_review.model import Participant
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.harvested import Harvest

_STUDENTS: Final = frozenset({"student"})
_STAFF: Final = frozenset({"manager", "coursecreator", "editingteacher", "teacher"})
"""Short names of Moodle's own roles. A role that an institution made says nothing by its name."""


def participants(harvest: Harvest) -> tuple[Participant, ...]:
    """Return the people, enrolled ones first, in Moodle's order."""
    listed = harvest.people or ()
    in_report = {row.person("userid") for row in harvest.report}
    working = _working(harvest)
    found = {one.id("id"): _enrolled(one, harvest, in_report, working) for one in listed}
    staff = _overriders(harvest) | {one.person("authorid") for one in harvest.examples.values()}
    names = {one.id("id"): one.text("fullname") for one in harvest.others}
    for number in sorted(named(harvest) - found.keys()):
        is_student = number in working or number in in_report
        role = ParticipantRole.STUDENT if is_student else ParticipantRole.OTHER
        if number in staff and not is_student:
            role = ParticipantRole.STAFF
        active = True if number in in_report else None
        found[number] = Participant(ParticipantId(str(number)), role, names.get(number), active=active)
    return tuple(found.values())


def named(harvest: Harvest) -> frozenset[int]:
    """Return everybody whom the answers about the workshop itself name."""
    report = {row.person("userid") for row in harvest.report}
    examples = {one.person("authorid") for one in harvest.examples.values()}
    everybody = _working(harvest) | report | examples | _overriders(harvest)
    return frozenset(one for one in everybody if one is not None)


def course_name(harvest: Harvest) -> str:
    """Return the course's name, as the list of its people says it; empty when there is no such list."""
    course = harvest.workshop.person("course")
    for person in harvest.people or ():
        for one in person.entries("enrolledcourses"):
            if one.person("id") == course:
                return html.unescape(one.text("fullname") or "")
    return ""


def _working(harvest: Harvest) -> set[int | None]:
    """Return who wrote a work or reviews one."""
    return (
        {one.person("authorid") for one in harvest.submissions}
        | {one.person("reviewerid") for one in harvest.assessments}
        | {one.reviewer_id for one in harvest.practice}
    )


def _overriders(harvest: Harvest) -> set[int | None]:
    """Return who put a grade in place of a computed one."""
    return {one.person("gradeoverby") for one in harvest.submissions} | {
        one.person("gradinggradeoverby") for one in harvest.assessments
    }


def _enrolled(one: Entry, harvest: Harvest, in_report: set[int | None], working: set[int | None]) -> Participant:
    number = one.id("id")
    return Participant(
        id=ParticipantId(str(number)),
        role=_role(one, is_participant=number in in_report or number in working),
        display=one.text("fullname"),
        username=one.text("username"),
        email=one.text("email"),
        external_id=one.text("idnumber") or None,
        group_ids=tuple(str(group.id("id")) for group in one.entries("groups")),
        active=_active(number, harvest, in_report),
    )


def _active(number: int, harvest: Harvest, in_report: set[int | None]) -> bool | None:
    """Whether the enrolment is active: the report lists nobody else; otherwise only Moodle itself can say."""
    if number in in_report:
        return True
    return None if harvest.active_ids is None else number in harvest.active_ids


def _role(one: Entry, *, is_participant: bool) -> ParticipantRole:
    names = {role.text("shortname") for role in one.entries("roles")}
    if names & _STUDENTS:
        return ParticipantRole.STUDENT
    if names & _STAFF:
        return ParticipantRole.STAFF
    return ParticipantRole.STUDENT if is_participant else ParticipantRole.OTHER
