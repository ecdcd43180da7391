"""``archiveworker keys``: a key file before, between and after a rotation."""

from pathlib import Path

import pytest

from archiveworker.cli import main
from archiveworker.runtime.sealed import load_or_create_keys, parse_keys


def test_a_key_is_rotated_in_two_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "secret.key"
    (old,) = load_or_create_keys(file)
    assert main(["keys", "rotate", "--file", str(file)]) == 0
    new, kept = load_or_create_keys(file)
    assert kept == old != new
    assert file.stat().st_mode & 0o077 == 0
    shown = capsys.readouterr().out
    assert [line.split("  ")[1] for line in shown.splitlines()] == ["seals and opens", "opens"]
    assert main(["keys", "drop", "--file", str(file)]) == 0
    assert load_or_create_keys(file) == (new,)
    assert main(["keys", "list", "--file", str(file)]) == 0
    shown += capsys.readouterr().out
    assert not any(key.reveal() in shown for key in (old, new)), "a key in use was shown"


def test_a_new_key_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new"]) == 0
    assert len(parse_keys(capsys.readouterr().out, "stdout")) == 1


def test_a_key_of_the_settings_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["keys", "new"])
    monkeypatch.setenv("ARCHIVEWORKER_SECRET_KEY", capsys.readouterr().out.strip())
    monkeypatch.setenv("ARCHIVEWORKER_DATA_DIR", str(tmp_path))
    assert main(["keys", "rotate"]) == 65
    assert "ARCHIVEWORKER_SECRET_KEY is set" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list", "--file", str(tmp_path / "none")]) == 78
    assert "none cannot be used" in capsys.readouterr().err
