"""The corpus of addresses against the two halves of the rule: what an origin is, and whose an address is."""

import json
from ipaddress import ip_address

import pytest

from archiveworker.domain.ids import LmsOrigin
from archiveworker.runtime.addresses import Realm, range_of
from tests.tools.write_ssrf_corpus import FILE, Entry, corpus, text


def test_the_file_is_what_the_generator_makes() -> None:
    assert FILE.read_text() == text()
    assert len(json.loads(text())) >= 300


@pytest.mark.parametrize("family", sorted({entry.family for entry in corpus()}))
def test_every_address_has_its_verdict(family: str) -> None:
    entries = [entry for entry in corpus() if entry.family == family]
    assert {entry.url: _verdict(entry) for entry in entries} == {entry.url: entry.verdict for entry in entries}


def _verdict(entry: Entry) -> str:
    try:
        origin = LmsOrigin.of(entry.url.replace("{port}", "8099"))
    except ValueError:
        return "no-url"
    realms = {range_of(ip_address(answer)).realm for answer in entry.answers or (origin.host,)}
    return next((one.value for one in (Realm.SPECIAL, Realm.PRIVATE) if one in realms), "public")
