"""The names of settings in the environment: our own, ``..._FILE``, aliases of the existing worker; misspelt ones."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.settings_aliases import ALIAS_PREFIXES, ALIASES, IGNORED

PREFIX: Final = "ARCHIVEWORKER_"
_FILE: Final = "_FILE"


def variable(field_name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field_name.upper()


def translated(env: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return our variables with aliases and ``_FILE`` forms resolved, and notes about aliases."""
    values: dict[str, str] = {}
    notes: list[str] = []
    for name, raw in sorted(env.items()):
        for prefix in ALIAS_PREFIXES:
            if name.startswith(prefix):
                target, value, note = _alias(name, name.removeprefix(prefix), raw)
                notes.append(note)
                if target:
                    values.setdefault(target, value)
    for name, raw in env.items():
        if name.startswith(PREFIX):
            values[name] = raw
    for name in [n for n in values if n.endswith(_FILE)]:
        target = name.removesuffix(_FILE)
        if target in values:
            raise SettingsError(f"{target} and {name} are both set; remove one of them")
        values[target] = _read_file(name, values.pop(name))
    return values, tuple(notes)


def _alias(name: str, bare: str, raw: str) -> tuple[str, str, str]:
    if bare in ALIASES:
        target, convert = ALIASES[bare]
        return variable(target), convert(raw), f"{name} is read as {variable(target)}; please rename it"
    if bare in IGNORED:
        return "", "", f"{name} has no effect here: {IGNORED[bare]}"
    near = difflib.get_close_matches(bare, [*ALIASES, *IGNORED], n=1)
    hint = f"; did you mean {name.removesuffix(bare)}{near[0]}?" if near else ""
    raise SettingsError(f"{name} is not a setting that is known{hint}")


def _read_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{name}: {path} cannot be read: {exc}") from exc


def unknown(name: str, known: Mapping[str, object]) -> SettingsError:
    """Return the error for a name that is not known; it names the nearest one that is."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else "; docs/reference/settings.md lists all of them"
    return SettingsError(f"{name} is not a setting that is known{hint}")
