"""Roles to import are in Moodle's own form, and allow what the how-to says.

The form is that of Moodle's export of roles (admin/roles, ``core_role_preset``): elements, their order, context levels
and permissions. Nothing here shows that a Moodle takes the file; the how-to says so.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[3]
ROLES = sorted((ROOT / "res" / "moodle").glob("*-role.xml"))
ELEMENTS = ["shortname", "name", "description", "archetype", "contextlevels", "allowassign", "allowoverride",
            "allowswitch", "permissions"]  # fmt: skip
LEVELS = {"system", "user", "coursecat", "course", "module", "block"}
QUIZ_HOWTO = (ROOT / "docs" / "howto" / "connect-quiz-archiver.md").read_text(encoding="utf-8")
# What the automatic configuration of quiz_archiver gives its role (classes/local/autoinstall.php, WS_ROLECAPS).
AUTOMATIC = """mod/quiz:reviewmyattempts mod/quiz:view mod/quiz:viewreports mod/quiz_archiver:use_webservice
    moodle/backup:anonymise moodle/backup:backupactivity moodle/backup:backupcourse moodle/backup:backupsection
    moodle/backup:backuptargetimport moodle/backup:configure moodle/backup:downloadfile moodle/backup:userinfo
    moodle/course:ignoreavailabilityrestrictions moodle/course:view moodle/course:viewhiddenactivities
    moodle/course:viewhiddencourses moodle/course:viewhiddensections moodle/user:ignoreuserquota webservice/rest:use"""
FUNCTIONS = ("generate_attempt_report", "get_attempts_metadata", "update_job_status", "process_uploaded_artifact",
             "get_backup_status")  # fmt: skip


def allowed(role: Path) -> list[str]:
    return [one.text or "" for one in ElementTree.parse(role).getroot().iter("allow")]


def test_there_are_roles() -> None:
    assert [role.name for role in ROLES] == ["quiz-archive-role.xml", "workshop-archive-role.xml"]


@pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])
def test_a_role_has_moodles_form(role: Path) -> None:
    root = ElementTree.parse(role).getroot()
    assert root.tag == "role"
    assert [child.tag for child in root] == ELEMENTS
    assert re.fullmatch(r"[a-z]+", root.findtext("shortname") or "")
    assert (root.findtext("archetype") or "") == "", "a role of its own, not one that looks like a teacher"
    levels = {level.text for level in root.iter("level")}
    assert levels
    assert levels <= LEVELS
    assert {child.tag for child in root.find("permissions") or ()} == {"allow"}
    rights = allowed(role)
    assert rights == sorted(set(rights))
    assert all(re.fullmatch(r"[a-z]+/[a-z_]+:[a-z]+(?:_[a-z]+)*", right) for right in rights)


def test_the_quiz_role_is_that_of_the_automatic_configuration_and_the_how_to_says_what_for() -> None:
    rights = allowed(ROOT / "res" / "moodle" / "quiz-archive-role.xml")
    assert rights == sorted(AUTOMATIC.split())
    assert set(re.findall(r"`((?:mod|moodle|webservice)/\w+:\w+)`", QUIZ_HOWTO)) == set(rights)


def test_the_how_to_names_each_function_of_the_plugins_service() -> None:
    assert set(re.findall(r"`quiz_archiver_(\w+)`", QUIZ_HOWTO)) == set(FUNCTIONS)
