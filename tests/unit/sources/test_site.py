"""Which addresses belong to a Moodle, and which of them may see its token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.ids import LmsOrigin
from archiveworker.sources.moodle.site import MoodleSite

BASE = "http://moodle.internal:8080/learn"
SITE = MoodleSite(BASE, f"{BASE}/webservice/rest/server.php", f"{BASE}/webservice/upload.php")
PUBLIC = ("https://exams.example.org/moodle/",)
FILE = "/webservice/pluginfile.php/1/a%20b.txt"


def test_a_site_is_known_by_its_addresses():
    site = MoodleSite.checked(BASE + "/", SITE.ws_url, SITE.upload_url)

    assert site == SITE
    assert str(site.origin) == "http://moodle.internal:8080"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"base_url": "moodle.internal"}, r"base: .*must begin with http"),
        ({"base_url": "http://a:b@moodle.internal:8080"}, r"base: .*user name or password"),
        ({"base_url": "http://moodle.internal:8080/?a=b"}, r"base: must have no query"),
        ({"base_url": "http://other:8080"}, r"ws: must be on the same host as the base address, http://other:8080"),
        ({"ws_url": f"{BASE}/rest"}, r"ws: must end with /webservice/rest/server\.php"),
        ({"ws_url": "http://[::1"}, r"ws: "),
        ({"upload_url": f"{BASE}/webservice/upload.php?token=x"}, r"upload: must have no query"),
        ({"upload_url": "https://moodle.internal:8080/webservice/upload.php"}, r"upload: must be on the same host"),
        ({"upload_url": "http://moodle.internal:99999/webservice/upload.php"}, r"upload: "),
    ],
)
def test_addresses_that_do_not_fit_are_refused(change, sentence):
    urls = {"base_url": BASE, "ws_url": SITE.ws_url, "upload_url": SITE.upload_url} | change
    with pytest.raises(ValueError, match=sentence):
        MoodleSite.checked(**urls)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (BASE + FILE, BASE + FILE),
        (f"{BASE}{FILE}..b", f"{BASE}{FILE}..b"),
        (f"{BASE}/webservice/pluginfile.php?file=%2F1%2Fa", f"{BASE}/webservice/pluginfile.php?file=%2F1%2Fa"),
        (f"https://exams.example.org/moodle{FILE}", BASE + FILE),
        (f"https://EXAMS.example.org:443/moodle{FILE}", BASE + FILE),
    ],
)
def test_a_file_is_fetched_from_the_own_address(url, own):
    assert SITE.own_file_url(url, PUBLIC) == own


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"https://exams.example.org{FILE}", "is on https://exams.example.org and not on the job's own Moodle"),
        (f"http://exams.example.org/moodle{FILE}", "add the public address to ARCHIVEWORKER_PUBLIC_ORIGINS"),
        (f"https://exams.example.org.evil.test/moodle{FILE}", "evil.test"),
        (f"http://moodle.internal{FILE}", "is on http://moodle.internal and not"),
        (f"{BASE}/login/index.php?x=/webservice/pluginfile.php", "must be a file of Moodle"),
        (f"{BASE}/webservice/pluginfile.php/../../admin/x", "must be a file of Moodle"),
        (f"{BASE}/webservice/pluginfile.php/%2e%2e/upload.php", "must be a file of Moodle"),
        (f"{BASE}/webservice/pluginfile.php/..%2f..%2fx", "must be a file of Moodle"),
        ("javascript:alert(1)", "must begin with http"),
    ],
)
def test_a_file_anywhere_else_is_refused(url, sentence):
    with pytest.raises(ValueError, match=sentence):
        SITE.own_file_url(url, PUBLIC)


@given(url=st.one_of(st.text(), st.from_regex(r"https?://[^/]{0,20}/[^ ]{0,20}", fullmatch=True)))
def test_the_token_never_goes_to_another_origin(url):
    try:
        own = SITE.own_file_url(url, PUBLIC)
    except ValueError:
        return
    assert LmsOrigin.of(own) == SITE.origin
