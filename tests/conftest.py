"""Options for all tests, and the rule that a skip which should have run is a failure."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long versions of the acceptance tests")
    parser.addoption(
        "--require-everything", action="store_true", help="a skipped test is a failure, unless it wants recordings"
    )


class SkipJudge:
    """Collects skips and fails the run for those that should have run."""

    def __init__(self) -> None:
        self.unwanted: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and "recordings" not in str(report.longrepr):
            self.unwanted.append(f"{report.nodeid}: {report.longrepr}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unwanted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unwanted:
            terminalreporter.section("skipped, but had to run")
            for line in self.unwanted:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--require-everything"):
        config.pluginmanager.register(SkipJudge())


@pytest.fixture(scope="session")
def recordings() -> Iterator[Path]:
    """Raw exchanges with the real systems; they are not part of the project."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of the real systems are not on this machine")
    return RECORDINGS
