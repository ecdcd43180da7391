"""A job's last steps but its delivery: describe, stamp, pack, verify, tidy up. Each may be repeated after a crash."""

import asyncio
import secrets
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from archiveworker.domain.errors import ConflictError, NotFoundError, VerificationError
from archiveworker.domain.evidence import Check, Verdict, VerificationReport
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.evidence import evidence_names, layout, leaves
from archiveworker.evidence.container import pack
from archiveworker.evidence.entries import InlineFile
from archiveworker.evidence.verify import verify
from archiveworker.jobs.delivering import PACKAGE_FOLDER
from archiveworker.jobs.package import PackageInput, describe_tree, make_package
from archiveworker.jobs.records import (
    Json,
    archive_from_json,
    archive_to_json,
    file_from_json,
    plan_from_json,
    retention_to_json,
)
from archiveworker.jobs.results import load_job, load_results
from archiveworker.jobs.room import Room, on_spool
from archiveworker.jobs.stamping import Stamping, stamped_to_json, write_file
from archiveworker.jobs.stamps import stamps_from_json, tree_from_json
from archiveworker.jobs.story import is_only_believed, story_from_json
from archiveworker.jobs.tools import DISCARDED, EVIDENCE_FOLDER, JobTools, OpenJobs
from archiveworker.reports.verification import Occasion, render_html, render_json
from archiveworker.runtime import metrics

log = structlog.get_logger(__name__)


class FinishSteps:
    """Steps from the spool to the delivered archive.

    Args:
        tools: what they work with.
        open_jobs: request and connection of each.
        room: on the spool.
    """

    def __init__(self, tools: JobTools, open_jobs: OpenJobs, room: Room) -> None:
        self._tools = tools
        self._open_jobs = open_jobs
        self._room = room
        self._stamping = Stamping(tools)

    @on_spool(reads=(EVIDENCE_FOLDER,), writes=(EVIDENCE_FOLDER,))
    async def describe(self, job_id: JobId, plan: Json, backups: list[Json]) -> str:
        """Write the manifest beside the evidence and return its SHA-256 in hex."""
        given = await self._given(job_id, plan, backups)
        manifest = layout.manifest_of((await asyncio.to_thread(make_package, given)).listed)
        await asyncio.to_thread(write_file, self._tools.evidence_folder(job_id) / manifest.path.name, manifest.data)
        return manifest.sha256.hex

    @on_spool(reads=(EVIDENCE_FOLDER,), writes=(EVIDENCE_FOLDER,))
    async def stamp_contents(self, job_id: JobId, manifest_sha256: str, plan: Json, backups: list[Json]) -> Json:
        """Have the manifest and the files' hash tree stamped.

        Returns:
            ``{"stamp": ..., "tree": ..., "warning": ...}``; ``tree`` is there only when the manifest was stamped.
        """
        stamped = await self._stamping.manifest(job_id, layout.manifest_of(()).path.name, manifest_sha256)
        if stamped["stamp"] is None:
            return stamped
        given = await self._given(job_id, plan, backups)
        listed = (await asyncio.to_thread(make_package, given)).listed
        # Drawn here, inside the step: what is stamped and what is packed must agree after a crash.
        note, root = await asyncio.to_thread(describe_tree, listed, secrets.token_bytes(leaves.SEED_BYTES))
        tree = await self._stamping.tree(job_id, note, root)
        warnings = dict.fromkeys(part for part in (stamped["warning"], tree["warning"]) if part)
        return {"stamp": stamped["stamp"], "tree": tree["tree"], "warning": " ".join(warnings)}

    @on_spool(reads=(EVIDENCE_FOLDER,), writes=(EVIDENCE_FOLDER, PACKAGE_FOLDER))
    async def pack(self, job_id: JobId, plan: Json, backups: list[Json], stamped: Json) -> Json:
        """Write the archive in one pass; return what it is.

        Args:
            job_id: whose.
            plan: what there was to do.
            backups: files that the LMS made itself.
            stamped: what ``stamp_contents`` returned; release 0.1 had no ``tree`` in it.
        """
        given = await self._given(job_id, plan, backups)
        package = await asyncio.to_thread(make_package, given)
        manifest = layout.manifest_of(package.listed)
        options, now = given.request.options, self._tools.clock.now()
        record = layout.JobRecord(job_id, now, self._tools.software, given.request.lms_base_url)
        folder = self._tools.evidence_folder(job_id)
        await asyncio.to_thread(check_described, folder / manifest.path.name, manifest)
        stamps = await asyncio.to_thread(stamps_from_json, stamped["stamp"], folder)
        of_tree = await asyncio.to_thread(tree_from_json, stamped.get("tree"), folder)
        evidence = layout.evidence_of(manifest, stamps, record, of_tree)
        container = options.archive_format or self._tools.policy.archive_format
        spool = await asyncio.to_thread(self._tools.spool.item, job_id, PACKAGE_FOLDER)
        name = f"{options.archive_name}.{container.suffix}"
        target = spool.folder / f"archive.{container.suffix}"
        packed = await asyncio.to_thread(
            pack,
            package.completed(manifest, evidence),
            spool=partial(self._tools.spool.opened, job_id),
            target=target,
            container=container,
            level=self._tools.policy.compression_level,
            stamped=self._stamping.other_algorithm,
        )
        log.info(
            "archive_packed", archive=name, files=len(package.listed), bytes=packed.size_bytes, sha256=packed.sha256.hex
        )
        archive = FinishedArchive(name, spool.relative(target), packed.sha256.hex, packed.size_bytes)
        line = f"{archive.sha256}  {archive.name}\n".encode()
        await asyncio.to_thread(write_file, self._tools.evidence_folder(job_id) / f"{name}.sha256", line)
        retention = given.applied_retention
        kept = {"layout": given.layout.value, "retention": retention_to_json(retention)}
        return {
            **archive_to_json(archive),
            **stamped_to_json(packed.stamped),
            **kept,
            "warning": retention.warning(now.date()),
        }

    @on_spool(reads=(EVIDENCE_FOLDER,), writes=(EVIDENCE_FOLDER,))
    async def stamp_archive(self, job_id: JobId, archive: Json) -> str:
        """Have the whole archive stamped, detached; return a warning or nothing."""
        return await self._stamping.archive(job_id, archive)

    @on_spool(reads=(EVIDENCE_FOLDER, PACKAGE_FOLDER), writes=(EVIDENCE_FOLDER,))
    async def verify_archive(self, job_id: JobId, archive: Json) -> list[str]:
        """Verify what was packed, before anyone gets it, and keep the report with the evidence.

        Returns:
            the names that ``GET /jobs/<id>/evidence/<name>`` serves.

        Raises:
            VerificationError: the archive is not what it should be; the report is kept all the same.
        """
        finished = archive_from_json(archive)
        file = self._tools.spool.path_of(job_id, finished.spooled)
        folder = self._tools.evidence_folder(job_id)
        report = await asyncio.to_thread(_verified, file, finished, folder, self._tools.trusted_pem)
        await asyncio.to_thread(_keep_report, folder, report, Occasion(self._tools.software, self._tools.clock.now()))
        first = next((check for check in report.checks if check.verdict is Verdict.BAD), None)
        log.info("archive_verified", verdict=report.verdict.value, archive=finished.name, files=report.file_count)
        if first is not None:
            raise VerificationError(
                f"The packed archive does not pass its own verification: {first.subject}: {first.message}. It was not "
                "delivered; report.html of the job's evidence has the details. Look at the worker's disk, then retry"
            )
        return await asyncio.to_thread(_names, folder)

    async def evidence_file(self, job_id: JobId, name: str) -> Path:
        """Return the place of a piece of evidence on this machine, where it is brought if need be.

        Raises:
            NotFoundError: there is none of that name.
        """
        if "/" in job_id or job_id.startswith("."):
            raise NotFoundError(f"There is no evidence of job {job_id[:80]!r}.")
        await self._tools.spool.fetch(job_id, EVIDENCE_FOLDER)
        folder = self._tools.evidence_folder(job_id)
        if name not in _names(folder):
            raise NotFoundError(f"There is no evidence of this name for job {job_id[:80]!r}.")
        return folder / name

    async def clean_up(self, job_id: JobId, told: Json) -> None:
        """Discard what is no longer needed: after a failure everything stays for a retry, until the sweeper comes.

        So does an archive of which the LMS did not say that it has it.

        Args:
            job_id: whose.
            told: its ``Story``.
        """
        story = story_from_json(told)
        metrics.JOBS_ENDED.labels((await load_job(job_id)).source, story.state.value).inc()
        keep = {EVIDENCE_FOLDER, PACKAGE_FOLDER} if is_only_believed(story.deliveries) else {EVIDENCE_FOLDER}
        if story.state in DISCARDED:
            await asyncio.to_thread(self._tools.spool.discard, job_id, keep=frozenset(keep))

    async def _given(self, job_id: JobId, plan: Json, backups: list[Json]) -> PackageInput:
        request = (await self._open_jobs.get(job_id)).request
        policy, planned = self._tools.policy, plan_from_json(plan)
        return PackageInput(
            request=request,
            plan=planned,
            results=await load_results(job_id),
            backups=(*planned.files, *(file_from_json(file) for file in backups)),
            software=self._tools.software,
            profile=policy.pdf_profile,
            layout=request.options.layout or policy.archive_layout,
            retention=request.options.retention.over(policy.retention),
            organization=policy.organization,
            organization_url=policy.organization_url,
            contact_email=policy.contact_email,
        )


def _verified(file: Path, archive: FinishedArchive, folder: Path, trusted_pem: bytes | None) -> VerificationReport:
    """Verify the archive under the name that it will have, together with its detached time-stamp."""
    replies = [stamp.read_bytes() for stamp in evidence_names.replies_beside(folder, archive.name)]
    report = verify(file, reply=replies, trusted_pem=trusted_pem, name=archive.name)
    if report.archive_sha256 is None or report.archive_sha256.hex != archive.sha256:
        changed = Check("container.digest", Verdict.BAD, archive.name, "it changed on the spool after it was packed")
        return replace(report, checks=(changed, *report.checks))
    return report


def _keep_report(folder: Path, report: VerificationReport, occasion: Occasion) -> None:
    write_file(folder / "report.json", render_json(report, occasion).encode())
    write_file(folder / "report.html", render_html(report, occasion).encode())
    write_file(folder / "report.de.html", render_html(report, occasion, lang="de").encode())


def check_described(file: Path, manifest: InlineFile) -> None:
    """Compare with what was stamped: the worker may have been restarted in between, with other settings.

    Args:
        file: the manifest as it was stamped.
        manifest: of what is about to be packed.

    Raises:
        ConflictError: they differ.
    """
    if file.read_bytes() != manifest.data:
        raise ConflictError(
            "the worker or its settings changed after the list of files was time-stamped; archiveworker jobs retry "
            "makes the archive again"
        )


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("[!.]*"))
