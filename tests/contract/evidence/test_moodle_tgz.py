"""A tar.gz as Moodle's own reader takes it (lib/filestorage/tgz_extractor.php), which the plugin's GDPR export uses.

What it does is written anew here from its description: zlib's ``gzread`` in pieces of 64 KiB, blocks of 512 bytes,
plain USTAR headers, no extensions of any kind.
"""

import ctypes
import ctypes.util
from pathlib import Path

import pytest

from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence.container import pack
from archiveworker.evidence.entries import InlineFile
from tests.unit.evidence import golden


def gzread_all(path: Path) -> bytes:
    """Unpack with the C library that PHP uses."""
    name = ctypes.util.find_library("z")
    if name is None:
        pytest.skip("the zlib library is not installed as a shared library")
    zlib = ctypes.CDLL(name)
    zlib.gzopen.restype = ctypes.c_void_p
    zlib.gzread.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
    zlib.gzclose.argtypes = [ctypes.c_void_p]
    stream = zlib.gzopen(str(path).encode(), b"rb")
    buffer, data = ctypes.create_string_buffer(65536), bytearray()
    while (count := zlib.gzread(stream, buffer, len(buffer))) > 0:
        assert count % 512 == 0, "a short read in the middle of a block would make Moodle lose its place"
        data += buffer.raw[:count]
    assert count == 0
    assert zlib.gzclose(stream) == 0
    return bytes(data)


def read_as_moodle(tar: bytes) -> dict[str, bytes]:
    """Read regular files from plain USTAR headers; anything else is an error here."""
    files: dict[str, bytes] = {}
    at = 0
    while at < len(tar):
        block = tar[at : at + 512]
        at += 512
        if not any(block):
            continue
        assert block[257:263] == b"ustar\0"
        assert block[156:157] == b"0"
        name, prefix = block[:100].rstrip(b"\0"), block[345:500].rstrip(b"\0")
        size = int(block[124:135], 8)
        files[(prefix + b"/" + name).lstrip(b"/").decode()] = tar[at : at + size]
        at += size + -size % 512
    return files


def test_moodle_reads_every_file(tmp_path: Path) -> None:
    contents = dict(golden.CONTENTS) | {
        f"attempts/{'f' * 90}/{'n' * 80}.pdf": b"a long name",
        "attempts/zoe/33/big.bin": bytes(range(256)) * 3000,
        "attempts/zoe/33/block.bin": bytes(512),
    }
    entries = golden.all_entries(contents=contents)
    path = golden.make(tmp_path, entries).path
    assert read_as_moodle(gzread_all(path)) == {e.path.value: e.data for e in entries if isinstance(e, InlineFile)}


@pytest.mark.parametrize("size_bytes", [0, 1, 511, 512, 513, 65536 - 1536, 65536, 262144, 262145])
def test_sizes_around_the_readers_buffers(tmp_path: Path, size_bytes: int) -> None:
    entry = InlineFile(ArchivePath("a.bin"), b"\xa5" * size_bytes, golden.MOMENT)
    packed = pack([entry], spool=tmp_path, target=tmp_path / "a.tar.gz")
    assert read_as_moodle(gzread_all(packed.path)) == {"a.bin": entry.data}
