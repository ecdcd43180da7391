"""The client itself: one method for each thing that the API does.

Accepted risk: a worker is believed; what it sends is parsed as JSON of any size that fits into memory. Files are
written as they come, and an archive is kept only when its bytes have the digest that the worker names.
"""

import base64
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
import requests  # noqa: TID251 - scripts are not asynchronous; the worker itself does not import this module

from archiveworker.client.errors import (
    ForeignAnswerError,
    WorkerError,
    WorkerRefusedError,
    WorkerUnavailableError,
    WorkerWaitError,
    error_of,
    reason_of,
)
from archiveworker.domain.answers import (
    Accepted,
    AppInfo,
    JobLine,
    JobList,
    JobStatus,
    JobView,
    Readiness,
    WorkerStatus,
)
from archiveworker.domain.errors import Retry, SettingsError
from archiveworker.domain.evidence import Verdict
from archiveworker.domain.job import JobState
from archiveworker.runtime import trust

_Answer = TypeVar("_Answer")
_TIMEOUT_S: Final = 30.0
_VERIFY_TIMEOUT_S: Final = 600.0
_CHUNK_BYTES: Final = 1024**2
_READY: Final = (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)


class WorkerClient:
    """A worker's HTTP API. Use it in a ``with`` statement, or call ``close``.

    Args:
        url: address of the worker; where posting needs a secret in the address, with it.
        token: the admin token (``ARCHIVEWORKER_ADMIN_TOKEN``), or for ``submit`` alone the secret for posting.
        timeout_s: for connecting, and between two pieces of an answer.
        ca_bundle: PEM file with certificates to trust in addition to the system's.

    Raises:
        WorkerRefusedError: ``url`` is no address, or ``ca_bundle`` cannot be used.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout_s: float = _TIMEOUT_S, ca_bundle: Path | None = None
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise WorkerRefusedError(f"the worker's URL must be an address such as http://127.0.0.1:8080, got {url!r}")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # The environment may name a proxy, and a .netrc a password in place of the token: neither was asked for.
        self._session.trust_env = False
        try:
            self._session.verify = trust.file(ca_bundle) or True
        except SettingsError as exc:
            raise WorkerRefusedError(str(exc)) from exc
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"WorkerClient({self._url!r})"

    @property
    def url(self) -> str:
        """The worker's address, without a slash at its end."""
        return self._url

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def info(self) -> AppInfo:
        """Return name and version of the worker."""
        return self._get("/", AppInfo)

    def health(self) -> Readiness:
        """Return whether jobs can be done there now, and what is wrong if not."""
        return self._get("/health/ready", Readiness, expected=_READY)

    def worker_status(self) -> WorkerStatus:
        """Return how busy the worker is."""
        return self._get("/status", WorkerStatus)

    def submit(self, source: str, body: Mapping[str, Any], *, priority: int | None = None) -> str:
        """Post a job and return its id; once it is returned, no crash of the worker loses the job.

        Args:
            source: interface, e.g. ``quiz_archiver`` or ``peer_review``: the last part of the address.
            body: see the OpenAPI document.
            priority: -10 to 10, higher is sooner; administrators alone may give one.
        """
        query = "" if priority is None else f"?priority={priority}"
        return self._post(f"/archive/{quote(source, safe='')}{query}", Accepted, body)["jobid"]

    def status(self, job_id: str) -> JobState:
        """Return where a job is; needs no token."""
        return self._get(f"/status/{quote(job_id, safe='')}", JobStatus)["status"]

    def jobs(self, limit: int = 50) -> list[JobLine]:
        """Return a line on each of the newest jobs, newest first; ``limit`` is 1 to 500."""
        return self._get(f"/jobs?limit={limit}", JobList)["jobs"]

    def job(self, job_id: str) -> JobView:
        """Return the whole story of a job."""
        return self._get(_path(job_id), JobView)

    def wait(self, job_id: str, *, limit_s: float | None = None, interval_s: float = 2.0) -> JobView:
        """Return the whole story of a job when it has ended, however it has.

        Args:
            job_id: of the job.
            limit_s: how long to wait, also for a worker that is away meanwhile; None waits for ever, but for a worker
                that answers.
            interval_s: between two questions.

        Raises:
            WorkerWaitError: the job has not ended in time.
            WorkerError: the worker refuses the question.
        """
        end_s = None if limit_s is None else time.monotonic() + limit_s
        while True:
            try:
                view = self.job(job_id)
                if JobState(view["state"]).is_final:
                    return view
            except WorkerError as exc:
                if exc.retry is not Retry.LATER or end_s is None:
                    raise
            if end_s is not None and time.monotonic() + interval_s > end_s:
                raise WorkerWaitError(f"the job {job_id} has not ended within {limit_s:g} s; it goes on")
            time.sleep(interval_s)

    def cancel(self, job_id: str) -> None:
        """Stop a job and tell the LMS."""
        self._post(_path(job_id, "cancel"), JobStatus)

    def retry(self, job_id: str, token: str | None = None) -> None:
        """Run again what failed; ``token`` is a new one of the LMS, as the old one is erased at a job's end."""
        self._post(_path(job_id, "retry"), JobStatus, _given(token=token))

    def redeliver(self, job_id: str, to: Sequence[str] = (), token: str | None = None) -> None:
        """Deliver a kept archive again.

        Args:
            job_id: of the job.
            to: names of places; none: those that have not got it.
            token: for the LMS, when that is one of them.
        """
        self._post(_path(job_id, "redeliver"), JobStatus, _given(to=list(to) or None, token=token))

    def download_evidence(self, job_id: str, name: str, target: Path) -> Path:
        """Write a piece of evidence to the file ``target`` and return it."""
        with self._answer("GET", _path(job_id, "evidence", name), stream=True) as answer:
            _write(answer, target)
        return target

    def download_archive(self, job_id: str, target: Path) -> Path:
        """Write the archive of a job to the file ``target`` and return it; the bytes have the digest that was named.

        Raises:
            ForeignAnswerError: other bytes came than the worker announced; nothing is kept.
            WorkerNotFoundError: the archive is not on the worker (any more).
        """
        with self._answer("GET", _path(job_id, "archive"), stream=True) as answer:
            named = answer.headers.get("Repr-Digest", "")
            part = target.with_name(f"{target.name}.part")
            digest = _write(answer, part)
            if named != f"sha-256=:{base64.b64encode(digest).decode()}:":
                part.unlink()
                raise ForeignAnswerError(f"the archive of {job_id} did not arrive as announced; download it again")
        part.replace(target)
        return target

    def verify(self, archive: Path, stamps: Sequence[Path] = ()) -> tuple[Verdict, dict[str, Any]]:
        """Have an archive verified by the worker; return the verdict and the report.

        Args:
            archive: a .tar.gz or .zip file.
            stamps: its .tsr files.

        Returns:
            the verdict, and what ``archiveworker verify --json`` says.
        """
        with archive.open("rb") as file:
            files: list[tuple[str, Any]] = [("archive", (archive.name, file))]
            files += [("stamps", (stamp.name, stamp.read_bytes())) for stamp in stamps]
            headers = {"Accept": "application/json"}
            timeout_s = max(self._timeout_s, _VERIFY_TIMEOUT_S)
            with self._answer("POST", "/verify", files=files, headers=headers, timeout=timeout_s) as answer:
                report = self._decoded(answer, dict[str, Any])
        return Verdict(report["verdict"]), report

    def _get(self, path: str, kind: type[_Answer], *, expected: Sequence[HTTPStatus] = (HTTPStatus.OK,)) -> _Answer:
        with self._answer("GET", path, expected=expected) as answer:
            return self._decoded(answer, kind)

    def _post(self, path: str, kind: type[_Answer], body: Mapping[str, Any] | None = None) -> _Answer:
        with self._answer("POST", path, json=body) as answer:
            return self._decoded(answer, kind)

    def _decoded(self, answer: requests.Response, kind: type[_Answer]) -> _Answer:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise ForeignAnswerError(self._stranger(answer.status_code)) from exc

    @contextmanager
    def _answer(
        self, method: str, path: str, *, expected: Sequence[HTTPStatus] = (HTTPStatus.OK,), **request: Any
    ) -> Iterator[requests.Response]:
        """Send one request and yield the answer.

        Raises:
            WorkerError: no answer came, or another one than was expected; the message is the worker's.
        """
        given: dict[str, Any] = {"timeout": self._timeout_s, "allow_redirects": False, **request}
        try:
            with self._session.request(method, self._url + path, **given) as answer:
                if answer.status_code not in expected:
                    raise error_of(answer.status_code, answer.content, self._stranger(answer.status_code))
                yield answer
        except requests.RequestException as exc:
            raise WorkerUnavailableError(f"no worker answers at {self._url} ({reason_of(exc)})") from exc

    def _stranger(self, status: int) -> str:
        return f"{self._url} answers (HTTP {status}), but is not an archiveworker"


def _path(job_id: str, *rest: str) -> str:
    return "/".join(("/jobs", *(quote(part, safe="") for part in (job_id, *rest))))


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _write(answer: requests.Response, target: Path) -> bytes:
    """Write an answer to a file; return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for chunk in answer.iter_content(_CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
    return digest.digest()
