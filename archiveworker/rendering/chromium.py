"""Finds a Chromium and says with which arguments it runs.

Any Chromium of the last years will do; the headless shell is preferred because it is smaller and starts faster.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archiveworker.domain.errors import ToolError
from archiveworker.runtime import process

_DEBIAN = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# <downloads>/chromium-1234/chrome-linux64/chrome; the headless shell stands beside it under its own name.
_PLAYWRIGHT = (
    "chromium_headless_shell-*/*/headless_shell",
    "chromium_headless_shell-*/*/chrome-headless-shell",
    "chromium-*/*/chrome",
)
_VERSION_LIMIT_S = 20.0

_NOWHERE = "http://127.0.0.1:9"

# Behaviour that is still being tried out, or that asks somebody outside.
_FEATURES_OFF = (
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    # Scripts would be compiled anew for each page, beside it, before it is looked whether the process knows them.
    "ScriptStreaming",
    "ThirdPartyStoragePartitioning",
)

_ARGUMENTS = (
    "--headless",
    "--no-startup-window",
    "--no-default-browser-check",
    # Only what stops it: a page can have others written, one a request.
    "--log-level=3",
    # Nobody looks at any of the pages, and none of them is less important for it.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-back-forward-cache",
    "--disable-hang-monitor",
    "--disable-ipc-flooding-protection",
    "--disable-prompt-on-repost",
    # The same browser everywhere: no experiments by lot, no keyring, none of the shared memory that containers lack.
    "--disable-field-trial-config",
    f"--disable-features={','.join(_FEATURES_OFF)}",
    "--password-store=basic",
    "--disable-dev-shm-usage",
    "--disable-component-extensions-with-background-pages",
    "--disable-infobars",
    "--disable-search-engine-choice-screen",
    "--disable-stack-profiler",
    "--metrics-recording-only",
    "--no-service-autorun",
    "--lang=en-US",
    # Styles for a mouse, as on a desk.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    # Whatever does not belong to a page's own context goes to a port where nobody listens.
    f"--proxy-server={_NOWHERE}",
    "--proxy-bypass-list=<-loopback>",
    # Software that draws nothing on a screen: fewer processes, less memory.
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--in-process-gpu",
    "--disable-extensions",
    # Nothing goes out that no page asked for.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-breakpad",
    "--no-pings",
    "--no-first-run",
    # Nothing goes around the gateway: no UDP, no name look-ups. Names are resolved by the gateway alone.
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--dns-prefetch-disable",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    # No pop-ups, not even for a moment: one costs as much as a page.
    "--block-new-web-contents",
    # The same picture on every machine.
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--mute-audio",
)

# One process for all pages of a site, and pages that are drawn when they are asked to: see ``tabs``. There is a browser
# for each core: helpers that compile scripts and collect garbage beside one would take the time of the next.
_THRIFTY = (
    "--renderer-process-limit=1",
    "--js-flags=--single-threaded",
    "--enable-begin-frame-control",
    "--run-all-compositor-stages-before-draw",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser that was found.

    Attributes:
        path: the program.
        origin: where it comes from: ``configured``, ``playwright`` or the name of the command.
    """

    path: Path
    origin: str


def find(configured: Path | None, downloads: Path | None = None) -> Chromium:
    """Return the browser to use: the configured one, one that Playwright downloaded, then the system's.

    Args:
        configured: the operator's choice; nothing else is tried when it is given.
        downloads: Playwright's folder of browsers; None for that of this user.

    Raises:
        ToolError: there is none.
    """
    if configured is not None:
        if not os.access(configured, os.X_OK):
            raise ToolError(f"ARCHIVEWORKER_CHROMIUM names {configured}, which is not a program; correct the path")
        return Chromium(configured, "configured")
    for candidate in _downloaded(downloads):
        return Chromium(candidate, "playwright")
    for name in _DEBIAN:
        if found := shutil.which(name):
            return Chromium(Path(found), name)
    raise ToolError(
        "no Chromium was found; run 'apt install chromium-headless-shell', or install archiveworker[browser] and run "
        "'playwright install --only-shell chromium', or set ARCHIVEWORKER_CHROMIUM to its path"
    )


def _downloaded(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with contextlib.suppress(RuntimeError):  # a user without a home
            folder = Path.home() / ".cache" / "ms-playwright"
    if folder is None:
        return
    for pattern in _PLAYWRIGHT:
        for program in sorted(folder.glob(pattern), key=_build, reverse=True):
            if os.access(program, os.X_OK):
                yield program


def _build(program: Path) -> int:
    """Return the number in the name of Playwright's folder, ``chromium-1234``."""
    number = program.parents[1].name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


async def version(chromium: Chromium) -> str:
    """Return what the browser says of its version, e.g. ``Chromium 156.0.8078.79``.

    Raises:
        ToolError: it cannot be run.
        ToolTimeoutError: it does not answer.
    """
    completed = await process.run([str(chromium.path), "--version", "--no-sandbox"], timeout_s=_VERSION_LIMIT_S)
    if completed.returncode != 0:
        raise ToolError(f"{chromium.path} --version ended with status {completed.returncode}; install Chromium again")
    return completed.stdout.decode(errors="replace").strip()


def arguments(pin: str, *, sandbox: bool, thrifty: bool = True) -> list[str]:
    """Return Chromium's arguments.

    Args:
        pin: base64 SHA-256 of the public key that the gateway answers https with.
        sandbox: have Chromium lock its processes in.
        thrifty: save what only a screen needs.
    """
    chosen = [*(_THRIFTY if thrifty else ()), *(() if sandbox else ("--no-sandbox",))]
    return [*_ARGUMENTS, *chosen, f"--ignore-certificate-errors-spki-list={pin}"]
