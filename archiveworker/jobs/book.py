"""A job's story while its workflow runs: every change is published as the workflow's event."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from dbos import DBOS

from archiveworker.domain.delivery import DeliveryState
from archiveworker.domain.job import JobState
from archiveworker.jobs.records import Json
from archiveworker.jobs.running import run_step
from archiveworker.jobs.steps import JobSteps
from archiveworker.jobs.story import STORY_EVENT, Story

log = structlog.get_logger(__name__)


class Book:
    """Keeps the story of the workflow that made it.

    Args:
        steps: for the time.
        story: what there is to go on from.
    """

    def __init__(self, steps: JobSteps, story: Story) -> None:
        self._steps = steps
        self.story = story

    async def enter(self, state: JobState, reason: str = "") -> None:
        """Change the state and publish it.

        Raises:
            ConflictError: there is no such transition.
        """
        at = datetime.fromisoformat(await run_step("now", self._steps.now))
        self.story = self.story.entered(state, at, reason=reason)
        await self.publish()
        log.info("job_state", state=state.value, reason=reason)

    async def planned(self, items_total: int) -> None:
        """Note how much there is to do and publish it."""
        self.story = replace(self.story, items_total=items_total)
        await self.publish()

    async def packed(self, archive: Json, evidence: list[str]) -> None:
        """Note the archive and its evidence and publish them."""
        # The last two are missing in a job that release 0.1 packed.
        shown = {key: archive.get(key) for key in ("name", "sha256", "size_bytes", "layout", "retention")}
        self.story = replace(self.story, archive=shown, evidence=tuple(evidence))
        await self.publish()

    def judged(self, summary: Json) -> None:
        """Note what became of the items; published with the next change."""
        self.story = replace(self.story, failures=tuple(summary["failures"]))
        for warning in summary["warnings"]:
            self.warn(warning["subject"], warning["message"])

    def warn(self, subject: str, message: str) -> None:
        """Note a warning, if there is a message; published with the next change."""
        if message:
            self.story = self.story.warned(subject, message)

    def expect(self, targets: Sequence[str]) -> None:
        """Note where the archive will go; published with the next change."""
        self.story = self.story.expecting(targets)

    def delivery(self, target: str, state: DeliveryState, message: str = "") -> None:
        """Note what came of the archive at a target; published with the next change."""
        self.story = self.story.with_delivery(target, state, message)

    async def publish(self) -> None:
        """Let everyone see the story as it is."""
        await DBOS.set_event_async(STORY_EVENT, self.story.to_json())
