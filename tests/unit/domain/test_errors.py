"""Every error class knows its consequence."""

import inspect

import pytest

from archiveworker.client import errors as of_the_client
from archiveworker.domain import errors
from archiveworker.domain.errors import ArchiveWorkerError, Retry


def _tree(root: type[ArchiveWorkerError]) -> list[type[ArchiveWorkerError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


@pytest.mark.parametrize("kind", _tree(ArchiveWorkerError), ids=lambda kind: kind.__name__)
def test_a_class_has_a_sentence_and_a_verdict(kind: type[ArchiveWorkerError]) -> None:
    assert inspect.getdoc(kind)
    assert kind.__doc__ is not None, "an inherited sentence says nothing"
    assert isinstance(kind.retry, Retry)
    assert 400 <= kind.http_status <= 599
    assert 1 <= kind.exit_code <= 127


def test_codes_are_unique() -> None:
    codes = [kind.__dict__["code"] for kind in _tree(ArchiveWorkerError)]
    assert len(codes) == len(set(codes))


def test_the_tree_is_the_whole_module_and_the_branch_of_the_client() -> None:
    modules = (errors, of_the_client)
    defined = {c for m in modules for _, c in inspect.getmembers(m, inspect.isclass) if issubclass(c, Exception)}
    assert defined == set(_tree(ArchiveWorkerError))
