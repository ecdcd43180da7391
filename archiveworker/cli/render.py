"""``archiveworker render FILE.html``: one page through the renderer, to try fonts, formulas and settings.

Not a way to archive: nothing is hashed, packed or stamped. The settings are the worker's, so that a page that fails
there fails here. Files beside the page are found when no ``--base-url`` is given.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from archiveworker.domain.document import Document, PaperFormat, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.domain.errors import NotFoundError, RequestError, SettingsError
from archiveworker.printing import renderer_config
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from archiveworker.runtime import logging
from archiveworker.settings import Settings

_HERE = "http://page.invalid"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE.html", help="the page")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)")
    parser.add_argument(
        "--base-url", metavar="URL", help="address that the page comes from (default: files beside it are found)"
    )
    parser.add_argument(
        "--paper", default=PaperFormat.A4.value, choices=[paper.value for paper in PaperFormat], help="paper size"
    )
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in PdfProfile],
        help="PDF/A part and level; off leaves Chromium's PDF (default: ARCHIVEWORKER_PDF_PROFILE, 3a)",
    )
    parser.add_argument("--html", action="store_true", help="also write the rendered page as self-contained HTML")
    parser.add_argument("--title", metavar="TEXT", help="title of the PDF (default: the file's name)")
    parser.add_argument("--chromium", type=Path, metavar="PATH", help="browser to use (default: look for one)")
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    parser.epilog = (
        "The settings of the worker hold here as well: limits, memory, what may be loaded, readiness, margin, footer."
    )


def run(args: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Render the page and say what came of it; exit code 0 also when there are warnings."""
    logging.configure("DEBUG" if args.verbose else "ERROR")
    settings, _ = Settings.from_env(env)
    profile = PdfProfile(args.profile) if args.profile else settings.pdf_profile
    options = RenderOptions(paper=PaperFormat(args.paper), keep_html=args.html, profile=profile, image_limit=None)
    rendered = asyncio.run(_render(args, build_config(args, settings), options))
    for path in (rendered.pdf, rendered.frozen_html):
        if path is not None:
            sys.stdout.write(f"{path}  {path.stat().st_size} bytes\n")
    for warning in rendered.warnings:
        sys.stdout.write(f"warning: {warning}\n")
    sys.stdout.write(f"{rendered.page_count} page(s), {len(rendered.warnings)} warning(s)\n")
    return 0


def build_config(args: argparse.Namespace, settings: Settings) -> RendererConfig:
    """Return the renderer's configuration for this command: the worker's, with one browser, and a page of this machine.

    Raises:
        SettingsError: the CA bundle cannot be used.
    """
    config = renderer_config(settings)
    if args.base_url is None:
        mirrors = (*config.gateway.mirrors, (_HERE, args.file.resolve().parent))
        config = replace(config, gateway=replace(config.gateway, mirrors=mirrors))
    return replace(config, chromium=args.chromium or config.chromium, browser_count=1)


async def _render(args: argparse.Namespace, config: RendererConfig, options: RenderOptions) -> RenderedDocument:
    document = _document(args)
    with _working_folder(args.out) as folder:
        async with ChromiumRenderer(config) as renderer:
            rendered = await renderer.render(document, options, Path(folder))
        pdf = rendered.pdf.replace(args.out / f"{args.file.stem}.pdf")
        html = None
        if rendered.frozen_html is not None:
            html = rendered.frozen_html.replace(args.out / f"{args.file.stem}.frozen.html")
    return replace(rendered, pdf=pdf, raw_html=None, frozen_html=html)


def _working_folder(out: Path) -> "tempfile.TemporaryDirectory[str]":
    try:
        out.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=out, prefix=".render-")
    except OSError as exc:
        raise SettingsError(f"--out {out} cannot be written ({exc.strerror}); name another folder") from exc


def _document(args: argparse.Namespace) -> Document:
    try:
        html = args.file.read_text(encoding="utf-8", errors="replace")
        changed_s = args.file.stat().st_mtime
    except OSError as exc:
        raise NotFoundError(f"{args.file} cannot be read ({exc.strerror})") from exc
    if not html.strip():
        raise RequestError(f"{args.file} is empty; give an HTML file")
    return Document(
        html=html,
        base_url=args.base_url or _HERE,
        title=args.title or args.file.stem,
        created_at=datetime.fromtimestamp(int(changed_s), UTC),
    )
