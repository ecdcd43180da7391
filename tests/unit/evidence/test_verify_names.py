"""Names that play tricks, and names that are made to cost time and memory."""

import time

import pytest

from archiveworker.domain.evidence import Verdict
from archiveworker.evidence.reading import Findings, Limits, printable
from archiveworker.evidence.verify_names import check_names


def faults(*names: str) -> dict[str, str]:
    findings = Findings("exam")
    check_names(names, Limits(), findings)
    return {check.subject: check.message for check in findings.checks if check.verdict is Verdict.BAD}


def test_good_names_are_good() -> None:
    assert faults("a", "b/c", "b/d", "Übung 1.pdf", "字/🎓.txt", "b.txt", "b/c.txt") == {}


@pytest.mark.parametrize(
    "char",
    [
        "\u202e",
        "\u200b",
        "\u200d",
        "\u2066",
        "\ufeff",
        "\u00ad",
        "\u061c",
        "\u2028",
        "\x7f",
        "\x9b",
        "\U000e0041",
        "\n",
    ],
)
def test_characters_that_are_not_seen_are_named_and_shown(char: str) -> None:
    ((subject, message),) = faults(f"exam{char}fdp.exe").items()
    assert char not in subject
    assert subject.isprintable()
    assert "not seen" in message
    assert printable(char).startswith("\\")


def test_a_file_that_is_a_folder_is_named_whatever_stands_between() -> None:
    assert set(faults("a", "a-b", "a/b", "a.txt", "A b/c", "ab/c")) == {"a/b"}
    assert set(faults("x/Y", "X/y/z", "x/y/z/w")) == {"X/y/z", "x/y/z/w"}


def test_case_and_folding_do_not_hide_a_twin() -> None:
    assert set(faults("straße.txt", "STRASSE.TXT")) == {"STRASSE.TXT"}


def test_long_names_cost_little() -> None:
    began = time.process_time()
    names = [("a/" * 500) + str(number) for number in range(2000)]
    assert len(faults(*names, "b/" * 40_000 + "c")) == 1
    assert time.process_time() - began < 2
