"""The words of the pages: both languages have them all, and no template asks for one that is not there."""

import json
import re
from typing import Any

import pytest

from archiveworker.domain.delivery import DeliveryState
from archiveworker.domain.job import JobState
from archiveworker.runtime import resources
from archiveworker.web.pages import LANGUAGES, words

TEMPLATES = sorted((resources.root() / "web").glob("*.html.j2"))


def _shape(value: Any) -> Any:
    """Return the keys, and the places for values, of a table of words."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return sorted(re.findall(r"\{\w+\}", value))


def test_all_languages_have_the_same_words() -> None:
    shapes = [_shape(words(lang)) for lang in LANGUAGES]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_templates_ask_for_words_that_are_there(template: Any) -> None:
    asked = set(re.findall(r"\bw\.(\w+)", template.read_text(encoding="utf-8")))
    assert asked <= set(words("en"))
    # Jinja would find the method of the table before the word.
    assert not asked & set(dir(dict))


def test_every_state_of_a_job_has_a_word() -> None:
    for lang in LANGUAGES:
        assert set(words(lang)["states"]) == set(JobState)


def test_every_state_of_a_delivery_has_a_word() -> None:
    for lang in LANGUAGES:
        assert set(words(lang)["delivery_states"]) == set(DeliveryState)


def test_the_word_files_are_json_without_double_keys() -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    for lang in LANGUAGES:
        json.loads(resources.text(f"web/{lang}.json"), object_pairs_hook=unique)


def _texts(value: Any, path: str = "") -> dict[str, str]:
    """Return every text of a table of words, by its place."""
    if isinstance(value, dict):
        return {place: text for key, inner in value.items() for place, text in _texts(inner, f"{path}.{key}").items()}
    return {path: value}


SAME_IN_BOTH = {"Job", "LMS", "Name", "HTTP API"}
"""Words that a German page has too; a further one is either untranslated or belongs here."""


def test_every_text_is_translated() -> None:
    english, german = _texts(words("en")), _texts(words("de"))
    assert {text for place, text in english.items() if german[place] == text} <= SAME_IN_BOTH


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_no_template_has_text_of_its_own(template: Any) -> None:
    source = template.read_text(encoding="utf-8")
    shown = re.sub(r"<[^>]*>", " ", re.sub(r"\{[{%].*?[%}]\}", " ", source, flags=re.S))
    shown = shown.replace("data-live", "")
    assert set(re.findall(r"[^\W\d_]{2,}", shown)) <= {"archiveworker", "SHA", "openapi", "json", "DOCTYPE"}
    labels = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', source)
    assert all(re.sub(r"\{\{.*?\}\}", "", label).strip() == "" for label in labels), labels
