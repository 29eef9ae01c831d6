"""Serving: the live champion over HTTP, by one worker or several, with the registry watched from afar."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.errors import HoldfastError
from holdfast.project.project import Project

if TYPE_CHECKING:
    from holdfast.access.recognise import Locks
    from holdfast.project.settings import Settings
    from holdfast.serving.line import Line, Ready
    from holdfast.serving.logs import Logs

log = logging.getLogger("holdfast.serving")

SECOND = 1_000_000
MOST_WORKERS = 64
OPEN = "open to everyone on this machine: no key is needed until the first `holdfast key create NAME --role scorer`"


def serve(
    project: Project,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    as_json: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises HoldfastError when nothing was promoted yet or the port is taken."""
    from holdfast.access.recognise import Access
    from holdfast.project.history import ensure_state
    from holdfast.serving import logs, run, tally
    from holdfast.serving.supervise import supervise

    settings = project.settings
    logs.begin(log_of(project))
    count = settings.serving_workers if workers is None else workers
    if not 1 <= count <= MOST_WORKERS:
        raise HoldfastError(f"{count} workers cannot be started", mend=f"from 1 to {MOST_WORKERS}; one for each core")

    def say(what: str, event: str) -> None:
        """To whoever started it: in the log, and on stderr where the log is a file."""
        log.warning("%s", what, extra={"event": event})
        if settings.log_file:
            print(what, file=sys.stderr, flush=True)  # noqa: T201  # for a person, who does not look into that file

    def announce(address: str, ready: Ready) -> None:
        if as_json:
            told = {"address": address, "name": ready.name, "version": ready.version, "workers": count}
            said = json.dumps(told)
        else:
            said = f"{ready.name} version {ready.version} answers at {address} (documents at {address}/docs)"
        print(said, flush=True)  # noqa: T201  # where it listens is this command's answer
        if not access.locked:
            say(OPEN, "open")  # nobody should find this out by surprise
        if ready.trouble:
            say(ready.trouble, "not_followed")

    made = parts(project)  # so that a setting that cannot be meant is told here, and not by each worker
    access = Access(project.home, made["locks"])
    built = ensure_state(project)
    if built is not None:
        say(f"built {built.series} series of state", "state_built")  # it took a while
    place, number = host or settings.serving_host, settings.serving_port if port is None else port
    if count == 1:
        run.serve(project.home, host=place, port=number, **made, announce=announce)
        return
    with run.listen(place, number) as bound:
        tally.begin(project.home)
        address = run.address_of(bound, made["locks"])
        command = [sys.executable, "-m", "holdfast.project.worker", str(project.folder.resolve())]
        drain = settings.serving_drain_seconds
        supervise(bound, command, workers=count, drain=drain, announce=lambda ready: announce(address, ready))


def work(project: Project, line: Line) -> None:
    """Serve as one of several workers; the settings are read again, the address is inherited."""
    from holdfast.serving import logs
    from holdfast.serving.run import work

    try:
        logs.begin(log_of(project))
    except HoldfastError as error:
        line.failed(error)
        raise
    work(project.home, line, **parts(project))


def parts(project: Project) -> dict[str, Any]:
    """What a worker is made of, from the settings."""
    from holdfast.project.counted import keep
    from holdfast.project.settings import FILE
    from holdfast.serving.door import Patience
    from holdfast.serving.traces import Traces
    from holdfast.serving.watch import Watch
    from holdfast.serving.wire import REASONS, Limits

    settings = project.settings

    def probe() -> Mapping[str, object]:
        from holdfast.registry.probe import probe as look

        return look(project.registry_uri, settings.name)

    limits = Limits(
        body=settings.serving_max_body_bytes,
        bulk_body=settings.serving_max_bulk_bytes,
        rows=settings.serving_max_rows,
        backdate=settings.serving_backdate_seconds * SECOND,
        skew=settings.serving_skew_seconds * SECOND,
        reasons=settings.serving_reasons,
    )
    if limits.reasons not in REASONS:
        what = f"serving.reasons = {limits.reasons!r} says no decisions"
        raise HoldfastError(what, where=str(project.folder / FILE), mend="one of: " + ", ".join(REASONS))
    patience = Patience(
        head=settings.serving_head_seconds,
        body=settings.serving_body_seconds,
        reply=settings.serving_reply_seconds,
        idle=settings.serving_idle_seconds,
        connections=settings.serving_max_connections,
        waiting=settings.serving_max_waiting,
        queue=settings.serving_max_waiting_milliseconds / 1_000,
        drain=settings.serving_drain_seconds,
    )
    folder = str(project.folder.resolve())
    promoter = [sys.executable, "-m", "holdfast.cli.main", "-C", folder, "experiment", "promote", "--json"]
    return {
        "profiles": keep(project) if settings.profiles_on else None,
        "limits": limits,
        "patience": patience,
        "probe": probe,
        "locks": locks(settings, project),
        "promoter": promoter,
        "watch": Watch(
            settings.log_requests,
            Traces(settings.trace_endpoint, settings.trace_sample_ratio, settings.trace_service),
        ),
    }


def log_of(project: Project) -> Logs:
    """Where the log goes, from the settings. Raises HoldfastError for a level or a form that there is not."""
    from holdfast.serving.logs import Logs, place

    settings = project.settings
    return Logs(settings.log_level, settings.log_format, place(project.folder.resolve(), settings.log_file))


def locks(settings: Settings, project: Project) -> Locks:
    """Who may ask and how they are recognised, from the settings. Raises HoldfastError for one half of TLS."""
    from holdfast.access.binding import Tls
    from holdfast.access.recognise import Locks

    certificate, key = settings.serving_tls_certificate, settings.serving_tls_key
    if bool(certificate) != bool(key):
        missing = "serving.tls_key" if certificate else "serving.tls_certificate"
        raise HoldfastError("TLS needs a certificate and its key", where=missing, mend="set both, or neither")
    tls = Tls(settings.where(project.folder, certificate), settings.where(project.folder, key)) if key else None
    return Locks(
        oidc_issuer=settings.access_oidc_issuer,
        oidc_audience=settings.access_oidc_audience,
        jwt_secret=settings.access_jwt_secret,
        jwt_issuer=settings.access_jwt_issuer,
        jwt_audience=settings.access_jwt_audience,
        roles_claim=settings.access_roles_claim,
        leeway=settings.access_leeway_seconds,
        rate=settings.access_requests_per_second,
        hosts=tuple(settings.serving_trusted_hosts.split(",")),
        tls=tls,
        tls_in_front=settings.serving_tls_in_front,
        callers_in_front=settings.access_callers_in_front,
    )
