"""What report pages load: styles, scripts, icons, a font, MathJax, and the login page.

MathJax 2.7 comes from Debian's ``libjs-mathjax``, the font is whatever sans-serif font is installed; ``warnings`` says
what is missing.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from archiveworker.demo import ballast
from archiveworker.demo.report import REV, login_page
from archiveworker.demo.state import STATE
from archiveworker.runtime import resources

MATHJAX_DIR: Final = Path("/usr/share/javascript/mathjax")
_FONT_DIR: Final = Path("/usr/share/fonts/truetype")
_FONTS: Final = (
    ("noto/NotoSans-Regular.ttf", "noto/NotoSans-Bold.ttf"),
    ("dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf"),
    ("liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf"),
)
"""Regular and bold, best first."""
_LONG: Final = "public, max-age=5184000, no-transform, immutable"
_ICONS: Final = frozenset({"grade_correct", "grade_incorrect", "unflagged", "file", "favicon"})
_SCRIPTS: Final = {
    "lib/javascript-static.js": "demo/script/javascript-static.js",
    "lib/requirejs/require.min.js": "demo/script/require.js",
}
_MODULE: Final = re.compile(r"^//@ (\S+)\n(.*?)(?=^//@ |\Z)", re.MULTILINE | re.DOTALL)


def warnings() -> list[str]:
    """Return what is missing on this machine, as sentences that say what to install."""
    out = []
    if not (MATHJAX_DIR / "MathJax.js").is_file():
        out.append(f"{MATHJAX_DIR}/MathJax.js is not there: formulas stay TeX; apt-get install libjs-mathjax")
    if not _fonts():
        out.append("no sans-serif font found: pages use the browser's default; apt-get install fonts-noto-core")
    return out


def add_routes(app: web.Application) -> None:
    """Serve everything that pages ask for."""
    app.router.add_get("/theme/styles.php/boost/{rev}/all", _styles)
    app.router.add_get("/theme/styles.php/boost/{rev}/ballast", _ballast_styles)
    app.router.add_get("/theme/image.php/boost/{component}/{rev}/{name:.+}", _icon)
    app.router.add_get("/theme/font.php/boost/core/{rev}/{name}", _font_file)
    app.router.add_get("/lib/javascript.php/{rev}/{name:.+}", _script)
    app.router.add_get("/lib/requirejs.php/{rev}/{name:.+}.js", _module)
    app.router.add_route("*", "/login/index.php", _login)
    app.router.add_get("/", _home)
    if MATHJAX_DIR.is_dir():
        app.router.add_static("/mathjax/", MATHJAX_DIR, follow_symlinks=True)


def _cached(body: bytes, content_type: str) -> web.Response:
    etag = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    headers = {"Cache-Control": _LONG, "Etag": f'"{etag}"', "Content-Type": content_type, "Accept-Ranges": "none"}
    return web.Response(body=body, headers=headers)


async def _styles(request: web.Request) -> web.Response:
    css = resources.text("demo/theme/all.css").replace("@BASE@", request.app[STATE].base_url).replace("@REV@", REV)
    return _cached(css.encode(), "text/css; charset=utf-8")


async def _ballast_styles(_request: web.Request) -> web.Response:
    return _cached(ballast.styles(), "text/css; charset=utf-8")


async def _icon(request: web.Request) -> web.Response:
    name = request.match_info["name"].rsplit("/", 1)[-1]
    if name not in _ICONS:
        raise web.HTTPNotFound(text="Image was not found, sorry.")
    return _cached(resources.data(f"demo/icons/{name}.svg"), "image/svg+xml")


async def _script(request: web.Request) -> web.Response:
    if request.match_info["name"] == "ballast.js":
        return _cached(ballast.script(), "application/javascript; charset=utf-8")
    name = _SCRIPTS.get(request.match_info["name"])
    if name is None:
        raise web.HTTPNotFound(text="File was not found, sorry.")
    return _cached(resources.data(name), "application/javascript; charset=utf-8")


async def _module(request: web.Request) -> web.Response:
    code = _modules().get(request.match_info["name"])
    if code is None:
        raise web.HTTPNotFound(text="No define call")
    return _cached(code.encode(), "application/javascript; charset=utf-8")


@cache
def _modules() -> dict[str, str]:
    return dict(_MODULE.findall(resources.text("demo/script/modules.js")))


async def _font_file(request: web.Request) -> web.Response:
    path = _fonts().get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound(text="Font was not found, sorry.")
    return _cached(_bytes(path), "font/ttf")


@cache
def _fonts() -> dict[str, Path]:
    for pair in _FONTS:
        regular, bold = (_FONT_DIR / name for name in pair)
        if regular.is_file() and bold.is_file():
            return {"demo-sans.ttf": regular, "demo-sans-bold.ttf": bold}
    return {}


@cache
def _bytes(path: Path) -> bytes:
    return path.read_bytes()


async def _login(request: web.Request) -> web.Response:
    html = login_page(request.app[STATE].base_url)
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store, no-cache"})


async def _home(request: web.Request) -> web.Response:
    course = request.app[STATE].course
    text = f"Demo LMS: course {course.shortname}, {len(course.attempts)} attempts. See /demo/jobs and /demo/journal.\n"
    return web.Response(text=text, headers={"Cache-Control": "no-store, no-cache"})
