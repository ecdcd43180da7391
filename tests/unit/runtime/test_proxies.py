"""Which proxies can be named, and which hosts do without."""

import pytest

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.proxies import Proxy
from archiveworker.settings import Settings


def proxy(*bypass: str) -> Proxy:
    found = Proxy.of(Secret("http://user:hidden@proxy.example.org:3128"), bypass)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("host", "bypass", "expected"),
    [
        ("lms.example.org", (), False),
        ("localhost", (), True),
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("127.8.9.10", (), True),
        ("example.org", ("example.org",), True),
        ("LMS.example.org", ("example.org",), True),
        ("lms.example.org", (".example.org",), True),
        ("lms.example.org", ("*.example.org",), True),
        ("badexample.org", ("example.org",), False),
        ("example.org.evil.test", ("example.org",), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("10.1.2.3", ("10.1.2.3",), True),
        ("fd00::1", ("fd00::/8",), True),
        ("10.1.2.3", ("3",), False),
    ],
)
def test_who_is_asked_directly(host: str, bypass: tuple[str, ...], expected: bool) -> None:
    assert proxy(*bypass).is_bypassed(host) is expected


@pytest.mark.parametrize(
    "url",
    ["proxy.example.org", "ftp://proxy.example.org", "http://", "socks5:///", "http://user:hidden@proxy:port", "//p:1"],
)
def test_what_is_no_proxy_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="ARCHIVEWORKER_PROXY must be like") as caught:
        Settings(proxy=Secret(url))
    assert "hidden" not in str(caught.value)


def test_the_password_is_not_shown() -> None:
    found = proxy()
    assert "hidden" not in f"{found!r} {found}"
    assert found.user == "user"
    assert found.credentials() == {"Proxy-Authorization": "Basic dXNlcjpoaWRkZW4="}


def test_no_proxy_is_none() -> None:
    assert Settings().route is None


def test_names_of_the_existing_worker_are_read() -> None:
    settings, notes = Settings.from_env(
        {"QUIZ_ARCHIVER_PROXY_SERVER_URL": "http://p:1", "QUIZ_ARCHIVER_PROXY_BYPASS_DOMAINS": ".a, b"}
    )
    assert settings.route == Proxy.of(Secret("http://p:1"), (".a", "b"))
    assert len(notes) == 2
