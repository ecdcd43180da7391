"""Writes tests/data/ssrf_urls.json: addresses that want the worker to connect where it must not, each with a verdict.

Run ``python tests/tools/write_ssrf_corpus.py``; a test compares the file with what this makes. The verdicts are those
of this generator, family by family, and never asked from the code that they judge:

    no-url   no origin can be read from it: refused before anything is looked up
    special  its host is, or is answered by a name server with, an address that is never connected to
    private  the same with an address of this machine or network: the LMS's own at most

``{port}`` stands for the port of whoever listens. ``answers`` is what a name server says about the host.
"""

import json
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).resolve().parents[1] / "data" / "ssrf_urls.json"
LMS: Final = "moodle.example.org"
PRIVATE: Final = ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1")
SPECIAL: Final = ("169.254.169.254", "168.63.129.16", "100.100.100.200", "0.0.0.0")


class Entry(NamedTuple):
    """One address of the corpus."""

    family: str
    url: str
    verdict: str
    answers: tuple[str, ...] = ()


def _bytes(address: str) -> list[int]:
    return list(IPv4Address(address).packed)


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


def _circled(text: str) -> str:
    return "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(c)] if c.isdigit() else c for c in text)


# Ways of writing an IPv4 address that inet_aton or a browser reads, and an origin does not know.
DISGUISES: Final[dict[str, Callable[[str], str]]] = {
    "one decimal number": lambda a: str(int(IPv4Address(a))),
    "one hexadecimal number": lambda a: hex(int(IPv4Address(a))),
    "one octal number": lambda a: f"0{int(IPv4Address(a)):o}",
    "hexadecimal parts": lambda a: ".".join(map(hex, _bytes(a))),
    "octal parts": lambda a: ".".join(f"0{part:o}" for part in _bytes(a)),
    "parts of both kinds": lambda a: "{:#x}.{}.0{:o}.{}".format(*_bytes(a)),
    "leading zeros": lambda a: ".".join(f"{part:03}" for part in _bytes(a)),
    "two parts": lambda a: f"{_bytes(a)[0]}.{int(IPv4Address(a)) & 0xFFFFFF}",
    "three parts": lambda a: "{}.{}.{}".format(*_bytes(a)[:2], int(IPv4Address(a)) & 0xFFFF),
    "trailing dot": lambda a: a + ".",
    "two trailing dots": lambda a: a + "..",
    "too large parts": lambda a: ".".join(str(part + 256) for part in _bytes(a)),
    "percent-encoded": lambda a: "".join(f"%{ord(c):02x}" for c in a),
    "percent-encoded twice": lambda a: "".join(f"%25{ord(c):02x}" for c in a),
    "a zone": lambda a: f"[::ffff:{a}%25lo]",
    "a plain zone": lambda a: f"[::ffff:{a}%lo]",
    "a future version": lambda a: f"[v1.{a}]",
    "IPv4 in brackets": lambda a: f"[{a}]",
    "a soft hyphen": lambda a: a.replace(".", ".\u00ad", 1) + ".",
}
# Others become the plain address when names beyond ASCII are read as IDNA (UTS 46) says; then that is judged.
UNICODE: Final[dict[str, Callable[[str], str]]] = {
    "fullwidth digits": _fullwidth,
    "circled digits": _circled,
    "ideographic dots": lambda a: a.replace(".", "。"),
    "fullwidth dots": lambda a: a.replace(".", "．"),
    "halfwidth dots": lambda a: a.replace(".", "｡"),
    "mathematical digits": lambda a: "".join(chr(0x1D7D8 + int(c)) if c.isdigit() else c for c in a),
}
CARRIED: Final[dict[str, Callable[[int], int]]] = {
    "IPv4-compatible": lambda v: v,
    "NAT64": lambda v: 0x64FF9B << 96 | v,
    "local NAT64": lambda v: 0x64FF9B0001 << 80 | v,
    "6to4": lambda v: 0x2002 << 112 | v << 80,
    "Teredo server": lambda v: 0x20010000 << 96 | v << 64 | 0xFFFFFFFF,
    "Teredo client": lambda v: 0x20010000 << 96 | v ^ 0xFFFFFFFF,
    "ISATAP": lambda v: 0x26064700 << 96 | 0x5EFE << 32 | v,
    "ISATAP, global": lambda v: 0x26064700 << 96 | 0x2005EFE << 32 | v,
}
# IANA's special-purpose registries (v4, v6), multicast, and what is not handed out.
BLOCKS: Final = {
    "special": """0.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24
        203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/32 2001:2::/48 2001:10::/28
        2001:db8::/32 3fff::/20 5f00::/16 fe80::/10 fec0::/10 ff00::/8 4000::/3 8000::/1""",
    "private": "10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
}
METADATA: Final = """169.254.169.254 169.254.169.253 169.254.170.2 169.254.170.23 169.254.42.42 100.100.100.200
    168.63.129.16 192.0.0.192 [fd00:ec2::254]
    [fd00:ec2::23] [fd20:ce::254] [fd00:42::42] [fd00:c1::a9fe:a9fe] [fe80::a9fe:a9fe]"""
# What stands in place of the authority, or before it, so that two readers see two hosts.
CONFUSIONS: Final = (
    *(f"http://{LMS}@127.0.0.1:{{port}}/", f"http://{LMS}:80@127.0.0.1:{{port}}/", "http://@127.0.0.1:{port}/"),
    *(
        f"http://127.0.0.1:{{port}}@{LMS}/",
        f"http://{LMS}%40127.0.0.1:{{port}}/",
        f"http://{LMS}%2f@127.0.0.1:{{port}}/",
    ),
    *(
        f"http://{LMS}\\@127.0.0.1:{{port}}/",
        f"http://127.0.0.1:{{port}}\\@{LMS}/",
        f"http://{LMS}\\.127.0.0.1:{{port}}/",
    ),
    *("http:\\\\127.0.0.1:{port}\\", "http:/\\127.0.0.1:{port}/", "http://127.0.0.1:{port}\\/", "\\\\127.0.0.1\\share"),
    *("http:///127.0.0.1:{port}/", "http:////127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/"),
    *("127.0.0.1:{port}/", "/127.0.0.1:{port}/", "http://", "http:///", "http://:{port}/", "http://?/127.0.0.1", ""),
    *("http://127.0.0.1\t:{port}/", "ht\ntp://127.0.0.1:{port}/", "http://127.0.0.1\n.example.org:{port}/"),
    *(
        "http://127.0.0.1\x00.example.org:{port}/",
        "\x01http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/\r\nHost: x",
    ),
    *(f"http://{LMS}%0d%0aHost:127.0.0.1/", f"http://{LMS}%00.127.0.0.1/", f"http://{LMS}%23@127.0.0.1/"),
    *("http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:{port}:80/"),
    *("http://127.0.0.1:８０/", "http://127.0.0.1: 80/", "http://127.0.0.1:0x50/", "http://127.0.0.1:+80/"),
    *("http://[::1/", "http://::1/", "http://::1]:{port}/", "http://[::1]x:{port}/", "http://x[::1]:{port}/"),
    *(
        "http://[::1%25lo]:{port}/",
        "http://[::1%lo]:{port}/",
        "http://[]/",
        "http://[::g]/",
        "http://[fe80::1%25eth0]/",
    ),
    *("http://lo\u202ecalhost\u202c/", "http://local host:{port}/", "http://localhost,example.org/", "http://*/"),
    *(
        f"http://-{'a' * 70}.example.org/",
        f"http://{'a.' * 130}example.org/",
        "http://a..b/",
        "http://.127.0.0.1/",
        "http://./",
    ),
    *("http://$(id).example.org/", "http://`id`.example.org/", "http://{}.example.org/", "http://${jndi}.example.org/"),
    *(
        f"http://{LMS}\u2044@127.0.0.1/",
        f"http://{LMS}\uff0f.127.0.0.1/",
        f"http://{LMS}\uff03@127.0.0.1/",
        "http://℀.example.org/",
    ),
)
SCHEMES: Final = """file:///etc/passwd file://127.0.0.1/etc/passwd file:/etc/passwd FILE:///etc/passwd ftp://127.0.0.1:{port}/
    gopher://127.0.0.1:{port}/_x dict://127.0.0.1:{port}/info ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{port}/
    tftp://127.0.0.1:{port}/x sftp://127.0.0.1:{port}/ ssh://127.0.0.1:{port}/ telnet://127.0.0.1:{port}/ ws://127.0.0.1:{port}/
    wss://127.0.0.1:{port}/ jar:http://127.0.0.1:{port}/!/ netdoc:///etc/passwd data:text/html,x javascript:alert(1)
    blob:http://127.0.0.1/x view-source:http://127.0.0.1:{port}/ about:blank chrome://version unix:///var/run/docker.sock
    http+unix://%2fvar%2frun%2fdocker.sock/info php://filter/resource=x expect://id phar://x smb://127.0.0.1/x redis://127.0.0.1:{port}
    feed:http://127.0.0.1:{port}/ url:http://127.0.0.1:{port}/ httpx://127.0.0.1:{port}/ h2c://127.0.0.1:{port}/"""
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "localhost": ("127.0.0.1",),
    "LOCALHOST": ("::1", "127.0.0.1"),
    "localhost.": ("127.0.0.1",),
    "ip6-localhost": ("::1",),
    "localhost.localdomain": ("127.0.0.1",),
    "lms.localhost": ("127.0.0.1",),
    "127.0.0.1.nip.example": ("127.0.0.1",),
    "rebound.example.net": ("9.9.9.9", "127.0.0.1"),
    "payroll.corp.example": ("10.3.2.1",),
    "mapped.example.net": ("::ffff:127.0.0.1",),
    "kubernetes.default.svc": ("10.96.0.1",),
    "host.docker.internal": ("192.168.65.254",),
    "ⓛocalhost": ("127.0.0.1",),
    "lo\u00adcalhost": ("127.0.0.1",),
}
BAD_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "metadata.google.internal": ("169.254.169.254",),
    "metadata": ("169.254.169.254",),
    "instance-data": ("169.254.169.254",),
    "169.254.169.254.nip.example": ("169.254.169.254",),
    "both.example.net": ("127.0.0.1", "169.254.169.254"),
    "last.example.net": ("9.9.9.9", "149.112.112.112", "100.100.100.200"),
    "six.example.net": ("fd00:ec2::254",),
    "linklocal.example.net": ("fe80::1",),
    "translated.example.net": ("64:ff9b::a9fe:a9fe",),
    "any.example.net": ("0.0.0.0",),
    "anysix.example.net": ("::",),
    "everybody.example.net": ("224.0.0.1",),
}


def _of(address: str) -> str:
    return "special" if address in SPECIAL else "private"


def _written() -> Iterator[Entry]:
    """Addresses, written in many ways."""
    for address in PRIVATE + SPECIAL:
        yield Entry("plain", f"http://{address}:{{port}}/", _of(address))
        yield Entry("IPv4-mapped", f"http://[::ffff:{address}]:{{port}}/", _of(address))
        for family, write in DISGUISES.items():
            yield Entry(family, f"http://{write(address)}:{{port}}/", "no-url")
        for family, write in UNICODE.items():
            yield Entry(family, f"http://{write(address)}:{{port}}/", _of(address))
        for family, carry in CARRIED.items():
            yield Entry(family, f"http://[{IPv6Address(carry(int(IPv4Address(address))))}]:{{port}}/", "special")
    for text in ("::1", "0:0:0:0:0:0:0:1", "0000::0001", "::FFFF:7F00:1"):
        yield Entry("loopback, IPv6", f"http://[{text}]:{{port}}/", "private")
    for text in ("::", "0::0", "::0.0.0.0"):
        yield Entry("any, IPv6", f"http://[{text}]:{{port}}/", "special")


def _blocks() -> Iterator[Entry]:
    """First, last and a middle address of each block."""
    for verdict, blocks in BLOCKS.items():
        for network in map(ip_network, blocks.split()):
            for number in (0, network.num_addresses // 3, network.num_addresses - 1):
                shown = f"[{network[number]}]" if network.version == 6 else str(network[number])
                yield Entry(f"block {network}", f"https://{shown}:{{port}}/", verdict)


def corpus() -> tuple[Entry, ...]:
    """Return all addresses, each once."""
    entries = (
        *_written(),
        *_blocks(),
        *(Entry("metadata", f"http://{host}/latest/meta-data/", "special") for host in METADATA.split()),
        *(Entry("confusion", url, "no-url") for url in CONFUSIONS),
        *(Entry("scheme", url, "no-url") for url in SCHEMES.split()),
        *(Entry("name", f"http://{host}:{{port}}/", "private", answers) for host, answers in NAMES.items()),
        *(Entry("name", f"http://{host}:{{port}}/", "special", answers) for host, answers in BAD_NAMES.items()),
    )
    # The first of each: some disguises do nothing to some addresses.
    return tuple({entry.url: entry for entry in reversed(entries)}.values())[::-1]


def text() -> str:
    """Return the file."""
    rows = [json.dumps({k: v for k, v in entry._asdict().items() if v or k == "url"}) for entry in corpus()]
    return "[\n" + ",\n".join(rows) + "\n]\n"


if __name__ == "__main__":
    FILE.write_text(text())
