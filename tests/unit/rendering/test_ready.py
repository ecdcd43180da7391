"""How long a page is waited for, with a page and a network that answer what a test says."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from archiveworker.rendering import ready
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.pool import OpenPage

STUCK: dict[str, object] = {"ready": False, "waiting": ["moodle: x"], "lost": False}
LOST: dict[str, object] = {"ready": False, "waiting": ["moodle: x"], "lost": True}
READY: dict[str, object] = {"ready": True, "waiting": [], "lost": False}
CONFIG = RendererConfig(stuck_s=3.0, quiet_s=0.06)


@dataclass
class Embedded:
    """Stands for the pages inside of a page."""

    answers: list[dict[str, object]] = field(default_factory=list)
    is_loading: bool = False
    changes: int = 0
    later: list[dict[str, object]] = field(default_factory=list)
    """Answers of documents of which each comes in the moment after the one before has answered."""

    async def count(self) -> int:
        return len(self.answers)

    async def evaluate(self, script: str, limits: dict[str, int]) -> tuple[int, list[dict[str, object]]]:
        answers = self.answers
        if self.later:
            self.answers = [self.later.pop(0)]
            self.changes += 1
        return len(answers), answers


@dataclass
class Page:
    """Answers the same each time and keeps how long it was to stand still."""

    answer: object
    embedded: Embedded = field(default_factory=Embedded)
    stuck_ms: list[int] = field(default_factory=list)
    frame_counts: set[int] = field(default_factory=set)

    async def evaluate(self, script: str, limits: dict[str, int]) -> object:
        self.stuck_ms.append(limits["stuckMs"])
        self.frame_counts.add(limits["frameCount"])
        return self.answer


@dataclass
class Network:
    """Has been quiet for so long, each time that it is asked."""

    quiet_s: list[float]
    page: bytes = b"<p>The page</p>"

    def quiet_for_s(self) -> float:
        return self.quiet_s.pop(0) if len(self.quiet_s) > 1 else self.quiet_s[0]

    async def wait_quiet(self, quiet_s: float) -> None:
        """It is."""


async def settle(page: Page, *quiet_s: float) -> tuple[str, ...]:
    network = cast(PageSession, Network(list(quiet_s)))
    return await ready.settle(cast(OpenPage, page), network, CONFIG)


async def test_a_page_that_stood_still_waits_only_for_the_rest_of_the_network() -> None:
    page = Page(STUCK)
    [warning] = await settle(page, 2.0, 2.0, 3.1)
    assert page.stuck_ms == [3000, 1000]
    assert warning.startswith("the page was not ready after 3 s without any activity (waited for moodle: x)")


async def test_a_lost_page_needs_no_longer_quiet_than_one_that_is_ready() -> None:
    page = Page(LOST)
    [warning] = await settle(page, 0.07)
    assert page.stuck_ms == [3000]
    assert warning.startswith("the page cannot become ready, because scripts of it could not be loaded (waited for")


@pytest.mark.parametrize(("inner", "lost"), [(READY, True), (LOST, True), (STUCK, False), ({"lost": "x"}, False)])
async def test_a_page_is_lost_when_all_its_embedded_pages_are_ready_or_lost(inner: dict[str, Any], lost: bool) -> None:
    [warning] = await settle(Page(LOST, Embedded([inner])), 5.0)
    assert warning.startswith("the page cannot become ready") == lost


async def test_a_document_that_comes_into_a_frame_is_asked_although_the_one_before_it_was_ready() -> None:
    [warning] = await settle(Page(READY, Embedded([READY], later=[READY, STUCK])), 5.0)
    assert "waited for in an embedded page: moodle: x" in warning


@pytest.mark.parametrize("answer", [None, 3, {"ready": 1}, {"lost": True}, {"ready": True, "waiting": None}])
async def test_an_answer_that_scripts_of_the_page_made_up_is_no_trouble(answer: object) -> None:
    warnings = await settle(Page(answer), 5.0)
    assert len(warnings) == (0 if answer == {"ready": True, "waiting": None} else 1)


@pytest.mark.parametrize(
    ("page", "frame_count"),
    [
        (b"<h1>A review</h1><p>only one, on paper</p>", 0),
        (b"<p>x</p><SCRIPT src=x></SCRIPT>", 3),
        (b"<iframe src=x></iframe>", 3),
        (b"<img src=x onload = 'grow()'>", 3),
        (b"<a href='javascript:grow()'>x</a>", 3),
        (b"<svg><animate/></svg>", 3),
    ],
)
async def test_frames_are_only_waited_for_where_something_can_move(page: bytes, frame_count: int) -> None:
    shown = Page(READY)
    network = cast(PageSession, Network([5.0], page))
    assert await ready.settle(cast(OpenPage, shown), network, CONFIG) == ()
    assert shown.frame_counts == {frame_count}
