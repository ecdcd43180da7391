"""Every plugin version gets what it expects, and is sent exactly what it knows."""

import tarfile
from typing import Any

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

FEEDBACK_SECTIONS = ["quiz_feedback", "question_feedback", "general_feedback"]
OLD_SECTIONS = ["header", "question", "rightanswer", "history", *FEEDBACK_SECTIONS]
REPORT_1 = {"courseid", "cmid", "quizid", "attemptid"}
REPORT_2 = REPORT_1 | {f"sections[{name}]" for name in OLD_SECTIONS}
REPORT_4 = REPORT_2 | {"sections[attachments]", "attachments"}
REPORT_5 = REPORT_4 | {"filenamepattern"}
REPORT_7 = REPORT_5 | {"foldernamepattern", "jobid"}
NEW_SECTIONS = {f"sections[{name}]" for name in ("quiz_grade", "question_correctness", "question_marks")}
METADATA_2 = {"courseid", "cmid", "quizid", "attemptids[]"}
ARTIFACT = {
    f"artifact_{name}"
    for name in ("component", "contextid", "userid", "filearea", "filename", "filepath", "itemid", "sha256sum")
}

VERSIONS: list[tuple[int | str, set[str], set[str] | None]] = [
    (1, REPORT_1, None),
    (2, REPORT_2, METADATA_2),
    (3, REPORT_2, METADATA_2),
    (4, REPORT_4, METADATA_2),
    (5, REPORT_5, METADATA_2),
    (6, REPORT_5, METADATA_2),
    ("3.0.0", REPORT_7, METADATA_2 | {"jobid"}),
    (7, REPORT_7 | NEW_SECTIONS, METADATA_2 | {"jobid"}),
    ("5.x", REPORT_7 | NEW_SECTIONS, METADATA_2 | {"jobid"}),
]


def _sent(lms: DemoServer, since: int, function: str) -> set[str]:
    """Return the names of the parameters of every call of ``function``, list indices folded."""
    names: set[str] = set()
    for entry in lms.journal.of(function):
        if entry.seq > since:
            names |= {name.split("[")[0] + "[]" if name.startswith(("attemptids[", "submissionids[")) else name
                      for name in entry.parameters}  # fmt: skip
            assert entry.method == "POST", "the token belongs into the body"
    return names - {"wstoken", "wsfunction", "moodlewsrestformat"}


@pytest.mark.parametrize(("version", "report", "metadata"), VERSIONS, ids=[str(v[0]) for v in VERSIONS])
async def test_quiz_archiver(
    version: int | str, report: set[str], metadata: set[str] | None, lms: DemoServer, worker: WorkerProcess
) -> None:
    since = max((entry.seq for entry in lms.journal), default=0)
    attempt = lms.course.attempts[0].attemptid
    view, _ = await finished(lms, worker, lms.request(version, itemids=[attempt]))
    assert _sent(lms, since, "quiz_archiver_generate_attempt_report") == report
    assert _sent(lms, since, "quiz_archiver_get_attempts_metadata") == (metadata or set())
    assert _sent(lms, since, "quiz_archiver_process_uploaded_artifact") == ARTIFACT | {"jobid"}
    statuses = [status for status, _ in next(r for r in lms.state.rows if r.jobid == view["id"]).statuses]
    assert statuses[0] == "RUNNING"
    assert statuses[-1] == "FINISHED"
    assert [s for s in dict.fromkeys(statuses) if s != "AWAITING_PROCESSING"] == [
        "RUNNING", "WAITING_FOR_BACKUP", "FINALIZING", "FINISHED",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["archivingmod_quiz", "archivingmod_assign"])
async def test_archivingmod(kind: str, lms: DemoServer, worker: WorkerProcess) -> None:
    since = max((entry.seq for entry in lms.journal), default=0)
    item = lms.course.attempts[0].attemptid if kind.endswith("quiz") else lms.course.submissions[0].submissionid
    view, _ = await finished(lms, worker, lms.request(kind, itemids=[item]))
    row = next(r for r in lms.state.rows if r.jobid == view["id"])
    assert [status for status, _ in row.statuses][-1] == 220
    function = "attempt" if kind.endswith("quiz") else "submission"
    sent = _sent(lms, since, f"{kind}_generate_{function}_report")
    assert {"uuid", "taskid", f"{function}id"} <= sent
    assert not {"jobid", "courseid", "cmid", "quizid"} & sent


async def test_chunks_when_the_plugin_asks_for_them(lms: DemoServer, worker: WorkerProcess) -> None:
    request = lms.request("5.x", itemids=[a.attemptid for a in lms.course.attempts[:2]], max_upload_bytes=400_000)
    view, archive = await finished(lms, worker, request)
    delivery = next(d for d in lms.deliveries if d.jobid == view["id"])
    assert delivery.parts > 1
    assert archive.stat().st_size == view["archive"]["size_bytes"] > 400_000


async def test_flattened_and_without_sidecars(lms: DemoServer, worker: WorkerProcess) -> None:
    request: dict[str, Any] = lms.request("5.x", itemids=[a.attemptid for a in lms.course.attempts[:2]])
    request |= {"flatten_archive": True, "include_filehashes": False}
    _, archive = await finished(lms, worker, request)
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    own = [name for name in names if not name.startswith("evidence/")]
    assert all("/" not in name for name in own), own
    assert not [name for name in own if name.endswith(".sha256")]
    assert any(name.startswith("attempt_") and name.endswith(".pdf") for name in own)
