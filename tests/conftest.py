"""Options for all tests, and the rule that a skip which should have run is a failure."""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.fakes.postgres import PostgresServer, running_postgres
from tests.fakes.s3 import S3Server, running_s3
from tests.fakes.small_disk import MISSING as DISK_MISSING
from tests.tools.figures import Figures

JUDGES_MISSING = "needs Java"
LIBRARIES_MISSING = "needs npm"
HELM_MISSING = "needs Helm"
NAMESPACES_MISSING = "needs namespaces"
HISTORY_MISSING = "needs the history"
NEVER_NEEDED = ("recordings", HISTORY_MISSING)
"""What is not part of the project as it is handed out."""
ONLY_ON_CI = {
    JUDGES_MISSING: "Java and the judges ('make judges')",
    LIBRARIES_MISSING: "npm's JavaScript libraries",
}
"""What tests may be skipped for, except on CI, and what they need."""
NOT_EVERYWHERE = {
    DISK_MISSING: "the right to mount a small file system",
    NAMESPACES_MISSING: "namespaces",
    HELM_MISSING: "Helm, which tests/tools/get_helm.sh builds where Go's modules can be had",
}
"""What tests may be skipped for on CI too, which may be a container that lacks the right, or be slow to build."""
FIGURES = "figures"
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "recordings"

# A machine that is busy is slow, not wrong.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long versions of the acceptance tests")
    parser.addoption("--posts", type=int, default=10_000, help="how many jobs the long version of test_load.py posts")
    parser.addoption(
        "--seed", type=int, help="of random kills and faults, to see a run again; default: another each time"
    )
    parser.addoption(
        "--require-everything",
        action="store_true",
        help="a skipped test is a failure, unless it wants recordings, what is not everywhere, or, off CI, Java or npm",
    )


class SkipJudge:
    """Collects skips and fails the run for those that should have run.

    Args:
        on_ci: what ``ONLY_ON_CI`` names has to be there too.
    """

    def __init__(self, *, on_ci: bool) -> None:
        self.on_ci = on_ci
        self.unwanted: list[str] = []
        self.missing: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        reason = str(report.longrepr)
        if not report.skipped or hasattr(report, "wasxfail") or any(one in reason for one in NEVER_NEEDED):
            return
        accepted = NOT_EVERYWHERE if self.on_ci else {**ONLY_ON_CI, **NOT_EVERYWHERE}
        missing = next((marker for marker in accepted if marker in reason), None)
        if missing is None:
            self.unwanted.append(f"{report.nodeid}: {reason}")
        else:
            self.missing[missing] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unwanted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.missing:
            terminalreporter.section("skipped on this machine")
        for marker, count in self.missing.items():
            terminalreporter.line(f"{count} test(s) need {({**ONLY_ON_CI, **NOT_EVERYWHERE})[marker]}")
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


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real server that speaks S3; tests make a bucket of their own in it."""
    with running_s3() as server:
        yield server


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Give a folder that everybody may use: root starts browsers as somebody who may not enter pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)
