"""Writes docs/reference/openapi.json from the routes that a worker serves; a test compares them.

usage: python tests/tools/write_openapi.py
"""

import json
from pathlib import Path
from typing import Any

from aiohttp import web

from archiveworker import composition, connectors
from archiveworker.settings import Settings
from archiveworker.web.app import create_app
from archiveworker.web.openapi import DOCUMENT

TARGET = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


def application() -> web.Application:
    """Return the application of a worker with the settings that it has by itself; it has no engine."""
    settings = Settings()
    routes = connectors.routes_of(connectors.build_sources(settings))
    return create_app(None, routes, composition.build_web_config(settings))  # type: ignore[arg-type]


def document() -> dict[str, Any]:
    """Return the document of that application."""
    return application()[DOCUMENT]


def text() -> str:
    """Return the file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
