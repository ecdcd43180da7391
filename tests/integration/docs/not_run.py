"""Commands that cannot be run in a test, each with the reason, and what is looked at instead."""

import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from archiveworker.cli import build_parser
from tests.integration.docs.shown import ROOT


@dataclass(frozen=True, slots=True)
class NotRun:
    """Attributes:
    pattern: matches the whole command.
    reason: why.
    check: looks at what can be looked at; raises AssertionError.
    """

    pattern: str
    reason: str
    check: Callable[[str], None]


def _it_is_there(command: str) -> None:
    """The Makefile has the target, or the script exists."""
    program, what = command.split()[:2]
    if program == "make":
        assert re.search(rf"^{what}:", (ROOT / "Makefile").read_text(), re.M)
    else:
        assert (ROOT / what).is_file()


def _files_are_there(command: str) -> None:
    """Files of the project that the command names exist; scripts among them can be parsed; the service exists."""
    named = re.findall(r"(?<![\w/])(?:docker|docs|res)/[\w./-]+", command)
    for word in named:
        assert (ROOT / word).exists(), word
        if word.endswith(".sh"):
            subprocess.run(["bash", "-n", str(ROOT / word)], check=True)
    if found := re.search(r" compose .* (?:exec|--scale) (\w+)", command):
        assert re.search(rf"^  {found[1]}:", (ROOT / named[0]).read_text(), re.M), f"{named[0]} has no {found[1]}"


def _options_exist(command: str) -> None:
    """The program knows the options; it says so itself."""
    words = [word for word in shlex.split(command) if word != "sudo"]
    said = subprocess.run([words[0], "--help"], capture_output=True, text=True, check=False)
    for word in words[1:]:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}\b", said.stdout + said.stderr), f"{words[0]} has no {word}"


def _unit_is_there(command: str) -> None:
    unit = (ROOT / "docker" / "archiveworker.service").read_text()
    assert "ExecStart=/opt/archiveworker/bin/archiveworker serve\n" in unit
    assert "WantedBy=multi-user.target" in unit
    assert re.search(r" (?:archiveworker(?: -f)?|daemon-reload)$", command)


def _extra_is_there(command: str) -> None:
    if found := re.search(r"\[(\w+)\]", command):
        assert re.search(rf"^{found[1]} = \[", (ROOT / "pyproject.toml").read_text(), re.M)


def _nothing_to_check(command: str) -> None:
    """Its name is checked with the command that makes it."""


def _nothing_but_known_words(command: str) -> None:
    """The clone's folder is the one that the next command enters; Debian's packages are those that setup asks for."""
    if command.startswith("git"):
        assert command == "git clone ADDRESS archiveworker"
    else:
        assert "apt-get install --yes git make python3-venv" in command


def _can_be_parsed(command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


NOT_RUN = (
    NotRun(
        r"archiveworker submit --source \w+ --.*",
        "the same job as the page's JSON file, which is run; tests/unit/test_submit_forms.py makes it from flags",
        _can_be_parsed,
    ),
    NotRun(r"archiveworker keys (?:rotate|drop)", "want a worker's key; test_operations.py has one", _can_be_parsed),
    NotRun(r"sudo apt-get .*|git clone .*", "installs packages; fetches what is here", _nothing_but_known_words),
    NotRun(r"cd archiveworker", "the folder of the clone", _nothing_to_check),
    NotRun(r"make \w+.*|python tests/tools/.*", "sets up a machine, or runs for minutes", _it_is_there),
    NotRun(r"(?:\S+=\S*(?:\(.*\))? )?(?:docker|helm|kubectl) .*", "no container engine here", _files_are_there),
    NotRun(r"sudo bash docker/install-system\.sh", "installs packages; make test runs it", _files_are_there),
    NotRun(r"sudo (?:systemctl|journalctl) .*", "no systemd where this is built", _unit_is_there),
    NotRun(r"sudo useradd .*", "changes the machine's accounts", _options_exist),
    NotRun(r"sudo install -d .*", "the accounts that it names are the administrator's", _options_exist),
    NotRun(r"(?:sudo )?python3 -m venv /opt/archiveworker.*|(?:sudo )?(?:\S+/)?pip install .*",
           "tests/acceptance/test_packaging.py installs the wheel into an environment of its own", _extra_is_there),
)  # fmt: skip


def not_run(command: str) -> NotRun | None:
    """Return why a command is not run, or None when it is."""
    return next((one for one in NOT_RUN if re.fullmatch(one.pattern, command)), None)
