"""``process_uploaded_artifact`` of all plugins: take the archive out of the draft area, check it, finish the job.

As in the plugins, an archive that is refused ends the job as FAILED and deletes the token: there is no second try.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from archiveworker.demo.contract import Family
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.functions import Answer, Call, task_row
from archiveworker.demo.state import Delivery, DraftFile, Row

_CODES: Final = {
    Family.QUIZ_ARCHIVER: {
        "not_found": "E_UPLOADED_ARTIFACT_NOT_FOUND",
        "checksum": "E_ARTIFACT_CHECKSUM_INVALID",
        "storing": "E_STORE_ARTIFACT_FAILED",
    },
    Family.ARCHIVINGMOD_QUIZ: {
        "not_found": "E_FILE_NOT_FOUND",
        "checksum": "E_CHECKSUM_MISMATCH",
        "storing": "E_STORING_FAILED",
    },
}


async def process_uploaded_artifact(call: Call) -> Answer:
    """Accept the archive, or say why not."""
    row, problem = _row(call)
    if row is None:
        return problem
    drafts = _drafts(call)
    if not drafts:
        return _fail(call, row, "not_found")
    folder = call.state.workdir / "deliveries" / f"{call.state.next_number():04d}"
    path = folder / Path(call.params["artifact_filename"].replace("\\", "/")).name
    sha256, size_bytes = drafts[0].sha256, drafts[0].size_bytes
    if call.state.options.keeps_archives or len(drafts) > 1:
        sha256, size_bytes = await asyncio.to_thread(_assemble, drafts, path)
    if sha256 != call.params["artifact_sha256sum"] or call.fault(FaultKind.CHECKSUM_INVALID):
        return _fail(call, row, "checksum", folder)
    if call.fault(FaultKind.STORE_FAILED):
        return _fail(call, row, "storing", folder)
    for draft in call.state.drafts.pop(call.params["artifact_itemid"], {}).values():
        draft.path.unlink()
    row.delivery = Delivery(row.jobid or "", call.params["artifact_filename"], size_bytes, sha256, path, len(drafts))
    call.state.deliveries.append(row.delivery)
    call.state.set_status(row, "FINISHED" if call.plugin.family is Family.QUIZ_ARCHIVER else 220)
    return {"status": "OK"}


def _row(call: Call) -> tuple[Row | None, Answer]:
    if call.plugin.family is not Family.QUIZ_ARCHIVER:
        row, problem = task_row(call)
        if row is not None and row.complete:
            return None, {"status": "E_NO_UPLOAD_EXPECTED"}
        return row, problem
    row = call.state.row_of_job(call.params["jobid"])
    if row is None:
        return None, {"status": "E_JOB_NOT_FOUND"}
    if row.complete:
        return None, {"status": "E_NO_ARTIFACT_UPLOAD_EXPECTED"}
    return (row, {}) if row.token == call.token else (None, {"status": "E_ACCESS_DENIED"})


def _drafts(call: Call) -> list[DraftFile]:
    """Return the files that make the artifact, in order; empty when one is missing."""
    params = call.params
    if params["artifact_contextid"] != call.state.course.service_context_id:
        return []
    area = call.state.drafts.get(params["artifact_itemid"], {})
    name, count = params["artifact_filename"], params.get("artifact_count")
    wanted = [name] if count is None else [f"{name}.chunk{i:09d}.bin" for i in range(count)]
    found = [area.get((params["artifact_filepath"], one)) for one in wanted]
    return [draft for draft in found if draft is not None] if all(found) else []


def _fail(call: Call, row: Row, code: str, folder: Path | None = None) -> Answer:
    if folder is not None:
        shutil.rmtree(folder)
    call.state.set_status(row, "FAILED" if call.plugin.family is Family.QUIZ_ARCHIVER else 250)
    family = Family.QUIZ_ARCHIVER if call.plugin.family is Family.QUIZ_ARCHIVER else Family.ARCHIVINGMOD_QUIZ
    return {"status": _CODES[family][code]}


def _assemble(parts: Sequence[DraftFile], target: Path) -> tuple[str, int]:
    """Join the parts into ``target``; return the digest and the size. As in Moodle a whole file is not copied."""
    target.parent.mkdir(parents=True)
    if len(parts) == 1:
        target.hardlink_to(parts[0].path)
        return parts[0].sha256, parts[0].size_bytes
    digest, size_bytes = hashlib.sha256(), 0
    with target.open("wb") as out:
        for part in parts:
            with part.path.open("rb") as source:
                while block := source.read(1 << 20):
                    digest.update(block)
                    size_bytes += len(block)
                    out.write(block)
    return digest.hexdigest(), size_bytes
