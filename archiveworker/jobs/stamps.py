"""How time-stamps are stored as results of steps."""

from base64 import b64decode, b64encode
from datetime import datetime

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Timestamp, Trust, VerifiedTimestamp
from archiveworker.evidence.layout import TreeStamp
from archiveworker.jobs.records import FORMAT, Json


def stamp_to_json(stamp: Timestamp) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "query": b64encode(stamp.query).decode(),
        "reply": b64encode(stamp.reply).decode(),
        "chain_pem": stamp.chain_pem.decode("ascii"),
        "tsa_url": stamp.tsa_url,
        "digest": stamp.proof.digest.hex,
        "generated_at": stamp.proof.generated_at.isoformat(),
        "serial_number": str(stamp.proof.serial_number),
        "policy_oid": stamp.proof.policy_oid,
        "tsa_name": stamp.proof.tsa_name,
        "trust": stamp.proof.trust.value,
    }


def stamp_from_json(data: Json | None) -> Timestamp | None:
    """Read the stored form."""
    if data is None:
        return None
    return Timestamp(
        query=b64decode(data["query"]),
        reply=b64decode(data["reply"]),
        chain_pem=data["chain_pem"].encode("ascii"),
        tsa_url=data["tsa_url"],
        proof=VerifiedTimestamp(
            digest=Sha256.from_hex(data["digest"]),
            generated_at=datetime.fromisoformat(data["generated_at"]),
            serial_number=int(data["serial_number"]),
            policy_oid=data["policy_oid"],
            tsa_name=data["tsa_name"],
            trust=Trust(data["trust"]),
        ),
    )


def tree_to_json(tree: TreeStamp) -> Json:
    """Return the stored form of the hash tree's time-stamp."""
    return {"format": FORMAT, "note": b64encode(tree.note).decode(), "stamp": stamp_to_json(tree.stamp)}


def tree_from_json(data: Json | None) -> TreeStamp | None:
    """Read the stored form."""
    stamp = None if data is None else stamp_from_json(data["stamp"])
    return None if data is None or stamp is None else TreeStamp(b64decode(data["note"]), stamp)
