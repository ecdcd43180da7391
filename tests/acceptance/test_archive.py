"""A whole job: what Moodle gets, and what an auditor can do with it."""

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
import jsonschema
import pikepdf
import pypdf
import pytest
import pytest_asyncio

from archiveworker.cli import main
from archiveworker.demo.server import DemoServer
from archiveworker.reports.verification import json_schema
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess
from tests.integration.evidence import dss

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.openssl]


def _tool(argv: list[str], cwd: Path) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class Archived:
    """A finished job with everything that came of it, in one folder."""

    def __init__(self, folder: Path, view: dict[str, Any], archive: Path) -> None:
        self.folder, self.view = folder, view
        self.archive = folder / view["archive"]["name"]
        shutil.copy(archive, self.archive)
        self.tree = folder / "tree"
        with tarfile.open(self.archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python has none yet
            tar.extractall(self.tree)

    @property
    def pdfs(self) -> list[Path]:
        return sorted(self.tree.glob("attempts/**/*.pdf"))

    def reports(self) -> list[Path]:
        return [pdf for pdf in self.pdfs if "attachments" not in pdf.parts]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def archived(lms: DemoServer, worker: WorkerProcess, tmp_path_factory: pytest.TempPathFactory) -> Archived:
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    view, archive = await finished(lms, worker, lms.request(7, itemids=ids))
    done = Archived(tmp_path_factory.mktemp("archived"), view, archive)
    async with aiohttp.ClientSession() as session:
        for name in view["evidence"]:
            async with session.get(f"{worker.url}/jobs/{view['id']}/evidence/{quote(name)}") as answer:
                assert answer.status == 200
                (done.folder / name).write_bytes(await answer.read())
    return done


async def test_sha256sum_takes_manifest_and_sidecars(archived: Archived) -> None:
    listed = (archived.tree / "manifest-sha256.txt").read_text().splitlines()
    assert _tool(["sha256sum", "-c", "manifest-sha256.txt"], archived.tree).count(": OK") == len(listed)
    sidecars = sorted(archived.tree.rglob("*.sha256"))
    contents = [p for p in archived.tree.rglob("*") if p.is_file() and "evidence" not in p.parts]
    assert len(sidecars) * 2 + 1 == len(contents), "a sidecar beside every file but the manifest"
    for sidecar in sidecars:
        assert ": OK" in _tool(["sha256sum", "-c", sidecar.name], sidecar.parent)
    assert ": OK" in _tool(["sha256sum", "-c", f"{archived.archive.name}.sha256"], archived.folder)
    assert hashlib.sha256(archived.archive.read_bytes()).hexdigest() == archived.view["archive"]["sha256"]


async def test_openssl_takes_both_time_stamps(archived: Archived, lms: DemoServer) -> None:
    trust = ["-CAfile", str(lms.authority.root_pem), "-untrusted", str(lms.authority.tsa_pem)]
    for folder, stem, data in (
        (archived.folder, archived.archive.name, archived.archive.name),
        (archived.tree / "evidence", "manifest-sha256.txt", "../manifest-sha256.txt"),
    ):
        reply = ["-in", f"{stem}.tsr", *trust]
        assert "Verification: OK" in _tool(["openssl", "ts", "-verify", "-data", data, *reply], folder)
        assert "Verification: OK" in _tool(["openssl", "ts", "-verify", "-queryfile", f"{stem}.tsq", *reply], folder)
        assert "Status: Granted" in _tool(["openssl", "ts", "-reply", "-in", f"{stem}.tsr", "-text"], folder)


async def test_the_commands_of_verify_txt_work_as_they_stand(archived: Archived) -> None:
    for text, folder in (
        (archived.tree / "evidence" / "VERIFY.txt", archived.tree),
        (archived.folder / "VERIFY.txt", archived.folder),
    ):
        commands = [line[4:] for line in text.read_text().splitlines() if line.startswith("    ") and line[4] != " "]
        said = "".join(_tool(["bash", "-c", command], folder) for command in commands)
        # By the data, by the query, and with the lists of revoked certificates; then each certificate's own answer.
        assert sum("openssl ts -verify" in command for command in commands) == said.count("Verification: OK") == 3
        assert said.count("Response verify OK") == said.count("Cert Status: good") == 2


async def test_verify_says_good(archived: Archived, lms: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--tsr", f"{archived.archive}.tsr", "--ca", str(lms.authority.root_pem)]
    assert main(["verify", str(archived.archive), *arguments]) == 0, capsys.readouterr().out


async def test_a_student_gets_her_files_with_proof_and_nothing_of_others(
    archived: Archived, lms: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {attempt.student.username: attempt.student for attempt in lms.course.attempts}
    her, *others = people.values()
    out = tmp_path / "hers.zip"
    assert main(["evidence", "extract", str(archived.archive), "--person", her.idnumber, "-o", str(out)]) == 0
    assert main(["verify", str(out), "--ca", str(lms.authority.root_pem)]) == 0, capsys.readouterr().out
    with zipfile.ZipFile(out) as container:
        container.extractall(tmp_path / "hers")
    folder = tmp_path / "hers" / "files"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    rows = list(csv.DictReader(io.StringIO((archived.tree / "attempts_metadata.csv").read_text(encoding="utf-8"))))
    mine = [row for row in rows if row["username"] == her.username]
    expected = {
        path.relative_to(archived.tree).as_posix()
        for row in mine
        for path in (archived.tree / row["path"].strip("/")).rglob("*")
        if path.is_file()
    }
    assert files == expected | {f"attempts_metadata.csv/{row['attemptid']}.csv" for row in mine}
    everything = b"".join(p.read_bytes() for p in (tmp_path / "hers").rglob("*") if p.is_file() and p.suffix != ".pdf")
    for other in others:
        assert other.lastname.encode() not in everything
        assert other.username.encode() not in everything


async def test_dss_accepts_the_record_of_a_file(archived: Archived, lms: DemoServer, tmp_path: Path) -> None:
    dss.need_dss()
    name = archived.reports()[0].relative_to(archived.tree).as_posix()
    assert main(["evidence", "extract", str(archived.archive), name, "-o", str(tmp_path / "proof.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "proof.zip") as container:
        container.extractall(tmp_path)
    record = tmp_path / "records" / f"{name}.ers"
    pairs = [(record, tmp_path / "files" / name), (record, tmp_path / "README.txt")]
    # The record brings lists of revoked certificates along: DSS needs nothing but the root.
    right, wrong = await dss.judge(pairs, [lms.authority.root_pem])
    assert right.is_accepted, right
    assert wrong.sub_indication == "SIGNED_DATA_NOT_FOUND"


async def test_the_commands_of_a_proof_work_as_they_stand(archived: Archived, tmp_path: Path) -> None:
    assert main(["evidence", "extract", str(archived.archive), "bag-info.txt", "-o", str(tmp_path / "proof.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "proof.zip") as container:
        container.extractall(tmp_path)
    commands = [line[4:] for line in (tmp_path / "README.txt").read_text().splitlines() if "openssl ts -verify" in line]
    assert len(commands) == 1
    assert "Verification: OK" in _tool(["bash", "-c", commands[0]], tmp_path)


async def test_the_worker_verified_what_it_delivered_and_keeps_the_report(
    archived: Archived, worker: WorkerProcess
) -> None:
    report = json.loads((archived.folder / "report.json").read_text())
    jsonschema.validate(report, json.loads(json_schema()))
    assert report["verdict"] == "good"
    assert report["archive_sha256"] == archived.view["archive"]["sha256"]
    assert [stamp["subject"] for stamp in report["timestamps"]] == ["manifest-sha256.txt", archived.archive.name]
    assert {step["verdict"] for step in report["steps"]} == {"good"}, "nothing is left unchecked in a real archive"
    assert "GOOD" in (archived.folder / "report.html").read_text()
    assert "GUT" in (archived.folder / "report.de.html").read_text()
    path = f"/jobs/{archived.view['id']}/evidence/report.html"
    status, _, headers = await worker.request("GET", path)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


async def test_one_changed_byte_is_found_and_named(
    archived: Archived, lms: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for victim in [archived.reports()[0], archived.tree / "attempts_metadata.csv", archived.tree / "evidence/job.txt"]:
        tree = tmp_path / "tree"
        shutil.copytree(archived.tree, tree)
        changed = tree / victim.relative_to(archived.tree)
        data = bytearray(changed.read_bytes())
        data[len(data) // 2] ^= 1
        changed.write_bytes(data)
        assert main(["verify", str(tree), "--ca", str(lms.authority.root_pem)]) == 1
        said = capsys.readouterr().out
        assert victim.name in said, said
        shutil.rmtree(tree)
    packed = bytearray(archived.archive.read_bytes())
    packed[len(packed) // 2] ^= 1
    damaged = tmp_path / archived.archive.name
    damaged.write_bytes(packed)
    assert main(["verify", str(damaged), "--ca", str(lms.authority.root_pem)]) == 1
    assert damaged.name in capsys.readouterr().out


async def test_the_container_is_ustar_and_moodle_can_read_it(archived: Archived) -> None:
    tar = subprocess.run(["gzip", "-dc", str(archived.archive)], capture_output=True, check=True).stdout
    offset, kinds = 0, set()
    while tar[offset : offset + 512].strip(b"\0"):
        header = tar[offset : offset + 512]
        assert header[257:265] == b"ustar\x0000"
        kinds.add(header[156:157])
        offset += 512 + (int(header[124:135], 8) + 511) // 512 * 512
    assert kinds == {b"0"}, "plain files only: no pax headers, no links"


async def test_the_metadata_table_is_what_the_plugin_reads(archived: Archived, lms: DemoServer) -> None:
    text = (archived.tree / "attempts_metadata.csv").read_text(encoding="utf-8")
    rows = [next(csv.reader(io.StringIO(line))) for line in text.splitlines()]
    assert rows[0][0] == "attemptid"
    assert rows[0][9] == "path"
    assert {int(row[0]) for row in rows[1:]} == {attempt.attemptid for attempt in lms.course.attempts}
    for row in rows[1:]:
        assert list((archived.tree / row[9].strip("/")).glob("*.pdf")), row


async def test_the_pdfs_hold_the_attempts_are_tagged_and_claim_pdf_a(archived: Archived, lms: DemoServer) -> None:
    assert len(archived.reports()) == len(lms.course.attempts)
    for pdf in archived.reports():
        text = re.sub(r"\s+", "", _tool(["pdftotext", str(pdf), "-"], pdf.parent))
        assert "Responsehistory" in text
        assert "Question17" in text
        for formula in ("sin2𝑥+cos2𝑥=1", "eiπ+1=0"):
            assert formula in text or formula.replace("𝑥", "x") in text, f"{formula} is not in {pdf.name}"
        assert re.search(r"^Tagged:\s+yes$", _tool(["pdfinfo", str(pdf)], pdf.parent), re.M)
        with pikepdf.open(pdf) as document, document.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")


async def test_a_second_reader_finds_the_same(archived: Archived, lms: DemoServer) -> None:
    for attempt in lms.course.attempts:
        (pdf,) = [p for p in archived.reports() if f"attempt-{attempt.attemptid}-" in p.name]
        reader = pypdf.PdfReader(pdf)
        text = re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages))
        assert attempt.student.idnumber in text
        assert reader.metadata is not None
        assert reader.metadata.title == f"Attempt {attempt.attemptid}, {attempt.student.fullname}"
        assert reader.outline, "headings are bookmarks"
        assert {tuple(round(float(n)) for n in page.mediabox[2:]) for page in reader.pages} == {(596, 842)}


async def test_attachments_arrive_as_they_are(archived: Archived, lms: DemoServer) -> None:
    wanted = {
        (file.filename, hashlib.sha256(file.content).hexdigest())
        for attempt in lms.course.attempts
        for _, file in attempt.attachments
    }
    found = {
        (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in archived.tree.glob("attempts/**/attachments/**/*")
        if path.is_file() and path.suffix != ".sha256"
    }
    assert {digest for _, digest in found} == {digest for _, digest in wanted}


async def test_the_index_page_links_only_to_what_is_there(archived: Archived) -> None:
    page = (archived.tree / "index.html").read_text(encoding="utf-8")
    links = [unquote(link) for link in re.findall(r'href="([^"]+)"', page)]
    assert len(links) > len(archived.pdfs)
    assert all((archived.tree / link).is_file() for link in links)
    assert "<script" not in page


async def test_the_same_job_twice_gives_the_same_manifest(
    archived: Archived, lms: DemoServer, worker: WorkerProcess, tmp_path: Path
) -> None:
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    view, archive = await finished(lms, worker, lms.request(7, itemids=list(reversed(ids))))
    again = Archived(tmp_path, view, archive)
    assert (again.tree / "manifest-sha256.txt").read_text() == (archived.tree / "manifest-sha256.txt").read_text()
    assert again.view["archive"]["sha256"] != archived.view["archive"]["sha256"], "job id and stamps differ"


async def test_the_recorded_request_of_a_real_moodle(
    lms: DemoServer, worker: WorkerProcess, recordings: Path, tmp_path: Path
) -> None:
    text = (recordings / "moodle_quiz" / "0001_to_worker_POST_archive.json").read_text()
    request = json.loads(text)["request_body"]["json"]
    request = json.loads(json.dumps(request).replace("http://127.0.0.1:8100", lms.base_url))
    view, archive = await finished(lms, worker, request)
    done = Archived(tmp_path, view, archive)
    assert len(done.reports()) == 4
    assert len(list(done.tree.glob("backups/*.mbz"))) == 2


async def test_no_token_is_anywhere(archived: Archived, lms: DemoServer, worker: WorkerProcess) -> None:
    tokens = [row.token.encode() for row in lms.state.rows]
    assert len(tokens) >= 2
    assert any(event["level"] == "debug" for event in worker.log_events()), "the worker must have logged at DEBUG"
    places = [worker.log, *(p for p in worker.data.rglob("*") if p.is_file())]
    places += [p for p in archived.folder.rglob("*") if p.is_file()]
    for place in places:
        data = place.read_bytes()
        for token in tokens:
            assert token not in data, f"a token is in {place}"


async def test_zip_is_a_setting(lms: DemoServer, tmp_path: Path) -> None:
    async with WorkerProcess(tmp_path / "worker", {"ARCHIVE_FORMAT": "zip", "PDF_PROFILE": "off"}) as process:
        request = lms.request(7, itemids=[lms.course.attempts[0].attemptid], backups=False, keep_html_files=False)
        view, archive = await finished(lms, process, request)
    assert view["archive"]["name"].endswith(".zip")
    assert any("not time-stamped" in warning["message"] for warning in view["warnings"])
    with zipfile.ZipFile(archive) as container:
        assert {info.compress_type for info in container.infolist()} <= {zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED}
        container.extractall(tmp_path / "tree")
    assert "FAILED" not in _tool(["sha256sum", "-c", "manifest-sha256.txt"], tmp_path / "tree")
    assert not list((tmp_path / "tree").glob("attempts/**/*.html"))
