"""Pictures of first pages: what they show, what is refused, and what the process that draws them may still do."""

import asyncio
import io
import json
import os
import socket
import sys
import zlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from archiveworker.domain.errors import ToolError
from archiveworker.runtime import child, thumbnail

CHILD = Path(thumbnail.__file__).with_name("thumbnail_child.py")
RED, BLUE = "1 0 0 rg", "0 0 1 rg"


def a_pdf(content: bytes, width: float = 595, height: float = 842, **stream: object) -> bytes:
    """Return a PDF with one page, and a second one that nobody shall see."""
    with pikepdf.new() as pdf:
        for index in range(2):
            page = pdf.add_blank_page(page_size=(width, height))
            page.Contents = pdf.make_stream(content if index == 0 else b"0 g 0 0 9999 9999 re f")
        for name, value in stream.items():
            pdf.pages[0].Contents[f"/{name}"] = value
        target = io.BytesIO()
        pdf.save(target)
        return target.getvalue()


async def drawn(pdf: bytes) -> Image.Image:
    return Image.open(io.BytesIO(await thumbnail.draw(pdf))).convert("RGB")


def is_near(colour: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - other) < 40 for one, other in zip(colour, wanted, strict=True))


async def test_a_page_is_drawn_small_and_as_it_is() -> None:
    picture = await drawn(a_pdf(f"{RED} 0 421 595 421 re f {BLUE} 0 0 595 421 re f".encode()))
    assert picture.size == (256, 362)
    assert is_near(picture.getpixel((128, 20)), (255, 0, 0))
    assert is_near(picture.getpixel((128, 340)), (0, 0, 255))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((842, 595), (256, 181)), ((200, 14_400), (256, 362)), ((14_400, 14_400), (256, 256)), ((3, 3), (256, 256))],
)
async def test_pages_of_any_size_fit(size: tuple[float, float], shown: tuple[int, int]) -> None:
    picture = await drawn(a_pdf(f"{RED} 0 0 9999 {size[1] - size[0] / 2} re f".encode(), *size))
    assert picture.size == shown
    assert is_near(picture.getpixel((128, 10)), (255, 255, 255)), "the upper part is what is shown"


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n", b"\0" * 5000, a_pdf(b"")[:300]], ids=["", "head", "zeros", "cut"])
async def test_what_is_no_pdf_is_not_drawn(pdf: bytes) -> None:
    with pytest.raises(ToolError, match="could not be drawn"):
        await thumbnail.draw(pdf)


async def test_a_pdf_that_unpacks_to_more_than_the_memory_there_is_ends_the_process_alone() -> None:
    packer = zlib.compressobj(9)
    content = b"".join(packer.compress(b"q Q " * 256 * 1024) for _ in range(1024)) + packer.flush()
    bomb = a_pdf(content, Filter=pikepdf.Name.FlateDecode)
    assert len(bomb) < 8 * 1024**2
    with pytest.raises(ToolError, match="could not be drawn"):
        await thumbnail.draw(bomb)


async def test_a_pdf_that_is_too_large_is_not_even_tried() -> None:
    with pytest.raises(ToolError, match="at most 33554432"):
        await thumbnail.draw(b"%PDF" + b"\0" * thumbnail.PDF_MAX_BYTES)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("while True: connection.sendall(bytes(65536))", "damaged"),
        ("connection.sendall(bytes([1, 0, 1, 106]) + bytes(100))", "damaged"),
        ("connection.sendall(bytes([255, 255, 255, 255]) + bytes(100))", "damaged"),
        ("connection.sendall(bytes(4))", "damaged"),
        ("import time; time.sleep(600)", "gave up"),
    ],
    ids=["endless", "short", "huge", "nothing", "silent"],
)
async def test_whatever_a_process_that_was_taken_over_answers_is_no_picture(
    answer: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "taken_over.py"
    mark = tmp_path / "pid"
    program.write_text(
        f"import os, socket\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        f"connection = socket.socket(fileno=3)\nwhile connection.recv(65536): pass\n{answer}\n"
    )
    monkeypatch.setattr(thumbnail, "_PROGRAM", program)
    monkeypatch.setattr(thumbnail, "_LIMIT_S", 4.0)
    with pytest.raises(ToolError, match=reason):
        await thumbnail.draw(b"%PDF")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


TRIES = """
import importlib.util, json, os, resource, socket
spec = importlib.util.spec_from_file_location("thumbnail_child", {child!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
connection = socket.socket(fileno=3)
tries = {{
    "read": lambda: open("/etc/passwd"),
    "write": lambda: open({folder!r} + "/written", "w"),
    "list": lambda: os.listdir("/"),
    "connect": lambda: socket.create_connection(("127.0.0.1", {port})),
    "fork": lambda: os._exit(0) if os.fork() == 0 else None,
    "exec": lambda: os.posix_spawn("/bin/true", ["/bin/true"], {{}}),
    "set a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)),
    "become root again": lambda: os.setuid(0) if {was_root} else 1 / 0,
    "memory": lambda: bytearray(1024**3),
}}
for _ in range(2):
    done = []
    for name, one in tries.items():
        try:
            kept = one()
            done.append(name)
        except (OSError, ValueError, ZeroDivisionError, MemoryError, RuntimeError):
            pass
        kept = None
    connection.sendall(json.dumps(done).encode() + b"\\n")
    if len(done) > 4:
        module._give_up_rights()
"""


async def test_nothing_is_left_to_the_process_that_parses_foreign_bytes(tmp_path: Path) -> None:
    """The same things are tried before and after it gives up its rights: before, they can be done."""
    was_root = os.geteuid() == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = TRIES.format(child=str(CHILD), folder=str(tmp_path), port=server.getsockname()[1], was_root=was_root)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            argv = [sys.executable, "-c", script]
            process = child.start(argv, files={3: theirs.fileno()}, stderr=tmp_path / "complaints", env={})
            theirs.close()
            try:
                said = await asyncio.to_thread(_all, ours)
            finally:
                await process.kill()
    assert said.count("\n") == 2, (tmp_path / "complaints").read_text()
    before, after = (set(json.loads(line)) for line in said.splitlines())
    possible = {"read", "write", "list", "connect", "fork", "exec", "set a limit", "memory"}
    assert before == possible | ({"become root again"} if was_root else set())
    assert after == set()


def _all(connection: socket.socket) -> str:
    connection.settimeout(200)
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data.decode()
