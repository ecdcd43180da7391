"""README.txt of a proof: how a person checks it, with commands that run as they stand.

Commands stand alone on lines indented by four spaces. The digests are written out from the records; ``sort`` of
lower-case hexadecimal digits in the C locale is the binary ascending order of RFC 4998.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.evidence import proof
from archiveworker.evidence.record import ArchiveTimeStamp
from archiveworker.evidence.record_check import ProvedRecord
from archiveworker.runtime import resources


@dataclass(frozen=True, slots=True)
class Told:
    """What the text is about.

    Attributes:
        chains: of each file, by path: its archive time-stamps, oldest first.
        digests: of each file, by path, in the algorithm of each chain.
        proved: what one of the records proves; the time-stamps are those of all.
        certificates: of each time-stamp, PEM, signer first.
    """

    chains: Mapping[str, Sequence[Sequence[ArchiveTimeStamp]]]
    digests: Mapping[str, Sequence[bytes]]
    proved: ProvedRecord
    certificates: Sequence[bytes]


def readme(told: Told) -> bytes:
    """Return README.txt."""
    commands: dict[str, None] = {}
    for path, chains in told.chains.items():
        number = 0
        for era, chain in enumerate(chains):
            for at, stamp in enumerate(chain):
                number += 1
                begin, covered = _begin(told, path, (era, at, number), stamp.algorithm)
                commands[f"    {begin}; {_climb(stamp, covered)}{_verify(told, number)}\n\n"] = None
    text = Template(resources.text("evidence/proof_readme.txt")).substitute(
        proved_at=f"{told.proved.proved_at:%Y-%m-%d %H:%M:%S} UTC",
        commands="".join(commands),
        authorities="".join(_authority(told, number) for number in range(1, len(told.certificates) + 1)),
    )
    return text.encode()


def _begin(told: Told, path: str, where: tuple[int, int, int], algorithm: HashAlgorithm) -> tuple[str, bytes]:
    """Return the command that takes the digest with which a time-stamp's list begins, and the digest."""
    era, at, number = where
    if at:
        before = told.chains[path][era][at - 1].token
        return f"h=$({_digest(algorithm, proof.token_name(number - 1))})", algorithm.of(before)
    own = _digest(algorithm, proof.file_name(path))
    if not era:
        return f"h=$({own})", told.digests[path][era]
    sequence = _digest(algorithm, proof.sequence_name(path, era + 1))
    return f"h=$({{ {own}; {sequence}; }} | {_joined(algorithm)})", told.digests[path][era]


def _climb(stamp: ArchiveTimeStamp, covered: bytes) -> str:
    others = [digest for group in stamp.lists for digest in group if digest != covered]
    if not others:
        return ""
    words = " ".join(digest.hex() for digest in others)
    joined = f"h=$(printf '%s\\n' $h $n | LC_ALL=C sort | {_joined(stamp.algorithm)})"
    return f"for n in {words}; do {joined}; done; "


def _digest(algorithm: HashAlgorithm, name: str) -> str:
    return f"{algorithm.value}sum < {shlex.quote(name)} | cut -d' ' -f1"


def _joined(algorithm: HashAlgorithm) -> str:
    return f"tr -d '\\n' | tr a-f A-F | basenc -d --base16 | {algorithm.value}sum | cut -d' ' -f1"


def _verify(told: Told, number: int) -> str:
    partial = "" if _is_self_signed(_anchor(told, number)) else "-partial_chain "
    epoch_s = int(told.proved.stamps[number - 1].stamp.generated_at.timestamp())
    return (
        f"openssl ts -verify -digest $h -in {proof.token_name(number)} -token_in "
        f"-CAfile {proof.chain_name(number)} {partial}-attime {epoch_s}"
    )


def _authority(told: Told, number: int) -> str:
    stamp = told.proved.stamps[number - 1].stamp
    anchor = _anchor(told, number)
    digits = anchor.fingerprint(SHA256()).hex().upper()
    return (
        f"   Time-stamp {number}:  {stamp.generated_at:%Y-%m-%d %H:%M:%S} UTC, serial number {stamp.serial_number}\n"
        f"   Signed by:     {stamp.tsa_name}\n"
        f"   Last in chain: {anchor.subject.rfc4514_string()}\n"
        "   SHA-256 of the last certificate:\n"
        f"   {':'.join(digits[at : at + 2] for at in range(0, len(digits), 2))}\n\n"
    )


def _anchor(told: Told, number: int) -> x509.Certificate:
    return x509.load_pem_x509_certificates(told.certificates[number - 1])[-1]


def _is_self_signed(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
