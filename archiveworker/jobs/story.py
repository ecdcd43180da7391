"""What a job says about itself: one event of its workflow, rewritten at each change, readable from any process."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from archiveworker.domain.delivery import DeliveryState
from archiveworker.domain.errors import ConflictError
from archiveworker.domain.job import NEXT_STATES, JobState
from archiveworker.jobs.records import FORMAT, Json

STORY_EVENT: Final = "story"


@dataclass(frozen=True, slots=True)
class Story:
    """State of a job and what led to it.

    Attributes:
        state: now.
        history: ``(state, ISO time)`` of every state so far, oldest first.
        reason: why it failed, a sentence that an administrator can act on; empty otherwise.
        items_total: number of items, None before they are known.
        failures: ``{"item", "code", "message"}`` of each item that failed for good.
        warnings: ``{"subject", "message"}``.
        archive: ``{"name", "sha256", "size_bytes", "layout", "retention"}`` once packed.
        evidence: names that ``GET /jobs/<id>/evidence/<name>`` serves.
        deliveries: ``{"target", "state", "message"}`` of each target, once packed; ``state`` is a ``DeliveryState``,
            ``message`` why it failed, or why an LMS is believed to have it.
    """

    state: JobState = JobState.AWAITING_PROCESSING
    history: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    items_total: int | None = None
    failures: tuple[dict[str, str], ...] = ()
    warnings: tuple[dict[str, str], ...] = ()
    archive: dict[str, Any] | None = field(default=None)
    evidence: tuple[str, ...] = ()
    deliveries: tuple[dict[str, str], ...] = ()

    def entered(self, state: JobState, at: datetime, *, reason: str = "") -> "Story":
        """Return the story after a change of state.

        Raises:
            ConflictError: there is no such transition.
        """
        if state not in NEXT_STATES[self.state]:
            raise ConflictError(f"a job that is {self.state} cannot become {state}")
        return replace(self, state=state, reason=reason, history=(*self.history, (state.value, at.isoformat())))

    def warned(self, subject: str, message: str) -> "Story":
        """Return the story with one more warning; the same one twice is kept once."""
        warning = {"subject": subject, "message": message}
        return self if warning in self.warnings else replace(self, warnings=(*self.warnings, warning))

    @property
    def undelivered(self) -> tuple[str, ...]:
        """Targets that have not got the archive."""
        return tuple(d["target"] for d in self.deliveries if d["state"] != DeliveryState.DELIVERED)

    def expecting(self, targets: Sequence[str]) -> "Story":
        """Return the story with ``targets`` still to be delivered to."""
        story = self
        for target in targets:
            story = story.with_delivery(target, DeliveryState.WAITING, "")
        return story

    def with_delivery(self, target: str, state: DeliveryState, message: str) -> "Story":
        """Return the story with what came of the archive at a target, in place of what was said of it before."""
        entry = {"target": target, "state": state.value, "message": message}
        if any(known["target"] == target for known in self.deliveries):
            return replace(self, deliveries=tuple(entry if d["target"] == target else d for d in self.deliveries))
        return replace(self, deliveries=(*self.deliveries, entry))

    def without_warning(self, subject: str, message: str) -> "Story":
        """Return the story without a warning."""
        warning = {"subject": subject, "message": message}
        return replace(self, warnings=tuple(one for one in self.warnings if one != warning))

    def to_json(self) -> Json:
        """Return the stored form."""
        return {"format": FORMAT, **asdict(self), "state": self.state.value}


def is_only_believed(deliveries: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a target is believed to have the archive although it did not say so; of ``Story.deliveries``."""
    return any(entry["state"] == DeliveryState.DELIVERED and entry["message"] for entry in deliveries)


def story_from_json(data: Json | None) -> Story:
    """Read the stored form; a job that has not begun has none."""
    if data is None:
        return Story()
    return Story(
        state=JobState(data["state"]),
        history=tuple((state, at) for state, at in data["history"]),
        reason=data["reason"],
        items_total=data["items_total"],
        failures=tuple(data["failures"]),
        warnings=tuple(data["warnings"]),
        archive=data["archive"],
        evidence=tuple(data["evidence"]),
        # Release 0.1 did not write it.
        deliveries=tuple(data.get("deliveries", ())),
    )
