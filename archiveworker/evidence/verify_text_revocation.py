"""The part of VERIFY.txt that shows how to look into CRLs and OCSP responses with openssl."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509 import ocsp

from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.revocation import RevocationData, RevocationState
from archiveworker.evidence import evidence_names
from archiveworker.evidence.certificates import is_self_signed
from archiveworker.evidence.revocation import judge

_CRL = """\
    ({lists}) | openssl ts -verify -data {data} -in {reply} -CAfile /dev/stdin {partial}{check} -attime {epoch_s}

   It must answer "Verification: OK". (openssl gets the CAs' lists of revoked certificates together with the
   certificates; all of them held at {moment}.)
"""
_OCSP = """\
{commands}

   Each must answer "Response verify OK" and "Cert Status: good": the CA was asked when the time-stamp was made.
"""
_NOTHING = """\
   Nothing about this was to be had when the time-stamp was made ({reason}). Ask the
   authority whether it has had to revoke a certificate.
"""


@dataclass(frozen=True, slots=True)
class Files:
    """Names of files as a shell takes them.

    Attributes:
        reply: the time-stamp.
        data: what it is over.
        chain: its certificates.
        crl_folder: with a slash at its end, or empty.
        ocsp_folder: the same.
        partial: option for a chain that does not reach a root.
    """

    reply: str
    data: str
    chain: str
    crl_folder: str
    ocsp_folder: str
    partial: str


def answer(stamp: Timestamp, chain: Sequence[x509.Certificate], files: Files) -> str:
    """Return the commands that show whether a certificate of ``stamp`` was revoked, or why there are none."""
    data = stamp.revocation
    if data is None:
        return _NOTHING.format(reason="nobody was asked").rstrip()
    parts = [part for part in (_crl_part(data, chain, stamp, files), _ocsp_part(data, stamp, files)) if part]
    return "\n".join(parts).rstrip() if parts else _NOTHING.format(reason=data.verdict.reason).rstrip()


def _crl_part(data: RevocationData, chain: Sequence[x509.Certificate], stamp: Timestamp, files: Files) -> str:
    at = _moment_of_lists(data, chain, stamp.proof.generated_at)
    if at is None:
        return ""
    names = [files.crl_folder + evidence_names.crl_name(crl) for crl in data.crls]
    lists = "; ".join([f"cat {files.chain}", *(f"openssl crl -inform DER -in {name}" for name in names)])
    # For a chain without a root openssl would ask for the list in which its last certificate would stand.
    check = "-crl_check_all" if is_self_signed(chain[-1]) else "-crl_check"
    return _CRL.format(
        lists=lists, data=files.data, reply=files.reply, partial=files.partial, check=check,
        epoch_s=int(at.timestamp()), moment=f"{at:%Y-%m-%d %H:%M:%S} UTC",
    )  # fmt: skip


def _moment_of_lists(data: RevocationData, chain: Sequence[x509.Certificate], at: datetime) -> datetime | None:
    """Return the moment to give to openssl, which takes a list only within its own span; None when there is none."""
    if not data.crls or judge(chain, data.crls, (), at).state is not RevocationState.GOOD:
        return None
    lists = [x509.load_der_x509_crl(crl) for crl in data.crls]
    moment = max(at, *(crl.last_update_utc for crl in lists))
    if any(crl.next_update_utc is not None and crl.next_update_utc < moment for crl in lists):
        return None
    # openssl does not ask when or why: for it a certificate in a list was always revoked.
    listed = any(crl.get_revoked_certificate_by_serial_number(c.serial_number) for crl in lists for c in chain)
    return None if listed or any(c.not_valid_after_utc < moment for c in chain) else moment


def _ocsp_part(data: RevocationData, stamp: Timestamp, files: Files) -> str:
    commands = []
    for response in data.ocsps:
        parsed = ocsp.load_der_ocsp_response(response)
        if any(one.certificate_status is not ocsp.OCSPCertStatus.GOOD for one in parsed.responses):
            continue
        name = files.ocsp_folder + evidence_names.ocsp_name(response)
        epoch_s = int(max(parsed.produced_at_utc, stamp.proof.generated_at).timestamp())
        commands.append(
            f"    openssl ocsp -respin {name} -resp_text -CAfile {files.chain} -verify_other {files.chain} "
            f"{files.partial}-attime {epoch_s}"
        )
    return _OCSP.format(commands="\n\n".join(commands)) if commands else ""
