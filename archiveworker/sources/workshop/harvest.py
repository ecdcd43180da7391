"""Asks Moodle for everything about one workshop, in the order of the contract, and refuses before it reads in vain."""

from collections.abc import Mapping
from typing import Final

import structlog

from archiveworker.domain.errors import SourceError
from archiveworker.domain.peer_review.kinds import Phase
from archiveworker.sources.reviewed.reader import OPEN_PHASES
from archiveworker.sources.workshop import needs
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.asking import Asking
from archiveworker.sources.workshop.harvested import Harvest, Practice
from archiveworker.sources.workshop.inbound import WorkshopRequest
from archiveworker.sources.workshop.mapping import PHASES, is_pending
from archiveworker.sources.workshop.people import named

log = structlog.get_logger(__name__)
_PAGE: Final = 500
_FIELDS: Final = "id,username,fullname,email,idnumber,groups,roles,enrolledcourses"
"""Of people. More than the archive needs is not asked for: addresses, telephone numbers, interests, pictures."""
_REFUSED: Final = frozenset({"nopermissions", "accessexception"})
_NOT_READ: Final = "Moodle did not say who takes part: {} was refused. People are numbers here."
_OPEN: Final = (
    "The workshop was archived in its {} phase because the job allows it: works and reviews may have changed since, "
    "and Moodle gives no grades for works before evaluation begins."
)
_NO_PRACTICE: Final = (
    "The workshop has example submissions. Moodle does not say what participants made of them without "
    "moodle/course:manageactivities, nor ever what the staff's own assessment of them was."
)
_NO_REFERENCE: Final = "Moodle does not give the staff's own assessment of the example submissions."
_NO_ASSESSMENT: Final = "Nobody was asked to review, and without a review Moodle does not give the assessment form."


class Harvester:
    """Reads one workshop.

    Args:
        asking: of the job.
        request: what was posted.
        site: answer of ``core_webservice_get_site_info``.
    """

    def __init__(self, asking: Asking, request: WorkshopRequest, site: Entry) -> None:
        self._asking = asking
        self._request = request
        self._site = site
        self._omissions: list[str] = []

    async def harvest(self) -> Harvest:
        """Return all answers.

        Raises:
            SourceError: the workshop is not there, still open, or Moodle would leave a part of it out.
            RecordError: an answer has not the shape that Moodle's documentation says.
        """
        workshop, groupmode = await self._workshop()
        self._check_phase(workshop)
        number = workshop.id("id")
        access = await self._asking.entry(needs.ACCESS, {"workshopid": number})
        self._omissions += needs.check_access(access)
        people = await self._people(workshop.id("course"))
        self._check_groups(groupmode, people)
        answer = await self._asking.entry(needs.SUBMISSIONS, {"workshopid": number, "page": 0, "perpage": 0})
        submissions = tuple(answer.entries("submissions"))
        assessments = await self._assessments(submissions)
        report, report_count = await self._report(number)
        examples, practice = await self._examples(workshop, report)
        forms = await self._forms(assessments, practice)
        found = Harvest(
            workshop=workshop,
            access=access,
            submissions=submissions,
            submission_count=answer.count("totalcount"),
            total_file_bytes=answer.count("totalfilesize"),
            assessments=assessments,
            forms=forms,
            report=report,
            report_count=report_count,
            people=people,
            active_ids=await self._active(workshop.id("course")) if people else None,
            examples=examples,
            practice=practice,
        )
        others = await self._others(found)
        return found.with_rest(others, tuple(self._omissions))

    async def _workshop(self) -> tuple[Entry, int]:
        """Return the workshop and its group mode."""
        request, course_id = self._request, self._request.course_id
        instance = request.workshop_id
        if request.cm_id is not None:
            module = (await self._asking.entry(needs.COURSE_MODULE, {"cmid": request.cm_id})).inner("cm")
            if module.text("modname") != "workshop":
                raise SourceError(
                    f"the activity with cmid {request.cm_id} is no workshop; take the number in the workshop's address"
                )
            course_id, instance = module.id("course"), module.id("instance")
        answer = await self._asking.entry(needs.WORKSHOPS, {"courseids": [course_id or 0]})
        workshop = next((one for one in answer.entries("workshops") if one.id("id") == instance), None)
        if workshop is None:
            said = "; ".join(one.text("message") or "" for one in answer.entries("warnings"))
            raise SourceError(
                f"Moodle shows no workshop {instance} in course {course_id}{f' ({said})' if said else ''}; check the "
                "numbers in the request, and that the service account has a role in that course"
            )
        module = (await self._asking.entry(needs.COURSE_MODULE, {"cmid": workshop.id("coursemodule")})).inner("cm")
        return workshop, module.count("groupmode") or 0

    def _check_phase(self, workshop: Entry) -> None:
        phase = PHASES.get(workshop.count("phase") or 0, Phase.UNKNOWN)
        if phase not in OPEN_PHASES:
            return
        if not self._request.options.allow_open:
            raise SourceError(
                f"the workshop is still in its {phase} phase, so works and reviews may change and grades are not given "
                "yet; switch it to “Closed” (or to grading evaluation) and post the job again, or set "
                "options.allow_open, and the archive will say so"
            )
        self._omissions.append(_OPEN.format(phase))

    def _check_groups(self, groupmode: int, people: tuple[Entry, ...] | None) -> None:
        """Refuse an account that is in a group: Moodle would give that group's works alone, and call it all."""
        account = self._site.person("userid")
        own = next((one for one in people or () if one.id("id") == account), None)
        if groupmode and own is not None and own.entries("groups"):
            raise SourceError(
                "the workshop has groups and the service account is a member of one, so Moodle would give the works of "
                "that group alone; take the account out of all groups of the course and post the job again"
            )

    async def _people(self, course_id: int) -> tuple[Entry, ...] | None:
        options = [{"name": "userfields", "value": _FIELDS}]
        asked = self._asking.listed(needs.ENROLLED_USERS, {"courseid": course_id, "options": options})
        people = await self._asking.unless_refused(asked, _REFUSED)
        if people is None:
            self._omissions.append(_NOT_READ.format(needs.ENROLLED_USERS))
        return people

    async def _active(self, course_id: int) -> frozenset[int] | None:
        """Return whose enrolment is active; Moodle says it only to who may review enrolments."""
        options = [{"name": "onlyactive", "value": "1"}, {"name": "userfields", "value": "id"}]
        asked = self._asking.listed(needs.ENROLLED_USERS, {"courseid": course_id, "options": options})
        people = await self._asking.unless_refused(asked, _REFUSED)
        return None if people is None else frozenset(one.id("id") for one in people)

    async def _assessments(self, submissions: tuple[Entry, ...]) -> tuple[Entry, ...]:
        async def ask(number: int) -> list[Entry]:
            answer = await self._asking.entry(needs.ASSESSMENTS, {"submissionid": number})
            return answer.entries("assessments")

        found = await self._asking.each((one.id("id") for one in submissions), ask)
        return tuple(one for listed in found.values() for one in listed)

    async def _forms(self, assessments: tuple[Entry, ...], practice: tuple[Practice, ...]) -> Mapping[int, Entry]:
        """Return the form of every assessment that was written, of a pending one when there is no other."""
        written = [one.id("id") for one in assessments if not is_pending(one)]
        written += [one.assessment.id("id") for one in practice if one.assessment and not is_pending(one.assessment)]
        if not written:
            written = [one.id("id") for one in assessments[:1]]
        if not written:
            self._omissions.append(_NO_ASSESSMENT)

        async def ask(number: int) -> Entry:
            return await self._asking.entry(needs.FORM, {"assessmentid": number, "mode": "assessment"})

        return await self._asking.each(written, ask)

    async def _report(self, number: int) -> tuple[tuple[Entry, ...], int | None]:
        rows: list[Entry] = []
        page, total = 0, None
        while True:
            params = {"workshopid": number, "page": page, "perpage": _PAGE}
            report = (await self._asking.entry(needs.REPORT, params)).inner("report")
            found, total = report.entries("grades"), report.count("totalcount")
            rows += found
            page += 1
            if not found or len(rows) >= (total or 0):
                return tuple(rows), total

    async def _examples(
        self, workshop: Entry, report: tuple[Entry, ...]
    ) -> tuple[Mapping[int, Entry], tuple[Practice, ...]]:
        """Return the example submissions and what participants made of them, from the plan of each of them."""
        if not workshop.flag("useexamples"):
            return {}, ()
        needs.check_examples(self._site)
        participants = [one.id("userid") for one in report if one.person("userid")]

        async def plan(user_id: int) -> list[Entry] | None:
            params = {"workshopid": workshop.id("id"), "userid": user_id}
            answer = await self._asking.unless_refused(self._asking.entry(needs.USER_PLAN, params), _REFUSED)
            return None if answer is None else answer.inner("userplan").entries("examples")

        first = await self._asking.each(participants[:1], plan)
        if None in first.values():
            self._omissions.append(_NO_PRACTICE)
            return {}, ()
        self._omissions.append(_NO_REFERENCE)
        plans = {**first, **await self._asking.each(participants[1:], plan)}
        listed = [(user_id, one) for user_id, found in plans.items() for one in found or ()]
        return await self._example_works(listed), await self._practice(listed)

    async def _example_works(self, listed: list[tuple[int, Entry]]) -> Mapping[int, Entry]:
        async def work(number: int) -> Entry:
            return (await self._asking.entry(needs.SUBMISSION, {"submissionid": number})).inner("submission")

        return await self._asking.each((one.id("id") for _, one in listed), work)

    async def _practice(self, listed: list[tuple[int, Entry]]) -> tuple[Practice, ...]:
        done = [(user_id, one) for user_id, one in listed if one.person("assessmentid")]

        async def assessment(number: int) -> Entry:
            return (await self._asking.entry(needs.ASSESSMENT, {"assessmentid": number})).inner("assessment")

        found = await self._asking.each((one.id("assessmentid") for _, one in done), assessment)
        return tuple(Practice(user_id, one, found[one.id("assessmentid")]) for user_id, one in done)

    async def _others(self, harvest: Harvest) -> tuple[Entry, ...]:
        """Return people whom the workshop names though they are not enrolled any more."""
        missing = sorted(named(harvest) - {one.id("id") for one in harvest.people or ()})
        if not missing or needs.USERS_BY_FIELD not in needs.functions_of(self._site):
            return ()
        found: list[Entry] = []
        for start in range(0, len(missing), _PAGE):
            values = [str(number) for number in missing[start : start + _PAGE]]
            asked = self._asking.listed(needs.USERS_BY_FIELD, {"field": "id", "values": values})
            found += await self._asking.unless_refused(asked, _REFUSED) or ()
        return tuple(found)
