"""Any LMS that serves the peer-review exchange API (docs/reference/peer-review-exchange.md)."""

from archiveworker.sources.peer_review_exchange.source import PeerReviewExchangeSource

__all__ = ["PeerReviewExchangeSource"]
