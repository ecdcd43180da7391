"""What a verification found: as a page for a person (HTML, English or German) and as JSON for machines.

The page is one sheet of A4 with the verdict, then the details; it works offline and has no script, and its
Content-Security-Policy lets it load nothing and names its one style by digest. Names in it come from an archive that
may be hostile: they are escaped, and set apart so that they cannot turn the text around them.

The words are in ``res/verification``. Findings are worded in English by the checks; the page shows them in its own
language where the translation knows the sentence, and otherwise in English and marked as such.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import jinja2
from markupsafe import Markup

from archiveworker.domain.evidence import Check, Proof, Trust, Verdict, VerificationReport
from archiveworker.reports.index import human_size
from archiveworker.runtime import resources, templates

LANGUAGES: Final = ("en", "de")
FORMAT: Final = 1

_SIGNS: Final = {"good": "✓", "bad": "✗", "unknown": "?", "none": "\u2013"}
_HIGHLIGHTS: Final = {Verdict.BAD: 3, Verdict.UNKNOWN: 2}
_DETAILS: Final = 1000
_MAX_TRANSLATED_CHARS: Final = 600
_ORDER: Final = (Verdict.BAD, Verdict.UNKNOWN, Verdict.GOOD)


@dataclass(frozen=True, slots=True)
class Occasion:
    """By what, and when, it was verified.

    Attributes:
        software: name and version.
        verified_at: time of the check.
    """

    software: str
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class _Line:
    """One finding as the page shows it; ``lang`` is empty when it is in the page's own language."""

    number: int
    verdict: str
    sign: str
    subject: str
    message: str
    lang: str


@dataclass(frozen=True, slots=True)
class _Highlight:
    """The first findings of one verdict, for the summary."""

    verdict: str
    title: str
    lines: tuple[_Line, ...]
    more: int


def json_schema() -> str:
    """Return the JSON Schema (2020-12) of what ``render_json`` gives."""
    return resources.text("verification/report.schema.json")


def render_json(report: VerificationReport, occasion: Occasion) -> str:
    """Return the report for machines; ``json_schema`` describes it."""
    document = {
        "format": FORMAT,
        "archive": report.archive,
        "verdict": report.verdict.value,
        "verified_at": f"{occasion.verified_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "software": occasion.software,
        "file_count": report.file_count,
        "content_bytes": report.content_bytes,
        "archive_sha256": report.archive_sha256.hex if report.archive_sha256 else None,
        "manifest_sha256": report.manifest_sha256.hex if report.manifest_sha256 else None,
        "timestamps": [_proof_json(proof) for proof in report.proofs],
        "steps": [
            {"number": number, "name": step, "verdict": verdict.value if verdict else None}
            for number, (step, verdict) in enumerate(((s, report.verdict_of(s)) for s in report.steps), start=1)
        ],
        "checks": [
            {
                "number": report.number_of(check),
                "name": check.name,
                "verdict": check.verdict.value,
                "subject": check.subject,
                "message": check.message,
            }
            for check in report.checks
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _proof_json(proof: Proof) -> dict[str, str]:
    stamp = proof.stamp
    return {
        "check": proof.step,
        "subject": proof.subject,
        "digest": stamp.digest.hex,
        "generated_at": f"{stamp.generated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "authority": stamp.tsa_name,
        "serial_number": str(stamp.serial_number),
        "policy": stamp.policy_oid,
        "trust": stamp.trust.value,
    }


def render_html(report: VerificationReport, occasion: Occasion, *, lang: str = "en") -> str:
    """Return the report for a person.

    Args:
        report: what was found.
        occasion: by what and when.
        lang: one of ``LANGUAGES``.
    """
    words = _words(lang)
    style = resources.text("verification/report.css")
    ordered = sorted(report.checks, key=lambda check: _ORDER.index(check.verdict))
    page = {
        "lang": lang,
        "style": Markup(style),  # noqa: S704 - a file of the package's own
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "archive": report.archive,
        "verdict": report.verdict.value,
        "sign": _SIGNS[report.verdict.value],
        "highlights": [h for v in _ORDER[:2] if (h := _highlight(v, ordered, report, lang))],
        "proofs": [_proof_view(proof, lang) for proof in report.proofs],
        "steps": [_step_view(step, report, lang) for step in report.steps],
        "facts": _facts(report, occasion, lang),
        "details": [_line(check, report, lang) for check in ordered[:_DETAILS]],
        "cut": max(0, len(ordered) - _DETAILS),
    }
    return _template().render(page=page, w=words)


@cache
def _template() -> jinja2.Template:
    return templates.environment("verification").get_template("report.html.j2")


@cache
def _words(lang: str) -> Mapping[str, Any]:
    words: dict[str, Any] = json.loads(resources.text(f"verification/{lang}.json"))
    return words


def _highlight(verdict: Verdict, checks: Iterable[Check], report: VerificationReport, lang: str) -> _Highlight | None:
    found = [check for check in checks if check.verdict is verdict]
    if not found:
        return None
    title = _words(lang)["label"]["worst" if verdict is Verdict.BAD else "open"]
    lines = tuple(_line(check, report, lang) for check in found[: _HIGHLIGHTS[verdict]])
    return _Highlight(verdict.value, title, lines, len(found) - len(lines))


def _line(check: Check, report: VerificationReport, lang: str) -> _Line:
    translated = check.message if lang == "en" else translated_message(check.message, lang)
    return _Line(
        number=report.number_of(check),
        verdict=check.verdict.value,
        sign=_SIGNS[check.verdict.value],
        subject=check.subject,
        message=translated or check.message,
        lang="" if translated else "en",
    )


def _proof_view(proof: Proof, lang: str) -> dict[str, str]:
    label = _words(lang)["label"]
    return {
        "subject": proof.subject,
        "moment": _moment(proof.stamp.generated_at, lang),
        "authority": proof.stamp.tsa_name,
        "serial_number": str(proof.stamp.serial_number),
        "policy": proof.stamp.policy_oid,
        "trust": label["trusted" if proof.stamp.trust is Trust.CONFIGURED else "embedded"],
    }


def _step_view(step: str, report: VerificationReport, lang: str) -> dict[str, str]:
    verdict = report.verdict_of(step)
    title, question = _words(lang)["steps"].get(step, (step.replace("_", " "), ""))
    value = verdict.value if verdict else "none"
    return {"title": title, "question": question, "verdict": value, "sign": _SIGNS[value]}


def _facts(report: VerificationReport, occasion: Occasion, lang: str) -> list[tuple[str, str, bool]]:
    label = _words(lang)["label"]
    archive, manifest = report.archive_sha256, report.manifest_sha256
    count, size = (_number(text, lang) for text in (f"{report.file_count:,}", human_size(report.content_bytes)))
    return [
        (label["verified"], f"{_moment(occasion.verified_at, lang)}, {occasion.software}", False),
        (label["files"], f"{count} ({size})", False),
        (label["archive_digest"], archive.hex if archive else label["no_digest"], archive is not None),
        (label["manifest_digest"], manifest.hex if manifest else label["no_manifest"], manifest is not None),
    ]


def _moment(moment: datetime, lang: str) -> str:
    form = "%d.%m.%Y, %H:%M:%S UTC" if lang == "de" else "%Y-%m-%d %H:%M:%S UTC"
    return moment.astimezone(UTC).strftime(form)


def _number(text: str, lang: str) -> str:
    return text.translate(str.maketrans(",.", ".,")) if lang == "de" else text


@cache
def _phrases(lang: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs: list[tuple[str, str]] = _words(lang)["messages"]
    return tuple(
        (re.compile("(.*)".join(re.escape(part) for part in english.split("{}")), re.S), foreign)
        for english, foreign in pairs
    )


def translated_message(message: str, lang: str) -> str | None:
    """Return a check's message in another language, None when the translation does not know the sentence.

    What stands in the sentence (a name, a number, a reason) is translated as well where it is a known sentence. Very
    long sentences are not tried: an archive's maker decides what is in them, and matching takes its time.
    """
    if len(message) > _MAX_TRANSLATED_CHARS:
        return None
    for pattern, foreign in _phrases(lang):
        if match := pattern.fullmatch(message):
            parts = [part and (translated_message(part, lang) or part) for part in match.groups()]
            return foreign.format(*parts)
    return None
