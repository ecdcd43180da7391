"""A parcel, and a webhook that gives up soon."""

from pathlib import Path

import pytest

from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.secret import Secret
from tests.contract.delivery.conftest import make_parcel
from tests.fakes.receiver import SECRET, Receiver


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return make_parcel(tmp_path / "spool")


def webhook(receiver: Receiver, *, stall_limit_s: float = 20, ca_bundle: Path | None = None) -> WebhookTarget:
    """Return a target for a receiver."""
    return WebhookTarget("records", WebhookOptions(Secret(receiver.url), Secret(SECRET), ca_bundle, stall_limit_s))
