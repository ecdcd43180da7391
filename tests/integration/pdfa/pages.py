"""Pages that try everything which a PDF/A may not hold or easily gets wrong; all texts and pictures are made up."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

MATHJAX = Path("/usr/share/javascript/mathjax/MathJax.js")
_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")


@dataclass(frozen=True)
class TorturePage:
    """One kind of page.

    Attributes:
        html: whole page, or the inside of its body.
        needs: a file without which the page does not show what it is for; None for nothing.
        untagged: it has nothing that Chromium tags, so that level U is all that can be claimed.
        shows: text that only the page's own scripts write.
        hides: text that those scripts replace.
    """

    html: str
    needs: Path | None = None
    untagged: bool = False
    shows: str = ""
    hides: str = ""


def data_uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def picture(image: Image.Image, kind: str, **options: object) -> str:
    """Return ``image`` as an ``<img>``."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"<img alt='{kind} {image.mode}' width=90 src='{data_uri(out.getvalue(), f'image/{kind.lower()}')}'>"


def photo(mode: str = "RGB", size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Return a picture with many colours in one of Pillow's modes."""
    channels = [Image.linear_gradient("L").resize(size), Image.radial_gradient("L").resize(size)]
    rgb = Image.merge("RGB", [*channels, channels[0].transpose(Image.Transpose.ROTATE_180)])
    if mode in ("RGBA", "LA", "PA"):
        seen = rgb.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[mode]).convert(mode)
        seen.putalpha(channels[1])
        return seen
    return rgb.convert(mode)


def _images() -> str:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    turned = Image.Exif()
    turned[0x0112] = 6
    frames = [photo("P"), photo("P").transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    cut = io.BytesIO()
    photo(size=(400, 400)).save(cut, "PNG")
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='60'><defs><linearGradient id='g'>"
        "<stop stop-color='red' stop-opacity='.4'/><stop offset='1' stop-color='blue'/></linearGradient></defs>"
        "<rect width='90' height='60' fill='url(#g)'/><text x='5' y='30' opacity='.6'>svg ä</text></svg>"
    )
    parts = [
        *(picture(photo(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(picture(photo(mode), "JPEG") for mode in ("L", "RGB", "CMYK")),
        picture(photo(), "JPEG", progressive=True, exif=turned),
        picture(photo(), "JPEG", icc_profile=srgb),
        picture(photo(), "PNG", icc_profile=srgb),
        picture(photo(), "JPEG", icc_profile=lab),
        picture(photo(), "JPEG", icc_profile=b"no profile at all" * 20),
        *(picture(photo(mode), "WEBP") for mode in ("RGB", "RGBA")),
        picture(photo(), "WEBP", lossless=True),
        picture(photo(), "AVIF"),
        picture(photo(), "BMP"),
        picture(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        picture(photo("P"), "GIF", transparency=3),
        f"<img alt=svg src='{data_uri(svg.encode(), 'image/svg+xml')}'>{svg}",
        f"<img alt='broken' src='{data_uri(cut.getvalue()[:700], 'image/png')}'>",
        "<img alt='not an image' src='data:image/png;base64,AAAA'>",
        "<img alt=pixel src='data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=='>",
    ]
    return "<h1>Images</h1>" + "\n".join(parts)


_EFFECTS = """<h1>Effects</h1><style>
  .b { display: inline-block; width: 150px; height: 70px; margin: 12px; color: #123; }</style>
<div class=b style="opacity:.4;background:#e33">opacity</div>
<div class=b style="background:linear-gradient(45deg,red,transparent 60%,blue)">linear</div>
<div class=b style="background:radial-gradient(circle,#ff0,rgba(0,128,0,.3))">radial</div>
<div class=b style="background:conic-gradient(red,lime,blue,red)">conic</div>
<div class=b style="background:repeating-linear-gradient(30deg,#eee 0 6px,#999 6px 12px)">repeating</div>
<div class=b style="box-shadow:4px 4px 12px rgba(0,0,0,.5),inset 0 0 8px red">shadow</div>
<p style="text-shadow:2px 2px 3px gray;font-size:2em">text shadow</p>
<div class=b style="filter:blur(2px) sepia(.7) hue-rotate(90deg);background:#c96">filter</div>
<div class=b style="filter:drop-shadow(3px 3px 3px navy)">drop shadow</div>
<div style="background:teal;isolation:isolate"><div class=b style="mix-blend-mode:multiply;background:#fa0">multiply</div>
 <div class=b style="mix-blend-mode:luminosity;background:#0af">luminosity</div>
 <div class=b style="mix-blend-mode:difference;background:#fff">difference</div>
 <div class=b style="mix-blend-mode:plus-lighter;background:#333">plus lighter</div></div>
<div class=b style="background-blend-mode:screen;background:linear-gradient(red,blue),#0a0">screen</div>
<div class=b style="clip-path:circle(40%);background:#77c">clip</div>
<div class=b style="mask-image:linear-gradient(black,transparent);background:#a5a">mask</div>
<div class=b style="transform:rotate(8deg) skewX(12deg);border:3px dashed #333;border-radius:20px">transform</div>
<div class=b style="transform:perspective(200px) rotateY(40deg);background:#8c8">perspective</div>
<p style="background:linear-gradient(red,blue);-webkit-background-clip:text;color:transparent;font-size:2em">clipped text</p>
<p style="-webkit-text-stroke:1px red;color:transparent;font-size:2em">outlined text</p>
<p style="opacity:0">invisible text</p><p style="color:rgba(0,0,0,0)">transparent text</p>
<p style="color:color(display-p3 1 0 0);background:lab(80% -20 30)">wide colours</p>
<div class=b style="backdrop-filter:blur(3px);background:rgba(255,255,255,.4)">backdrop</div>
<canvas id=c width=150 height=70></canvas><script>
 const g = document.getElementById('c').getContext('2d'); g.globalAlpha = .5; g.fillStyle = 'red';
 g.fillRect(5, 5, 80, 50); g.globalCompositeOperation = 'xor'; g.fillRect(40, 20, 90, 40);</script>"""

_STRUCTURE = """<h3>First a third level</h3><h1></h1><h1><span></span></h1><h6>Then a sixth</h6><h2>&nbsp;</h2>
<ul><li>one<ol start=5><li>deep<ul><li>deeper<dl><dt>term<dd>meaning<dt>another</dl></li></ul><li value=9>nine</ol>
<li><p>block in item</p><table><tr><td>in a list</table></ul><ul></ul><ol><li></ol><li>stray item</li>
<blockquote cite='#x'>quote <q>inner</q> <cite>source</cite></blockquote><p>Note<sup><a href='#f' id=r>1</a></sup></p>
<aside>aside</aside><nav>nav</nav><figure><figcaption>caption only</figcaption></figure><main><article><section>
<header>header</header><footer id=f>footer <a href='#r'>back</a></footer></section></article></main>
<p><abbr title=x>ab</abbr> <kbd>k</kbd> <samp>s</samp> <var>v</var> <mark>m</mark> <ins>i</ins> <del>d</del> <s>s</s>
<small>s</small> <b>b</b> <i>i</i> <u>u</u> <code>c</code> <time>now</time> <bdo dir=rtl>bdo</bdo> H<sub>2</sub>O
<ruby>漢<rp>(<rt>かん<rp>)</ruby> soft&shy;hyphen zero&#8203;width no&#8288;break</p><hr><wbr><pre>pre  text
	tab</pre><details open><summary>sum</summary>open</details><details><summary>closed</summary>shut</details>
<p lang='xx-nonsense-toolongsubtag'>odd language</p><p lang=''>no language</p><p lang='de'>deutsch <em lang='!!'>x</em></p>
<div role=heading aria-level=2>role heading</div><div role=img aria-label='an image'>x</div><div aria-hidden=true>hidden</div>
<math><mi>x</mi></math><x-custom>custom element</x-custom><svg width=20 height=20 role=img><title>t</title><circle r=9 /></svg>"""

_FORMS = """<h1>Form</h1><form action='/save'><fieldset><legend>Answers</legend>
<label>Text <input value='typed ä 中'></label><input placeholder='nothing yet'><input type=checkbox checked>
<input type=checkbox disabled><input type=radio name=r checked><input type=radio name=r><input type=range value=30>
<input type=color value='#ff8800'><input type=date value='2026-03-04'><input type=number value=42><input type=file>
<select><option>a<option selected>b</select><select multiple><option selected>x<option>y</select>
<textarea rows=3>several
lines of an essay</textarea><button>Submit</button><input type=submit><input type=image alt=send src='/none.png'>
<progress value=.4></progress><meter value=.7></meter><output>out</output></fieldset></form>"""

_LINKS = """<h1 id=top>Links</h1><p><a href='/mod/quiz/view.php?id=3'>relative</a> <a href='#top'>inside</a>
<a href='#nowhere'>nowhere</a> <a href='mailto:a@example.org'>mail</a> <a href='https://example.org/ä?x=%20 b'>odd</a>
<a href='javascript:void(0)'>script</a> <a href='data:text/plain,x'>data</a> <a href=''>empty</a> <a name=x>no target</a>
<a href='https://example.org/'>a link that is so long that it goes over the end of the line and so has more than one rectangle
on the page</a> <a href='https://example.org/i'><img alt='' width=20 height=20
src='data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=='></a>
<a href='/a' title='tip'><div>block link<h2>with heading</h2></div></a><a href='/hidden' style='display:none'>x</a></p>
<svg width=90 height=20><a href='/svg'><text y=15>svg link</text></a></svg>
<map name=m><area shape=rect coords='0,0,20,20' href='/area' alt=area></map>"""

_TABLES = """<h1>Tables</h1><table><caption>Results</caption><thead><tr><th id=a scope=col>A<th colspan=2 id=b>B</thead>
<tbody><tr><th rowspan=2 scope=row headers='a a'>r<td headers='a b nowhere'>1<td>2<tr><td>3<td>4</tbody><tfoot><tr><td colspan=3>
foot</tfoot></table><table><tr><td><table><tr><th>nested<td>x</table><td></table><table></table><table><tr></table>
<table style='border-collapse:collapse' border=1><tr><td colspan=0>zero<td rowspan=99>far<tr><td>x</table>
<div style='display:table'><div style='display:table-row'><div style='display:table-cell'>css table</div></div></div>
<div style='display:grid;grid-template-columns:1fr 1fr'><b>grid</b><i>grid</i></div>
<div style='columns:2'>columns columns columns columns columns columns columns columns</div>"""

_MATHML = """<h1>MathML</h1><p><math display=block><mrow><mi>x</mi><mo>=</mo><mfrac><mrow><mo>-</mo><mi>b</mi><mo>±</mo><msqrt>
<msup><mi>b</mi><mn>2</mn></msup><mo>-</mo><mn>4</mn><mi>a</mi><mi>c</mi></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow>
</mfrac></mrow></math> and <math><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>∞</mi></munderover>
<mfenced open='('><mtable><mtr><mtd><mn>1</mn><mtd><mn>0</mn></mtable></mfenced><mi mathvariant=bold>ℝ</mi></math></p>"""

_MATHJAX = (
    "<html lang=en><head><title>f</title><script src='https://cdn.jsdelivr.net/npm/mathjax@2.7.9/MathJax.js"
    "?config={config}'></script></head><body><h1>Formulas</h1><p>\\(e^{{i\\pi}}+1=0\\), "
    "$$\\int_0^1 \\frac{{x^2}}{{\\sqrt{{1+x}}}}\\,dx \\quad \\begin{{pmatrix}}a&b\\\\c&d\\end{{pmatrix}}$$ "
    "\\(\\mathbb R \\mathcal L \\mathfrak g \\hat x \\vec v \\text{{Größe}}\\) and an error \\(\\frac{{1}}\\)</p>"
    "</body></html>"
)

_SCRIPTS = """<h1>Scripts of the world</h1><p>العربية من اليمين إلى اليسار — עברית עם ניקוד שָׁלוֹם — فارسی‌</p>
<p dir=rtl>نص مختلط with English 123 و أرقام ٤٥٦</p><p>中文字符 日本語ひらがなカタカナ 한국어 𠮷野家</p>
<p>हिन्दी देवनागरी தமிழ் ไทยภาษา ქართული Հայերեն አማርኛ ខ្មែរ မြန်မာ བོད་ Ελληνικά Кириллица</p>
<p>e\u0301 a\u0308 \u1e9e ﬁ ﬂ ſt Ǆ ½ ℵ ∀∃∈ ↔ ▲ ☃ ♞ 𝒜𝔅ℂ 𝟙 ⌘ \u200d\u200c x\ufe0f \ufeff \u00ad \u2028 \u202e turned \u202c</p>
<p style='writing-mode:vertical-rl'>縦書き vertical</p>"""

_EMOJI = """<h1>Emoji 😀</h1><p>😀🎉👩‍🔬 👨‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 ❤️ ☺︎ 1️⃣ #️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🫠🪿 ✔ ✖ ⚠️ ©️</p><p style='font-size:60px'>🐈 🦄</p>
<p style='color:red;opacity:.5'>☎️ text <b>🅱️</b></p>"""

_MISSING = """<h1>No font has these \U0003fff0</h1><p>before \U0003fff0\U0003fff1 after, \ue000\uf8ff private, \ufffe\uffff none,
\ufffd itself, \U000f0000 plane 15, \u0001\u0007 controls</p><p><b>\U0003fff2</b><i>\U0003fff3</i></p><ul><li>\U0003fff4</ul>
<input value='\U0003fff5'><p style='font-size:40px;letter-spacing:5px'>a\U0003fff6b</p>"""


def _web_fonts() -> str:
    font = data_uri(_FONT.read_bytes(), "font/ttf") if _FONT.is_file() else ""
    return (
        f"<style>@font-face {{ font-family: Own; src: url({font}) }} @font-face {{ font-family: Gone; src: url(/no.woff2) }}"
        "@font-face { font-family: Broken; src: url(data:font/woff2;base64,AAAAAAAA) }</style>"
        "<h1 style='font-family:Own'>Web font äöü fi ffl</h1><p style='font-family:Gone'>a font that is not there</p>"
        "<p style='font-family:Broken'>a font that is broken</p>"
        "<p style='font-family:Own;font-variant:small-caps;font-style:italic;font-weight:900'>made bold and slanted</p>"
        "<p style=\"font-family:Own;font-feature-settings:'smcp','onum'\">0123456789</p>"
    )


_PNG_PAGE = f"<body>{picture(photo(size=(500, 400)), 'PNG').replace('width=90', 'width=500')}</body>"

_MAKERS: dict[str, Callable[[], TorturePage]] = {
    "plain": lambda: TorturePage("<h1>Attempt</h1><p>An <em>answer</em> in <strong>words</strong>.</p>"),
    "no-language": lambda: TorturePage("<html><body><h1>Kein lang</h1><p>Text without a language</p></body></html>"),
    "scripts": lambda: TorturePage(_SCRIPTS),
    "emoji": lambda: TorturePage(_EMOJI),
    "missing-glyphs": lambda: TorturePage(_MISSING),
    "structure": lambda: TorturePage(_STRUCTURE),
    "tables": lambda: TorturePage(_TABLES),
    "huge-table": lambda: TorturePage(
        "<h1>Huge</h1><table><thead><tr>"
        + "".join(f"<th>column {c}" for c in range(14))
        + "</thead>"
        + "".join("<tr>" + "".join(f"<td>{r}·{c}" for c in range(14)) for r in range(300))
        + "</table>"
    ),
    "links": lambda: TorturePage(_LINKS),
    "forms": lambda: TorturePage(_FORMS),
    "images": lambda: TorturePage(_images()),
    "image-only": lambda: TorturePage(_PNG_PAGE),
    "drawing-only": lambda: TorturePage(
        "<body><div aria-hidden=true style='height:90px;background:#c33'></div></body>", untagged=True
    ),
    "effects": lambda: TorturePage(_EFFECTS),
    "mathml": lambda: TorturePage(_MATHML),
    "mathjax-html": lambda: TorturePage(_MATHJAX.format(config="TeX-AMS_HTML"), needs=MATHJAX),
    "mathjax-svg": lambda: TorturePage(_MATHJAX.format(config="TeX-AMS_SVG"), needs=MATHJAX),
    "web-fonts": lambda: TorturePage(_web_fonts(), needs=_FONT),
    "code": lambda: TorturePage(
        "<h1>Code</h1><pre><code>"
        + "x = function_with_a_long_name(argument_one, argument_two); " * 12
        + "\n\tif (a &lt; b) {\n" * 90
        + "</code></pre><p>"
        + "unbroken" * 60
        + "</p>"
    ),
}

TORTURE_NAMES = tuple(_MAKERS)


def torture_page(name: str) -> TorturePage:
    """Return the page of that name."""
    return _MAKERS[name]()
