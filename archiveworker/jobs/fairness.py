"""Whose turn it is: between LMSs, between small and large jobs, and between the items of jobs of one LMS. Pure.

The engine looks into its queues by partition, in random order, and within one by turn and age; all that is decided here
is what these are (docs/adr/0020). Accepted risk: a large job waits for small ones of the same LMS that come in for
ever, and one of low priority for all others; how many of them run at once is limited by ``jobs_max``.
"""

from typing import Final

SMALL_JOB_ITEMS: Final = 50
"""A job of at most so many items is small."""
MAX_PRIORITY: Final = 10
"""Priorities of jobs go from minus this to this; 0 is that of a job that nobody said anything of."""
_TURNS: Final = 2**26
"""Turns of one priority; the engine takes 1 to 2**31 - 1 in all."""


def item_turn(number: int, priority: int = 0) -> int:
    """Return the engine's priority of a job's item; lower is sooner.

    Among jobs of one priority it is the item's number within its job: of several jobs the one that has had least comes
    next, so that one of five items is not behind the two thousand of another.

    Args:
        number: 1 for the first item of a job.
        priority: of the job, -10 to 10; higher is sooner.
    """
    return (MAX_PRIORITY - priority) * _TURNS + min(number, _TURNS - 1)


def job_turn(priority: int) -> int:
    """Return the engine's priority of a job within its lane; lower is sooner, equal ones go by age.

    Redeliveries, and jobs that release 0.1 stored, have none, which is sooner than any.
    """
    return 1 + MAX_PRIORITY - priority


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
