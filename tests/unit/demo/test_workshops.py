"""The demo's workshops: Moodle's own parameter checks, the traps of its answers, the silence about a full quota."""

import json
from dataclasses import replace
from typing import Any

import pytest

from archiveworker.demo.course import generate_course
from archiveworker.demo.service import CAPABILITIES, FUNCTIONS, Kind, Service
from archiveworker.demo.workshop import SUSPENDED, generate_workshops, students, suggested_grade
from archiveworker.demo.workshop_job import workshop_request
from tests.conftest import RECORDINGS
from tests.unit.demo.conftest import Lms

SHORT = "mod_workshop_get_"
VALUES = {
    "workshopid": "1",
    "submissionid": "1000",
    "assessmentid": "10000",
    "cmid": "11",
    "courseid": "2",
    "contextid": "11",
    "itemid": "0",
    "component": "user",
    "filearea": "private",
    "filepath": "/",
    "filename": "",
    "field": "id",
    "values[0]": "4",
}


def token(lms: Lms, **service: Any) -> str:
    return lms.state.create_service_token(Service(**service))


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"core_user_add_user_private_files"}))
async def test_a_function_takes_exactly_its_parameters(lms: Lms, function: str) -> None:
    mine = token(lms)
    spec = FUNCTIONS[function]
    names = {
        name: f"{name}[0]" if one.kind is Kind.TEXTS else name for name, one in spec.items() if one.default is None
    }
    params = {name: VALUES[name] for name in names.values()}
    answer = await lms.call(mine, function, params)
    assert "errorcode" not in answer

    assert (await lms.call(mine, function, {**params, "surplus": 1}))["errorcode"] == "invalidparameter"
    for name in params:
        less = {key: value for key, value in params.items() if key != name}
        assert (await lms.call(mine, function, less))["errorcode"] == "invalidparameter", name
    for name, one in spec.items():
        if one.kind is Kind.INT:
            assert (await lms.call(mine, function, {**params, name: "abc"}))["errorcode"] == "invalidparameter", name


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("mod_workshop_add_submission", "accessexception"),
        ("mod_workshop_view_workshop", "accessexception"),
        ("mod_workshop_nonsense", "invalidrecord"),
        ("quiz_archiver_update_job_status", "invalidrecord"),
    ],
)
async def test_functions_that_the_service_lacks(lms: Lms, function: str, code: str) -> None:
    assert (await lms.call(token(lms), function, {}))["errorcode"] == code


async def test_a_plugins_token_may_not_call_core_functions(lms: Lms) -> None:
    assert (await lms.call(lms.job().token, f"{SHORT}submissions", {"workshopid": 1}))["errorcode"] == "accessexception"


async def test_page_is_a_number_of_rows_for_works_and_of_pages_for_the_report(lms: Lms) -> None:
    mine = token(lms)
    works = await lms.call(mine, f"{SHORT}submissions", {"workshopid": 1, "page": 1, "perpage": 2})
    assert [one["id"] for one in works["submissions"]] == [1001, 1002]
    assert works["totalcount"] == 28
    report = await lms.call(mine, f"{SHORT}grades_report", {"workshopid": 1, "page": 1, "perpage": 2})
    assert [row["userid"] for row in report["report"]["grades"]] == [6, 7]
    assert report["report"]["totalcount"] == 29


async def test_the_report_leaves_out_who_is_suspended(lms: Lms) -> None:
    gone = students()[SUSPENDED].userid
    report = (await lms.call(token(lms), f"{SHORT}grades_report", {"workshopid": 1}))["report"]["grades"]
    assert gone not in [row["userid"] for row in report]
    assert gone not in [
        review["userid"] for row in report for key in ("reviewedby", "reviewerof") for review in row[key]
    ]
    assert gone in [one.author_id for one in lms.state.workshops[0].works]


async def test_a_group_of_the_account_hides_all_others(lms: Lms) -> None:
    all_works = await lms.call(token(lms), f"{SHORT}submissions", {"workshopid": 4})
    of_a_group = await lms.call(token(lms, group_ids=(1,)), f"{SHORT}submissions", {"workshopid": 4})
    assert 0 < of_a_group["totalcount"] < all_works["totalcount"] == 28
    assert of_a_group["totalfilesize"] == all_works["totalfilesize"]
    nobody = token(lms, capabilities=CAPABILITIES - {"accessallgroups"})
    assert (await lms.call(nobody, f"{SHORT}submissions", {"workshopid": 4}))["errorcode"] == "notingroup"


async def test_who_may_not_be_seen_is_0(lms: Lms) -> None:
    mine = token(lms)
    works = (await lms.call(mine, f"{SHORT}submissions", {"workshopid": 3}))["submissions"]
    reviews = (await lms.call(mine, f"{SHORT}submission_assessments", {"submissionid": 3000}))["assessments"]
    assert {one["authorid"] for one in works} == {one["reviewerid"] for one in reviews} == {0}


async def test_no_grades_before_evaluation(lms: Lms) -> None:
    works = (await lms.call(token(lms), f"{SHORT}submissions", {"workshopid": 5}))["submissions"]
    assert not any("grade" in one or "feedbackauthor" in one for one in works)


async def test_private_files_are_merged_and_overwritten(lms: Lms) -> None:
    mine = token(lms)
    for content in (b"one", b"three"):
        [draft] = await lms.upload(mine, "a.zip", content)
        assert await lms.call(mine, "core_user_add_user_private_files", {"draftid": draft["itemid"]}) is None
    params = {"contextid": 11, "component": "user", "filearea": "private", "itemid": 0, "filepath": "/", "filename": ""}
    [file] = (await lms.call(mine, "core_files_get_files", params))["files"]
    assert (file["filename"], file["filesize"]) == ("a.zip", 5)


async def test_what_exceeds_the_quota_is_silently_not_stored(lms: Lms) -> None:
    lms.state.options = replace(lms.state.options, user_quota_bytes=8)
    mine = token(lms)
    [draft] = await lms.upload(mine, "a.zip", b"123456789")
    assert await lms.call(mine, "core_user_add_user_private_files", {"draftid": draft["itemid"]}) is None
    assert lms.state.private_files == {}


async def test_a_service_without_files_refuses_them(lms: Lms) -> None:
    mine = token(lms, may_upload=False, may_download=False)
    assert (await lms.upload(mine, "a.zip", b"1"))["errorcode"] == "accessexception"
    url = f"{lms.state.base_url}/webservice/pluginfile.php/60/mod_workshop/submission_content/1000/Foto%20(1).png"
    async with lms.session.get(url, params={"token": mine}) as response:
        assert json.loads(await response.text())["errorcode"] == "accessexception"


def test_the_same_seed_makes_the_same_workshops() -> None:
    course = generate_course(seed=5)
    assert generate_workshops(course) == generate_workshops(course)
    assert generate_workshops(course) != generate_workshops(generate_course(seed=6))


def test_grades_are_those_that_the_strategies_compute() -> None:
    for workshop in generate_workshops(generate_course()):
        for one in workshop.assessments:
            assert one.grade is None or one.grade == suggested_grade(workshop, one.given)
            assert one.grade is None or 0 <= one.grade <= 100


async def test_a_request_names_the_activity_and_a_token_that_works(lms: Lms) -> None:
    request = workshop_request(lms.state, 4, options={"allow_open": True}, to=("directory",))
    assert request["workshop"] == {"cmid": 14}
    assert (await lms.call(request["lms"]["token"], "core_webservice_get_site_info"))["uploadfiles"] == 1
    with pytest.raises(LookupError, match="no workshop 9"):
        workshop_request(lms.state, 9)


RECORDED = RECORDINGS / "moodle_workshop" / "all"


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings of a real Moodle are not on this machine")
@pytest.mark.parametrize(
    ("recorded", "function", "params"),
    [
        ("w1_get_submissions", f"{SHORT}submissions", {"workshopid": 1}),
        ("w1_assessments_of_1", f"{SHORT}submission_assessments", {"submissionid": 1000}),
        ("w1_get_grades_report", f"{SHORT}grades_report", {"workshopid": 1}),
        ("w1_get_workshop_access_information", f"{SHORT}workshop_access_information", {"workshopid": 1}),
        ("workshops_by_courses", f"{SHORT}workshops_by_courses", {"courseids[0]": 2}),
        ("course_module_3", "core_course_get_course_module", {"cmid": 11}),
        ("w1_form_of_1", f"{SHORT}assessment_form_definition", {"assessmentid": 10000}),
        ("w2_form_of_34", f"{SHORT}assessment_form_definition", {"assessmentid": 40000}),
    ],
)
async def test_answers_have_the_keys_of_the_recorded_ones(
    lms: Lms, recorded: str, function: str, params: dict[str, Any]
) -> None:
    told = json.loads((RECORDED / f"{recorded}.json").read_text(encoding="utf-8"))["answer"]
    answer = await lms.call(token(lms), function, params)
    # A scale and pictures of criteria were in no recorded form.
    unrecorded = {".dimensionsinfo[].scale", *(one for one in _keys(answer) if one.startswith(".descriptionfiles[]"))}
    assert _keys(answer) - unrecorded == _keys(told)


def _keys(value: Any, place: str = "") -> set[str]:
    """Return the places of all keys; of a list those of any of its objects."""
    if isinstance(value, list):
        return {key for one in value for key in _keys(one, f"{place}[]")}
    if isinstance(value, dict):
        return {f"{place}.{key}" for key in value} | {
            found for key, inner in value.items() for found in _keys(inner, f"{place}.{key}")
        }
    return set()
