"""Tokens at rest: sealed with Fernet (AES-128-CBC with HMAC-SHA-256), in a table of their own, to be erased.

The engine's tables keep inputs for ever; a token must not, so it never enters them (DESIGN D2). Erasing deletes the
row; SQLite is told to overwrite what it deletes. Accepted risk: who can read both key and database reads the tokens of
running jobs, and those that SQLite's write-ahead log has not yet overwritten.
"""

import contextlib
import os
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret
from archiveworker.runtime.database import make_tables, patiently

_METADATA = sa.MetaData()
_SEALED = sa.Table(
    "archiveworker_sealed_tokens",
    _METADATA,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)


def load_or_create_keys(path: Path) -> tuple[Secret, ...]:
    """Return the keys in ``path``; one is made on first use, readable by its owner alone.

    Raises:
        SettingsError: the file is there and does not hold keys.
    """
    with contextlib.suppress(FileExistsError):
        write_keys(path, (new_key(),), replace=False)
    return parse_keys(path.read_text(encoding="ascii", errors="replace"), str(path))


def new_key() -> Secret:
    """Return a new sealing key."""
    return Secret(Fernet.generate_key().decode())


def write_keys(path: Path, keys: tuple[Secret, ...], *, replace: bool) -> None:
    """Write keys, one a line, durable on return, readable by their owner alone; all of them or none.

    Args:
        path: of the file.
        keys: the first seals.
        replace: an older file; its owner stays.

    Raises:
        FileExistsError: there is one, and it is not to be replaced.
        OSError: it cannot be written.
    """
    target = path.with_name(f"{path.name}.new") if replace else path
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL), 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        if replace:
            older = path.stat()
            os.fchown(descriptor, older.st_uid, older.st_gid)
        file.write("".join(f"{key.reveal()}\n" for key in keys))
        file.flush()
        os.fsync(descriptor)
    if replace:
        target.replace(path)


def parse_keys(text: str, where: str) -> tuple[Secret, ...]:
    """Return the keys in ``text``, which commas or white space separate.

    Raises:
        SettingsError: one of them is no Fernet key, or there is none; the message does not show it.
    """
    keys = tuple(Secret(word) for word in text.replace(",", " ").split())
    try:
        for key in keys:
            Fernet(key.reveal())
    except ValueError as exc:
        raise _no_key(where) from exc
    if not keys:
        raise _no_key(where)
    return keys


def _no_key(where: str) -> SettingsError:
    return SettingsError(
        f"{where} does not hold a sealing key: 32 bytes in URL-safe base64; remove it to have one made"
    )


class SealedTokens:
    """Keeps tokens of running jobs in the engine's database.

    Args:
        engine: of the database that the job engine uses as well; the table is made when missing.
        keys: the first seals, all of them open (key rotation).
    """

    def __init__(self, engine: sa.Engine, keys: tuple[Secret, ...]) -> None:
        self._engine = engine
        self._first = Fernet(keys[0].reveal())
        self._box = MultiFernet([Fernet(key.reveal()) for key in keys])
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _overwrite_deleted)
        make_tables(engine, _METADATA)

    async def put(self, job_id: JobId, secret: Secret) -> None:
        """Seal and store ``secret``, durable on return; replaces an older one."""
        await patiently(self._put, job_id, self._box.encrypt(secret.reveal().encode()))

    async def get(self, job_id: JobId) -> Secret | None:
        """Return the secret, or None when it was erased or never there.

        Raises:
            SettingsError: it was sealed with a key that is no longer configured.
        """
        sealed = await patiently(self._get, job_id)
        if sealed is None:
            return None
        try:
            return Secret(self._box.decrypt(sealed).decode())
        except InvalidToken as exc:
            raise SettingsError(
                f"the token of job {job_id} was sealed with another key; put the former ARCHIVEWORKER_SECRET_KEY back"
            ) from exc

    async def erase(self, job_id: JobId) -> None:
        """Forget the secret; no error when there is none."""
        await patiently(self._erase, job_id)

    def reseal(self) -> int:
        """Seal with the first key what others had sealed, so that no token needs them any longer.

        Blocking; for the start. What none of our keys opens is left as it is.

        Returns:
            how many there were.
        """
        count = 0
        with self._engine.begin() as connection:
            for job_id, sealed in connection.execute(sa.select(_SEALED.c.job_id, _SEALED.c.sealed)).all():
                if _opens(self._first, sealed) or not _opens(self._box, sealed):
                    continue
                # Only what is still the same: another process may have sealed or erased it meanwhile.
                same = (_SEALED.c.job_id == job_id) & (_SEALED.c.sealed == sealed)
                connection.execute(sa.update(_SEALED).where(same).values(sealed=self._box.rotate(sealed)))
                count += 1
        return count

    async def job_ids(self) -> list[JobId]:
        """Return the jobs whose secrets are kept."""
        return await patiently(self._job_ids)

    def _job_ids(self) -> list[JobId]:
        with self._engine.begin() as connection:
            return [JobId(row) for row in connection.execute(sa.select(_SEALED.c.job_id)).scalars()]

    def _put(self, job_id: JobId, sealed: bytes) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_SEALED).where(_SEALED.c.job_id == job_id))
            connection.execute(sa.insert(_SEALED).values(job_id=job_id, sealed=sealed))

    def _get(self, job_id: JobId) -> bytes | None:
        with self._engine.begin() as connection:
            query = sa.select(_SEALED.c.sealed).where(_SEALED.c.job_id == job_id)
            return connection.execute(query).scalar_one_or_none()

    def _erase(self, job_id: JobId) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_SEALED).where(_SEALED.c.job_id == job_id))


def _opens(box: Fernet | MultiFernet, sealed: bytes) -> bool:
    try:
        box.decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _overwrite_deleted(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
