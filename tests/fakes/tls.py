"""Certificates of the tests' own for servers on loopback."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate that is its own authority.

    Attributes:
        pem: the certificate: what a client must believe.
        key: of it.
        context: the server's side of TLS.
    """

    pem: Path
    key: Path
    context: ssl.SSLContext


def make_certificate(folder: Path, *hosts: str) -> ServerCertificate:
    """Make one for names, or addresses written as ``IP:127.0.0.1``, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    key, pem = folder / "key.pem", folder / "cert.pem"
    names = ",".join(host if host.startswith("IP:") else f"DNS:{host}" for host in hosts)
    # Different names: OpenSSL looks authorities up by theirs.
    subject = ["-subj", f"/CN={folder.name} of {hosts[0]}", "-addext", f"subjectAltName={names}", "-days", "2"]
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *subject]
    subprocess.run([*make, "-keyout", str(key), "-out", str(pem)], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return ServerCertificate(pem, key, context)
