"""The model as JSON, and back; ``schema`` describes it. Messages quote nothing."""

from archiveworker.domain.records import Codec

_CODEC = Codec("the format of proctoring.json")
from_plain = _CODEC.from_plain
to_plain = _CODEC.to_plain
encode = _CODEC.encode
decode = _CODEC.decode
