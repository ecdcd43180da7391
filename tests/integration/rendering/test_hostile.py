"""Attempts that want to harm the next one: leave something for its page, change what it loads, or take its time.

Whatever the arrangement of browsers, contexts and caches is, this is what it has to pass: a page that looks everywhere
finds nothing, shared files are what the LMS has, and a page that does not end costs its own time limit.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from archiveworker.domain.document import RenderOptions
from archiveworker.domain.errors import LimitExceededError, RenderError
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, Render, page, running_renderer, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

SHARED_WORKER = "let kept = []; onconnect = (e) => { const p = e.ports[0]; p.onmessage = (m) => {"
SHARED_WORKER += " p.postMessage(kept.join()); kept.push(m.data); }; p.start(); };"

# Every attempt stands alone: where one is not possible in this browser, the others still run.
LEAVE = {
    "localStorage": "localStorage.setItem('k', 'left')",
    "sessionStorage": "sessionStorage.setItem('k', 'left')",
    "cookie": "document.cookie = 'k=left; max-age=99999; path=/'",
    "cookieStore": "await cookieStore.set('k2', 'left')",
    "windowName": "window.name = 'left'",
    "caches": "await (await caches.open('left')).put('/lib.js', new Response('seen.lib = \"left\"'))",
    "indexedDB": "await new Promise((y) => { indexedDB.open('left').onsuccess = y })",
    "webSql": "openDatabase('left', '1', 'left', 9999)",
    "privateFiles": "await (await navigator.storage.getDirectory()).getFileHandle('left', { create: true })",
    "oldFiles": "await new Promise((y, n) => webkitRequestFileSystem(1, 9, (f) => "
    "f.root.getFile('left', { create: true }, y, n), n))",
    "serviceWorker": "await navigator.serviceWorker.register('/worker.js', { scope: '/' })",
    "sharedWorker": "new SharedWorker('/shared.js', 'k').port.postMessage('left')",
    "channel": "const c = new BroadcastChannel('k'); setInterval(() => c.postMessage('left'), 10)",
    "lock": "navigator.locks.request('left', () => new Promise(() => 0))",
    "history": "for (let i = 0; i < 20; i++) { history.pushState('left', '', '/left' + i) }",
    "opener": "document.querySelector('iframe').contentWindow.open('/popup', 'left')",
    "popup": "document.querySelector('#popup').click()",
    "download": "document.querySelector('#download').click()",
    "permissions": "Notification.requestPermission(); navigator.geolocation.getCurrentPosition(() => 0);"
    " navigator.storage.persist()",
    "notification": "new Notification('left')",
    "clipboard": "document.execCommand('copy'); await navigator.clipboard.writeText('left')",
    "font": "await document.fonts.add(new FontFace('left', 'url(/font.woff)')).load()",
    "highlight": "CSS.highlights.set('left', new Highlight()); CSS.registerProperty({ name: '--left', inherits: true,"
    " syntax: '<color>', initialValue: 'red' })",
    "element": "customElements.define('x-left', class extends HTMLElement {})",
    "prototypes": "Array.prototype.left = 1; Math.random = () => 0.5; JSON.stringify = () => 'left'",
    "unload": "addEventListener('beforeunload', (e) => { e.preventDefault(); localStorage.setItem('u', 'left') });"
    " addEventListener('pagehide', () => { localStorage.setItem('v', 'left'); navigator.sendBeacon('/beacon') })",
    "wall": "document.documentElement.requestFullscreen(); document.documentElement.requestPointerLock()",
}

LEAVING = f"""<p>leaving</p><iframe srcdoc=x></iframe><a id=popup href='/popup' target=left>a</a>
<a id=download href='/file.bin' download>b</a><script>
  const WRAP = 'white-space: pre-wrap; overflow-wrap: anywhere';
  window.M = {{ util: {{ pending_js: ['leaving'] }} }};
  const attempts = {{ {", ".join(f"{name}: async () => {{ {code} }}" for name, code in LEAVE.items())} }};
  const within = (p) => Promise.race([p, new Promise((_, n) => setTimeout(() => n('no answer'), 400))]);
  (async () => {{
    const done = {{}};
    const stringify = JSON.stringify;
    await Promise.all(Object.entries(attempts).map(async ([name, attempt]) => {{
      try {{ await within(attempt()); done[name] = 'left'; }} catch (e) {{ done[name] = String(e).slice(0, 60); }}
    }}));
    const out = document.createElement('pre'); out.id = 'seen'; out.style = WRAP; out.textContent = stringify(done);
    document.body.append(out); M.util.pending_js = [HOLD].filter(Boolean);
  }})();
</script>"""

LOOKING = """<p>the next attempt</p><script src='/lib.js'></script><x-left></x-left><script>
  const WRAP = 'white-space: pre-wrap; overflow-wrap: anywhere';
  window.M = { util: { pending_js: ['looking'] } };
  (async () => {
    const seen = {};
    const within = (p) => Promise.race([p, new Promise((y) => setTimeout(() => y('no answer'), 400))]);
    const look = async (name, get) => {
      try { seen[name] = await within(get()); } catch (e) { seen[name] = e.name; }
    };
    const heard = [];
    new BroadcastChannel('k').onmessage = (m) => heard.push(m.data);
    await Promise.all([
      look('localStorage', async () => Object.keys(localStorage)),
      look('sessionStorage', async () => Object.keys(sessionStorage)),
      look('cookie', async () => document.cookie),
      look('cookieStore', async () => (await cookieStore.getAll()).length),
      look('windowName', async () => window.name),
      look('caches', async () => await caches.keys()),
      look('indexedDB', async () => await indexedDB.databases()),
      look('privateFiles', async () => (await Array.fromAsync((await navigator.storage.getDirectory()).keys()))),
      look('usage', async () => (await navigator.storage.estimate()).usage),
      look('persisted', async () => await navigator.storage.persisted()),
      look('serviceWorkers', async () => (await navigator.serviceWorker.getRegistrations()).length),
      look('controller', async () => navigator.serviceWorker.controller),
      look('sharedWorker', () => new Promise((y) => {
        const port = new SharedWorker('/shared.js', 'k').port;
        port.onmessage = (m) => y(m.data); port.start(); port.postMessage('looked'); })),
      look('locks', async () => (await navigator.locks.query()).held.length),
      look('history', async () => [history.length, history.state, location.pathname]),
      look('opener', async () => [window.opener, document.referrer, window.length]),
      look('permissions', async () => (await Promise.all(['notifications', 'geolocation', 'persistent-storage']
        .map((name) => navigator.permissions.query({ name })))).map((p) => p.state === 'granted')),
      look('clipboard', async () => (await navigator.clipboard.readText()).includes('left')),
      look('fonts', async () => [...document.fonts].length),
      look('highlights', async () => CSS.highlights.size),
      look('property', async () => getComputedStyle(document.body).getPropertyValue('--left')),
      look('element', async () => Boolean(customElements.get('x-left'))),
      look('prototypes', async () => [[].left ?? null, Math.random() === 0.5]),
      look('lib', async () => seen.lib),
      look('fetched', async () => await (await fetch('/lib.js')).text()),
      look('fullscreen', async () => Boolean(document.fullscreenElement || document.pointerLockElement)),
      look('channel', () => new Promise((y) => setTimeout(() => y(heard), 300))),
    ]);
    const out = document.createElement('pre'); out.id = 'seen'; out.style = WRAP;
    out.textContent = JSON.stringify(seen);
    document.body.append(out); M.util.pending_js = [];
  })();
</script>""".replace("<script src='/lib.js'>", "<script>var seen = {};</script><script src='/lib.js'>").replace(
    "const seen = {};\n", "const seen = window.seen;\n"
)

NOTHING = {
    "localStorage": [],
    "sessionStorage": [],
    "cookie": "",
    "cookieStore": 0,
    "windowName": "",
    "caches": [],
    "indexedDB": [],
    "privateFiles": [],
    "usage": 0,
    "persisted": False,
    "serviceWorkers": 0,
    "controller": None,
    "sharedWorker": "",
    "locks": 0,
    "history": [2, None, "/"],
    "opener": [None, "", 0],
    "permissions": [False, False, False],
    "clipboard": "NotAllowedError",
    "fonts": 0,
    "highlights": 0,
    "property": "",
    "element": False,
    "prototypes": [None, False],
    "lib": "original",
    "fetched": 'seen.lib = "original"',
    "fullscreen": False,
    "channel": [],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[ChromiumRenderer]:
    """One browser for all of this: what one test's page leaves, the next one's would find."""
    gateway = GatewayConfig(max_request_count=300, request_limit_s=2)
    config = RendererConfig(browser_count=1, ready_limit_s=2, stuck_s=0.7, render_limit_s=6, gateway=gateway)
    async with running_renderer(config) as made:
        yield made


@pytest.fixture
def prepared(lms: Lms) -> Lms:
    lms.serve("/lib.js", 'seen.lib = "original"', "text/javascript")
    lms.serve("/shared.js", SHARED_WORKER, "text/javascript")
    answer = "addEventListener('fetch', (e) => e.respondWith(new Response('left')))"
    lms.serve("/worker.js", answer, "text/javascript", **{"Service-Worker-Allowed": "/"})
    lms.serve("/file.bin", b"x" * 1000, "application/octet-stream", **{"Content-Disposition": "attachment"})
    lms.serve("/popup", "<script>setInterval(() => localStorage.setItem('p', 'left'), 5)</script>")
    return lms


KEEP = RenderOptions(keep_html=True)


def seen(frozen_html: Path | None) -> dict[str, object]:
    assert frozen_html is not None
    found = re.search(r'<pre id="seen"[^>]*>(.*?)</pre>', frozen_html.read_text())
    assert found is not None, frozen_html.read_text()
    return dict(json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


async def test_nothing_is_left_for_the_next_attempt(prepared: Lms, render: Render) -> None:
    for _ in range(2):
        left = seen((await render(LEAVING.replace("HOLD", "0"), KEEP)).frozen_html)
        # The attempts are real: this is what works within one page.
        for name in (
            "localStorage",
            "cookie",
            "caches",
            "indexedDB",
            "privateFiles",
            "sharedWorker",
            "channel",
            "history",
        ):
            assert left[name] == "left", f"{name}: {left[name]}"
        result = await render(LOOKING, KEEP)
        assert seen(result.frozen_html) == NOTHING
        assert "the next attempt" in await text_of(result.pdf)
    assert "/popup" not in prepared.paths()
    assert not {"/beacon"} & set(prepared.paths())


@pytest.mark.parametrize("name", LEAVE)
async def test_no_single_attempt_leaves_anything(prepared: Lms, render: Render, name: str) -> None:
    # Alone, because an arrangement may treat a page that did something else differently.
    others = "".join(f" delete attempts.{other};" for other in LEAVE if other != name)
    await render(LEAVING.replace("HOLD", "0").replace("const within", f"{others} const within"), KEEP)
    assert seen((await render(LOOKING, KEEP)).frozen_html) == NOTHING


async def test_two_attempts_at_the_same_time_do_not_meet(prepared: Lms, tmp_path: Path) -> None:
    config = RendererConfig(browser_count=1, pages_per_browser_count=2, ready_limit_s=4, stuck_s=2)
    async with running_renderer(config) as own:

        async def one(name: str, html: str) -> Path | None:
            folder = tmp_path / name
            folder.mkdir()
            return (await own.render(page(html, prepared.base_url), KEEP, folder)).frozen_html

        # The first one holds on until it is stopped, its channel, worker and lock with it.
        holding = asyncio.create_task(one("holding", LEAVING.replace("HOLD", "'hold'")))
        async with asyncio.timeout(10):
            while "/shared.js" not in prepared.paths():
                await asyncio.sleep(0.01)
        looked = await one("looking", LOOKING)
        assert not holding.done()
        assert seen(looked) == NOTHING
        assert seen(await holding)["channel"] == "left"


POISON = """<p>poison</p><script>
  window.M = { util: { pending_js: ['poisoning'] } };
  const evil = { 'Accept': 'text/evil', 'Accept-Language': 'x-evil', 'Range': 'bytes=0-3', 'If-None-Match': '"evil"',
    'User-Agent': 'evil', 'X-Forwarded-Host': 'evil.example', 'X-Original-URL': '/evil', 'Cookie': 'evil=1',
    'Cache-Control': 'max-age=0', 'X-HTTP-Method-Override': 'DELETE', 'Origin': 'http://evil.example' };
  const asks = ['/lib.js', '/late.css', '/moved.css', '/lib.js?v=1'].flatMap((url) => [
    ...Object.entries(evil).flatMap(([name, value]) =>
      [url, url + '?' + name].map((one) => [one, { headers: { [name]: value } }])),
    [url, { method: 'POST', body: 'evil' }], [url, { method: 'PUT', body: 'evil' }], [url, { method: 'HEAD' }],
    [url, { cache: 'reload', headers: evil }], [url + '#evil', {}],
    [url, { referrer: '/evil', credentials: 'include' }],
  ]);
  Promise.allSettled(asks.map(([url, how]) => fetch(url, how))).then(() => { M.util.pending_js = []; });
</script>"""


async def test_shared_files_are_what_the_lms_has(lms: Lms, render: Render) -> None:
    async def lib(request: web.Request) -> web.Response:
        body = "seen.lib = " + json.dumps(dict(request.headers))
        return web.Response(text=body, content_type="text/javascript")

    asked_count = {"/late.css": 0, "/moved.css": 0}

    async def first_not(request: web.Request) -> web.Response:
        asked_count[request.path] += 1
        if asked_count[request.path] == 1:
            return web.Response(status=404 if "late" in request.path else 302, headers={"Location": "/evil.css"})
        return web.Response(text=f"p::after {{ content: ' {request.path[1:-4]} is there' }}", content_type="text/css")

    lms.routes.update({"/lib.js": lib, "/late.css": first_not, "/moved.css": first_not})
    lms.serve("/evil.css", "p::after { content: ' evil' }", "text/css")
    await render(POISON)
    html = """<p>one</p><link rel=stylesheet href=/late.css><script>var seen = {}</script><script src=/lib.js></script>
      <script>document.write('<pre style="white-space: pre-wrap">' + JSON.stringify(seen.lib) + '</pre>')</script>"""
    assert len({path for path in lms.paths() if path.startswith("/lib.js?")}) >= 10
    text = await text_of((await render(html)).pdf)
    assert "late is there" in text
    assert "evil" not in text
    assert '"User-Agent":"Mozilla' in text.replace("\n", "").replace(" ", "")
    assert "moved is there" in await text_of((await render("<p>two</p><link rel=stylesheet href=/moved.css>")).pdf)
    for method, _, headers in lms.requests:
        assert method == "GET"
        assert not [value for value in headers.values() if "evil" in value]


async def test_a_file_loaded_without_permission_can_still_be_loaded_with_it(
    lms: Lms, render: Render, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "lib.js").write_text("document.body.append(' ran')")
    url = "https://libraries.example/lib.js"
    config = RendererConfig(browser_count=1, gateway=GatewayConfig(mirrors=((url.removesuffix("lib.js"), library),)))
    async with running_renderer(config) as own:
        first = await render(f"<p>x</p><script src='{url}'></script><script crossorigin src='{url}'></script>", by=own)
        second = await render(f"<p>x</p><script crossorigin src='{url}'></script>", by=own)
        third = await render(f"<p>x</p><script crossorigin=use-credentials src='{url}'></script>", by=own)
    assert (await text_of(first.pdf)).split() == ["x", "ran", "ran"]
    assert (await text_of(second.pdf)).split() == ["x", "ran"]
    assert (await text_of(third.pdf)).split() == ["x", "ran"]


def frame(html: str, rights: str = "allow-scripts") -> str:
    return f"<p>x</p><iframe sandbox='{rights}' srcdoc=\"<script>{html}</script>\"></iframe>"


TIME = {
    "a loop": "<script>for (;;);</script>",
    "a loop later": "<p>x</p><script>setTimeout(() => { for (;;); }, 50)</script>",
    "a loop of promises": "<p>x</p><script>const go = () => Promise.resolve().then(go); go();</script>",
    "a loop when it is printed": "<p>x</p><script>addEventListener('beforeprint', () => { for (;;); })</script>",
    "a loop when it ends": "<p>x</p><script>for (const e of ['pagehide', 'unload', 'beforeunload', 'visibilitychange'])"
    "{ addEventListener(e, () => { for (;;); }) }</script>",
    "a loop in a frame": frame("for (;;);"),
    "a loop in a frame of our origin": frame("for (;;);", "allow-scripts allow-same-origin"),
    "a loop when a frame ends whose first document was touched": "<p>x</p><script>"
    "const e = document.createElement('iframe'); e.srcdoc = `<script>for (const e of ['pagehide', 'unload',"
    "'beforeunload', 'visibilitychange']) { addEventListener(e, () => { for (;;); }) }</` + `script>`;"
    "document.body.append(e); e.contentDocument.body.append('y')</script>",
    "loops in workers": "<p>x</p><script>for (let i = 0; i < 20; i++) {"
    "new Worker(URL.createObjectURL(new Blob(['for (;;);']))) }</script>",
    "a bomb of workers": "<p>x</p><script>const u = URL.createObjectURL(new Blob(["
    "'const go = () => { for (let i = 0; i < 4; i++) { new Worker(location.href) } }; go()']));"
    "new Worker(u)</script>",
    "a bomb of frames": "<p>x</p><script>const f = () => { for (let i = 0; i < 9; i++) {"
    "const e = document.createElement('iframe'); e.srcdoc = '<p>y'; document.body.append(e) } setTimeout(f, 1) }; f()"
    "</script>",
    "a nest of frames": "<p>x</p><script>const f = (d) => { const e = d.createElement('iframe'); d.body.append(e);"
    "setTimeout(() => f(e.contentDocument), 1) }; f(document)</script>",
    "alerts": "<p>x</p><script>for (;;) { alert('x') }</script>",
    "questions": "<p>x</p><script>setInterval(() => { confirm('x'); prompt('y') }, 1)</script>",
    "printing": "<p>x</p><iframe srcdoc=y></iframe><script>setInterval(() => { print();"
    "document.querySelector('iframe').contentWindow.print() }, 1)</script>",
    "pop-ups": "<p>x</p><iframe srcdoc=y></iframe><a href='/popup' target=_blank>z</a><script>setInterval(() => {"
    "document.querySelector('iframe').contentWindow.open('/popup'); document.querySelector('a').click() }, 1)</script>",
    "downloads": "<p>x</p><a href='/file.bin' download>z</a><script>setInterval(() => {"
    "document.querySelector('a').click() }, 1)</script>",
    "requests": "<p>x</p><script>let n = 0; const go = () => fetch('/n' + n++).then(go, go);"
    "for (let i = 0; i < 50; i++) { go() }</script>",
    "requests that hang": "<p>x</p><script>for (let i = 0; i < 50; i++) { fetch('/hang' + i % 9) }</script>",
    "web sockets": "<p>x</p><script>setInterval(() => { new WebSocket('ws://' + location.host + '/s') }, 1)</script>",
    "addresses": "<p>x</p><script>setInterval(() => { history.pushState(0, '', '/' + Math.random());"
    "location.hash = Math.random(); location.reload(); location = '/other' }, 1)</script>",
    "memory": "<p>x</p><script>const a = []; for (;;) { a.push(new Array(1e6).fill({}).map(() => ({}))) }</script>",
    "a growing page": "<p>x</p><script>setInterval(() => { for (let i = 0; i < 2000; i++) {"
    "document.body.append(document.createElement('p'), 'y') } }, 1)</script>",
    "a page of many metres": "<p>x</p><div style='height: 30000000px'>y</div>",
    "a deep page": "<p>x</p><script>let d = document.body; for (let i = 0; i < 50000; i++) {"
    "d = d.appendChild(document.createElement('div')) }</script>",
    "a huge canvas": "<p>x</p><script>for (let i = 0; i < 30; i++) { const c = document.createElement('canvas');"
    "c.width = c.height = 8000; document.body.append(c); c.getContext('2d').fillRect(0, 0, 9, 9) }</script>",
    "other promises": "<p>x</p><script>window.Promise = class { constructor() { return 5 } }</script>",
    "other clocks": "<p>x</p><script>window.setTimeout = () => 0; performance.now = () => 0</script>",
    "other objects": "<p>x</p><script>Object.entries = () => { throw 1 }; WeakMap.prototype.get = () => 1;"
    "window.MutationObserver = class {}; Array.prototype.toJSON = () => 7; document.fonts.__proto__ = null</script>",
}


@pytest.mark.parametrize("name", TIME)
async def test_it_costs_its_own_time_at_most(lms: Lms, renderer: ChromiumRenderer, render: Render, name: str) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    lms.routes.update({f"/hang{index}": hang for index in range(9)})
    begun_s = time.monotonic()
    try:
        async with asyncio.timeout(30):
            await render(TIME[name])
    except (RenderError, LimitExceededError):
        pass
    took_s = time.monotonic() - begun_s
    lms.serve("/style.css", "p::after { content: ' and styled' }", "text/css")
    result = await render("<link rel=stylesheet href=/style.css><p>the next</p>", must_contain=("the next and styled",))
    next_s = time.monotonic() - begun_s - took_s
    assert result.page_count == 1
    assert took_s < 6 + 5.5  # its limit, and that of closing the page
    assert next_s < 4
