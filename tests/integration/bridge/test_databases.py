"""SQLite, MariaDB and PostgreSQL: the same answers, nothing written, and a user who could write is noticed."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from archiveworker.bridge import select
from archiveworker.bridge.check import check
from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.rights import writing_rights
from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.domain.errors import ArchiveWorkerError, BusyError, MappingError
from archiveworker.domain.peer_review.codec import encode
from archiveworker.domain.secret import Secret
from tests.integration.bridge import servers
from tests.integration.bridge.kit import KEY, FilledLms, fill, read_all
from tests.integration.bridge.servers import PASSWORD, Server, Store

# What SQLAlchemy asks to learn the columns is no SELECT everywhere, but reads as well.
READING = re.compile(r"\s*(SELECT|SHOW|PRAGMA (main|temp)\.(table_|index_|foreign_key_)|WITH)", re.I)


@pytest.mark.parametrize("system", ["workup", "crowdsessment"])
async def test_three_databases_give_the_same_answers(
    system: str, mariadb: Server, postgresql: Server, tmp_path: Path
) -> None:
    more = {} if system == "workup" else {"gone_answers": False}
    answers = {}
    for kind in ("sqlite", "mariadb", "postgresql"):
        folder = tmp_path / kind
        folder.mkdir()
        server = {"mariadb": mariadb, "postgresql": postgresql}.get(kind)
        store = servers.sqlite_store(folder) if server is None else server.store(f"same_{system}")
        async with fill(system, store, folder, **more).client() as client:
            answers[kind] = {name: encode(_without_config(one)) for name, one in (await read_all(client)).items()}
    assert len(answers["sqlite"]) >= 2
    assert answers["mariadb"] == answers["sqlite"]
    assert answers["postgresql"] == answers["sqlite"]


def _without_config(one):  # type: ignore[no-untyped-def]
    """Flags of the settings are archived as the database gives them: 1 or true."""
    return replace(one, activity=replace(one.activity, config_raw={}))


@pytest.mark.parametrize("system", ["workup", "crowdsessment"])
async def test_nothing_is_written_and_only_reading_statements_are_made(
    system: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms = fill(system, store, tmp_path)
    made: list[str] = []

    def listen(_connection, _cursor, statement, *_rest) -> None:  # type: ignore[no-untyped-def]
        made.append(statement)

    before = lms.content()
    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        async with lms.client() as client:
            await read_all(client)
        assert lms.config.database_url is not None
        list(check(LegacyDatabase(lms.config.database_url), lms.config.plan(), lms.config.legacy().uploads))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert len(made) > 50
    assert [one for one in made if not READING.match(one)] == []
    assert lms.content() == before


async def test_the_connection_refuses_to_write_even_for_a_user_who_may(store: Store, tmp_path: Path) -> None:
    lms = fill("workup", store, tmp_path, clean=True)
    database = LegacyDatabase(Secret(store.writer_url))
    before = lms.content()
    for statement in ("DELETE FROM comment", "UPDATE comment SET pending = NULL", "CREATE TABLE x (id INTEGER)"):
        with pytest.raises(ArchiveWorkerError), database.snapshot() as connection:
            connection.exec_driver_sql(statement)
    assert lms.content() == before


async def test_a_user_who_could_write_is_noticed(store: Store, tmp_path: Path) -> None:
    lms = fill("workup", store, tmp_path, clean=True)
    assert _rights(store.writer_url) != ()
    if store.kind == "sqlite":
        return  # one file, one system user
    assert _rights(store.reader_url) == ()
    assert [line.ok for line in _lines(lms, store.reader_url) if line.about == "user"] == [True]
    assert [line.ok for line in _lines(lms, store.writer_url) if line.about == "user"] == [False]


async def test_a_right_to_write_one_table_is_noticed(postgresql: Server, mariadb: Server, tmp_path: Path) -> None:
    for server, right in ((postgresql, "UPDATE ON comment"), (mariadb, "UPDATE ON `one_table`.`comment`")):
        folder = tmp_path / server.kind
        folder.mkdir()
        store = server.store("one_table")
        fill("workup", store, folder, clean=True)
        assert _rights(store.reader_url) == ()
        user = servers.READER if server is postgresql else f"{servers.READER}@'127.0.0.1'"
        server._run(f"GRANT {right} TO {user}", store.writer_url)
        try:
            (said,) = _rights(store.reader_url)
            assert "UPDATE" in said
        finally:
            server._run(f"REVOKE {right} FROM {user}", store.writer_url)


def _rights(url: str) -> tuple[str, ...]:
    database = LegacyDatabase(Secret(url))
    with database.snapshot() as connection:
        return writing_rights(database, connection)


def _lines(lms: FilledLms, url: str):  # type: ignore[no-untyped-def]
    legacy = lms.config.legacy()
    return list(check(LegacyDatabase(Secret(url)), legacy.plan, legacy.uploads))


async def test_an_activity_is_one_state_of_the_data(store: Store, tmp_path: Path) -> None:
    lms = fill("workup", store, tmp_path, clean=True)
    database = LegacyDatabase(Secret(store.reader_url))
    count = sa.text("SELECT count(*) FROM comment_file_upload")
    if store.kind == "sqlite":
        with store.engine().connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with database.snapshot() as connection:
        before = connection.execute(count).scalar()
        with lms.store.engine().begin() as other:
            other.exec_driver_sql("DELETE FROM comment_file_upload")
        assert connection.execute(count).scalar() == before == 1
    with database.snapshot() as connection:
        assert connection.execute(count).scalar() == 0


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
async def test_a_wrong_password_is_said_without_being_shown(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    scheme = {"mariadb": "mysql"}.get(kind, kind)
    url = Secret(f"{scheme}://{servers.READER}:{PASSWORD}x@{server.address}/none")
    with pytest.raises(BusyError, match="does not answer or refuses the bridge") as caught:
        async with running_bridge(BridgeConfig(url, "workup", None, KEY, port=0)):
            pass
    assert PASSWORD not in f"{caught.value} {caught.value!r}"


async def test_a_table_or_column_that_is_lacking_is_named_at_the_start(store: Store, tmp_path: Path) -> None:
    lms = fill("workup", store, tmp_path, clean=True)
    with store.engine().begin() as connection:
        connection.exec_driver_sql("DROP TABLE assignment_grade")
        connection.exec_driver_sql("ALTER TABLE assignment DROP COLUMN open_peer_review")
    lacking = r"does not have: assignment\.open_peer_review, assignment_grade;|assignment_grade, assignment\.open"
    with pytest.raises(MappingError, match=lacking):
        async with lms.client():
            pass
    bad = {line.about: line.message for line in _lines(lms, store.reader_url) if line.ok is False}
    assert "lacks open_peer_review (named in activity, allocations[1]" in bad["table assignment"]
    assert bad["table assignment_grade"] == "is not in the database; named in submissions[1]"


async def test_portions_of_any_size_give_the_same(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms = fill("crowdsessment", store, tmp_path)
    async with lms.client() as client:
        whole = await replace(client, page_size=1000).read("2")
    for count in (1, 3):
        monkeypatch.setattr(select, "PORTION_KEYS", count)
        async with lms.client() as client:
            assert await replace(client, page_size=1000).read("2") == whole


async def test_an_activity_without_a_class_has_nobody_s_people(store: Store, tmp_path: Path) -> None:
    lms = fill("workup", store, tmp_path, clean=True)
    with store.engine().begin() as connection:
        connection.exec_driver_sql("UPDATE assignment SET target_turma_id = NULL, peer_review_form_id = NULL")
        connection.exec_driver_sql("UPDATE enrollment SET turma_id = NULL")
        connection.exec_driver_sql("UPDATE upload SET user_id = NULL, filename = NULL WHERE id = 1")
    async with lms.client() as client:
        activity = await client.read("1")
    assert (activity.participants, activity.forms, activity.activity.form_hash) == ((), (), None)
    assert activity.submissions[0].author_ids == ()
    assert {one.status.value for one in activity.files if one.id == "upload-1"} == {"missing"}
    assert {answer.criterion_id for one in activity.reviews for answer in one.answers} == {None}
