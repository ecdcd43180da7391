"""Judges RO-Crates with rocrate-validator, without a network; runs in the judge's own environment (crates.sh).

usage: judge_crate.py FOLDER...    prints one JSON object a folder: {"required": [...], "recommended": [...]}

The validator wants the JSON-LD context of the specification, which is on the web. The copy that the package `rocrate`
brings is put into the validator's cache, and the validator runs in its offline mode.
"""

import io
import json
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import requests
from requests.adapters import BaseAdapter
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

CONTEXT = files("rocrate.data").joinpath("ro-crate.jsonld").read_bytes()
CONTEXT_URL = json.loads(CONTEXT)["@id"]


class Answer(BaseAdapter):
    """Gives the context to whoever asks for it."""

    def send(self, request, **_options):
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response.headers["Content-Type"] = "application/ld+json"
        response.raw = HTTPResponse(io.BytesIO(CONTEXT), headers=response.headers, status=200, preload_content=False)
        return response

    def close(self):
        pass


def judge(folder: str, cache: str) -> dict[str, list[str]]:
    settings = services.ValidationSettings(
        rocrate_uri=folder,
        profile_identifier="ro-crate-1.3",
        requirement_severity=models.Severity.RECOMMENDED,
        offline=True,
        cache_path=cache,
    )
    found: dict[str, list[str]] = {"required": [], "recommended": []}
    for issue in services.validate(settings).get_issues():
        found[issue.severity.name.lower()].append(f"{issue.check.identifier}: {issue.message}")
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cache = str(Path(scratch) / "cache")
        session = CachedSession(cache_name=cache, expire_after=-1)
        session.mount("https://", Answer())
        session.get(CONTEXT_URL).raise_for_status()
        session.close()
        for folder in sys.argv[1:]:
            sys.stdout.write(json.dumps(judge(folder, cache)) + "\n")


if __name__ == "__main__":
    main()
