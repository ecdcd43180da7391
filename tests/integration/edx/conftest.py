"""One real edx-proctoring for all tests of this folder. CI must not skip them: nothing here ever does."""

from collections.abc import Iterator

import pytest

from tests.fakes.edx.bed import MANY_COUNT, EdxServer, served


@pytest.fixture(scope="session")
def edx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdxServer]:
    """A served LMS with every status, a course of 60 attempts, an empty one, and one of 1,000."""
    with served(tmp_path_factory.mktemp("edx"), MANY_COUNT) as server:
        yield server
