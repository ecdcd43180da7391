"""The request for a workshop as JSON Schema; ``inbound`` reads it."""

from archiveworker.domain.json_schema import Schema, closed, opened
from archiveworker.sources import schema
from archiveworker.sources.moodle import schema as moodle
from archiveworker.sources.reviewed import schema as reviewed
from archiveworker.sources.reviewed.request import LMS_KEY, TOKEN


def request_schema() -> Schema:
    """Return the schema of a request."""
    numbers = {
        "cmid": schema.integer("Number in the workshop's address."),
        "workshopid": schema.integer("Of the instance, in place of `cmid`."),
        "courseid": schema.integer("Of the course, beside `workshopid`."),
    }
    by_module = {"required": ["cmid"], "properties": {"cmid": numbers["cmid"]}}
    by_instance = {
        "required": ["workshopid", "courseid"],
        "properties": {key: numbers[key] for key in ("workshopid", "courseid")},
    }
    known = {
        "api_version": schema.version(1),
        LMS_KEY: opened({"base_url": moodle.BASE_URL, TOKEN: moodle.TOKEN}, ("base_url", TOKEN), "The Moodle."),
        "workshop": {**opened(numbers, about="Which workshop."), "anyOf": [by_module, by_instance]},
        "options": reviewed.options({**reviewed.ARCHIVE_OPTIONS, **reviewed.REVIEW_OPTIONS}),
        "delivery": reviewed.delivery("to `lms`, the private files of the token's account"),
    }
    request = closed(known, ("api_version", LMS_KEY, "workshop"), "Request for a Moodle workshop.")
    example = {
        "api_version": 1,
        LMS_KEY: {"base_url": "https://moodle.example.org", TOKEN: "0123456789abcdef0123456789abcdef"},
        "workshop": {"cmid": 3},
        "options": {"allow_open": False},
        "delivery": {"to": ["lms"]},
    }
    return {**request, "examples": [example]}
