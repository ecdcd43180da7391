"""Tokens at rest and files on the spool."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from archiveworker.domain.errors import NotFoundError, SettingsError
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret
from archiveworker.runtime.sealed import SealedTokens, load_or_create_keys, new_key, parse_keys, write_keys
from archiveworker.runtime.spool import LocalSpool

TOKEN = "3df4da0fca9b2c1fce497b62cc186d2e"
JOB = JobId("c0199590-e54a-11f1-9fb7-02fc00000001")


async def test_a_token_is_never_in_the_database_file(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    engine = sa.create_engine(f"sqlite:///{file}")
    store = SealedTokens(engine, load_or_create_keys(tmp_path / "key"))
    await store.put(JOB, Secret(TOKEN))
    found = await store.get(JOB)
    assert found is not None
    assert found.reveal() == TOKEN
    sealed = engine.connect().execute(sa.text("select sealed from archiveworker_sealed_tokens")).scalar_one()
    assert TOKEN.encode() not in file.read_bytes()
    await store.erase(JOB)
    engine.dispose()
    assert await store.get(JOB) is None
    assert bytes(sealed) not in file.read_bytes(), "what is erased must be overwritten"
    engine.dispose()


async def test_keys_can_be_rotated(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/db.sqlite")
    old, new = new_key(), new_key()
    await SealedTokens(engine, (old,)).put(JOB, Secret(TOKEN))
    found = await SealedTokens(engine, (new, old)).get(JOB)
    assert found is not None
    assert found.reveal() == TOKEN
    with pytest.raises(SettingsError, match="sealed with another key"):
        await SealedTokens(engine, (new,)).get(JOB)
    engine.dispose()


async def test_after_a_start_the_former_key_is_needed_no_longer(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/db.sqlite")
    old, new, lost = new_key(), new_key(), new_key()
    other = JobId("c0199590-e54a-11f1-9fb7-02fc00000002")
    await SealedTokens(engine, (old,)).put(JOB, Secret(TOKEN))
    await SealedTokens(engine, (lost,)).put(other, Secret(TOKEN))
    rotated = SealedTokens(engine, (new, old))
    assert rotated.reseal() == 1, "what nobody opens is left alone"
    assert rotated.reseal() == 0
    found = await SealedTokens(engine, (new,)).get(JOB)
    assert found is not None
    assert found.reveal() == TOKEN
    engine.dispose()


def test_keys_stand_between_commas_or_on_lines(tmp_path: Path) -> None:
    keys = (new_key(), new_key())
    write_keys(tmp_path / "keys", keys, replace=False)
    assert load_or_create_keys(tmp_path / "keys") == keys
    assert parse_keys(", ".join(key.reveal() for key in keys), "here") == keys
    with pytest.raises(SettingsError, match="here does not hold a sealing key"):
        parse_keys(" ,\n", "here")
    with pytest.raises(FileExistsError):
        write_keys(tmp_path / "keys", keys, replace=False)


def test_the_key_file_is_private_and_stays(tmp_path: Path) -> None:
    keys = load_or_create_keys(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert load_or_create_keys(tmp_path / "key") == keys


def test_a_damaged_key_is_named_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key")
    with pytest.raises(SettingsError, match="does not hold a sealing key") as caught:
        load_or_create_keys(tmp_path / "key")
    assert "not a key" not in str(caught.value)


def test_a_spool_folder_is_empty_when_work_begins(tmp_path: Path) -> None:
    spool = LocalSpool(tmp_path)
    first = spool.item(JOB, "items/attempt-1")
    (first.folder / "half.pdf").write_bytes(b"x")
    again = spool.item(JOB, "items/attempt-1")
    assert list(again.folder.iterdir()) == []
    file = again.folder / "whole.pdf"
    file.write_bytes(b"y")
    assert spool.path_of(JOB, again.relative(file)) == file.resolve()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "items/../../other/x"])
def test_nothing_outside_of_a_jobs_spool_is_reached(tmp_path: Path, name: str) -> None:
    spool = LocalSpool(tmp_path)
    with pytest.raises(NotFoundError, match="not on the spool"):
        spool.path_of(JOB, name)


def test_discarding_keeps_the_evidence(tmp_path: Path) -> None:
    spool = LocalSpool(tmp_path)
    for name in ("items/a", "evidence"):
        (spool.item(JOB, name).folder / "f").write_bytes(b"x")
    spool.discard(JOB, keep=frozenset({"evidence"}))
    assert [p.name for p in spool.job_folder(JOB).iterdir()] == ["evidence"]
    spool.discard(JOB)
    assert not spool.job_folder(JOB).exists()
    spool.discard(JOB)
