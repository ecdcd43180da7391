"""A USTAR archive in a gzip stream, written in one pass and always the same for the same input."""

from collections.abc import Iterable

from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import ustar
from archiveworker.evidence.gzip_writer import SealedGzipWriter
from archiveworker.runtime.digests import HashingWriter


class TarGzWriter:
    """Writes files one after the other; ``close`` makes the archive complete.

    Args:
        target: takes the archive's bytes.
        level: of compression, 0 (fast) to 3 (small).
    """

    def __init__(self, target: HashingWriter, *, level: int) -> None:
        self._gzip = SealedGzipWriter(target, level=level)

    def add(self, path: ArchivePath, size_bytes: int, modified_s: int, chunks: Iterable[bytes]) -> None:
        """Write one file.

        Args:
            path: its name.
            size_bytes: sum of the chunks' sizes; the caller makes sure of it.
            modified_s: seconds since 1970; brought into USTAR's range.
            chunks: its bytes.

        Raises:
            LimitExceededError: name or size do not fit into USTAR.
        """
        self._gzip.write(ustar.header(path, size_bytes, min(max(modified_s, 0), ustar.MAX_TIME_S)))
        for chunk in chunks:
            self._gzip.write(chunk)
        self._gzip.write(ustar.padding(size_bytes))

    def close(self) -> None:
        """Write the trailer and close the stream."""
        self._gzip.write(ustar.trailer(self._gzip.size_bytes))
        self._gzip.close()
