"""VERIFY.txt: the exact commands with which anyone checks an archive, without the worker.

Commands stand alone on lines indented by four spaces, with file names and time filled in. ``-attime`` is there because
``openssl ts -verify`` refuses a good token once its certificate has expired. The certificates come from the archive
itself, so the text says how to make sure of them.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from archiveworker.domain.evidence import Timestamp, Trust
from archiveworker.evidence import evidence_names, verify_text_revocation
from archiveworker.evidence.certificates import is_self_signed
from archiveworker.runtime import resources

_TRUST = {
    Trust.CONFIGURED: (
        "   The last certificate is one that the operator of the archiving software named as trusted. It also lies in\n"
        "   this archive; to be sure of it, compare the SHA-256 above with what the authority publishes, or use the\n"
        "   authority's own copy in place of the file after -CAfile."
    ),
    Trust.EMBEDDED: (
        "   Nobody has vouched for the last certificate: it came with the time-stamp. The commands above show that\n"
        "   the time-stamp is sound; who made it is proved only when you compare the SHA-256 above with what the\n"
        "   authority publishes, or use the authority's own copy in place of the file after -CAfile."
    ),
}
_SEVERAL = (
    "\nThe archive bears $count time-stamps of different authorities. Each one proves it alone: should one authority\n"
    "not be believed any more, the others still are."
)
_COVERED = (
    "The list of files holds the digest of every file, so what is proved for the\n"
    "   list is proved for all of them. "
)  # fmt: skip


_BAG_STEP = """
   This archive is a bag (RFC 8493); its declaration and its description are listed apart:

    sha256sum --quiet -c data/tag-files-sha256.txt && echo "the tag files are unchanged"

   It must answer "the tag files are unchanged".
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the files of a stamp are, as a shell takes them."""

    data: str
    stem: str
    chain: str
    crl_folder: str = ""
    ocsp_folder: str = ""


def inside_archive(stamps: Sequence[Timestamp], *, file_count: int, is_bag: bool = False) -> bytes:
    """Return ``evidence/VERIFY.txt``; its commands run in the archive's root folder.

    Args:
        stamps: over the manifest, in the order of their numbers; none when the archive is unstamped.
        file_count: files beside the manifest and the evidence.
        is_bag: the archive is a bag.
    """
    bag_step = _BAG_STEP if is_bag else ""
    if not stamps:
        template = Template(resources.text("evidence/verify_unstamped.txt"))
        return template.substitute(file_count=file_count, bag_step=bag_step).encode()
    blocks = []
    for number, stamp in enumerate(stamps, start=1):
        manifest = evidence_names.MANIFEST
        stem = f"evidence/{evidence_names.numbered(manifest, number)}"
        chain = evidence_names.chain_name(number).value
        place = _Place(manifest, stem, chain, evidence_names.CRL_FOLDER, evidence_names.OCSP_FOLDER)
        fields = {"what": "the list of files", "covered": _COVERED}
        blocks.append(_block(stamp, place, fields, first=4 * number, number=_which(number, stamps)))
    template = Template(resources.text("evidence/verify_stamped.txt"))
    return template.substitute(
        stamps="\n".join(blocks),
        file_count=file_count,
        bag_step=bag_step,
        generated_at=_moment(min(stamps, key=lambda stamp: stamp.proof.generated_at)),
        several=Template(_SEVERAL).substitute(count=len(stamps)) if len(stamps) > 1 else "",
    ).rstrip("\n").encode() + b"\n"  # fmt: skip


def beside_archive(archive_name: str, stamps: Sequence[Timestamp]) -> bytes:
    """Return the text for an archive's detached time-stamps.

    The other files have the archive's name and ``.tsq``, ``.tsr``, ``.chain.pem`` after it, a further stamp's ones
    a number before that; CRLs and OCSP responses lie beside them.

    Args:
        archive_name: file name of the archive; quoted for a shell where it must be.
        stamps: over the archive, in the order of their numbers; at least one.
    """
    # A name that begins with a dash would be taken for an option.
    name = shlex.quote(f"./{archive_name}" if archive_name.startswith("-") else archive_name)
    blocks = []
    for number, stamp in enumerate(stamps, start=1):
        stem = evidence_names.numbered(name, number)
        fields = {"what": "the archive, as it is now,", "covered": ""}
        # openssl takes spaces and commas after -untrusted for the ends of file names. The chain is in -CAfile as well;
        # -untrusted only helps an auditor who puts another root there.
        if set(archive_name) & set(" ,\t"):
            fields["untrusted"] = ""
        place = _Place(name, stem, f"{stem}.chain.pem")
        blocks.append(_block(stamp, place, fields, first=4 * number - 3, number=_which(number, stamps)))
    template = Template(resources.text("evidence/verify_archive.txt"))
    return template.substitute(stamps="\n".join(blocks)).encode()


def _which(number: int, stamps: Sequence[Timestamp]) -> str:
    return "the time-stamp" if len(stamps) == 1 else f"time-stamp {number}"


def _block(stamp: Timestamp, place: _Place, fields: dict[str, str], *, first: int, number: str) -> str:
    """Return the questions and commands about one time-stamp.

    Args:
        stamp: the time-stamp.
        place: of its files.
        fields: of the template that differ.
        first: number of the first question.
        number: how the text calls the time-stamp.
    """
    chain = x509.load_pem_x509_certificates(stamp.chain_pem)
    digits = chain[-1].fingerprint(SHA256()).hex().upper()
    # openssl takes a chain that does not reach a root only when it is told to.
    partial = "" if is_self_signed(chain[-1]) else "-partial_chain "
    files = verify_text_revocation.Files(
        f"{place.stem}.tsr", place.data, place.chain, place.crl_folder, place.ocsp_folder, partial
    )
    return Template(resources.text("evidence/stamp.txt")).substitute(
        {
            "data": place.data,
            "query": f"{place.stem}.tsq",
            "reply": f"{place.stem}.tsr",
            "chain": place.chain,
            "untrusted": f"-untrusted {place.chain} ",
            "partial": partial,
            "stamp": number,
            "first": first,
            "second": first + 1,
            "third": first + 2,
            "fourth": first + 3,
            "epoch_s": int(stamp.proof.generated_at.timestamp()),
            "generated_at": _moment(stamp),
            "algorithm": stamp.proof.digest.algorithm.value,
            "tsa_name": stamp.proof.tsa_name,
            "anchor_name": chain[-1].subject.rfc4514_string(),
            "anchor_sha256": ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
            "trust": _TRUST[stamp.proof.trust],
            "revocation": verify_text_revocation.answer(stamp, chain, files),
            **fields,
        }
    )


def _moment(stamp: Timestamp) -> str:
    return f"{stamp.proof.generated_at:%Y-%m-%d %H:%M:%S} UTC"
