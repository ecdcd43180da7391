"""A memory cache of responses with a bound in bytes; the one used longest ago goes first."""

from collections import OrderedDict

from archiveworker.rendering.wire import Response

_OVERHEAD_BYTES = 1_024


class ResponseCache:
    """Responses by URL.

    Args:
        limit_bytes: of all bodies together, with a little for each entry.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._entries: OrderedDict[str, Response] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """What the entries take now."""
        return self._size_bytes

    def get(self, url: str) -> Response | None:
        """Return the response and remember that it was used."""
        if (response := self._entries.get(url)) is not None:
            self._entries.move_to_end(url)
        return response

    def put(self, url: str, response: Response) -> None:
        """Keep the response, at the cost of the oldest ones; one that is larger than the limit is not kept."""
        cost = len(response.body) + _OVERHEAD_BYTES
        if cost > self._limit_bytes:
            return
        self._drop(url)
        self._entries[url] = response
        self._size_bytes += cost
        while self._size_bytes > self._limit_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, url: str) -> None:
        if (old := self._entries.pop(url, None)) is not None:
            self._size_bytes -= len(old.body) + _OVERHEAD_BYTES
