"""The renderer: what the settings say to it.

Part of ``composition``, apart from it because ``render`` prints a page without a worker. Nothing here decides anything.
"""

from archiveworker.domain.job import OnError
from archiveworker.rendering import chromium
from archiveworker.rendering.config import GatewayConfig, ReadyTimeout, RendererConfig
from archiveworker.rendering.mirror import mathjax_mirrors
from archiveworker.rendering.renderer import ChromiumRenderer
from archiveworker.runtime import trust
from archiveworker.settings import Settings


def renderer_config(settings: Settings) -> RendererConfig:
    """Return what the settings say to the renderer.

    Raises:
        SettingsError: the CA bundle cannot be used; else this would be found with the first page.
    """
    mathjax, lms = settings.mathjax_dir, settings.lms_http
    mirrors = mathjax_mirrors(mathjax) if mathjax is not None and mathjax.is_dir() else ()
    trust.context(lms.ca_bundle)
    return RendererConfig(
        chromium=settings.chromium,
        sandbox=settings.chromium_sandbox,
        browser_count=settings.browser_count,
        renders_per_browser_count=settings.browser_renders_count,
        renders_per_context_count=settings.context_pages_count,
        browser_max_mib=settings.browser_max_mib,
        page_max_mib=settings.page_max_mib,
        ready_limit_s=settings.ready_timeout_s,
        render_limit_s=settings.render_timeout_s,
        margin_mm=settings.page_margin_mm,
        viewport_width_px=settings.page_viewport_width_px,
        footer=settings.page_footer,
        watermark=settings.page_watermark,
        ready_timeout=ReadyTimeout.FAIL if settings.on_ready_timeout is OnError.FAIL else ReadyTimeout.WARN,
        gateway=GatewayConfig(settings.allowed_hosts, lms.may_be_private, mirrors, lms.ca_bundle, proxy=lms.proxy),
    )


def build_renderer(settings: Settings) -> ChromiumRenderer:
    """Return the renderer; it must be started.

    Raises:
        SettingsError: see ``renderer_config``.
    """
    return ChromiumRenderer(renderer_config(settings))


def find_chromium(settings: Settings) -> chromium.Chromium:
    """Return the browser that the renderer will use.

    Raises:
        ToolError: there is none.
    """
    return chromium.find(settings.chromium)
