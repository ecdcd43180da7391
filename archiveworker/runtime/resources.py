"""Files that ship with the package: templates, scripts for pages, the ICC profile.

In a wheel they are in ``archiveworker/_res``, in a checkout in ``res/`` beside the package.
"""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def root() -> Path:
    """Return the folder that holds the resources.

    Raises:
        FileNotFoundError: the installation is damaged.
    """
    for candidate in (_PACKAGE / "_res", _PACKAGE.parent / "res"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError("the package's resource folder is missing; install archiveworker again")


@cache
def text(name: str) -> str:
    """Return the UTF-8 text of the resource ``name``, e.g. ``page/ready.js``."""
    return (root() / name).read_text(encoding="utf-8")


@cache
def data(name: str) -> bytes:
    """Return the bytes of the resource ``name``, e.g. ``icc/srgb.icc``."""
    return (root() / name).read_bytes()
