"""Puts an archive's time-stamps together to a ``History``, from its evidence and from the renewals beside it.

Whatever is read here is taken as it is: whether the records that come of it hold is ``record_check``'s business.
"""

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence import leaves, renewals
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.history import History, Stamped
from archiveworker.evidence.leaves import TreeNote
from archiveworker.evidence.record import token_of
from archiveworker.evidence.renewals import Renewal

_CRLS = "crl/"
# Some authorities' lists have megabytes, and a token is part of every file's record: those stay beside the records.
_MAX_EMBEDDED_BYTES = 64 * 1024


def has_tree(kept: Mapping[str, bytes]) -> bool:
    """Tell whether an archive bears a time-stamp over its hash tree."""
    return leaves.NOTE_NAME.value in kept and leaves.REPLY_NAME.value in kept


def tables_of(kept: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the tables whose rows are leaves.

    Raises:
        VerificationError: the note on the tree is damaged, or a table is missing.
    """
    note = TreeNote.parse(kept.get(leaves.NOTE_NAME.value, b""))
    missing = [name for name in note.tables if name not in kept]
    if missing:
        raise VerificationError(f"{missing[0]!r} is missing: its rows are part of the hash tree")
    return {name: kept[name] for name in note.tables}


def history_of(kept: Mapping[str, bytes], renewed: Sequence[Renewal]) -> History:
    """Return all time-stamps of an archive.

    Args:
        kept: contents of manifest, evidence and tables, by name.
        renewed: what lies beside the archive, oldest first.

    Raises:
        VerificationError: the archive has no time-stamp over its hash tree, or something is damaged or of another
            archive.
    """
    if not has_tree(kept):
        raise VerificationError(
            "the archive has no time-stamp over its hash tree (evidence/hash-tree.tsr): it was made without a "
            "time-stamp authority, or by an older worker"
        )
    tables = tables_of(kept)
    manifest = kept.get(lists.MANIFEST_NAME.value, b"")
    evidence = {name.removeprefix("evidence/"): data for name, data in kept.items() if name.startswith("evidence/")}
    token = _token(kept[leaves.REPLY_NAME.value], kept.get(leaves.CHAIN_NAME.value, b""), evidence)
    history = History(TreeNote.parse(kept[leaves.NOTE_NAME.value]).seed)
    history.begin(leaves.first_leaves(manifest, tables), Stamped(token))
    for number, renewal in enumerate(renewed, start=1):
        if renewal.manifest != Sha256.of(manifest):
            raise VerificationError(f"renewal {number} is of another archive")
        token = _token(renewal.reply, renewal.files.get(renewals.CHAIN_NAME, b""), renewal.files)
        stamp = Stamped(token, renewal.above)
        if renewal.is_hash_tree:
            history.begin(history.joined(leaves.later_leaves(renewal.algorithm, renewal.digests, tables)), stamp)
        elif renewal.algorithm is not history.algorithm:
            raise VerificationError(f"renewal {number} has another digest algorithm than the time-stamp that it renews")
        else:
            history.renew(stamp)
    return history


def _token(reply: bytes, chain_pem: bytes, files: Mapping[str, bytes]) -> bytes:
    try:
        chain = [c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(chain_pem)] if chain_pem else []
    except ValueError as exc:
        raise VerificationError(f"the certificates of a time-stamp cannot be read: {exc}") from exc
    return token_of(reply, chain, _crls_in(files))


def _crls_in(files: Mapping[str, bytes]) -> list[bytes]:
    return [data for name, data in files.items() if name.startswith(_CRLS) and len(data) <= _MAX_EMBEDDED_BYTES]
