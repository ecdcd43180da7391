"""``archiveworker verify``: what it prints and its exit status, on archives with real time-stamps."""

import argparse
import json
from pathlib import Path

import pytest

from archiveworker.cli import verify as command
from archiveworker.evidence import layout
from archiveworker.evidence.container import PackedArchive
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
