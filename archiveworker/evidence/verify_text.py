"""VERIFY.txt: the exact commands with which anyone checks an archive, without the worker.

Commands stand alone on lines indented by four spaces, with file names and time filled in. ``-attime`` is there because
``openssl ts -verify`` refuses a good token once its certificate has expired. The certificates come from the archive
itself, so the text says how to make sure of them.
"""

import shlex
from string import Template

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

from archiveworker.domain.evidence import Timestamp, Trust
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


_BAG_STEP = """
   This archive is a bag (RFC 8493); its declaration and its description are listed apart:

    sha256sum --quiet -c data/tag-files-sha256.txt && echo "the tag files are unchanged"

   It must answer "the tag files are unchanged".
"""


def inside_archive(stamp: Timestamp | None, *, file_count: int, is_bag: bool = False) -> bytes:
    """Return ``evidence/VERIFY.txt``; its commands run in the archive's root folder.

    Args:
        stamp: over the manifest; None when the archive is unstamped.
        file_count: files beside the manifest and the evidence.
        is_bag: the archive is a bag.
    """
    bag_step = _BAG_STEP if is_bag else ""
    if stamp is None:
        template = Template(resources.text("evidence/verify_unstamped.txt"))
        return template.substitute(file_count=file_count, bag_step=bag_step).encode()
    template = Template(resources.text("evidence/verify_stamped.txt"))
    return template.substitute(_fields(stamp), file_count=file_count, bag_step=bag_step).encode()


def beside_archive(archive_name: str, stamp: Timestamp) -> bytes:
    """Return the text for an archive's detached time-stamp.

    The other files have the archive's name and ``.tsq``, ``.tsr``, ``.chain.pem`` after it.

    Args:
        archive_name: file name of the archive; quoted for a shell where it must be.
        stamp: over the archive.
    """
    template = Template(resources.text("evidence/verify_archive.txt"))
    # A name that begins with a dash would be taken for an option.
    name = shlex.quote(f"./{archive_name}" if archive_name.startswith("-") else archive_name)
    # openssl takes spaces and commas after -untrusted for the ends of file names. The chain is in -CAfile as well;
    # -untrusted only helps an auditor who puts another root there.
    untrusted = "" if set(archive_name) & set(" ,\t") else f"-untrusted {name}.chain.pem "
    return template.substitute(_fields(stamp), archive=name, untrusted=untrusted).encode()


def _fields(stamp: Timestamp) -> dict[str, str]:
    anchor = x509.load_pem_x509_certificates(stamp.chain_pem)[-1]
    digits = anchor.fingerprint(SHA256()).hex().upper()
    return {
        # openssl takes a chain that does not reach a root only when it is told to.
        "partial": "" if _is_self_signed(anchor) else "-partial_chain ",
        "epoch_s": str(int(stamp.proof.generated_at.timestamp())),
        "generated_at": f"{stamp.proof.generated_at:%Y-%m-%d %H:%M:%S} UTC",
        "tsa_name": stamp.proof.tsa_name,
        "anchor_name": anchor.subject.rfc4514_string(),
        "anchor_sha256": "   " + ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        "trust": _TRUST[stamp.proof.trust],
    }


def _is_self_signed(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
