"""Uploads and what the plugins make of them: parts, checksums, exactly one delivery."""

import hashlib
from typing import Any

import aiohttp
import pytest

from archiveworker.demo.faults import Fault, FaultKind
from tests.unit.demo.conftest import Lms

PROCESS = "quiz_archiver_process_uploaded_artifact"
DATA = b"an archive" * 1000


def _artifact(answer: dict[str, Any], data: bytes, **more: Any) -> dict[str, Any]:
    keys = ("component", "contextid", "userid", "filearea", "filename", "filepath", "itemid")
    out = {f"artifact_{key}": answer[key] for key in keys}
    return {"jobid": "job-1", **out, "artifact_sha256sum": hashlib.sha256(data).hexdigest(), **more}


async def test_an_archive_is_delivered_once(lms: Lms) -> None:
    row = lms.job(7)
    (answer,) = await lms.upload(row.token, "quiz ü #1 (a).tar.gz", DATA)
    assert answer["filename"] == "quiz ü #1 (a).tar.gz"
    assert answer["userid"] == "3"
    assert await lms.call(row.token, PROCESS, _artifact(answer, DATA)) == {"status": "OK"}
    (delivery,) = lms.state.deliveries
    assert delivery.path.read_bytes() == DATA
    assert (delivery.jobid, delivery.size_bytes, delivery.parts) == ("job-1", len(DATA), 1)
    assert row.status == "FINISHED"
    assert row.token not in lms.state.tokens
    other = lms.state.create_token(row.plugin)
    again = await lms.call(other, PROCESS, _artifact(answer, DATA))
    assert again == {"status": "E_NO_ARTIFACT_UPLOAD_EXPECTED"}


async def test_parts_are_joined_in_order(lms: Lms) -> None:
    row = lms.job("5.x", max_upload_bytes=3000)
    itemid, parts = 0, [DATA[i : i + 3000] for i in range(0, len(DATA), 3000)]
    for i, part in enumerate(parts):
        (answer,) = await lms.upload(row.token, f"a.tar.gz.chunk{i:09d}.bin", part, itemid)
        itemid = answer["itemid"]
    params = _artifact({**answer, "filename": "a.tar.gz"}, DATA, artifact_count=len(parts))
    assert await lms.call(row.token, PROCESS, params) == {"status": "OK"}
    (delivery,) = lms.state.deliveries
    assert (delivery.path.read_bytes(), delivery.parts) == (DATA, 4)


async def test_a_missing_part_is_not_found_and_ends_the_job(lms: Lms) -> None:
    row = lms.job("5.x")
    (answer,) = await lms.upload(row.token, "a.tar.gz.chunk000000000.bin", DATA)
    params = _artifact({**answer, "filename": "a.tar.gz"}, DATA, artifact_count=2)
    assert await lms.call(row.token, PROCESS, params) == {"status": "E_UPLOADED_ARTIFACT_NOT_FOUND"}
    assert row.status == "FAILED"


async def test_artifact_count_is_unknown_before_5(lms: Lms) -> None:
    row = lms.job(7)
    (answer,) = await lms.upload(row.token, "a.tar.gz", DATA)
    refused = await lms.call(row.token, PROCESS, _artifact(answer, DATA, artifact_count=1))
    assert refused["errorcode"] == "invalidparameter"


async def test_a_wrong_digest_is_refused(lms: Lms) -> None:
    row = lms.job(7)
    (answer,) = await lms.upload(row.token, "a.tar.gz", DATA)
    assert await lms.call(row.token, PROCESS, _artifact(answer, b"other")) == {"status": "E_ARTIFACT_CHECKSUM_INVALID"}
    assert not lms.state.deliveries
    assert not list((lms.state.workdir / "deliveries").iterdir())


async def test_archivingmod_has_its_own_words(lms: Lms) -> None:
    row = lms.job("archivingmod_quiz")
    (answer,) = await lms.upload(row.token, "a.tar.gz", DATA)
    params = _artifact(answer, DATA)
    del params["jobid"]
    params |= {"uuid": "job-1", "taskid": 1}
    function = "archivingmod_quiz_process_uploaded_artifact"
    assert await lms.call(row.token, function, params) == {"status": "OK"}
    assert (row.status, len(lms.state.deliveries)) == (220, 1)


async def test_percent_encoded_names_stay_as_they_are_as_in_php(lms: Lms) -> None:
    row = lms.job(7)
    (answer,) = await lms.upload(row.token, "a%20%C3%BC.tar.gz", DATA)
    assert answer["filename"] == "a%20%C3%BC.tar.gz"


async def test_a_part_with_filename_star_alone_is_no_file(lms: Lms) -> None:
    row = lms.job(7)
    body = (
        b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + row.token.encode() + b"\r\n"
        b"--x\r\nContent-Disposition: form-data; name=\"file_1\"; filename*=utf-8''a.zip\r\n\r\nabc\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    url = f"{lms.state.base_url}/webservice/upload.php"
    async with lms.session.post(url, data=body, headers=headers) as response:
        assert await response.json() == []


async def test_the_sites_limit_holds(lms: Lms) -> None:
    row = lms.job(7)
    lms.state.options = type(lms.state.options)(max_upload_bytes=100)
    (answer,) = await lms.upload(row.token, "a.tar.gz", DATA)
    assert answer == {"filename": "a.tar.gz", "errortype": "fileoversized", "error": "[[maxbytes]]"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.UPLOAD_MISSING_PARAM, "missingparam"),
        (FaultKind.UPLOAD_EMPTY_LIST, "[]"),
        (FaultKind.UPLOAD_INI_SIZE, "upload_error_ini_size"),
        (FaultKind.UPLOAD_OVERSIZED, "fileoversized"),
        (FaultKind.UPLOAD_NAME_EXISTS, "filenameexist"),
        (FaultKind.UPLOAD_413, "413 Request Entity Too Large"),
    ],
)
async def test_every_refusal_can_be_ordered(lms: Lms, kind: FaultKind, expected: str) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(kind, times=1))
    url = f"{lms.state.base_url}/webservice/upload.php"
    form = aiohttp.FormData({"token": row.token})
    form.add_field("file_1", DATA * 100, filename="a.tar.gz")
    async with lms.session.post(url, data=form) as response:
        text = await response.text()
        assert response.status == (413 if kind is FaultKind.UPLOAD_413 else 200)
    assert expected in text
    assert (await lms.upload(row.token, "a.tar.gz", DATA))[0]["filesize"] == len(DATA)
