"""What the doctor says of places for archives."""

from pathlib import Path

from archiveworker.cli.doctor import Line, _deliveries
from archiveworker.settings import Settings
from tests.fakes.receiver import PATH, SECRET, receiving


async def found(**values: str) -> list[Line]:
    settings, _ = Settings.from_env({f"ARCHIVEWORKER_DELIVERY_{name}": value for name, value in values.items()})
    return [finding async for finding in _deliveries(settings)]


async def test_there_is_nothing_to_say_without_places() -> None:
    assert await found() == []


async def test_each_place_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    async with receiving() as receiver:
        dirs, hooks = f"good={tmp_path}/there,gone={tmp_path}/away", f"hook={receiver.url},dead=http://127.0.0.1:9/"
        good, gone, hook, dead = await found(DIRS=dirs, WEBHOOKS=hooks, WEBHOOK_SECRETS=SECRET)
    assert (good.ok, good.about) == (True, "delivery to good")
    assert f"{tmp_path}/there can be written, " in good.message
    assert list((tmp_path / "there").iterdir()) == []
    assert (gone.ok, gone.about) == (False, "delivery to gone")
    assert "look whether that is mounted" in gone.message
    assert (hook.ok, hook.message) == (True, f"{receiver.url.removesuffix(PATH)} answers")
    assert (dead.ok, "no connection could be made" in dead.message) == (False, True)


async def test_clear_text_is_a_warning() -> None:
    """By another address of this machine, which does not say that it is this machine."""
    async with receiving("127.0.0.2") as receiver:
        (finding,) = await found(WEBHOOKS=receiver.url, WEBHOOK_SECRETS=SECRET)
    assert finding.ok is None
    assert finding.message == f"{receiver.url.removesuffix(PATH)} answers; archives go there in clear text: use https"


async def test_a_wrong_setting_is_told() -> None:
    (finding,) = await found(WEBHOOKS="https://example.org/")
    assert (finding.ok, finding.about) == (False, "delivery")
    assert "WEBHOOK_SECRETS has 0 entries" in finding.message
