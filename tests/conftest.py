"""Options for all tests, and the rule that a skip which should have run is a failure."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.fakes.postgres import PostgresServer, running_postgres

JUDGES_MISSING = "needs Java"
LIBRARIES_MISSING = "needs npm"
NAMESPACES_MISSING = "needs namespaces"
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long versions of the acceptance tests")
    parser.addoption(
        "--require-everything",
        action="store_true",
        help="a skipped test is a failure, unless it wants recordings, or Java, npm or namespaces and CI is not set",
    )


class SkipJudge:
    """Collects skips and fails the run for those that should have run.

    Args:
        on_ci: the judges, which need Java, the JavaScript libraries, which need npm, and namespaces have to be there.
    """

    def __init__(self, *, on_ci: bool) -> None:
        self.on_ci = on_ci
        self.unwanted: list[str] = []
        self.unjudged_count = 0
        self.without_library_count = 0
        self.unboxed_count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reason = str(report.longrepr)
        if not report.skipped or hasattr(report, "wasxfail") or "recordings" in reason:
            return
        if JUDGES_MISSING in reason and not self.on_ci:
            self.unjudged_count += 1
        elif LIBRARIES_MISSING in reason and not self.on_ci:
            self.without_library_count += 1
        elif NAMESPACES_MISSING in reason and not self.on_ci:
            self.unboxed_count += 1
        else:
            self.unwanted.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unwanted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unjudged_count:
            terminalreporter.section("skipped on this machine")
            terminalreporter.line(
                f"{self.unjudged_count} test(s) need Java and the judges ('make judges'); CI has them"
            )
        if self.without_library_count:
            terminalreporter.section("skipped on this machine")
            terminalreporter.line(f"{self.without_library_count} test(s) need npm's JavaScript libraries; CI has them")
        if self.unboxed_count:
            terminalreporter.section("skipped on this machine")
            terminalreporter.line(f"{self.unboxed_count} test(s) need namespaces, which it does not allow; CI does")
        if self.unwanted:
            terminalreporter.section("skipped, but had to run")
            for line in self.unwanted:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--require-everything"):
        config.pluginmanager.register(SkipJudge(on_ci=bool(os.environ.get("CI"))))


@pytest.fixture(scope="session")
def recordings() -> Iterator[Path]:
    """Raw exchanges with the real systems; they are not part of the project."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of the real systems are not on this machine")
    return RECORDINGS


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL; tests make a database of their own in it."""
    with running_postgres() as server:
        yield server
