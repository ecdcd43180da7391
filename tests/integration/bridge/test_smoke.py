from datetime import timedelta
import aiohttp, sqlalchemy as sa
from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import Tokens
from archiveworker.domain.secret import Secret
from archiveworker.domain.peer_review.checks.table import check_all, findings_of
from archiveworker.runtime.clock import SystemClock
from archiveworker.demo import legacy_workup, legacy_workup_faults, legacy_crowdsessment
from tests.fakes.exchange_client import ExchangeClient
KEY = Secret("k" * 40)
async def go(tmp_path, system, fill):
    url = f"sqlite:///{tmp_path/'a.db'}"
    engine = sa.create_engine(url)
    expected = fill(engine)
    engine.dispose()
    up = tmp_path / "up"
    config = BridgeConfig(Secret(url), system, up if system == "workup" else None, KEY, port=0)
    token = Tokens(KEY, system, SystemClock()).make("*", timedelta(hours=1)).reveal()
    got = set()
    async with running_bridge(config) as origin, aiohttp.ClientSession() as s:
        c = ExchangeClient(s, origin, token)
        for a in await c.pages("/activities", "activities"):
            pr = await c.read(a.id)
            for f in findings_of(check_all(pr)):
                got.add((a.id, f.code, frozenset(f"{x.kind.value}:{x.id}" for x in f.subjects), f.sentence))
    want = {(e.activity_id, e.code, e.subjects) for e in expected} if expected and not isinstance(expected[0], str) else set()
    extra = [g for g in got if g[:3] not in want]
    missing = want - {g[:3] for g in got}
    assert not extra and not missing, f"EXTRA {extra}\nMISSING {missing}"
async def test_w_clean(tmp_path): await go(tmp_path, "workup", lambda e: legacy_workup.fill_clean(e, tmp_path / "up"))
async def test_w(tmp_path): await go(tmp_path, "workup", lambda e: legacy_workup_faults.fill_irregular(e, tmp_path / "up"))
async def test_c_clean(tmp_path): await go(tmp_path, "crowdsessment", lambda e: legacy_crowdsessment.fill_clean(e))
async def test_c(tmp_path): await go(tmp_path, "crowdsessment", lambda e: legacy_crowdsessment.fill_irregular(e))
