"""``archiveworker verify``: what it prints and its exit status, on archives with real time-stamps."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from archiveworker.cli import main
from archiveworker.cli import verify as command
from archiveworker.evidence import layout
from archiveworker.evidence.container import PackedArchive
from archiveworker.reports.verification import json_schema
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

pytestmark = pytest.mark.openssl


def run(*args: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args([str(arg) for arg in args]), {})


async def packed_with_stamp(folder: Path, tsa: Tsa, stamp: Stamper) -> PackedArchive:
    (folder / "ca.pem").write_bytes(tsa.ca_pem)
    digest = layout.manifest_of(layout.with_sidecars(golden.inline())).sha256
    return golden.make(folder, golden.all_entries(await stamp(tsa, digest, tsa.ca_pem)))


async def test_the_command_says_good(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    capsys.readouterr()  # the log of the stamping
    assert run(packed.path, "--ca", tmp_path / "ca.pem") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "exam.tar.gz"
    assert said[1] == "good    1. container: exam.tar.gz: read to its end, 19 files"
    assert said[-1].startswith("GOOD: ")


async def test_the_command_without_a_certificate_cannot_tell(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    assert run(packed.path) == 2
    said = capsys.readouterr().out
    assert "no trusted certificate was given" in said
    assert said.splitlines()[-1].startswith("UNKNOWN: ")


@pytest.mark.parametrize("name", ["exam.tar.gz.tsr", "exam.tsr"])
async def test_the_command_takes_the_stamp_that_stands_beside(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    (tmp_path / name).write_bytes((await stamp(tsa, packed.sha256, tsa.ca_pem)).reply)
    capsys.readouterr()  # the log of the stamping
    assert run(packed.path, "--ca", tmp_path / "ca.pem", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads(json_schema()))
    assert report["verdict"] == "good"
    assert "archive_timestamp" in [check["name"] for check in report["checks"]]
    (tmp_path / name).write_bytes(b"junk")
    assert run(packed.path, "--ca", tmp_path / "ca.pem") == 1
    assert "BAD: " in capsys.readouterr().out


async def test_the_command_names_a_changed_file(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    packed.path.write_bytes(packed.path.read_bytes()[:-100])
    assert run(packed.path, "--ca", tmp_path / "ca.pem") == 1
    assert "bad     1. container: exam.tar.gz: " in capsys.readouterr().out


@pytest.mark.parametrize("args", [["nothing.tar.gz"], [".", "--ca", "nothing.pem"], [".", "--tsr", "nothing.tsr"]])
def test_a_missing_file_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*args) == 66
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "word"), [("en", "GOOD"), ("de", "GUT")])
async def test_the_command_writes_a_report_for_people(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, lang: str, word: str
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    page = tmp_path / "report.html"
    assert run(packed.path, "--ca", tmp_path / "ca.pem", "--html", page, "--lang", lang) == 0
    text = page.read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in text
    assert f"✓ {word}" in text
    assert [file.name for file in tmp_path.iterdir() if ".part" in file.name] == []


def test_what_is_no_verdict_has_a_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = golden.make(tmp_path, golden.all_entries()).path
    (tmp_path / "junk.pem").write_bytes(b"junk")
    assert main(["verify", str(path), "--ca", "junk.pem"]) == 65
    assert "must be PEM" in capsys.readouterr().err
    with (tmp_path / "huge.pem").open("wb") as file:
        file.truncate(17 * 1024**2)
    assert main(["verify", str(path), "--ca", "huge.pem"]) == 65
    assert main(["verify", "nothing.tar.gz"]) == 66
    assert main(["verify", str(path), "--html", "no/such/folder.html"]) == 73
    assert "cannot be written" in capsys.readouterr().err
    for wrong in ([], ["a", "b"], ["a", "--lang", "fr"], ["a", "--frob"]):
        with pytest.raises(SystemExit, match="64"):
            main(["verify", *wrong])


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["verify", "--json-schema"])
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


_LOADED = """
import sys
from archiveworker.cli import main
code = main(sys.argv[1:])
print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {
    "aiohttp",
    "dbos",
    "playwright",
    "sqlalchemy",
    "pikepdf",
    "PIL",
    "structlog",
    "rfc3161ng",
    "asyncio",
    "requests",
}


def _without_network() -> list[str]:
    """Return what runs a command in a network namespace of its own, where not even loopback is up."""
    for argv in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if subprocess.run([*argv, "true"], capture_output=True, check=False).returncode == 0:
            return argv
    pytest.skip("this machine allows no network namespaces")


async def test_it_needs_no_network_browser_or_database_and_starts_fast(
    tmp_path: Path, tsa: Tsa, stamp: Stamper
) -> None:
    packed = await packed_with_stamp(tmp_path, tsa, stamp)
    begin = [*_without_network(), sys.executable, "-c", _LOADED, "verify", str(packed.path)]
    began = os.times()
    done = subprocess.run(
        [*begin, "--ca", str(tmp_path / "ca.pem"), "--json", "--html", str(tmp_path / "report.html")],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    ended = os.times()
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "good"
    loaded = set(done.stderr.split())
    assert "archiveworker" in loaded
    assert loaded & HEAVY <= {"asyncio"}, "jinja2 brings asyncio for the HTML report, and nothing else does"
    cpu_s = ended.children_user + ended.children_system - began.children_user - began.children_system
    assert cpu_s < 2, "it was 0.3 s when this was written"
    plain = subprocess.run([*begin], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert plain.returncode == 2
    assert not set(plain.stderr.split()) & (HEAVY | {"jinja2"})
