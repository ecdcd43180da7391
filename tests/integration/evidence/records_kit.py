"""Makes archives whose hash tree is stamped, for the tests of records, proofs and renewals; all people are made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archiveworker.domain.digest import Digest, Sha256
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout, leaves
from archiveworker.evidence.container import PackedArchive
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.jobs.package import describe_tree
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

METADATA = (
    "attemptid,userid,username,firstname,lastname,idnumber,timestart,timefinish,attempt,path,state\n"
    "3,7,zoe,Zoë,Ångström,M-1,1768469400,1768471200,1,/attempts/zoe/3/,finished\n"
    "33,8,max,Max,Muster,7,1768469400,1768471201,1,/attempts/max/33/,finished\n"
    "34,7,zoe,Zoë,Ångström,M-1,1768469400,1768471202,2,/attempts/zoe/34/,finished\n"
    "35,9,zoe2,Zoë,Zweite,M-11,1768469400,1768471203,1,/attempts/zoe2/35/,finished\n"
)
CONTENTS: Mapping[str, bytes] = {
    "attempts/zoe/3/attempt.pdf": b"%PDF-1.7 first attempt of Zoe",
    "attempts/zoe/3/attachments/1/answer.txt": b"yes",
    "attempts/zoe/34/attempt.pdf": b"%PDF-1.7 second attempt of Zoe",
    "attempts/max/33/attempt.pdf": b"%PDF-1.7 attempt of Max",
    "attempts/max/33/attachments/1/answer.txt": b"no",
    "attempts/zoe2/35/attempt.pdf": b"%PDF-1.7 attempt of another Zoe",
    "attempts_metadata.csv": METADATA.encode(),
    "bag-info.txt": b"Source-Organization: Example\n",
    "index.html": b"<!doctype html><title>Archive</title>",
}


@dataclass(frozen=True)
class At:
    """A ``Timestamper`` that asks one authority of the tests."""

    tsa: Tsa
    ask: Stamper
    asked: list[Sha256 | Digest]

    async def stamp(self, digest: Sha256 | Digest) -> Timestamp:
        self.asked.append(digest)
        return await self.ask(self.tsa, digest, self.tsa.ca_pem)


def at(tsa: Tsa, stamp: Stamper) -> At:
    return At(tsa, stamp, [])


async def stamped_entries(stamper: At, contents: Mapping[str, bytes] = CONTENTS) -> list[Entry]:
    """Return the entries of an archive whose manifest and hash tree are stamped."""
    files = layout.with_sidecars(golden.inline(contents))
    manifest = layout.manifest_of(files)
    note, root = describe_tree(files, b"s" * leaves.SEED_BYTES)
    tree = layout.TreeStamp(note, await stamper.stamp(Sha256(root)))
    stamp = await stamper.stamp(manifest.sha256)
    return [*files, manifest, *layout.evidence_of(manifest, [stamp], golden.RECORD, tree)]


async def make(
    folder: Path,
    stamper: At,
    container: ArchiveFormat = ArchiveFormat.TAR_GZ,
    contents: Mapping[str, bytes] = CONTENTS,
) -> PackedArchive:
    """Pack such an archive into ``folder``."""
    return golden.make(folder, await stamped_entries(stamper, contents), container)


def data_of(entries: list[Entry]) -> dict[str, bytes]:
    """Return the contents of entries by name."""
    return {entry.path.value: entry.data for entry in entries if isinstance(entry, InlineFile)}
