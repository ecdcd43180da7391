"""The table of figures at the end of a run, and the file beside it."""

import json
from pathlib import Path

import pytest

from tests.tools import figures


class Terminal:
    """Takes what would be printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def section(self, title: str) -> None:
        self.lines.append(title)

    line = section


def test_parts_that_were_run_one_by_one_end_up_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "bench" / "soak.json")
    figures.Figures(kept=True).add("load", {"posts": 1})
    second = figures.Figures(kept=True)
    second.add("size", {"attempts": 2000})
    second.add("size", {"attempts": 20})
    known = json.loads((tmp_path / "bench" / "soak.json").read_text())
    assert {part: entry["figures"] for part, entry in known.items()} == {
        "load": {"posts": 1},
        "size": {"attempts": 20},
    }
    assert set(known["load"]) == {"at", "commit", "machine", "load_1_5_15_min", "figures"}
    terminal = Terminal()
    second.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    assert terminal.lines == [
        "figures",
        "size  attempts  20",
        "bench/soak.json has them too, with those of earlier runs",
    ]


def test_short_forms_are_only_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "soak.json")
    short = figures.Figures(kept=False)
    nothing, terminal = Terminal(), Terminal()
    short.pytest_terminal_summary(nothing)  # type: ignore[arg-type]
    short.add("load", {"posts": 1})
    short.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    assert nothing.lines == []
    assert terminal.lines == ["figures", "load  posts  1"]
    assert not (tmp_path / "soak.json").exists()
