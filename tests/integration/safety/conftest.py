"""Canaries that must stay silent, and a name server of the tests' own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Canary:
    """A port on 127.0.0.1 and ::1 that nobody may reach; remembers what came first on each connection."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(b"")
        self.heard[-1] = await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    bird = Canary()
    async with await asyncio.start_server(bird.on_connection, "127.0.0.1", 0) as server:
        bird.port = server.sockets[0].getsockname()[1]
        six = await asyncio.start_server(bird.on_connection, "::1", bird.port) if socket.has_ipv6 else server
        async with six:
            yield bird


def be_name_server(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Sequence[str]]) -> None:
    """Answer every look-up of this event loop; names that are not in ``answers`` do not exist."""

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host.lower() not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in answers[host.lower()]
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
