"""Options for all tests, and the rule that a skip which should have run is a failure."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.fakes.postgres import PostgresServer, running_postgres
from tests.tools.figures import Figures

JUDGES_MISSING = "needs Java"
LIBRARIES_MISSING = "needs npm"
FIGURES = "figures"
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long versions of the acceptance tests")
    parser.addoption(
        "--seed", type=int, help="of random kills and faults, to see a run again; default: another each time"
    )
    parser.addoption(
        "--require-everything",
        action="store_true",
        help="a skipped test is a failure, unless it wants recordings, or Java or npm and CI is not set",
    )


class SkipJudge:
    """Collects skips and fails the run for those that should have run.

    Args:
        on_ci: the judges, which need Java, and the JavaScript libraries, which need npm, have to be there too.
    """

    def __init__(self, *, on_ci: bool) -> None:
        self.on_ci = on_ci
        self.unwanted: list[str] = []
        self.unjudged_count = 0
        self.without_library_count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reason = str(report.longrepr)
        if not report.skipped or hasattr(report, "wasxfail") or "recordings" in reason:
            return
        if JUDGES_MISSING in reason and not self.on_ci:
            self.unjudged_count += 1
        elif LIBRARIES_MISSING in reason and not self.on_ci:
            self.without_library_count += 1
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
        if self.unwanted:
            terminalreporter.section("skipped, but had to run")
            for line in self.unwanted:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Figures(kept=config.getoption("--soak")), FIGURES)
    if config.getoption("--require-everything"):
        config.pluginmanager.register(SkipJudge(on_ci=bool(os.environ.get("CI"))))


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """What is measured; the run ends with a table of it."""
    plugin = pytestconfig.pluginmanager.get_plugin(FIGURES)
    assert isinstance(plugin, Figures)
    return plugin


@pytest.fixture(scope="session")
def is_soak(pytestconfig: pytest.Config) -> bool:
    """True for the long forms."""
    return bool(pytestconfig.getoption("--soak"))


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Of whatever a test does at random; a failure must name it."""
    given = pytestconfig.getoption("--seed")
    return random.SystemRandom().randrange(2**32) if given is None else int(given)


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
