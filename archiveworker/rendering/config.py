"""How the renderer is set up: one frozen object, handed in from outside, never read from the environment here."""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from archiveworker.domain.document import PageFooter
from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.proxies import Proxy


class ReadyTimeout(StrEnum):
    """What happens to a page that does not settle in its time limit."""

    WARN = "warn"
    """Print it as it is and say so in its record."""
    FAIL = "fail"
    """Raise RenderTimeoutError."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What pages may load, and how much of it.

    Attributes:
        allowed_hosts: further hosts: ``cdn.example.org``, ``*.example.org``, with ``:port`` if it is not 80 or 443.
            They must have public addresses; the LMS itself may have a private one.
        lms_may_be_private: whether it may.
        mirrors: pairs of URL prefix (with or without scheme) and the folder that answers for it; these need no network.
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        request_limit_s: time for one request to the LMS.
        max_response_bytes: of one response, unpacked.
        max_document_bytes: of all responses to one page together.
        max_image_px: pixels (width times height) of an image that may be unpacked, here or in the browser.
        max_request_count: requests that one page may make.
        cache_bytes: memory for the responses that all pages of an LMS share.
        scope_count: LMS origins whose caches are kept at the same time.
        proxy: through which requests go; None goes directly.
    """

    allowed_hosts: tuple[str, ...] = ()
    lms_may_be_private: bool = True
    mirrors: tuple[tuple[str, Path], ...] = ()
    ca_bundle: Path | None = None
    request_limit_s: float = 20.0
    max_response_bytes: int = 32 * 1024**2
    max_document_bytes: int = 256 * 1024**2
    max_image_px: int = 89_478_485
    max_request_count: int = 2_000
    cache_bytes: int = 128 * 1024**2
    scope_count: int = 4
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class RendererConfig:
    """Everything that the renderer can be told.

    Attributes:
        chromium: the browser's program; None looks for one (see ``chromium.find``).
        sandbox: have Chromium lock its processes in (see ``sandbox``).
        browser_count: browsers that run at the same time; 0 means one for each core, and one more.
        pages_per_browser_count: pages in flight in each of them.
        renders_per_browser_count: a browser is replaced after so many.
        renders_per_context_count: a browser's context, with its cache, serves so many pages; 1 is a new one for each.
        browser_max_mib: a browser that holds more private memory is replaced after its page.
        page_max_mib: a page for which the browser takes more memory than that is ended.
        thrifty: keep a site's process from page to page, and draw pages only when asked to; False leaves Chromium as it
            is on a screen, to compare with. Needs one page a browser.
        quiet_s: nothing may have changed and no request been open for so long before a page counts as ready.
        stuck_s: a page on which nothing at all happens for so long is printed, with a warning that names what it
            waited for.
        ready_limit_s: time for a page to become ready.
        render_limit_s: time for one document in all, waiting for a free browser not included.
        ready_timeout: what happens when ``ready_limit_s`` is over.
        margin_mm: on all four sides of the paper.
        viewport_width_px: of the window in which scripts run; 0 makes it as wide as the paper inside its margins.
        footer: what stands below each page.
        watermark: a text across each page; empty for none.
        gateway: what pages may load.
    """

    chromium: Path | None = None
    sandbox: bool = True
    browser_count: int = 0
    pages_per_browser_count: int = 1
    renders_per_browser_count: int = 200
    renders_per_context_count: int = 50
    browser_max_mib: int = 1_500
    page_max_mib: int = 1_500
    thrifty: bool = True
    quiet_s: float = 0.06
    stuck_s: float = 3.0
    ready_limit_s: float = 30.0
    render_limit_s: float = 120.0
    ready_timeout: ReadyTimeout = ReadyTimeout.WARN
    margin_mm: float = 12.0
    viewport_width_px: int = 0
    footer: PageFooter = PageFooter.NONE
    watermark: str = ""
    gateway: GatewayConfig = field(default_factory=GatewayConfig)

    def __post_init__(self) -> None:
        if self.browser_count < 0 or self.pages_per_browser_count < 1 or self.renders_per_browser_count < 1:
            raise SettingsError("browsers, pages a browser and renders a browser must be positive numbers")
        if min(self.renders_per_context_count, self.browser_max_mib, self.page_max_mib) < 1:
            raise SettingsError("renders a context, a browser's and a page's memory must be positive numbers")
        if min(self.quiet_s, self.stuck_s, self.ready_limit_s, self.render_limit_s) <= 0:
            raise SettingsError("the renderer's time limits must be greater than 0 seconds")

    @property
    def is_thrifty(self) -> bool:
        """Whether browsers are: Chromium ends itself when two of its pages are asked for frames at a time."""
        return self.thrifty and self.pages_per_browser_count == 1

    @property
    def effective_browser_count(self) -> int:
        """Browsers to run: as set, else one for each core that this process may use, and one for when a page waits."""
        return self.browser_count or len(os.sched_getaffinity(0)) + 1
