"""What an administrator can set: read once from the environment, checked, frozen.

Every field is ``ARCHIVEWORKER_<FIELD>``; secrets and keys also as ``ARCHIVEWORKER_<FIELD>_FILE``. Names of the existing
worker for Moodle quizzes are read as aliases (``settings_aliases``). Units are in the names. The example file and the
reference page are written from this table and a test compares them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.document import EmbeddedFiles, PageFooter, PdfProfile
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout, OnError
from archiveworker.domain.retention import MAX_KEEP_YEARS, RetentionRule
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.proxies import Proxy
from archiveworker.runtime.settings_checks import (
    MAX_CHARS,
    check_each,
    check_executor_id,
    check_post_secret,
    check_texts,
)
from archiveworker.runtime.settings_names import translated, unknown, variable
from archiveworker.runtime.settings_values import PARSERS


def _setting(default: object, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings with their defaults; each field's documentation is its metadata ``doc``."""

    host: str = _setting("0.0.0.0", "Address to listen on.")  # noqa: S104 - a container is reached from outside
    port: int = _setting(8080, "TCP port to listen on.", low=0, high=65535)
    data_dir: Path = _setting(Path("data"), "Folder for the database, the spool, keys and evidence.")
    database_url: Secret | None = _setting(
        None, "postgresql://user:password@host/db, the same for all workers that share jobs; empty: SQLite in data_dir."
    )
    executor_id: str = _setting(
        "", "With a shared database: this worker's name, the same after a restart. Empty: the host's."
    )
    spool_dir: Path | None = _setting(
        None, "Folder for the files of jobs; with a shared database one that all workers see. Empty: in data_dir."
    )
    spool_url: str = _setting(
        "",
        "Object store for the files of jobs in place of spool_dir: s3://BUCKET/PREFIX?endpoint=URL&region=NAME"
        "&path_style=true; with a shared database the same for all workers.",
    )
    spool_key: Secret | None = _setting(
        None, "ACCESS_KEY_ID:SECRET_ACCESS_KEY of that store. Empty: what the machine has (web identity, AWS_...)."
    )
    takeover_s: float = _setting(
        15.0, "With a shared database: how long a worker is gone before others take over its work.", low=5, high=600
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR.")
    log_json: bool | None = _setting(None, "true: JSON lines; false: for people; empty: JSON unless on a terminal.")
    traces_url: str = _setting(
        "", "OpenTelemetry collector (OTLP over HTTP) for traces, e.g. http://collector:4318/v1/traces. Empty: none."
    )
    admin_token: Secret | None = _setting(
        None, "Bearer token for /jobs and evidence. Without it they answer to the local machine alone."
    )
    post_secret: Secret | None = _setting(
        None,
        "What whoever posts jobs must know: sent as a bearer token, or put behind the worker's address in the plugin "
        "(https://worker.example.org/<secret>). Empty: whoever reaches the port may post.",
    )
    allowed_lms: tuple[str, ...] = _setting(
        (), "Addresses of the LMSs (comma-separated) whose jobs are taken; empty: those of all."
    )
    private_lms: bool = _setting(
        True, "false: an LMS that ARCHIVEWORKER_ALLOWED_LMS does not list must have a public address (docs/adr/0021)."
    )
    posts_per_minute: int = _setting(
        600, "Jobs that one client may post in a minute; further ones get 429. 0: no limit.", low=0
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Networks (comma-separated, e.g. 10.0.0.0/8) of reverse proxies whose X-Forwarded-For says who a client is."
    )
    secret_key: Secret | None = _setting(
        None,
        "Keys (Fernet, comma-separated) that seal tokens at rest: the first seals, all open. Empty: one is made in "
        "data_dir.",
    )
    jobs_max_count: int = _setting(4, "Jobs that run at once.", low=1, high=256)
    queue_max_count: int = _setting(8, "Jobs that may wait; further ones get 429.", low=0, high=10000)
    items_in_flight_count: int = _setting(8, "Attempts that are fetched or rendered at once.", low=1, high=256)
    lms_items_count: int = _setting(8, "Attempts of one LMS in flight at once.", low=1, high=256)
    item_attempts_count: int = _setting(4, "How often an attempt is tried before it has failed.", low=1, high=20)
    retry_interval_s: float = _setting(5.0, "Wait before the second try; doubled for each further one.", low=0.01)
    poll_interval_s: float = _setting(0.5, "How often queues are looked at.", low=0.02, high=60)
    job_timeout_s: float = _setting(21600.0, "A job that takes longer ends with TIMEOUT.", low=1)
    lms_outage_s: float = _setting(
        14400.0, "How long a job waits, each time, for an LMS that does not answer anything, before it fails.", low=0
    )
    job_retries_count: int = _setting(
        500,
        "How many requests and tries a job may repeat in all, and three more for each of its attempts; then it fails.",
        low=0,
        high=1_000_000,
    )
    shutdown_grace_s: float = _setting(30.0, "At SIGTERM, time for what is in flight to finish.", low=0)
    progress_interval_s: float = _setting(15.0, "How often Moodle hears about progress.", low=0.1)
    backup_poll_s: float = _setting(15.0, "How often Moodle is asked whether a backup is ready.", low=0.1)
    keep_failed_days: float = _setting(
        7.0, "How long the files of a failed job are kept, for a retry or to deliver its archive later.", low=0
    )
    min_free_bytes: int = _setting(
        512 * 1024**2, "Room on the disk of the spool below which no work begins and /health/ready says 503.", low=0
    )
    max_request_bytes: int = _setting(4 * 1024**2, "Largest body of a request to the worker.", low=1024)
    verify_max_bytes: int = _setting(
        2 * 1024**3, "Largest archive that the page /verify takes; 0: there is no such page.", low=0
    )
    lms_timeout_s: float = _setting(120.0, "Longest wait for one answer of the LMS.", low=1)
    lms_connect_timeout_s: float = _setting(10.0, "Longest wait for a connection to the LMS.", low=0.1)
    lms_retry_s: float = _setting(
        120.0, "How long one call to the LMS that may succeed later is repeated, within each try of an attempt.", low=0
    )
    job_row_grace_s: float = _setting(60.0, "How long Moodle may take to write the job that it posted.", low=0)
    max_report_bytes: int = _setting(256 * 1024**2, "Largest attempt report (HTML).", low=1024)
    max_attachment_bytes: int = _setting(1024**3, "Largest attachment of an attempt.", low=1)
    max_backup_bytes: int = _setting(64 * 1024**3, "Largest Moodle backup.", low=1)
    public_origins: tuple[str, ...] = _setting(
        (), "Public addresses of the LMS (comma-separated) that its links may show although jobs name an internal one."
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), "Hosts (comma-separated) besides the LMS from which pages may load pictures, styles, fonts and scripts."
    )
    proxy: Secret | None = _setting(
        None,
        "Proxy for all that the worker asks for: http://, https:// or socks5:// (not for object stores and traces), "
        "may hold user:password@. Empty: none (HTTPS_PROXY and the like are not read).",
    )
    no_proxy: tuple[str, ...] = _setting(
        (),
        "Hosts (comma-separated; with all below them), addresses and networks (10.0.0.0/8) that are asked without the "
        "proxy; this machine always is.",
    )
    ca_bundle: Path | None = _setting(None, "PEM file with certificates to trust in addition to the system's.")
    chromium: Path | None = _setting(None, "Chromium to use; empty: look for one (archiveworker doctor says which).")
    chromium_sandbox: bool = _setting(
        True, "off: start Chromium without its sandbox; pages are then parsed with all rights of the browser."
    )
    browser_count: int = _setting(0, "Browsers at once; 0: one per core and one more.", low=0, high=64)
    browser_renders_count: int = _setting(200, "Pages after which a browser is replaced.", low=1)
    browser_max_mib: int = _setting(1500, "Private memory at which a browser is replaced.", low=200)
    page_max_mib: int = _setting(1500, "Memory that one page may take in its browser; more ends it.", low=200)
    context_pages_count: int = _setting(
        50,
        "Pages of one LMS that share a browser context, wiped in between; 1: a new context for each.",
        low=1,
    )
    render_timeout_s: float = _setting(120.0, "Longest time for one page, all in all.", low=1)
    ready_timeout_s: float = _setting(30.0, "Longest wait for a page to be ready.", low=0.1)
    on_ready_timeout: OnError = _setting(OnError.REPORT, "fail, or report: print what is there and warn.")
    mathjax_dir: Path | None = _setting(
        Path("/usr/share/javascript/mathjax"),
        "Folder with MathJax 2.7, served in place of the usual CDNs, so that formulas need no internet.",
    )
    pdf_profile: PdfProfile = _setting(PdfProfile.PDF_A_3A, "What PDFs claim to be: 2u, 2a, 3u, 3a or off.")
    pdf_embed: EmbeddedFiles = _setting(
        EmbeddedFiles.NONE,
        "Files inside each PDF: none, html (the page as Moodle gave it) or all (also the attachments). 3a and 3u only.",
    )
    pdf_embed_max_bytes: int = _setting(
        32 * 1024**2, "Attachments inside one PDF, all together; what does not fit is only beside it.", low=0
    )
    page_margin_mm: float = _setting(12.0, "Margin on all four sides of the paper.", low=0, high=100)
    page_viewport_width_px: int = _setting(
        0,
        "Width of the window in which a page's scripts run; 0: that of the paper inside its margins.",
        low=0,
        high=8000,
    )
    page_footer: PageFooter = _setting(
        PageFooter.NONE, "Below each page: none, page (its number and how many) or full (also attempt and name)."
    )
    page_watermark: str = _setting("", "Text across each page, e.g. DEMO; empty: none.")
    archive_format: ArchiveFormat = _setting(ArchiveFormat.TAR_GZ, "tar.gz, zip or zip-stored (docs/adr/0003).")
    archive_layout: ArchiveLayout = _setting(
        ArchiveLayout.PLUGIN, "plugin: what Moodle's plugins read; bagit: a bag of RFC 8493 (docs/adr/0009)."
    )
    source_organization: str = _setting("", "Who archives, for bag-info.txt and ro-crate-metadata.json.")
    source_organization_url: str = _setting(
        "", "Its page on the web, or better its ROR id (https://ror.org/...), for ro-crate-metadata.json."
    )
    contact_email: str = _setting("", "Whom to ask about an archive, for the same two files.")
    retention_keep_years: int = _setting(
        0,
        "Years after the newest attempt that an archive must be kept, when the job does not say; 0: not said.",
        low=0,
        high=MAX_KEEP_YEARS,
    )
    retention_legal_basis: str = _setting("", "Why it must be kept, when the job does not say.")
    retention_deletion_class: str = _setting("", "How it is to be destroyed afterwards, when the job does not say.")
    pseudonym_key: Secret | None = _setting(
        None, "Key for the pseudonyms of peer reviews, so that archives can be joined; empty: a new one for each job."
    )
    compression_level: int = _setting(1, "0 to 3; higher is smaller and slower.", low=0, high=3)
    tsa_urls: tuple[Secret, ...] = _setting(
        (), "Time-stamp authorities (comma-separated, tried in order; may hold user:password@). Empty: unstamped."
    )
    tsa_count: int = _setting(1, "How many of the authorities stamp each archive, at once.", low=1, high=8)
    tsa_hash: HashAlgorithm = _setting(HashAlgorithm.SHA256, "Digest that is stamped: sha256, sha384 or sha512.")
    tsa_policies: tuple[str, ...] = _setting(
        (), "Policy (OID) to ask each authority for, in the order of the URLs; - for none; a single one is for all."
    )
    tsa_client_certs: tuple[str, ...] = _setting(
        (),
        "Client certificate (PEM file) for each https authority, in the order of the URLs; - for none; one is for all.",
    )
    tsa_client_keys: tuple[str, ...] = _setting(
        (), "Key (PEM file) of each client certificate, in the same order; - when it stands in the certificate's file."
    )
    tsa_client_key_password: Secret | None = _setting(None, "Password of the client certificates' keys.")
    tsa_ca: Path | None = _setting(None, "PEM file with the certificates of the authorities' CAs.")
    tsa_timeout_s: float = _setting(15.0, "Longest wait for a time-stamp.", low=0.1)
    tsa_private_hosts: tuple[str, ...] = _setting(
        (), "Hosts with private addresses (comma-separated) from which CRLs and OCSP responses may be fetched."
    )
    tsa_max_crl_bytes: int = _setting(8 * 1024**2, "Largest CRL that is fetched and kept.", low=1024)
    on_revocation_error: OnError = _setting(
        OnError.REPORT,
        "When nobody says whether an authority's certificates were revoked: fail: refuse the time-stamp; report: warn.",
    )
    on_timestamp_error: OnError = _setting(
        OnError.FAIL, "fail: deliver only what is stamped; report: deliver unstamped."
    )
    bridge_database_url: Secret | None = _setting(
        None, "The bridge alone: URL of the LMS's database, e.g. postgresql://reader:password@host/name."
    )
    bridge_mapping: str = _setting(
        "", "The bridge alone: workup, crowdsessment, edx_proctoring, or a mapping of your own (TOML)."
    )
    bridge_upload_dir: Path | None = _setting(None, "The bridge alone: the LMS's upload folder.")
    bridge_key: Secret | None = _setting(None, "The bridge alone: key that signs its tokens, at least 32 characters.")
    bridge_host: str = _setting("127.0.0.1", "The bridge alone: address to listen on; TLS is for a proxy in front.")
    bridge_port: int = _setting(8085, "The bridge alone: TCP port to listen on.", low=0, high=65535)
    bridge_readings_count: int = _setting(
        2, "The bridge alone: activities that are read at once; further ones get 503.", low=1, high=32
    )

    delivery_also_to: tuple[str, ...] = _setting(
        (), "Targets (comma-separated names) to which every archive is delivered besides those that its job names."
    )
    delivery_dirs: tuple[str, ...] = _setting(
        (), "Folders for archives (comma-separated): NAME=PATH, or one path, which is called directory."
    )
    delivery_dir_mode: str = _setting("0640", "Rights of the files there (octal); folders also get x where there is r.")
    delivery_webhooks: tuple[Secret, ...] = _setting(
        (),
        "Web addresses that archives are posted to (comma-separated): NAME=URL, or one URL, which is called webhook.",
    )
    delivery_webhook_secrets: tuple[Secret, ...] = _setting(
        (), "Secrets that sign what is posted, 32 characters or more, in the order of the addresses; one is for all."
    )
    delivery_s3: tuple[str, ...] = _setting(
        (),
        "Object stores for archives (comma-separated): NAME=s3://BUCKET/PREFIX?endpoint=URL&region=NAME"
        "&path_style=true&lock=compliance&lock_days=N, or one without a name, which is called s3.",
    )
    delivery_s3_keys: tuple[Secret, ...] = _setting(
        (),
        "ACCESS_KEY_ID:SECRET_ACCESS_KEY of each of them, in their order; one is for all. Empty: what the machine has.",
    )
    delivery_timeout_s: float = _setting(
        120.0, "Longest time in which such an address neither takes a part of the archive nor answers.", low=0.1
    )
    delivery_retry_s: float = _setting(
        900.0, "How long a delivery to a folder, web address or store that may succeed later is tried again.", low=0
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_range(item, getattr(self, item.name))
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise SettingsError(
                f"{variable('log_level')} must be DEBUG, INFO, WARNING or ERROR, got {self.log_level!r}"
            )
        if self.pdf_embed is not EmbeddedFiles.NONE and not self.pdf_profile.may_hold_files:
            raise SettingsError(
                f"{variable('pdf_embed')} wants {variable('pdf_profile')} 3a or 3u, got {self.pdf_profile.value!r}: "
                "other PDF/A may not hold files"
            )
        check_texts({name: getattr(self, name) for name in MAX_CHARS})
        check_each("public_origins", self.public_origins, LmsOrigin.of)
        check_each("allowed_lms", self.allowed_lms, LmsOrigin.of)
        check_each("trusted_proxies", self.trusted_proxies, ip_network)
        check_post_secret(self.post_secret)
        check_executor_id(self.executor_id)
        Proxy.of(self.proxy, self.no_proxy)

    @property
    def lms_http(self) -> HttpOptions:
        """How an LMS is talked to. With a list of LMSs the others are refused at the door, so those may be private."""
        return HttpOptions(
            connect_timeout_s=self.lms_connect_timeout_s,
            ca_bundle=self.ca_bundle,
            proxy=self.route,
            may_be_private=self.private_lms or bool(self.allowed_lms),
        )

    @property
    def route(self) -> Proxy | None:
        """The proxy through which requests go, None when they go directly."""
        return Proxy.of(self.proxy, self.no_proxy)

    @property
    def retention(self) -> RetentionRule:
        """The rule for jobs that have none of their own."""
        return RetentionRule(
            keep_years=self.retention_keep_years or None,
            legal_basis=self.retention_legal_basis.strip(),
            deletion_class=self.retention_deletion_class.strip(),
        )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> tuple[Self, tuple[str, ...]]:
        """Read the settings.

        Args:
            env: the process's environment.

        Returns:
            The settings, and sentences about aliases that were read or ignored.

        Raises:
            SettingsError: an unknown name with one of our prefixes, or a value out of its range.
        """
        values, notes = translated(env)
        known = {variable(item.name): item for item in fields(cls)}
        chosen: dict[str, Any] = {}
        for name, raw in values.items():
            if name in known:
                item = known[name]
                chosen[item.name] = item.default if raw == "" else _parsed(name, item, raw)
            else:
                raise unknown(name, known)
        return cls(**chosen), notes


def _check_range(item: "dataclasses.Field[Any]", value: object) -> None:
    low, high = item.metadata["low"], item.metadata["high"]
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low:g}" if high is None else f"{low:g}..{high:g}"
        raise SettingsError(f"{variable(item.name)} must be {limits}, got {value:g}")


def _parsed(name: str, item: "dataclasses.Field[Any]", raw: str) -> Any:
    try:
        return PARSERS[item.type](raw.strip())
    except ValueError as exc:
        shown = "a value that is not shown" if "Secret" in str(item.type) else repr(raw)
        raise SettingsError(f"{name} must be {exc}, got {shown}") from exc
