"""What an auditor would do with an archive of ``archiveworker demo``: unpack it, ask ``sha256sum`` and ``openssl``."""

import os
import shlex
import sys
import tarfile
import zipfile
from pathlib import Path

from archiveworker.domain.errors import ToolError
from archiveworker.runtime import process

_TOOL_TIMEOUT_S = 60.0


def unpack(archive: Path, tree: Path) -> None:
    """Unpack an archive that was made just now."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as container:
            container.extractall(tree)  # noqa: S202 - made by us just now
    else:
        with tarfile.open(archive) as container:
            container.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python has none yet
            container.extractall(tree)  # noqa: S202 - made by us just now


async def check(archive: Path, tree: Path, authority: Path) -> None:
    """Run what an auditor would run, on the archive and on its manifest, and show what it said.

    Args:
        archive: its ``.sha256``, ``.tsq`` and ``.tsr`` are beside it.
        tree: the unpacked archive.
        authority: folder with ``root.pem`` and ``tsa.pem``, the certificates of the time-stamp authority.

    Raises:
        ToolError: a check does not hold.
    """
    name, output = archive.name, archive.parent
    await _tool(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], tree, "every file is as listed")
    await _tool(["sha256sum", "-c", f"{name}.sha256"], output)
    for folder, stem, data in (
        (output, name, name),
        (tree / "evidence", "manifest-sha256.txt", "../manifest-sha256.txt"),
    ):
        reply = ["-in", f"{stem}.tsr", *_trust(authority, folder)]
        await _tool(["openssl", "ts", "-verify", "-data", data, *reply], folder)
        await _tool(["openssl", "ts", "-verify", "-queryfile", f"{stem}.tsq", *reply], folder)


def _trust(authority: Path, folder: Path) -> list[str]:
    # Relative, because openssl takes a space after -untrusted for the end of a file name.
    near = os.path.relpath(authority, folder)
    return ["-CAfile", f"{near}/root.pem", "-untrusted", f"{near}/tsa.pem"]


async def _tool(argv: list[str], folder: Path, silent_means: str = "") -> None:
    completed = await process.run(argv, timeout_s=_TOOL_TIMEOUT_S, cwd=folder)
    good = completed.returncode == 0
    # openssl also tells on stderr which configuration it reads: noise, as long as all is well.
    said = (completed.stdout if good else completed.stdout + completed.stderr).decode(errors="replace").strip()
    say(f"$ {shlex.join(argv)}\n  {said or silent_means}")
    if not good:
        raise ToolError(f"{argv[0]} ended with {completed.returncode}; the demo's archive does not hold")


def say(text: str) -> None:
    """Tell the user something."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
