"""Who may post jobs: the secret as a header or in the address, the LMSs, how often."""

from ipaddress import ip_network

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from archiveworker.domain.errors import AccessDeniedError, RateLimitedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.web.access import ADMIN_TOKEN
from archiveworker.web.errors import errors_to_json
from archiveworker.web.gate import Gate, GateRules, shown_path

SECRET = "made-up-post-secret-0123"
ADMIN = Secret("made-up-admin-token")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _application(rules: GateRules) -> web.Application:
    gate = Gate(rules)

    @web.middleware
    async def check(request, handler):
        gate.check_address(request)
        return await handler(request)

    async def post(request: web.Request) -> web.Response:
        gate.check_poster(request)
        raise AccessDeniedError("inside") if "fail" in request.query else web.HTTPOk

    app = web.Application(middlewares=[errors_to_json, check])
    app[ADMIN_TOKEN] = ADMIN
    app.router.add_post("/archive", post)
    app.router.add_post("/{key}/archive", post)
    return app


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/archive", {}, 403),
        ("/archive", {"Authorization": f"Bearer {SECRET}"}, 200),
        ("/archive", {"Authorization": f"bearer  {SECRET} "}, 200),
        ("/archive", {"Authorization": f"Bearer {SECRET}x"}, 403),
        ("/archive", {"Authorization": f"Basic {SECRET}"}, 403),
        ("/archive", {"Authorization": "Bearer \udcff"}, 403),
        ("/archive", {"Authorization": f"Bearer {ADMIN.reveal()}"}, 200),
        (f"/{SECRET}/archive", {}, 200),
        (f"/{SECRET[:-1]}/archive", {}, 404),
        (f"/{SECRET[:-1]}/archive", {"Authorization": f"Bearer {SECRET}"}, 404),
        ("/%FF/archive", {}, 404),
    ],
)
async def test_who_knows_the_secret_may_post(path: str, headers: dict[str, str], status: int) -> None:
    app = _application(GateRules(secret=Secret(SECRET)))
    async with TestClient(TestServer(app)) as client, client.post(path, headers=headers) as answer:
        assert answer.status == status
        assert SECRET not in await answer.text()


async def test_without_a_secret_everybody_may_post() -> None:
    async with TestClient(TestServer(_application(GateRules()))) as client, client.post("/archive") as answer:
        assert answer.status == 200


async def test_the_log_does_not_show_the_secret_in_the_address() -> None:
    app = _application(GateRules(secret=Secret(SECRET)))
    with structlog.testing.capture_logs() as events:
        async with TestClient(TestServer(app)) as client, client.post(f"/{SECRET}/archive?fail=1") as answer:
            assert answer.status == 403

    assert [event["path"] for event in events] == ["/***/archive"]


def test_only_what_is_the_secret_is_hidden() -> None:
    assert shown_path(make_mocked_request("POST", "/archive/quiz_archiver")) == "/archive/quiz_archiver"


@pytest.mark.parametrize(
    ("base_url", "taken"),
    [
        ("https://moodle.example.org", True),
        ("https://MOODLE.example.org:443/sub", True),
        ("http://moodle.example.org", False),
        ("https://moodle.example.org:8443", False),
        ("https://moodle.example.org.evil.test", False),
    ],
)
def test_jobs_of_other_lms_are_refused_by_origin(base_url: str, taken: bool) -> None:
    gate = Gate(GateRules(allowed_lms=frozenset({LmsOrigin.of("https://moodle.example.org")})))
    if taken:
        gate.check_lms(base_url)
    else:
        with pytest.raises(AccessDeniedError, match="ARCHIVEWORKER_ALLOWED_LMS"):
            gate.check_lms(base_url)


def test_without_a_list_jobs_of_every_lms_are_taken() -> None:
    Gate(GateRules()).check_lms("https://anywhere.example.org")


class _Remote:
    """As much of a transport as a request needs to know who calls."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return False


def _request(address: str, forwarded: str = "") -> web.Request:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return make_mocked_request("POST", "/archive", headers=headers, transport=_Remote(address))


def _count_admitted(gate: Gate, request: web.Request, tries: int) -> int:
    admitted = 0
    for _ in range(tries):
        try:
            gate.check_poster(request)
        except RateLimitedError:
            continue
        admitted += 1
    return admitted


def test_a_client_may_post_so_often_in_a_minute_and_another_as_often() -> None:
    clock = Clock()
    gate = Gate(GateRules(posts_per_minute=30), clock)

    assert _count_admitted(gate, _request("192.0.2.1"), 100) == 30
    assert _count_admitted(gate, _request("192.0.2.2"), 10) == 10
    clock.now_s += 2.0
    assert _count_admitted(gate, _request("192.0.2.1"), 100) == 1
    clock.now_s += 3600.0
    assert _count_admitted(gate, _request("192.0.2.1"), 100) == 30


def test_a_wrong_secret_counts_too() -> None:
    gate = Gate(GateRules(secret=Secret(SECRET), posts_per_minute=5), Clock())
    for _ in range(5):
        with pytest.raises(AccessDeniedError):
            gate.check_poster(_request_with_admin("192.0.2.1"))
    with pytest.raises(RateLimitedError, match="ARCHIVEWORKER_POSTS_PER_MINUTE"):
        gate.check_poster(_request_with_admin("192.0.2.1"))


def _request_with_admin(address: str) -> web.Request:
    app = web.Application()
    app[ADMIN_TOKEN] = None
    return make_mocked_request("POST", "/archive", transport=_Remote(address), app=app)


@pytest.mark.parametrize(
    ("peer", "forwarded", "same_as"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "made-up, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_says_who_the_client_is(peer: str, forwarded: str, same_as: str) -> None:
    rules = GateRules(posts_per_minute=1, trusted_proxies=(ip_network("10.0.0.0/8"),))
    gate = Gate(rules, Clock())
    gate.check_poster(_request(peer, forwarded))

    with pytest.raises(RateLimitedError, match=same_as):
        gate.check_poster(_request(peer, forwarded))


def test_clients_are_forgotten_before_they_fill_the_memory() -> None:
    gate = Gate(GateRules(posts_per_minute=1), Clock())
    for number in range(12_000):
        gate.check_poster(_request(f"client-{number}"))

    assert len(gate._free_at_s) == 10_000
