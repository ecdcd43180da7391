"""Pages as a quiz has them: what students paste, write and draw, in many scripts, and what JavaScript libraries draw.

All texts are made up; longer ones are in ``fragments``. The libraries are the real ones, from npm: see
``tests/integration/rendering/libraries.py``.
"""

import json
from collections.abc import Callable
from pathlib import Path

from tests.integration.pdfa.pages import TorturePage, photo, picture
from tests.integration.rendering.libraries import CDN, LIBRARIES

CONTENT = "https://content.example"
"""Where H5P's content is; ``write_content`` makes the folder that answers."""
_FRAGMENTS = Path(__file__).with_name("fragments")
_TEX = (
    "\\(e^{i\\pi}+1=0\\) $$\\int_0^1 \\frac{x^2}{\\sqrt{1+x}}\\,dx \\quad \\begin{pmatrix}a&b\\\\c&d\\end{pmatrix}$$ "
    "\\(\\mathbb R \\mathcal L \\mathfrak g \\hat x \\vec v \\text{Größe 中}\\) \\(\\underbrace{a+b}_{\\text{sum}}\\) "
    "$$\\sum_{n=0}^\\infty a_n \\xrightarrow{n\\to\\infty} \\overline{AB}$$"
)
_QUESTION = """<div class="que essay graded" id="q@number@"><div class=info><h3 class=no>Question
<span class=qno>@number@</span></h3><div class=state>Complete</div><div class=grade>Mark 1.00 out of
2.00</div></div><div class=content>
<div class=formulation><h4 class=sr-only>Question text</h4><div class=qtext>@text@</div><div class=ablock>
<div class=answer>@answer@</div></div></div><div class=outcome><h4>Feedback</h4><p>✔ partly</p></div><div class=history>
<h4>Response history</h4><table class=generaltable><thead><tr><th>Step<th>Time<th>Action<th>State<th>Marks</thead>
<tbody><tr><td>1<td>1/1/26, 10:00<td>Started<td>Not yet answered<td><tr><td>2<td>1/1/26, 10:09<td>Saved<td>Answer
saved<td></tbody></table></div></div></div>"""


def _filled(template: str, /, **values: object) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template


def _fragment(name: str, /, **values: object) -> str:
    return _filled((_FRAGMENTS / f"{name}.html").read_text(encoding="utf-8"), **values)


def _question(number: int, text: str, answer: str) -> str:
    """Return a question as Moodle's report shows one."""
    return _filled(_QUESTION, number=number, text=text, answer=answer)


def _page(head: str, body: str, attributes: str = "lang=en") -> str:
    return f"<!DOCTYPE html><html {attributes}><head><title>Quiz</title>{head}</head><body>{body}</body></html>"


def _script(path: str) -> str:
    return f"<script src='{CDN}/{path}'></script>"


def _mathjax(path: str) -> TorturePage:
    body = "".join(_question(n, f"<p>Prove: {_TEX}</p>", f"<p>It is {_TEX}</p>") for n in range(1, 6))
    return TorturePage(_page(_script(path), body), LIBRARIES, hides="\\frac")


def _jsxgraph(more: str = "", head: str = "") -> TorturePage:
    boards = [_fragment("board", name=f"box{n}", more=more) for n in (1, 2)]
    body = "".join(_question(n, "<p>Read the graph.</p>", board) for n, board in enumerate(boards, start=1))
    head += _script("jsxgraph/distrib/jsxgraphcore.js")
    return TorturePage(_page(head, body), LIBRARIES, shows="α")


def _ace() -> TorturePage:
    code = [f"def value_{n}(x):\n    return compute(x, {n})  # líne {n} 中 עברית 😀" for n in range(150)]
    code.append("long = '" + "x" * 400 + "'\n\n\t\tlast = True")
    answer = _fragment("editor", code=json.dumps("\n".join(code)))
    page = _page(_script("ace-builds/src-min-noconflict/ace.js"), _question(1, "<p>Write a function.</p>", answer))
    return TorturePage(page, LIBRARIES, shows="value_149")


def _h5p() -> TorturePage:
    body = "<h1>Exercise</h1>" + _fragment("h5p", base=f"{CDN}/h5p-standalone/dist", content=f"{CONTENT}/h5p")
    return TorturePage(_page("", body), LIBRARIES, shows="Drawn by H5P")


def write_content(folder: Path) -> None:
    """Make an H5P content with a library of its own in ``folder``."""
    library = {"machineName": "H5P.Tiny", "majorVersion": "1", "minorVersion": "0"}
    main = {"title": "t", "mainLibrary": "H5P.Tiny", "embedTypes": ["iframe"], "preloadedDependencies": [library]}
    own = {**library, "title": "Tiny", "patchVersion": 0, "runnable": 1, "preloadedJs": [{"path": "tiny.js"}]}
    files = {
        "h5p/h5p.json": json.dumps(main),
        "h5p/content/content.json": json.dumps({"text": "Drawn by H5P"}),
        "h5p/H5P.Tiny-1.0/library.json": json.dumps(own),
        "h5p/H5P.Tiny-1.0/tiny.js": (_FRAGMENTS / "h5p-tiny.js").read_text(encoding="utf-8"),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _asked(fragment: str) -> TorturePage:
    """Return a page that has a fragment in the question and in the answer."""
    text = _fragment(fragment)
    return TorturePage(_question(1, text, text))


def _right_to_left_page() -> TorturePage:
    return TorturePage(_page("", _asked("right-to-left").html, "lang=ar dir=rtl"))


def _emoji() -> TorturePage:
    texts = [(f"<h2>{e} Rate {e}</h2>", f"<b>{e}</b> <i>{e}</i> {e * 3}") for e in _fragment("emoji").split()]
    return TorturePage("".join(_question(n, text, answer) for n, (text, answer) in enumerate(texts, start=1)))


def _drag() -> TorturePage:
    image = picture(photo(size=(480, 320)), "JPEG").replace("width=90", "class=dropbackground width=480")
    place = "<div style='position: absolute; left: {}px; top: {}px; border: 1px solid; opacity: .8'>{}</div>"
    zones = "".join(place.format(40 + 90 * n, 30 + 60 * n, f"zone {n}") for n in range(4))
    homes = "".join(place.format(20 + 110 * n, 340, f"<b>label</b> {n} ½ 😀") for n in range(5))
    answer = _fragment("drag", image=image, zones=zones, homes=homes)
    return TorturePage("".join(_question(n, "<p>Where is it?</p>", answer) for n in (1, 2)))


def _drawings() -> TorturePage:
    canvases = [_fragment("drawing", number=n, kind=kind) for n, kind in enumerate(("png", "jpeg", "webp"), start=1)]
    return TorturePage("".join(_question(n, "<p>Draw.</p>", canvas) for n, canvas in enumerate(canvases, start=1)))


def _media() -> TorturePage:
    image = picture(photo(), "PNG")
    poster = image.partition("src='")[2].partition("'")[0]
    return TorturePage(_question(1, "<p>Hand in a recording.</p>", _fragment("media", poster=poster, picture=image)))


def _icons() -> TorturePage:
    head = f"<link rel=stylesheet href='{CDN}/@fortawesome/fontawesome-free/css/all.min.css'>"
    text = _fragment("icons")
    return TorturePage(_page(head, _question(1, text, text)), LIBRARIES, shows="icon as a bullet")


def _long() -> TorturePage:
    text = "<p>An answer, with <em>words</em> of some languages: Größe, 中文, العربية and 😀.</p>" * 9
    pages = (f"<div style='break-before: page'><h2>Question {n}</h2>{text}</div>" for n in range(1, 111))
    return TorturePage("<h1>Long</h1>" + "".join(pages))


_MAKERS: dict[str, Callable[[], TorturePage]] = {
    "mathjax3-html": lambda: _mathjax("mathjax3/es5/tex-chtml.js"),
    "mathjax3-svg": lambda: _mathjax("mathjax3/es5/tex-svg.js"),
    "mathjax3-all": lambda: _mathjax("mathjax3/es5/tex-mml-chtml.js"),
    "mathjax4-html": lambda: _mathjax("mathjax4/tex-chtml.js"),
    "mathjax4-svg": lambda: _mathjax("mathjax4/tex-svg.js"),
    "jsxgraph": _jsxgraph,
    "jsxgraph-formulas": lambda: _jsxgraph(_fragment("labels"), _script("mathjax3/es5/tex-chtml.js")),
    "ace": _ace,
    "h5p": _h5p,
    "icons": _icons,
    "essay-from-word": lambda: _asked("word"),
    "right-to-left": lambda: _asked("right-to-left"),
    "right-to-left-page": _right_to_left_page,
    "cjk": lambda: _asked("cjk"),
    "indic": lambda: _asked("indic"),
    "emoji-in-every-question": _emoji,
    "drag-onto-image": _drag,
    "canvas-drawing": _drawings,
    "files-and-films": _media,
    "ruby": lambda: _asked("ruby"),
    "mathml-in-answers": lambda: _asked("mathml"),
    "long": _long,
}
QUIZ_NAMES = tuple(_MAKERS)
LIBRARY_NAMES = tuple(
    name for name in _MAKERS if name.startswith(("mathjax3", "mathjax4", "jsxgraph", "ace", "h5p", "icons"))
)


def quiz_page(name: str) -> TorturePage:
    """Return the page of that name."""
    return _MAKERS[name]()
