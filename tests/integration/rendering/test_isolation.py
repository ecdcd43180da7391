"""What a page may not do: go away, go out, leave something behind, send anything."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from archiveworker.domain.document import RenderOptions
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from tests.integration.rendering.conftest import (
    Canary,
    Lms,
    Render,
    page,
    running_lms,
    running_renderer,
    text_of,
)

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

# What lib/amd/src/ajax.js of Moodle does, in short: this answer without a session sends the page to the login form.
MOODLE_AJAX = """<p id=p>attempt</p><script>
  const call = (method, url, name) => fetch(url + '?sesskey=x&info=' + name, method === 'GET' ? {} :
      { method, body: JSON.stringify([{ index: 0, methodname: name, args: {} }]) })
    .then((r) => r.json()).then((answers) => {
      if (answers.error || answers[0].error) { window.location = '/login/index.php'; }
      else { document.getElementById('p').textContent += ' quiet:' + name; }
    });
  call('POST', '/lib/ajax/service.php', 'media_videojs_get_language');
  call('POST', '/lib/ajax/service-nologin.php', 'core_get_strings');
  call('GET', '/lib/ajax/service-nologin.php', 'core_output_load_template');
</script>"""


async def test_the_login_trap_of_moodles_ajax_does_not_spring(lms: Lms, render: Render) -> None:
    refused = '{"error": "x", "errorcode": "servicerequireslogin"}'
    lms.serve("/lib/ajax/service-nologin.php", refused, "application/json")
    lms.serve("/login/index.php", "<form action='/login/index.php'><input type=password></form>")
    text = await text_of((await render(MOODLE_AJAX)).pdf)
    for name in ("media_videojs_get_language", "core_get_strings", "core_output_load_template"):
        assert f"quiet:{name}" in text.replace("\n", "")
    assert [method for method, _, _ in lms.requests] == ["GET"]
    assert not any("login/" in path for path in lms.paths())


@pytest.mark.parametrize(
    "away",
    [
        "<script>location.href = '/elsewhere'</script>",
        "<script>setInterval(() => location.assign('/elsewhere'), 5)</script>",
        "<script>location.reload()</script>",
        "<script>addEventListener('load', () => { location = 'about:blank' })</script>",
        "<script>history.pushState(null, '', '/elsewhere'); history.go(0)</script>",
        "<meta http-equiv=refresh content='0;url=/elsewhere'>",
        "<form action='/elsewhere'></form><script>document.forms[0].submit()</script>",
        "<form action='/elsewhere' method=post></form><script>document.forms[0].submit()</script>",
        "<iframe srcdoc=\"<script>top.location = '/elsewhere'</script>\"></iframe>",
        "<script>const b = new Blob(['other'], {type: 'text/html'}); location = URL.createObjectURL(b)</script>",
        "<script>addEventListener('beforeunload', (e) => { e.preventDefault(); }); location = '/elsewhere'</script>",
    ],
)
async def test_the_document_stays(lms: Lms, render: Render, away: str) -> None:
    lms.serve("/elsewhere", "<p>another page</p>")
    result = await render(f"<p>the attempt itself</p>{away}", must_contain=("the attempt itself",))
    assert "another page" not in await text_of(result.pdf)
    assert "/elsewhere" not in lms.paths()


async def test_an_allowed_name_that_points_to_this_machine_is_refused(canary: Canary, render: Render) -> None:
    config = RendererConfig(
        browser_count=1, gateway=GatewayConfig(allowed_hosts=(f"localhost:{canary.port}", f"127.0.0.1:{canary.port}"))
    )
    html = f"<p>x</p><img src='http://localhost:{canary.port}/a.png'><img src='http://127.0.0.1:{canary.port}/b.png'>"
    async with running_renderer(config) as own:
        result = await render(html, by=own)
    assert canary.touched == []
    assert sum("an address that is not public" in warning for warning in result.warnings) == 2


async def test_nothing_but_plain_gets_leave_and_no_credentials(lms: Lms, render: Render) -> None:
    lms.serve("/style.css", "p { color: red }", "text/css", **{"Set-Cookie": "a=b"})
    lms.serve("/again.css", "p { color: blue }", "text/css")
    html = """<p>text</p><link rel=stylesheet href='/style.css'><script>
      document.cookie = 'secret=1';
      fetch('/lib/x.php', { method: 'POST', body: 'token=1' }); fetch('/y', { method: 'DELETE' }).catch(() => 0);
      fetch('/again.css', { headers: { Authorization: 'Bearer x', 'X-Own': '1' }, credentials: 'include' });
      navigator.sendBeacon('/beacon', 'x');
    </script>"""
    await render(html)
    assert {method for method, _, _ in lms.requests} == {"GET"}
    assert sorted(lms.paths()) == ["/again.css", "/style.css"]
    for _, _, headers in lms.requests:
        assert not {"cookie", "authorization", "referer", "origin", "x-own"} & set(headers)


async def test_two_documents_do_not_see_each_other(render: Render) -> None:
    leave = """<p id=p>first</p><script>
      localStorage.setItem('k', 'left'); sessionStorage.setItem('k', 'left'); document.cookie = 'k=left; max-age=9999';
      window.name = 'left'; caches.open('k').then((c) => c.put('/k', new Response('left')));
      indexedDB.open('left').onsuccess = () => 0; new BroadcastChannel('k').postMessage('left');
      navigator.serviceWorker?.register('/sw.js').catch(() => 0); history.pushState(null, '', '/left');
    </script>"""
    look = """<p id=p></p><script>
      M = { util: { pending_js: ['looking'] } };
      (async () => {
        const seen = [localStorage.getItem('k'), sessionStorage.getItem('k'), document.cookie, window.name,
          (await caches.keys()).length, (await indexedDB.databases()).length, location.pathname, history.length];
        document.getElementById('p').textContent = 'seen ' + JSON.stringify(seen); M.util.pending_js = [];
      })().catch((e) => { document.getElementById('p').textContent = String(e); });
    </script>"""
    await render(leave)
    text = await text_of((await render(look)).pdf)
    assert 'seen [null,null,"","",0,0,"/",' in text.replace("\n", "")


async def test_popups_downloads_and_dialogues_do_not_matter(lms: Lms, render: Render) -> None:
    lms.serve("/file.bin", b"x" * 1000, "application/octet-stream", **{"Content-Disposition": "attachment"})
    html = """<p>text</p><a id=a href='/file.bin' download>x</a><a id=b href='/popup' target=_blank>y</a><script>
      alert('a'); confirm('b'); prompt('c'); window.open('/popup'); print();
      document.getElementById('a').click(); document.getElementById('b').click();
    </script>"""
    result = await render(html, must_contain=("text",))
    assert result.page_count == 1
    assert "/popup" not in lms.paths()


async def test_websites_over_tls_are_checked_against_the_given_authority(tmp_path: Path) -> None:
    context, authority = _own_authority(tmp_path)
    async with running_lms(ssl_context=context) as lms:
        lms.serve("/style.css", "p::after { content: ' styled over tls' }", "text/css")
        html = "<link rel=stylesheet href='/style.css'><p>text</p>"
        texts = []
        for index, ca_bundle in enumerate((authority, None)):
            config = RendererConfig(browser_count=1, gateway=GatewayConfig(ca_bundle=ca_bundle))
            folder = tmp_path / str(index)
            folder.mkdir()
            async with running_renderer(config) as own:
                result = await own.render(page(html, lms.base_url), RenderOptions(), folder)
            texts.append((await text_of(result.pdf), result.warnings))
    assert "styled over tls" in texts[0][0]
    assert texts[0][1] == ()
    assert "styled over tls" not in texts[1][0]
    assert any("/style.css: no answer" in warning for warning in texts[1][1])


def _own_authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test LMS")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    public = folder / "ca.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both = folder / "server.pem"
    both.write_bytes(
        public.read_bytes()
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, public
