"""Who may be asked."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.policy import Policy, is_public

OWN = LmsOrigin.of("https://moodle.example.org/sub")
POLICY = Policy(OWN, ("cdn.example.net", "*.static.example.net", "files.example.net:8443", "203.0.113.9"))


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
        "https://203.0.113.9/x",
    ],
)
def test_what_may_not(url: str) -> None:
    assert POLICY.refusal_of_url(url) is not None


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "224.0.0.1",
        ),
        *("192.0.0.192", "168.63.129.16", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::", "ff02::1"),
        *("::127.0.0.1", "2001:db8::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "64:ff9b::909:909"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_ipv6_is_never_better_than_itself(address: ipaddress.IPv4Address) -> None:
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96):
        inside = ipaddress.IPv6Address(prefix | int(address))
        assert is_public(address) or not is_public(inside)


def test_the_lms_itself_may_have_any_address() -> None:
    loopback = ipaddress.ip_address("127.0.0.1")
    assert POLICY.refusal_of_address(OWN, loopback) is None
    assert POLICY.refusal_of_address(LmsOrigin.of("https://cdn.example.net"), loopback) is not None
    assert POLICY.refusal_of_address(LmsOrigin.of("http://moodle.example.org"), loopback) is not None


@pytest.mark.parametrize("pattern", ["", "*", "*.", "a*b.example", "https://x", "x/y", "x:port"])
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match="allowed host"):
        Policy(OWN, (pattern,))
