"""Figures that acceptance tests measure: one table at the end of the run, and a file for machines.

The long forms (``--soak``) add what they have measured to ``bench/soak.json``, each part with the machine, the commit,
the date and the load of its own run, so that parts that were run one by one end up beside each other.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "bench" / "soak.json"


class Figures:
    """Collects the figures of a run.

    Args:
        kept: write them to ``RESULTS``; short forms are only shown.
    """

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept
        self.parts: dict[str, dict[str, Any]] = {}

    def add(self, part: str, figures: Mapping[str, Any]) -> None:
        """Write down what one part has measured; with ``--soak`` at once, so that a later failure takes nothing away.

        Args:
            part: e.g. ``kills-sqlite``.
            figures: units are in the names.
        """
        self.parts[part] = dict(figures)
        if self._kept:
            known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
            RESULTS.parent.mkdir(exist_ok=True)
            text = json.dumps({**known, part: {**passport(), "figures": dict(figures)}}, indent=2, sort_keys=True)
            RESULTS.write_text(f"{text}\n", encoding="utf-8")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the figures to the process that prints, when this is one of several that run tests."""
        sent = getattr(session.config, "workeroutput", None)
        if sent is not None:
            sent["figures"] = self.parts

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what one of those processes has measured."""
        self.parts |= getattr(node, "workeroutput", {}).get("figures", {})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if not self.parts:
            return
        terminalreporter.section("figures")
        rows = [(part, name, f"{value}") for part, each in self.parts.items() for name, value in each.items()]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for part, name, value in rows:
            terminalreporter.line(f"{part:{widths[0]}}  {name:{widths[1]}}  {value}")
        if self._kept:
            terminalreporter.line(f"{RESULTS.relative_to(ROOT)} has them too, with those of earlier runs")


def passport() -> dict[str, Any]:
    """Return where and when figures were seen."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load_1_5_15_min": [round(load, 1) for load in os.getloadavg()],
    }
