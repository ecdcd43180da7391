"""A real server that speaks S3 (moto's), as a process of the tests' own: buckets, multipart uploads, object lock.

Keeps everything in memory and takes any key.
"""

import contextlib
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from botocore.session import Session

from archiveworker.domain.secret import Secret
from tests.fakes.tls import ServerCertificate
from tests.fakes.worker import START_S, free_port

KEY_ID, SECRET_KEY = "made-up-key-id", "made-up-secret-key"
KEY = Secret(f"{KEY_ID}:{SECRET_KEY}")


class S3Server:
    """One server; the port stays the same over restarts, the objects do not.

    Args:
        certificate: for 127.0.0.1; None speaks plain HTTP.
    """

    def __init__(self, certificate: ServerCertificate | None = None) -> None:
        self.port = free_port()
        self.endpoint = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self.port}"
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self.client: Any = Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET_KEY,
            verify=None if certificate is None else str(certificate.pem),
            config=Config(s3={"addressing_style": "path"}),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        # Else it takes the first part of any name but its own for a bucket.
        env = {**os.environ, "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
        trusting = None
        if self._certificate is not None:
            command += ["-c", str(self._certificate.pem), "-k", str(self._certificate.key)]
            trusting = ssl.create_default_context(cafile=self._certificate.pem)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        until_s = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=5, context=trusting):
                    return
            except urllib.error.HTTPError:
                return
            except OSError as exc:
                if time.monotonic() > until_s or self._process.poll() is not None:
                    raise AssertionError("moto's server did not start; pip install 'archiveworker[test]'") from exc
                time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def make_bucket(self, *, lock: bool = False) -> str:
        """Make an empty bucket and return its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        return name

    def url(self, bucket: str, prefix: str = "exams") -> str:
        """Return the line that a setting would hold."""
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}"

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return every object by its key."""
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.keys(bucket)}

    def keys(self, bucket: str) -> list[str]:
        """Return the key of every object."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


@contextlib.contextmanager
def running_s3(certificate: ServerCertificate | None = None) -> Iterator[S3Server]:
    """Run a server."""
    server = S3Server(certificate)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.client.close()
