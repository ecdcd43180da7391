"""What the how-to tells an administrator to add is what the source asks for, and the role allows what it checks."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archiveworker.demo.service import FUNCTIONS
from archiveworker.domain.errors import SourceError, TokenRefusedError
from archiveworker.sources.workshop import needs
from archiveworker.sources.workshop.answers import Entry

ROOT = Path(__file__).parents[4]
HOWTO = ROOT / "docs" / "howto" / "archive-a-moodle-workshop.md"
ROLE = ROOT / "res" / "moodle" / "workshop-archive-role.xml"
EVERYTHING = {*needs.READING, *needs.EXAMPLES, *needs.UPLOADING, *needs.NAMES}


def allowed() -> set[str]:
    return {one.text or "" for one in ElementTree.parse(ROLE).getroot().iter("allow")}


def test_the_how_to_lists_every_function_and_no_other() -> None:
    assert set(re.findall(r"`((?:core|mod)_\w+)`", HOWTO.read_text(encoding="utf-8"))) == EVERYTHING


def test_no_function_writes_but_the_one_that_takes_the_archive_back() -> None:
    assert [name for name in sorted(EVERYTHING) if "_get_" not in name] == [needs.ADD_PRIVATE_FILES]


def test_the_demo_has_every_function() -> None:
    assert set(FUNCTIONS) == EVERYTHING


def test_the_role_allows_what_is_checked_and_the_how_to_says_why() -> None:
    text = HOWTO.read_text(encoding="utf-8")
    listed = set(re.findall(r"`((?:mod|moodle|webservice)/[\w]+:\w+)`", text)) - {"moodle/course:manageactivities"}
    unneeded = {"mod/workshop:viewauthorpublished", "mod/workshop:viewpublishedsubmissions"}
    assert allowed() - unneeded == listed
    for sentence in (needs.VERDICTS["notingroup"].advice, *_refused_and_hidden()):
        assert set(re.findall(r"(?:mod|moodle)/\w+:\w+", sentence)) <= allowed()


def _refused_and_hidden() -> list[str]:
    nothing = Entry({key: False for key in ("canview", "canviewallsubmissions", "canviewallassessments")}, "access")
    with pytest.raises(SourceError, match="would leave works or reviews out") as caught:
        needs.check_access(nothing)
    hidden = needs.check_access(Entry({"canviewauthornames": False, "canviewreviewernames": False}, "access"))
    assert len(hidden) == 2
    return [str(caught.value), *hidden]


def test_the_role_cannot_change_a_course() -> None:
    words = ("manage", "edit", "delete", "override", "add", "create", "allocate", "switch", "publish", "assign")
    writing = [name for name in allowed() if any(name.partition(":")[2].startswith(word) for word in words)]
    assert writing == ["moodle/user:manageownfiles"]


def test_all_that_is_missing_is_named_at_once() -> None:
    site = {"functions": [{"name": needs.SITE_INFO}], "downloadfiles": 0, "uploadfiles": 0}
    with pytest.raises(TokenRefusedError) as caught:
        needs.check_service(Entry(site, "site"), uploads=True)
    for word in (*needs.READING[1:], *needs.UPLOADING, "download", "upload"):
        assert word in str(caught.value)


def test_a_service_with_everything_is_fine() -> None:
    site = {"functions": [{"name": name} for name in EVERYTHING], "downloadfiles": 1, "uploadfiles": 1}
    needs.check_service(Entry(site, "site"), uploads=True)
    assert needs.check_access(Entry({"canview": True, "canviewauthornames": True}, "access")) == ()
