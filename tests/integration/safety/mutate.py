"""Values that nobody expects, and documents with some of them in the place of others."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from time import process_time
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.domain.errors import ArchiveWorkerError

NORMAL, SOAK = 120, 5_000
MAX_CPU_S = 2.0

_DEEP: Final[Any] = []
_inside = _DEEP
for _ in range(400):
    _inside.append([])
    _inside = _inside[0]

ODD: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        10**400,
        -(10**400),
        1e308,
        -1e308,
        0.1,
        float("inf"),
        float("nan"),
    ),
    *("", " ", "0", "-1", "9" * 20, "9" * 5000, "١٢٣", "²", "1e400", "nan", "0x10", "null", "true"),
    *(
        "\x00",
        "a\x00b",
        "\u202egnp.exe",
        "\u200b",
        "e\u0301",
        "\U0001f600",
        "x" * 5000,
        "../" * 40,
        "CON",
        "a/b",
        "%00",
        "a\r\nb",
    ),
    *(
        "http://127.0.0.1/",
        "https://[",
        "http://x:y@z",
        "javascript:1",
        "data:,",
        "//",
        "<script>",
        "${jndi:x}",
        "{{7*7}}",
    ),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2026-02-30", "1969-12-31T23:59:59.999999999Z", "T", "P1Y"),
    *([], {}, [[]], [None], {"": ""}, {"a": {"a": {"a": 1}}}, [1, "1", 1.0], ["x"] * 300, _DEEP),
)
values = st.one_of(
    st.sampled_from(ODD), st.text(max_size=30), st.integers(), st.floats(), st.lists(st.integers(), max_size=3)
)


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in a JSON document, the whole first."""
    yield at
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inside:
        yield from places(value, (*at, key))


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """Draw the document with one to three values replaced, removed or added."""
    made = [deepcopy(document)]  # in a list, so that the whole can be replaced as well
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from([(0, *place) for place in places(made[0])]))
        holder: Any = made
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(("replace", "replace", "remove", "add"))):
            case "remove" if way:
                del holder[key]
            case "add" if isinstance(holder[key], dict):
                holder[key][draw(st.text(max_size=10))] = deepcopy(draw(values))
            case _:
                holder[key] = deepcopy(draw(values))
    return made[0]


def tried(config: pytest.Config, inputs: st.SearchStrategy[Any], call: Callable[[Any], object]) -> None:
    """Call with many inputs: it returns or raises an error of the worker's own, soon.

    Anything else that it raises, and anything that takes long, fails the test with the smallest input that does so.
    """

    @settings(
        max_examples=SOAK if config.getoption("--soak") else NORMAL,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def run(value: Any) -> None:
        began_s = process_time()
        with suppress(ArchiveWorkerError):
            call(value)
        assert process_time() - began_s < MAX_CPU_S

    run()
