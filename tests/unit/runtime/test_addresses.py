"""Whose an address is; judged by Python's own tables, by IANA's list of blocks, and by hand."""

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archiveworker.runtime.addresses import RANGES, IpAddress, Realm, is_public, range_of

PRIVATE = "10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 172.16.0.1 172.31.255.255 192.168.1.1 ::1 fc00::1 fdff::1"
SPECIAL = """0.0.0.0 169.254.169.254 169.254.170.2 224.0.0.1 192.0.0.192 192.0.0.8 168.63.129.16 100.100.100.200
    255.255.255.255 240.0.0.1 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 :: fe80::1 fe80::a9fe:a9fe
    fd00:ec2::254 fd20:ce::254 fd00:42::42 fd00:c1::a9fe:a9fe fec0::1 ff02::1 2001:db8::1 2001:: 2001:10::1 3fff::1
    100::1 5f00::1 64:ff9b:1::a9fe:a9fe 4000::1"""
DISGUISED_PRIVATE = "::ffff:10.0.0.1 ::ffff:127.0.0.1"
DISGUISED = """::ffff:169.254.169.254 ::ffff:0.0.0.0 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a9fe:a9fe::
    ::127.0.0.1 ::a9fe:a9fe 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1 fd00::5efe:7f00:1 2001:0:7f00:1::1"""
PUBLIC = "9.9.9.9 1.1.1.1 192.31.196.1 192.0.1.1 172.32.0.1 100.128.0.1 2620:fe::fe 64:ff9b::909:909 2002:909:909::1"


@pytest.mark.parametrize(
    ("realm", "addresses"),
    [
        (Realm.PRIVATE, PRIVATE),
        (Realm.PRIVATE, DISGUISED_PRIVATE),
        (Realm.SPECIAL, SPECIAL),
        (Realm.SPECIAL, DISGUISED),
        (Realm.PUBLIC, PUBLIC),
    ],
    ids=["private", "private, as IPv6", "special", "disguised", "public"],
)
def test_whose_they_are(realm: Realm, addresses: str) -> None:
    found = {text: range_of(ipaddress.ip_address(text)).realm for text in addresses.split()}
    assert found == dict.fromkeys(found, realm)


ADDRESSES = st.one_of(
    st.ip_addresses(),
    # Half of all IPv6 blocks are never drawn by chance: take one, then an address in it.
    st.sampled_from(RANGES).flatmap(lambda one: st.ip_addresses(network=one.network)),
)


@given(ADDRESSES)
def test_what_python_does_not_call_global_is_never_public(address: IpAddress) -> None:
    assert range_of(address).network.version in (4, 6)
    assume(not address.is_global)
    # 6to4 is "not applicable" in IANA's table; it is as public as what it carries.
    assume(not (isinstance(address, ipaddress.IPv6Address) and address.sixtofour is not None))
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_ipv6_is_never_better_than_itself(address: ipaddress.IPv4Address) -> None:
    assume(int(address) > 1)  # :: and ::1 are addresses of their own
    value, site = int(address), 0x26064700 << 96
    insides = (
        value,
        0xFFFF << 32 | value,
        0x64FF9B << 96 | value,
        0x2002 << 112 | value << 80,
        site | 0x5EFE << 32 | value,
        site | 0x2005EFE << 32 | value,
    )
    for inside in map(ipaddress.IPv6Address, insides):
        assert is_public(address) or not is_public(inside)
        if range_of(address).realm is Realm.SPECIAL:
            assert range_of(inside).realm is Realm.SPECIAL
