"""What every answer that says no must look like, and how to make requests that deserve one."""

import copy
from collections.abc import Mapping
from typing import Any

from tests.fakes.worker import WorkerProcess

Body = dict[str, Any]
NOBODY = "00000000-0000-0000-0000-000000000000"


def changed(body: Mapping[str, Any], path: str, *value: Any) -> Body:
    """Return a copy of ``body`` with another value at ``path`` (dots between keys), or without it."""
    changed = copy.deepcopy(dict(body))
    *folders, last = path.split(".")
    node: Any = changed
    for key in folders:
        node = node[int(key)] if isinstance(node, list) else node[key]
    if value:
        node[last] = value[0]
    else:
        del node[last]
    return changed


async def refused(worker: WorkerProcess, body: Any, *words: str, path: str = "/archive", status: int = 400) -> str:
    """Post ``body``, hold the answer to the rules for errors, and return the sentence."""
    got, answer, headers = await worker.request("POST", path, json=body)
    assert got == status, answer
    is_one_sentence(answer, headers)
    for word in words:
        assert word in answer["error"], answer
    return str(answer["error"])


def is_one_sentence(answer: Any, headers: Mapping[str, str]) -> None:
    """Hold an error's answer to the rules: JSON with one sentence and no traces of how it came about."""
    assert headers["Content-Type"].startswith("application/json")
    assert list(answer) == ["error"]
    assert 10 < len(answer["error"]) < 600
    for trace in ("\n", "Traceback", 'File "', "Error("):
        assert trace not in answer["error"]
