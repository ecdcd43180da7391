"""Who may be asked."""

import pytest

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.policy import Policy

OWN = LmsOrigin.of("https://moodle.example.org/sub")
POLICY = Policy(OWN, ("cdn.example.net", "*.static.example.net", "files.example.net:8443"))


@pytest.mark.parametrize(
    "url",
    [
        "https://moodle.example.org/theme/x.css",
        "https://MOODLE.example.org:443/x",
        "https://cdn.example.net/x",
        "http://cdn.example.net/x",
        "https://a.b.static.example.net/x",
        "https://files.example.net:8443/x",
    ],
)
def test_what_may_be_asked_for(url: str) -> None:
    assert POLICY.refusal_of_url(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://moodle.example.org/x",
        "https://moodle.example.org:8443/x",
        "https://moodle.example.org.evil.test/x",
        "https://static.example.net/x",
        "https://files.example.net/x",
        "https://evilcdn.example.net/x",
        "https://user@moodle.example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://cdn.example.net/x",
        "https:///x",
        "https://cdn.example.net:99999/x",
    ],
)
def test_what_may_not(url: str) -> None:
    assert POLICY.refusal_of_url(url) is not None


def test_the_lms_alone_may_have_a_private_address() -> None:
    assert POLICY.may_be_private("moodle.example.org", 443)
    assert not POLICY.may_be_private("moodle.example.org", 80)
    assert not POLICY.may_be_private("cdn.example.net", 443)
    assert not Policy(OWN, own_may_be_private=False).may_be_private("moodle.example.org", 443)


@pytest.mark.parametrize("pattern", ["", "*", "*.", "a*b.example", "https://x", "x/y", "x:port"])
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match="allowed host"):
        Policy(OWN, (pattern,))
