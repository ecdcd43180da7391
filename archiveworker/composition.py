"""The only place that builds objects: settings in, a running worker out.

Nothing here decides anything; it says who gets what. Whoever wants to know which class fulfils a port looks here, or in
its parts: ``connectors`` (LMSs), ``printing`` (the renderer), ``timestamping`` (authorities), ``storage`` (what
outlives the worker).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from aiohttp import web

from archiveworker import __version__
from archiveworker.connectors import build_sources, routes_of
from archiveworker.delivery.directory import directories
from archiveworker.delivery.s3 import object_stores
from archiveworker.delivery.webhook import webhooks
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.ports import DeliveryTarget, Source, Spool
from archiveworker.jobs.engine import Engine, EngineConfig
from archiveworker.jobs.thumbnails import Thumbnails
from archiveworker.jobs.tools import JobPolicy, JobTools
from archiveworker.printing import build_renderer
from archiveworker.runtime import outbound
from archiveworker.runtime.clock import SystemClock
from archiveworker.settings import Settings
from archiveworker.storage import open_state, own_data_dir
from archiveworker.timestamping import build_timestamper, read_trusted
from archiveworker.web.app import WebConfig, create_app
from archiveworker.web.gate import GateRules
from archiveworker.web.listener import open_listener, url_of
from archiveworker.web.thumbnail import THUMBNAILS
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


def build_targets(settings: Settings) -> dict[str, DeliveryTarget]:
    """Return the places for archives besides the LMS, by name.

    Raises:
        SettingsError: a setting of theirs is wrong, or ``delivery_also_to`` names one that does not exist.
    """
    keys, limit_s, route = settings.delivery_webhook_secrets, settings.delivery_timeout_s, settings.route
    found: list[DeliveryTarget] = [
        *directories(settings.delivery_dirs, settings.delivery_dir_mode),
        *webhooks(settings.delivery_webhooks, keys, ca_bundle=settings.ca_bundle, stall_limit_s=limit_s, proxy=route),
        *object_stores(settings.delivery_s3, settings.delivery_s3_keys, ca_bundle=settings.ca_bundle, proxy=route),
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
        job_retries=settings.job_retries_count,
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
        targets = build_targets(settings)
        sources = build_sources(settings, targets)
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
                targets=targets,
                warm_up=renderer.warm_up,
                executor_id="" if state.watch is None else state.executor_id,
                retries=state.retries,
            )
            config = EngineConfig(state.database_url, state.executor_id, settings.keep_failed_days)
            engine = Engine(tools, config, state.watch)
            async with _serving(settings, engine, routes_of(sources), state.spool) as url:
                yield Worker(url, engine)


@asynccontextmanager
async def _serving(
    settings: Settings, engine: Engine, routes: Mapping[str, Source], spool: Spool
) -> AsyncIterator[str]:
    config = build_web_config(settings)
    config.desk.open()
    app = create_app(engine, dict(routes), config)
    app[THUMBNAILS] = Thumbnails(spool)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    listener = open_listener(settings.host, settings.port)
    await engine.start()
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield url_of(listener)
    finally:
        # Draining first: whoever posts meanwhile is told to come back, instead of finding nobody.
        await engine.stop(settings.shutdown_grace_s)
        await runner.cleanup()
