"""The model as JSON, and back. Strict: a wrong type, an unknown word of a closed list or an impossible time is refused.

Messages name the place and the type, not the text that stood there.
"""

from archiveworker.domain.peer_review.base import FormHash, digest_text
from archiveworker.domain.peer_review.form import Criterion
from archiveworker.domain.peer_review.kinds import Strategy
from archiveworker.domain.records import Codec

_CODEC = Codec("the peer-review exchange format")
to_plain = _CODEC.to_plain
from_plain = _CODEC.from_plain
encode = _CODEC.encode
decode = _CODEC.decode


def hash_form(strategy: Strategy, criteria: tuple[Criterion, ...]) -> FormHash:
    """Return the digest that tells two versions of a form apart: strategy and criteria, without times and titles."""
    return FormHash(digest_text(strategy.value, encode(criteria).decode("utf-8")))
