"""The client against a server that answers what it is told: errors, digests, nothing from the environment."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from archiveworker.client import (
    ForeignAnswerError,
    WorkerBusyError,
    WorkerClient,
    WorkerConflictError,
    WorkerError,
    WorkerFailedError,
    WorkerNotFoundError,
    WorkerRefusedError,
    WorkerUnavailableError,
    WrongTokenError,
)
from archiveworker.domain.errors import Retry

SAID = "a sentence of the worker"


class Scripted(ThreadingHTTPServer):
    """Answers every request with the same, and remembers what came."""

    daemon_threads = True
    status = 200
    body = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = _answer

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind", "retry"),
    [
        (400, WorkerRefusedError, Retry.NEVER),
        (403, WrongTokenError, Retry.NEVER),
        (404, WorkerNotFoundError, Retry.NEVER),
        (405, WorkerRefusedError, Retry.NEVER),
        (409, WorkerConflictError, Retry.NEVER),
        (413, WorkerRefusedError, Retry.NEVER),
        (429, WorkerBusyError, Retry.LATER),
        (500, WorkerFailedError, Retry.NEVER),
        (502, WorkerUnavailableError, Retry.LATER),
        (503, WorkerBusyError, Retry.LATER),
        (504, WorkerUnavailableError, Retry.LATER),
    ],
)
def test_a_status_is_an_error_of_its_own(status: int, kind: type[WorkerError], retry: Retry, server: Scripted) -> None:
    server.status, server.body = status, json.dumps({"error": SAID}).encode()
    with WorkerClient(server.url) as client, pytest.raises(kind, match=f"^{SAID}$") as caught:
        client.job("x")
    assert type(caught.value) is kind
    assert caught.value.retry is retry


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}", b"\xff", b""])
def test_what_is_no_worker_is_said_to_be_none(body: bytes, server: Scripted) -> None:
    server.body = body
    with WorkerClient(server.url) as client:
        with pytest.raises(ForeignAnswerError, match=r"answers \(HTTP 200\), but is not an archiveworker"):
            client.info()
        server.status = 404
        with pytest.raises(WorkerNotFoundError, match=r"\(HTTP 404\), but is not an archiveworker"):
            client.jobs()


def test_a_redirection_is_not_followed(server: Scripted) -> None:
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    with WorkerClient(server.url, "token") as client, pytest.raises(WorkerRefusedError, match="HTTP 302"):
        client.info()
    assert [path for _, path, _, _ in server.seen] == ["/"]


def test_the_token_goes_into_the_header_and_nowhere_else(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.body = b'{"jobid": "7", "status": 40}'
    with WorkerClient(f"{server.url}/", "s3cret") as client:
        assert client.submit("../peer review", {"a": "é"}) == "7"
        assert "s3cret" not in repr(client)
    [(method, path, headers, body)] = server.seen
    assert (method, path) == ("POST", "/archive/..%2Fpeer%20review")
    assert headers["Authorization"] == "Bearer s3cret"
    assert json.loads(body) == {"a": "é"}


def test_an_archive_is_kept_only_when_it_is_what_was_announced(server: Scripted, tmp_path: Path) -> None:
    server.body, target = b"archive" * 1000, tmp_path / "exam.tar.gz"
    digest = base64.b64encode(hashlib.sha256(server.body).digest()).decode()
    with WorkerClient(server.url) as client:
        for announced in (f"sha-256=:{digest[::-1]}:", ""):
            server.headers = {"Repr-Digest": announced}
            with pytest.raises(ForeignAnswerError, match="did not arrive as announced"):
                client.download_archive("7", target)
            assert list(tmp_path.iterdir()) == []
        server.headers = {"Repr-Digest": f"sha-256=:{digest}:"}
        assert client.download_archive("7", target).read_bytes() == server.body


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(WorkerRefusedError, match="must be an address such as"):
        WorkerClient(url)


def test_only_what_was_given_is_sent(server: Scripted) -> None:
    server.body = b'{"id": "7", "status": "AWAITING_PROCESSING"}'
    with WorkerClient(server.url) as client:
        client.retry("7")
        client.redeliver("7", ["records"], "t")
        client.redeliver("7")
    bodies = [json.loads(body or b"{}") for _, _, _, body in server.seen]
    assert bodies == [{}, {"to": ["records"], "token": "t"}, {}]
