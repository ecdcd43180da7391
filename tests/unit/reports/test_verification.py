"""The report of a verification: the page says what is so, in two languages, and can do nothing; JSON has its form."""

import ast
import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Check, Proof, Trust, Verdict, VerificationReport, VerifiedTimestamp
from archiveworker.evidence import proof_check
from archiveworker.evidence.verify import STEPS
from archiveworker.reports.verification import (
    LANGUAGES,
    Occasion,
    json_schema,
    render_html,
    render_json,
    translated_message,
)
from archiveworker.runtime import resources

OCCASION = Occasion("archiveworker 1.2.3", datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC))
STAMP = VerifiedTimestamp(
    digest=Sha256.of(b"list"),
    generated_at=datetime(2026, 11, 21, 5, 14, 43, tzinfo=UTC),
    serial_number=2**150,
    policy_oid="1.2.3",
    tsa_name="CN=Demo <TSA>,O=Demo",
    trust=Trust.CONFIGURED,
)
EVIDENCE = Path(__file__).parents[3] / "archiveworker" / "evidence"


def made(*checks: Check, proofs: tuple[Proof, ...] = ()) -> VerificationReport:
    return VerificationReport(
        "exam.tar.gz", checks, 1234, STEPS, proofs, 5_000_000, Sha256.of(b"a"), Sha256.of(b"list")
    )


GOOD = made(
    Check("container", Verdict.GOOD, "exam.tar.gz", "read to its end, 37 files"),
    Check("manifest_timestamp", Verdict.GOOD, "manifest-sha256.txt", "stamped"),
    proofs=(Proof("manifest_timestamp", "manifest-sha256.txt", STAMP),),
)
BAD = made(
    Check("files", Verdict.BAD, "<script>alert(1)</script>.pdf", "it was changed: the manifest has another digest"),
    Check("manifest_timestamp", Verdict.UNKNOWN, "manifest-sha256.txt", "made up by nobody"),
)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("report", [GOOD, BAD, made()])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_can_do_nothing_and_loads_nothing(report: VerificationReport, lang: str) -> None:
    text = render_html(report, OCCASION, lang=lang)
    page = Page(text)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "iframe", "img", "link", "object", "embed", "form", "base", "svg", "a"}
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on") or a in ("style", "src")]
    style = re.search("<style>(.*?)</style>", text, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "http" not in style[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_can_be_read_by_everybody(lang: str) -> None:
    page = Page(render_html(BAD, OCCASION, lang=lang))
    assert page.all("html") == [{"lang": lang}]
    assert [name for name, _ in page.tags if name in ("h1", "main")] == ["main", "h1"]
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    labels = [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert len(ids) == len(set(ids))
    assert set(labels) <= set(ids)
    assert page.text.count("✗") >= 3, "a verdict is never told by colour alone"


def test_the_verdict_stands_first_in_words_and_the_time_is_told() -> None:
    english, german = (Page(render_html(GOOD, OCCASION, lang=lang)).text for lang in LANGUAGES)
    assert "GOOD" in english.split("What was checked")[0]
    assert "2026-11-21 05:14:43 UTC" in english
    assert "CN=Demo <TSA>,O=Demo" in english
    assert "1,234" in english
    assert "4.8 MiB" in english
    assert "GUT" in german.split("Was geprüft wurde")[0]
    assert "21.11.2026, 05:14:43 UTC" in german
    assert "1.234" in german
    assert "4,8 MiB" in german
    assert "bis zum Ende gelesen, 37 Dateien" in german


def test_hostile_names_are_escaped_and_set_apart() -> None:
    text = render_html(BAD, OCCASION)
    assert "<script>" not in text
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;.pdf</bdi>" in text


def test_what_is_not_translated_is_marked_as_english() -> None:
    text = render_html(BAD, OCCASION, lang="de")
    assert '<span lang="en">made up by nobody</span>' in text
    assert "sie wurde verändert: die Dateiliste nennt eine andere Prüfsumme" in text


def test_very_many_findings_are_cut_and_counted() -> None:
    report = made(*(Check("files", Verdict.BAD, f"file{n}", "it is missing") for n in range(2500)))
    text = Page(render_html(report, OCCASION)).text
    assert "and 2497 more, see the details" in text
    assert "1500 more findings are not shown here" in text
    assert len(json.loads(render_json(report, OCCASION))["checks"]) == 2500


@pytest.mark.parametrize("report", [GOOD, BAD])
def test_json_has_the_form_of_its_schema(report: VerificationReport) -> None:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(render_json(report, OCCASION))
    jsonschema.validate(document, schema)
    assert document["verdict"] == report.verdict.value
    assert document["verified_at"] == "2031-05-04T03:02:01Z"
    assert [step["name"] for step in document["steps"]] == list(STEPS)
    with pytest.raises(jsonschema.ValidationError, match="perhaps"):
        jsonschema.validate(document | {"verdict": "perhaps"}, schema)


def test_every_property_of_the_schema_is_there_and_no_other() -> None:
    schema = json.loads(json_schema())
    document = json.loads(render_json(GOOD, OCCASION))
    assert set(document) == set(schema["properties"]) == set(schema["required"])
    for part in ("timestamps", "steps", "checks"):
        assert set(document[part][0]) == set(schema["properties"][part]["items"]["properties"])


def shape(value: object) -> object:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value).__name__


def test_both_languages_have_the_same_words_and_every_step() -> None:
    english, german = (json.loads(resources.text(f"verification/{lang}.json")) for lang in LANGUAGES)
    assert shape(english) == shape(german)
    assert set(english["steps"]) == {*STEPS, *proof_check.STEPS}
    for source, target in german["messages"]:
        assert set(re.findall(r"\{(\d)\}", target)) == {str(n) for n in range(source.count("{}"))}, source


def _templates(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)]  # type: ignore[misc]
    if isinstance(node, ast.IfExp):
        return _templates(node.body) + _templates(node.orelse)
    return []


def _sentences(module: Path) -> list[str]:
    """Return every sentence that a module gives to the findings, with a 7 for what is filled in."""
    found = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) > 1:
            if node.func.attr in ("good", "bad", "unknown"):
                found += _templates(node.args[1])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UnreadableError":
            found += _templates(node.args[0])
    return [sentence for sentence in found if sentence.strip()]


@pytest.mark.parametrize(
    "module",
    [
        "verify", "verify_checks", "verify_cover", "verify_names", "verify_stamps", "verify_tables", "gzip_reader",
        "tar_reader", "zip_reader", "folder_reader", "archive_records", "proof_check",
    ],
)  # fmt: skip
def test_every_sentence_of_a_check_has_a_german_form(module: str) -> None:
    sentences = _sentences(EVIDENCE / f"{module}.py")
    assert sentences
    missing = [
        sentence for sentence in sentences if translated_message(sentence.replace("7s", "attempts"), "de") is None
    ]
    assert missing == []


def test_what_stands_in_a_sentence_is_translated_too_and_long_ones_cost_nothing() -> None:
    assert (
        translated_message("the compressed data are damaged (x); what follows could not be read", "de")
        == "die gepackten Daten sind beschädigt (x); was danach kommt, war nicht lesbar"
    )
    assert translated_message("it says {0}: {x}, the archive has {", "de") == "sie sagt {0}: {x}, das Archiv hat {"
    assert translated_message("it says " + ": , the archive has " * 1000, "de") is None
