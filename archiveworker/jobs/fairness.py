"""Whose turn it is: between LMSs, between small and large jobs, and between the items of jobs of one LMS. Pure.

The engine looks into its queues by partition, in random order, and within one by priority and age; all that is decided
here is what these are. Accepted risk: a large job waits for small ones of the same LMS that come in for ever; how many
of them run at once is limited by ``jobs_max``.
"""

from typing import Final

SMALL_JOB_ITEMS: Final = 50
"""A job of at most so many items is small."""
_MAX_PRIORITY: Final = 2**31 - 1


def item_turn(number: int) -> int:
    """Return the priority of a job's item; lower is sooner.

    It is the item's number within its job: of several jobs the one that has had least comes next, so that one of five
    items is not behind the two thousand of another.

    Args:
        number: 1 for the first item of a job.
    """
    return min(number, _MAX_PRIORITY)


def job_lane(lms: str, item_count: int | None) -> str:
    """Return the partition of the job queue: jobs of about one size, of one LMS.

    Args:
        lms: its origin.
        item_count: None when it is not known beforehand; such a job counts as large.
    """
    is_small = item_count is not None and item_count <= SMALL_JOB_ITEMS
    return f"{'small' if is_small else 'large'} {lms}"


def lane_width(jobs_max: int) -> int:
    """Return how many jobs of one lane an executor runs at once: one place is kept for the other lanes."""
    return max(1, jobs_max - 1)
