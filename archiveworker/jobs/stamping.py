"""Has a job's manifest and archive time-stamped, and keeps what comes of it beside the job."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import ConflictError, TimestampError
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import OnError
from archiveworker.domain.revocation import RevocationState
from archiveworker.evidence import evidence_names, verify_text
from archiveworker.evidence.layout import TreeStamp
from archiveworker.jobs.records import Json
from archiveworker.jobs.stamps import digest_from_text, digest_to_text, stamps_to_json, tree_to_json
from archiveworker.jobs.tools import JobTools

log = structlog.get_logger(__name__)

_TREE = "The hash tree for the records of single files"
_UNSET = "no time-stamp authority is set up (ARCHIVEWORKER_TSA_URLS)."


class Stamping:
    """The steps of a job that ask for time-stamps; each may be repeated after a crash.

    Args:
        tools: what they work with.
    """

    def __init__(self, tools: JobTools) -> None:
        self._tools = tools

    @property
    def other_algorithm(self) -> HashAlgorithm | None:
        """What makes the digests that are stamped, where that is not the SHA-256 that everything has anyway."""
        timestamper = self._tools.timestamper
        if timestamper is None or timestamper.algorithm is HashAlgorithm.SHA256:
            return None
        return timestamper.algorithm

    async def manifest(self, job_id: JobId, name: str, sha256: str) -> Json:
        """Have the manifest stamped; return ``{"stamp": ..., "warning": ...}``.

        Args:
            job_id: whose.
            name: of the manifest in the job's evidence folder.
            sha256: of the manifest, in hex.

        Raises:
            ConflictError: the manifest is not the one that was described.
            TimestampError: it cannot be stamped, and that is an error by setting.
        """
        digest: Sha256 | Digest = Sha256.from_hex(sha256)
        if self.other_algorithm is not None:
            file = self._tools.evidence_folder(job_id) / name
            digest = await asyncio.to_thread(_digest_of, file, Sha256.from_hex(sha256), self.other_algorithm)
        stamps, warning = await self.stamps(digest)
        await asyncio.to_thread(self._keep, job_id, name, stamps)
        return {"stamp": stamps_to_json(stamps) if stamps else None, "warning": warning}

    async def archive(self, job_id: JobId, archive: Json) -> str:
        """Have the whole archive stamped, detached; return a warning or nothing.

        Args:
            job_id: whose.
            archive: its name, digest and, where another algorithm is stamped, the digest by that (``stamped``).

        Raises:
            TimestampError: it cannot be stamped, and that is an error by setting.
        """
        name = archive["name"]
        other = archive.get("stamped")
        stamps, warning = await self.stamps(digest_from_text(other) if other else Sha256.from_hex(archive["sha256"]))
        if stamps:
            await asyncio.to_thread(self._keep, job_id, name, stamps)
            text = verify_text.beside_archive(name, stamps)
            await asyncio.to_thread(write_file, self._tools.evidence_folder(job_id) / "VERIFY.txt", text)
        return warning

    async def tree(self, job_id: JobId, note: bytes, root: bytes) -> Json:
        """Have the root of the files' hash tree stamped, by one authority; return ``{"tree": ..., "warning": ...}``.

        Args:
            job_id: whose.
            note: what goes into the archive with it.
            root: SHA-256, whatever the manifest is stamped with: it is what the leaves are made of.

        Raises:
            TimestampError: it cannot be stamped, and that is an error by setting.
        """
        timestamper = self._tools.timestamper
        if timestamper is None:
            return {"tree": None, "warning": f"{_TREE} is not time-stamped: {_UNSET}"}
        try:
            stamp = await timestamper.stamp(Sha256(root))
        except TimestampError as exc:
            if self._tools.policy.on_timestamp_error is OnError.FAIL:
                raise
            log.warning("unstamped", reason=str(exc))
            return {"tree": None, "warning": f"{_TREE} is not time-stamped: {exc}"}
        await asyncio.to_thread(self._keep, job_id, "hash-tree", [stamp])
        return {"tree": tree_to_json(TreeStamp(note, stamp)), "warning": _doubt(stamp)}

    async def stamps(self, digest: Sha256 | Digest, what: str = "The archive") -> tuple[tuple[Timestamp, ...], str]:
        """Return time-stamps over ``digest``, and a warning or nothing.

        Args:
            digest: of what is to be stamped.
            what: begins the warning.

        Raises:
            TimestampError: there are fewer than are asked for, and that is an error by setting.
        """
        timestamper = self._tools.timestamper
        if timestamper is None:
            return (), f"{what} is not time-stamped: {_UNSET}"
        needed = self._tools.policy.on_timestamp_error is OnError.FAIL
        try:
            made = await timestamper.stamp_each(digest)
        except TimestampError as exc:
            if needed:
                raise
            log.warning("unstamped", reason=str(exc))
            return (), f"{what} is not time-stamped: {exc}"
        if made.shortfall and needed:
            raise TimestampError(f"{made.shortfall}; try again later or configure another authority")
        shortfall = f"{what}: {made.shortfall}." if made.shortfall else ""
        return made.stamps, " ".join(part for part in (shortfall, *map(_doubt, made.stamps)) if part)

    def _keep(self, job_id: JobId, name: str, stamps: Sequence[Timestamp]) -> None:
        folder = self._tools.evidence_folder(job_id)
        for number, stamp in enumerate(stamps, start=1):
            stem = evidence_names.numbered(name, number)
            write_file(folder / f"{stem}.tsq", stamp.query)
            write_file(folder / f"{stem}.tsr", stamp.reply)
            write_file(folder / f"{stem}.chain.pem", stamp.chain_pem)
            for crl in stamp.revocation.crls if stamp.revocation else ():
                write_file(folder / evidence_names.crl_name(crl), crl)
            for response in stamp.revocation.ocsps if stamp.revocation else ():
                write_file(folder / evidence_names.ocsp_name(response), response)


def _doubt(stamp: Timestamp) -> str:
    """Return a warning about a time-stamp of whose certificates nobody says whether they were revoked."""
    data = stamp.revocation
    if data is None or data.verdict.state is RevocationState.GOOD:
        return ""
    said = "; ".join((data.verdict.reason, *data.problems))
    log.warning("revocation_unknown", tsa_url=stamp.tsa_url, reason=said)
    return f"Whether the certificates of the time-stamp of {stamp.tsa_url} were revoked is not known: {said}."


def _digest_of(file: Path, expected: Sha256, algorithm: HashAlgorithm) -> Digest:
    data = file.read_bytes()
    if Sha256.of(data) != expected:
        raise ConflictError(
            "the list of files was changed on the worker's disk; archiveworker jobs retry makes it again"
        )
    return Digest(algorithm, algorithm.of(data))


def stamped_to_json(digest: Digest | None) -> Json:
    """Return what ``archive`` needs to know of a packed archive besides its SHA-256."""
    return {} if digest is None else {"stamped": digest_to_text(digest)}


def write_file(file: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    part.replace(file)
