"""Proxies as processes of their own: HTTP (absolute form and CONNECT, RFC 9110) and SOCKS 5 (RFC 1928, 1929).

``python -m tests.fakes.proxy KIND PORT NAME=PORT... [--user NAME:PASSWORD]`` resolves these names alone, to loopback:
a request for one of them has passed here or nowhere. Prints ``listening``, then a line for each destination.
"""

import argparse
import asyncio
import base64
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.fakes.worker import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class RunningProxy:
    """A proxy that runs. Made by ``running_proxy``.

    Attributes:
        url: for ARCHIVEWORKER_PROXY, with credentials.
        passed: hosts and ports that were asked for through it.
    """

    url: str
    passed: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def running_proxy(kind: str, names: Mapping[str, int], user: str = "") -> AsyncIterator[RunningProxy]:
    """Start one as a process.

    Args:
        kind: ``http`` or ``socks5``.
        names: what it can resolve, and the port on loopback.
        user: ``name:password`` that it asks for; empty asks for none.
    """
    port = free_port()
    words = [f"{name}={target}" for name, target in names.items()]
    argv = [sys.executable, "-m", "tests.fakes.proxy", kind, str(port), *words, "--user", user]
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 120) == b"listening\n"
    proxy = RunningProxy(f"{kind}://{user + '@' if user else ''}127.0.0.1:{port}")
    stdout = process.stdout

    async def listen() -> None:
        async for line in stdout:
            proxy.passed.append(line.decode().strip())

    listener = asyncio.create_task(listen())
    try:
        yield proxy
    finally:
        process.terminate()
        await process.wait()
        await listener


class _Proxy:
    def __init__(self, names: Mapping[str, int], user: str) -> None:
        self._names = names
        self._user = user

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and pass on what follows it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        known = "Basic " + base64.b64encode(self._user.encode()).decode()
        if self._user and f"proxy-authorization: {known}".lower() not in head.lower():
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        there = await self._reach(url.hostname or "", url.port or 80)
        if there is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = target.split("/", 3)[3]
            kept = [line for line in head.split("\r\n")[1:-2] if not line.lower().startswith(("proxy-", "connection:"))]
            there[1].write("\r\n".join([f"{method} /{path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode())
        await _both_ways(reader, writer, *there)

    async def socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and pass on what follows it."""
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        if self._user:
            writer.write(b"\x05\x02")
            name = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = b":".join((name, password)).decode() == self._user
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        else:
            writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        # 3 is a name; addresses are none of those that are known here.
        size = (await reader.readexactly(1))[0] if kind == 3 else {1: 4, 4: 16}[kind]
        host = (await reader.readexactly(size)).decode("latin-1")
        port = int.from_bytes(await reader.readexactly(2), "big")
        there = await self._reach(host, port)
        writer.write(b"\x05" + (b"\x00" if there else b"\x04") + b"\x00\x01" + bytes(6))
        if there:
            await _both_ways(reader, writer, *there)

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        sys.stdout.write(f"{host}:{port}\n")
        sys.stdout.flush()
        if host not in self._names:
            return None
        return await asyncio.open_connection("127.0.0.1", self._names[host])


async def _both_ways(*ends: asyncio.StreamReader | asyncio.StreamWriter) -> None:
    near_in, near_out, far_in, far_out = ends

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await source.read(65536):
                sink.write(block)
                await sink.drain()
            sink.close()

    await asyncio.gather(pump(near_in, far_out), pump(far_in, near_out))  # type: ignore[arg-type]


async def _serve(kind: str, port: int, proxy: _Proxy) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await getattr(proxy, kind)(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["http", "socks5"])
    parser.add_argument("port", type=int)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--user", default="")
    given = parser.parse_args()
    table = {name: int(target) for name, _, target in (word.partition("=") for word in given.names)}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.kind, given.port, _Proxy(table, given.user)))
