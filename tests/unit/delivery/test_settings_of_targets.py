"""What the settings of delivery targets come to, and which mistakes are found at the start."""

import pytest

from archiveworker import composition
from archiveworker.domain.errors import SettingsError
from archiveworker.settings import Settings

KEY = "made-up-key-0123456789-made-up-key"


def built(**values: str) -> dict[str, str]:
    """Return the kind of each target by name, in order."""
    settings, _ = Settings.from_env({f"ARCHIVEWORKER_DELIVERY_{name}": value for name, value in values.items()})
    return {name: type(target).__name__ for name, target in composition.build_targets(settings).items()}


def test_there_are_none_by_default() -> None:
    assert built() == {}


def test_one_of_a_kind_needs_no_name() -> None:
    assert built(DIRS="/srv/a", WEBHOOKS="https://example.org/x?a=b", WEBHOOK_SECRETS=KEY) == {
        "directory": "DirectoryTarget",
        "webhook": "WebhookTarget",
    }


def test_several_are_named_and_one_secret_is_for_all() -> None:
    kinds = built(
        DIRS="main=/srv/a,vault=/srv/b=c",
        WEBHOOKS="one=https://example.org/1,two=http://127.0.0.1:8000/",
        WEBHOOK_SECRETS=KEY,
        ALSO_TO="vault,two",
    )
    assert list(kinds) == ["main", "vault", "one", "two"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ALSO_TO": "vault"}, "DELIVERY_ALSO_TO names 'vault'; there is no target"),
        ({"ALSO_TO": "lms", "DIRS": "/srv"}, "names 'lms'; there is directory"),
        ({"DIRS": "/srv/a,/srv/b"}, "two entries are called 'directory'; write NAME=PLACE"),
        ({"DIRS": "lms=/srv/a"}, "the name of entry 1 must be .* not 'lms'"),
        ({"DIRS": "Vault=/srv/a"}, "the name of entry 1 must be a small letter"),
        ({"DIRS": "x=/a", "WEBHOOKS": "x=http://a/", "WEBHOOK_SECRETS": KEY}, "two delivery targets have one name"),
        ({"WEBHOOKS": "https://example.org/"}, "WEBHOOK_SECRETS has 0 entries, ARCHIVEWORKER_DELIVERY_WEBHOOKS 1"),
        ({"WEBHOOK_SECRETS": KEY}, "WEBHOOK_SECRETS has 1 entries, ARCHIVEWORKER_DELIVERY_WEBHOOKS 0"),
        ({"WEBHOOKS": "https://a/", "WEBHOOK_SECRETS": "short"}, "at least 32 characters; make one with: openssl"),
        (
            {"WEBHOOKS": "ftp://hush/", "WEBHOOK_SECRETS": KEY},
            "of 'webhook' must be an http:// or https:// URL with a host",
        ),
        ({"WEBHOOKS": "https://u:hush@a/", "WEBHOOK_SECRETS": KEY}, "and without user name and password"),
        ({"WEBHOOKS": "https://a:hush/", "WEBHOOK_SECRETS": KEY}, "of 'webhook' must be an http"),
    ],
)
def test_a_mistake_is_named_and_no_secret_shown(values: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        built(**values)
    assert "hush" not in str(caught.value)
    assert KEY not in str(caught.value)
