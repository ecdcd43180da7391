"""The only place that builds objects: settings in, a running worker out.

Nothing here decides anything; it says who gets what. Whoever wants to know which class fulfils a port looks here.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from archiveworker import __version__
from archiveworker.delivery.directory import directories
from archiveworker.delivery.webhook import webhooks
from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.evidence import Timestamper
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.job import OnError
from archiveworker.domain.ports import DeliveryTarget, Source
from archiveworker.domain.pseudonyms import MIN_KEY_BYTES
from archiveworker.evidence.revocation_fetch import FetchLimits, RevocationFetcher
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_post import AuthorityOptions
from archiveworker.jobs.engine import Engine, EngineConfig
from archiveworker.jobs.tools import JobPolicy, JobTools
from archiveworker.rendering import chromium
from archiveworker.rendering.config import GatewayConfig, ReadyTimeout, RendererConfig
from archiveworker.rendering.mirror import mathjax_mirrors
from archiveworker.rendering.renderer import ChromiumRenderer
from archiveworker.runtime import outbound
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.http import ClientCertificate
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.settings import Settings
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource
from archiveworker.storage import open_state, own_data_dir
from archiveworker.web.app import WebConfig, create_app
from archiveworker.web.gate import GateRules
from archiveworker.web.verify_page import VerifyDesk

SOFTWARE: Final = f"archiveworker {__version__}"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that serves.

    Attributes:
        url: address on this machine.
        engine: behind it.
    """

    url: str
    engine: Engine


def build_renderer(settings: Settings) -> ChromiumRenderer:
    """Return the renderer; it must be started."""
    mathjax, lms = settings.mathjax_dir, settings.lms_http
    mirrors = mathjax_mirrors(mathjax) if mathjax is not None and mathjax.is_dir() else ()
    return ChromiumRenderer(
        RendererConfig(
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
    )


def find_chromium(settings: Settings) -> chromium.Chromium:
    """Return the browser that the renderer will use.

    Raises:
        ToolError: there is none.
    """
    return chromium.find(settings.chromium)


def build_sources(settings: Settings) -> tuple[Source, ...]:
    """Return one connector for each LMS interface."""
    config = MoodleConfig(
        http=settings.lms_http,
        retry=RetryPolicy(budget_s=settings.lms_retry_s),
        public_base_urls=settings.public_origins,
        call_timeout_s=settings.lms_timeout_s,
        job_row_grace_s=settings.job_row_grace_s,
        max_answer_bytes=settings.max_report_bytes,
        max_attachment_bytes=settings.max_attachment_bytes,
        max_backup_bytes=settings.max_backup_bytes,
    )
    return (
        QuizArchiverSource(config),
        ArchivingmodQuizSource(config),
        ArchivingmodAssignSource(config),
        WorkshopSource(config, build_reviewed_config(settings)),
        build_exchange_source(settings),
        build_edx_source(settings),
    )


def build_exchange_source(settings: Settings) -> PeerReviewExchangeSource:
    """Return the connector for any LMS that serves the peer-review exchange API."""
    config = ExchangeConfig(
        http=settings.lms_http,
        retry=RetryPolicy(budget_s=settings.lms_retry_s),
        call_timeout_s=settings.lms_timeout_s,
        max_answer_bytes=settings.max_report_bytes,
        max_file_bytes=settings.max_attachment_bytes,
    )
    return PeerReviewExchangeSource(config, build_reviewed_config(settings))


def build_edx_source(settings: Settings) -> EdxProctoringSource:
    """Return the connector for proctored exams of an Open edX."""
    config = EdxConfig(
        http=settings.lms_http,
        retry=RetryPolicy(budget_s=settings.lms_retry_s),
        call_timeout_s=settings.lms_timeout_s,
        max_answer_bytes=settings.max_report_bytes,
    )
    return EdxProctoringSource(config, build_reviewed_config(settings))


def build_reviewed_config(settings: Settings) -> ReviewedConfig:
    """Return what holds for all peer-review sources.

    Raises:
        SettingsError: the key of the pseudonyms is too short.
    """
    key = settings.pseudonym_key
    if key is not None and len(key.reveal().encode()) < MIN_KEY_BYTES:
        raise SettingsError(
            f"ARCHIVEWORKER_PSEUDONYM_KEY must have at least {MIN_KEY_BYTES} bytes; openssl rand -hex 32 makes one"
        )
    return ReviewedConfig((*build_targets(settings), LMS), settings.delivery_also_to, key)


def build_targets(settings: Settings) -> dict[str, DeliveryTarget]:
    """Return the places for archives besides the LMS, by name.

    Raises:
        SettingsError: a setting of theirs is wrong, or ``delivery_also_to`` names one that does not exist.
    """
    keys, limit_s, route = settings.delivery_webhook_secrets, settings.delivery_timeout_s, settings.route
    found: list[DeliveryTarget] = [
        *directories(settings.delivery_dirs, settings.delivery_dir_mode),
        *webhooks(settings.delivery_webhooks, keys, ca_bundle=settings.ca_bundle, stall_limit_s=limit_s, proxy=route),
    ]
    targets = {target.name: target for target in found}
    if len(targets) < len(found):
        raise SettingsError(f"two delivery targets have one name; they are {', '.join(t.name for t in found)}")
    unknown = next((name for name in settings.delivery_also_to if name not in targets), None)
    if unknown is not None:
        raise SettingsError(
            f"ARCHIVEWORKER_DELIVERY_ALSO_TO names {unknown!r}; there is {', '.join(targets) or 'no target'}"
        )
    return targets


def routes_of(sources: tuple[Source, ...]) -> dict[str, Source]:
    """Return the path below ``/archive`` for each source; the bare path is the oldest plugin's."""
    routes = {f"/{source.name}": source for source in sources}
    return {"": routes["/quiz_archiver"], **routes}


def build_timestamper(settings: Settings, session: aiohttp.ClientSession) -> Timestamper | None:
    """Return the time-stamper, or None when no authority is set up.

    Raises:
        SettingsError: the CA file cannot be read.
    """
    if not settings.tsa_urls:
        return None
    trusted = read_trusted(settings)
    limits = FetchLimits(
        timeout_s=settings.tsa_timeout_s,
        max_crl_bytes=settings.tsa_max_crl_bytes,
        private_hosts=frozenset(host.lower() for host in settings.tsa_private_hosts),
        proxy=settings.route,
    )
    options = StampOptions(
        algorithm=settings.tsa_hash,
        count=settings.tsa_count,
        timeout_s=settings.tsa_timeout_s,
        fetcher=RevocationFetcher(limits),
        on_missing_revocation=settings.on_revocation_error,
    )
    return Rfc3161Timestamper(_authorities(settings), session=session, trusted_pem=trusted, options=options)


def read_trusted(settings: Settings) -> bytes | None:
    """Return the certificates that are believed for time-stamps, None when none are configured.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        return settings.tsa_ca.read_bytes() if settings.tsa_ca else None
    except OSError as exc:
        raise SettingsError(f"ARCHIVEWORKER_TSA_CA: {settings.tsa_ca} cannot be read: {exc.strerror}") from exc


def _authorities(settings: Settings) -> list[AuthorityOptions]:
    """Put together what the settings say of each authority.

    Raises:
        SettingsError: a list has another length than that of the URLs.
    """
    count = len(settings.tsa_urls)
    policies = _for_each(settings.tsa_policies, count, "ARCHIVEWORKER_TSA_POLICIES")
    certificates = _for_each(settings.tsa_client_certs, count, "ARCHIVEWORKER_TSA_CLIENT_CERTS")
    keys = _for_each(settings.tsa_client_keys, count, "ARCHIVEWORKER_TSA_CLIENT_KEYS")
    found = []
    for url, policy, certificate, key in zip(settings.tsa_urls, policies, certificates, keys, strict=True):
        # One certificate for all is shown to those that can ask for it.
        shown = certificate if url.reveal().lower().startswith("https:") or len(settings.tsa_client_certs) > 1 else None
        identity = None
        if shown is not None:
            identity = ClientCertificate(Path(shown), Path(key) if key else None, settings.tsa_client_key_password)
        found.append(AuthorityOptions(url, policy, identity, settings.ca_bundle))
    return found


def _for_each(values: tuple[str, ...], count: int, variable_name: str) -> list[str | None]:
    """Return one value an authority: none, one for all, or each its own, with ``-`` for none."""
    if len(values) not in (0, 1, count):
        raise SettingsError(
            f"{variable_name} has {len(values)} entries, ARCHIVEWORKER_TSA_URLS {count}; "
            "give one for all, or one for each, with - for none"
        )
    spread = values * count if len(values) == 1 else values or ("-",) * count
    return [None if value == "-" else value for value in spread]


@asynccontextmanager
async def open_timestamper(settings: Settings) -> AsyncIterator[Timestamper | None]:
    """Yield the time-stamper for a single command, or None when no authority is set up.

    Raises:
        SettingsError: the CA file cannot be read.
    """
    async with outbound.session(proxy=settings.route) as session:
        yield build_timestamper(settings, session)


def build_policy(settings: Settings) -> JobPolicy:
    """Return the numbers that the workflows go by."""
    return JobPolicy(
        jobs_max=settings.jobs_max_count,
        queue_max=settings.queue_max_count,
        items_in_flight=settings.items_in_flight_count,
        lms_items_max=settings.lms_items_count,
        item_attempts=settings.item_attempts_count,
        retry_interval_s=settings.retry_interval_s,
        poll_interval_s=settings.poll_interval_s,
        progress_interval_s=settings.progress_interval_s,
        backup_poll_s=settings.backup_poll_s,
        job_timeout_s=settings.job_timeout_s,
        lms_outage_s=settings.lms_outage_s,
        archive_format=settings.archive_format,
        archive_layout=settings.archive_layout,
        retention=settings.retention,
        organization=settings.source_organization.strip(),
        organization_url=settings.source_organization_url,
        contact_email=settings.contact_email.strip(),
        pdf_profile=settings.pdf_profile,
        pdf_embed=settings.pdf_embed,
        pdf_embed_max_bytes=settings.pdf_embed_max_bytes,
        compression_level=settings.compression_level,
        min_free_bytes=settings.min_free_bytes,
        on_timestamp_error=settings.on_timestamp_error,
        also_to=settings.delivery_also_to,
        delivery_retry_s=settings.delivery_retry_s,
    )


def build_web_config(settings: Settings) -> WebConfig:
    """Return who may post jobs, and what else the administrator decided about the HTTP side."""
    rules = GateRules(
        secret=settings.post_secret,
        allowed_lms=frozenset(LmsOrigin.of(url) for url in settings.allowed_lms),
        posts_per_minute=settings.posts_per_minute,
        trusted_proxies=tuple(ip_network(network) for network in settings.trusted_proxies),
    )
    trusted_pem = read_trusted(settings)
    desk = VerifyDesk(settings.data_dir / "verify", settings.verify_max_bytes, trusted_pem, SOFTWARE, SystemClock())
    return WebConfig(
        version=__version__,
        admin_token=settings.admin_token,
        max_request_bytes=settings.max_request_bytes,
        rules=rules,
        desk=desk,
    )


@asynccontextmanager
async def running_worker(settings: Settings) -> AsyncIterator[Worker]:
    """Start everything, serve, and at the end stop everything within the grace time.

    Raises:
        SettingsError: a setting does not fit this machine.
        ToolError: there is no Chromium.
    """
    with own_data_dir(settings.data_dir):
        state = await asyncio.to_thread(open_state, settings)
        sources = build_sources(settings)
        async with outbound.session(proxy=settings.route) as tsa_session, build_renderer(settings) as renderer:
            tools = JobTools(
                sources={source.name: source for source in sources},
                renderer=renderer,
                timestamper=build_timestamper(settings, tsa_session),
                secrets=state.secrets,
                spool=state.spool,
                clock=SystemClock(),
                policy=build_policy(settings),
                software=SOFTWARE,
                trusted_pem=read_trusted(settings),
                targets=build_targets(settings),
                warm_up=renderer.warm_up,
                executor_id="" if state.watch is None else state.executor_id,
            )
            config = EngineConfig(state.database_url, state.executor_id, settings.keep_failed_days)
            engine = Engine(tools, config, state.watch)
            async with _serving(settings, engine, routes_of(sources)) as url:
                yield Worker(url, engine)


@asynccontextmanager
async def _serving(settings: Settings, engine: Engine, routes: Mapping[str, Source]) -> AsyncIterator[str]:
    config = build_web_config(settings)
    config.desk.open()
    app = create_app(engine, dict(routes), config)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    listener = _listen(settings.host, settings.port)
    await engine.start()
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield _url(listener)
    finally:
        # Draining first: whoever posts meanwhile is told to come back, instead of finding nobody.
        await engine.stop(settings.shutdown_grace_s)
        await runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises:
        SettingsError: the address is not ours or taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host} port {port} ({exc.strerror}); choose ARCHIVEWORKER_HOST and ARCHIVEWORKER_PORT"
        ) from exc
    listener.setblocking(False)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
