"""What the settings of time-stamp authorities come to."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from archiveworker import timestamping
from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import SettingsError
from archiveworker.evidence.timestamp_post import AuthorityOptions
from archiveworker.settings import Settings

URLS = "https://one.example/tsr,http://two.example/,https://three.example/"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def settings(**values: str) -> Settings:
    return Settings.from_env({f"ARCHIVEWORKER_{name}": value for name, value in values.items()})[0]


def authorities(**values: str) -> list[AuthorityOptions]:
    return timestamping._authorities(settings(TSA_URLS=URLS, **values))


def test_nothing_is_asked_for_by_default() -> None:
    assert [(a.policy_oid, a.identity, a.ca_bundle) for a in authorities()] == [(None, None, None)] * 3


def test_one_value_is_for_all_and_a_certificate_for_those_that_can_ask_for_it() -> None:
    given = authorities(
        TSA_POLICIES="1.2.3", TSA_CLIENT_CERTS="/c.pem", TSA_CLIENT_KEY_PASSWORD="hush", CA_BUNDLE="/ca"
    )
    assert [a.policy_oid for a in given] == ["1.2.3"] * 3
    assert [a.identity and a.identity.certificate for a in given] == [Path("/c.pem"), None, Path("/c.pem")]
    assert given[0].identity is not None
    assert given[0].identity.key is None
    assert given[0].identity.password is not None
    assert given[0].ca_bundle == Path("/ca")
    assert "hush" not in repr(given)


def test_lists_go_by_the_order_of_the_urls() -> None:
    given = authorities(TSA_POLICIES="-,1.2.3,-", TSA_CLIENT_CERTS="-,-,/c.pem", TSA_CLIENT_KEYS="-,-,/c.key")
    assert [a.policy_oid for a in given] == [None, "1.2.3", None]
    assert [a.identity and a.identity.key for a in given] == [None, None, Path("/c.key")]


@pytest.mark.parametrize("name", ["TSA_POLICIES", "TSA_CLIENT_CERTS", "TSA_CLIENT_KEYS"])
def test_a_list_of_another_length_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"ARCHIVEWORKER_{name} has 2 entries, ARCHIVEWORKER_TSA_URLS 3"):
        authorities(**{name: "1.2,1.3"})


async def test_the_time_stamper_is_told_how_to_stamp(session: aiohttp.ClientSession) -> None:
    stamper = timestamping.build_timestamper(settings(TSA_URLS=URLS, TSA_COUNT="2", TSA_HASH="sha384"), session)
    assert stamper is not None
    assert stamper.algorithm is HashAlgorithm.SHA384
    assert timestamping.build_timestamper(settings(), session) is None
    with pytest.raises(SettingsError, match="4 time-stamps are asked for, but only 3 authorities"):
        timestamping.build_timestamper(settings(TSA_URLS=URLS, TSA_COUNT="4"), session)
    wrong = settings(TSA_URLS=URLS, TSA_CLIENT_CERTS="-,/c.pem,-")
    with pytest.raises(SettingsError, match="number 2 has a client certificate, so it must be https"):
        timestamping.build_timestamper(wrong, session)
    with pytest.raises(SettingsError, match="ARCHIVEWORKER_TSA_HASH must be sha256 or sha384 or sha512"):
        settings(TSA_HASH="sha1")
