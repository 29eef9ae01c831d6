"""Everything a project can be told, in one table: `holdfast.toml`, overridden by `HOLDFAST_*` in the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast import settings
from holdfast.errors import HoldfastError
from holdfast.settings import Setting, setting, settings_of, wrong_type

FILE = "holdfast.toml"
PREFIX = "HOLDFAST_"
OPEN_TABLES = ("inputs", "training", "checks", "monitor")
"""Tables whose keys are not listed here: sources of the contract, what `holdfast.training.settings` knows, and the
limits of the gate and of monitoring (`holdfast.checks.limits`, `holdfast.monitoring.limits`)."""


@dataclass(frozen=True)
class Settings:
    """What `holdfast.toml` says. A name with an underscore is a key in a table: `serving_port` is ``serving.port``."""

    name: str = setting("", "Name of the registered model; empty means the contract's name.")
    contract: str = setting("contract.py", "The file that makes the contract.")
    home: str = setting(".holdfast", "Folder of the ledger, the state and the fetched bundles. Local disk only.")
    inputs: Mapping[str, str] = setting(
        {},
        "For each source its history: a .parquet or .csv file, or a folder of them; `source.label` for outcomes apart.",
    )
    training: Mapping[str, Any] = setting({}, "What to train and how; the keys are listed below.")

    checks: Mapping[str, Any] = setting({}, "Limits of the gate, where they are not the defaults listed below.")

    monitor: Mapping[str, Any] = setting({}, "Limits of monitoring, where they are not the defaults listed below.")

    approvals_wanted: int = setting(1, "People other than its author who must approve a version before it may answer.")

    features_path: str = setting("data/features.parquet", "Where `holdfast features build` puts the training table.")
    features_memory_mb: int = setting(
        1024, "MiB that building features may hold; a larger history is computed entity by entity, from disk."
    )

    registry_uri: str = setting("sqlite:///mlflow.db", "MLflow's store: a local SQLite file or a server's address.")
    registry_artifacts: str = setting(
        "mlruns", "Where a local MLflow store keeps artifacts; a server has its own place."
    )

    serving_host: str = setting("127.0.0.1", "Address `holdfast serve` listens on.")
    serving_port: int = setting(8000, "Port it listens on; 0 takes a free one and says which.")
    serving_backdate_seconds: int = setting(
        604_800, "How far in the past a decision's time may lie when its request arrives."
    )
    serving_skew_seconds: int = setting(300, "How far in the future it may lie, for clocks that differ.")
    serving_max_body_bytes: int = setting(262_144, "Longest body of a request for one decision.")
    serving_max_bulk_bytes: int = setting(33_554_432, "Longest body of a request with many rows.")
    serving_max_rows: int = setting(10_000, "Most rows in one request.")
    serving_reasons: str = setting(
        "positive", "Decisions told with their reasons: `positive` ones, only where `asked` for, or `never`."
    )
    serving_workers: int = setting(1, "Processes that answer; they share one address, one ledger and one state.")
    serving_max_waiting: int = setting(
        256, "Most requests at work or waiting for the disk in one worker; more are answered 503 with Retry-After."
    )
    serving_max_waiting_milliseconds: int = setting(
        500, "How long a request may wait: fewer are let in when the disk or the model is too slow for more."
    )
    serving_max_connections: int = setting(
        2_000, "Most connections to one worker; at the limit those who do not finish a request give way."
    )
    serving_head_seconds: int = setting(10, "How long a client may take to send a request's headers.")
    serving_body_seconds: int = setting(30, "How long it may take to send the body.")
    serving_reply_seconds: int = setting(20, "How long it may leave a reply unread.")
    serving_idle_seconds: int = setting(65, "How long a connection may stay open between two requests.")
    serving_drain_seconds: int = setting(10, "How long requests in flight have when the server is told to end.")
    serving_trusted_hosts: str = setting(
        "", "Further names it answers to, separated by commas, beside its own; * for any name."
    )
    serving_tls_certificate: str = setting("", "Certificate with its chain, in PEM; a renewed file is noticed.")
    serving_tls_key: str = setting("", "The certificate's key, in PEM, without a password.")
    serving_tls_in_front: bool = setting(False, "TLS ends in a proxy before this server, and nobody else reaches it.")

    access_callers_in_front: bool = setting(
        False, "A platform before this server (SageMaker, a mesh) knows the callers, and nobody else reaches it."
    )
    access_oidc_issuer: str = setting("", "Address of an OpenID Connect issuer whose tokens are accepted.")
    access_oidc_audience: str = setting("", "The audience (`aud`) its tokens must be meant for.")
    access_jwt_secret: str = setting(
        "",
        "Secret of at least 32 bytes for tokens signed with HS256; give it in the environment, not in the file.",
        secret=True,
    )
    access_jwt_issuer: str = setting("", "The issuer (`iss`) that tokens signed with the secret must name.")
    access_jwt_audience: str = setting("", "The audience (`aud`) they must be meant for.")
    access_roles_claim: str = setting("roles", "The claim of a token that holds its roles; a dot leads into an object.")
    access_leeway_seconds: int = setting(30, "How far an issuer's clock may differ from this one.")
    access_requests_per_second: int = setting(
        0, "Most requests of one key or token in a second, in each worker; 0: no limit."
    )

    profiles_on: bool = setting(True, "What is answered is counted as it is served: what `holdfast monitor` reads.")
    profiles_minutes_days: int = setting(
        3, "For how many days before the newest decision counts are kept by minutes of event time; then by hours."
    )
    profiles_hours_days: int = setting(100, "For how many days they are kept by hours; then by days.")
    profiles_days: int = setting(1_100, "For how many days they are kept at all.")

    trace_endpoint: str = setting(
        "", "Address of an OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318; empty: no traces."
    )
    trace_sample_ratio: float = setting(
        0.01,
        "Share of the requests that are traced, 0.0 to 1.0; a caller that sends a traceparent decides for its own.",
    )
    trace_service: str = setting("holdfast", "What this service is called in traces.")

    log_level: str = setting("info", "From which level on the server logs: debug, info, warning or error.")
    log_format: str = setting("auto", "`json` lines, plain `text`, or `auto`: text on a terminal, else JSON.")
    log_file: str = setting("", "File to log to; empty: stderr. A file that is moved away is begun anew.")
    log_requests: bool = setting(False, "A line for each request.")

    alerts_webhook: str = setting(
        "", "Address that alerts are sent to, as JSON by POST; or @ and the file that holds it.", secret=True
    )
    alerts_slack: str = setting(
        "", "Address of a Slack incoming webhook, a secret: in the environment, or @ and its file.", secret=True
    )
    alerts_pagerduty: str = setting(
        "", "PagerDuty's integration key (Events API v2), a secret: in the environment, or @ and its file.", secret=True
    )
    alerts_pagerduty_address: str = setting(
        "https://events.pagerduty.com/v2/enqueue", "Where its events go; accounts in the EU have another address."
    )
    alerts_mail_to: str = setting("", "Addresses that alerts are mailed to, separated by commas.")
    alerts_mail_from: str = setting("", "The address they are mailed from.")
    alerts_mail_server: str = setting("", "SMTP server, as host or host:port.")
    alerts_mail_tls: str = setting("starttls", "`starttls`, `tls` from the first byte, or `none`.")
    alerts_mail_user: str = setting("", "User at the SMTP server; empty: without logging in.")
    alerts_mail_password: str = setting(
        "", "The user's password, a secret: in the environment, or @ and its file.", secret=True
    )
    alerts_mail_authority: str = setting("", "Certificates (PEM) to trust instead of the system's.")
    alerts_textfile: str = setting("", "File with a gauge for each open alert, for Prometheus' textfile collector.")
    alerts_well_minutes: int = setting(30, "An alert is resolved when all of it has been well for so long.")
    alerts_cool_down_minutes: int = setting(
        60, "Time between two words about one alert where the second can wait; more severe and resolved do not."
    )
    alerts_reopen_hours: int = setting(24, "What returns sooner opens the same alert again; later, a new one.")
    alerts_together_hours: int = setting(24, "A drift this soon before or after its cause is of the cause's alert.")
    alerts_error_share: float = setting(0.01, "Share of the requests between two looks that may fail.")
    alerts_refused_share: float = setting(0.1, "Share of them that may be refused.")

    watch_parity_answers: int = setting(
        1_000, "How many of the newest answers `holdfast watch` computes again by the batch path each time; 0: none."
    )
    watch_parity_minutes: int = setting(60, "Time between two such comparisons.")

    incidents_restart: str = setting(
        "", "Command that starts the server again in an outage, run through no shell; empty: a person starts it."
    )

    retrain_schedule: str = setting("never", "When to train anew by the calendar: never, weekly, monthly, quarterly.")
    retrain_automatic: bool = setting(
        False, "`holdfast watch` trains by itself when a trigger fires; what it makes is never champion by itself."
    )
    retrain_least_rows: int = setting(
        1_000, "Settled decisions since the champion was trained, at least, before it is worth training anew."
    )
    retrain_least_positives: int = setting(50, "Positive ones among them, at least.")

    def where(self, project: Path, value: str) -> Path:
        """A path in the settings, seen from the project's folder."""
        return project / Path(value).expanduser()


@dataclass(frozen=True)
class Row:
    """One line of the settings page."""

    name: str
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """In the environment; of an open table each key has its own."""
        name = PREFIX + self.name.replace(".", "_").upper()
        return f"{name}_*" if self.name in OPEN_TABLES else name


def _dotted(name: str) -> str:
    for table in (
        "access",
        "alerts",
        "approvals",
        "features",
        "incidents",
        "log",
        "profiles",
        "registry",
        "retrain",
        "serving",
        "trace",
        "watch",
    ):
        if name.startswith(f"{table}_"):
            return f"{table}.{name.removeprefix(f'{table}_')}"
    return name


def table() -> tuple[Row, ...]:
    """Every setting with its default and its help line, in the order of the page."""
    return tuple(Row(_dotted(item.name), item.default, item.help) for item in settings_of(Settings))


def read(project: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the project in this folder.

    Raises HoldfastError with every unknown name and every value of the wrong type.
    """
    path = project / FILE
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HoldfastError(
            "there is no project here", where=str(path), mend="run `holdfast init NAME --template cards`, or use -C DIR"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise HoldfastError(
            f"the file cannot be read: {fault}", where=str(path), mend="mend the line it names"
        ) from None
    return settings_from(told, os.environ if environment is None else environment, where=str(path))


def settings_from(told: Mapping[str, Any], environment: Mapping[str, str], *, where: str = FILE) -> Settings:
    """Settings from parsed TOML and the environment, which wins."""
    flat = _flatten(told)
    for row in table():
        if row.name in OPEN_TABLES:
            start = row.variable.removesuffix("*")
            flat |= {
                f"{row.name}.{key[len(start) :].lower()}": _value(text)
                for key, text in environment.items()
                if key.startswith(start)
            }
        elif row.variable in environment:
            text = environment[row.variable]
            flat[row.name] = text if isinstance(row.default, str) else _value(text)
    numbers = {row.name for row in table() if isinstance(row.default, float)}
    return settings.read(
        Settings,
        {name: float(value) if name in numbers and type(value) is int else value for name, value in flat.items()},
        refusal="the settings cannot be used",
        called="setting",
        where=where,
        spelled=_dotted,
        known_from="see docs/settings.md",
        wrong=_wrong,
    )


def _wrong(item: Setting, value: object) -> tuple[str, str]:
    what, meant = wrong_type(item, value)
    return what, meant if isinstance(item.default, Mapping) else f"for example {item.default!r}"


def _flatten(told: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in told.items():
        # A table under training (params) or a list is one value.
        if isinstance(value, dict) and not before:
            flat |= _flatten(value, f"{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _value(text: str) -> Any:
    """The environment's text as TOML would read it, else as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
