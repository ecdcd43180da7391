"""Says, offline, whether the certificates of a time-stamp's chain were revoked (RFC 5280 6.3, RFC 6960, RFC 3161 4).

Pure: chain, CRLs, OCSP responses and a time in, a verdict out. It never raises for what it is given: data that cannot
be read, are not signed by the right key or are not about these certificates do not answer, and what nothing answers
for is UNKNOWN.

What a time-stamp needs differs from what a web page needs. A list that was issued after the time-stamp answers as well
(a revocation would stand in it), as long as the certificate had not expired by then. And a revocation after the
time-stamp leaves it valid only for the four reasons of RFC 3161 4.1; a compromised key, or no reason, makes every
time-stamp of that key worthless, whenever it was made.

Not known: delta and indirect CRLs, lists split by reason; they do not answer. Whether an OCSP responder's own
certificate was revoked is not asked (RFC 6960 4.2.2.2.1 leaves it to the reader); its issuer is the same CA.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from archiveworker.domain.revocation import CertificateRevocation, RevocationState, RevocationVerdict
from archiveworker.evidence import revocation_crl, revocation_ocsp
from archiveworker.evidence.certificates import UNREADABLE, is_authority, is_self_signed, name_of
from archiveworker.evidence.revocation_answer import Answer, Question

_NO_REVOCATION_AVAILABLE = x509.ObjectIdentifier("2.5.29.56")


def judge(
    chain: Sequence[x509.Certificate], crls: Iterable[bytes], ocsps: Iterable[bytes], at: datetime
) -> RevocationVerdict:
    """Judge every certificate of a chain but its trusted end.

    Args:
        chain: signer first, each next one issued the one before; the last one is believed.
        crls: DER CertificateLists, in any order.
        ocsps: DER OCSPResponses, in any order.
        at: the token's own time (genTime).
    """
    lists, responses = revocation_crl.load(crls), revocation_ocsp.load(ocsps)
    states = []
    for certificate, issuer in pairwise(chain):
        question = Question(certificate, issuer, at)
        answers = [revocation_ocsp.answer(response, question) for response in responses]
        answers += [revocation_crl.answer(crl, question) for crl in lists]
        states.append(_state(question, answers))
    if len(chain) == 1 and not is_self_signed(chain[0]):
        reason = "the certificate of its issuer is not known, so nobody can be asked"
        published = is_published(chain[0])
        states.append(CertificateRevocation(name_of(chain[0]), RevocationState.UNKNOWN, reason, is_published=published))
    return RevocationVerdict(tuple(states))


def is_answer(data: bytes, pair: tuple[x509.Certificate, x509.Certificate], at: datetime) -> bool:
    """Tell whether a CRL or an OCSP response says something of a certificate.

    Args:
        data: DER of either.
        pair: a certificate and its issuer.
        at: UTC.
    """
    question = Question(*pair, at)
    given = [revocation_crl.answer(crl, question) for crl in revocation_crl.load([data])]
    given += [revocation_ocsp.answer(response, question) for response in revocation_ocsp.load([data])]
    return any(isinstance(one, Answer) for one in given)


def is_published(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate says where to ask whether it was revoked (CRL distribution point or OCSP)."""
    try:
        extensions = {extension.oid: extension.value for extension in certificate.extensions}
    except UNREADABLE:
        return True
    access = extensions.get(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    responders = access if isinstance(access, x509.AuthorityInformationAccess) else ()
    asked = any(place.access_method == AuthorityInformationAccessOID.OCSP for place in responders)
    return asked or ExtensionOID.CRL_DISTRIBUTION_POINTS in extensions


def _state(question: Question, answers: Sequence[Answer | str | None]) -> CertificateRevocation:
    """Weigh the answers: one that says revoked outweighs all others."""
    usable = [answer for answer in answers if isinstance(answer, Answer)]
    for wanted in (RevocationState.REVOKED, RevocationState.GOOD):
        for answer in usable:
            if answer.state is wanted:
                subject = name_of(question.certificate)
                return CertificateRevocation(subject, wanted, answer.reason, answer.source, answer.as_of)
    return _unanswered(question, [answer for answer in answers if isinstance(answer, str)])


def _unanswered(question: Question, refusals: Sequence[str]) -> CertificateRevocation:
    subject = name_of(question.certificate)
    if _needs_no_answer(question.certificate):
        reason = "its issuer never revokes such a certificate (noRevAvail)"
        return CertificateRevocation(subject, RevocationState.GOOD, reason)
    reason = refusals[0] if refusals else "there are no revocation data for it"
    published = is_published(question.certificate)
    return CertificateRevocation(subject, RevocationState.UNKNOWN, reason, is_published=published)


def _needs_no_answer(certificate: x509.Certificate) -> bool:
    """RFC 9608: the extension says so, and never stands in a CA's certificate."""
    try:
        certificate.extensions.get_extension_for_oid(_NO_REVOCATION_AVAILABLE)
    except UNREADABLE:
        return False
    return not is_authority(certificate)
